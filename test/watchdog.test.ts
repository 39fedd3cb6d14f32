// Functions that run for too long: what is said of them, and how they are ended.
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";
import { ROUTER } from "./modes.js";
import { Session, start } from "./session.js";

/** Busy, in Python code, for a time. */
const BUSY = `
import time
def busy(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
`;

describe("option handler-warn", () => {
  const cases: [what: string, module: string, message: RegExp][] = [
    [
      "a handler",
      'def go(value):\n    busy(1.0)\n    midimonster.output("done", 1)\n',
      /^py: the handler mod\.go is slow: it took more than \d+ ms, in which (everything else|the rest of its instance) waited; after that time it was here:\n[\s\S]*File ".*mod\.py", line \d+, in go\n\s+busy\(1\.0\)\n[\s\S]*in busy/,
    ],
    [
      "a default handler, by its channel",
      'def go(value): midimonster.output("x", 1)\ndef fallback(value):\n    busy(1.0)\n    midimonster.output("done", 1)\n',
      /^py: the handler knob is slow:[\s\S]*in fallback/,
    ],
    [
      "an interval",
      'def slow():\n    midimonster.interval(slow, 0)\n    busy(1.0)\n    midimonster.output("done", 1)\ndef go(value): midimonster.interval(slow, 10)\n',
      /^py: the interval mod\.slow is slow:[\s\S]*in slow/,
    ],
    [
      "a socket function",
      'import socket\nnear, far = socket.socketpair()\ndef read(sock):\n    sock.recv(1)\n    busy(1.0)\n    midimonster.output("done", 1)\nmidimonster.manage(read, near)\ndef go(value): far.send(b"x")\n',
      /^py: the socket mod\.read is slow:[\s\S]*in read/,
    ],
    [
      "a handler that sleeps",
      'def go(value):\n    time.sleep(1.0)\n    midimonster.output("done", 1)\n',
      /^py: the handler mod\.go is slow:[\s\S]*time\.sleep\(1\.0\)/,
    ],
  ];
  for (const [what, module, message] of cases) {
    it(`names ${what} that takes long, once, with its stack at that moment`, async () => {
      const session = await start(
        "[python py]\nmodule = mod\ndefault-handler = mod.fallback\n[map]\nprobe.go > py.mod.go\npy.done > probe.done\npy.x > py.knob\n",
        { "mod.py": `${BUSY}def fallback(value): pass\n${module}` },
      );
      session.probe.emit("go", 1);
      await session.probe.until("done");
      const { message: said, fields } = await session.log.seen(/is slow:/);
      assert.match(said, message);
      // The stack above shows that it was still running then, however late that was on a busy machine.
      assert.ok(Number(fields.value) >= 100, `${fields.value}`);
      assert.equal(session.log.matching(/is slow:/).length, 1);
    });
  }

  it("says nothing of one that is quick, of modules that take their time to load, and of cleanup handlers", async () => {
    // 40 times as long as it runs, since what runs may have to wait for a processor meanwhile.
    const session = await start(
      "[backend python]\nhandler-warn = 400\n[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.done > probe.done\n",
      {
        "mod.py": `${BUSY}busy(0.6)\nmidimonster.cleanup_handler(lambda: busy(0.6))\ndef go(value):\n    busy(0.01)\n    midimonster.output("done", value)\n`,
      },
    );
    for (let i = 0; i < 60; ++i) session.probe.emit("go", 1); // 0.6 s without rest, but not in one call
    await session.probe.until("done", 60);
    await session.router.stop();
    assert.deepEqual(session.log.matching(/is slow:/), []);
  });

  for (const [value, expected] of [
    ["off", 0],
    ["0", 0],
    ["50", 1],
  ] as const) {
    it(`= ${value} counts`, async () => {
      const session = await start(
        `[backend python]\nhandler-warn = ${value}\n[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.done > probe.done\n`,
        { "mod.py": `${BUSY}def go(value):\n    busy(0.2)\n    midimonster.output("done", 1)\n` },
      );
      session.probe.emit("go", 1);
      await session.probe.until("done");
      await session.router.stop();
      assert.equal(session.log.matching(/is slow:/).length, expected);
    });
  }

  for (const option of ["handler-warn", "handler-timeout"]) {
    for (const value of ["soon", "-1", "10", "1.5"]) {
      it(`and handler-timeout: ${option} = ${value} is an error`, async () => {
        const session = new Session(`[backend python]\n${option} = ${value}\n[python py]\n`);
        await assert.rejects(session.router.load(), {
          message: new RegExp(`'${option}' is a time in ms, 50 or more, or off; not '${value}'`),
        });
      });
    }
  }
});

