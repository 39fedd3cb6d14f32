// Tasks that raise, that do not return to their loop, and that are called the wrong way.
import assert from "node:assert/strict";
import { ask, CONFIG, PATIENT_CONFIG, problems, type Session, start } from "./session.js";

const MODULE = `
import asyncio, time
def ask(value):
    midimonster.output("done", value)
def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
`;

async function run(text: string, config = PATIENT_CONFIG): Promise<Session> {
  const session = await start(config, { "mod.py": MODULE + text });
  session.probe.emit("go", 0.5);
  return session;
}

describe("an exception in a coroutine", () => {
  const cases: [what: string, module: string, message: RegExp][] = [
    [
      "a handler's, before its first await",
      "async def go(value):\n    raise ValueError('early')\n",
      /^py\.mod\.go: the handler raised on value 0\.5\nTraceback[^\n]*\n {2}File ".*mod\.py", line \d+, in go\n[\s\S]*ValueError: early$/,
    ],
    [
      "a handler's, after an await",
      "async def go(value):\n    await asyncio.sleep(0.001)\n    raise ValueError('late')\n",
      /^py\.mod\.go: the handler raised on value 0\.5\nTraceback[^\n]*\n {2}File ".*mod\.py", line \d+, in go\n[\s\S]*ValueError: late$/,
    ],
    [
      "SystemExit at once",
      "async def go(value):\n    raise SystemExit(3)\n",
      /^py\.mod\.go: the handler raised.*\n[\s\S]*SystemExit: 3$/,
    ],
    [
      "SystemExit after an await",
      "async def go(value):\n    await asyncio.sleep(0)\n    raise SystemExit(3)\n",
      /^py\.mod\.go: the handler raised.*\nTraceback[^\n]*\n {2}File ".*mod\.py"[\s\S]*SystemExit: 3$/,
    ],
    [
      "KeyboardInterrupt after an await",
      "async def go(value):\n    await asyncio.sleep(0)\n    raise KeyboardInterrupt\n",
      /^py\.mod\.go: the handler raised.*\n[\s\S]*KeyboardInterrupt$/,
    ],
    [
      "that of task()",
      "async def main():\n    raise ValueError('main')\ndef go(value): midimonster.task(main())\n",
      /^py: the task mod\.main raised\nTraceback[^\n]*\n {2}File ".*mod\.py"[\s\S]*ValueError: main$/,
    ],
    [
      "that of a task which nothing waits for",
      "async def child():\n    raise ValueError('child')\nasync def go(value):\n    asyncio.create_task(child())\n    await asyncio.sleep(0.01)\n",
      /^py: the task mod\.child raised\nTraceback[^\n]*\n {2}File ".*mod\.py"[\s\S]*ValueError: child$/,
    ],
    [
      "that of a task which has ended before anything could wait for it",
      "async def child():\n    raise ValueError('child')\nasync def go(value):\n    factory = getattr(asyncio, 'eager_task_factory', None)\n    if factory is not None:\n        asyncio.get_running_loop().set_task_factory(factory)\n    asyncio.create_task(child())\n    await asyncio.sleep(0)\n    gc.collect()\n",
      /^py: the task mod\.child raised\n[\s\S]*ValueError: child$/,
    ],
    [
      "that of a callback",
      "def callback():\n    raise ValueError('callback')\nasync def go(value):\n    asyncio.get_running_loop().call_soon(callback)\n",
      /^py: the callback mod\.callback raised\n[\s\S]*ValueError: callback$/,
    ],
    [
      "SystemExit of a callback",
      "import sys\nasync def go(value):\n    asyncio.get_running_loop().call_soon(sys.exit, 4)\n",
      /^py: the callback of the event loop raised\n[\s\S]*SystemExit: 4$/,
    ],
    [
      "an interval's",
      "async def tick():\n    midimonster.interval(tick, 0)\n    await asyncio.sleep(0)\n    raise ValueError('tick')\ndef go(value): midimonster.interval(tick, 10)\n",
      /^py: the interval function mod\.tick raised\n[\s\S]*ValueError: tick$/,
    ],
    [
      "create_task() in a plain function, which has no running loop",
      "async def child(): pass\ndef go(value):\n    coroutine = child()\n    try:\n        asyncio.create_task(coroutine)\n    finally:\n        coroutine.close()\n",
      /^py\.mod\.go: the handler raised on value 0\.5\n[\s\S]*RuntimeError: no running event loop$/,
    ],
    [
      "task() of the function instead of its coroutine",
      "async def main(): pass\ndef go(value): midimonster.task(main)\n",
      /^py\.mod\.go: the handler raised[\s\S]*TypeError: task\(\) takes a coroutine, not function: call the function, and pass what it returns$/,
    ],
    [
      "task() in a thread",
      "import threading\nasync def main(): pass\ndef wrong():\n    coroutine = main()\n    try:\n        midimonster.task(coroutine)\n    finally:\n        coroutine.close()\ndef go(value): threading.Thread(target=wrong).start()\n",
      /^py: the thread .* raised\n[\s\S]*RuntimeError: task\(\) must be called from [\s\S]*not from a thread/,
    ],
    [
      "run_until_complete() of the router's loop",
      "async def go(value):\n    loop = asyncio.get_running_loop()\n    coroutine = asyncio.sleep(0)\n    try:\n        loop.run_until_complete(coroutine)\n    finally:\n        coroutine.close()\n",
      /^py\.mod\.go: the handler raised[\s\S]*RuntimeError: the router runs this loop; run a coroutine in it with midimonster\.task\(\)/,
    ],
    [
      "close() of the router's loop",
      "async def go(value):\n    asyncio.get_running_loop().close()\n",
      /^py\.mod\.go: the handler raised[\s\S]*RuntimeError: the router closes this loop when it stops$/,
    ],
  ];
  for (const [what, module, message] of cases) {
    it(`is logged once, and everything goes on: ${what}`, async () => {
      const session = await run(
        `${module}import gc\ndef ask(value):\n    gc.collect()\n    midimonster.output("done", value)\n`,
      );
      const entry = await session.log.seen(/raised/);
      assert.match(entry.message, message);
      await ask(session);
      session.probe.emit("go", 0.5);
      await ask(session);
      assert.equal(session.log.matching(/raised/).length, 1, session.log.entries.map((one) => one.message).join("\n"));
    });
  }

  it("is counted when it repeats", async () => {
    const session = await run(`
raised = 0
async def go(value):
    global raised
    await asyncio.sleep(0)
    raised += 1
    raise ValueError('again')
async def ask(value):
    while raised < 6: await asyncio.sleep(0)
    midimonster.output("done", value)
`);
    await session.log.seen(/again/);
    for (let i = 0; i < 5; ++i) session.probe.emit("go", 0.5);
    await ask(session);
    await session.router.stop();
    assert.deepEqual(
      problems(session).map((message) => message.split("\n")[0]),
      ["py.mod.go: the handler raised on value 0.5", "5 more times: py.mod.go: the handler raised: ValueError: again"],
    );
  });

  it("does not keep tasks asleep if it closes the descriptor of their timers", async () => {
    const session = await run(`
import os
async def go(value):
    await asyncio.sleep(0.001)
    for name in os.listdir("/proc/self/fd"):
        link = "/proc/self/fd/" + name
        if os.path.lexists(link) and "timerfd" in os.readlink(link): os.close(int(name))
    await asyncio.sleep(0.001)
    midimonster.output("out", value)
`);
    await session.probe.until("out");
    assert.deepEqual(problems(session), []);
  });

  it("says nothing of tasks that are cancelled", async () => {
    const session = await run(`
async def child():
    await asyncio.sleep(1000)
async def go(value):
    task = midimonster.task(child())
    await asyncio.sleep(0)
    task.cancel()
    asyncio.current_task().cancel()
    await asyncio.sleep(1000)
`);
    await ask(session);
    await session.router.stop();
    assert.deepEqual(problems(session), []);
  });

  it("warns of a thousand tasks of one handler that do not end, once", async () => {
    const session = await run("async def go(value):\n    await asyncio.sleep(1000)\n");
    for (let i = 0; i < 1100; ++i) session.probe.emit("go", 1);
    await ask(session);
    await session.router.stop();
    assert.deepEqual(problems(session), [
      "py: 1000 tasks of the handler mod.go have not ended; more are begun than end",
    ]);
  });
});

