// Reads the modules of an instance for errors of syntax, without running them: in a Python process, since only Python can tell.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type PythonException, packageFolder } from "../../binding.js";
import type { BackendSetup, InstanceSetup } from "../instance.js";
import type { instanceOptions, options } from "./index.js";
import { chooseOrAdvise } from "./locate/alternatives.js";
import { importAdvice } from "./locate/import-advice.js";

/** Reports the errors at the `module` options. @throws {MidimonsterError} if there is no Python to ask */
export async function inspect(
  instance: InstanceSetup<typeof instanceOptions>,
  backend: BackendSetup<typeof options>,
): Promise<void> {
  const { name, folder, settings, report, engine } = instance;
  const modules = settings.filter(({ option, value }) => option === "module" && value !== "");
  if (modules.length === 0) return;
  const python = await chooseOrAdvise(backend.options.python, backend.log, engine.stopping);
  const request = { folder, modules: modules.map(({ value, folder }) => ({ value, folder })) };
  const exceptions = await examine(python.executable, folder, request, engine.stopping);
  for (const [index, exception] of exceptions.entries()) {
    const value = modules[index]?.value;
    if (exception === null || value === undefined) continue;
    const help = importAdvice(exception, value, { folder, python, interpreter: "own" });
    const message = `module '${value}' of instance '${name}' can't be imported`;
    report({ message, option: "module", index: settingIndex(settings, index), help, detail: exception.text });
  }
}

/** The index among all `module` options of the n-th that is not empty. */
function settingIndex(settings: InstanceSetup["settings"], n: number): number {
  const modules = settings.filter(({ option }) => option === "module");
  return modules.indexOf(modules.filter(({ value }) => value !== "")[n] as (typeof modules)[number]);
}

async function examine(
  executable: string,
  cwd: string,
  request: object,
  signal: AbortSignal,
): Promise<readonly (PythonException | null)[]> {
  const script = path.join(packageFolder, "python", "syntax.py");
  const child = spawn(executable, [script], { cwd, signal, stdio: ["pipe", "pipe", "pipe"] });
  const [output, errors] = [child.stdout, child.stderr].map(collect) as [() => string, () => string];
  child.stdin.on("error", () => {}); // it has ended already, which its status tells
  child.stdin.end(JSON.stringify(request));
  const [status, ended] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (status === 0) return JSON.parse(output()) as (PythonException | null)[];
  throw new Error(`${executable} could not read its modules: ${errors().trim() || `it ended with ${ended ?? status}`}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  return () => text;
}
