// What else than a handler may never return: loading, reloading, the search for a Python. The log says what is waited for.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { folderWith, MemoryLog, mmpy } from "./helpers.js";
import { ASK, ask, CONFIG, Session, start } from "./session.js";

const PY = "[python py]\nmodule = mod\n";

describe("a module that does not return", () => {
  const modules: [what: string, files: Record<string, string>, place: RegExp][] = [
    ["waits for a signal", { "mod.py": "import signal\n\nsignal.pause()\n" }, /mod\.py", line 3, in <module>/],
    [
      "sleeps in a loop",
      { "mod.py": "import time\nwhile True:\n    time.sleep(0.1)\n" },
      /mod\.py", line 3, in <module>/,
    ],
    [
      "serves forever, in a function",
      {
        "mod.py":
          "import socketserver\ndef main():\n    socketserver.UDPServer(('127.0.0.1', 0), None).serve_forever()\nmain()\n",
      },
      /mod\.py", line 3, in main/,
    ],
    [
      "imports one that does not",
      { "mod.py": "import other\n", "other.py": "import threading\nthreading.Event().wait()\n" },
      /other\.py", line 2, in <module>/,
    ],
  ];
  for (const [what, files, place] of modules) {
    it(`is named, with the place where it is: one that ${what}`, async () => {
      const running = mmpy([], { cwd: folderWith({ "monster.cfg": PY, ...files }) });
      const stuck =
        /^\[.*\] WARN: py: module 'mod' is still loading after \d{4,} ms; nothing starts until it returns\n/m;
      await running.sees(stuck);
      await running.sees(place);
      // The import machinery is of no interest, and neither is what called it.
      assert.doesNotMatch(running.stderr, /importlib|runtime/);
    });
  }

  it("is named by mmpy check too", async () => {
    const running = mmpy(["check"], { cwd: folderWith({ "monster.cfg": PY, "mod.py": "while True: pass\n" }) });
    await running.sees(/py: module 'mod' is still loading after/);
  });

  it("in a reload, keeps the running configuration waiting, which is said; a signal ends it", async () => {
    const folder = folderWith({ "monster.cfg": PY, "mod.py": "" });
    const running = mmpy([], { cwd: folder });
    await running.sees(/routing/);
    writeFileSync(path.join(folder, "mod.py"), "import time\nwhile True: time.sleep(0.05)\n");
    running.child.kill("SIGHUP");
    await running.sees(
      /WARN: py: module 'mod' is still loading after \d+ ms; the running configuration stands still until it returns\n.*mod\.py", line 2/,
    );
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("does not have a signal wait for the modules that follow", async () => {
    const section = (i: number) => `[python p${i}]\nmodule = mod\n`;
    const config = Array.from({ length: 20 }, (_, i) => section(i)).join("");
    const folder = folderWith({ "monster.cfg": config, "mod.py": 'print("loading")\nwhile True: pass\n' });
    const running = mmpy([], { cwd: folder });
    await running.sees(/loading/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.equal(running.stdout.match(/loading/g)?.length, 1);
  });
});

describe("option handler-timeout ends what a reload calls:", () => {
  const HANGING = "class Hanging:\n    def __del__(self):\n        while True: pass\n";
  const cases: [what: string, before: string, after: string, ended: RegExp][] = [
    ["the finalizer of an object that goes", `${HANGING}it = Hanging()\n`, "", /the finalizer mod\.Hanging\.__del__/],
    [
      "the finalizer of a cancelled interval's function",
      `${HANGING}class Tick(Hanging):\n    def __call__(self): pass\nmidimonster.interval(Tick(), 1000)\n`,
      "",
      /the finalizer mod\.Hanging\.__del__/,
    ],
    [
      "an attribute of a registered object",
      "class Odd:\n    __module__ = property(lambda self: hang())\n    def __call__(self): pass\ndef hang():\n    while True: pass\nmidimonster.interval(Odd(), 100000)\n",
      "",
      /the search for functions of old versions .*is slow: [\s\S]*, in hang/,
    ],
  ];
  for (const [what, before, after, ended] of cases) {
    it(what, async () => {
      const module = (text: string) => `${text}${ASK}def go(value): pass\n`;
      const session = await start(`[backend python]\nhandler-timeout = 300\n${CONFIG}`, { "mod.py": module(before) });
      session.write("mod.py", module(after));
      await session.router.reload();
      await ask(session);
      await session.log.seen(ended);
    });
  }

  it("the cleanup handler of an instance that is removed", async () => {
    const two = `${CONFIG}[python two]\nmodule = bye\n`;
    const session = await start(`[backend python]\nhandler-timeout = 300\n${two}`, {
      "mod.py": `${ASK}def go(value): pass\n`,
      "bye.py": "def bye():\n    while True: pass\nmidimonster.cleanup_handler(bye)\n",
    });
    session.write("monster.cfg", `[backend python]\nhandler-timeout = 300\n${CONFIG}`);
    await session.router.reload();
    await ask(session);
    await session.log.seen(
      /^two: the cleanup handler bye\.bye raised\n[\s\S]*HandlerTimeout: the cleanup handler ran for longer than handler-timeout, 300 ms/,
    );
  });

  it("the search for a handler in an object that computes its attributes", async () => {
    const module = (attribute: string) =>
      `class Endless:\n    def __getattr__(self, name):\n        ${attribute}\nendless = Endless()\n${ASK}def go(value): pass\n`;
    const config = (mapping: string) => `[backend python]\nhandler-timeout = 300\n${CONFIG}${mapping}`;
    const session = await start(config(""), { "mod.py": module("while True: pass") });
    session.write("monster.cfg", config("probe.x > py.mod.endless.fader\n"));
    await assert.rejects(session.router.reload(), /looking up 'fader' in 'mod\.endless' failed:[\s\S]*HandlerTimeout/);
    await ask(session);
  });
});

describe("option handler-timeout ends the __str__() of an exception that was raised by", () => {
  const RAISES = "class Mute(Exception):\n    def __str__(self):\n        while True: pass\n";
  const sources: [what: string, module: string][] = [
    ["a handler", "def go(value): raise Mute()\n"],
    [
      "an interval",
      "def tick():\n    midimonster.interval(tick, 0)\n    raise Mute()\ndef go(value): midimonster.interval(tick, 10)\n",
    ],
    [
      "a batch handler",
      'def both(batch): raise Mute()\nbatch = midimonster.batch(["level"], both)\ndef go(value): midimonster.output("out", 1)\n',
    ],
    [
      "a socket function",
      'import socket\nnear, far = socket.socketpair()\ndef read(sock):\n    sock.recv(1)\n    raise Mute()\nmidimonster.manage(read, near)\ndef go(value): far.send(b"x")\n',
    ],
  ];
  for (const [what, module] of sources) {
    it(what, async () => {
      const session = await start(`[backend python]\nhandler-timeout = 300\n${CONFIG}py.out > py.level\n`, {
        "mod.py": `${RAISES}${module}${ASK}`,
      });
      session.probe.emit("go", 1);
      await session.log.seen(/raised[\s\S]*mod\.Mute: <(exception str\(\) failed|unprintable Mute object)>/);
      await ask(session);
    });
  }
});

describe("option handler-timeout does not hit what comes after a function written in C that was over time:", () => {
  // Which an exception does not reach: it would be raised where Python code runs next.
  const NAP = "import functools, operator, socket\nfrom time import sleep\n";
  const sources: [what: string, module: string][] = [
    [
      "a handler, in the same batch",
      'def go(value):\n    midimonster.output("nap", 0.4)\n    midimonster.output("next", 1)\n',
    ],
    [
      "an interval",
      "nap = functools.partial(sleep, 0.4)\ndef next():\n    after(1)\n    midimonster.interval(next, 0)\n    midimonster.interval(nap, 0)\ndef go(value):\n    midimonster.interval(nap, 10)\n    midimonster.interval(next, 400)\n",
    ],
    [
      "a socket function",
      'class Napping(socket.socket):\n    nap = functools.partial(sleep, 0.4)\nnear = Napping(socket.AF_INET, socket.SOCK_DGRAM)\nnear.bind(("127.0.0.1", 0))\nmidimonster.manage(operator.methodcaller("nap"), near)\ndef go(value):\n    near.sendto(b"x", near.getsockname())\n    midimonster.interval(next, 10)\ncalls = []\ndef next():\n    calls.append(1)\n    if len(calls) < 3: return\n    midimonster.manage(None, near)\n    midimonster.interval(next, 0)\n    after(1)\n',
    ],
  ];
  for (const [what, module] of sources) {
    it(what, async () => {
      const session = await start(
        `[backend python]\nhandler-timeout = 100\n${CONFIG}py.nap > py.mod.sleep\npy.next > py.mod.after\n`,
        {
          "mod.py": `${NAP}${module}def after(value):\n    sum(i for i in range(1000))\n    midimonster.output("out", value)\n${ASK}`,
        },
      );
      session.probe.emit("go", 1);
      assert.deepEqual(await session.probe.until("out"), [1]);
      await session.router.stop();
      assert.deepEqual(session.log.matching(/raised/), []);
    });
  }
});

describe("a FIFO in place of a file", () => {
  const fifo = (folder: string, name: string) => {
    rmSync(path.join(folder, name), { force: true });
    assert.equal(spawnSync("mkfifo", [path.join(folder, name)]).status, 0);
  };

  for (const value of ["piped", "piped.py", "./piped"]) {
    it(`is an error at the start: module = ${value}`, async () => {
      const session = new Session(`[python py]\nmodule = ${value}\n`);
      fifo(session.folder, "piped.py");
      await assert.rejects(session.router.start(), /piped\.py' is not a regular file/);
    });
  }

  it("is an error of a reload, after which everything goes on: a module", async () => {
    const session = await start(`${CONFIG.replace("module = mod", "module = mod\nmodule = other")}`, {
      "mod.py": `${ASK}def go(value): pass\n`,
      "other.py": "",
    });
    fifo(session.folder, "other.py");
    await assert.rejects(session.router.reload(), /other\.py' is no longer a regular file/);
    await ask(session);
    assert.ok(session.router.files().length > 0);
  });

  it("is an error of a reload, after which everything goes on: an included file", async () => {
    const session = await start(CONFIG, { "mod.py": `${ASK}def go(value): pass\n` });
    fifo(session.folder, "more");
    session.write("monster.cfg", `[include more]\n${CONFIG}`);
    await assert.rejects(session.router.reload(), /can't read the included file: it is a FIFO/);
    await ask(session);
  });

  it("is an error: the configuration itself", async () => {
    const folder = folderWith({});
    fifo(folder, "monster.cfg");
    const running = mmpy([], { cwd: folder });
    assert.equal((await running.exited).code, 1);
    assert.match(running.stderr, /can't read the configuration: it is a FIFO/);
  });

  const TLS = "[mqtt m]\nhost = mqtts://127.0.0.1\n";
  const OF_OPTIONS: [option: string, config: string, message: RegExp][] = [
    ["ca of mqtt", `${TLS}ca = piped\n`, /3:6: error: 'ca' can't be read: it is a FIFO/],
    ["cert and key of mqtt", `${TLS}cert = piped\nkey = piped\n`, /3:8: error: 'cert' can't be read: it is a FIFO/],
    ["token-file of web", "[web w]\nbind = 0.0.0.0 8080\ntoken-file = piped\n", /'token-file' has .*: it is a FIFO/],
    ["python", "[backend python]\npython = piped\n[python py]\n", /piped .* is not a working Python 3: .*EACCES/],
  ];
  for (const [option, config, message] of OF_OPTIONS) {
    it(`is an error: ${option}`, async () => {
      const folder = folderWith({ "monster.cfg": config });
      fifo(folder, "piped");
      const running = mmpy(["monster.cfg"], { cwd: folder });
      assert.equal((await running.exited).code, 1);
      assert.match(running.stderr, message);
    });
  }

  it("is read where a shell provides it: mmpy check <(command)", async () => {
    const folder = folderWith({});
    const { stdout, stderr } = spawnSync(
      "bash",
      ["-c", `${process.execPath} ${path.resolve("dist/cli/mmpy.cjs")} check <(echo "[loopback piped]")`],
      { cwd: folder, encoding: "utf8" },
    );
    assert.match(stdout, /piped/, stderr);
  });
});

describe("a Python that does not answer", () => {
  const silent = () => {
    const folder = folderWith({ python3: "#!/bin/sh\nexec sleep 60\n" });
    chmodSync(path.join(folder, "python3"), 0o755);
    return path.join(folder, "python3");
  };

  it("is named after a second; stopping does not wait for it", async () => {
    const [log, python, stop] = [new MemoryLog(), silent(), new AbortController()];
    const chosen = choosePython(python, log, stop.signal);
    await log.seen(/still waiting for .*python3 \(option 'python'\) to answer/);
    stop.abort();
    await assert.rejects(chosen, { code: "PYTHON_PROBE" });
  });

  it("does not keep mmpy from stopping", async () => {
    const running = mmpy([], {
      cwd: folderWith({ "monster.cfg": PY, "mod.py": "" }),
      env: { ...process.env, MMPY_PYTHON: silent() },
    });
    await running.sees(/WARN: still waiting for/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });
});
