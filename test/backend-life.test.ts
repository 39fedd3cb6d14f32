// The life of a declared backend and its instances: what is called when, and what becomes of code that fails or hangs.
import assert from "node:assert/strict";
import { type BackendDeclaration, declareBackend, option } from "../lib/index.js";
import { DeskBackend, Rig } from "./desk-backend.js";
import { run } from "./helpers.js";

const CONFIG = "[desk d]\n[map]\nd.x > d.y\n";

function rig(config = CONFIG) {
  const backend = new DeskBackend();
  return { backend, rig: new Rig(config, [backend.declaration()]) };
}

const forever = () => new Promise(() => {});
const refusing = (message: string) => () => {
  throw new Error(message);
};
const rejecting = (message: string) => () => Promise.reject(new Error(message));

describe("a declared backend", () => {
  it("is called in the documented order", async () => {
    const { backend, rig: made } = rig("[desk a]\n[desk b]\n[map]\na.x > b.y\n");
    await made.router.start();
    backend.desk("a").emit("x", 1);
    await backend.desk("b").until(1);
    await made.router.stop();
    assert.deepEqual(backend.diary, [
      ...["load", "open", "a instance", "b instance"],
      ...["a connect x:output", "a connects", "b connect y:input", "b connects"],
      ...["start", "a start", "b start", "b handle", "a stop", "b stop", "stop"],
    ]);
  });

  const uses: [what: string, config: string, calls: string[]][] = [
    ["not at all where no configuration names it", "[loopback l]\n", []],
    ["where there is only its own section", "[backend desk]\n", ["load", "open"]],
    [
      "once for all its sections and instances",
      "[backend desk]\n[desk a]\n[backend desk]\n[desk b]\n",
      ["load", "open"],
    ],
  ];
  for (const [what, config, calls] of uses) {
    it(`is loaded and opened ${what}`, async () => {
      const { backend, rig: made } = rig(config);
      await made.router.load();
      assert.deepEqual(backend.news(/^(load|open)$/), calls);
    });
  }

  it("is loaded once a router, also by reloads, one of which fails", async () => {
    const { backend, rig: made } = rig("[loopback l]\n");
    await made.router.start();
    await assert.rejects(made.reload(`${CONFIG}d.x > nowhere.y\n`), { code: "CONFIG" });
    await made.reload(CONFIG);
    await made.reload(CONFIG);
    assert.deepEqual(backend.news(/^(load|open|start)$/), ["load", "open", "open", "start"]);
  });

  it("is stopped when a reload removes its last instance, and opened again with the options of then", async () => {
    const { backend } = rig();
    const options = { net: option.integer({ doc: "", default: 0 }) };
    const opened: unknown[] = [];
    const inner = backend.declaration();
    const made = new Rig("[backend desk]\nnet = 1\n[desk d]\n[loopback l]\n", [
      declareBackend({
        ...inner,
        options,
        load: async () => {
          const module = await inner.load();
          return {
            open: (setup) => {
              opened.push(setup.options.net);
              return module.open(setup as never);
            },
          };
        },
      }),
    ]);
    await made.router.start();
    assert.deepEqual(backend.news(), ["load", "open", "d instance", "start", "d start"]);
    await assert.rejects(made.reload("[loopback l]\n[nonsense n]\n"), { code: "CONFIG" });
    await made.reload("[backend desk]\nnet = 1\n[loopback l]\n");
    assert.deepEqual(backend.news(), ["d stop"], "it still has a section");
    await made.reload("[loopback l]\n");
    assert.deepEqual(backend.news(), ["stop"]);
    await made.reload("[backend desk]\nnet = 2\n[desk e]\n[loopback l]\n");
    assert.deepEqual(backend.news(), ["open", "e instance", "start", "e start"]);
    assert.deepEqual(opened, [1, 2]);
    assert.deepEqual(made.log.matching(/next start/), []);
    await made.router.stop();
    assert.deepEqual(backend.news(), ["e stop", "stop"]);
  });

  it("that runs Python can go and come again, too", async () => {
    const made = new Rig("[python py]\n[loopback l]\n", []);
    await made.router.start();
    await made.reload("[loopback l]\n");
    assert.equal(made.router.describe().python, undefined);
    await made.reload("[backend python]\nhandler-warn = 200\n[python py]\n[loopback l]\n");
    assert.notEqual(made.router.describe().python, undefined);
  });

  const failures: [where: string, hook: () => unknown, error: string][] = [
    ["load", refusing("no code"), "1:2: error: backend 'desk' could not be opened: no code"],
    ["open", refusing("no way"), "1:2: error: backend 'desk' could not be opened: no way"],
    ["open", rejecting("no time"), "1:2: error: backend 'desk' could not be opened: no time"],
    [
      "open",
      () => ({}),
      "1:2: error: backend 'desk' could not be opened: open() returned no object with an instance() method",
    ],
    ["d instance", refusing("no desk"), "1:7: error: instance 'd' could not be created: no desk"],
    ["d instance", rejecting("no table"), "1:7: error: instance 'd' could not be created: no table"],
    ["d instance", () => null, "1:7: error: instance 'd' could not be created: instance() did not return an object"],
    ["d instance", () => 7, "1:7: error: instance 'd' could not be created: instance() did not return an object"],
    [
      "d instance",
      () => ({ native: { number: 7 } }),
      "1:7: error: instance 'd' could not be created: its native part has the number 7, which is not that of a new instance",
    ],
    [
      "d instance",
      refusing(Object.create(null)),
      "1:7: error: instance 'd' could not be created: Cannot convert object to primitive value",
    ],
    [
      "d instance",
      () => Promise.reject(Object.create(null)),
      "1:7: error: instance 'd' could not be created: an object without a text representation",
    ],
  ];
  for (const [where, hook, error] of failures) {
    it(`that fails in '${where}' stops the start: ${error.replace(/^.*error: /, "")}`, async () => {
      const { backend, rig: made } = rig();
      backend.at(where, hook);
      const errors = await made.errors(made.router.start());
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.ok(errors[0]?.startsWith(`monster.cfg:${error}\n`), errors[0]);
      assert.deepEqual(backend.news(/start|stop|connect/), []);
    });
  }

  it("cannot take the native part of another instance", async () => {
    const { backend, rig: made } = rig("[loopback l]\n[desk d]\n[map]\nl.a > d.b\n");
    backend.at("d instance", () => ({ native: { number: 0 } }));
    assert.match((await made.errors(made.router.load())).join("\n"), /native part has the number 0/);
  });

  const starts: [where: string, hook: () => unknown, message: RegExp, stopped: string[]][] = [
    ["start", refusing("no port"), /^backend 'desk' did not start: no port$/, ["stop"]],
    ["start", rejecting("no port"), /^backend 'desk' did not start: no port$/, ["stop"]],
    ["a start", refusing("no port"), /^instance 'a' did not start: no port$/, ["a stop", "stop"]],
    ["b start", rejecting("no port"), /^instance 'b' did not start: no port$/, ["a stop", "b stop", "stop"]],
  ];
  for (const [where, hook, message, stopped] of starts) {
    it(`that fails in '${where}' fails with BACKEND, and what was started is stopped`, async () => {
      const { backend, rig: made } = rig("[desk a]\n[desk b]\n[desk c]\n");
      backend.at(where, hook);
      await assert.rejects(made.router.start(), { code: "BACKEND", message });
      assert.deepEqual(backend.news(/stop/), stopped);
    });
  }
});

