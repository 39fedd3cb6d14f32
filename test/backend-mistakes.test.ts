// Mistakes of JavaScript programs: every function of theirs that a router calls throws, rejects, or never answers.
import assert from "node:assert/strict";
import {
  type Backend,
  type BackendDeclaration,
  declareBackend,
  type Instance,
  option,
  Router,
  silentLogger,
  type TappedEvent,
} from "../lib/index.js";
import { standardErrorLogger } from "../lib/log/log.js";
import { Rig, turn } from "./desk-backend.js";

type Mistake = () => unknown;

const MISTAKES: Readonly<Record<string, Mistake>> = {
  throws: () => {
    throw new Error("a defect");
  },
  rejects: () => Promise.reject(new Error("a defect")),
  "rejects later": () => new Promise((_, reject) => setImmediate(reject, new Error("a defect"))),
  "never answers": () => new Promise(() => {}),
  "answers with a promise that can't be waited for": () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what the test is about
    get then() {
      throw new Error("a defect");
    },
  }),
};

/** What stands in messages about one of them. */
const TRACE = /a defect|asynchronous/;

/** Where a mistake is made, and whether it has been reached. */
class Trap {
  readonly reached: Promise<void>;
  #reach = () => {};

  constructor(
    readonly method: string,
    readonly mistake: Mistake,
  ) {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
  }

  /** A function that does what it should, or makes the mistake. */
  at<A extends unknown[], R>(method: string, work: (...given: A) => R): (...given: A) => R {
    if (method !== this.method) return work;
    return () => {
      this.#reach();
      return this.mistake() as R;
    };
  }
}

function declaredBackend(trap: Trap): BackendDeclaration {
  const text = { doc: "", example: "1" };
  const kind = {
    kind: "text",
    form: "TEXT",
    parse: trap.at("parse of an option", (value: string) => ({ value })),
  };
  return declareBackend({
    name: "odd",
    summary: "a backend with one mistake",
    options: { any: option.text(text) },
    instanceOptions: {
      live: option.custom({ ...text, live: true, shown: trap.at("shown", () => "*") }, kind),
      fixed: option.text(text),
    },
    optionPatterns: [
      {
        form: "/NAME",
        doc: "",
        parse: trap.at("parse of a pattern", (name, value) => (name.startsWith("/") ? { value } : undefined)),
      },
    ],
    channels: { forms: [], parse: trap.at("parse of a channel", () => ({})) },
    checkOptions: trap.at("checkOptions", () => []),
    checkInstanceOptions: trap.at("checkInstanceOptions", () => []),
    checkInstances: trap.at("checkInstances", () => []),
    load: trap.at("load", () => ({
      open: trap.at("open", () => ({
        instance: trap.at("instance", (setup) => ({
          connect: trap.at("connect", () => []),
          leave: trap.at("leave", () => {}),
          disconnect: trap.at("disconnect", () => {}),
          start: trap.at("start of an instance", () => setup.emit(0, 0.5)),
          handle: trap.at("handle", () => {}),
          prepare: trap.at("prepare", () => {}),
          change: trap.at("change", () => ({ keep: trap.at("keep", () => {}), undo: trap.at("undo", () => {}) })),
          takeOver: trap.at("takeOver", () => {}),
          stop: trap.at("stop of an instance", () => {}),
          status: trap.at("status", () => ({ state: "ok" as const, text: "" })),
          note: trap.at("note", () => undefined),
          files: trap.at("files", () => []),
        })),
        start: trap.at("start of a backend", () => {}),
        stop: trap.at("stop of a backend", () => {}),
        facts: trap.at("facts", () => ({})),
      })),
    })),
  });
}

function simpleBackend(trap: Trap): Backend {
  const instance = (emit: (channel: number, value: number) => void): Instance => ({
    configure: trap.at("configure of an instance", () => {}),
    channel: trap.at("channel", () => {}),
    start: trap.at("start of an instance", () => emit(0, 0.5)),
    handle: trap.at("handle", () => {}),
    stop: trap.at("stop of an instance", () => {}),
    status: trap.at("status", () => ({ state: "ok" as const, text: "" })),
  });
  return {
    name: "odd",
    configure: trap.at("configure of a backend", () => {}),
    create: trap.at("create", ({ emit }) => instance(emit)),
    start: trap.at("start of a backend", () => {}),
    stop: trap.at("stop of a backend", () => {}),
  };
}

