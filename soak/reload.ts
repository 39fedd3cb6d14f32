/** Makes mmpy reload a module while everything goes on. */
import { appendFileSync } from "node:fs";
import path from "node:path";
import type { Program } from "./program.js";

/** Their counts are in counts.py, which does not change; net.py takes over the sockets of its old version. */
const MODULES = ["work", "net", "desk"];

/** Changes a module of the show, and resolves once it has been reloaded. */
export async function reload(program: Program, folder: string): Promise<void> {
  const { reloads } = program.log;
  const module = MODULES[reloads % MODULES.length];
  appendFileSync(path.join(folder, `${module}.py`), `# ${reloads}\n`);
  program.kill("SIGHUP");
  await program.waitForLog(() => program.log.reloads > reloads, "a reload");
}