describe("the descriptor through which tasks wait", () => {
  // What they close is what the first task of an instance opens: the selector, a copy of it, the sockets that wake it.
  const cases: [what: string, closes: string, then: string][] = [
    ["alone", "{loop._selector.fileno()}", "pass"],
    ["with everything that the loop has opened", "opened", "pass"],
    ["and has given its number to another file", "opened", "os.dup2(null, number)"],
  ];
  for (const [what, closes, then] of cases) {
    it(`is replaced when user code has closed it ${what}`, async () => {
      const session = await run(`
import errno, os, socket
near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # of a stream both could be read at once
near.setblocking(False)
gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
gone.setblocking(False)
null = os.open(os.devnull, os.O_RDONLY)
def descriptors():
    return {int(name) for name in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + name)}
async def reads():
    loop = asyncio.get_running_loop()
    return [(await loop.sock_recv(near, 9)).decode() for _ in range(2)]
async def is_told():
    try:
        await asyncio.get_running_loop().sock_recv(gone, 9)
    except OSError as error:
        return errno.errorcode[error.errno]
async def main(value):
    global opened
    loop = asyncio.get_running_loop()
    opened &= descriptors()
    reading, told = asyncio.ensure_future(reads()), asyncio.ensure_future(is_told())
    await asyncio.sleep(0.001)
    opened.add(gone.fileno())
    number, closed = loop._selector.fileno(), ${closes}
    for descriptor in closed: os.close(descriptor)
    ${then}
    far.send(b"one")
    await asyncio.sleep(0.005)
    far.send(b"two")
    answers = [await asyncio.wait_for(reading, 10), await loop.run_in_executor(None, lambda: "executor")]
    if closed is opened: answers.append(await asyncio.wait_for(told, 10))
    told.cancel()
    say(answers)
    midimonster.output("out", value)
def go(value):
    global opened
    before = descriptors()
    midimonster.task(main(value))
    opened = descriptors() - before
`);
      await session.probe.until("out");
      assert.deepEqual(problems(session), [
        "py: the descriptor through which its tasks wait was closed, by a number that is not that of a socket or by os.closerange(); " +
          "another one serves them now",
      ]);
      assert.deepEqual(session.said(), [[["one", "two"], "executor", ...(closes === "opened" ? ["EBADF"] : [])]]);
      await session.router.stop();
    });
  }
});

