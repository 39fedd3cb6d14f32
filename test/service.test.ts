// mmpy as a service: what it tells the service manager that started it.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { ServiceManager, takeServiceVariables } from "../lib/cli/service-manager.js";
import { folderWith, MemoryLog, mmpy, mmpyScript, run } from "./helpers.js";
import { MARK, Manager } from "./service-manager.js";

const ROUTING = "READY=1\nSTATUS=routing 1 mapping between 2 instances";
const STOPPING = "STOPPING=1\nSTATUS=stopping";
/** How often keep-alives are due, in ms: not so often that those of a busy machine's time slice fill the socket's queue. */
const HALF = 40;
const CONFIG = "[python py]\nmodule = mod\n[loopback l]\n[map]\npy.tick > l.tick\n";

/** Calls `tick(count)` every 10 ms. */
const TICKER = `
import midimonster
from mark import mark
count = 0
def each():
    global count
    count += 1
    midimonster.output("tick", 1)
    tick(count)
midimonster.interval(each, 10)
`;

function folderOf(module: string): string {
  return folderWith({ "monster.cfg": CONFIG, "mark.py": MARK, "mod.py": `${TICKER}${module}` });
}

/** The environment of a service; `half` is how often keep-alives are due, in ms. */
function service(socket: string, half?: number): NodeJS.ProcessEnv {
  const watchdog = half === undefined ? {} : { WATCHDOG_USEC: String(half * 2000) };
  return { ...process.env, MARKS: socket, NOTIFY_SOCKET: socket, ...watchdog };
}

async function stop({ child, exited }: ReturnType<typeof mmpy>, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  child.kill(signal);
  assert.deepEqual(await exited, { code: 0, signal: null });
}

