// Runs files of tests side by side, each in a process of its own, so that a crash ends one file and names it.
// `node scripts/test.mjs --help` explains.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { compileTests } from "./test/compile.mjs";
import { filesOf, folder } from "./test/files.mjs";
import { inOrderOfTime, rememberTimes } from "./test/times.mjs";

const HELP = `Usage: node scripts/test.mjs [options] [name...]

Runs test/<name>.test.ts for each name, or a whole set of them, and prints how many tests passed, failed and were skipped. The
name 'native' means the unit tests of native/ (npm run test:native).

  --set SET     usual (default), long, core, processes, or python; scripts/test/files.mjs says what is in them
  --jobs N      how many files run at a time; default: one for each processor, at least two
  -h, --help    this text
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    set: { type: "string", default: "usual" },
    jobs: { type: "string", default: String(Math.max(2, availableParallelism())) },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

/** A file that takes longer than this hangs. */
const TIMEOUT_MS = 20 * 60_000;

const mocha = path.join(path.dirname(createRequire(import.meta.url).resolve("mocha/package.json")), "bin", "mocha.js");

const argumentsFor = await compileTests();

const commandOf = (name) =>
  name === "native"
    ? ["npm", "run", "-s", "test:native"]
    : [
        process.execPath,
        "--enable-source-maps",
        mocha,
        ...argumentsFor(name),
        process.stdout.isTTY ? "--color" : "--no-color",
      ];

/** Runs one file of tests; resolves with what it printed, and its counts if it came to its end. */
function run(name) {
  const started = performance.now();
  const [command, ...args] = commandOf(name);
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const counts = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output)?.slice(1).map(Number);
      const ended = counts !== undefined && signal === null && (code === 0) === (counts[1] === 0);
      resolve({ name, output, seconds, counts, ended, ending: signal ?? `exit status ${code}` });
    });
  });
}

const waiting = positionals.length > 0 ? positionals : inOrderOfTime(filesOf(values.set));
const finished = [];

async function runner() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const result = await run(name);
    finished.push(result);
    const passed = result.ended && result.counts[1] === 0;
    // What failed is printed last, where it is seen.
    if (passed) process.stdout.write(result.output.replace(/\n+\d+ passed, .*\n$/, "\n"));
    console.log(`${name}: ${passed ? "passed" : "FAILED"} (${result.seconds} s)`);
  }
}

const started = performance.now();
await Promise.all(Array.from({ length: Number(values.jobs) }, runner));

rememberTimes(finished);
const total = [0, 0, 0];
let broken = 0;
for (const { name, output, counts, ended, ending } of finished) {
  for (const [i, count] of (counts ?? []).entries()) total[i] += count;
  if (ended && counts[1] === 0) continue;
  process.stdout.write(`\n${"-".repeat(80)}\n${output}`);
  if (!ended) {
    ++broken;
    console.log(`${name} did not come to its end: ${ending}`);
  }
  const mode = process.env.MMPY_OWN_PROCESS === undefined ? "" : `MMPY_OWN_PROCESS=${process.env.MMPY_OWN_PROCESS} `;
  const again = name === "native" ? "npm run test:native" : `${mode}npx mocha test/${name}.test.ts`;
  console.log(`To run it again: ${again}`);
}
const skipped = new Set(finished.flatMap(({ output }) => output.match(/SKIPPED: .*/g) ?? []));
if (skipped.size > 0) console.log(`\n${[...skipped].sort().join("\n")}`);

const [passes, failures, pending] = total;
console.log(`\n${finished.length} files in ${((performance.now() - started) / 1000).toFixed(0)} s`);
if (passes === 0) console.log("FAILED: no test was run");
// A file that did not come to its end counts as a test that failed.
console.log(`${passes} passed, ${failures + broken} failed, ${pending} skipped`);
process.exitCode = failures + broken > 0 || passes === 0 ? 1 : 0;
