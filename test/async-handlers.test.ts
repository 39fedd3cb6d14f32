// `async def` in the place of every function, and what begins and ends together with it.
import assert from "node:assert/strict";
import { ask, type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
default-handler = mod.any_channel
[map]
probe.{go,other,ask} > py.mod.{go,other,ask}
probe.{plain,batched} > py.{plain,batched}
probe.method > py.mod.thing.method
probe.partial > py.mod.partial
probe.object > py.mod.thing
probe.wrapped > py.mod.wrapped
py.{out,done} > probe.{out,done}
`;

/** Answers, and lets a test wait for as many as it expects. */
const MODULE = `
import asyncio, functools
def ask(value):
    midimonster.output("done", value)
def out(*what):
    say(what[0] if len(what) == 1 else list(what))
    midimonster.output("out", 1)
async def go(value): pass
async def other(value): pass
async def any_channel(value):
    await asyncio.sleep(0)
    out("default", midimonster.current(), value)
class Thing:
    async def method(self, value):
        await asyncio.sleep(0)
        out("method", midimonster.current(), value)
    async def __call__(self, value):
        await asyncio.sleep(0)
        out("object", midimonster.current(), value)
thing = Thing()
async def two(word, value):
    await asyncio.sleep(0)
    out(word, midimonster.current(), value)
partial = functools.partial(two, "partial")
def wrapped(value):
    return two("wrapped", value)
`;

const module = (text: string) => ({ "mod.py": MODULE + text });

async function saysAll(session: Session, count: number): Promise<unknown[]> {
  await session.probe.until("out", count);
  return session.said();
}

describe("async def", () => {
  const callables: [what: string, channel: string, name: string, word: string][] = [
    ["a default handler", "plain", "plain", "default"],
    ["a bound method", "method", "mod.thing.method", "method"],
    ["functools.partial", "partial", "mod.partial", "partial"],
    ["an object with __call__", "object", "mod.thing", "object"],
    ["a plain function that returns a coroutine", "wrapped", "mod.wrapped", "wrapped"],
  ];
  it(`works as ${callables.map(([what]) => what).join(", ")}`, async () => {
    const session = await start(CONFIG, module(""));
    for (const [, channel] of callables) session.probe.emit(channel, 0.25);
    assert.deepEqual(
      await saysAll(session, callables.length),
      callables.map(([, , name, word]) => [word, name, 0.25]),
    );
  });

  it("works for intervals, sockets and batches, in which there is no current channel", async () => {
    const session = await start(
      CONFIG,
      module(`
import socket
near, far = socket.socketpair()
async def tick():
    midimonster.interval(tick, 0)
    await asyncio.sleep(0)
    out("interval", midimonster.current())
    far.send(b"x")
async def read(sock):
    data = sock.recv(9).decode()
    midimonster.manage(None, sock)
    await asyncio.sleep(0)
    out("socket", data, midimonster.current())
async def frame(batch):
    await asyncio.sleep(0)
    out("batch", list(batch.inputs), midimonster.current())
midimonster.batch(["batched"], frame)
midimonster.interval(tick, 10)
midimonster.manage(read, near)
`),
    );
    await session.probe.until("out", 2);
    session.probe.emit("batched", 0.5);
    assert.deepEqual(await saysAll(session, 3), [
      ["interval", null],
      ["socket", "x", null],
      ["batch", [0.5], null],
    ]);
  });

  it("works for functions of after(), of started() and of sockets that can be written to", async () => {
    const session = await start(
      CONFIG,
      module(`
import socket
near, far = socket.socketpair()
async def later():
    await asyncio.sleep(0)
    out("after", midimonster.current())
async def begun():
    await asyncio.sleep(0)
    out("started", midimonster.current())
async def write(sock):
    midimonster.manage(None, sock, write=True)
    await asyncio.sleep(0)
    out("writable", midimonster.current())
midimonster.after(later, 5)
midimonster.started(begun)
midimonster.manage(write, near, write=True)
`),
    );
    const said = (await saysAll(session, 3)) as unknown[][];
    // In whatever order.
    assert.deepEqual(said.sort(), [
      ["after", null],
      ["started", null],
      ["writable", null],
    ]);
  });

  it("makes its first step before the next event, which may be a plain function's", async () => {
    const session = await start(
      CONFIG.replace("other,ask", "other,ask,third").replace(
        "go,other,ask}\nprobe.{p",
        "go,other,ask,third}\nprobe.{p",
      ),
      module(`
order = []
async def go(value):
    order.append(["go", value, midimonster.current()])
    await asyncio.sleep(0)
    order.append(["after", value, midimonster.current()])
    midimonster.output("out", 1)
async def other(value):
    order.append(["other", value])
def third(value):
    order.append(["plain", value])
def ask(value):
    say(order)
    midimonster.output("done", value)
`),
    );
    session.probe.emit("go", 0.1);
    session.probe.emit("third", 0.2);
    session.probe.emit("other", 0.3);
    session.probe.emit("go", 0.4);
    await session.probe.until("out", 2);
    await ask(session);
    const firsts = (session.said().at(-1) as unknown[][]).filter(([word]) => word !== "after");
    assert.deepEqual(firsts, [
      ["go", 0.1, "mod.go"],
      ["plain", 0.2],
      ["other", 0.3],
      ["go", 0.4, "mod.go"],
    ]);
    const afters = (session.said().at(-1) as unknown[][]).filter(([word]) => word === "after");
    assert.deepEqual(afters, [
      ["after", 0.1, "mod.go"],
      ["after", 0.4, "mod.go"],
    ]);
  });

  it("keeps its channel and its context variables across awaits, in child tasks, and apart from other tasks", async () => {
    const session = await start(
      CONFIG,
      module(`
import contextvars, threading
variable = contextvars.ContextVar("variable", default="unset")
async def child(word):
    await asyncio.sleep(0.001)
    return [word, midimonster.current(), variable.get()]
def in_thread():
    return ["thread", midimonster.current(), variable.get()]
async def go(value):
    variable.set("go %s" % value)
    children = await asyncio.gather(child("one"), asyncio.create_task(child("two")))
    in_executor = await asyncio.get_running_loop().run_in_executor(None, in_thread)
    task = midimonster.task(child("task"))
    out(children, in_executor, await task, asyncio.current_task() is not None)
async def other(value):
    out(await child("other"))
def ask(value):
    say(variable.get())
    midimonster.output("done", value)
`),
    );
    session.probe.emit("go", 0.5);
    session.probe.emit("other", 0.5);
    await session.probe.until("out", 2);
    await ask(session);
    assert.deepEqual(session.said(), [
      ["other", "mod.other", "unset"],
      [
        [
          ["one", "mod.go", "go 0.5"],
          ["two", "mod.go", "go 0.5"],
        ],
        ["thread", null, "unset"],
        ["task", null, "go 0.5"],
        true,
      ],
      "unset",
    ]);
  });

  const wakers: [what: string, code: string][] = [
    ["a queue", "queue.put_nowait('queue')"],
    ["an event", "event.set()"],
    ["a future", "future.set_result('future')"],
    ["call_soon()", "loop.call_soon(future.set_result, 'soon')"],
    ["call_later()", "loop.call_later(0.001, future.set_result, 'later')"],
    ["call_soon_threadsafe() in a thread", "thread(loop.call_soon_threadsafe, future.set_result, 'safe')"],
    ["call_soon() in a thread, which asyncio does not allow", "thread(loop.call_soon, future.set_result, 'wrong')"],
    [
      "call_later() in a thread, which asyncio does not allow",
      "thread(loop.call_later, 0.001, future.set_result, 'wrong')",
    ],
  ];
  for (const [what, code] of wakers) {
    it(`is woken from a plain function by ${what}`, async () => {
      const session = await start(
        CONFIG,
        module(`
import threading
def thread(function, *arguments):
    threading.Thread(target=function, args=arguments).start()
async def go(value):
    global queue, event, future, loop
    queue, event, loop = asyncio.Queue(), asyncio.Event(), asyncio.get_running_loop()
    future = loop.create_future()
    midimonster.output("done", 1)
    tasks = [asyncio.ensure_future(each) for each in (queue.get(), event.wait(), future)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    out("woken")
def other(value):
    ${code}
`),
      );
      session.probe.emit("go", 1);
      await session.probe.until("done");
      await ask(session);
      session.probe.emit("other", 1);
      assert.deepEqual(await saysAll(session, 1), ["woken"]);
    });
  }

  it("that is an asynchronous generator is an error, instead of never running", async () => {
    const session = await start(CONFIG, module("async def go(value):\n    yield value\n"));
    session.probe.emit("go", 1);
    const entry = await session.log.seen(/the handler raised/);
    assert.match(entry.message, /^py\.mod\.go: the handler raised on value 1\n.*asynchronous generator/s);
  });
});