const FIRST = "[backend odd]\nany = 1\n[odd o]\nlive = 1\n/x = 1\n[odd p]\nfixed = 1\n[map]\no.a > o.b\np.c > p.d\n";
const SECOND = "[backend odd]\nany = 1\n[odd o]\nlive = 2\n/x = 1\n[odd p]\nfixed = 2\n[map]\no.a > o.e\np.c > p.d\n";
const WRONG = SECOND.replace("live = 2", "live = 3").concat("o.a > nowhere.x\n");

/** Everything that a router can be made to do. Returns what a user is told. */
async function life(rig: Rig): Promise<string> {
  const told: string[] = [];
  const attempt = async (work: () => unknown) => {
    try {
      return await work();
    } catch (error) {
      told.push(String(error));
      return undefined;
    }
  };
  const used = async () => {
    await turn();
    await attempt(() => told.push(JSON.stringify(rig.router.describe())));
    rig.router.files();
    await turn();
  };
  await attempt(() => rig.router.start());
  await used();
  for (const config of [SECOND, WRONG]) await attempt(() => rig.reload(config));
  await used();
  await rig.router.stop();
  return [...told, ...rig.log.entries.map(({ message }) => message)].join("\n");
}

/** Rejections that no caller has handled while the work was done. */
async function unhandledDuring(work: () => Promise<void>): Promise<unknown[]> {
  const unhandled: unknown[] = [];
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (reason) => unhandled.push(reason));
  try {
    await work();
    for (let i = 0; i < 3; ++i) await turn();
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of others) process.on("unhandledRejection", listener);
  }
  return unhandled;
}

const OF_BOTH = ["start of a backend", "stop of a backend", "start of an instance", "stop of an instance"];
const KINDS: [kind: string, make: (trap: Trap) => Backend | BackendDeclaration, methods: string[]][] = [
  [
    "a declared backend",
    declaredBackend,
    [
      ...["load", "open", "facts", "checkOptions", "checkInstanceOptions", "checkInstances", "parse of an option"],
      ...[
        "parse of a pattern",
        "parse of a channel",
        "instance",
        "connect",
        "leave",
        "disconnect",
        "handle",
        "prepare",
      ],
      ...["change", "keep", "undo", "takeOver", "status", "note", "files", "shown", ...OF_BOTH],
    ],
  ],
  [
    "a backend with create()",
    simpleBackend,
    ["configure of a backend", "configure of an instance", "create", "channel", "handle", "status", ...OF_BOTH],
  ],
];
/** Those that a router waits for: it would wait forever, and is stopped instead. */
const WAITED_FOR = /^(load|open|instance|create|configure of .*|prepare|start of .*)$/;
/** Those without which there is only less to show, and those whose answer does not count. */
const SILENT = /^(facts|note|shown)$/;
const WITHOUT_ANSWER = /^(handle|keep|undo|takeOver|leave)$/;

for (const [kind, make, methods] of KINDS) {
  describe(`a function of ${kind}`, () => {
    for (const method of methods) {
      for (const [how, mistake] of Object.entries(MISTAKES)) {
        // One that never stops is a subject of backend-life.test.ts.
        if (how === "never answers" && (WAITED_FOR.test(method) || method.startsWith("stop"))) continue;
        it(`that ${how}, ${method}, ends neither the router nor the process`, async () => {
          const trap = new Trap(method, mistake);
          let told = "";
          const unhandled = await unhandledDuring(async () => {
            told = await life(new Rig(FIRST, [make(trap)]));
          });
          await trap.reached;
          assert.deepEqual(unhandled, []);
          if (how === "never answers" && WITHOUT_ANSWER.test(method)) return;
          if (!SILENT.test(method)) assert.match(told, TRACE);
        });
      }
    }

    it("that never answers, though a router waits for it, is given up when that is stopped", async () => {
      const all = methods.filter((method) => WAITED_FOR.test(method));
      const ended = all.map(async (method) => {
        const trap = new Trap(method, () => new Promise(() => {}));
        const rig = new Rig(FIRST, [make(trap)]);
        const work = (async () => {
          await rig.router.start();
          await rig.reload(SECOND);
        })();
        const refused = assert.rejects(work, { code: "STATE" }, method);
        await trap.reached;
        await rig.router.stop();
        await refused;
      });
      assert.deepEqual(await unhandledDuring(async () => void (await Promise.all(ended))), []);
    });
  });
}

