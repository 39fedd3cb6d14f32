// Processes that multiprocessing has started, at the end of their instance: none is left, and none keeps the stop waiting.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";

/** Whether a process runs; one that has ended and waits for its parent does not. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const WORK = `
import os, signal, time

def said(name):
    with open(name + ".new", "w") as file: file.write(str(os.getpid()))
    os.rename(name + ".new", name)

def sleeps(name):
    said(name)
    time.sleep(300)

def ignores(name):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeps(name)

def ends(name):
    said(name)
    for _ in range(500):
        if os.path.exists("over"): break
        time.sleep(0.01)
    time.sleep(0.2)
    with open("work", "w") as file: file.write("done")
`;

const MODULE = (begin: string) => `
import multiprocessing, os, signal, work
import midimonster
context = multiprocessing.get_context(os.environ["METHOD"])
${begin}
def look():
    if all(os.path.exists(name) for name in names):
        midimonster.interval(look, 0)
        with open("over", "w"): pass
        os.kill(os.getpid(), signal.SIGTERM)
midimonster.interval(look, 10)
`;

const PROCESS = (target: string, daemon = false) => `
names = ["child"]
child = context.Process(target=work.${target}, args=("child",), name="worker", daemon=${daemon ? "True" : "False"})
child.start()
`;

describe("at a stop a process of multiprocessing", () => {
  before(function () {
    if (process.platform === "linux") return;
    console.log("SKIPPED: processes at a stop: this system has no /proc");
    this.skip();
  });

  const told = /WARN: py: process 'worker' \(pid \d+\) had not ended, and was terminated/;
  const table: [what: string, begin: string, expected: RegExp | null][] = [
    ["that does not end is terminated, with a warning", PROCESS("sleeps"), told],
    ["that ignores SIGTERM is killed", PROCESS("ignores"), told],
    ["that is a daemon is terminated without a word", PROCESS("sleeps", true), null],
    ["that is a daemon and ignores SIGTERM is killed", PROCESS("ignores", true), null],
    ["that ends soon is waited for", PROCESS("ends"), null],
    [
      "of a pool is terminated",
      'names = ["one", "two"]\npool = context.Pool(2)\nresult = pool.map_async(work.sleeps, names, 1)\n',
      null,
    ],
    [
      "of an executor is terminated",
      'from concurrent.futures import ProcessPoolExecutor\nnames = ["one"]\npool = ProcessPoolExecutor(1, mp_context=context)\npool.submit(work.sleeps, "one")\n',
      /had not ended, and was terminated/,
    ],
  ];
  for (const method of ["fork", "spawn"]) {
    // What differs between the methods is how children are started, and what pools have.
    const cases = method === "fork" ? table : [table[0], ...table.slice(-2)].filter((one) => one !== undefined);
    for (const [what, begin, expected] of cases) {
      it(`${what}, with ${method}`, async () => {
        const folder = folderWith({
          "monster.cfg": "[python py]\nmodule = mod\n",
          "mod.py": MODULE(begin),
          "work.py": WORK,
        });
        const running = mmpy([], { cwd: folder, env: { ...process.env, METHOD: method } });
        // The test's time-out is less than what they sleep.
        assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
        if (expected !== null) assert.match(running.stderr, expected);
        else assert.doesNotMatch(running.stderr, /had not ended/);
        const names = [...begin.matchAll(/"(child|one|two)"/g)].map(([, name]) => name ?? "");
        for (const name of new Set(names)) {
          const pid = Number(readFileSync(path.join(folder, name), "utf8"));
          assert.ok(!runs(pid), `${name} is left, process ${pid}`);
        }
        if (begin.includes("ends")) assert.equal(readFileSync(path.join(folder, "work"), "utf8"), "done");
      });
    }
  }
});
