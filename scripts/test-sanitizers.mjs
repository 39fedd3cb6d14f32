// Runs the tests with an addon of its own, built with sanitizers. `npm run test:sanitizers -- --help` explains.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HELP = `Usage: npm run test:sanitizers -- [options] [file...]

Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer in build/sanitizers/, then runs the tests with it, file by
file; all of them if none is named, by its path or as lifecycle for test/lifecycle.test.ts. LeakSanitizer looks at every
Node's end. Needs the sanitizers' libraries, which come with GCC.

A leak that is found is looked for again with whole stacks, which takes ten times as long: what
scripts/sanitizers/suppressions.txt names by its function is left out then.

  --threads    ThreadSanitizer instead, in build/sanitizers-threads/, and the tests that have to do with threads. Node and
               CPython are not built with it; it knows of the GIL, which is made of mutexes, and looks at what the addon
               does. About 5 minutes.
  -h, --help   this text
`;

/** Files that are not run, and why. */
const LEFT_OUT = {
  "addon-failure": "it looks at the addon's file",
  install: "it looks at the addon's file",
  package: "it looks at the addon's file",
  leaks: "it counts references by itself, in a debug build of Python",
  "faults-memory": "sanitizers end a process that gets no memory",
};
/** Files whose leaks say nothing, and why. */
const LEAKS_LEFT_OUT = {
  "python-libraries": "extension modules that others made lose memory with each interpreter",
};
/** For ThreadSanitizer: of what has to do with threads all but what runs other programs, which don't start with its library. */
const WITH_THREADS = /^(faults-(exceptions|loops|sockets|threads)|lifecycle|module-|reload|router-api|watchdog)/;

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const require = createRequire(import.meta.url);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { threads: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const files = positionals.map((name) => (name.includes("/") ? name : path.join("test", `${name}.test.ts`)));
for (const file of files) {
  if (existsSync(path.resolve(folder, file))) continue;
  console.error(`there is no file ${file}: give a path, or a name such as lifecycle for test/lifecycle.test.ts`);
  process.exit(2);
}

const { threads } = values;
const sanitizers = threads ? "thread" : "address,undefined";
const out = path.join(folder, "build", threads ? "sanitizers-threads" : "sanitizers");
const reports = path.join(out, "reports");
const own = path.join(folder, "scripts", "sanitizers");

const library = `lib${threads ? "tsan" : "asan"}.so`;
const runtime = execFileSync("g++", [`-print-file-name=${library}`], { encoding: "utf8" }).trim();
if (!path.isAbsolute(runtime)) {
  console.error(`g++ has no ${library}; on Debian: apt-get install g++`);
  process.exit(1);
}

const started = Date.now();
build();
let failures = 0;
for (const file of files.length > 0 ? files : allFiles()) {
  const name = path.basename(file, ".test.ts");
  if (name in LEFT_OUT) console.log(`SKIPPED: ${name}: ${LEFT_OUT[name]}`);
  else if (!(await passes(file, name))) ++failures;
}
const minutes = ((Date.now() - started) / 60_000).toFixed(1);
console.log(`${failures === 0 ? "nothing found" : `FAILED: ${failures} files of tests`}, in ${minutes} minutes`);
process.exitCode = failures > 0 ? 1 : 0;

function build() {
  const cmakeJs = path.join(path.dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  const options = ["compile", "-O", path.join(out, "build"), `--CDMMPY_SANITIZE=${sanitizers}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [cmakeJs, ...options], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0) return;
  process.stderr.write(stdout + stderr);
  process.exit(1);
}

function allFiles() {
  return readdirSync(path.join(folder, "test"))
    .filter((name) => name.endsWith(".test.ts") && (!threads || WITH_THREADS.test(name)))
    .map((name) => path.join("test", name));
}

async function passes(file, name) {
  const begun = Date.now();
  const noLeaks = threads ? "" : LEAKS_LEFT_OUT[name];
  if (noLeaks) console.log(`SKIPPED: leaks of ${name}: ${noLeaks}`);
  let run = await test(file, { leaks: noLeaks === undefined, wholeStacks: false });
  const errors = [...run.errors];
  if (run.passed && run.leaks.length > 0) {
    run = await test(file, { leaks: true, wholeStacks: true });
    errors.push(...run.errors);
  }
  const found = [...errors, ...run.leaks];
  console.log(`${name}: ${run.line} (${Math.round((Date.now() - begun) / 1000)} s)`);
  if (!run.passed) process.stderr.write(run.output);
  for (const report of found) console.error(report);
  return run.passed && found.length === 0;
}

/** Runs one file of tests; resolves with what Mocha says, and what the sanitizers report of all processes. */
async function test(file, { leaks, wholeStacks }) {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const mocha = path.join(path.dirname(require.resolve("mocha/package.json")), "bin", "mocha.js");
  // Reports go to files, a process each, since tests look at what processes print. A leak changes no exit status, since
  // Python and others, which tests start too, have their own.
  const log = (kind) => `log_path=${path.join(reports, kind)}:log_exe_name=1`;
  const child = spawn(process.execPath, [mocha, "--timeout", wholeStacks ? "300000" : "120000", file], {
    cwd: folder,
    env: {
      ...process.env,
      MMPY_SANITIZERS: sanitizers,
      MIDIMONSTER_PYTHON_PREBUILD: out, // where node-gyp-build then looks
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --require "${path.join(own, "without-deepbind.cjs")}"`,
      LD_PRELOAD: runtime,
      ASAN_OPTIONS: `allocator_may_return_null=1:detect_leaks=${Number(leaks)}:fast_unwind_on_malloc=${Number(!wholeStacks)}:malloc_context_size=60:${log("address")}`,
      LSAN_OPTIONS: `exitcode=0:print_suppressions=0:suppressions=${path.join(own, "suppressions.txt")}`,
      UBSAN_OPTIONS: `print_stacktrace=1:${log("undefined")}`,
      // What Node does between its own threads is not seen, since it is not built with it, and would pass for races.
      TSAN_OPTIONS: `allocator_may_return_null=1:ignore_noninstrumented_modules=1:exitcode=0:history_size=7:${log("thread")}`,
      // CPython's own allocator hides its objects, and what only they refer to would pass for leaked.
      ...(!threads && { PYTHONMALLOC: "malloc" }),
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.on("close", resolve));
  const line = /^\d+ passed, \d+ failed, \d+ skipped$/m.exec(output)?.[0] ?? `ended with ${code}`;
  const skipped = output.match(/^.*SKIPPED: .*$/gm) ?? [];
  const texts = readdirSync(reports).map((name) => ({ name, text: readFileSync(path.join(reports, name), "utf8") }));
  const isNode = ({ name }) => name.split(".")[1] === path.basename(process.execPath);
  return {
    passed: code === 0,
    line: [line, ...new Set(skipped.map((text) => text.trim()))].join("\n  "),
    output,
    errors: texts
      .map(({ text }) => text)
      .filter((text) => /ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer/.test(text)),
    leaks: texts.filter((report) => isNode(report) && / leak of /.test(report.text)).map(({ text }) => text),
  };
}
