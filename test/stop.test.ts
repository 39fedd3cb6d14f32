// Stopping: it ends within one deadline, whatever user code does, and everything that can still be done is done.
import assert from "node:assert/strict";
import { folderWith, mmpy } from "./helpers.js";
import { Session, start } from "./session.js";

const PY = "[python py]\nmodule = mod\n";

/** As `mmpy` is run on a module that has the instance `py`. */
const running = (module: string, config = PY) =>
  mmpy([], { cwd: folderWith({ "monster.cfg": config, "mod.py": `import midimonster\n${module}` }) });

describe("a function that can't be interrupted", () => {
  const DEADLOCK = `
import threading
lock = threading.Lock()
def twice():
    print("locking", flush=True)
    with lock:
        lock.acquire()
`;
  it("is named some seconds after the signal, with its place, and the process ends with a status of its own", async () => {
    const mmpy = running(
      `${DEADLOCK}midimonster.interval(twice, 10)\n`,
      `[backend python]\nhandler-timeout = 200\n${PY}`,
    );
    await mmpy.sees(/locking/);
    mmpy.child.kill("SIGTERM");
    assert.deepEqual(await mmpy.exited, { code: 3, signal: null });
    assert.match(
      mmpy.stderr,
      /^\[.*\] ERROR: py: the interval mod\.twice has not returned, and can't be interrupted, \d+ s after SIGTERM; .*exit status 3\n.*mod\.py", line \d+, in twice\n\s+lock\.acquire\(\)\n/m,
    );
  });

  it("is named also while modules load", async () => {
    const mmpy = running(`${DEADLOCK}twice()\n`);
    await mmpy.sees(/locking/);
    mmpy.child.kill("SIGINT");
    assert.deepEqual(await mmpy.exited, { code: 3, signal: null });
    assert.match(mmpy.stderr, /ERROR: py: module 'mod' has not returned[\s\S]*in twice\n/);
  });

  it("is named as far as possible if it keeps Python's lock", async () => {
    const module = `
import ctypes
mutex = ctypes.create_string_buffer(128)
def hold():
    for _ in range(2): ctypes.PyDLL(None).pthread_mutex_lock(mutex)
midimonster.interval(hold, 10)
`;
    const mmpy = running(module);
    await mmpy.sees(/WARN: instance 'py' runs code that has not handed over Python's lock, the GIL, for \d+ ms/);
    mmpy.child.kill("SIGTERM");
    assert.deepEqual(await mmpy.exited, { code: 3, signal: null });
    assert.match(mmpy.stderr, /ERROR: instance 'py' runs code that has not handed over Python's lock/);
  });
});

describe("a stop", () => {
  it("waits for the threads of all instances together", async () => {
    const names = Array.from({ length: 8 }, (_, i) => `p${i}`);
    const session = await start(names.map((name) => `[python ${name}]\nmodule = mod\n`).join(""), {
      "mod.py": "import threading, time\nthreading.Thread(target=lambda: time.sleep(60)).start()\n",
    });
    const begin = performance.now();
    await session.router.stop();
    // One after the other they would take 20 s.
    assert.ok(performance.now() - begin < 10_000, `${performance.now() - begin}`);
    assert.equal(session.log.matching(/Python threads did not end/).length, names.length);
  });

  it("of instances that a reload removes waits for their threads together", async () => {
    const names = Array.from({ length: 6 }, (_, i) => `p${i}`);
    const others = names.map((name) => `[python ${name}]\nmodule = sleeps\n`).join("");
    const session = await start(`${PY}${others}`, {
      "mod.py": "",
      "sleeps.py": "import threading, time\nthreading.Thread(target=lambda: time.sleep(60)).start()\n",
    });
    session.write("monster.cfg", PY);
    const begin = performance.now();
    await session.router.reload();
    // One after the other they would take 15 s.
    assert.ok(performance.now() - begin < 8_000, `${performance.now() - begin}`);
    assert.equal(session.log.matching(/Python threads did not end/).length, names.length);
  });

  const endless: [what: string, module: string][] = [
    ["a cleanup handler", "def bye():\n    while True: pass\nmidimonster.cleanup_handler(bye)\n"],
    ["an exit function", "import atexit\n@atexit.register\ndef bye():\n    while True: pass\n"],
    ["a finalizer", "class Last:\n    def __del__(self):\n        while True: pass\nlast = Last()\n"],
  ];
  for (const [what, module] of endless) {
    it(`ends ${what} that does not return, and goes on with the others`, async () => {
      const session = await start(`${PY}[python other]\nmodule = other\n`, {
        "mod.py": module,
        "other.py": 'midimonster.cleanup_handler(lambda: say("cleaned up"))\n',
      });
      await session.router.stop();
      assert.deepEqual(session.said(), ["cleaned up"]);
      await session.log.seen(/^py: the .*raised\n[\s\S]*midimonster\.Stopped: ended by a signal to stop/);
    });
  }

  it("of the API waits for no module that does not return, in the middle of a reload", async () => {
    const session = new Session(PY, { "mod.py": "" });
    await session.router.start();
    session.write("mod.py", "import time\ntime.sleep(0.2)\n");
    const reload = session.router.reload().catch(() => {});
    await session.router.stop();
    await reload;
    assert.equal(session.router.running, false);
  });
});

describe("signals that come before anything has been loaded", () => {
  /** Sends a signal to the process itself when Node has begun with its program, but is still loading it. */
  const early = (signal: string, args: string[] = []) => {
    const folder = folderWith({
      "monster.cfg": PY,
      "mod.py": "",
      "early.cjs": `process.nextTick(() => process.kill(process.pid, "${signal}"))\n`,
    });
    return mmpy(args, { cwd: folder, env: { ...process.env, NODE_OPTIONS: "--require ./early.cjs" } });
  };

  it("SIGHUP: one reload, as soon as it runs", async () => {
    const mmpy = early("SIGHUP");
    await mmpy.sees(/routing[\s\S]*INFO: reloaded/);
    mmpy.child.kill("SIGTERM");
    assert.deepEqual(await mmpy.exited, { code: 0, signal: null });
  });

  it("SIGHUP: ends a command that would not reload, as its terminal does", async () => {
    const folder = folderWith({
      "monster.cfg": PY,
      "mod.py": "import time\nprint('loading', flush=True)\ntime.sleep(60)\n",
    });
    const checking = mmpy(["check"], { cwd: folder });
    await checking.sees(/loading/);
    checking.child.kill("SIGHUP");
    assert.deepEqual(await checking.exited, { code: null, signal: "SIGHUP" });
  });

  it("SIGUSR1, then and later: nothing, in particular no debugger for every user of the machine", async () => {
    const mmpy = early("SIGUSR1");
    await mmpy.sees(/routing/);
    mmpy.child.kill("SIGUSR1");
    mmpy.child.kill("SIGHUP");
    await mmpy.sees(/reloaded/);
    mmpy.child.kill("SIGTERM");
    assert.deepEqual(await mmpy.exited, { code: 0, signal: null });
    assert.doesNotMatch(mmpy.stderr, /Debugger/);
  });
});

describe("signals to stop", () => {
  const FADE = `
import time
def fade():
    print("fading", flush=True)
    time.sleep(0.3)
    print("faded out", flush=True)
midimonster.cleanup_handler(fade)
`;
  it("that come twice, as from npm or a terminal, are one: the cleanup handler runs", async () => {
    const mmpy = running(FADE);
    await mmpy.sees(/routing/);
    mmpy.child.kill("SIGINT");
    mmpy.child.kill("SIGTERM");
    await mmpy.sees(/fading/);
    mmpy.child.kill("SIGINT");
    assert.deepEqual(await mmpy.exited, { code: 0, signal: null });
    assert.match(mmpy.stdout, /faded out/);
    assert.equal(mmpy.stderr.match(/: stopping/g)?.length, 1);
  });
});
