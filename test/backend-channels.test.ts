// Channels of declared backends: names that are read, refused, warned of; what an instance is told.
import assert from "node:assert/strict";
import type { BackendDeclaration, ParsedChannel } from "../lib/backends/declare.js";
import { option } from "../lib/backends/options.js";
import { DeskBackend, Rig, turn } from "./desk-backend.js";

/** `7`, `07` and `ch7` are one channel; `x...` is none; 500 and more are odd. */
const forms = [{ form: "ch<NUMBER>", doc: "a channel", example: "ch7" }];
function parse(name: string): ParsedChannel<number> {
  const number = Number(/^(?:ch)?(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  if (Number.isNaN(number)) return { problem: `'${name}' is not a number`, help: ["write ch7"] };
  const warning = number >= 500 ? { warning: `there hardly is a channel ${number}`, help: ["use a lower one"] } : {};
  return { name: `ch${number}`, meaning: number, ...warning };
}

function desk(over: Partial<BackendDeclaration["channels"]> = {}, more: Partial<BackendDeclaration> = {}) {
  const backend = new DeskBackend();
  return { backend, declaration: backend.declaration({ channels: { forms, parse, ...over }, ...more }) };
}

describe("a channel's name", () => {
  it("that is refused is an error at its place, once for all names that an expression stands for", async () => {
    const { backend, declaration } = desk();
    const rig = new Rig("[desk d]\n[loopback l]\n[map]\nd.x{1..300} > l.a{1..300}\nl.b > d.y\nd.y <> d.z\n", [
      declaration,
    ]);
    assert.deepEqual(await rig.errors(rig.router.load()), [
      "monster.cfg:4:3: error: 'd.x1': 'x1' is not a number\n    4 | d.x{1..300} > l.a{1..300}\n      |   ^~~~~~~~~\n      = write ch7\n      = and 299 more of 'x{1..300}'",
      "monster.cfg:5:9: error: 'd.y': 'y' is not a number\n    5 | l.b > d.y\n      |         ^\n      = write ch7",
      "monster.cfg:6:3: error: 'd.y': 'y' is not a number\n    6 | d.y <> d.z\n      |   ^\n      = write ch7",
      "monster.cfg:6:10: error: 'd.z': 'z' is not a number\n    6 | d.y <> d.z\n      |          ^\n      = write ch7",
    ]);
    assert.deepEqual(backend.news(/connect/), []);
  });

  it("that its backend throws at is refused with the message", async () => {
    const { declaration } = desk({
      parse() {
        throw new Error("a defect");
      },
    });
    const rig = new Rig("[desk d]\n[map]\nd.1 > d.2\n", [declaration]);
    assert.match((await rig.errors(rig.router.load()))[0] ?? "", /^monster\.cfg:3:3: error: 'd\.1': a defect\n/);
  });

  it("that is refused a hundred thousand times, in lines of its own, is not told so often", async () => {
    const { declaration } = desk();
    const lines = Array.from({ length: 100_000 }, (_, i) => `d.x${i} > d.1\n`).join("");
    const rig = new Rig(`[desk d]\n[map]\n${lines}`, [declaration]);
    const errors = await rig.errors(rig.router.load());
    assert.ok(errors.length < 2000, `${errors.length}`);
    assert.match(errors.at(-1) ?? "", /too many errors/);
  });

  it("that is odd is warned of at its place, the start goes on, and reloads say it once", async () => {
    const { declaration } = desk();
    const config = "[desk d]\n[loopback l]\n[map]\nd.{1,500,501} <> l.{1,2,3}\n";
    const rig = new Rig(config, [declaration]);
    await rig.router.start();
    const [warning] = rig.log.matching(/warning/);
    assert.equal(
      warning?.message.replace(`${rig.folder}/`, ""),
      "monster.cfg:4:3: warning: 'd.500': there hardly is a channel 500\n    4 | d.{1,500,501} <> l.{1,2,3}\n      |   ^~~~~~~~~~~\n      = use a lower one\n      = and 1 more of '{1,500,501}'",
    );
    await rig.reload(config);
    await rig.reload(`\n\n${config}`);
    assert.equal(rig.log.matching(/warning/).length, 1);
    // What comes back after it was mended is news.
    await rig.reload("[desk d]\n[loopback l]\n[map]\nd.1 > l.1\n");
    await rig.reload(config);
    assert.equal(rig.log.matching(/warning/).length, 2);
  });

  it("that fails a reload with its warning is not warned of", async () => {
    const { declaration } = desk();
    const rig = new Rig("[desk d]\n[map]\nd.1 > d.2\n", [declaration]);
    await rig.router.start();
    await assert.rejects(rig.reload("[desk d]\n[map]\nd.1 > d.500\nd.1 > d.x\n"), { code: "CONFIG" });
    assert.deepEqual(rig.log.matching(/warning/), []);
  });

  it("in several spellings is one channel: events arrive once, by one number, under one name", async () => {
    const { backend, declaration } = desk();
    const rig = new Rig("[desk a]\n[desk b]\n[map]\na.7 > b.ch1\na.07 > b.1\na.ch7 > b.01\na.8 > b.2\nb.1 > a.7\n", [
      declaration,
    ]);
    await rig.router.start();
    const [a, b] = [backend.desk("a"), backend.desk("b")];
    assert.deepEqual(backend.news(/connect /), [
      "a connect ch7:input ch7:output ch8:output",
      "b connect ch1:input ch1:output ch2:input",
    ]);
    assert.equal(a.numberOf("ch7", "input"), a.numberOf("ch7", "output"));
    assert.deepEqual(
      a.channels.map(({ meaning }) => meaning),
      [7, 7, 8],
    );
    a.emit("ch7", 0.5);
    a.emit("ch8", 1);
    assert.deepEqual(await b.until(2), [
      ["ch1", 0.5],
      ["ch2", 1],
    ]);
    const [described] = rig.router.describe().instances;
    assert.deepEqual(described?.channels, [
      { name: "ch7", uses: ["input", "output"] },
      { name: "ch8", uses: ["output"] },
    ]);
  });

  it("that depends on its use is reported as a defect of the backend, at its place", async () => {
    const { declaration } = desk({ parse: (name, use) => ({ name: `${name}-${use}` }) });
    const rig = new Rig("[desk d]\n[loopback l]\n[map]\nd.x <> l.a\nd.y > l.a\nl.a > d.y\n", [declaration]);
    const shown = (name: string, from: string, to: string) =>
      `error: 'd.${name}': backend 'desk' has a defect: it calls the channel '${name}-${from}' and '${name}-${to}', depending on its use`;
    const errors = await rig.errors(rig.router.load());
    assert.deepEqual(
      errors
        .map((error) => error.replace(/\n.*/s, ""))
        .map((line) => line.replace(/'x-\w+' and 'x-\w+'/, "'x-output' and 'x-input'")),
      [`monster.cfg:4:3: ${shown("x", "output", "input")}`, `monster.cfg:6:9: ${shown("y", "output", "input")}`],
    );
  });

  it("can mean something else as an input than as an output", async () => {
    const { backend, declaration } = desk({ parse: (name, use) => ({ meaning: `${name} as ${use}` }) });
    const rig = new Rig("[desk d]\n[map]\nd.x > d.y\nd.y > d.x\n", [declaration]);
    await rig.router.load();
    for (const { name, use, meaning } of backend.desk("d").channels) assert.equal(meaning, `${name} as ${use}`);
    assert.equal(backend.desk("d").channels.length, 4);
  });

  it("is read with the options of its instance, and with new ones at a reload", async () => {
    const { backend, declaration } = desk(
      {
        parse: (name, _, { options: { level } }) =>
          String(name).length > Number(level) ? { problem: `is longer than ${level}` } : {},
      },
      { instanceOptions: { level: option.text({ doc: "", default: "3", live: true }) } },
    );
    const rig = new Rig("[desk d]\n[map]\nd.abc > d.ab\n", [declaration]);
    await rig.router.start();
    const errors = await rig.errors(rig.reload("[desk d]\nlevel = 2\n[map]\nd.abc > d.ab\n"));
    assert.match(errors.join("\n"), /^monster\.cfg:4:3: error: 'd\.abc': is longer than 2\n/);
    await rig.reload("[desk d]\nlevel = 4\n[map]\nd.abcd > d.ab\n");
    assert.deepEqual(backend.news(/connect /), ["d connect abc:output ab:input", "d connect abcd:output"]);
  });

  it("is read, and options are checked, with those of free names", async () => {
    const { declaration } = desk(
      {
        parse: (name, _, { patterns }) => (patterns.some((one) => one.name === name) ? {} : { problem: "no pattern" }),
      },
      {
        optionPatterns: [
          { form: "/PATH", doc: "", parse: (name, value) => (name.startsWith("/") ? { value } : undefined) },
        ],
        checkInstanceOptions: ({ patterns }) => (patterns.length > 1 ? [{ problem: "too many", option: "/b" }] : []),
      },
    );
    const rig = new Rig("[desk d]\n/a = 1\n[map]\nd./a > d./b\n", [declaration]);
    assert.match(
      (await rig.errors(rig.router.load())).join("\n"),
      /^monster\.cfg:4:10: error: 'd\.\/b': no pattern\n[^\n]*\n[^\n]*$/,
    );
    const both = new Rig("[desk d]\n/a = 1\n/b = 2\n", [declaration]);
    assert.match((await both.errors(both.router.load())).join("\n"), /^monster\.cfg:3:6: error: too many\n/);
  });

  it("is not read where an option is wrong: that is error enough", async () => {
    const { declaration } = desk();
    const rig = new Rig("[desk d]\nnope = 1\n[map]\nd.x > d.y\n", [declaration]);
    assert.equal((await rig.errors(rig.router.load())).length, 1);
  });

  it("may be one that every object has", async () => {
    const { backend, declaration } = desk({ parse: (name) => ({ meaning: name }) });
    const names = ["__proto__", "constructor", "toString", "length"];
    const rig = new Rig(
      `[desk __proto__]\n[desk constructor]\n[map]\n${names.map((name) => `__proto__.${name} > constructor.${name}\n`).join("")}`,
      [declaration],
    );
    await rig.router.start();
    const source = backend.desk("__proto__");
    for (const [i, name] of names.entries()) source.emit(name, i / 4);
    assert.deepEqual(
      await backend.desk("constructor").until(4),
      names.map((name, i) => [name, i / 4]),
    );
    assert.deepEqual(
      source.channels.map(({ meaning }) => meaning),
      names,
    );
  });

  it("may be one of 300,000, in two spellings each", async () => {
    const { backend, declaration } = desk({
      parse: (name) => ({ name: `ch${Number(name.replace("ch", ""))}`, meaning: name.length }),
    });
    const config = "[desk a]\n[desk b]\n[map]\na.{1..300000} > b.{1..300000}\na.ch{1..300000} > b.ch{1..300000}\n";
    const rig = new Rig(config, [declaration]);
    const before = process.cpuUsage();
    await rig.router.start();
    await rig.router.reload();
    // Of the processor, not of the clock: quadratic time would be hours.
    const { user } = process.cpuUsage(before);
    assert.ok(user < 60e6, `${user / 1000} ms`);
    const [a, b] = [backend.desk("a"), backend.desk("b")];
    assert.equal(a.channels.length, 300_000);
    a.setup.emit(299_999, 0.25);
    await b.until(1);
    assert.deepEqual(b.received, [["ch300000", 0.25]]);
  });
});

describe("the channels that an instance is told of", () => {
  it("are told once for each use, before the start, and later only what is new", async () => {
    const { backend, declaration } = desk({ parse: undefined as never });
    const rig = new Rig("[desk d]\n[map]\nd.a > d.b\nd.a > d.c\nd.b > d.a\n", [declaration]);
    await rig.router.start();
    assert.deepEqual(backend.news(/connect |start/), [
      "d connect a:input a:output b:input b:output c:input",
      "start",
      "d start",
    ]);
    await rig.router.reload();
    await rig.reload("[desk d]\n[map]\nd.z > d.c\nd.c > d.a\n");
    assert.deepEqual(backend.news(/connect /), ["d connect c:output z:output"]);
    const [described] = rig.router.describe().instances;
    assert.deepEqual(
      described?.channels.map(({ name }) => name),
      ["a", "c", "z"],
      "what is mapped no more is not described",
    );
  });

  it("are refused at the place that mapped them first", async () => {
    const { backend, declaration } = desk();
    const refuse = (...refused: number[]) =>
      refused.map((channel) => ({ channel, problem: "is taken", help: ["use another"], detail: "by a\nby b" }));
    backend.at("d connects", () => refuse(0, 2, 3));
    const rig = new Rig("[desk d]\n[loopback l]\n[map]\nd.1 > l.a\nl.b > d.{2..4}\n", [declaration]);
    assert.deepEqual(await rig.errors(rig.router.load()), [
      "monster.cfg:4:3: error: 'd.ch1': is taken\n    4 | d.1 > l.a\n      |   ^\n      = use another\n      | by a\n      | by b",
      "monster.cfg:5:9: error: 'd.ch3': is taken\n    5 | l.b > d.{2..4}\n      |         ^~~~~~\n      = use another\n      = and 1 more of '{2..4}'\n      | by a\n      | by b",
    ]);
  });

  it("are refused also by a number that is not among them", async () => {
    const { backend, declaration } = desk();
    backend.at("d connects", () => [{ channel: 17, problem: "is taken" }]);
    const rig = new Rig("[desk d]\n[map]\nd.1 > d.2\n", [declaration]);
    assert.match((await rig.errors(rig.router.load())).join("\n"), /^monster\.cfg:1:7: error: .*is taken\n/);
  });

  for (const [what, hook, message] of [
    ["throws", () => assert.fail("no"), /instance 'd' did not take its channels: no/],
    ["is asynchronous and fails", () => Promise.reject(new Error("late")), /instance 'd' did not take its channels: /],
  ] as const) {
    it(`are an error at the instance's name where connect() ${what}`, async () => {
      const { backend, declaration } = desk();
      backend.at("d connects", hook);
      const rig = new Rig("[desk d]\n[map]\nd.1 > d.2\n", [declaration]);
      const errors = await rig.errors(rig.router.load());
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? "", /^monster\.cfg:1:7: error/);
      assert.match(errors[0] ?? "", message);
      await turn();
    });
  }

  it("may be taken without an answer", async () => {
    const { backend, declaration } = desk();
    backend.at("d connects", () => undefined);
    const inner = await declaration.load();
    const rig = new Rig("[desk d]\n[map]\nd.1 > d.2\n", [
      {
        ...declaration,
        load: () => ({
          open: async (setup) => {
            const open = await inner.open(setup);
            return {
              instance: async (instanceSetup) => {
                const made = await open.instance(instanceSetup);
                return Object.assign(made, { connect: () => undefined as never });
              },
            };
          },
        }),
      },
    ]);
    await rig.router.start();
  });

  it("are not told where the text of the configuration has an error", async () => {
    const { backend, declaration } = desk();
    const rig = new Rig("[desk d]\n[map]\nd.1 > d.2\nd.1 >\n", [declaration]);
    assert.equal((await rig.errors(rig.router.load())).length, 1);
    assert.deepEqual(backend.news(/connect/), []);
  });
});
