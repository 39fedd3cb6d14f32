import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { folderWith, mmpy, skipWithSanitizers } from "./helpers.js";
import { besideOther, isAlive, OTHER, patience, pidOf, processesHere } from "./own-process.js";
import { ASK, ask, problems, start, stopSessions } from "./session.js";

const CONFIG = `[backend python]
handler-timeout = 1000
${besideOther()}`;

const FOREVER = `
import ctypes, time
def forever():
    try:
        while True: time.sleep(0.001)
    finally:
        forever()
`;

/** Code that handler-timeout does not end. */
const HANGS = [
  { what: "C code that holds the GIL", code: "ctypes.PyDLL(None).sleep(1000)" },
  { what: "C code that has released the GIL", code: "ctypes.CDLL(None).pause()" },
  { what: "code that goes on after any exception", code: "forever()" },
];

describe("a process that hangs", () => {
  const { less, asUsual } = patience();

  for (const { what, code } of HANGS) {
    it(`in ${what} is killed after handler-timeout, says where it was, and is started again`, async function () {
      skipWithSanitizers(this, "a sanitizer reports SIGABRT in place of faulthandler");
      less({ grace: 0, period: 50 });
      const session = await start(CONFIG, {
        "mod.py": `${ASK}${FOREVER}def go(value):
    ${code}`,
        "other.py": OTHER,
      });
      const pid = pidOf(session);
      session.probe.emit("go", 1);
      session.probe.emit("there", 0.5);
      await session.probe.until("here");
      const { message } = await session.log.seen(/was ended since it did not return 0 s after handler-timeout/);
      asUsual();
      assert.match(message, /^process \d+ of instance 'py' .*; 1 event for it lost\n[\s\S]*mod\.py", line \d+ in go/);
      await session.log.seen(/runs again/);
      assert.ok(!isAlive(pid));
      await ask(session);
      session.probe.emit("there", 0.25);
      await session.probe.until("here", 2);
    });

    it(`in ${what} at a stop ends, and the log says so`, async () => {
      less({ end: 200 });
      const session = await start(CONFIG, {
        "mod.py": `${ASK}${FOREVER}def clean_up():
    ${code}
midimonster.cleanup_handler(clean_up)
def go(value): pass`,
        "other.py": OTHER,
      });
      await ask(session);
      await stopSessions();
      assert.deepEqual(processesHere(), []);
      const found = problems(session).filter((message) => /has not ended in 0\.2 s; it is killed/.test(message));
      assert.equal(found.length, 1);
    });

    it(`in ${what} while a module loads is ended by a signal`, async () => {
      const folder = folderWith({
        "monster.cfg": "[python py]\nown-process = on\nmodule = mod\n",
        "mod.py": `${FOREVER}
def load():
    print("loading", flush=True)
    ${code}
load()`,
      });
      const running = mmpy([], { cwd: folder });
      await running.until(() => running.stdout.includes("loading"));
      running.child.kill("SIGTERM");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
    });
  }

  it("in a coroutine, which a stop cancels in vain, ends as it would in the router's process", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}
import asyncio, atexit
async def clean_up():
    while True:
        try: await asyncio.sleep(1000)
        except asyncio.CancelledError: pass
midimonster.cleanup_handler(clean_up)
atexit.register(say, "exited")
def go(value): pass`,
      "other.py": OTHER,
    });
    await ask(session);
    await stopSessions();
    assert.deepEqual(session.said(), ["exited"]);
    assert.deepEqual(problems(session), [
      "py: the cleanup has not ended in time: mod.clean_up",
      "py: tasks have not ended 2 s after they were cancelled: mod.clean_up",
    ]);
  });

  it("in a handler is interrupted by a stop", async () => {
    const session = await start(CONFIG.replace("handler-timeout = 1000", ""), {
      "mod.py": `${ASK}
def go(value):
    open(__file__ + ".spins", "w").close()
    while True: pass
midimonster.cleanup_handler(lambda: say("cleaned up"))`,
      "other.py": OTHER,
    });
    session.probe.emit("go", 1);
    while (!existsSync(path.join(session.folder, "mod.py.spins"))) await setImmediate();
    await stopSessions();
    assert.deepEqual(session.said(), ["cleaned up"]);
  });
});
