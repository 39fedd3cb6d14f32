import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { Router } from "../lib/engine/router.js";
import { folderWith, MemoryLog, mmpy, skipWithSanitizers } from "./helpers.js";
import { isAlive, ownProcess, pidOf, statusOf } from "./own-process.js";
import { ASK, ask, problems, start, stopSessions } from "./session.js";

const CONFIG = ownProcess(`
[map]
probe.{go,ask} > py.mod.{go,ask}
probe.n{1..3} > py.n{1..3}
py.{out,done} > probe.{out,done}
`);

/** Ways to end a process, as a handler, and what the log says of them. */
const ENDS = [
  { how: "SIGSEGV", code: "import faulthandler; faulthandler._sigsegv()", says: /was ended by SIGSEGV[\s\S]+mod\.py/ },
  { how: "os.abort()", code: "import os; os.abort()", says: /was ended by SIGABRT[\s\S]+mod\.py/ },
  { how: "os._exit()", code: "import os; os._exit(3)", says: /was ended with status 3/ },
  { how: "SIGKILL", code: "import os; os.kill(os.getpid(), 9)", says: /was ended by SIGKILL/ },
];

describe("an instance in a process of its own", function () {
  this.timeout(120_000);
  afterEach(stopSessions);

  it("has a process, which the description names and the stop ends", async () => {
    const session = await start(CONFIG, { "mod.py": `${ASK}import os\ndef go(value): say(os.getpid())` });
    session.probe.emit("go", 1);
    await ask(session);
    const pid = pidOf(session);
    assert.deepEqual(session.said(), [pid]);
    assert.notEqual(pid, process.pid);
    await stopSessions();
    assert.ok(!isAlive(pid));
    assert.deepEqual(problems(session), []);
  });

  it("gets and outputs all events in order, also more than the ring holds", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}\ndef go(value): midimonster.output("out", value)`,
    });
    const count = 30_000;
    for (let i = 0; i < count; ++i) session.probe.emit("go", i / count);
    await session.probe.until("out", count);
    assert.deepEqual(
      session.probe.values("out"),
      Array.from({ length: count }, (_, i) => i / count),
    );
  });

  for (const { how, code, says } of ENDS) {
    it(`is started again after ${how}, with the last values that came meanwhile`, async function () {
      if (how === "SIGSEGV") skipWithSanitizers(this, "a sanitizer reports SIGSEGV in place of faulthandler");
      const session = await start(CONFIG, {
        "mod.py": `${ASK}
def go(value):
    if value == 1:
        ${code}
    midimonster.output("out", value)
`,
      });
      const first = pidOf(session);
      session.probe.emit("go", 1);
      await session.log.seen(says);
      session.probe.emit("go", 0.25);
      session.probe.emit("go", 0.5);
      await session.log.seen(/runs again, in process/);
      await session.probe.until("out", 1);
      assert.deepEqual(session.probe.values("out"), [0.5]);
      assert.notEqual(pidOf(session), first);
      assert.match(session.log.matching(says)[0]?.message ?? "", /; 1 event for it lost/);
      assert.equal(session.log.matching(/runs again, in process \d+; 1 event for it lost to later ones/).length, 1);
    });
  }

  it("is named by its own lines when it is slow, and as what nothing else waits for", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}import time
def go(value):
    end = time.monotonic() + 5
    while time.monotonic() < end: pass
    midimonster.output("done", 1)
`,
    });
    session.probe.emit("go", 1);
    const { message } = await session.log.seen(/is slow/);
    assert.match(message, /^py: the handler mod\.go is slow: .* in which the rest of its instance waited;/);
    assert.match(message, /here:\n {2}File ".*mod\.py", line \d+, in go\n {4}[^\n]+$/);
  });

  it("does not count as ended if another module can't be imported", async () => {
    const files = { "mod.py": "", "broken.py": "import nothing_of_this_name" };
    const log = new MemoryLog();
    const router = new Router({ folder: folderWith(files), logger: log }).instance("python", "py", {
      "own-process": "on",
      module: ["mod", "broken"],
    });
    await assert.rejects(router.start(), /can't be imported/);
    assert.deepEqual(log.matching(/was ended/), []);
  });

  it("stays ended with restart = off", async () => {
    const session = await start(CONFIG.replace("module", "restart = off\nmodule"), {
      "mod.py": `${ASK}\nimport os\ndef go(value): os._exit(1)`,
    });
    session.probe.emit("go", 1);
    await session.log.seen(/was ended with status 1/);
    assert.equal(statusOf(session)?.state, "failed");
  });

  it("keeps its channels' numbers when it is started again", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}import os
def go(value):
    if value == 1: os._exit(0)
    say([midimonster.inputvalue("n%d" % n) for n in (1, 2, 3)])
    say(sorted(midimonster.channels("input")), midimonster.channels("output"))
`,
    });
    session.probe.emit("go", 1);
    await session.log.seen(/runs again/);
    for (const n of [1, 2, 3]) session.probe.emit(`n${n}`, n / 4);
    session.probe.emit("go", 0);
    await ask(session);
    assert.deepEqual(session.said(), [
      [0.25, 0.5, 0.75],
      ["mod.ask", "mod.go", "n1", "n2", "n3"],
      ["out", "done"],
    ]);
  });

  it("logs exceptions, messages and unknown channels as in the router's process", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}import logging
def go(value):
    logging.getLogger("desk").warning("careful")
    midimonster.output("typo", 1)
    raise KeyError("lamp")
`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    await session.log.seen(/KeyError: 'lamp'/);
    assert.equal(session.log.matching(/careful/).length, 1);
    assert.equal(session.log.matching(/'typo'/).length, 1);
  });

  it("is understood when its code sets a locale with a decimal comma", async function () {
    const folder = folderWith({});
    const { error, status } = spawnSync("localedef", ["-i", "de_DE", "-f", "UTF-8", `${folder}/de_DE.UTF-8`]);
    if (error !== undefined || status !== 0) {
      console.log("SKIPPED: locales in processes: localedef or its data is missing (apt-get install locales)");
      this.skip();
    }
    const session = await start(CONFIG, {
      "mod.py": `${ASK}
import locale, os
def go(value):
    os.environ["LOCPATH"] = "${folder}"
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    say(locale.localeconv()["decimal_point"])
    midimonster.output("out", 1.5)`,
    });
    session.probe.emit("go", 1);
    await session.log.seen(/output\(\) of 1\.5 on channel 'out'/);
    await ask(session);
    assert.deepEqual(session.said(), [","]);
  });

  it("is ended and started again if it writes nonsense to the router", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}
