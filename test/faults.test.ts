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

describe("user code that raises", () => {
  const raising: [what: string, statement: string, lastLine: RegExp][] = [
    ["an exception", "1 / 0", /ZeroDivisionError: (float )?division by zero$/],
    ["sys.exit()", "import sys; sys.exit(3)", /SystemExit: 3$/],
    ["KeyboardInterrupt", "raise KeyboardInterrupt", /KeyboardInterrupt$/],
    ["RecursionError", "go(value)", /RecursionError: maximum recursion depth exceeded/],
    ["MemoryError", "raise MemoryError", /MemoryError$/],
    [
      "an exception whose __str__ raises",
      "raise type('Bad', (Exception,), {'__str__': lambda self: 1 / 0})",
      /Bad: <(exception str\(\) failed|unprintable Bad object)>$/,
    ],
    ["GeneratorExit", "raise GeneratorExit", /GeneratorExit$/],
  ];
  for (const [what, statement, lastLine] of raising) {
    it(`${what}: is logged with instance, channel, value and traceback, and the core goes on`, async () => {
      const session = await start(CONFIG, { "mod.py": `def go(value):\n    ${statement}\n${ASK}` });
      session.probe.emit("go", 0.25);
      await ask(session);
      const [entry] = session.log.matching(/raised/);
      assert.equal(entry?.level, "error");
      assert.match(
        entry?.message ?? "",
        /^py\.mod\.go: the handler raised on value 0\.25\nTraceback \(most recent call last\):\n {2}File ".*mod\.py", line 4, in go/,
      );
      assert.match(entry?.message ?? "", lastLine);
      assert.deepEqual([entry?.fields.instance, entry?.fields.subject, entry?.fields.value], ["py", "mod.go", 0.25]);
      session.probe.emit("go", 1);
      await ask(session);
    });
  }

  it("in an interval function is logged by its name, and it is called again", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
count = 0
def tick():
    global count
    count += 1
    if count == 4: midimonster.output("out", 1)
    raise ValueError("tick %d" % count)
midimonster.interval(tick, 10)
def go(value): pass
${ASK}`,
    });
    await session.probe.until("out");
    assert.match(
      session.log.matching(/raised/)[0]?.message ?? "",
      /^py: the interval function mod\.tick raised\nTraceback[\s\S]*ValueError: tick 1$/,
    );
  });

  it("in a cleanup handler is logged, and the stop goes on", async () => {
    const session = await start(CONFIG, {
      "mod.py": `def bye(): raise OSError("disk full")\nmidimonster.cleanup_handler(bye)\ndef go(value): pass\n${ASK}`,
    });
    await session.router.stop();
    assert.match(
      session.log.matching(/raised/)[0]?.message ?? "",
      /the cleanup handler mod\.bye raised\n[\s\S]*OSError: disk full$/,
    );
  });

  it("again and again is logged in full once, then counted", async () => {
    const session = await start(CONFIG, { "mod.py": `def go(value):\n    raise KeyError(value)\n${ASK}` });
    for (let i = 1; i <= 413; ++i) session.probe.emit("go", i / 1000);
    await ask(session);
    assert.equal(session.log.matching(/raised/).length, 1);
    await session.router.stop();
    const messages = session.log.matching(/raised/).map(({ message }) => message.split("\n")[0]);
    assert.deepEqual(messages, [
      "py.mod.go: the handler raised on value 0.001",
      "412 times more: py.mod.go: the handler raised: KeyError: 0.001",
    ]);
  });

  it("in __float__ of an output value raises in the caller only", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
class Bad:
    def __float__(self): raise RuntimeError("no number")
def go(value):
    midimonster.output("out", Bad())
${ASK}`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    assert.match(session.log.matching(/raised/)[0]?.message ?? "", /RuntimeError: no number$/);
    assert.deepEqual(session.probe.values("out"), []);
  });
});

