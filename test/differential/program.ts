import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy, type Running, run } from "../helpers.js";
import { filesOf } from "./files.js";
import { stable } from "./grouping.js";
import { type Entry, predict } from "./model.js";
import type { Scenario } from "./scenario.js";

const DEADLINE_MS = 60_000;

/** Runs a configuration in the environment given. */
export type Program = (configuration: string, env: NodeJS.ProcessEnv) => Running;

export const ours: Program = (configuration, env) => mmpy([configuration], { env });

/** Without the main interpreter, which one of the instances has otherwise. */
export const oursInSubInterpreters: Program = (configuration, env) => {
  const names = readFileSync(configuration, "utf8").matchAll(/^\[python (\S+)\]$/gm);
  const overrides = [...names].flatMap(([, name]) => ["-i", `${name}.interpreter=own`]);
  return mmpy([configuration, ...overrides], { env });
};

/** MIDIMonster loads its plugins from a folder beside it. */
export function reference(binary: string): Program {
  return (configuration, env) => run(binary, [configuration], { cwd: path.dirname(binary), env });
}

/** Runs a scenario to its end and returns its log. */
export async function record(program: Program, scenario: Scenario, env: NodeJS.ProcessEnv): Promise<Entry[]> {
  const folder = folderWith(filesOf(scenario, predict(scenario, stable).calls));
  const log = path.join(folder, "log");
  const running = program(path.join(folder, "monster.cfg"), { ...env, MMPY_DIFFERENTIAL_LOG: log });
  const deadline = setTimeout(() => running.child.kill("SIGKILL"), DEADLINE_MS);
  const { code, signal } = await running.exited;
  clearTimeout(deadline);
  if (code !== 0) throw new Error(`ended with ${signal ?? `exit status ${code}`}; standard error:\n${running.stderr}`);
  if (!existsSync(log)) throw new Error(`wrote no log; standard error:\n${running.stderr}`);
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Entry);
}