describe("a function of a program", () => {
  for (const [how, mistake] of Object.entries(MISTAKES)) {
    it(`that ${how}, a tap, is reported and leaves the others their events`, async () => {
      const trap = new Trap("", mistake);
      const rig = new Rig(FIRST, [declaredBackend(trap)]);
      const seen: TappedEvent[] = [];
      rig.router.tap(mistake as () => void);
      rig.router.tap((events) => void seen.push(...events));
      const unhandled = await unhandledDuring(async () => {
        await rig.router.start();
        await turn();
        await rig.router.stop();
      });
      assert.deepEqual(unhandled, []);
      assert.ok(seen.length > 0);
      if (how !== "never answers") assert.equal(rig.log.matching(/^a tap threw: .*a defect/).length, 1);
    });

    it(`that ${how}, a logger, hinders nothing`, async () => {
      const write = mistake as () => void;
      const logger = { error: write, warn: write, info: write, debug: write };
      const trap = new Trap("handle", mistake);
      const rig = new Rig(FIRST, [declaredBackend(trap)], {}, logger);
      const unhandled = await unhandledDuring(async () => {
        await rig.router.start();
        await turn();
        await rig.reload(SECOND);
        await rig.router.stop();
      });
      await trap.reached;
      assert.deepEqual(unhandled, []);
    });
  }
});

describe("what a program throws, however long or strange it is", () => {
  const LONG = "long ".repeat(2 ** 18);
  const defects: [what: string, defect: () => unknown, shown: RegExp][] = [
    ["a text of a megabyte", () => new Error(LONG), /^Error: long .* … \d+ characters left out … .*at .*$/s],
    ["what can't be read", () => new Proxy({}, { get: () => assert.fail() }), /^an object without a text/],
  ];
  for (const [what, defect, shown] of defects) {
    it(`is logged in text and JSON, and bounded: ${what}`, async () => {
      const lines: string[] = [];
      const logger = standardErrorLogger("debug", "json", (line) => void lines.push(line));
      const trap = new Trap("handle", () => {
        throw defect();
      });
      const rig = new Rig(FIRST, [declaredBackend(trap)], {}, logger);
      await rig.router.start();
      await trap.reached;
      await turn();
      await rig.router.stop();
      const [message = ""] = lines.map((line) => JSON.parse(line).msg as string).filter((msg) => /threw:/.test(msg));
      assert.match(message.replace(/^.* threw: /, ""), shown);
      for (const line of lines) assert.ok(line.length < 2 ** 18, `${line.length} characters`);
    });
  }

  it("is bounded where it is emitted as a channel", async () => {
    const start = (emit: (channel: number, value: number) => void) => emit(LONG as unknown as number, 1);
    const backend: Backend = { name: "odd", create: ({ emit }) => ({ start: () => start(emit) }) };
    const rig = new Rig(FIRST, [backend]);
    await rig.router.start();
    await rig.router.stop();
    const [entry] = rig.log.matching(/emit\(\) was called wrongly/);
    assert.match(entry?.message ?? "", /there is no channel number long .* … \d+ characters left out … /);
    assert.ok((entry?.message.length ?? 0) < 2 ** 17);
  });
});

