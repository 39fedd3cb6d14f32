// The one step of a reload: all of it or nothing.
import assert from "node:assert/strict";
import type { BackendDeclaration, OptionPattern } from "../lib/backends/declare.js";
import { option } from "../lib/backends/options.js";
import type { Binding } from "../lib/binding.js";
import { type Backend, Router, silentLogger } from "../lib/index.js";
import { type Desk, DeskBackend, Rig, track, turn } from "./desk-backend.js";

const CONFIG = "[desk d]\n[map]\nd.x > d.y\n";

async function started(config = CONFIG, over: Partial<BackendDeclaration> = {}, files: Record<string, string> = {}) {
  const backend = new DeskBackend();
  const rig = new Rig(config, [backend.declaration(over)], files);
  await rig.router.start();
  backend.news();
  return { backend, rig };
}

/** Desk `d` still routes as in {@link CONFIG}. */
async function routes(backend: DeskBackend): Promise<void> {
  const desk = backend.desk("d");
  const before = desk.received.length;
  desk.emit("x", 0.5);
  assert.deepEqual((await desk.until(before + 1)).slice(before), [["y", 0.5]]);
}

const refusing = (message: string) => () => {
  throw new Error(message);
};

describe("an instance that stays", () => {
  it("is asked once, and told once that all went well", async () => {
    const { backend, rig } = await started();
    await rig.router.reload();
    assert.deepEqual(backend.news(), ["d change", "d keep"]);
  });

  it("gets the values of its options, which are new where they may change", async () => {
    const pattern: OptionPattern = {
      form: "/PATH",
      doc: "",
      live: true,
      parse: (name, value) => (name.startsWith("/") ? { value } : undefined),
    };
    const over = { optionPatterns: [pattern] };
    const { backend, rig } = await started("[desk d]\nfixed = f\nlevel = 1\nstep = a\nstep = b\n/p = 1\n", over);
    await rig.reload("[desk d]\nstep = a\n/q = 3\nlevel = 3\nlevel = 2\nstep = b\nfixed = f\nstep = c\n/p = 2\n");
    const [{ options, patterns, settings }] = backend.desk("d").changes as [never] as [
      { options: object; patterns: unknown; settings: { option: string; value: string }[] },
    ];
    assert.deepEqual({ ...options }, { fixed: "f", level: "2", step: ["a", "b", "c"] });
    assert.deepEqual(patterns, [
      { name: "/q", form: "/PATH", value: "3" },
      { name: "/p", form: "/PATH", value: "2" },
    ]);
    assert.equal(
      settings.map(({ option, value }) => `${option}=${value}`).join(" "),
      "step=a /q=3 level=3 level=2 step=b fixed=f step=c /p=2",
    );
    assert.deepEqual(backend.news(), ["d change", "d keep"]);
  });

  const staying: [what: string, before: string, after: string][] = [
    ["options are in another order", "fixed = 1\nother = 2", "other = 2\nfixed = 1"],
    ["an option that was overridden is no longer there", "fixed = 1\nfixed = 2", "fixed = 2"],
    ["an option has another of its names", "fixed = 1", "repaired = 1"],
    ["options are between those of another name", "many = 1\nmany = 2\nfixed = 1", "many = 1\nfixed = 1\nmany = 2"],
  ];
  for (const [what, before, after] of staying) {
    it(`stays where ${what}`, async () => {
      const instanceOptions = {
        fixed: option.text({ doc: "", aliases: ["repaired"] }),
        other: option.text({ doc: "" }),
        many: option.text({ doc: "", repeatable: true }),
      };
      const { rig } = await started(`[desk d]\n${before}\n`, { instanceOptions });
      assert.deepEqual(await rig.reload(`[desk d]\n${after}\n`), { modules: [], added: [], removed: [] });
    });
  }

  it("does not where options that repeat are in another order: it is replaced", async () => {
    const instanceOptions = { many: option.text({ doc: "", repeatable: true }) };
    const { rig } = await started("[desk d]\nmany = 1\nmany = 2\n", { instanceOptions });
    assert.deepEqual((await rig.reload("[desk d]\nmany = 2\nmany = 1\n")).added, ["d"]);
  });

  const replacing: [what: string, before: string, after: string][] = [
    ["a fixed option is other", "fixed = 1", "fixed = 2"],
    ["a fixed option is there", "", "fixed = 1"],
    ["a fixed option is not there any more", "fixed = 1", ""],
    ["an option that is only added to has lost its last value", "step = a\nstep = b", "step = a"],
    ["an option that is only added to is in another order", "step = a\nstep = b", "step = b\nstep = a"],
    ["an option that is only added to begins otherwise", "step = a", "step = b\nstep = a"],
    ["an option with a free name is other", "/p = 1", "/p = 2"],
    ["options with free names are in another order", "/p = 1\n/q = 1", "/q = 1\n/p = 1"],
  ];
  const pattern: OptionPattern = {
    form: "/PATH",
    doc: "",
    parse: (name, value) => (name.startsWith("/") ? { value } : undefined),
  };
  for (const [what, before, after] of replacing) {
    it(`does not where ${what}: it is replaced`, async () => {
      const { backend, rig } = await started(`[desk d]\n${before}\n`, { optionPatterns: [pattern] });
      assert.deepEqual(await rig.reload(`[desk d]\n${after}\n`), { modules: [], added: ["d"], removed: ["d"] });
      assert.deepEqual(backend.news(), ["d instance", "d takeOver", "d stop", "d start"]);
    });
  }

  it("stays as it was where another instance reports an error, or throws", async () => {
    for (const [how, hook] of [
      ["reports", (desk: Desk) => desk.changes.at(-1)?.report({ message: "not that", option: "level" })],
      ["throws", refusing("not that")],
      ["is asynchronous", () => Promise.reject(new Error("not that"))],
    ] as const) {
      const config = "[desk d]\n[desk e]\nlevel = 1\n[desk f]\n[map]\nd.x > d.y\n";
      const { backend, rig } = await started(config);
      backend.at("e change", () => hook(backend.desk("e")));
      const errors = await rig.errors(rig.reload(config.replace("level = 1", "level = 2")));
      assert.match(
        errors.join(),
        how === "reports" ? /^monster\.cfg:3:9: error: not that/ : /^monster\.cfg:2:7: error/,
      );
      const undone = ["d undo", ...(how === "reports" ? ["e undo"] : []), "f undo"];
      assert.deepEqual(backend.news(/change|keep|undo/), ["d change", "e change", "f change", ...undone], how);
      await routes(backend);
      backend.at("e change", undefined);
      await rig.reload(config);
      assert.deepEqual(backend.news(/keep|undo/), ["d keep", "e keep", "f keep"]);
    }
  });

  it("that throws in keep(), undo() or takeOver() is logged, and hinders no other", async () => {
    const { backend, rig } = await started("[desk d]\n[desk e]\n[desk f]\n[map]\nd.x > d.y\n");
    for (const entry of ["d keep", "d undo", "f takeOver"]) backend.at(entry, refusing(`in ${entry}`));
    await rig.reload("[desk d]\n[desk e]\n[desk f]\nfixed = 1\n[map]\nd.x > d.y\n");
    await assert.rejects(rig.reload("[desk d]\n[desk e]\n[map]\nd.x > nowhere.y\n"));
    assert.deepEqual(backend.news(/keep|undo/), ["d keep", "e keep", "d undo", "e undo"]);
    for (const entry of ["d keep", "d undo", "f takeOver"]) {
      assert.equal(rig.log.matching(new RegExp(`threw in the middle of a reload: in ${entry}`)).length, 1);
    }
    await routes(backend);
  });

  it("cannot undo by a late report that it is kept", async () => {
    const { backend, rig } = await started();
    const report = () => backend.desk("d").changes.at(-1)?.report({ message: "too late" });
    backend.at("d keep", report);
    backend.at("n takeOver", report);
    await rig.reload(`[desk n]\n${CONFIG}`);
    await rig.reload(`[desk n]\nfixed = 1\n${CONFIG}`);
    assert.deepEqual(backend.news(/ (start|stop)/), ["n start", "n stop", "n start"]);
    await routes(backend);
  });
});

