import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Backend,
  type ErrorCode,
  type Instance,
  type InstanceContext,
  MidimonsterError,
  Router,
  silentLogger,
  type TappedEvent,
} from "../lib/index.js";
import { folderWith, MemoryLog, projectFolder } from "./helpers.js";
import { ProbeBackend } from "./probe-backend.js";
import { start } from "./session.js";

const routers: Router[] = [];

function track(router: Router): Router {
  routers.push(router);
  return router;
}

afterEach(async () => {
  for (const router of routers.splice(0)) await router.stop();
});

function code(expected: ErrorCode, message?: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof MidimonsterError, String(error));
    assert.equal(error.code, expected, error.message);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };
}

describe("a router made from nothing", () => {
  it("takes options as strings, numbers and booleans, and in lists", async () => {
    const router = new Router({ logger: silentLogger, check: "load" })
      .instance("artnet", "a", { universe: 3, realtime: true, rate: 2.5e1, also: ["127.0.0.2", "127.0.0.3"] })
      .backend("artnet", { bind: "127.0.0.1", detect: false });
    await router.load();
    const shown = router.describe().instances[0]?.options.map(({ option, value }) => `${option}=${value}`);
    assert.deepEqual(shown, ["universe=3", "realtime=on", "rate=25", "also=127.0.0.2", "also=127.0.0.3"]);
    await router.stop();
    for (const value of [Number.NaN, null, undefined, {}, [["x"]], 1n]) {
      const options = { universe: value } as never;
      assert.throws(() => new Router().instance("artnet", "a", options), code("VALUE", /'universe' takes a string/));
    }
  });

  it("routes between instances of all kinds", async () => {
    const folder = folderWith({
      "double.py": 'import midimonster\ndef double(value):\n    midimonster.output("doubled", 2 * value)\n',
    });
    const backend = new ProbeBackend();
    const router = track(new Router({ folder, logger: silentLogger, backends: [backend] }));
    router
      .instance("probe", "probe")
      .instance("loopback", "loop", { anything: "goes" })
      .instance("python", "py", { module: ["double"] })
      .map("probe.in", "loop.x")
      .map("loop.x > py.double.double")
      .map("probe.result < py.doubled");
    assert.equal(router.running, false);
    await router.start();
    assert.equal(router.running, true);
    const probe = backend.instances.get("probe");
    probe?.emit("in", 0.25);
    assert.deepEqual(await probe?.until("result"), [0.5]);
    await router.stop();
    assert.equal(router.running, false);
  });

  it("can have backend options, and describes itself", async () => {
    const router = track(new Router({ logger: silentLogger }));
    router.backend("python", { deepbind: "on" }).instance("loopback", "l").map("l.{1..3}", "l.x").map("l.a <> l.b");
    await router.load();
    const { instances, mappings } = router.describe();
    assert.deepEqual(
      instances.map(({ name, backend, channels }) => [name, backend, channels.map((channel) => channel.name)]),
      [["l", "loopback", ["1", "x", "2", "3", "a", "b"]]],
    );
    assert.deepEqual(mappings, [
      { from: "l.{1..3}", to: "l.x", bidirectional: false, count: 3 },
      { from: "l.a", to: "l.b", bidirectional: true, count: 1 },
    ]);
  });

  it("without anything starts and stops", async () => {
    const router = track(new Router({ logger: silentLogger }));
    await router.start();
    await router.stop();
  });
});

describe("a router from a file, with additions by the API", () => {
  it("keeps them over reloads, beside what the file says then", async () => {
    const folder = folderWith({ "monster.cfg": "[loopback a]\n" });
    const file = path.join(folder, "monster.cfg");
    const backend = new ProbeBackend();
    const router = track(Router.fromFile(file, { logger: silentLogger, backends: [backend] }))
      .instance("loopback", "b")
      .instance("probe", "p")
      .map("p.x > b.x")
      .map("b.x > p.y");
    assert.equal(router.summary, "2 mappings between 3 instances");
    await router.start();
    writeFileSync(file, "[loopback a]\n[loopback c]\n[map]\na.x > c.x\n");
    assert.deepEqual(await router.reload(), { modules: [], added: ["c"], removed: [] });
    assert.equal(router.summary, "3 mappings between 4 instances");
    backend.instances.get("p")?.emit("x", 0.5);
    assert.deepEqual(await backend.instances.get("p")?.until("y"), [0.5]);
  });
});

