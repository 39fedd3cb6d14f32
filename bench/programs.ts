/** Runs the measured programs - this one, the reference, other commands - and reads the figures they print. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Bench } from "./case.js";

/** The output of a measured program: a JSON object on a line of its own. */
export type Figures = Readonly<Record<string, number>>;

/** Python: the processor time of a process in s. Threads that have ended do not count. */
export const PROCESSOR_TIME = `
import glob
def main_thread_time(pid):
    return int(open("/proc/%s/schedstat" % pid).read().split()[0]) / 1e9
def processor_time(pid):
    return sum(int(open(file).read().split()[0]) for file in glob.glob("/proc/%s/task/*/schedstat" % pid)) / 1e9
`;

export interface Program {
  readonly name: "ours" | "reference";
  readonly command: string;
  args(config: string): string[];
  readonly cwd: string | undefined;
}

export function ours(bench: Bench): Program {
  return mmpy("ours", bench.project);
}

function mmpy(name: Program["name"], checkout: string): Program {
  const script = path.join(checkout, "dist", "cli", "mmpy.cjs");
  return {
    name,
    command: process.execPath,
    args: (config) => [script, "--log-level", "error", config],
    cwd: undefined,
  };
}

/** This program and, if there is one, the program that it is compared with. */
export function programs(bench: Bench): Program[] {
  if (bench.against !== undefined) return [ours(bench), mmpy("reference", bench.against)];
  if (bench.reference === undefined) return [ours(bench)];
  // The reference looks for its backends in its own folder.
  const reference = path.dirname(bench.reference);
  return [ours(bench), { name: "reference", command: bench.reference, args: (config) => [config], cwd: reference }];
}

/** A folder with these files. */
export function folderWith(bench: Bench, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(bench.folder, "case-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string | undefined;
  /** Called once the process has started. */
  readonly started?: (child: ChildProcess) => void;
}

/**
 * Runs a command until it prints its figures, then kills it.
 *
 * @throws if it ends without printing any
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const limit = setTimeout(() => child.kill("SIGKILL"), 300_000);
    let output = "";
    let errors = "";
    let figures: Figures | undefined;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const line = /^\{.*\}$/m.exec(output);
      if (line === null || figures !== undefined) return;
      figures = JSON.parse(line[0]) as Figures;
      // SIGKILL, since the reference never leaves an endless chain of events to handle another signal.
      child.kill("SIGKILL");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      if (figures !== undefined) resolve(figures);
      else
        reject(
          new Error(
            `${command} ${args.join(" ")} ended (${signal ?? code}) without printing figures:\n${output}${errors}`,
          ),
        );
    });
    options.started?.(child);
  });
}

/** Runs a configuration with a program until it prints its figures. */
export function runConfig(bench: Bench, program: Program, folder: string, options: RunOptions = {}): Promise<Figures> {
  return run(program.command, program.args(path.join(folder, "monster.cfg")), {
    ...options,
    cwd: program.cwd ?? folder,
    env: { ...options.env, MMPY_PYTHON: bench.python },
  });
}

/**
 * Runs a configuration and, beside it, a client that prints the figures.
 *
 * @param argsFor the client's arguments after its file, `client.py` in the folder; called with the program's process number
 *   when that has been started
 */
export function runWithClient(
  bench: Bench,
  program: Program,
  folder: string,
  argsFor: (pid: number) => readonly string[],
): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const router = runConfig(bench, program, folder, {
      started: (child) => {
        const client = run(bench.python, [path.join(folder, "client.py"), ...argsFor(child.pid ?? 0)]);
        client.finally(() => child.kill("SIGKILL")).then(resolve, reject);
      },
    });
    // It prints no figures and is killed; its end before the client's is an error.
    router.catch(reject);
  });
}

/** Runs a configuration alternately with each program; returns each program's figures, one entry per run. */
export async function alternately(
  bench: Bench,
  what: string,
  measures: Readonly<Record<string, () => Promise<Figures>>>,
  pairs = bench.pairs,
): Promise<Readonly<Record<string, Figures[]>>> {
  const results: Record<string, Figures[]> = {};
  for (let pair = 0; pair < pairs; ++pair) {
    for (const [name, measure] of Object.entries(measures)) {
      bench.progress(`${what}: ${name}, ${pair + 1} of ${pairs}`);
      results[name] ??= [];
      results[name].push(await measure());
    }
  }
  return results;
}

export function pick(runs: readonly Figures[] | undefined, name: string): number[] {
  return (runs ?? []).map((one) => {
    const value = one[name];
    if (value === undefined) throw new Error(`no ${name} in ${JSON.stringify(one)}`);
    return value;
  });
}