describe("a service manager", () => {
  const kinds: [kind: string, name: () => string | undefined][] = [
    ["a path", () => undefined],
    ["an abstract name", Manager.abstractName],
  ];
  for (const [kind, name] of kinds) {
    it(`whose socket is ${kind} hears the start of routing, keep-alives and the stop`, async () => {
      const manager = await Manager.start(name());
      const running = mmpy([], { cwd: folderOf("def tick(count): pass\n"), env: service(manager.socket, HALF) });
      await manager.running.sees(/(WATCHDOG=1"\]\n.*){3}/);
      await stop(running);
      const messages = await manager.messages();
      const texts = messages.map(([, text]) => text);
      assert.equal(texts.shift(), ROUTING);
      assert.equal(texts.pop(), STOPPING);
      assert.deepEqual(new Set(texts), new Set(["WATCHDOG=1"]));
      // systemd listens to the main process only.
      assert.deepEqual(new Set(messages.map(([pid]) => pid)), new Set([running.child.pid]));
    });
  }

  it("hears READY only when modules have loaded, and no one who is started finds its variables", async () => {
    const manager = await Manager.start();
    const module = `
import os, subprocess
mark("loading")
def tick(count):
    if count > 1: return
    names = [line.split("=")[0] for line in subprocess.check_output(["env"], text=True).splitlines()]
    print("found", [name for name in [*os.environ, *names] if name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")])
`;
    const running = mmpy([], { cwd: folderOf(module), env: service(manager.socket) });
    await running.sees(/found \[\]/);
    await stop(running);
    assert.deepEqual(await manager.texts(), ["loading", ROUTING, STOPPING]);
  });

  const silent: [what: string, args: string[], config: string, status: number][] = [
    ["a configuration with errors", [], "[nothing n]\n", 1],
    ["a module that can't be imported", [], "[python py]\nmodule = missing\n", 1],
    ["mmpy check", ["check"], "[loopback l]\n", 0],
    ["mmpy --version", ["--version"], "", 0],
  ];
  for (const [what, args, config, status] of silent) {
    it(`hears nothing of ${what}`, async () => {
      const manager = await Manager.start();
      const running = mmpy(args, { cwd: folderWith({ "monster.cfg": config }), env: service(manager.socket, 1) });
      assert.deepEqual(await running.exited, { code: status, signal: null });
      assert.deepEqual(await manager.texts(), []);
    });
  }

  for (const [whose, shell, hears] of [
    ["mmpy", 'WATCHDOG_PID=$$ exec "$@"', true],
    ["another process", 'WATCHDOG_PID=1 exec "$@"', false],
  ] as const) {
    it(`that watches ${whose} gets ${hears ? "" : "no "}keep-alives`, async () => {
      const manager = await Manager.start();
      const cwd = folderOf('def tick(count):\n    if count == 20: mark("twenty")\n');
      const running = run("sh", ["-c", shell, "sh", process.execPath, mmpyScript], {
        cwd,
        env: service(manager.socket, HALF),
      });
      await manager.running.sees(/twenty/);
      await stop(running);
      const texts = await manager.texts();
      if (hears) assert.ok(texts.includes("WATCHDOG=1"), texts.join());
      else assert.deepEqual(texts, [ROUTING, "twenty", STOPPING]);
    });
  }

  it("gets no keep-alive while a handler does not return, and can end it", async () => {
    const manager = await Manager.start();
    const module = 'def tick(count):\n    if count == 20:\n        mark("hanging")\n        while True: pass\n';
    const running = mmpy([], { cwd: folderOf(module), env: service(manager.socket, HALF) });
    await running.sees(/is still running after \d+ ms/); // far longer than until the next keep-alive
    running.child.kill("SIGABRT");
    assert.deepEqual(await running.exited, { code: null, signal: "SIGABRT" });
    const texts = await manager.texts();
    assert.ok(texts.includes("WATCHDOG=1"), texts.join());
    assert.equal(texts.at(-1), "hanging");
  });

  it("gets keep-alives again when the handler has returned", async () => {
    const manager = await Manager.start();
    const module = `
import time
def tick(count):
    if count == 20:
        mark("busy")
        end = time.monotonic() + 0.3
        while time.monotonic() < end: pass
        mark("done")
`;
    const running = mmpy([], { cwd: folderOf(module), env: service(manager.socket, HALF) });
    await manager.running.sees(/done[\s\S]*WATCHDOG=1/);
    await stop(running);
    const texts = await manager.texts();
    assert.equal(texts.indexOf("done"), texts.indexOf("busy") + 1);
  });

  it("gets none once it has asked for a stop: systemd would watch again, and kill cleanup handlers that take long", async () => {
    const manager = await Manager.start();
    const module = `
import socket
near, far = socket.socketpair()
def tick(count):
    if count == 20: far.send(b"x")
def read(near):
    near.recv(1)
    mark("hanging")
    print("hanging")
    while True: pass
midimonster.manage(read, near)
midimonster.cleanup_handler(lambda: mark("cleaned up"))
`;
    const running = mmpy([], { cwd: folderOf(module), env: service(manager.socket, HALF) });
    await running.sees(/hanging/);
    await stop(running);
    const texts = await manager.texts();
    assert.deepEqual(texts.slice(texts.indexOf("hanging")), ["hanging", STOPPING, "cleaned up"]);
  });
});

describe("a service manager's socket that fails", () => {
  const sockets: [what: string, socket: string, problem: RegExp][] = [
    [
      "is not there",
      "/nowhere/notify",
      /can't send READY=1 to the service manager: NOTIFY_SOCKET=\/nowhere\/notify: No such file or directory/,
    ],
    ["is an abstract name that nobody has", "@mmpy-test-nobody", /NOTIFY_SOCKET=@mmpy-test-nobody: Connection refused/],
    ["is no path", "notify", /NOTIFY_SOCKET=notify: neither a path nor an abstract name/],
    ["is of another kind", "vsock:2:1234", /NOTIFY_SOCKET=vsock:2:1234: neither a path nor an abstract name/],
    ["has too long a name", `/${"x".repeat(200)}`, /: the socket's name is too long/],
  ];
  for (const [what, socket, problem] of sockets) {
    it(`since it ${what} is warned of once, and routing goes on`, async () => {
      const cwd = folderOf('def tick(count):\n    if count == 20: print("twenty")\n');
      const running = mmpy([], { cwd, env: service(socket, HALF) });
      await running.sees(/twenty/);
      await stop(running);
      assert.match(running.stderr, problem);
      assert.equal(running.stderr.match(/service manager/g)?.length, 1, running.stderr);
    });
  }

  it("since nobody reads it keeps nothing waiting", async () => {
    const name = path.join(folderWith({}), "notify");
    const bound = run("python3", [
      "-c",
      "import socket, sys\nmanager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nmanager.bind(sys.argv[1])\nprint('bound', flush=True)\nsys.stdin.read()\n",
      name,
    ]);
    await bound.sees(/bound/);
    const cwd = folderOf('def tick(count): print("tick")\n');
    const running = mmpy([], { cwd, env: service(name, 1) });
    await running.sees(/can't send WATCHDOG=1 to the service manager: .*Resource temporarily unavailable/);
    const before = running.stdout.length;
    await running.sees(new RegExp(`^[\\s\\S]{${before}}(tick\n){5}`));
    await stop(running);
    bound.child.stdin?.end();
    await bound.exited;
  });

  it("at first is told READY later", async () => {
    const socket = path.join(folderWith({}), "notify");
    const running = mmpy([], { cwd: folderOf("def tick(count): pass\n"), env: service(socket) });
    await running.sees(/can't send READY=1/);
    const manager = await Manager.start(socket);
    await manager.running.sees(/READY=1/);
    await stop(running);
    assert.deepEqual(await manager.texts(), [ROUTING, STOPPING]);
  });

  it("later does not disturb the stop", async () => {
    const manager = await Manager.start();
    const running = mmpy([], { cwd: folderOf("def tick(count): pass\n"), env: service(manager.socket, HALF) });
    await manager.running.sees(/WATCHDOG=1/);
    await manager.messages();
    rmSync(manager.socket);
    await running.sees(/can't send WATCHDOG=1/);
    await stop(running);
  });
});

describe("a reload, as a service manager hears of it", () => {
  /** A module that changes its own file at its 20th tick, asks for a reload, and at the 20th tick afterwards ends all. */
  const editing = (change: string) => `
import os, signal
again = midimonster.previous() is not None
def tick(count):
    if count != 20: return
    mark("edited" if not again else "reloaded")
    if not again:
        with open(__file__, "a") as file: file.write(${JSON.stringify(`
${change}
`)})
    os.kill(os.getpid(), signal.SIGTERM if again else signal.SIGHUP)
`;

  it("begins and ends, and the loop lives", async () => {
    const manager = await Manager.start();
    const running = mmpy([], { cwd: folderOf(editing('mark("loading")')), env: service(manager.socket, HALF) });
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const texts = await manager.texts();
    const reloading = texts.findIndex((text) => text.startsWith("RELOADING=1"));
    assert.deepEqual(texts.slice(reloading + 1, reloading + 3), ["loading", ROUTING]);
    assert.ok(texts.includes("WATCHDOG=1", reloading), texts.join());
    assert.equal(texts.at(-1), STOPPING);
  });

  it("that failed ends too, and the status says so", async () => {
    const manager = await Manager.start();
    const running = mmpy([], { cwd: folderOf(editing("nonsense(")), env: service(manager.socket) });
    await manager.running.sees(/last reload failed/);
    await stop(running);
    const texts = await manager.texts();
    assert.match(texts[2] ?? "", /^RELOADING=1/);
    assert.deepEqual(texts.toSpliced(2, 1), [ROUTING, "edited", `${ROUTING}; the last reload failed`, STOPPING]);
  });

  it("that is asked for while modules load comes after the start", async () => {
    const manager = await Manager.start();
    const module = `
import os, signal
os.kill(os.getpid(), signal.SIGHUP)
mark("loading")
def tick(count):
    if count == 20: os.kill(os.getpid(), signal.SIGTERM)
`;
    const running = mmpy([], { cwd: folderOf(module), env: service(manager.socket) });
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const texts = await manager.texts();
    assert.deepEqual(texts.slice(0, 2), ["loading", ROUTING]);
    assert.equal(texts.at(-1), STOPPING);
  });

  it("waits for the one before, so that READY is said of what was asked for", async () => {
    const manager = await Manager.start();
    const module = `
import os, signal
def tick(count):
    if count == 20:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
    if count == 40: os.kill(os.getpid(), signal.SIGTERM)
`;
    const running = mmpy([], { cwd: folderOf(module), env: service(manager.socket) });
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const kinds = (await manager.texts()).map((text) => text.split("=")[0]);
    assert.match(kinds.join(" "), /^READY( RELOADING READY){1,2} STOPPING$/);
  });

  function told(pingPeriod?: number) {
    const texts: string[] = [];
    const native = {
      notifyService: (_socket: string, text: string) => {
        texts.push(text);
        return null;
      },
      stopSignalSeen: () => false,
    };
    const variables = { socket: "/run/notify", ...(pingPeriod !== undefined && { pingPeriod }) };
    return { texts, manager: new ServiceManager(variables, new MemoryLog(), () => native) };
  }

  it("has a time, and READY at its end", () => {
    const { texts, manager } = told();
    manager.ready("one");
    const before = process.hrtime.bigint() / 1000n;
    manager.reloading();
    const after = process.hrtime.bigint() / 1000n;
    manager.ready("two");
    const [ready, reloading = "", again] = texts;
    assert.equal(ready, "READY=1\nSTATUS=one");
    const [, time = ""] =
      /^RELOADING=1\nMONOTONIC_USEC=(\d+)\nEXTEND_TIMEOUT_USEC=90000000\nSTATUS=reloading$/.exec(reloading) ?? [];
    assert.ok(BigInt(time) >= before && BigInt(time) <= after, reloading);
    assert.equal(again, "READY=1\nSTATUS=two");
  });

  it("has no keep-alives, which would shorten the time that it may take", async () => {
    const { texts, manager } = told(1);
    const lives = async () => {
      texts.length = 0;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return texts.includes("WATCHDOG=1");
    };
    manager.ready("one");
    assert.equal(await lives(), true);
    manager.reloading();
    assert.equal(await lives(), false);
    manager.ready("two");
    assert.equal(await lives(), true);
    manager.stopping();
    assert.equal(await lives(), false);
  });

  it("ends with a keep-alive, so that the watchdog waits no longer than usual", () => {
    const { texts, manager } = told(1000);
    manager.reloading();
    manager.ready("two");
    assert.deepEqual(texts.slice(1), ["READY=1\nSTATUS=two", "WATCHDOG=1"]);
  });

  it("is not heard of when it ends after the stop has begun", async () => {
    const { texts, manager } = told(1);
    manager.ready("one");
    manager.reloading();
    manager.stopping();
    manager.ready("two");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(texts.at(-1), STOPPING);
  });
});

describe("a service manager's variables", () => {
  const cases: [variables: Record<string, string>, expected: object][] = [
    [{}, {}],
    [{ NOTIFY_SOCKET: "" }, {}],
    [{ NOTIFY_SOCKET: "/run/notify" }, { socket: "/run/notify" }],
    [
      { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "20000000" },
      { socket: "/n", pingPeriod: 10_000 },
    ],
    [
      { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "20000000", WATCHDOG_PID: "7" },
      { socket: "/n", pingPeriod: 10_000 },
    ],
    [{ NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "20000000", WATCHDOG_PID: "8" }, { socket: "/n" }],
    [
      { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "1" },
      { socket: "/n", pingPeriod: 1 },
    ],
    [
      { NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "9000000000000000" },
      { socket: "/n", pingPeriod: 2 ** 31 - 1 },
    ],
    [{ NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "0" }, { socket: "/n" }],
    [{ NOTIFY_SOCKET: "/n", WATCHDOG_USEC: "soon" }, { socket: "/n" }],
    [{ WATCHDOG_USEC: "20000000" }, {}],
  ];
  for (const [variables, expected] of cases) {
    it(`${JSON.stringify(variables)} means ${JSON.stringify(expected)}, and they are gone`, () => {
      const environment: NodeJS.ProcessEnv = { PATH: "/bin", ...variables };
      assert.deepEqual(takeServiceVariables(environment, 7), expected);
      assert.deepEqual(environment, { PATH: "/bin" });
    });
  }
});