describe("errors of the API", () => {
  const mistakes: [what: string, call: (router: Router) => unknown, code: ErrorCode, message: RegExp][] = [
    ["a name with a dot", (router) => router.instance("loopback", "a.b"), "VALUE", /contains a dot/],
    ["a name with a blank", (router) => router.instance("loopback", "a b"), "VALUE", /contains whitespace/],
    ["no name", (router) => router.instance("loopback", ""), "VALUE", /can't be empty/],
    ["a mapping that is none", (router) => router.map("a.x"), "CONFIG", /'a\.x' is not a mapping/],
    ["a channel without an instance", (router) => router.map("x", "a.b"), "CONFIG", /does not name a channel/],
    ["two lines at once", (router) => router.map("a.x > b.y\na.z > b.z"), "VALUE", /one line/],
    ["a mapping for a channel", (router) => router.map("a.x > b.y", "c.z"), "VALUE", /two channels/],
    [
      "an option that is an object",
      (router) => router.instance("loopback", "a", { x: {} as unknown as string }),
      "VALUE",
      /option 'x'/,
    ],
    [
      "unequal sizes",
      (router) => router.map("a.{1..2}", "b.{1..3}"),
      "CONFIG",
      /2 channels on the left, 3 on the right/,
    ],
    ["describe() before load()", (router) => router.describe(), "STATE", /needs a loaded router/],
  ];
  for (const [what, call, expected, message] of mistakes) {
    it(`${what}: ${expected}`, () => {
      assert.throws(() => call(track(new Router({ logger: silentLogger }))), code(expected, message));
    });
  }

  it("an unknown backend, instance and option are found together at start", async () => {
    const router = track(new Router({ logger: silentLogger }));
    router.instance("loopbak", "a").instance("python", "b", { modul: "x" }).map("c.x", "b.y");
    await assert.rejects(router.start(), (error) => {
      assert.ok(error instanceof MidimonsterError);
      assert.deepEqual(
        error.diagnostics.map(({ message, help }) => [message, help?.[0]]),
        [
          ["unknown backend 'loopbak'", "did you mean 'loopback'?"],
          ["instance 'b' has no option 'modul'", "did you mean 'module'?"],
          ["no instance 'c'", "available instances: b"],
        ],
      );
      return true;
    });
  });

  const given: [what: string, call: (options: object) => unknown, options: unknown, message: RegExp][] = [
    [
      "a misspelt option",
      (options) => new Router(options),
      { loger: silentLogger },
      /^new Router\(\) has no option 'loger'; did you mean 'logger'\?$/,
    ],
    [
      "another one",
      (options) => new Router(options),
      { port: 1 },
      /^new Router\(\) has no option 'port'; its options: logger, backends, queueLimit, check, folder$/,
    ],
    [
      "one of a router from a file",
      (options) => new Router(options),
      { backendOverrides: [] },
      /^new Router\(\) has no option 'backendOverrides'; /,
    ],
    [
      "one of a router without a file",
      (options) => Router.fromFile("monster.cfg", options),
      { folder: "." },
      /^Router\.fromFile\(\) has no option 'folder'; /,
    ],
    [
      "a misspelt override",
      (options) => Router.fromFile("monster.cfg", options),
      { backendOverride: [] },
      /has no option 'backendOverride'; did you mean 'backendOverrides'\?$/,
    ],
    [
      "a misspelt option of map()",
      (options) => new Router().map("a.x", "b.y", options),
      { filter: ["invert"] },
      /^map\(\) has no option 'filter'; did you mean 'filters'\?$/,
    ],
    [
      "a list",
      (options) => new Router().map("a.x", "b.y", options),
      ["invert"],
      /^the options of map\(\) are an object/,
    ],
    [
      "a file",
      (options) => new Router(options),
      "monster.cfg",
      /^the options of new Router\(\) are an object, not a str/,
    ],
  ];
  for (const [what, call, options, message] of given) {
    it(`an option that does not exist: ${what}`, () => {
      assert.throws(() => call(options as object), { code: "VALUE", message });
    });
  }

  it("take an option whose value is undefined as not given", () => {
    new Router({ ...({ loger: undefined } as object) });
  });

  it("a file that is not there", () => {
    assert.throws(() => Router.fromFile("/nowhere/monster.cfg"), code("CONFIG", /there is no file/));
  });

  it("a second start, and changes after it", async () => {
    const router = track(new Router({ logger: silentLogger }));
    await router.start();
    await assert.rejects(router.start(), code("STATE", /this one is running/));
    assert.throws(() => router.instance("loopback", "l"), code("STATE"));
    assert.throws(() => router.map("a.b", "c.d"), code("STATE"));
    await router.stop();
    await assert.rejects(router.start(), code("STATE", /has been stopped; make another one/));
  });

  it("two backends of one name", () => {
    assert.throws(() => new Router({ backends: [{ name: "python", create: () => ({}) }] }), code("VALUE", /already/));
  });
});

/** A backend that writes down what its router calls. */
class DiaryBackend implements Backend {
  readonly name = "diary";
  readonly options = ["color"];
  readonly entries: string[] = [];
  failIn = "";
  context: InstanceContext | undefined;

  #note(entry: string): void {
    this.entries.push(entry);
    if (this.failIn !== "" && entry.startsWith(this.failIn)) throw new Error(`refused: ${entry}`);
  }

  configure(option: string, value: string): void {
    this.#note(`configure ${option}=${value}`);
  }

  create(context: InstanceContext): Instance {
    this.#note(`create ${context.name}`);
    this.context = context;
    return {
      configure: (option, value) => this.#note(`${context.name} configure ${option}=${value}`),
      channel: (name, index, use) => this.#note(`${context.name} channel ${name} ${index} ${use}`),
      start: async () => this.#note(`${context.name} start`),
      handle: ({ length, values }) => this.#note(`${context.name} handle ${[...values.subarray(0, length)]}`),
      stop: () => this.#note(`${context.name} stop`),
    };
  }

  async start(): Promise<void> {
    this.#note("start");
  }

  async stop(): Promise<void> {
    this.#note("stop");
  }
}