describe("stop()", () => {
  const places = ["load", "open", "d instance", "start", "d start"];

  it("ends a start that waits forever, wherever that is", async () => {
    const ended = places.map(async (where) => {
      const { backend, rig: made } = rig();
      const entered = new Promise<void>((resolve) => {
        backend.at(where, () => {
          resolve();
          return forever();
        });
      });
      const started = assert.rejects(made.router.start(), { code: "STATE", message: /has been stopped/ }, where);
      await entered;
      await made.router.stop();
      await started;
      assert.equal(made.router.running, false, where);
    });
    await Promise.all(ended);
  });

  it("ends a start from which it is called, and which waits for it", async () => {
    const ended = places.map(async (where) => {
      const { backend, rig: made } = rig();
      let stopped: Promise<void> | undefined;
      backend.at(where, () => {
        stopped = made.router.stop();
        return stopped;
      });
      await assert.rejects(made.router.start(), { code: "STATE" }, where);
      await stopped;
      await assert.rejects(made.router.start(), { code: "STATE" }, where);
    });
    await Promise.all(ended);
  });

  it("may be called by code that is called synchronously", async () => {
    for (const where of ["load", "open", "d instance", "d connects", "start", "d start"]) {
      const { backend, rig: made } = rig();
      let stopped: Promise<void> | undefined;
      backend.at(where, () => {
        stopped = made.router.stop();
        return undefined;
      });
      await assert.rejects(made.router.start(), { code: "STATE" }, where);
      await stopped;
      const diary = backend.news(/^(d )?(start|stop)$/).join();
      assert.ok(["", "start,stop", "start,d start,d stop,stop"].includes(diary), `${where}: ${diary}`);
    }
  });

  it("tells a start() by its signal, which may end with an error of its own", async () => {
    const backend = new DeskBackend();
    const inner = backend.declaration();
    const signalled: BackendDeclaration = {
      ...inner,
      load: () => ({
        open: () => ({
          instance: () => ({
            start: (signal) =>
              new Promise<void>((_, reject) => {
                signal.addEventListener("abort", () => reject(signal.reason));
                backend.enter("waiting");
              }),
          }),
        }),
      }),
    };
    const waiting = new Promise<void>((resolve) => backend.at("waiting", resolve));
    const made = new Rig(CONFIG, [signalled]);
    const started = assert.rejects(made.router.start(), { code: "STATE" });
    await waiting;
    const before = performance.now();
    await made.router.stop();
    await started;
    assert.ok(performance.now() - before < 1500, "it did not wait for a deadline");
  });

  it("gives dozens of instances that listen to the signal no warning of Node's", async () => {
    const backend = new DeskBackend();
    const listening: BackendDeclaration = {
      ...backend.declaration(),
      load: () => ({
        open: () => ({ instance: () => ({ start: (signal) => signal.addEventListener("abort", () => {}) }) }),
      }),
    };
    const warnings: string[] = [];
    const warned = ({ message }: Error) => warnings.push(message);
    process.on("warning", warned);
    const sections = Array.from({ length: 24 }, (_, i) => `[desk d${i}]\n`);
    const made = new Rig(sections.join(""), [listening]);
    await made.router.start();
    await made.router.stop();
    process.off("warning", warned);
    assert.deepEqual(warnings, []);
  });

  const ends: [where: string, hook: () => unknown, message: RegExp][] = [
    ["d stop", refusing("stuck"), /^instance 'd' did not stop properly: stuck$/],
    ["d stop", rejecting("stuck"), /^instance 'd' did not stop properly: stuck$/],
    ["stop", refusing("stuck"), /^backend 'desk' did not stop properly: stuck$/],
    ["d stop", forever, /^instance 'd' did not stop in time; its stop\(\) is no longer waited for$/],
    ["stop", forever, /^backend 'desk' did not stop in time; its stop\(\) is no longer waited for$/],
  ];
  for (const [where, hook, message] of ends) {
    it(`says so where '${where}' fails: ${message.source.slice(1, 50)}`, async () => {
      const { backend, rig: made } = rig();
      await made.router.start();
      backend.at(where, hook);
      await made.router.stop();
      assert.equal(made.log.matching(message).length, 1);
      assert.deepEqual(backend.news(/stop/), ["d stop", "stop"]);
    });
  }

  it("has one deadline for all, then Python's cleanup handlers run and the process ends", async () => {
    const script = `
import { declareBackend, Router } from ${JSON.stringify(new URL("../lib/index.ts", import.meta.url).pathname)};
const messages = [];
const log = (fields, message) => messages.push(message);
const stuck = declareBackend({
  name: "stuck", summary: "", options: {}, instanceOptions: {}, channels: { forms: [] },
  load: () => ({ open: () => ({
    // Late rejections must not end the process either.
    instance: () => ({ stop: () => new Promise((_, reject) => setTimeout(reject, 2100, new Error("late")).unref()) }),
    stop: () => new Promise(() => {}),
  }) }),
});
const router = new Router({ backends: [stuck], logger: { error: log, warn: log, info: log, debug: log }, folder: process.argv[2] });
for (let i = 0; i < 20; ++i) router.instance("stuck", "s" + i);
router.instance("python", "py", { module: "mod" });
await router.start();
const before = performance.now();
await router.stop();
const took = performance.now() - before;
console.log(took > 4500 && took < 9000, messages.filter((text) => / did not stop in time/.test(text)).length);
`;
    const { folder } = new Rig("[loopback l]\n", [], {
      "script.mts": script,
      "mod.py": "import midimonster\nmidimonster.cleanup_handler(lambda: print('cleaned up', flush=True))\n",
    });
    const running = run("npx", ["tsx", `${folder}/script.mts`, folder], { cwd: process.cwd() });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.equal(running.stdout, "cleaned up\ntrue 21\n", running.stderr);
  });
});
