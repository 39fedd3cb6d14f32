// Options of declared backends that are looked at together, and problems that a backend finds itself.
import assert from "node:assert/strict";
import { declareBackend, option, Router } from "../lib/index.js";
import { DeskBackend, Rig, track } from "./desk-backend.js";
import { MemoryLog } from "./helpers.js";

describe("checks of options together", () => {
  it("are errors at an option's place, the last one's, or the section's", async () => {
    const options = { low: option.integer({ doc: "" }), high: option.integer({ doc: "" }) };
    const rig = new Rig("[backend desk]\nlow = 3\n[desk d]\nlow = 1\nhigh = 4\nlow = 5\n", [
      declareBackend({
        ...new DeskBackend().declaration(),
        options,
        instanceOptions: options,
        checkOptions: ({ high }) => (high === undefined ? [{ problem: "needs both", help: ["add high"] }] : []),
        checkInstanceOptions: ({ options: { low, high } }) =>
          (low ?? 0) > (high ?? 0)
            ? [
                { problem: `${low} is above ${high}`, option: "low" },
                { problem: "not given", option: "nope" },
              ]
            : [],
      }),
    ]);
    assert.deepEqual(await rig.errors(rig.router.load()), [
      "monster.cfg:1:10: error: needs both\n    1 | [backend desk]\n      |          ^~~~\n      = add high",
      "monster.cfg:3:7: error: option 'nope' of an instance of 'desk': not given\n    3 | [desk d]\n      |       ^",
      "monster.cfg:6:7: error: 5 is above 4\n    6 | low = 5\n      |       ^",
    ]);
  });

  it("and values that are odd are warned of at their places, once, and the start goes on", async () => {
    const odd = option.custom<string>(
      { doc: "" },
      {
        kind: "odd",
        form: "TEXT",
        parse: (value) => ({ value, warning: "is odd", help: ["use another"], span: { start: 1, length: 1 } }),
      },
    );
    const declaration = declareBackend({
      ...new DeskBackend().declaration(),
      options: { odd },
      instanceOptions: { odd },
      checkInstanceOptions: ({ options }) => [
        { problem: `with ${options.odd}`, severity: "warning", option: "odd" },
        { problem: "in all", severity: "warning" },
      ],
      load: () => ({
        open: ({ report }) => {
          report({ message: "from open", severity: "warning" });
          return {
            instance: (setup) => {
              setup.report({ message: "from instance", severity: "warning", option: "odd" });
              return {};
            },
          };
        },
      }),
    });
    const config = "[backend desk]\nodd = abc\n[desk d]\nodd = xyz\n[desk e]\nodd = xyz\n";
    const rig = new Rig(config, [declaration]);
    await rig.router.start();
    const warned = () =>
      rig.log
        .matching(/warning/)
        .map(({ message }) => message.replace(`${rig.folder}/monster.cfg:`, "").replace(/\n.*/s, ""));
    const first = [
      "2:8: warning: 'odd' is odd",
      "1:10: warning: from open",
      ...["4", "6"].flatMap((line) => [
        `${line}:8: warning: 'odd' is odd`,
        `${line}:7: warning: with xyz`,
        `${Number(line) - 1}:7: warning: in all`,
        `${line}:7: warning: from instance`,
      ]),
    ];
    assert.deepEqual(warned().toSorted(), first.toSorted());
    assert.match(
      rig.log.matching(/odd' is odd/)[0]?.message ?? "",
      /\n {4}2 \| odd = abc\n {6}\| {8}\^\n {6}= use another$/,
    );
    await rig.reload(`\n\n${config}`);
    assert.equal(warned().length, first.length);
    await rig.reload(`\n\n${config}[desk f]\nodd = xyz\n`);
    assert.equal(warned().length, first.length + 4);
  });

  describe("of all instances", () => {
    const declaration = (over: object = {}) =>
      declareBackend({
        ...new DeskBackend().declaration(),
        options: { net: option.integer({ doc: "", default: 7 }) },
        instanceOptions: { universe: option.integer({ doc: "", default: 0, aliases: ["uni"] }) },
        checkInstances: (instances, { net }) =>
          instances.flatMap(({ name, options: { universe } }, i) => {
            const other = instances.slice(0, i).find((each) => each.options.universe === universe);
            if (other === undefined) return [];
            const problem = `universe ${universe} of net ${net} is that of '${other.name}'`;
            return [{ instance: name, option: "universe", problem, help: ["use another"] }];
          }),
        ...over,
      });

    const cases: [what: string, config: string, errors: string[]][] = [
      ["that differ are fine", "[desk a]\n[desk b]\nuniverse = 1\n", []],
      [
        "that collide are errors at the option's place",
        "[desk a]\nuni = 1\n[desk b]\nuni = 1\n",
        [
          "monster.cfg:4:7: error: universe 1 of net 7 is that of 'a'\n    4 | uni = 1\n      |       ^\n      = use another",
        ],
      ],
      [
        "that collide by defaults are errors at the instance's place",
        "[backend desk]\nnet = 3\n[desk a]\n[desk b]\n",
        [
          "monster.cfg:4:7: error: option 'universe' of an instance of 'desk': universe 0 of net 3 is that of 'a'\n    4 | [desk b]\n      |       ^\n      = use another",
        ],
      ],
      [
        "one of which is wrong are not looked at",
        "[desk a]\n[desk b]\n\n[desk c]\nuni = x\n",
        ["monster.cfg:5:7: error: 'uni' is a whole number, not 'x'\n    5 | uni = x\n      |       ^"],
      ],
    ];
    for (const [what, config, errors] of cases) {
      it(what, async () => {
        const rig = new Rig(config, [declaration()]);
        assert.deepEqual(await rig.errors(rig.router.load()), errors);
      });
    }

    it("fail a reload, with those that stay among them", async () => {
      const rig = new Rig("[desk a]\n", [declaration()]);
      await rig.router.start();
      await assert.rejects(rig.reload("[desk a]\n[desk b]\n"), /is that of 'a'/);
    });

    it("may throw, which is an error", async () => {
      const rig = new Rig("[desk a]\n", [declaration({ checkInstances: () => assert.fail("no") })]);
      assert.deepEqual(await rig.errors(rig.router.load()), [
        "monster.cfg:1:2: error: the instances of 'desk' could not be checked: no\n    1 | [desk a]\n      |  ^~~~",
      ]);
    });
  });

  it("are not asked about options that are wrong", async () => {
    const backend = new DeskBackend();
    const rig = new Rig("[desk d]\nnope = 3\n", [
      backend.declaration({ checkInstanceOptions: () => [{ problem: "asked" }] }),
    ]);
    assert.doesNotMatch((await rig.errors(rig.router.load())).join("\n"), /asked/);
  });

  it("that throw are an error of the section, and know their declaration", async () => {
    class Picky extends DeskBackend {
      readonly word = "picky";
    }
    const picky = new Picky();
    const declaration = {
      ...picky.declaration(),
      word: "declared",
      checkInstanceOptions(this: { word: string }): never {
        throw new Error(this.word);
      },
    };
    const rig = new Rig("[desk d]\n", [declaration]);
    assert.deepEqual(await rig.errors(rig.router.load()), [
      "monster.cfg:1:7: error: the options of an instance of 'desk' could not be checked: declared\n    1 | [desk d]\n      |       ^",
    ]);
  });

  it("that a backend makes itself, when it is opened or makes an instance, are errors at their places", async () => {
    const backend = new DeskBackend();
    const inner = backend.declaration();
    const rig = new Rig("[backend desk]\na = 1\n[desk d]\nstep = 1\nstep = 2\nstep = 3\n[map]\nd.x > d.y\n", [
      {
        ...inner,
        otherOptions: "accepted",
        load: () => ({
          open: ({ report }) => {
            report({ message: "no a", option: "a", help: ["remove it"] });
            return {
              instance: (setup) => {
                setup.report({ message: "no second step", option: "step", index: 1, detail: "line 1\nline 2" });
                setup.report({ message: "not this one at all" });
                return {};
              },
            };
          },
        }),
      },
    ]);
    assert.deepEqual(await rig.errors(rig.router.load()), [
      "monster.cfg:2:5: error: no a\n    2 | a = 1\n      |     ^\n      = remove it",
      "monster.cfg:3:7: error: not this one at all\n    3 | [desk d]\n      |       ^",
      "monster.cfg:5:8: error: no second step\n    5 | step = 2\n      |        ^\n      | line 1\n      | line 2",
    ]);
  });

  it("that report without end stop being looked at", async () => {
    const log = new MemoryLog();
    const declaration = new DeskBackend().declaration({
      load: () => ({
        open: ({ report }) => {
          for (let i = 0; i < 100_000; ++i) report({ message: `${i}`, option: "a" });
          return { instance: () => ({}) };
        },
      }),
    });
    const router = track(new Router({ logger: log, backends: [declaration] })).instance("desk", "d");
    await assert.rejects(router.load(), (error: { diagnostics: readonly unknown[] }) => {
      assert.ok(error.diagnostics.length < 2000, `${error.diagnostics.length}`);
      return true;
    });
  });

  it("and three hundred thousand options of a backend are no problem", async () => {
    const lines = Array.from({ length: 300_000 }, (_, i) => `a = ${i}`).join("\n");
    const options = { a: option.integer({ doc: "", repeatable: true }) };
    const seen: number[] = [];
    const declaration = new DeskBackend().declaration({
      options,
      checkOptions: ({ a }) => {
        seen.push((a as number[]).length);
        return [];
      },
    });
    const rig = new Rig(`[backend desk]\n${lines}\n[desk d]\n`, [declaration]);
    await rig.router.load();
    const router = track(new Router({ backends: [declaration] })).backend("desk", { a: Array(300_000).fill("1") });
    await router.instance("desk", "d").load();
    assert.deepEqual(seen, [300_000, 300_000]);
  });
});
