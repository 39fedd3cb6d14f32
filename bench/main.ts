/** The command `npm run bench`: runs cases, prints and saves the results. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import type { Bench, BenchCase, Measurement } from "./case.js";
import { CASES, PROTOCOL_CASES } from "./cases/index.js";
import { report, tables, writeInto } from "./report.js";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const HELP = `Usage: npm run bench -- [options] [case...]

Runs the cases named, or all of them, and prints the results and whether they meet the targets in docs/benchmarks.md.
The results are saved in bench/results.json.

Cases:
${CASES.map(({ name, what }) => `  ${name.padEnd(14)}${what}`).join("\n")}
  protocols     ${PROTOCOL_CASES.map(({ name }) => name).join(", ")}

Options:
  --pairs N        number of alternating runs of each program (default 5)
  --against PATH   compare with another checkout of this project, built, instead of the C reference
  --quick          runs too short to be meaningful, to check that everything works
  --write-docs     write the tables and the chart into docs/benchmarks.md, in its section for this version of Python; with
                   --against, the table that compares the two checkouts
  -h, --help       show this text

Environment:
  MIDIMONSTER_REF  a binary of the C reference to compare with; must use the libpython that MMPY_PYTHON names
  MMPY_PYTHON      the Python to use: an interpreter or a version
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: "string", default: "5" },
    against: { type: "string" },
    quick: { type: "boolean", default: false },
    "write-docs": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const pairs = Number(values.pairs);
if (!Number.isInteger(pairs) || pairs < 1) fail(`--pairs ${values.pairs} is not a positive whole number`);
const isOf = (cases: readonly { readonly name: string }[], wanted: string) => cases.some(({ name }) => name === wanted);
const unknown = positionals.filter((name) => name !== "protocols" && !isOf(CASES, name));
if (unknown.length > 0)
  fail(`unknown case: ${unknown.join(", ")}; available cases: ${CASES.map(({ name }) => name).join(", ")}, protocols`);

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

const isTerminal = process.stderr.isTTY === true;
const clear = () => (isTerminal ? process.stderr.write("\r\x1b[K") : undefined);

async function measure(cases: readonly BenchCase[], bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const one of cases) {
    let results: Measurement[];
    try {
      results = await one.run(bench);
    } catch (error) {
      clear();
      console.error(`FAILED: ${one.name}: ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
      continue;
    }
    clear();
    for (const result of results) console.log(report(result, bench.against === undefined ? "reference" : "before"));
    measurements.push(...results);
  }
  return measurements;
}

// As on the machines of users: starts are measured with Python's cache of compiled modules.
delete process.env.PYTHONDONTWRITEBYTECODE;

const folder = mkdtempSync(path.join(tmpdir(), "mmpy-bench-"));
try {
  const python = (await choosePython(undefined, silentLogger)).executable;
  const skipped: string[] = [];
  const bench: Bench = {
    pairs: values.quick ? 1 : pairs,
    quick: values.quick,
    project,
    python,
    reference: process.env.MIDIMONSTER_REF || undefined,
    against: values.against === undefined ? undefined : path.resolve(values.against),
    folder,
    progress: (text) => (isTerminal ? process.stderr.write(`\r\x1b[K${text}`) : undefined),
    skip: (what, why) => {
      clear();
      skipped.push(`SKIPPED: ${what}: ${why}`);
      console.error(skipped.at(-1));
    },
  };
  if (bench.reference === undefined && bench.against === undefined)
    bench.skip("every comparison", "MIDIMONSTER_REF does not name a binary of the C reference");
  const version = execFileSync(python, ["-c", "import platform; print(platform.python_version())"], {
    encoding: "utf8",
  });
  const summary = {
    command: `npm run bench${process.argv
      .slice(2)
      .map((argument) => ` ${argument}`)
      .join("")
      .replace(/^ /, " -- ")}`,
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}, ${process.platform}-${process.arch}`,
    node: process.version,
    python: version.trim(),
    reference: bench.reference !== undefined,
  };
  console.log(`Node ${summary.node}, Python ${summary.python}, ${summary.machine}\n`);
  const wanted = CASES.filter(
    ({ name }) =>
      positionals.length === 0 ||
      positionals.includes(name) ||
      (positionals.includes("protocols") && isOf(PROTOCOL_CASES, name)),
  );
  const measurements = await measure(wanted, bench);
  const { text, comparison, chart } = tables(measurements, summary);
  if (bench.against === undefined) console.log(`\n${text}`);
  writeFileSync(
    path.join(project, "bench", "results.json"),
    `${JSON.stringify({ ...summary, skipped, measurements }, undefined, 2)}\n`,
  );
  if (values["write-docs"]) {
    const docs = path.join(project, "docs");
    const file = path.join(docs, "benchmarks.md");
    // One section per version of Python, such as 3.11.
    const minor = summary.python.split(".", 2).join(".");
    const ofProtocols = ({ name }: Measurement) => isOf(PROTOCOL_CASES, name.split(" ", 1)[0] ?? "");
    const section = (title: string, of: readonly Measurement[]) =>
      of.length === 0
        ? {}
        : Object.fromEntries(
            Object.entries(tables(of, summary).markdown).map(([name, lines]) => [`${name} ${title}`, lines]),
          );
    const parts =
      bench.against === undefined
        ? {
            ...section(
              minor,
              measurements.filter((one) => !ofProtocols(one)),
            ),
            ...section("protocols", measurements.filter(ofProtocols)),
          }
        : { comparison };
    writeFileSync(file, writeInto(readFileSync(file, "utf8"), parts));
    if (chart !== undefined && bench.against === undefined) writeFileSync(path.join(docs, "benchmarks.svg"), chart);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
