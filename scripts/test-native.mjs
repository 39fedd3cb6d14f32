// Builds and runs the unit tests of the native parts. `npm run test:native -- --help` explains.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HELP = `Usage: npm run test:native -- [options]

Builds the tests of test/native/unit/ in build/native-tests/ and runs them: the native parts without Node and without
Python. Needs CMake, a C++ compiler, GoogleTest and libuv; on Debian: apt-get install cmake g++ libgtest-dev libuv1-dev.

  --sanitize <list>   with sanitizers, in a folder of their own: address,undefined or thread
  --filter <pattern>  only tests of that name, such as 'Router*'
  --seed <number>     for the random tests; the first case is that of the seed that a failure has printed
  -h, --help          this text
`;

const SUITES = ["routing", "process", "instance", "io", "core"];

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    sanitize: { type: "string", default: "" },
    filter: { type: "string", default: "*" },
    seed: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const { sanitize } = values;
const build = path.join(folder, "build", ["native-tests", ...sanitize.split(",").filter(Boolean)].join("-"));
const counts = { passed: 0, failed: 0, skipped: 0 };
const missing = compile();
for (const suite of missing.has("all") ? [] : SUITES) {
  if (!missing.has(suite) && !(suite === "core" && missing.has("io"))) run(suite);
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

/** Returns which suites cannot be built, for lack of a package. */
function compile() {
  mkdirSync(build, { recursive: true });
  const source = path.join(folder, "test", "native", "unit");
  const include = path.join(path.dirname(path.dirname(process.execPath)), "include", "node");
  const configured = cmake(["-S", source, "-B", build, `-DMMPY_SANITIZE=${sanitize}`, `-DNODE_INCLUDE=${include}`]);
  if (configured === undefined) return skip("all", "cmake");
  const [, suite, wanted] = /^MISSING: (\w+): (\S+)$/m.exec(configured) ?? [];
  const without = suite === undefined ? new Set() : skip(suite, wanted);
  if (suite !== "all") cmake(["--build", build, "--parallel", String(os.availableParallelism())]);
  return without;
}

function skip(suite, wanted) {
  const what = suite === "all" ? "all unit tests of native/" : `unit tests of native/${suite}/`;
  console.log(`SKIPPED: ${what}, since a package is missing; on Debian: apt-get install ${wanted}`);
  ++counts.skipped;
  return new Set([suite]);
}

/** Returns what CMake prints, or nothing if there is no CMake. Ends the process if CMake fails. */
function cmake(options) {
  const { status, error, stdout, stderr } = spawnSync("cmake", options, { encoding: "utf8" });
  if (error?.code === "ENOENT") return undefined;
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\ncmake ${options.join(" ")} failed\n`);
    console.log("0 passed, 1 failed, 0 skipped");
    process.exit(1);
  }
  return stdout + stderr;
}

function run(suite) {
  const results = path.join(build, `${suite}.json`);
  rmSync(results, { force: true });
  const options = ["--gtest_brief=1", `--gtest_filter=${values.filter}`, `--gtest_output=json:${results}`];
  const { status, signal } = spawnSync(path.join(build, `${suite}_tests`), options, {
    stdio: "inherit",
    timeout: 600_000,
    env: {
      ...process.env,
      ...(values.seed !== undefined && { MMPY_SEED: values.seed }),
      UBSAN_OPTIONS: "print_stacktrace=1",
    },
  });
  const before = counts.failed;
  if (existsSync(results)) {
    for (const { testsuite } of JSON.parse(readFileSync(results, "utf8")).testsuites) testsuite.forEach(count);
  }
  // A crash, or what a sanitizer has found at the end.
  if (status !== 0 && counts.failed === before) {
    console.error(`FAILED: the suite ${suite} ended with ${signal ?? `status ${status}`}`);
    ++counts.failed;
  }
}

function count({ status, result, failures }) {
  if (failures !== undefined) ++counts.failed;
  else if (status === "NOTRUN" || result === "SKIPPED") ++counts.skipped;
  else ++counts.passed;
}