describe("an instance that is replaced", () => {
  it("is handed to its successor at the commit, before it stops, with no turn of the loop in between", async () => {
    const { backend, rig } = await started();
    const first = backend.desk("d");
    let turns = 0;
    backend.at("d takeOver", () => {
      backend.diary.push(`taps of ${backend.desk("d").predecessor === first ? "the first" : "another"}`);
      setImmediate(() => ++turns);
    });
    backend.at("d keep", undefined);
    backend.at("d stop", () => {
      backend.diary.push(`stopped is ${turns === 0 ? "in this turn" : "later"}`);
    });
    await rig.reload(`[desk d]\nfixed = 1\n[map]\nd.x > d.y\n`);
    assert.deepEqual(backend.news(/^(?!.*connect)/), [
      ...["d instance", "d takeOver", "taps of the first", "d stop", "stopped is in this turn", "d start"],
    ]);
    await routes(backend);
  });

  it("leaves its channels' events to its successor, which gets them after its start", async () => {
    const { backend, rig } = await started("[desk d]\n[desk s]\n[map]\ns.x > d.y\n");
    const [first, source] = [backend.desk("d"), backend.desk("s")];
    backend.at("d stop", async () => {
      for (let i = 1; i <= 8; ++i) {
        source.emit("x", i / 16);
        await turn();
      }
    });
    backend.at("d start", async () => {
      for (let i = 9; i <= 16; ++i) {
        source.emit("x", i / 16);
        await turn();
      }
    });
    await rig.reload("[desk d]\nfixed = 1\n[desk s]\n[map]\ns.x > d.y\n");
    assert.deepEqual(first.received, []);
    assert.deepEqual(
      await backend.desk("d").until(16),
      Array.from({ length: 16 }, (_, i) => ["y", (i + 1) / 16]),
    );
    const order = backend.news(/^d (start|handle)/);
    assert.deepEqual([order.indexOf("d start"), order.includes("d handle")], [0, true]);
  });

  it("whose successor starts for so long that events are too many is told of the loss", async () => {
    const { backend, rig } = await started("[desk d]\n[desk s]\n[map]\ns.x > d.y\n");
    backend.at("d start", async () => {
      for (let i = 0; i < 10; ++i) {
        for (let n = 0; n < 8000; ++n) backend.desk("s").emit("x", 0.5);
        await turn();
      }
    });
    await rig.reload("[desk d]\nfixed = 1\n[desk s]\n[map]\ns.x > d.y\n");
    assert.equal(backend.desk("d").received.length, 65_536);
    const [loss] = rig.log.matching(/d: events are lost/);
    assert.equal(loss?.fields.lost, 80_000 - 65_536);
  });
});

