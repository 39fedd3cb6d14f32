// Processes that user code forks off: they work like a program's own where CPython can fork, and are refused in the parent
// elsewhere. A child never routes.
import assert from "node:assert/strict";
import path from "node:path";
import { freePort } from "./free-port.js";
import { folderWith, mmpy, projectFolder, type Running, run } from "./helpers.js";

/** Standard output is checked: what a child prints, and then what its parent learns of it. */
const FORK = `
import midimonster, os, signal, subprocess, sys, threading, time

def status_of(pid):
    status = os.waitpid(pid, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

def fork(how="return"):
    """The child goes on with the caller, unless it has to end otherwise."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        print("child", end=" ")  # not flushed
        if how == "raise": raise ValueError("of the child")
        if how == "exit": sys.exit(5)
        if how == "say": sys.exit("a reason")
        return True
    print("ended with", status_of(pid), flush=True)
    return False

def end(value=1):
    os.kill(os.getpid(), signal.SIGTERM)

midimonster.output("out", 1)
`;

const CONFIG = "[python py]\nmodule = mod\n[loopback l]\n[map]\npy.out > l.out\nl.out > py.mod.go\n";

async function runs(code: string, config = CONFIG, files: Record<string, string> = {}): Promise<Running> {
  const folder = folderWith({ "monster.cfg": config, "mod.py": `${FORK}${code}`, ...files });
  const running = mmpy(["monster.cfg"], { cwd: folder });
  assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stdout + running.stderr);
  return running;
}

