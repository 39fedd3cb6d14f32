// Asyncio beside everything else: that neither keeps the other waiting, and what of the loop is the router's.
import assert from "node:assert/strict";
import { ask, PATIENT_CONFIG, problems, start } from "./session.js";

const MODULE = `
import asyncio, socket, threading, time
def ask(value):
    midimonster.output("done", value)
`;

const module = (text: string) => ({ "mod.py": MODULE + text });

describe("a loop that has much to do", () => {
  it("lets intervals, timers, sockets, handlers and other instances go on while a task never waits", async () => {
    const session = await start(
      `[python other]\nmodule = other\n${PATIENT_CONFIG.replace("[map]", "[map]\nprobe.there > other.other.there\nother.out > probe.there")}`,
      {
        ...module(`
near, far = socket.socketpair()
near.setblocking(False)
ended = []
def tick():
    midimonster.interval(tick, 0)
    ended.append("interval")
def after():
    ended.append("after")
def read(sock):
    sock.recv(9)
    midimonster.manage(None, sock)
    ended.append("socket")
async def timer():
    await asyncio.sleep(0.01)
    ended.append("timer")
async def stream():
    near, far = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=near)
    far.send(b"x")
    await reader.read(1)
    writer.close()
    far.close()
    ended.append("stream")
async def go(value):
    midimonster.interval(tick, 10)
    midimonster.after(after, 5)
    midimonster.manage(read, near)
    far.send(b"x")
    tasks = [asyncio.ensure_future(each()) for each in (timer, stream)]
    while len(ended) < 5:
        await asyncio.sleep(0)
    say(sorted(ended))
    midimonster.output("out", 1)
async def spin():
    while True:
        await asyncio.sleep(0)
midimonster.task(spin())
`),
        "other.py": "def there(value): midimonster.output('out', value)\n",
      },
    );
    session.probe.emit("go", 1);
    session.probe.emit("there", 0.5);
    assert.deepEqual(await session.probe.until("there"), [0.5]);
    await session.probe.until("out");
    assert.deepEqual(session.said(), [["after", "interval", "socket", "stream", "timer"]]);
    assert.deepEqual(problems(session), []);
  });

  it("takes as long for a callback if fifty thousand are queued, also beside a descriptor that is ready", async () => {
    // Were it to look at all of them in each step, it would take minutes.
    const session = await start(
      PATIENT_CONFIG,
      module(`
count = 50_000
done = 0
def one(late):
    global done
    done += 1
    if done == 2 * count: late.set_result(True)
async def go(value):
    loop = asyncio.get_running_loop()
    late = loop.create_future()
    def flood():
        for _ in range(count): loop.call_soon_threadsafe(one, late)
    for _ in range(count): loop.call_soon(one, late)
    await loop.run_in_executor(None, flood)
    await late
    midimonster.output("out", 1)
`),
    );
    session.probe.emit("go", 1);
    await session.probe.until("out");
    assert.deepEqual(problems(session), []);
  });

  it("asks for descriptors while more callbacks are always queued than a step has time for", async () => {
    const session = await start(
      PATIENT_CONFIG,
      module(`
async def busy():
    while not arrived:
        until = time.perf_counter() + 0.0004
        while time.perf_counter() < until: pass
        await asyncio.sleep(0)
arrived = False
async def go(value):
    global arrived
    near, far = socket.socketpair()
    near.setblocking(False)
    tasks = [asyncio.ensure_future(busy()) for _ in range(5)]
    await asyncio.sleep(0)
    for _ in range(3):
        receiving = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(near, 9))
        await asyncio.sleep(0)
        far.send(b"x")  # now that it waits for the descriptor
        await receiving
    arrived = True
    await asyncio.gather(*tasks)
    midimonster.output("out", 1)
`),
    );
    session.probe.emit("go", 1);
    await session.probe.until("out");
    assert.deepEqual(problems(session), []);
  });
});

describe("an idle loop", () => {
  it("makes no step for what happens elsewhere", async () => {
    const session = await start(
      PATIENT_CONFIG,
      module(`
loop = None
rounds = 0
ticks = 0
def go(value):
    pass
def tick():
    global ticks
    ticks += 1
    if ticks % 3 == 0: midimonster.output("out", 1)
midimonster.interval(tick, 10)
async def wait():
    global loop
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    loop.call_later(3600, print)
    run_once = loop._run_once
    def counting():
        global rounds
        rounds += 1
        run_once()
    loop._run_once = counting
    midimonster.output("out", 0)
    await asyncio.Event().wait()
midimonster.task(wait())
def ask(value):
    say(rounds)
    midimonster.output("done", value)
`),
    );
    await session.probe.until("out", 2);
    await ask(session);
    await session.probe.until("out", session.probe.values("out").length + 2);
    for (let i = 0; i < 20; ++i) await ask(session);
    const rounds = session.said();
    assert.equal(rounds.length, 21);
    assert.deepEqual(new Set(rounds), new Set([rounds[0]]));
  });
});

describe("the router's loop", () => {
  const cases: [what: string, code: string, said: unknown][] = [
    ["goes on after stop()", "loop.stop()\n    await asyncio.sleep(0)\n    say(loop.is_running())", true],
    [
      "says what to do instead of handling signals, as libraries expect",
      "try: loop.add_signal_handler(10, print)\n    except NotImplementedError as error: say(str(error))\n    say(loop.remove_signal_handler(10))",
      "signals are handled by Node; use midimonster.cleanup_handler()",
    ],
    [
      "goes on when another one is made the thread's, or none",
      "other = asyncio.new_event_loop()\n    asyncio.set_event_loop(other)\n    asyncio.set_event_loop(None)\n    other.close()\n    await asyncio.sleep(0.001)\n    say(asyncio.get_running_loop() is loop)",
      true,
    ],
    [
      "is not in the way of asyncio.run() in a thread, in an executor and in a plain function",
      "say([await loop.run_in_executor(None, lambda: asyncio.run(one())), plain])",
      [1, 1],
    ],
    [
      "runs programs with a watcher for children that needs no signals",
      'watcher = getattr(asyncio, "PidfdChildWatcher", None)\n    import warnings\n    warnings.simplefilter("ignore")\n    if watcher is not None:\n        watcher = watcher()\n        watcher.attach_loop(loop)\n        asyncio.set_child_watcher(watcher)\n    say(await (await asyncio.create_subprocess_exec("sh", "-c", "exit 4")).wait())',
      4,
    ],
    [
      "works in debug mode",
      "loop.set_debug(True)\n    loop.slow_callback_duration = 1000\n    await asyncio.wait_for(asyncio.sleep(0.001), 100)\n    say(await asyncio.create_task(one()), plain)\n    loop.set_debug(False)",
      1,
    ],
    [
      "begins tasks of another class, by a factory",
      "class Own(asyncio.Task): pass\n    loop.set_task_factory(lambda loop, coroutine, **more: Own(coroutine, loop=loop, **more))\n    task = asyncio.create_task(one())\n    say([type(task) is Own, await task])",
      [true, 1],
    ],
  ];
  for (const [what, code, said] of cases) {
    it(what, async () => {
      const session = await start(
        PATIENT_CONFIG,
        module(`
async def one():
    await asyncio.sleep(0.001)
    return 1
plain = None
def go(value):
    global plain
    plain = asyncio.run(one())
    midimonster.task(main())
async def main():
    loop = asyncio.get_running_loop()
    ${code}
    midimonster.output("out", 1)
`),
      );
      session.probe.emit("go", 1);
      await session.probe.until("out");
      assert.deepEqual(session.said()[0], said);
      assert.deepEqual(problems(session), []);
    });
  }
});