describe("a new instance that does not start", () => {
  const files = {
    "mod.py":
      "import midimonster\ndef hear(value): midimonster.output('heard', value)\nmidimonster.output('first', 0.25)\n",
  };
  const next =
    "[desk bad]\n[desk good]\n[python py]\nmodule = mod\n[map]\nd.x > py.mod.hear\npy.heard > d.y\npy.first > good.z\nd.x > bad.w\n";

  for (const [what, hook] of [
    ["throws", refusing("no port")],
    ["rejects", () => Promise.reject(new Error("no port"))],
  ] as const) {
    it(`since it ${what} is named by the error; all others start and run, and it gets no events`, async () => {
      const { backend, rig } = await started(CONFIG, {}, files);
      backend.at("bad start", hook);
      await assert.rejects(rig.reload(`[desk d]\n${next}`), {
        code: "BACKEND",
        message: "instance 'bad' did not start: no port",
      });
      assert.deepEqual(backend.news(/start/), ["bad start", "good start"]);
      backend.desk("d").emit("x", 0.5);
      assert.deepEqual(await backend.desk("d").until(1), [["y", 0.5]]);
      assert.deepEqual(await backend.desk("good").until(1), [["z", 0.25]]);
      assert.deepEqual(backend.desk("bad").received, []);
      assert.equal(rig.router.running, true);
      // Once it is mended it starts with the next reload, and the others stay.
      backend.at("bad start", undefined);
      assert.deepEqual(await rig.router.reload(), { modules: [], added: ["bad"], removed: ["bad"] });
      assert.deepEqual(backend.news(/start|stop/), ["bad stop", "bad start"]);
      assert.deepEqual(await rig.router.reload(), { modules: [], added: [], removed: [] });
    });
  }

  it("since its backend does not is started by the reload that starts the backend", async () => {
    const { backend, rig } = await started("[loopback l]\n");
    backend.at("start", refusing("no network"));
    await assert.rejects(rig.reload(`[loopback l]\n${CONFIG}`), {
      message: "backend 'desk' did not start: no network",
    });
    assert.deepEqual(backend.news(/start|stop/), ["start"]);
    backend.at("start", undefined);
    assert.deepEqual((await rig.router.reload()).added, ["d"]);
    assert.deepEqual(backend.news(/start|stop/), ["stop", "start", "d start"]);
    await routes(backend);
    await rig.router.stop();
    assert.deepEqual(backend.news(/stop/), ["d stop", "stop"]);
  });

  it("is one of several, which are all named", async () => {
    const { backend, rig } = await started();
    backend.at("a start", refusing("one"));
    backend.at("b start", refusing("two"));
    await assert.rejects(rig.reload(`[desk a]\n[desk b]\n${CONFIG}`), {
      message: "instance 'a' did not start: one\ninstance 'b' did not start: two",
    });
  });
});