describe("texts with undecodable characters", () => {
  it("in an exception of a module do not hide that it failed", async () => {
    const session = new Session("[python py]\nmodule = mod\n", { "mod.py": 'raise ValueError("bad \\udcff name")\n' });
    await assert.rejects(session.router.load(), /ValueError: bad \\udcff name/);
  });

  it("in an exception of a handler are escaped", async () => {
    const session = await start(CONFIG, { "mod.py": `def go(value):\n    raise ValueError("bad \\udcff")\n${ASK}` });
    session.probe.emit("go", 1);
    await ask(session);
    assert.match(session.log.matching(/raised/)[0]?.message ?? "", /ValueError: bad \\udcff$/);
  });
});

describe("a feedback loop", () => {
  const loops: [what: string, config: string, names: RegExp][] = [
    [
      "of one python instance",
      "[python py]\nmodule = mod\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\npy.out > py.mod.spin\nprobe.go > py.mod.spin\n",
      /feedback loop: py\.mod\.spin -> py\.mod\.spin;/,
    ],
    [
      "through two loopbacks",
      "[python py]\nmodule = mod\n[loopback l1]\n[loopback l2]\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\nprobe.go > l1.x\nl1.x > l2.y\nl2.y > l1.x\n",
      /feedback loop: (l1\.x -> l2\.y -> l1\.x|l2\.y -> l1\.x -> l2\.y);/,
    ],
    [
      "through a TypeScript backend",
      "[python py]\nmodule = mod\n[probe mirror]\necho = on\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\nprobe.go > py.mod.spin\npy.out > mirror.m\nmirror.m > py.mod.spin\n",
      /feedback loop: (py\.mod\.spin -> mirror\.m -> py\.mod\.spin|mirror\.m -> py\.mod\.spin -> mirror\.m);/,
    ],
  ];
  for (const [what, config, names] of loops) {
    it(`${what} leaves intervals and sockets working and is named once`, async () => {
      const session = await start(config, {
        "mod.py": `
import socket
near, far = socket.socketpair()
def answer(sock):
    midimonster.output("answer", sock.recv(1) == b"x")
midimonster.manage(answer, near)
midimonster.interval(lambda: midimonster.output("tick", 1), 10)
spins = 0
def spin(value):
    global spins
    spins += 1
    midimonster.output("out", value)
def go(value): pass
def ask(value):
    far.send(b"x")
    midimonster.output("done", 1)
`,
      });
      session.probe.emit("go", 1);
      await session.log.seen(names);
      const before = session.probe.values("tick").length;
      await session.probe.until("tick", before + 20);
      await ask(session);
      assert.deepEqual(await session.probe.until("answer"), [1]);
      assert.equal(session.log.matching(/feedback loop/).length, 1);
    });
  }

  it("loses no event: each of many going round is counted on every round", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[python other]\nmodule = other\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.out > other.other.pong\nother.out > py.mod.spin\npy.done > probe.done\n",
      {
        "mod.py": `
import collections
seen = collections.Counter()
def go(value):
    for i in range(100): midimonster.output("out", i / 128)
def spin(value):
    seen[value] += 1
    if seen[value] < 2000: midimonster.output("out", value)
def ask(value):
    if len(seen) == 100 and set(seen.values()) == {2000}: midimonster.output("done", 1)
`,
        "other.py": 'def pong(value): midimonster.output("out", value)\n',
      },
    );
    session.probe.emit("go", 1);
    const asking = setInterval(() => session.probe.emit("ask", 1), 20);
    await session.probe.until("done");
    clearInterval(asking);
  });

  it("does not name a long chain that ends", async () => {
    const session = await start(CONFIG, { "mod.py": `def go(value):\n    midimonster.output("out", value)\n${ASK}` });
    for (let i = 0; i < 5000; ++i) session.probe.emit("go", 0.5);
    await ask(session);
    assert.deepEqual(session.log.matching(/feedback/), []);
  });
});

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
