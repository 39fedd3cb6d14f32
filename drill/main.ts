/** Provokes the same faults in this program and in the reference, and prints the consequences. */
import { cpus } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import { FAULTS, type Fault, type Verdict } from "./faults.js";
import { type Program, provoke } from "./run.js";

const HELP = `Usage: npm run drill -- [word...]

Provokes all faults in drill/faults.ts, or those whose names contain one of the words, and prints a table of the results.
Exit status 1 if this program does not survive one. Takes a minute, or two with the reference.

Environment:
  MIDIMONSTER_REF  a binary of the C reference to compare with
  MMPY_PYTHON      the Python to use
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean", short: "h", default: false } },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const mmpy = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "dist", "cli", "mmpy.cjs");
const ours: Program = {
  name: "this program",
  command: process.execPath,
  args: (config) => [mmpy, config],
  cwd: undefined,
};
const programs = [ours];
const binary = process.env.MIDIMONSTER_REF && path.resolve(process.env.MIDIMONSTER_REF);
// The reference looks for its backends in its own folder.
if (binary)
  programs.push({ name: "the reference", command: binary, args: (config) => [config], cwd: path.dirname(binary) });
else console.error("SKIPPED: the reference: MIDIMONSTER_REF does not name a binary of it");

const faults = FAULTS.filter(
  ({ what }) => positionals.length === 0 || positionals.some((word) => what.toLowerCase().includes(word.toLowerCase())),
);
const { version } = await choosePython(undefined, silentLogger);
const command = `npm run drill${process.argv
  .slice(2)
  .map((word) => ` ${word}`)
  .join("")}`;
const prefix = binary ? "MIDIMONSTER_REF=.../midimonster " : "";
console.log(`\`${prefix}${command}\`, ${new Date().toISOString().slice(0, 10)},`);
console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}, Python ${version}\n`);
console.log(`| fault | ${programs.map(({ name }) => name).join(" | ")} |`);
console.log(`| --- |${" --- |".repeat(programs.length)}`);
for (const fault of faults) {
  const cells: string[] = [];
  for (const program of programs) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${fault.what}: ${program.name}`);
    const [verdict, fact] = await judge(program, fault);
    if (program === ours && verdict !== "survived" && verdict !== "refused") process.exitCode = 1;
    cells.push(`**${verdict}**: ${fact}`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  console.log(`| ${fault.what} | ${cells.join(" | ")} |`);
}

async function judge(program: Program, fault: Fault): Promise<[Verdict, string]> {
  const seen = await provoke(program, fault);
  if (!seen.survived) {
    const message = /error: .*/.exec(seen.output)?.[0].replaceAll("|", "\\|");
    if (seen.end === "exit status 1" && message !== undefined) return ["refused", `${seen.end}, ${message}`];
    return ["crashed", `ended by itself: ${seen.end}`];
  }
  if (seen.end === undefined) return ["hung", `still running five seconds after ${fault.signal ?? "Ctrl-C"}`];
  if (!seen.provoked && !fault.atStart) return ["unseen", "the fault did not occur"];
  return fault.judge(seen);
}