describe("a forked child", () => {
  const places: [where: string, code: string][] = [
    ["a handler", "def go(value): fork() or end()\n"],
    [
      "an interval",
      "def tick(): midimonster.interval(tick, 0) or fork() or end()\nmidimonster.interval(tick, 10)\ndef go(value): pass\n",
    ],
    [
      "a socket function",
      `import socket
near, far = socket.socketpair()
def read(sock): fork() or (sock.recv(1) and end())
midimonster.manage(read, near)
def go(value): far.send(b"x")
`,
    ],
    ["a batch's handler", 'def go(value): pass\nbatch = midimonster.batch(["in"], lambda batch: fork() or end())\n'],
    ["the cleanup handler", "midimonster.cleanup_handler(fork)\ngo = end\n"],
    ["a module's top level", "if fork(): sys.exit()\ngo = end\n"],
    [
      "a thread",
      "def go(value):\n  thread = threading.Thread(target=fork)\n  thread.start()\n  thread.join()\n  end()\n",
    ],
    ["a finalizer while an instance ends", "class Held:\n  def __del__(self): fork()\nheld = Held()\ngo = end\n"],
    [
      "fileno()",
      `import socket
near, far = socket.socketpair()
class Odd:
  forked = False
  def fileno(self):
    if value_seen and not Odd.forked:
      Odd.forked = True
      fork() or end()
    return near.fileno()
value_seen = False
midimonster.manage(lambda sock: near.recv(1), Odd())
def go(value):
  global value_seen
  value_seen = True
  far.send(b"x")
`,
    ],
  ];
  for (const [where, code] of places) {
    it(`of ${where} ends where that returns, with its output flushed and status 0`, async () => {
      const config = where.includes("batch") ? CONFIG.replace("l.out >", "l.out > py.in\nl.out >") : CONFIG;
      const { stdout, stderr } = await runs(code, config);
      assert.equal(stdout, "child ended with 0\n", stderr);
      assert.doesNotMatch(stderr, /ERROR|Fatal/);
    });
  }

  const ends: [how: string, status: number, stderr: RegExp][] = [
    ["raise", 1, /^Traceback[\s\S]*ValueError: of the child$/m],
    ["exit", 5, /^/],
    ["say", 1, /^a reason$/m],
  ];
  for (const [how, status, error] of ends) {
    it(`ends with the status of a program if it ends by "${how}", from a handler and from a module`, async () => {
      const { stdout, stderr } = await runs(`fork("${how}")\ndef go(value):\n  fork("${how}")\n  end()\n`);
      assert.equal(stdout, `child ended with ${status}\n`.repeat(2), stderr);
      assert.match(stderr, error);
      assert.doesNotMatch(stderr, /the handler raised/);
    });
  }

  it("waits for its own threads, and may fork again", async () => {
    const { stdout, stderr } = await runs(`
def work():
    time.sleep(0.1)
    print("worked", end=" ", flush=True)
def go(value):
    pid = os.fork()
    if pid == 0:
        opened = [os.dup(1) for _ in range(50)]
        pid = os.fork()
        if pid == 0: return print([os.fstat(fd).st_ino for fd in opened] == [os.fstat(1).st_ino] * 50, end=" ")
        os.waitpid(pid, 0)
        return threading.Thread(target=work).start()
    print(status_of(pid), flush=True)
    end()
`);
    assert.equal(stdout, "True worked 0\n", stderr);
  });

  it("can't use the module's functions, and its parent's descriptors and timers are not disturbed", async () => {
    const { stdout, stderr } = await runs(`
import socket
near, far = socket.socketpair()
reads = []
def read(sock):
    reads.append(sock.recv(1))
    if len(reads) == 20:
        print("read", len(reads))
        end()
midimonster.manage(read, near)
ticks = []
def tick():
    ticks.append(1)
    far.send(b"x")
batch = midimonster.batch(["b"])
def attempts():
    yield lambda: midimonster.output("out", 1)
    yield lambda: midimonster.interval(tick, 0)
    yield lambda: midimonster.manage(None, near)
    yield lambda: midimonster.channels()
    yield lambda: midimonster.inputvalue("out")
    yield lambda: midimonster.cleanup_handler(None)
    yield lambda: batch.output([1])
def go(value):
    sys.stdout.flush()
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            for attempt in attempts():
                try: print("accepted", attempt())
                except RuntimeError as error: print(str(error)[:56])
            near.close()
            far.close()
            return
        print(status_of(pid), flush=True)
    midimonster.interval(tick, 10)
`);
    const refused = "midimonster's functions can't be used in a forked process\n";
    assert.equal(
      stdout.replaceAll(/^midimonster's functions.*$/gm, refused.trim()),
      `${refused.repeat(7)}0\n`.repeat(3).concat("read 20\n"),
      stderr,
    );
  });

  const MULTIPROCESSING = `
def in_child():
    print("child", sockets(), end=" ", flush=True)
def forks():
    import multiprocessing
    process = multiprocessing.get_context("fork").Process(target=in_child)
    process.start()
    process.join()
    print("ended with", process.exitcode, flush=True)
`;
  const OS_FORK = `
def forks():
    if fork():
        print(sockets(), end=" ")
        return True
`;
  // preexec_fn runs in the child; what it prints comes before the program's own output.
  const PREEXEC = `
def in_child():
    print("child", sockets(), end=" ", flush=True)
def forks():
    print("ended with", subprocess.run(["true"], preexec_fn=in_child, stdin=subprocess.DEVNULL).returncode, flush=True)
`;
  const THREAD = "def starts():\n    t = threading.Thread(target=forks)\n    t.start()\n    t.join()\n";
  const RAW_THREAD = `
def starts():
    import _thread
    done = threading.Lock()
    done.acquire()
    def run():
        forks()
        done.release()
    _thread.start_new_thread(run, ())
    done.acquire()
`;
  const socketCases: [where: string, code: string][] = [
    ["on the loop's thread", `${OS_FORK}def starts():\n    if forks(): sys.exit()\n`],
    ["on a Python thread", OS_FORK + THREAD],
    ["on a Python thread, by multiprocessing", MULTIPROCESSING + THREAD],
    ["on a Python thread, with preexec_fn", PREEXEC + THREAD],
    ["on a thread without an object", `${OS_FORK}${RAW_THREAD}`],
  ];
  for (const [where, forks] of socketCases)
    it(`forked ${where} does not have the sockets of backends, which the parent goes on using`, async () => {
      const port = await freePort();
      const config = `
[osc tablet]
bind = 127.0.0.1 ${port}
[mqtt broker]
host = 127.0.0.1:${port}
[python py]
module = mod
[map]
tablet./x > py.mod.go
broker.x > py.mod.go
py.out > broker.y
`;
      const { stdout, stderr } = await runs(
        `
import socket, struct
${forks}
def sockets():
    names = ("/proc/self/fd/%s" % name for name in os.listdir("/proc/self/fd") if int(name) > 2)
    return sum(os.readlink(name).startswith("socket:") for name in names if os.path.islink(name))
listening = socket.create_server(("127.0.0.1", ${port}))
def accept(_):
    global connection
    connection, _ = listening.accept()
    print(sockets() > 2, end=" ", flush=True)
    starts()
    with socket.socket(type=socket.SOCK_DGRAM) as desk:
        desk.sendto(b"/x" + bytes(2) + b",f" + bytes(2) + struct.pack(">f", 0.5), ("127.0.0.1", ${port}))
midimonster.manage(accept, listening)
def go(value):
    print(value)
    end()
`,
        config,
      );
      assert.equal(stdout, "True child 2 ended with 0\n0.5\n", stderr);
    });

  it("forked in a worker thread has the sockets of no other thread's router either", async () => {
    const folder = folderWith({
      "forks.py": `
import midimonster, os
def sockets():
    names = ("/proc/self/fd/%s" % name for name in os.listdir("/proc/self/fd") if int(name) > 2)
    return sum(os.readlink(name).startswith("socket:") for name in names if os.path.islink(name))
def forks():
    midimonster.interval(forks, 0)
    print(sockets(), end=" ", flush=True)
    pid = os.fork()
    if pid == 0:
        print(sockets(), end=" ", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    midimonster.output("out", 1)
midimonster.interval(forks, 10)
`,
      "main.cjs": `
const { Worker, isMainThread } = require("node:worker_threads");
const { Router } = require(${JSON.stringify(path.join(projectFolder, "dist", "index.cjs"))});
const router = new Router({ folder: __dirname });
if (isMainThread) {
  router.instance("osc", "desk", { bind: "127.0.0.1 ${await freePort()}" }).start().then(() => {
    new Worker(__filename).on("exit", () => router.stop());
  });
} else {
  router.instance("python", "py", { module: "forks" }).instance("loopback", "l").map("py.out", "l.x");
  router.tap(() => router.stop());
  router.start();
}
`,
    });
    const running = run(process.execPath, ["main.cjs"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.equal(running.stdout, "1 0 ", running.stderr);
  });

  it("is ended by a signal at once, which the parent does not get", async () => {
    const { stdout, stderr } = await runs(`
import multiprocessing
def go(value):
    fork = multiprocessing.get_context("fork")
    for _ in range(10):
        process = fork.Process(target=time.sleep, args=(600,))
        process.start()
        process.terminate()
        process.join()
        print(process.exitcode, end=" ")
    midimonster.interval(later, 50)
def later():
    midimonster.interval(later, 0)
    print("and the parent runs")
    end()
`);
    assert.equal(stdout, `${"-15 ".repeat(10)}and the parent runs\n`, stderr);
  });
});

const POOLS = `
import multiprocessing
import work
def go(value):
    for method in (None, "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool: print(context.get_start_method(), pool.map(work.double, [1, 2]))
    print(multiprocessing.get_start_method())
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(1) as pool: print(pool.submit(work.double, 4).result())
    print(subprocess.run(["true"]).returncode, flush=True)
    end()
`;
/** Uses the module, so that a worker has to import it. */
const WORK = `
import midimonster
names = midimonster.channels()
midimonster.interval(print, 600000)
midimonster.output("other", 1)
batch = midimonster.batch(["other"], print)
def double(n): return 2 * n
def outputs(n):
    try: midimonster.output("other", 1)
    except RuntimeError as error: return str(error)
`;

describe("multiprocessing", () => {
  it("works with every method in the main interpreter", async () => {
    const { stdout, stderr } = await runs(POOLS, CONFIG, { "work.py": WORK });
    assert.equal(stdout, "fork [2, 4]\nspawn [2, 4]\nforkserver [2, 4]\nfork\n8\n0\n", stderr);
  });

  for (const [where, config] of [
    ["in an interpreter of its own", CONFIG.replace("[loopback", "interpreter = own\n[loopback")],
    ["beside another instance", CONFIG.replace("[loopback", "[python other]\n[loopback")],
  ] as const) {
    it(`uses spawn by itself ${where}`, async () => {
      const { stdout, stderr } = await runs(POOLS, config, { "work.py": WORK });
      assert.equal(stdout, "spawn [2, 4]\nspawn [2, 4]\nforkserver [2, 4]\nspawn\n8\n0\n", stderr);
    });

    it(`refuses to fork ${where}, in the parent, once`, async () => {
      const { stdout, stderr } = await runs(
        `
import multiprocessing, pty
def go(value):
    def process(): multiprocessing.get_context("fork").Process(target=print).start()
    def before_exec(): subprocess.run(["true"], preexec_fn=print)
    for attempt in (os.fork, pty.fork, process, before_exec):
        try: print("accepted", attempt())
        except Exception as error: print(type(error).__name__)
    end()
`,
        config,
      );
      assert.equal(stdout, `${"RuntimeError\n".repeat(3)}${stdout.split("\n")[3]}\n`, stderr);
      assert.match(stdout, /(RuntimeError|SubprocessError)\n$/);
    });
  }

  it("says in a worker that midimonster can't be used there", async () => {
    const { stdout } = await runs(
      `
import multiprocessing
import work
def go(value):
    with multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(work.outputs, [1])[0])
    end()
`,
      CONFIG,
      { "work.py": WORK },
    );
    assert.match(stdout, /^midimonster\.output\(\) can't be used in a worker process; return the values/);
  });

  it("preexec_fn works in the main interpreter", async () => {
    const { stdout } = await runs(
      'def go(value):\n  subprocess.run(["true"], preexec_fn=lambda: os.write(1, b"in the child\\n"))\n  end()\n',
    );
    assert.equal(stdout, "in the child\n");
  });
});