describe("channels, where a reload fails", () => {
  const config = "[desk d]\n[python py]\nmodule = mod\n[map]\nd.x > d.y\n";
  const files = { "mod.py": "import midimonster\ndef hear(value): pass\n" };
  const mistakes: [what: string, config: string, module: string][] = [
    ["since a module can't be imported", config, "1/0"],
    ["since a handler is not there", `${config}d.new > py.mod.nope\n`, files["mod.py"]],
    ["since the configuration is wrong", `${config}d.new > nobody.x\n`, files["mod.py"]],
  ];
  for (const [what, wrong, module] of mistakes) {
    it(`are not told ${what}, and once when all is well`, async () => {
      const told: string[] = [];
      const simple: Backend = {
        name: "simple",
        create: () => ({ channel: (name, index, use) => void told.push(`${name} ${index} ${use}`) }),
      };
      const backend = new DeskBackend();
      const rig = new Rig(`[simple s]\n${config}s.a > s.b\n`, [backend.declaration(), simple], files);
      await rig.router.start();
      backend.news();
      told.length = 0;
      rig.write("mod.py", `${files["mod.py"]}${module}\n`);
      const more = "s.a > s.b\ns.new > s.a\nd.new > d.y\n";
      await assert.rejects(rig.reload(`[simple s]\n${wrong}${more}`), { code: "CONFIG" });
      assert.deepEqual([backend.news(/connect /), told], [[], []]);
      rig.write("mod.py", files["mod.py"]);
      for (let i = 0; i < 2; ++i) await rig.reload(`[simple s]\n${config}${more}`);
      assert.deepEqual([backend.news(/connect /), told], [["d connect new:output"], ["a 0 input", "new 2 output"]]);
    });
  }

  it("that another instance refuses are told once in total, however often it does", async () => {
    const { backend, rig } = await started("[desk d]\n[desk e]\n[map]\nd.x > d.y\n");
    const more = "[desk d]\n[desk e]\n[map]\nd.x > d.y\nd.new > e.new\n";
    backend.at("e connects", () => [{ channel: 0, problem: "is taken" }]);
    for (let i = 0; i < 3; ++i) {
      await assert.rejects(rig.reload(more), /monster\.cfg:5:11: error: 'e\.new': is taken/);
    }
    await routes(backend);
    backend.at("e connects", undefined);
    for (let i = 0; i < 2; ++i) await rig.reload(more);
    assert.deepEqual(backend.news(/d connect /), ["d connect new:output"]);
    assert.equal(backend.news(/e connect /).length, 0);
    backend.desk("d").emit("new", 0.25);
    assert.deepEqual(await backend.desk("e").until(1), [["new", 0.25]]);
  });
});