describe("a custom backend", () => {
  function make(backend: DiaryBackend, log = new MemoryLog()): Router {
    return track(new Router({ logger: log, backends: [backend] }))
      .backend("diary", { color: "red" })
      .instance("diary", "d", { a: ["1", "2"] })
      .instance("loopback", "l")
      .map("d.{x,y} > l.{x,y}")
      .map("l.{x,y} > d.{in1,in2}")
      .map("l.x > d.in1");
  }

  it("is configured, started, served and stopped in the documented order", async () => {
    const backend = new DiaryBackend();
    const router = make(backend);
    await router.start();
    assert.deepEqual(backend.entries.splice(0), [
      "configure color=red",
      "create d",
      "d configure a=1",
      "d configure a=2",
      "d channel x 0 output",
      "d channel y 1 output",
      "d channel in1 2 input",
      "d channel in2 3 input",
      "start",
      "d start",
    ]);
    for (const [channel, value] of [
      [0, 0.5],
      [1, 7],
      [0, -1],
    ] as const) {
      backend.context?.emit(channel, value);
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(backend.entries.splice(0), ["d handle 0.5,1,0"]);
    await router.stop();
    assert.deepEqual(backend.entries, ["d stop", "stop"]);
  });

  const failures: [failIn: string, message: RegExp, after: string[]][] = [
    ["configure", /error: option 'color' of backend 'diary': refused: configure color=red/, []],
    ["create", /instance 'd' could not be created: refused: create d/, []],
    ["d configure a=2", /error: option 'a' of .*: refused: d configure a=2/, []],
    ["d channel in1", /'d\.in1': refused: d channel in1/, []],
    ["start", /backend 'diary' did not start: refused: start/, ["stop"]],
    ["d start", /instance 'd' did not start: refused: d start/, ["d stop", "stop"]],
  ];
  for (const [failIn, message, after] of failures) {
    it(`that throws in '${failIn}' stops the start with its message, and what was started is stopped`, async () => {
      const backend = new DiaryBackend();
      backend.failIn = failIn;
      await assert.rejects(make(backend).start(), message);
      assert.deepEqual(
        backend.entries.filter((entry) => entry.endsWith("stop")),
        after,
      );
    });
  }

  it("that throws in handle() or stop() is logged, and everything goes on", async () => {
    const backend = new DiaryBackend();
    const log = new MemoryLog();
    const router = make(backend, log);
    await router.start();
    backend.failIn = "d ";
    backend.context?.emit(0, 1);
    await log.seen(/d: handle\(\) threw: Error: refused: d handle 1/);
    await router.stop();
    assert.equal(log.matching(/instance 'd' did not stop properly: refused: d stop/).length, 1);
    assert.equal(backend.entries.at(-1), "stop");
  });

  const wrong: [what: string, channel: unknown, value: unknown, message: RegExp][] = [
    ["NaN", 0, Number.NaN, /value is a number, not NaN/],
    ["no value", 0, undefined, /value is a number, not undefined/],
    ["a channel's number as a text", "1", 1, /no channel number 1/],
    ["half a channel", 0.5, 1, /no channel number 0.5/],
    ["a channel that there is not", 4, 1, /no channel number 4/],
  ];
  for (const [what, channel, value, message] of wrong) {
    it(`that emits ${what} does not throw; it is logged once and counted, and nothing is sent`, async () => {
      const backend = new DiaryBackend();
      const log = new MemoryLog();
      const router = make(backend, log);
      await router.start();
      backend.entries.length = 0;
      for (let i = 0; i < 3; ++i) backend.context?.emit(channel as number, value as number);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(backend.entries, []);
      const told = log.matching(/d: emit\(\) was called wrongly/);
      assert.equal(told.length, 1);
      assert.match(told[0]?.message ?? "", message);
      await router.stop();
      assert.equal(log.matching(/emit\(\) was called wrongly 2 more times/).length, 1);
    });
  }

  it("that emits while it is created is told so", async () => {
    const early: Backend = {
      name: "early",
      create: (context) => {
        context.emit(0, 1);
        return {};
      },
    };
    const log = new MemoryLog();
    await track(new Router({ logger: log, backends: [early] }))
      .instance("early", "e")
      .start();
    await log.seen(/e: emit\(\) was called wrongly.*: an instance can emit from its start\(\) on/);
  });

  it("may emit in what it awaits: nothing is lost or doubled", async () => {
    const received: [number, number][] = [];
    let finished = () => {};
    const done = new Promise<void>((resolve) => {
      finished = resolve;
    });
    const late: Backend = {
      name: "late",
      create: (context) => ({
        channel() {},
        handle: ({ length, channels, values }) => {
          for (let i = 0; i < length; ++i) {
            if (channels[i] !== 0) {
              received.push([channels[i] ?? 0, values[i] ?? 0]);
              if (received.length === 20) finished();
              continue;
            }
            context.emit(1, 0.125);
            Promise.resolve().then(() => context.emit(2, 0.25));
          }
        },
      }),
    };
    const folder = folderWith({
      "mod.py": `
import midimonster, socket
near, far = socket.socketpair()
count = 0
def read(sock):
    global count
    count += 1
    if count == 10: sock.recv(1)
    midimonster.output("out", 1)
midimonster.manage(read, near)
far.send(b"x")
`,
    });
    const router = track(new Router({ folder, logger: silentLogger, backends: [late] }));
    router.instance("late", "l").instance("python", "py", { module: "mod" }).instance("loopback", "loop");
    router.map("py.out > l.in").map("l.a > loop.a").map("l.b > loop.b").map("loop.a > l.a").map("loop.b > l.b");
    await router.start();
    await done;
    const count = (channel: number) => received.filter(([found]) => found === channel).length;
    assert.deepEqual([count(1), count(2)], [10, 10]);
  });

  it("whose handle() is async and fails is logged, and the process goes on", async () => {
    const log = new MemoryLog();
    const failing: Backend = {
      name: "failing",
      create: (context) => ({
        channel() {},
        start: () => context.emit(0, 1),
        handle: async () => {
          throw new Error("late");
        },
      }),
    };
    const router = track(new Router({ logger: log, backends: [failing] }));
    router.instance("failing", "f").instance("loopback", "l").map("f.x > l.y").map("l.y > f.z");
    await router.start();
    await log.seen(/f: handle\(\) threw: Error: late/);
  });

  it("may give the batch's memory away", async () => {
    const taking = new ProbeBackend();
    const thief: Backend = {
      name: "thief",
      create: () => ({
        channel() {},
        handle: ({ channels, values }) => {
          structuredClone(0, { transfer: [channels.buffer as ArrayBuffer, values.buffer as ArrayBuffer] });
        },
      }),
    };
    const router = track(new Router({ logger: silentLogger, backends: [thief, taking] }));
    router.instance("thief", "t").instance("probe", "p").map("p.x > t.x").map("p.x > p.y");
    await router.start();
    const probe = taking.instances.get("p");
    for (let i = 1; i <= 8; ++i) {
      probe?.emit("x", i / 8);
      await probe?.until("y", i);
    }
    assert.deepEqual(probe?.values("y"), [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]);
  });

  it("that emits in start() is heard once everything has started", async () => {
    const backend = new ProbeBackend();
    const eager: Backend = {
      name: "eager",
      create: (context) => ({ channel() {}, start: () => context.emit(0, 0.5) }),
    };
    const router = track(new Router({ logger: silentLogger, backends: [eager, backend] }))
      .instance("eager", "e")
      .instance("probe", "p")
      .map("e.x", "p.x");
    await router.start();
    assert.deepEqual(await backend.instances.get("p")?.until("x"), [0.5]);
  });

  it("gets a batch of any size in one call, in order", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.c{1..20000} > probe.c{1..20000}\n",
      {
        "mod.py": "def go(value):\n    for i in range(1, 20001): midimonster.output('c%d' % i, i / 32768)\n",
      },
    );
    session.probe.emit("go", 1);
    await session.probe.until("c20000");
    assert.deepEqual(session.probe.batches, [20000]);
    assert.deepEqual(session.probe.received[12344], ["c12345", 12345 / 32768]);
  });
});