import os
def go(value): os.write(4, b"\\x08\\0\\0\\0nonsense")`,
    });
    session.probe.emit("go", 1);
    await session.log.seen(/was ended for writing nonsense/);
    await ask(session);
  });

  for (const [from, to] of [
    [3, 256], // all, as programs do that become daemons
    [6, 7], // by which the router wakes it
    [7, 8], // by which it wakes the router
  ] as const) {
    it(`is ended and started again if its code closes descriptors from ${from} to before ${to}`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `${ASK}
import os
def go(value):
    os.closerange(${from}, ${to})
    midimonster.output("out", value)`,
      });
      session.probe.emit("go", 1);
      session.probe.emit("go", 0.5);
      await session.log.seen(/was ended with status 1/);
      await ask(session);
    });
  }

  it("calls intervals, start functions, sockets, coroutines and the cleanup handler", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}import asyncio, os, socket
a, b = socket.socketpair()
def tick():
    midimonster.interval(tick, 0)
    b.send(b"x")
def readable(sock):
    say(sock.recv(1).decode())
    midimonster.task(later())
async def later():
    await asyncio.sleep(0.01)
    midimonster.output("out", 1)
def go(value): pass
midimonster.manage(readable, a)
midimonster.started(lambda: midimonster.interval(tick, 10))
midimonster.cleanup_handler(lambda: say("cleaned up"))
`,
    });
    await session.probe.until("out", 1);
    await stopSessions();
    assert.deepEqual(session.said(), ["x", "cleaned up"]);
    assert.deepEqual(problems(session), []);
  });

  it("is reloaded in place, and hands over its state", async () => {
    const mod = (n: number) => `${ASK}import os
old = midimonster.previous()
state = (old.state if old else []) + [${n}]
def go(value): say([os.getpid(), *state])
`;
    const session = await start(CONFIG, { "mod.py": mod(1) });
    const pid = pidOf(session);
    session.write("mod.py", mod(22));
    await session.router.reload();
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(session.said(), [[pid, 1, 22]]);
    session.write("mod.py", "import nothing_of_that_name");
    await assert.rejects(session.router.reload(), /nothing_of_that_name/);
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(session.said()[1], [pid, 1, 22]);
  });

  it("is ended and started again if it writes nonsense into the shared memory", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}import mmap, os
