import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type BenchCase, CASES, filesOf } from "./cases.js";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const reference = process.env.MIDIMONSTER_REF;
const pairs = Number(process.env.MMPY_BENCH_PAIRS ?? 5);

interface Result {
  readonly name: string;
  readonly what: string;
  /** ns an event, a run each. */
  readonly ours: number[];
  readonly theirs: number[];
}

/** Runs a program until it prints its time; returns ns an event. */
function time(command: string, args: readonly string[], cwd: string, events: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    child.on("close", () => {
      const line = /^\{.*\}$/m.exec(output);
      if (line === null) {
        reject(new Error(`${command} told no time:\n${output}${errors}`));
        return;
      }
      const told = JSON.parse(line[0]) as { ns: number; events: number; value: number };
      if (told.value !== 0.625 || told.events > events || told.events < 0.99 * events) {
        reject(new Error(`${command} did other work than asked: ${line[0]}`));
        return;
      }
      resolve(told.ns);
    });
  });
}

async function measure(bench: BenchCase): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), "mmpy-bench-"));
  const config = path.join(folder, "monster.cfg");
  for (const [name, text] of Object.entries(filesOf(bench))) writeFileSync(path.join(folder, name), text);
  const result: Result = { name: bench.name, what: bench.what, ours: [], theirs: [] };
  try {
    for (let pair = 0; pair < pairs; ++pair) {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${bench.name}: ${pair + 1} of ${pairs}`);
      const script = path.join(project, "dist", "cli", "mmpy.js");
      result.ours.push(await time(process.execPath, [script, "--log-level", "error", config], folder, bench.events));
      if (reference !== undefined) {
        // The reference looks for its backends beside itself.
        result.theirs.push(await time(reference, [config], path.dirname(reference), bench.events));
      }
    }
  } finally {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return "-";
  return `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}..${Math.max(...values).toFixed(0)})`;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !CASES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`no case ${unknown.join(", ")}; there are: ${CASES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
if (reference === undefined) console.error("MIDIMONSTER_REF is not set: nothing to compare with");

const results: Result[] = [];
const columns = [12, 38, 22, 22];
const row = (...cells: string[]) =>
  console.log(
    cells
      .map((text, i) => text.padEnd(columns[i] ?? 0))
      .join("")
      .trimEnd(),
  );
row("case", "what", "ours, ns an event", "reference, ns", "ratio of medians");
for (const bench of CASES) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  const result = await measure(bench);
  results.push(result);
  const ratio = result.theirs.length > 0 ? (median(result.theirs) / median(result.ours)).toFixed(2) : "-";
  row(bench.name, bench.what, cell(result.ours), cell(result.theirs), ratio);
}
const summary = { date: new Date().toISOString(), node: process.version, python: process.env.MMPY_PYTHON, results };
writeFileSync(path.join(project, "bench", "results.json"), `${JSON.stringify(summary, undefined, 2)}\n`);