describe("a tap", () => {
  it("shows every event where it is output, mapped or not, until it is ended", async () => {
    const session = await start("[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.out > probe.out\n", {
      "mod.py":
        'midimonster.output("unmapped", 0)\ndef go(value):\n    midimonster.output("out", value / 2)\n    midimonster.output("unmapped", 1)\n',
    });
    const seen: TappedEvent[] = [];
    const end = session.router.tap((events) => seen.push(...events));
    session.probe.emit("go", 0.5);
    await session.probe.until("out");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen.splice(0), [
      { instance: "probe", channel: "go", value: 0.5 },
      { instance: "py", channel: "out", value: 0.25 },
      { instance: "py", channel: "unmapped", value: 1 },
    ]);
    end();
    session.probe.emit("go", 1);
    await session.probe.until("out", 2);
    assert.deepEqual(seen, []);
  });
});

describe("the package", () => {
  it("exports its types and values from one place", async () => {
    const exported = await import("../lib/index.js");
    assert.deepEqual(Object.keys(exported).sort(), [
      "LOG_LEVELS",
      "MidimonsterError",
      "Router",
      "declareBackend",
      "formatDiagnostic",
      "option",
      "silentLogger",
      "standardErrorLogger",
    ]);
  });
});

it("classes are called by their names in the package as it is built", async () => {
  const built = (await import(pathToFileURL(path.join(projectFolder, "dist", "index.js")).href)) as Record<
    string,
    { name: string }
  >;
  assert.deepEqual([built.Router?.name, built.MidimonsterError?.name], ["Router", "MidimonsterError"]);
});
