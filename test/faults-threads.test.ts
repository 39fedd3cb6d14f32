import assert from "node:assert/strict";
import { Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.{go,ask} > py.mod.{go,ask}
py.{out,done} > probe.{out,done}
`;

const ASK = `
def ask(value):
    midimonster.output("done", value)
`;

async function ask(session: Session): Promise<void> {
  const before = session.probe.values("done").length;
  session.probe.emit("ask", 1);
  await session.probe.until("done", before + 1);
}

describe("Python threads", () => {
  it("run while the core idles, and what they output arrives in order", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import threading, time
def work():
    for i in range(5):
        time.sleep(0.002)
        midimonster.output("out", i / 8)
threading.Thread(target=work, daemon=True).start()
def go(value): pass
${ASK}`,
    });
    assert.deepEqual(await session.probe.until("out", 5), [0, 0.125, 0.25, 0.375, 0.5]);
  });

  const threads: [what: string, code: string, warns: boolean][] = [
    ["a daemon thread that sleeps in a loop", "threading.Thread(target=loop, daemon=True).start()", false],
    ["an ordinary thread that ends soon", "threading.Thread(target=time.sleep, args=(0.1,)).start()", false],
    ["an ordinary thread that never ends", "threading.Thread(target=loop, name='endless').start()", false],
    ["a thread pool with idle workers", "pool = futures.ThreadPoolExecutor(2)\npool.submit(pow, 2, 3).result()", false],
    [
      "a thread that is stuck in a system call",
      "threading.Thread(target=os.read, args=(os.pipe()[0], 1), name='stuck', daemon=True).start()",
      true,
    ],
    [
      "a thread that an exit function starts",
      "import atexit\natexit.register(lambda: threading.Thread(target=time.sleep, args=(0.3,), daemon=True).start())",
      false,
    ],
    ["a thread of _thread", "import _thread\n_thread.start_new_thread(time.sleep, (600,))", true],
  ];
  for (const [what, code, warns] of threads) {
    it(`${what}: shutdown neither aborts nor hangs`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `
import os, threading, time
import concurrent.futures as futures
def loop():
    while True: time.sleep(0.01)
${code}
def go(value): pass
${ASK}`,
      });
      await ask(session);
      await session.router.stop();
      assert.equal(session.log.matching(/threads did not end/).length, warns ? 1 : 0);
      // Another router works after that.
      const next = await start(CONFIG, { "mod.py": `def go(value): pass\n${ASK}` });
      await ask(next);
    });
  }

  it("may output from the first moment on: while modules load and before the start", async () => {
    const session = new Session(
      "[python py]\nmodule = mod\n[map]\npy.out > probe.out\npy.c{1..2000} > probe.c{1..2000}\n",
      {
        "mod.py": `
import threading, time
def work():
    for i in range(1000000):
        midimonster.output("out", 0.5)
        midimonster.output("new%d" % i, 0.5)
        if i % 100 == 99: time.sleep(0.001)
midimonster.output("out", 0)
threading.Thread(target=work, daemon=True).start()
`,
      },
    );
    await session.router.load();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await session.router.start();
    await session.probe.until("out", 500);
    await session.router.stop();
  });

  it("get a clear error from manage(), and from everything once the instance has stopped", async () => {
    const session = new Session(CONFIG, {
      "mod.py": `
import os, threading, time
def manage():
    try: midimonster.manage(print, socket)
    except RuntimeError as error: say(str(error))
    midimonster.output("out", 1)
import socket
def late():
    # Stuck while the instance stops, then free.
    try: os.read(r, 1)
    except SystemExit: pass
    try: midimonster.output("out", 1)
    except SystemExit as error: say(str(error))
    os.write(w2, b"x")
r, w = os.pipe()
r2, w2 = os.pipe()
midimonster.cleanup_handler(lambda: say(["pipes", w, r2]))
def go(value):
    threading.Thread(target=manage, daemon=True).start()
    threading.Thread(target=late, daemon=True, name="late").start()
${ASK}`,
    });
    await session.router.start();
    session.probe.emit("go", 1);
    await session.probe.until("out");
    await session.router.stop();
    assert.match(String(session.said()[0]), /must be called from a handler/);
    const [, pipes] = session.said() as [string, [string, number, number]];
    const { writeSync, readSync } = await import("node:fs");
    writeSync(pipes[1], "x");
    readSync(pipes[2], Buffer.alloc(1));
    assert.match(String(session.said()[2]), /has been stopped/);
  });
});