describe("option handler-timeout", () => {
  const cases: [what: string, loop: string][] = [
    ["while True: pass", "    while True: pass\n"],
    [
      "one that catches every Exception",
      "    while True:\n        try:\n            while True: pass\n        except Exception:\n            pass\n",
    ],
    [
      "one that catches what ends it, once",
      "    try:\n        while True: pass\n    except BaseException:\n        pass\n    while True: pass\n",
    ],
  ];
  for (const [what, loop] of cases) {
    it(`ends ${what}, with an exception that says so, and everything goes on`, async () => {
      const session = await start(
        "[backend python]\nhandler-timeout = 500\n[python py]\nmodule = mod\n[map]\nprobe.{go,next} > py.mod.{go,next}\npy.done > probe.done\n",
        { "mod.py": `def go(value):\n${loop}def next(value): midimonster.output("done", value)\n` },
      );
      session.probe.emit("go", 1);
      session.probe.emit("next", 0.5);
      assert.deepEqual(await session.probe.until("done"), [0.5]);
      const { message } = await session.log.seen(/the handler raised/);
      assert.match(
        message,
        /^py\.mod\.go: the handler raised on value 1\n[\s\S]*in go\n[\s\S]*\nmidimonster\.HandlerTimeout: the handler ran for longer than handler-timeout, 500 ms$/,
      );
    });
  }

  it("ends intervals and socket functions too, which are called again", async () => {
    const session = await start(
      "[backend python]\nhandler-timeout = 500\n[python py]\nmodule = mod\n[map]\npy.{a,b} > probe.{a,b}\n",
      {
        "mod.py": `
import socket
near, far = socket.socketpair()
calls = {"tick": 0, "read": 0}
def spin_first(name, channel):
    calls[name] += 1
    if calls[name] == 1:
        while True: pass
    midimonster.output(channel, 1)
def tick():
    spin_first("tick", "a")
    far.send(b"xx")
def read(sock):
    sock.recv(1)
    spin_first("read", "b")
    midimonster.interval(tick, 0)
midimonster.interval(tick, 10)
midimonster.manage(read, near)
`,
      },
    );
    await session.probe.until("a");
    await session.probe.until("b");
    assert.equal(session.log.matching(/HandlerTimeout: the interval ran/).length, 1);
    assert.equal(session.log.matching(/HandlerTimeout: the socket ran/).length, 1);
  });

  it("does not count the time for which the process was suspended", async () => {
    const running = mmpy([], {
      cwd: folderWith({
        "monster.cfg": "[backend python]\nhandler-timeout = 1000\n[python py]\nmodule = mod\n",
        "mod.py": `import midimonster, os, signal
${BUSY}
def tick():
    midimonster.interval(tick, 0)
    busy(0.1)
    pid = os.getpid()
    os.system(f"(sleep 2; kill -CONT {pid}) </dev/null >/dev/null 2>&1 & kill -STOP {pid}")
    try:
        busy(0.2)
        print("returned", flush=True)
    finally:
        os.kill(${ROUTER}, signal.SIGTERM)
midimonster.interval(tick, 10)
`,
      }),
    });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.match(running.stdout, /returned/, running.stderr);
    assert.doesNotMatch(running.stderr, /HandlerTimeout|still running/);
  });

  it("leaves Python threads alone", async () => {
    const session = await start(
      "[backend python]\nhandler-timeout = 100\n[python py]\nmodule = mod\n[map]\npy.done > probe.done\n",
      {
        "mod.py": `${BUSY}
import threading
def work():
    busy(0.5)
    midimonster.output("done", 1)
threading.Thread(target=work).start()
`,
      },
    );
    assert.deepEqual(await session.probe.until("done"), [1]);
  });
});

describe("Ctrl-C while Python code does not return", () => {
  const spinning = (module: string) =>
    path.join(
      folderWith({
        "monster.cfg": "[python py]\nmodule = mod\n[loopback l]\n[map]\npy.go > py.mod.go\n",
        "mod.py": `import midimonster\nmidimonster.cleanup_handler(lambda: print("cleaned up"))\n${module}`,
      }),
      "monster.cfg",
    );
  const HANDLER = 'def go(value):\n    print("in handler")\n    while True: pass\nmidimonster.output("go", 1)\n';

  it("ends the handler, runs cleanup handlers and exits with status 0", async () => {
    const running = mmpy([spinning(HANDLER)]);
    await running.sees(/in handler/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(
      running.stderr,
      /WARN: (SIGINT|the stop): waiting for py: the handler mod\.go to return; .*\n[\s\S]*in go\n[\s\S]*midimonster\.Stopped: ended by a signal to stop/,
    );
    assert.match(running.stdout, /cleaned up/);
  });

  it("ends a module that is still loading, exit status 0", async () => {
    const running = mmpy([spinning('def go(value): pass\nprint("loading")\nwhile True: pass\n')]);
    await running.sees(/loading/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("does not end a cleanup handler that takes a second", async () => {
    const module = `${BUSY}def go(value): pass\ndef fade():\n    busy(1.2)\n    print("faded out")\nmidimonster.cleanup_handler(fade)\n`;
    const running = mmpy([spinning(module)]);
    await running.sees(/routing/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stdout, /faded out/);
  });

  const formats: [format: string, line: RegExp][] = [
    [
      "text",
      /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: py: the handler mod\.go is still running after \d+ ms while everything else in its process waits\n[\s\S]*in go\n/m,
    ],
    [
      "json",
      /^\{"level": 40, "time": \d{13}, "msg": "py: the handler mod\.go is still running after \d+ ms.*in go.*"\}$/m,
    ],
    [
      "journal",
      /^<4>WARN: py: the handler mod\.go is still running after \d+ ms while everything else in its process waits\n(<4>.*\n)*<4>.*in go\n<4>/m,
    ],
  ];
  for (const [format, line] of formats) {
    it(`after a second the log says as ${format} what everything waits for, though it never returns`, async () => {
      const running = mmpy(["--log-format", format, spinning(HANDLER)]);
      await running.sees(line);
      running.child.kill("SIGKILL");
      await running.exited;
    });
  }
});