describe("a reload that fails while it prepares", () => {
  it("takes everything out of the core that it has made, opens backends again later, and touches nothing", async () => {
    let binding: Binding | undefined;
    const retired: number[] = [];
    const made: number[] = [];
    const other = new DeskBackend();
    const inner = other.declaration({ name: "other" });
    const spying: BackendDeclaration = {
      ...inner,
      load: async () => {
        const module = await inner.load();
        return {
          open: (setup) => {
            binding = setup.engine.binding;
            return module.open(setup);
          },
        };
      },
    };
    const backend = new DeskBackend();
    const rig = new Rig(CONFIG, [backend.declaration(), spying], { "mod.py": "import midimonster\n" });
    await rig.router.start();
    backend.news();
    const wrong = `${CONFIG}[other o]\n[python py]\nmodule = mod\n[loopback l]\n[desk n]\n[desk bad]\n`;
    backend.at("bad instance", refusing("no desk"));
    other.at("o instance", () => {
      const { retire, addJavascript, addPython, addLoopback } = binding as Binding;
      const counting =
        <A extends unknown[], R>(add: (...args: A) => R) =>
        (...args: A) => {
          const number = add(...args);
          made.push(number as number);
          return number;
        };
      Object.assign(binding as Binding, {
        retire: (...[core, numbers]: Parameters<typeof retire>) => {
          retired.push(...numbers);
          retire(core, numbers);
        },
        addJavascript: counting(addJavascript),
        addPython: counting(addPython),
        addLoopback: counting(addLoopback),
      });
      restore = () => Object.assign(binding as Binding, { retire, addJavascript, addPython, addLoopback });
      return undefined;
    });
    let restore = () => {};
    try {
      await assert.rejects(rig.reload(wrong), /instance 'bad' could not be created: no desk/);
    } finally {
      restore();
    }
    assert.equal(made.length, 4);
    assert.deepEqual(retired, made);
    assert.deepEqual(backend.news(/change|start|stop|connect/), []);
    assert.deepEqual(other.news(/open|start|stop/), ["open"]);
    assert.deepEqual(
      rig.router.describe().instances.map(({ name }) => name),
      ["d"],
    );
    await routes(backend);
    backend.at("bad instance", undefined);
    other.at("o instance", undefined);
    assert.deepEqual((await rig.router.reload()).added, ["o", "py", "l", "n", "bad"]);
    assert.deepEqual(other.news(/open|start|stop/), ["open", "start", "o start"]);
  });

  it("since there are no instances: everything goes on", async () => {
    const { backend, rig } = await started();
    for (const text of ["", "[map]\n", "; all gone\n[backend desk]\n"]) {
      await assert.rejects(rig.reload(text), { code: "CONFIG", message: /no instances are left/ });
    }
    assert.deepEqual(backend.news(), []);
    await routes(backend);
    assert.deepEqual(await rig.reload(CONFIG), { modules: [], added: [], removed: [] });
  });

  it("but a router that never had an instance may reload", async () => {
    const router = track(new Router({ logger: silentLogger }));
    await router.start();
    assert.deepEqual(await router.reload(), { modules: [], added: [], removed: [] });
  });
});
