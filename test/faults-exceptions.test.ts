// User code that raises, wherever that may be: logged once in full, and nothing else is disturbed.
import assert from "node:assert/strict";
import { folderWith, mmpy } from "./helpers.js";
import { ROUTER } from "./modes.js";
import { ASK, ask, CONFIG, Session, start } from "./session.js";

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
    ["more memory than there is", "bytearray(1 << 60)", /MemoryError$/],
    [
      "an exception whose __str__ ends the program",
      "raise type('Bad', (Exception,), {'__str__': lambda self: __import__('sys').exit()})",
      /Bad: <(exception str\(\) failed|unprintable Bad object)>$/,
    ],
    [
      "an exception that Python's traceback module can't format",
      "raise type('Bad', (Exception,), {'__cause__': property(lambda self: 1 / 0)})('told all the same')",
      /Bad: told all the same$/,
    ],
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

  it("for wrong parameters says what a function is called with", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import socket
ours, theirs = socket.socketpair()
theirs.send(b"x")
def takes(value): pass
async def waits(value): pass
def nothing(): pass
def inside(): len()
midimonster.interval(takes, 10)
midimonster.interval(inside, 10)
midimonster.after(waits, 10)
midimonster.started(takes)
midimonster.manage(nothing, ours)
midimonster.cleanup_handler(takes)
midimonster.after(lambda: midimonster.output("out", 1), 30)
def go(value): pass
${ASK}`,
    });
    await session.probe.until("out");
    await session.router.stop();
    const told = (what: string) =>
      session.log
        .matching(new RegExp(`${what} raised\n`))[0]
        ?.message.split("\n")
        .at(-1);
    for (const what of [
      "interval function mod.takes",
      "delayed function mod.waits",
      "start function mod.takes",
      "cleanup handler mod.takes",
    ])
      assert.equal(told(what), "  = it is called without arguments", what);
    assert.match(
      session.log.matching(/the socket function mod\.nothing raised/)[0]?.message ?? "",
      /\n {2}= it is called with the socket as its one argument$/,
    );
    assert.match(told("interval function mod.inside") ?? "", /^TypeError: /);
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
      "412 more times: py.mod.go: the handler raised: KeyError: 0.001",
    ]);
  });

  it("with another type every time is logged in full some times, then counted", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
def go(value):
    number = round(value * 10000)
    raise type("Odd%d" % number, (Exception,), {})("x" * 20000 if number % 2 else "")
${ASK}`,
    });
    for (let i = 1; i <= 2000; ++i) session.probe.emit("go", i / 10_000);
    await ask(session);
    await session.log.seen(
      /^py: there are so many different problems that more are only counted for up to 10 seconds$/,
    );
    await session.router.stop();
    const full = session.log.matching(/raised/);
    assert.ok(full.length > 5 && full.length <= 100, `${full.length} in full`);
    const characters = session.log.entries.reduce((sum, { message }) => sum + message.length, 0);
    assert.ok(characters < 1_000_000, `${characters} characters`);
    // One line, or two if ten seconds end meanwhile on a busy machine.
    const counted = /^py: (\d+) more problems? of different kinds (?:was|were) not logged$/;
    const counts = session.log.matching(counted).map(({ message }) => Number(counted.exec(message)?.[1]));
    assert.ok(counts.length >= 1, "nothing was counted");
    assert.equal(
      counts.reduce((sum, each) => sum + each, 0),
      2000 - full.length,
    );
  });

  it("in a default handler is logged once for all its channels", async () => {
    const session = await start(
      "[python py]\nmodule = mod\ndefault-handler = mod.all\n[map]\nprobe.c{1..512} > py.c{1..512}\nprobe.ask > py.mod.ask\npy.done > probe.done\n",
      { "mod.py": `def all(value):\n    raise KeyError(midimonster.current())\n${ASK}` },
    );
    for (let i = 1; i <= 512; ++i) session.probe.emit(`c${i}`, 0.5);
    await ask(session);
    await session.router.stop();
    const messages = session.log.matching(/raised/).map(({ message }) => message.split("\n")[0]);
    assert.deepEqual(messages, [
      "py.c1: the handler raised on value 0.5",
      "511 more times: py.c2: the handler raised on this and 510 other channels: KeyError: 'c1'",
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

  it("in looking up fileno raises in who calls manage(), as it is", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
class Lacking:
    @property
    def fileno(self): raise MemoryError("looking it up")
def go(value): midimonster.manage(print, Lacking() if value == 1 else object())
${ASK}`,
    });
    for (const value of [1, 0.5]) session.probe.emit("go", value);
    await session.log.seen(/TypeError/);
    const raised = session.log.matching(/raised/).map(({ message }) => message.split("\n").at(-1));
    assert.deepEqual(raised, [
      "MemoryError: looking it up",
      "TypeError: manage() requires a socket-like object, with fileno()",
    ]);
  });

  it("in __eq__ of an interval function raises in who calls interval(), and the interval stays", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
class Strange:
    def __call__(self): midimonster.output("out", 1)
    def __eq__(self, other): raise RuntimeError("not comparable")
    __hash__ = None
midimonster.interval(Strange(), 10)
def go(value): midimonster.interval(print, 10)
${ASK}`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    assert.match(
      session.log.matching(/raised/)[0]?.message ?? "",
      /^py\.mod\.go: the handler raised on value 1\n[\s\S]*in __eq__\n[\s\S]*RuntimeError: not comparable$/,
    );
    const before = session.probe.values("out").length;
    await session.probe.until("out", before + 2);
  });

  it("in fileno() of a socket that is watched is logged by the function's name, and the socket released", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import os
class Pipe:
    def __init__(self):
        self.end, self.other = os.pipe()
        self.works = True
    def fileno(self):
        if not self.works: raise RuntimeError("no number")
        return self.end
pipe = Pipe()
def read(sock): pass
midimonster.manage(read, pipe)
def go(value):
    pipe.works = False
    os.write(pipe.other, b"x")
${ASK}`,
    });
    session.probe.emit("go", 1);
    const { level, message } = await session.log.seen(/fileno\(\)/);
    assert.equal(level, "error");
    assert.match(
      message,
      /^py: fileno\(\) of the socket managed by mod\.read \(descriptor \d+\) raised; it is no longer watched\nTraceback[\s\S]*RuntimeError: no number$/,
    );
    await ask(session);
    assert.equal(session.log.matching(/fileno|closed without/).length, 1);
  });

  it("in one instance leaves the handlers, intervals and sockets of another alone", async () => {
    const raising = `
import socket
near, far = socket.socketpair()
far.send(b"x" * 100)
def go(value): raise ValueError("handler")
def tick(): raise ValueError("interval")
def read(sock):
    sock.recv(1)
    raise ValueError("socket")
midimonster.interval(tick, 10)
midimonster.manage(read, near)
`;
    const working = `
import socket
near, far = socket.socketpair()
def go(value):
    midimonster.output("out", value)
    far.send(b"x")
def tick(): midimonster.output("tick", 1)
def read(sock):
    sock.recv(1)
    midimonster.output("read", 1)
midimonster.interval(tick, 10)
midimonster.manage(read, near)
`;
    const session = await start(
      "[python bad]\nmodule = raising\n[python good]\nmodule = working\n[map]\nprobe.go > bad.raising.go\nprobe.go > good.working.go\ngood.{out,tick,read} > probe.{out,tick,read}\n",
      { "raising.py": raising, "working.py": working },
    );
    for (let i = 0; i < 64; ++i) session.probe.emit("go", i / 64);
    assert.deepEqual(
      await session.probe.until("out", 64),
      Array.from({ length: 64 }, (_, i) => i / 64),
    );
    await session.probe.until("tick", 5);
    await session.probe.until("read", 64);
    for (const expected of [
      /^bad\.raising\.go: the handler raised/,
      /^bad: the interval function raising\.tick raised/,
      /^bad: the socket function raising\.read raised/,
      /^bad: raising\.read raised 10 times in a row/,
    ]) {
      await session.log.seen(expected);
      assert.equal(session.log.matching(expected).length, 1, String(expected));
    }
    assert.deepEqual(session.log.matching(/^good/), []);
  });
});

describe("an exception that nothing can catch", () => {
  // What go does three times, and how the log calls what raised.
  const uncaught: [where: string, code: string, subject: RegExp, lastLine: RegExp][] = [
    ["in __del__", "Bad()", /^py: the finalizer mod\.Bad\.__del__ raised$/, /ValueError: from __del__$/],
    [
      "in a generator that is given up",
      "unfinished = generator(); next(unfinished); del unfinished",
      /^py: the finalizer generator raised$/,
      /ValueError: from generator$/,
    ],
    [
      "in the callback of a weak reference",
      "target = Target(); reference = weakref.ref(target, fail); del target",
      /^py: the callback mod\.fail raised$/,
      /ValueError: from fail$/,
    ],
    [
      "in a thread",
      "thread = threading.Thread(target=fail); thread.start(); thread.join()",
      /^py: the thread Thread-\d+( \(fail\))? raised$/,
      /ValueError: from fail$/,
    ],
    [
      "in a thread that Ctrl-C seems to end",
      "thread = threading.Thread(target=interrupt, name='worker'); thread.start(); thread.join()",
      /^py: the thread worker raised$/,
      /KeyboardInterrupt$/,
    ],
    [
      "in a thread of _thread",
      "threads = _thread._count(); _thread.start_new_thread(fail, ())\n    while _thread._count() > threads: time.sleep(0.001)",
      /^py: the thread (mod\.)?fail raised$/,
      /ValueError: from fail$/,
    ],
  ];
  const module = (code: string) => `
import threading, time, weakref, _thread
class Bad:
    def __del__(self): raise ValueError("from __del__")
class Target: pass
def generator():
    try: yield
    finally: raise ValueError("from generator")
def fail(*arguments): raise ValueError("from fail")
def interrupt(): raise KeyboardInterrupt
def go(value):
    ${code}
${ASK}`;
  for (const [where, code, subject, lastLine] of uncaught) {
    it(`${where} is logged once in full, then counted`, async () => {
      const session = await start(CONFIG, { "mod.py": module(code) });
      for (let i = 0; i < 3; ++i) session.probe.emit("go", 1);
      await ask(session);
      const { level, message, fields } = await session.log.seen(/raised/);
      assert.equal(level, "error");
      assert.match(message.split("\n")[0] ?? "", subject);
      assert.match(message, /^Traceback \(most recent call last\):\n[\s\S]*File ".*mod\.py", line \d+, in/m);
      assert.match(message, lastLine);
      assert.equal(fields.instance, "py");
      await session.router.stop();
      const [, repeats, ...others] = session.log.matching(/raised/);
      assert.match(repeats?.message ?? "", /^2 more times: py: the (finalizer|callback|thread) /);
      assert.deepEqual(others, []);
    });
  }

  it("in __del__ of what lives as long as the instance, or in an exit function, is logged at the stop", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import atexit
class Bad:
    def __init__(self, name): self.name = name
    def __del__(self): raise ValueError("at the end of " + self.name)
    def tick(self): pass
kept = Bad("the module")
midimonster.interval(Bad("the interval").tick, 1000)
@atexit.register
def bye(): raise ValueError("no exit")
def go(value): pass
${ASK}`,
    });
    await session.router.stop();
    const said = session.log.matching(/raised/).map(({ message }) => message);
    assert.equal(said.length, 3, said.join("\n"));
    assert.match(
      said[0] ?? "",
      /^py: the finalizer mod\.Bad\.__del__ raised\n[\s\S]*ValueError: at the end of the interval$/,
    );
    assert.match(said[1] ?? "", /^py: the exit function .* raised\n[\s\S]*ValueError: no exit$/);
    assert.match(said[2] ?? "", /^once more: py: the finalizer mod\.Bad\.__del__ raised/);
  });

  it("with SystemExit only ends its thread", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import sys, threading
def go(value):
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
${ASK}`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(
      session.log.entries.filter(({ level }) => level === "error"),
      [],
    );
  });

  it("goes to user code's own hooks, if it has set some", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import sys, threading
sys.unraisablehook = lambda unraisable: say(["unraisable", str(unraisable.exc_value)])
threading.excepthook = lambda raised: say(["thread", str(raised.exc_value)])
class Bad:
    def __del__(self): raise ValueError("from __del__")
def fail(): raise ValueError("from a thread")
def go(value):
    Bad()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
${ASK}`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(session.said(), [
      ["unraisable", "from __del__"],
      ["thread", "from a thread"],
    ]);
    assert.deepEqual(session.log.matching(/raised/), []);
  });

  it("at the end of the stack is told of too", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
class Bad:
    def __del__(self): raise ValueError("deep down")
def deeper():
    bad = Bad()
    deeper()
def go(value): deeper()
${ASK}`,
    });
    session.probe.emit("go", 1);
    await ask(session);
    await session.log.seen(/^py: the finalizer mod\.Bad\.__del__ raised/);
    await session.log.seen(/^py\.mod\.go: the handler raised[\s\S]*RecursionError/);
    assert.equal(session.log.matching(/^py\.mod\.go: the handler raised[\s\S]*RecursionError/).length, 1);
  });

  it("leaves nothing on standard error but the log", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import midimonster, os, signal, threading
class Bad:
    def __del__(self): raise ValueError("from __del__")
def fail(): raise ValueError("from a thread")
def go():
    midimonster.interval(go, 0)
    Bad()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    os.kill(${ROUTER}, signal.SIGTERM)
midimonster.interval(go, 10)
`,
    });
    const running = mmpy(["--log-format", "json", "monster.cfg"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const lines = running.stderr.trim().split("\n");
    const raised = lines.map((line) => (JSON.parse(line) as { msg: string }).msg).filter((text) => /raised/.test(text));
    assert.equal(raised.length, 2, running.stderr);
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