describe("a member of a backend that is wrong or missing", () => {
  const right = declaredBackend(new Trap("", () => {}));
  const declarations: [change: object, message: RegExp][] = [
    [{ summary: undefined }, /^backend 'odd': summary is missing; it has to be a string$/],
    [{ options: undefined }, /^backend 'odd': options is missing; it has to be an object$/],
    [{ options: [] }, /^backend 'odd': options is a list; it has to be an object$/],
    [{ instanceOptions: null }, /^backend 'odd': instanceOptions is null; it has to be an object$/],
    [{ instanceOptions: { port: 8000 } }, /^backend 'odd': instanceOptions\.port is a number; .* option\.text\(\)/],
    [{ options: { port: { kind: "text", form: "" } } }, /options\.port\.parse is missing; it has to be a function;/],
    [{ channels: undefined }, /^backend 'odd': channels is missing/],
    [{ channels: {} }, /^backend 'odd': channels\.forms is missing; it has to be a list$/],
    [
      { channels: { forms: [], parse: true } },
      /^backend 'odd': channels\.parse is a boolean; it has to be a function$/,
    ],
    [{ optionPatterns: [{ form: "/X" }] }, /^backend 'odd': optionPatterns\.0\.parse is missing/],
    [{ checkInstances: "no" }, /^backend 'odd': checkInstances is a string/],
    [{ load: undefined }, /^backend 'odd': load is missing; it has to be a function$/],
    [{ load: undefined, laod: () => ({}) }, /^backend 'odd': laod is not known; did you mean 'load'\?$/],
    [{ checkOptions: undefined, checkOption: () => [] }, /^backend 'odd': checkOption is not known; did you mean/],
    [{ channels: { forms: [], prase: () => ({}) } }, /^backend 'odd': channels\.prase is not known; did you mean/],
    [{ name: undefined }, /^a backend needs a name without whitespace$/],
    [{ create: 3 }, /^backend 'odd': create is a number; it has to be a function$/],
    [{ create: () => ({}), options: "port" }, /^backend 'odd': options is a string; it has to be a list$/],
  ];
  for (const [change, message] of declarations) {
    it(`is refused: ${message.source.slice(0, 60)}`, () => {
      const backend = { ...right, ...change } as BackendDeclaration;
      assert.throws(() => new Router({ logger: silentLogger, backends: [backend] }), { code: "VALUE", message });
    });
  }

  for (const [how, shown] of [...Object.entries(MISTAKES), ["answers with a number", () => 1]] as [string, Mistake][]) {
    it(`leaves nothing of a value to be seen where the function that masks it ${how}`, async () => {
      const options = { any: option.text({ doc: "", shown: shown as () => string }) };
      const rig = new Rig("[odd o]\nany = secret\n", [{ ...right, instanceOptions: options }]);
      await rig.router.start();
      assert.deepEqual(rig.router.describe().instances[0]?.options, [{ option: "any", value: "******" }]);
      await rig.router.stop();
    });
  }

  const created: [what: string, made: unknown, message: RegExp][] = [
    [
      "a start that can't be called",
      { start: 3 },
      /'o' could not be created: its start is a number; it has to be a fun/,
    ],
    ["a list of channels", { connect: [] }, /its connect is a list; it has to be a function/],
    ["another native part", { native: 7 }, /its native is a number; it has to be an object/],
  ];
  for (const [what, made, message] of created) {
    it(`is refused in an instance: ${what}`, async () => {
      const rig = new Rig("[odd o]\n", [
        { ...right, load: () => ({ open: () => ({ instance: () => made as never }) }) },
      ]);
      assert.match((await rig.errors(rig.router.load())).join("\n"), message);
    });
  }

  const simple: [made: unknown, message: RegExp][] = [
    [{ channel: "a" }, /its channel is a string; it has to be a function/],
    [{ routing: "mirror" }, /its routing is 'mirror'; it has to be 'handle' or 'reflect'/],
  ];
  for (const [made, message] of simple) {
    it(`is refused in what create() returns: ${message.source}`, async () => {
      const rig = new Rig("[odd o]\n", [{ name: "odd", create: () => made as never }]);
      assert.match((await rig.errors(rig.router.load())).join("\n"), message);
    });
  }

  const misspelt: [what: string, backend: Backend | BackendDeclaration, message: RegExp][] = [
    [
      "a declared instance",
      { ...right, load: () => ({ open: () => ({ instance: () => ({ handel: () => {} }) as never }) }) },
      /instance 'o' of backend 'odd': its handel is not known; did you mean 'handle'\?/,
    ],
    [
      "an open backend",
      { ...right, load: () => ({ open: () => ({ instance: () => ({}), strat: () => {} }) as never }) },
      /backend 'odd': its strat is not known; did you mean 'start'\?/,
    ],
    [
      "what create() returns, an object of a class",
      {
        name: "odd",
        create: () =>
          new (class {
            chanel() {}
          })() as never,
      },
      /instance 'o' of backend 'odd': its chanel is not known; did you mean 'channel'\?/,
    ],
  ];
  for (const [what, backend, message] of misspelt) {
    it(`is a warning if it is only misspelt: ${what}`, async () => {
      const { router } = new Rig("[odd o]\n", [backend]);
      await router.load();
      await router.stop();
      const warnings = router.warnings().map((warning) => warning.message);
      assert.match(warnings.join("\n"), message);
    });
  }

  it("is refused if it is what would make it a backend: a misspelt create()", () => {
    const backend = { name: "odd", options: ["port"], creat: () => ({}) } as unknown as Backend;
    const message = /^backend 'odd': creat is not known; did you mean 'create'\?$/;
    assert.throws(() => new Router({ logger: silentLogger, backends: [backend] }), { code: "VALUE", message });
  });

  it("is refused of the router too", () => {
    const router = new Router({ logger: silentLogger });
    assert.throws(() => router.tap("log" as never), {
      code: "VALUE",
      message: /tap\(\) needs a function, not a string/,
    });
    assert.throws(() => new Router({ backends: right as never }), {
      code: "VALUE",
      message: /backends is a list, not/,
    });
    assert.throws(() => new Router({ backends: [null as never] }), { code: "VALUE", message: /an object, not null/ });
  });
});
