// Python threads: they run, may call the module's functions, and neither stop the core nor are stopped by it.
import assert from "node:assert/strict";
import { folderWith, mmpy } from "./helpers.js";
import { ASK, ask, CONFIG, Session, start } from "./session.js";

describe("Python threads", () => {
  it("run while the core idles, and what they output arrives in order", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import threading, time
def work():
    for i in range(5):
        time.sleep(0.002)
        midimonster.output("out", i / 8)
# Not while modules load: of what is output then only the last value counts.
def go(value): threading.Thread(target=work, daemon=True).start()
${ASK}`,
    });
    session.probe.emit("go", 1);
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
  const both = threads.flatMap((row) => [[...row, "main"] as const, [...row, "own"] as const]);
  for (const [what, code, warns, interpreter] of both) {
    it(`${what}, in interpreter ${interpreter}: shutdown neither aborts nor hangs`, async () => {
      const session = await start(CONFIG.replace("module", `interpreter = ${interpreter}\nmodule`), {
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

  it("output on many at once: of each all arrives, in its order, among what handlers and intervals output", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.c{1..8} > probe.c{1..8}\npy.{handled,tick} > probe.{handled,tick}\n",
      {
        "mod.py": `
import threading
def work(name):
    for i in range(1000): midimonster.output(name, i / 1024)
def go(value):
    for i in range(1, 9): threading.Thread(target=work, args=("c%d" % i,)).start()
    for i in range(1000): midimonster.output("handled", i / 1024)
midimonster.interval(lambda: midimonster.output("tick", 1), 10)
`,
      },
    );
    session.probe.emit("go", 1);
    const expected = Array.from({ length: 1000 }, (_, i) => i / 1024);
    for (const channel of ["handled", ...Array.from({ length: 8 }, (_, i) => `c${i + 1}`)]) {
      assert.deepEqual(await session.probe.until(channel, 1000), expected, channel);
    }
  });

  it("may call every function but manage(), while the core idles", async () => {
    const session = await start(`${CONFIG}py.{b1,b2,tick} > probe.{b1,b2,tick}\n`, {
      "mod.py": `
import threading
batch = midimonster.batch(["b1", "b2"])
core = threading.get_ident()
def tick():
    say(["tick on the core's thread", threading.get_ident() == core])
    midimonster.interval(tick, 0)
    midimonster.output("tick", 1)
def work():
    now = midimonster.timestamp()
    say(["current", midimonster.current()])
    say(["channels", len(midimonster.channels())])
    say(["values", midimonster.inputvalue("mod.go"), midimonster.outputvalue("out"), midimonster.outputvalue("no")])
    say(["timestamp", type(now).__name__, midimonster.timestamp() >= now])
    say(["cleanup", midimonster.cleanup_handler(lambda: say(["bye"]))])
    midimonster.interval(tick, 10)
    batch.output([0.25, 0.5])
threads = []
def go(value):
    threads.append(threading.Timer(0.02, work))
    threads[0].start()
${ASK}`,
    });
    session.probe.emit("go", 0.75);
    await session.probe.until("tick");
    await session.router.stop();
    assert.deepEqual(session.said(), [
      ["current", null],
      ["channels", 7],
      ["values", 0.75, 0, null],
      ["timestamp", "int", true],
      ["cleanup", null],
      ["tick on the core's thread", true],
      ["bye"],
    ]);
    assert.deepEqual([session.probe.values("b1"), session.probe.values("b2")], [[0.25], [0.5]]);
  });

  // Each computes until it is told to stop, or gives up after ten seconds, which it never should.
  const COMPUTE = `
import threading, time
stop = False
def compute():
    end = time.monotonic() + 10
    while not stop:
        if time.monotonic() > end: return say("gave up")
def begin(value): threading.Thread(target=compute, daemon=True).start()
def finish(value):
    global stop
    stop = True
`;
  const computing: [what: string, instances: string[]][] = [
    ["in the same instance", ["py"]],
    ["in another instance", ["last"]],
    ["in the first of several instances", ["first"]],
    ["in several instances", ["first", "last"]],
  ];
  for (const [what, instances] of computing) {
    it(`that compute ${what} keep neither intervals, sockets nor handlers waiting`, async () => {
      const mappings = instances.map((name) => `probe.{begin,finish} > ${name}.compute.{begin,finish}\n`).join("");
      const session = await start(
        `[python first]\nmodule = compute\n[python py]\nmodule = mod\nmodule = compute\n[python last]\nmodule = compute\n[map]\n${mappings}probe.ask > py.mod.ask\npy.{done,tick,read} > probe.{done,tick,read}\n`,
        {
          "compute.py": COMPUTE,
          "mod.py": `
import socket, time
near, far = socket.socketpair()
def read(sock):
    sock.recv(1)
    time.sleep(0) # lets go of the GIL and has to get it back
    midimonster.output("read", 1)
midimonster.manage(read, near)
def tick():
    far.send(b"x")
    midimonster.output("tick", 1)
midimonster.interval(tick, 20)
${ASK}`,
        },
      );
      session.probe.emit("begin", 1);
      await session.probe.until("tick", 10);
      await session.probe.until("read", 10);
      await ask(session);
      assert.deepEqual(session.said(), []);
      session.probe.emit("finish", 1);
      await ask(session);
    });
  }

  it("that compute without end, in two instances, do not keep Ctrl-C from stopping all in order", async () => {
    const folder = folderWith({
      "monster.cfg":
        "[python first]\nmodule = compute\n[python second]\nmodule = compute\n[python third]\nmodule = quiet\n",
      "compute.py": `
import threading
def compute():
    while True: pass
threading.Thread(target=compute, daemon=True).start()
`,
      "quiet.py": `
import midimonster, time
midimonster.cleanup_handler(lambda: print("cleaned up"))
def tick():
    midimonster.interval(tick, 0)
    print("ticking")
midimonster.interval(tick, 100)
`,
    });
    const running = mmpy(["monster.cfg"], { cwd: folder });
    await running.sees(/ticking/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stdout, /cleaned up/);
  });

  for (const [what, loop] of [
    ["loopbacks", "probe.go > l1.x\nl1.x <> l2.x\n"],
    ["another instance", "probe.go > first.spin.spin\nfirst.out > first.spin.spin\n"],
  ] as const) {
    it(`get their turn while a feedback loop goes round through ${what}`, async () => {
      const session = await start(
        `[python first]\nmodule = spin\n[python py]\nmodule = mod\n[loopback l1]\n[loopback l2]\n[map]\n${loop}probe.begin > py.mod.begin\npy.out > probe.out\n`,
        {
          "spin.py": 'def spin(value): midimonster.output("out", value)\n',
          "mod.py": `
import threading, time
def work():
    while True:
        midimonster.output("out", 1)
        time.sleep(0.001)
def begin(value): threading.Thread(target=work, daemon=True).start()
`,
        },
      );
      session.probe.emit("go", 1);
      session.probe.emit("begin", 1);
      await session.log.seen(/feedback loop/);
      // Takes three seconds, and would take for ever. Nothing else is to happen, since that would be a chance too.
      await session.probe.until("out", 1000);
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
