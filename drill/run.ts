/** Runs a program with a fault, observes it afterwards, and asks it to stop. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface Program {
  readonly name: string;
  readonly command: string;
  args(config: string): string[];
  readonly cwd: string | undefined;
}

export interface Scenario {
  /** monster.cfg and modules. One of the modules prints `fault` when the fault occurs. */
  readonly files: Readonly<Record<string, string>>;
  /** The fault is in the configuration, so there is no `fault` to wait for. */
  readonly atStart?: boolean;
  /** The signal to stop; default SIGINT. */
  readonly signal?: NodeJS.Signals;
}

/** Observations of one run. */
export interface Seen {
  /** Lines of standard output between `fault` and the signal to stop. */
  readonly after: readonly string[];
  /** Whether the fault occurred. */
  readonly provoked: boolean;
  /** All output. */
  readonly output: string;
  /** Processor load in that time, from 0 to 1. */
  readonly load: number;
  /** Whether the program was still running when asked to stop. */
  readonly survived: boolean;
  /** How it ended: a signal's name or an exit status; undefined if it had to be killed. */
  readonly end: string | undefined;
  /** From the signal to the end, in ms. */
  readonly took: number;
}

const TO_FAULT = 5000; // ms
const AFTERWARDS = 2000;
const TO_END = 5000;

export async function provoke(program: Program, { files, signal = "SIGINT" }: Scenario): Promise<Seen> {
  const folder = mkdtempSync(path.join(tmpdir(), "mmpy-drill-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const child = spawn(program.command, program.args(path.join(folder, "monster.cfg")), {
    cwd: program.cwd ?? folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  let end: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.on("close", (code, signal) => {
      end = signal ?? `exit status ${code}`;
      resolve();
    });
  });
  const began = Date.now();
  const isThere = () => /^fault$/m.test(stdout);
  while (!isThere() && end === undefined && Date.now() - began < TO_FAULT) await sleep(20);
  const provoked = isThere();
  const busy = ticks(child.pid);
  await Promise.race([ended, sleep(AFTERWARDS)]);
  const load = ((ticks(child.pid) - busy) * 10) / AFTERWARDS;
  const survived = end === undefined;
  const [, after = ""] = stdout.split(/^fault$/m);
  const asked = Date.now();
  child.kill(signal);
  await Promise.race([ended, sleep(TO_END)]);
  const took = Date.now() - asked;
  const seen = { provoked, after: after.split("\n"), output: stdout + stderr, load, survived, end, took };
  child.kill("SIGKILL");
  await ended;
  rmSync(folder, { recursive: true, force: true });
  return { ...seen, output: stdout + stderr };
}

/** Processor time used by a process, in hundredths of a second. */
function ticks(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}