def go(value):
    memory = mmap.mmap(5, 0)
    memory[RING : RING + 8] = b"\\xff" * 8  # how many events it has ever output
    os.write(7, (1).to_bytes(8, "little"))
RING = 4 * 64 + 8192 * 16
`,
    });
    session.probe.emit("go", 1);
    await session.log.seen(/was ended for writing nonsense/);
    await session.log.seen(/runs again/);
    await ask(session);
  });

  for (const [what, bytes] of [
    ["no message", "b'\\x01\\0\\0\\0x'"],
    ["the length of a message that never comes", "b'\\xff' * 8"],
  ]) {
    it(`is ended and started again if it writes ${what} to the router`, async () => {
      const session = await start(CONFIG, { "mod.py": `${ASK}import os\ndef go(value): os.write(4, ${bytes})` });
      session.probe.emit("go", 1);
      await session.log.seen(/was ended for writing nonsense/);
      await session.log.seen(/runs again/);
      await ask(session);
    });
  }

  for (const [what, code] of [
    ["raises", "raise ValueError('not yet')"],
    ["ends it", "os._exit(1)"],
  ]) {
    it(`is started again once for each failure if its module ${what}`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `${ASK}import os
loads = len(open("loads").read()) if os.path.exists("loads") else 0
open("loads", "a").write("x")
if loads == 1: ${code}
def go(value): os._exit(1)
`,
      });
      session.probe.emit("go", 1);
      await session.log.seen(/runs again/);
      await ask(session);
      assert.deepEqual(
        session.log.matching(/is started again in/).map(({ message }) => message),
        ["instance 'py' is started again in 1 s"],
      );
      assert.equal(session.log.matching(/could not be started again/).length, 1);
      assert.match(statusOf(session)?.text ?? "", /restarted 1 time$/);
    });
  }

  it("is named while its module does not return, and a signal ends it at once", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nown-process = on\nmodule = mod\n",
      "mod.py": "import time\nwhile True: time.sleep(0.05)\n",
    });
    const running = mmpy([], { cwd: folder });
    await running.sees(
      /^\[.*\] WARN: py: module 'mod' is still loading after \d{4,} ms; nothing starts until it returns\n/m,
    );
    await running.sees(/mod\.py", line 2, in <module>/);
    const began = performance.now();
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.ok(performance.now() - began < 2500, "it was waited for");
  });

  it("can't make the shared memory smaller", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}import os
def go(value):
    try: os.ftruncate(5, 0)
    except OSError as error: say(type(error).__name__)
`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(session.said(), ["PermissionError"]);
  });

  it("gets MemoryError beyond its memory-limit, which the log says", async function () {
    skipWithSanitizers(this, "a sanitizer takes more memory than the limit");
    const session = await start(CONFIG.replace("module", "memory-limit = 64M\nmodule"), {
      "mod.py": `${ASK}\ndef go(value): bytearray(200 << 20)`,
    });
    session.probe.emit("go", 1);
    await session.log.seen(/has reached its memory-limit, 64 MiB/);
    await ask(session);
  });

  it("says how its process ended while a module loads", async () => {
    await assert.rejects(start(CONFIG, { "mod.py": "import os\nos.abort()" }), /process ended while module 'mod'/);
  });

  it("needs the option for those that belong to it", async () => {
    const config = CONFIG.replace("own-process = on", "memory-limit = 64M");
    await assert.rejects(start(config, { "mod.py": ASK }), /'memory-limit' needs 'own-process = on'/);
  });

  it("leaves no process when the router is killed", async () => {
    const folder = folderWith({
      "monster.cfg":
        "[backend python]\nown-process = on\n[python a]\nmodule = mod\n[python b]\nmodule = mod\n[map]\na.x > b.x",
      "mod.py": "import os, midimonster\nmidimonster.started(lambda: print('pid', os.getpid()))",
    });
    const running = mmpy(["monster.cfg"], { cwd: folder });
    await running.until(() => running.stdout.split("pid").length > 2);
    const pids = [...running.stdout.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
    assert.equal(pids.length, 2);
    running.child.kill("SIGKILL");
    await running.exited;
    // A process closes its output a moment before it has ended.
    while (pids.some(isAlive)) await setImmediate();
  });
});
