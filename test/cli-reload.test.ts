// What asks a running mmpy for a reload: SIGHUP and changes of files, in any number and at any time.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Coalesced } from "../lib/coalesced.js";
import { folderWith, mmpy } from "./helpers.js";

describe("requests for a reload", () => {
  /** A work that each time waits until it is told to end. */
  function controlled() {
    const runs: { end(): void; fail(error: Error): void }[] = [];
    const coalesced = new Coalesced(
      () =>
        new Promise<void>((resolve, reject) => {
          runs.push({ end: resolve, fail: reject });
        }),
    );
    return { runs, coalesced };
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  it("begin at once if nothing is under way", () => {
    const { runs, coalesced } = controlled();
    void coalesced.request();
    assert.equal(runs.length, 1);
  });

  it("that come during one are one more, which follows and is what they wait for", async () => {
    const { runs, coalesced } = controlled();
    const resolved: string[] = [];
    void coalesced.request().then(() => resolved.push("first"));
    for (const name of ["second", "third", "fourth"]) void coalesced.request().then(() => resolved.push(name));
    assert.equal(runs.length, 1);
    runs[0]?.end();
    await turn();
    assert.deepEqual([runs.length, resolved], [2, ["first"]]);
    runs[1]?.end();
    await turn();
    assert.deepEqual([runs.length, resolved], [2, ["first", "second", "third", "fourth"]]);
  });

  it("that come during the one that follows are another one", async () => {
    const { runs, coalesced } = controlled();
    void coalesced.request();
    void coalesced.request();
    runs[0]?.end();
    await turn();
    void coalesced.request();
    void coalesced.request();
    runs[1]?.end();
    await turn();
    assert.equal(runs.length, 3);
  });

  it("that come just as one ends never make two run at a time", async () => {
    const { runs, coalesced } = controlled();
    const first = coalesced.request();
    void coalesced.request();
    void first.then(() => coalesced.request());
    runs[0]?.end();
    await turn();
    assert.equal(runs.length, 2);
  });

  it("are done though the one before failed", async () => {
    const { runs, coalesced } = controlled();
    const first = coalesced.request();
    const second = coalesced.request();
    runs[0]?.fail(new Error("no"));
    await assert.rejects(first, /no/);
    await turn();
    runs[1]?.end();
    await second;
    assert.equal(runs.length, 2);
  });
});

/** A module that takes a second to load again; then the loop has no time for anything else. */
const SLOW = "import time\nprint('loading', flush=True)\ntime.sleep(1)\nprint('loaded', flush=True)\n";
/** The same, and the stop comes to the loop before the reload has ended. */
const STUBBORN = SLOW.replace("time.sleep(1)", "try: time.sleep(1)\nexcept BaseException: pass");
const CONFIG = "[python py]\nmodule = mod\n";

describe("mmpy", () => {
  it("does a storm of SIGHUPs during a reload as one reload that follows", async () => {
    const folder = folderWith({ "monster.cfg": CONFIG, "mod.py": "" });
    const running = mmpy([], { cwd: folder });
    await running.sees(/routing/);
    writeFileSync(path.join(folder, "mod.py"), SLOW);
    running.child.kill("SIGHUP");
    await running.sees(/loading/);
    for (let i = 0; i < 50; ++i) running.child.kill("SIGHUP");
    writeFileSync(path.join(folder, "mod.py"), "print('third', flush=True)\n");
    await running.sees(/third/);
    await running.sees(/(reloaded: module py\.mod[\s\S]*){2}/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const reloads = running.stderr.match(/INFO: reloaded/g) ?? [];
    assert.ok(reloads.length === 2 || reloads.length === 3, running.stderr);
  });

  it("does a SIGHUP that comes while modules load once it runs", async () => {
    const module = "import os, signal\nos.kill(os.getpid(), signal.SIGHUP)\n";
    const running = mmpy([], { cwd: folderWith({ "monster.cfg": CONFIG, "mod.py": module }) });
    await running.sees(/routing[\s\S]*INFO: reloaded: nothing has changed/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  const changes: [what: string, file: string, text: string][] = [
    ["a changed module loads", "mod.py", SLOW],
    ["a new instance's module loads", "monster.cfg", `${CONFIG}[python new]\nmodule = slow\n`],
    ["one loads that a stop does not end", "monster.cfg", `${CONFIG}[python new]\nmodule = stubborn\n`],
  ];
  for (const [what, file, text] of changes) {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      it(`--watch ends in time at a ${signal} while ${what}`, async () => {
        const folder = folderWith({ "monster.cfg": CONFIG, "mod.py": "", "slow.py": SLOW, "stubborn.py": STUBBORN });
        const running = mmpy(["--watch"], { cwd: folder });
        await running.sees(/watching 2 files/);
        writeFileSync(path.join(folder, file), text);
        await running.sees(/loading/);
        running.child.kill(signal);
        assert.deepEqual(await running.exited, { code: 0, signal: null });
        assert.match(running.stderr, new RegExp(`${signal}: stopping`));
        assert.doesNotMatch(running.stderr, /ERROR|WARN(?!: SIG\w+: waiting for)/);
      });
    }
  }

  const first: [what: string, files: Record<string, string>, error: RegExp, file: string, text: string][] = [
    ["in a module", { "monster.cfg": CONFIG, "mod.py": "def f(:\n" }, /SyntaxError/, "mod.py", ""],
    [
      "in the configuration",
      { "monster.cfg": "[pyton py]\n" },
      /did you mean 'python'/,
      "monster.cfg",
      "[loopback l]\n",
    ],
    ["that it is not there", {}, /can't read the configuration/, "monster.cfg", "[loopback l]\n"],
    [
      "in a handler",
      { "monster.cfg": `${CONFIG}[map]\npy.x > py.mod.f\n`, "mod.py": "" },
      /has no 'f'/,
      "mod.py",
      "def f(v): pass\n",
    ],
  ];
  for (const [what, files, error, file, text] of first) {
    it(`--watch waits for a change after a first start with an error: ${what}`, async () => {
      const folder = folderWith(files);
      const running = mmpy(["--watch"], { cwd: folder });
      await running.sees(/waiting for a change/);
      assert.match(running.stderr, error);
      writeFileSync(path.join(folder, file), text);
      await running.sees(/routing[\s\S]*watching \d/);
      running.child.kill("SIGTERM");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
    });
  }

  it("--watch ends while it waits for the first start, and tries again at a SIGHUP", async () => {
    const running = mmpy(["--watch"], { cwd: folderWith({}) });
    await running.sees(/waiting for a change/);
    running.child.kill("SIGHUP");
    await running.sees(/waiting for a change[\s\S]*waiting for a change/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  const empty: [what: string, text: string, shown: string][] = [
    ["is empty", "", "    1 | "],
    ["has no instances", "; nothing\n[map]\n", "    1 | ; nothing"],
  ];
  for (const [what, text, shown] of empty) {
    it(`refuses a configuration that ${what}, and names the file`, async () => {
      const folder = folderWith({ "show.cfg": CONFIG, "mod.py": "" });
      const running = mmpy(["show.cfg"], { cwd: folder });
      await running.sees(/routing/);
      writeFileSync(path.join(folder, "show.cfg"), text);
      running.child.kill("SIGHUP");
      await running.sees(/no instances are left/);
      running.child.kill("SIGTERM");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
      const message = `ERROR: not reloaded, everything goes on as before:
show.cfg:1:1: error: no instances are left in the configuration
${shown}
      | ^
      = it may be half written; to end everything, stop instead of reloading
`;
      assert.ok(running.stderr.includes(message), running.stderr);
    });
  }
});
