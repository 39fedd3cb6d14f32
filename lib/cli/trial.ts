// Starts a Python in a separate process, to find out whether it works and what an instance finds there.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PythonChoice } from "../backends/python/locate/discovery.js";
import { HOW_TO_CHOOSE } from "../backends/python/locate/install-advice.js";
import { packageFolder } from "../binding.js";
import type { OptionValues } from "../config/option-values.js";
import { MidimonsterError } from "../errors.js";

export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** @throws what is not an error of this package */
export function asProblem(error: unknown): Problem {
  if (!(error instanceof MidimonsterError)) throw error;
  return { code: error.code, message: error.message };
}

/** Input of the trial process. */
export interface Trial {
  readonly folder: string;
  /** Options of the python backend. */
  readonly values: OptionValues;
  readonly module: string;
}

/** Answer of the trial process, if it survives. */
export type TrialAnswer = { readonly python: PythonChoice } | { readonly problem: Problem };

/** The environment of an instance, as reported by python/doctor.py. */
export interface Seen {
  readonly prefix: string;
  readonly path: readonly string[];
  readonly openssl: { readonly version?: string; readonly libraries?: readonly string[]; readonly problem?: string };
  readonly zlib: string | null;
}

/** Starts an instance whose module reports what it sees. */
export async function tryPython(
  folder: string,
  values: OptionValues,
): Promise<{ readonly python: PythonChoice; readonly seen: Seen } | { readonly problem: Problem }> {
  const temporary = mkdtempSync(path.join(tmpdir(), "mmpy-doctor-"));
  const file = path.join(temporary, "report.json");
  const trial: Trial = { folder, values, module: path.join(packageFolder, "python", "doctor.py") };
  try {
    const child = fork(path.join(packageFolder, "dist", "cli", "trial-process.js"), [JSON.stringify(trial)], {
      env: { ...process.env, MMPY_DOCTOR_REPORT: file },
      // Python's start-up files may print, which must not get into the report.
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let answer: TrialAnswer | undefined;
    let errors = "";
    child.on("message", (message) => {
      answer = message as TrialAnswer;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (answer === undefined || status !== 0) return { problem: explainDeath(status, signal, errors) };
    if ("problem" in answer) return answer;
    return { python: answer.python, seen: JSON.parse(readFileSync(file, "utf8")) as Seen };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function explainDeath(status: number | null, signal: NodeJS.Signals | null, errors: string): Problem {
  // CPython may print its paths before it, which take many lines.
  const fatal = errors.lastIndexOf("Fatal Python error");
  const lines = errors
    .slice(Math.max(fatal, 0))
    .split("\n")
    .filter((line) => line.trim() !== "");
  const shown = fatal < 0 ? lines.slice(-10) : lines.slice(0, 10);
  const variables = Object.keys(process.env).filter((name) => name.startsWith("PYTHON"));
  return {
    code: "PYTHON_LOAD",
    message: [
      `the process that tried to start Python ended with ${signal ?? `exit status ${status}`}; its output:`,
      ...shown.map((line) => `  ${line}`),
      variables.length > 0
        ? `Try again without Python's environment variables: unset ${variables.join(" ")}`
        : `Reinstall that Python, or use another one.\n${HOW_TO_CHOOSE}`,
    ].join("\n"),
  };
}
