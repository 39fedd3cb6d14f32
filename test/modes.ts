/**
 * `npm run test:processes` runs tests with MMPY_OWN_PROCESS=on: python instances run in processes of their own, unless a test's
 * configuration decides. Which files it runs is in scripts/test/files.mjs, which of their tests are left out is here.
 */
import path from "node:path";

export const ownProcesses = process.env.MMPY_OWN_PROCESS === "on";

/** In Python: the router's process, where that of the instance may be another one. Modules import `os`. */
export const ROUTER = ownProcesses ? "os.getppid()" : "os.getpid()";

/** Text of a configuration as the mode has it. Its lines keep their numbers. */
export function inMode(config: string): string {
  if (!ownProcesses || !/^\[python /m.test(config)) return config;
  return `${config}\n[backend python]\nown-process = on\n`;
}

/** Nothing that users see. */
export const ELSEWHERE = "what the test looks at is in the router's process";

interface Difference {
  /** What the first cell of a row of "What differs" in docs/processes.md has in it, or {@link ELSEWHERE}. */
  readonly row: string;
  readonly file: string;
  /** What the full title of a test has in it. */
  readonly titles: readonly string[];
}

/** Tests of what is different in a process on purpose. */
export const DIFFERENCES: readonly Difference[] = [
  {
    row: "order",
    file: "module-functions",
    titles: ["is delivered after the caller returns, in order, duplicates kept"],
  },
  { row: "order", file: "module-intervals", titles: ["in order of registration, over instances too"] },
  { row: "order", file: "module-started", titles: ["in order, when channels() is complete, and before the first"] },
  { row: "order", file: "reload-property", titles: ["delivers every event where the configuration of its time says"] },
  { row: "descriptors", file: "async-libraries", titles: ["serial_asyncio"] },
  { row: "descriptors", file: "module-sockets", titles: ["lets two instances watch copies of one descriptor"] },
  { row: "descriptors", file: "faults-sockets", titles: ["another instance has emptied in the same iteration"] },
  { row: "descriptors", file: "faults-reentrancy", titles: ["take another's descriptor over, and so may another"] },
  { row: "descriptors", file: "faults-threads", titles: ["from everything once the instance has stopped"] },
  { row: "standard input", file: "module-sockets-buffered", titles: ["of standard input is told of"] },
  {
    row: "the cleanup handler of an instance that a reload removes",
    file: "watchdog-phases",
    titles: ["the cleanup handler of an instance that is removed"],
  },
  { row: "setrlimit()", file: "faults-memory", titles: ["in the event queue, events are lost"] },
  {
    row: ELSEWHERE,
    file: "reload-registrations",
    titles: ["does not wake the loop any more", "does not load does not wake the loop either"],
  },
  {
    row: ELSEWHERE,
    file: "faults-clock",
    titles: ["while the process was suspended for two seconds", "a clock that is put forward an hour, and back two"],
  },
  { row: ELSEWHERE, file: "reload-failures", titles: ["in the middle of an instance's change, by a defect"] },
];

const fileOf = (test: Mocha.Test) => path.basename(test.file ?? "").replace(/\.test\.[jt]s$/, "");

function testsOf(suite: Mocha.Suite): Mocha.Test[] {
  return [...suite.tests, ...suite.suites.flatMap(testsOf)];
}

/** Leaves out, loudly, what differs. @throws if a test that is listed is not there any more */
export function leaveOutDifferences(root: Mocha.Suite): void {
  if (!ownProcesses) return;
  const tests = testsOf(root);
  for (const { row, file, titles } of DIFFERENCES) {
    const ofFile = tests.filter((test) => fileOf(test) === file);
    if (ofFile.length === 0) continue;
    for (const title of titles) {
      const found = ofFile.filter((test) => test.fullTitle().includes(title));
      if (found.length === 0) throw new Error(`test/modes.ts: there is no test '${title}' in ${file}.test.ts`);
      for (const test of found) test.pending = true;
      console.log(`SKIPPED: in processes of instances, ${file}: ${title}: ${row}`);
    }
  }
}