describe("a descriptor that is ready", () => {
  it("is called for once, however many steps pass until then", async () => {
    const session = await run(`
import socket
def ready(calls, near):
    calls.append(near.recv(9).decode())  # BlockingIOError if there is nothing to read any more
async def go(value):
    near, far = socket.socketpair()
    near.setblocking(False)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    calls = []
    loop.add_reader(near, ready, calls, near)
    far.send(b"x")
    # Each takes a step of its own, and the descriptor is asked for at the beginning of each.
    for _ in range(8): loop.call_soon(busy, 0.002)
    await asyncio.sleep(0.001)
    loop.remove_reader(near)
    say(calls)
    midimonster.output("out", value)
`);
    await session.probe.until("out");
    assert.deepEqual(problems(session), []);
    assert.deepEqual(session.said(), [["x"]]);
  });
});

describe("a step of a task that takes long", () => {
  const slow: [what: string, module: string, message: RegExp][] = [
    [
      "the first one of a handler",
      'async def go(value):\n    busy(1)\n    midimonster.output("done", 1)\n',
      /^py: the handler mod\.go is slow: it took more than \d+ ms, in which (everything else|the rest of its instance) waited; after that time it was here:\n {2}File ".*mod\.py", line \d+, in go\n[\s\S]*in busy/,
    ],
    [
      "a later one",
      'async def go(value):\n    await asyncio.sleep(0.001)\n    busy(1)\n    midimonster.output("done", 1)\n',
      /^py: the task mod\.go is slow: it took more than \d+ ms, in which (everything else|the rest of its instance) waited; after that time it was here:\n {2}File ".*mod\.py", line \d+, in go\n[\s\S]*in busy/,
    ],
    [
      "that of a task in another one",
      'async def child():\n    await asyncio.sleep(0.001)\n    busy(1)\nasync def go(value):\n    await asyncio.create_task(child())\n    midimonster.output("done", 1)\n',
      /^py: the task mod\.child is slow:[^\n]*\n {2}File ".*mod\.py", line \d+, in child\n[\s\S]*in busy/,
    ],
    [
      "a callback",
      'def callback():\n    busy(1)\n    midimonster.output("done", 1)\nasync def go(value):\n    asyncio.get_running_loop().call_later(0.001, callback)\n',
      /^py: the task of a callback is slow:[^\n]*\n {2}File ".*mod\.py", line \d+, in callback/,
    ],
  ];
  for (const [what, module, message] of slow) {
    it(`is named, with the task's own stack: ${what}`, async () => {
      const session = await run(module, CONFIG);
      await session.probe.until("done");
      assert.match((await session.log.seen(/is slow/)).message, message);
      assert.equal(session.log.matching(message).length, 1);
    });
  }

  it("is not one when many short ones take long together", async () => {
    const session = await run(
      `
async def spin():
    for _ in range(150):
        busy(0.01)
        await asyncio.sleep(0)
async def go(value):
    await asyncio.gather(spin(), spin())
    midimonster.output("done", 1)
`,
      `[backend python]\nhandler-warn = 1000\n${CONFIG}`,
    );
    await session.probe.until("done");
    assert.deepEqual(session.log.matching(/slow/), []);
  });

  const ended: [what: string, first: string][] = [
    ["the first one", ""],
    ["a later one", "    await asyncio.sleep(0.001)\n"],
  ];
  for (const [what, first] of ended) {
    it(`is ended by handler-timeout, and its task alone: ${what}`, async () => {
      const session = await run(
        `
async def other():
    await asyncio.sleep(0.01)
    while True:
        midimonster.output("out", 1)
        await asyncio.sleep(0.01)
midimonster.task(other())
async def go(value):
${first}    while True:
        try:
            busy(100)
        except Exception:
            pass
`,
        `[backend python]\nhandler-warn = 0\nhandler-timeout = 200\n${CONFIG}`,
      );
      const entry = await session.log.seen(/HandlerTimeout/);
      assert.match(
        entry.message,
        /^py\.mod\.go: the handler raised on value 0\.5\n[\s\S]*HandlerTimeout: the (handler|task) ran for longer/,
      );
      await session.probe.until("out", session.probe.values("out").length + 2);
      await ask(session);
    });
  }
});
