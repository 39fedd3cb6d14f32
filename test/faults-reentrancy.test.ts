// User code that calls back into the module, or changes what is being served, while it is called itself.
import assert from "node:assert/strict";
import { ask, type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.{go,ask} > py.mod.{go,ask}
py.{out,done,told} > probe.{out,done,told}
py.{back,again} > py.mod.{on_back,on_again}
`;

/** `go` is what a case provides; `tell` says something and lets the test know. */
const COMMON = `
import os, socket, sys
def tell(*what):
    say(list(what))
    midimonster.output("told", 1)
def on_back(value): pass
def on_again(value): pass
def ask(value): midimonster.output("done", value)
`;

function complaints(session: Session): string[] {
  const all = session.log.entries.filter(({ level }) => level === "warn" || level === "error");
  // On a busy machine anything may take long.
  return all.map(({ message }) => message).filter((message) => !/ is slow: /.test(message));
}

async function go(code: string): Promise<Session> {
  const session = await start(CONFIG, { "mod.py": `${COMMON}${code}` });
  session.probe.emit("go", 0.5);
  return session;
}

describe("a handler", () => {
  it("that outputs to its own instance, also on its own channel, is finished before any of it is handled", async () => {
    const session = await go(`
depth = 0
def on_back(value):
    global depth
    depth += 1
    tell("back", value, depth)
    if value < 0.5: midimonster.output("back", value + 0.125)
    midimonster.output("again", value)
    depth -= 1
def on_again(value): tell("again", value, depth)
def go(value):
    midimonster.output("back", 0.25)
    midimonster.output("back", 0.375)
    tell("go returns")
`);
    await session.probe.until("told", 11);
    assert.deepEqual(session.said(), [
      ["go returns"],
      ["back", 0.25, 1],
      ["back", 0.375, 1],
      ["back", 0.375, 1],
      ["again", 0.25, 0],
      ["back", 0.5, 1],
      ["again", 0.375, 0],
      ["back", 0.5, 1],
      ["again", 0.375, 0],
      ["again", 0.5, 0],
      ["again", 0.5, 0],
    ]);
  });

  it("may register and cancel intervals, and every function is there to be called", async () => {
    const session = await go(`
def first():
    tell("first", midimonster.current())
    midimonster.interval(first, 0)
    midimonster.interval(second, 10)
def second():
    tell("second")
    midimonster.interval(second, 0)
def never(): tell("never")
def go(value):
    midimonster.interval(never, 10)
    midimonster.interval(first, 10)
    midimonster.interval(never, 0)
    say([midimonster.current(), midimonster.inputvalue("mod.go"), len(midimonster.channels())])
`);
    await session.probe.until("told", 2);
    await ask(session);
    assert.deepEqual(session.said(), [["mod.go", 0, 9], ["first", null], ["second"]]);
  });

  it("may register, replace and unregister sockets, others' too", async () => {
    const session = await go(`
pairs = [socket.socketpair() for i in range(3)]
def wrong(sock): tell("wrong", sock.recv(1).decode())
def right(sock): tell("right", sock.recv(1).decode())
for near, far in pairs[:2]: midimonster.manage(wrong, near)
def go(value):
    for near, far in pairs: far.send(b"x")
    midimonster.manage(right, pairs[0][0])
    midimonster.manage(None, pairs[1][0])
    midimonster.manage(right, pairs[2][0])
`);
    await session.probe.until("told", 2);
    await ask(session);
    assert.deepEqual(session.said(), [
      ["right", "x"],
      ["right", "x"],
    ]);
  });

  it("may import modules, which register things themselves", async () => {
    const session = await start(CONFIG, {
      "late.py": `
import mod
midimonster.output("out", 0.25)
def tick():
    midimonster.interval(tick, 0)
    mod.tell("late ticks")
midimonster.interval(tick, 10)
`,
      "broken.py": "1 / 0\n",
      "mod.py": `${COMMON}
def go(value):
    import late, html.parser
    try:
        import broken
    except ZeroDivisionError:
        say(["broken"])
`,
    });
    session.probe.emit("go", 1);
    assert.deepEqual(await session.probe.until("out"), [0.25]);
    await session.probe.until("told");
    assert.deepEqual(session.said(), [["broken"], ["late ticks"]]);
    assert.deepEqual(session.log.matching(/raised/), []);
  });

  it("may start threads and wait for them, though they call the module's functions", async () => {
    const session = await go(`
import threading
def work(number):
    for i in range(100): midimonster.output("out", number / 8)
def go(value):
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    tell("joined")
`);
    await session.probe.until("told");
    const values = session.probe.values("out");
    assert.equal(values.length, 400);
    for (const number of [0, 1, 2, 3]) assert.equal(values.filter((value) => value === number / 8).length, 100);
  });

  it("may run programs, and so may intervals and socket functions", async () => {
    const session = await go(`
import subprocess
def run(name): tell(name, subprocess.run(["sh", "-c", "echo said by $0; exit 3", name], stdout=subprocess.PIPE).stdout.decode())
near, far = socket.socketpair()
def read(sock):
    sock.recv(1)
    run("socket")
midimonster.manage(read, near)
def tick():
    midimonster.interval(tick, 0)
    run("interval")
    far.send(b"x")
def go(value):
    midimonster.interval(tick, 10)
    run("handler")
    tell(os.system("exit 3") >> 8)
`);
    await session.probe.until("told", 4);
    assert.deepEqual(session.said(), [
      ["handler", "said by handler\n"],
      [3],
      ["interval", "said by interval\n"],
      ["socket", "said by socket\n"],
    ]);
  });

  it("goes on when its function is replaced or deleted meanwhile; the mapping keeps the one from the start", async () => {
    const session = await go(`
import gc
def other(value): tell("other")
def go(value):
    if value < 1:
        sys.modules[__name__].go = other
    else:
        del sys.modules[__name__].go
    gc.collect()
    tell("the first one", value)
`);
    await session.probe.until("told");
    session.probe.emit("go", 1);
    await session.probe.until("told", 2);
    assert.deepEqual(complaints(session), []);
    assert.deepEqual(session.said(), [
      ["the first one", 0.5],
      ["the first one", 1],
    ]);
  });

  it("may call output() in __float__ of a value and in a name's own methods", async () => {
    const session = await go(`
class Knob:
    def __float__(self):
        midimonster.output("out", 0.25)
        midimonster.interval(print, 0)
        return 0.5
class Name(str):
    def __del__(self): midimonster.output("out", 0.75)
def go(value):
    midimonster.output("out", Knob())
    for i in range(100): midimonster.output(Name("out"), 0.625)
    midimonster.inputvalue(Name("nothing"))
    tell("done")
`);
    await session.probe.until("told");
    const values = session.probe.values("out");
    assert.deepEqual(values.slice(0, 2), [0.25, 0.5]);
    assert.equal(values.filter((value) => value === 0.625).length, 100);
    assert.deepEqual(session.log.matching(/raised/), []);
  });

  it("may be interrupted by finalizers that output, cancel and unregister", async () => {
    const session = await go(`
import gc
near, far = socket.socketpair()
def read(sock): tell("read")
def tick(): tell("tick")
class Node:
    def __init__(self): self.self = self
    def __del__(self):
        midimonster.output("out", 0.5)
        midimonster.interval(tick, 0)
        midimonster.manage(None, near)
        midimonster.cleanup_handler(None)
midimonster.manage(read, near)
midimonster.cleanup_handler(lambda: tell("bye"))
def go(value):
    midimonster.interval(tick, 10)
    far.send(b"x")
    for i in range(50): Node()
    gc.collect()
    midimonster.output("out", 1)
`);
    assert.deepEqual(await session.probe.until("out", 51), [...Array(50).fill(0.5), 1]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await session.router.stop();
    assert.deepEqual(session.said(), []);
    assert.deepEqual(session.log.matching(/raised/), []);
  });
});

describe("an interval function", () => {
  it("may cancel those that are due with it, and register others", async () => {
    const session = await go(`
def first():
    tell("first")
    midimonster.interval(first, 0)
    midimonster.interval(second, 0)
    for i in range(100): midimonster.interval(lambda: None, 10)
    midimonster.interval(third, 20)
def second(): tell("second")
def third():
    tell("third")
    midimonster.interval(third, 0)
midimonster.interval(first, 10)
midimonster.interval(second, 10)
def go(value): pass
`);
    await session.probe.until("told", 2);
    await ask(session);
    assert.deepEqual(session.said(), [["first"], ["third"]]);
  });

  it("may be compared by an __eq__ that registers and cancels intervals itself", async () => {
    const session = await go(`
class Strange:
    def __init__(self, name): self.name = name
    def __call__(self):
        tell(self.name)
        midimonster.interval(self, 0)
    def __eq__(self, other):
        global busy
        if self is other: return True
        if busy: return False
        busy = True
        for filler in fillers: midimonster.interval(filler, 10)
        for filler in fillers: midimonster.interval(filler, 0)
        busy = False
        return False
    __hash__ = None
busy = False
fillers = [(lambda i=i: tell("filler", i)) for i in range(20)]
first, second = Strange("first"), Strange("second")
def go(value):
    midimonster.interval(first, 10)
    midimonster.interval(second, 10)
`);
    await session.probe.until("told", 2);
    await ask(session);
    assert.deepEqual(session.said(), [["first"], ["second"]]);
  });
});

describe("a socket function", () => {
  it("may close others that are readable as well, and use their numbers for new ones at once", async () => {
    const session = await go(`
pairs = [socket.socketpair() for i in range(10)]
closed = []
def read(sock):
    tell("read", sock.recv(1).decode())
    number = sock.fileno()
    for near, far in pairs:
        if near is not sock and near.fileno() >= 0:
            midimonster.manage(None, near)
            near.close()
    midimonster.manage(None, sock)
    sock.close()
    new = socket.socketpair()
    closed.append(new)
    midimonster.manage(read_new, new[0])
    new[1].send(b"n")
def read_new(sock):
    tell("new", sock.recv(1).decode())
for near, far in pairs: midimonster.manage(read, near)
def go(value):
    for near, far in pairs: far.send(b"x")
`);
    await session.probe.until("told", 2);
    await ask(session);
    assert.deepEqual(session.said(), [
      ["read", "x"],
      ["new", "n"],
    ]);
    assert.deepEqual(complaints(session), []);
  });

  it("may take another's descriptor over, and so may another instance", async () => {
    const session = await start(
      "[python one]\nmodule = mod\n[python two]\nmodule = other\n[map]\nprobe.go > one.mod.go\none.told > probe.one\ntwo.told > probe.two\none.number > two.other.take\n",
      {
        "mod.py": `
import os
read_end, write_end = os.pipe()
class Pipe:
    def __init__(self, number): self.number = number
    def fileno(self): return self.number
def mine(pipe):
    say(["one", os.read(pipe.number, 1).decode()])
    midimonster.manage(None, pipe)
    midimonster.output("told", 1)
    midimonster.output("number", read_end / 4096)
    os.write(write_end, b"b")
midimonster.manage(print, Pipe(read_end))
def go(value):
    midimonster.manage(mine, Pipe(read_end)) # another object of the same number
    os.write(write_end, b"a")
`,
        "other.py": `
import os
class Pipe:
    def __init__(self, number): self.number = number
    def fileno(self): return self.number
def theirs(pipe):
    say(["two", os.read(pipe.number, 1).decode()])
    midimonster.output("told", 1)
def take(value): midimonster.manage(theirs, Pipe(round(value * 4096)))
`,
      },
    );
    session.probe.emit("go", 1);
    await session.probe.until("one");
    await session.probe.until("two");
    assert.deepEqual(session.said(), [
      ["one", "a"],
      ["two", "b"],
    ]);
  });

  it("may be let go by its own fileno()", async () => {
    const session = await go(`
class Fickle:
    def __init__(self):
        self.end, self.other = os.pipe()
        self.asked = 0
    def fileno(self):
        self.asked += 1
        if self.asked > 1:
            self.asked = -1000
            midimonster.manage(None, self)
        return self.end
fickle = Fickle()
def read(pipe): tell("read", os.read(pipe.end, 1).decode())
def go(value):
    midimonster.manage(read, fickle)
    os.write(fickle.other, b"x")
`);
    await ask(session);
    await ask(session);
    assert.deepEqual(session.said(), []);
    assert.deepEqual(complaints(session), []);
  });
});

describe("a cleanup handler", () => {
  it("may call every function; what it registers is not called any more", async () => {
    const session = await go(`
near, far = socket.socketpair()
def bye():
    say(["bye", midimonster.outputvalue("out"), midimonster.cleanup_handler(bye)])
    midimonster.interval(lambda: say(["tick"]), 10)
    midimonster.manage(lambda sock: say(["read"]), near)
    far.send(b"x")
    midimonster.output("back", 1)
    midimonster.batch(["out"])
def on_back(value): say(["back"])
midimonster.cleanup_handler(bye)
def go(value): midimonster.output("out", 0.5)
`);
    await session.probe.until("out");
    await session.router.stop();
    assert.deepEqual(session.said(), [["bye", 0.5, null]]);
    assert.deepEqual(session.log.matching(/raised/), []);
  });
});
