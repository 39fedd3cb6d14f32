// The filters of the native part beside a model of them, on one clock: random chains, times and reloads.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { define } from "../lib/config/definition.js";
import { parseText } from "../lib/config/parser.js";
import { OPERATIONS } from "../lib/filters/declare.js";
import { compileFiltered } from "../lib/mapping/filtered-routes.js";
import type { Pairs } from "../lib/mapping/routes.js";
import { FilterModel, type ModelEvent, type ModelPair } from "./filter-model.js";
import { folderWith, projectFolder } from "./helpers.js";
import { fc } from "./properties.js";

const CHANNELS = 3;

/** The pairs of lines between the channels 0, 1 and 2 of `a` and those of `b`, which are 3, 4 and 5 over all. */
function pairsOf(lines: readonly string[]): { tables: Pairs[]; pairs: ModelPair[] } {
  const { tree, diagnostics } = parseText(["[loopback a]", "[loopback b]", "[map]", ...lines].join("\n"));
  assert.deepEqual(diagnostics, []);
  const { mappings } = define(tree, [], (problem) => assert.fail(`${problem.message} in ${lines.join("; ")}`));
  const tables: Pairs[] = [];
  const pairs: ModelPair[] = [];
  for (const { from, to, filters } of mappings) {
    const [source, target] = [from, to].map(({ instance, channel }) => [instance === "a" ? 0 : 1, Number(channel)]);
    const [fromInstance = 0, fromChannel = 0] = source ?? [];
    const [toInstance = 0, toChannel = 0] = target ?? [];
    const chain = filters && { chain: filters.forward };
    tables.push({
      fromInstance,
      toInstance,
      from: Uint32Array.of(fromChannel),
      to: Uint32Array.of(toChannel),
      ...chain,
    });
    pairs.push({ source: fromInstance * CHANNELS + fromChannel, target: toInstance * CHANNELS + toChannel, ...chain });
  }
  return { tables, pairs };
}

function mapCommand(tables: readonly Pairs[]): string {
  const counts = [CHANNELS, CHANNELS];
  const { table, filters } = compileFiltered(counts, tables);
  const rows = (numbers: Iterable<number | string>) => {
    const all = [...numbers];
    return `${all.length} ${all.join(" ")}`;
  };
  const keys = (filters?.chains ?? []).map((key) => `:${key.replaceAll(" ", "_")}`);
  const all = [counts, table.offsets, table.targets, filters?.pairs ?? [], filters?.chainOffsets ?? [0]];
  const more = [filters?.steps ?? [], filters?.args ?? [], filters?.watched ?? [], keys];
  return ["map", ...[...all, ...more].map(rows)].join("\n");
}

/** The native part as a process that takes commands. */
class Native {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(program: string) {
    this.#child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  /** The events of commands to a new router. */
  async run(commands: readonly string[]): Promise<string[]> {
    this.#child.stdin?.write(`new\n${commands.join("\n")}\n`);
    const answers: string[] = [];
    for (let ended = 0; ended < commands.length + 1; ) {
      const { value, done } = await this.#answers.next();
      assert.ok(!done, `the native part ended after ${answers.slice(-3).join(", ")}`);
      if (value === ".") ++ended;
      else answers.push(value);
    }
    return answers;
  }

  end(): void {
    this.#child.stdin?.end();
  }
}

type Action =
  | { readonly kind: "emit"; readonly after: number; readonly channel: number; readonly value: number }
  | { readonly kind: "map"; readonly lines: readonly string[] };

function play(native: Native, first: readonly string[], actions: readonly Action[]) {
  const model = new FilterModel();
  const commands: string[] = [];
  const connect = (lines: readonly string[]) => {
    const { tables, pairs } = pairsOf(lines);
    model.connect(pairs);
    commands.push(mapCommand(tables));
  };
  connect(first);
  let time = 1000;
  for (const action of actions) {
    if (action.kind === "map") {
      connect(action.lines);
      continue;
    }
    time += action.after;
    model.until(time);
    model.emit(time, action.channel, action.value);
    commands.push(`until ${time}`, `emit ${time} ${action.channel} ${action.value}`);
  }
  model.until(time + 5000);
  commands.push(`until ${time + 5000}`, "rest");
  return { model, native: native.run(commands) };
}

function parsed(lines: readonly string[]): ModelEvent[] {
  return lines.map((line) => {
    const [time = 0, channel = 0, value = 0] = line.split(" ").map(Number);
    return { time, channel, value };
  });
}

/** Between instances the order is that of their turns. */
function assertSame(found: readonly ModelEvent[], expected: readonly ModelEvent[]): void {
  const shown = (events: readonly ModelEvent[]) =>
    [0, 1].map((instance) =>
      events
        .filter(({ channel }) => Math.floor(channel / CHANNELS) === instance)
        .map(({ time, channel, value }) => `${time} ${channel} ${value.toFixed(9)}`),
    );
  assert.deepEqual(shown(found), shown(expected));
}

const unit = fc.oneof(
  fc.constantFrom(0, 1, 0.5, 0.25, 0.75, 0.3, 0.02),
  fc.integer({ min: 0, max: 100 }).map((n) => n / 100),
);
const number = unit.map(String);
const borders = fc.tuple(unit, unit).filter(([a, b]) => a !== b);
const ordered = borders.map(([a, b]) => (a < b ? [a, b] : [b, a]).join());
const ms = (min: number) => fc.integer({ min, max: 150 });

const REVERSIBLE = fc.oneof(
  fc.constantFrom(
    "invert",
    "curve(s)",
    "curve(2)",
    "curve(.5)",
    "dedup",
    "deadband(.1)",
    "curve(0:0,.5:.2,1:1)",
    "curve(0:1,1:.1)",
  ),
  borders.map(([a, b]) => `range(${a},${b})`),
  borders.map(([a, b]) => `window(${a},${b})`),
  ordered.map((both) => `within(${both})`),
);
const FILTER = fc.oneof(
  REVERSIBLE,
  fc.constantFrom("press", "toggle", "steps(3)", "steps", "curve(0:.3,.2:.9,.7:.1)"),
  ordered.map((both) => `clamp(${both})`),
  number.map((low) => `range(${low},${low})`),
  fc.tuple(fc.constantFrom(0.5, 0.8, 1), fc.constantFrom(0.1, 0.3, 0.5)).map((both) => `threshold(${both})`),
  fc.constantFrom(5, 10, 30, 1000, 25).map((hertz) => `rate(${hertz})`),
  ms(25).map((time) => `smooth(${time})`),
  fc.tuple(ms(25), ms(25)).map((both) => `smooth(${both})`),
  ms(25).map((time) => `fade(${time})`),
  ms(1).map((time) => `delay(${time})`),
  ms(1).map((time) => `debounce(${time})`),
);
const PICKUP = fc
  .tuple(fc.constantFrom("pickup", "pickup(.1)", "pickup(scale)", "pickup(0)"), fc.array(REVERSIBLE, { maxLength: 2 }))
  .map(([pickup, rest]) => [pickup, ...rest]);
const CHAIN = fc.oneof(
  { arbitrary: fc.array(FILTER, { maxLength: 4 }), weight: 6 },
  { arbitrary: fc.tuple(fc.array(FILTER, { maxLength: 1 }), PICKUP).map((parts) => parts.flat()), weight: 2 },
);
const CHANNEL = fc.tuple(fc.constantFrom("a", "b"), fc.nat(CHANNELS - 1)).map((parts) => parts.join("."));
const LINE = fc.tuple(CHANNEL, CHAIN, CHANNEL).map(([from, chain, to]) => [from, ...chain, to].join(" > "));
const LINES = fc.array(LINE, { minLength: 1, maxLength: 5 });
const EMIT = fc.record({
  kind: fc.constant("emit" as const),
  after: fc.oneof(fc.constantFrom(0, 0, 25, 5), fc.nat(120)),
  channel: fc.nat(2 * CHANNELS - 1),
  value: unit,
});
/** A reload: some lines stay, some go, some are new. */
function reloads(first: readonly string[]): fc.Arbitrary<Action> {
  return fc
    .tuple(fc.subarray([...first]), fc.array(LINE, { maxLength: 2 }), fc.boolean())
    .map(([stay, added, atFront]) => ({ kind: "map", lines: atFront ? [...added, ...stay] : [...stay, ...added] }));
}
const PROGRAM = LINES.chain((lines) => {
  const actions = fc.array(
    fc.oneof({ arbitrary: EMIT as fc.Arbitrary<Action>, weight: 12 }, { arbitrary: reloads(lines), weight: 1 }),
    {
      minLength: 1,
      maxLength: 40,
    },
  );
  return fc.tuple(fc.constant(lines), actions);
});

describe("filters in the native part", () => {
  let part: Native;

  before(function () {
    const prefix = path.dirname(path.dirname(process.execPath));
    const roots = [path.join(prefix, "include", "node"), "/usr/include/node", "/usr/include"];
    const uv = roots.find((root) => existsSync(path.join(root, "uv.h")));
    if (uv === undefined) {
      console.log("SKIPPED: needs uv.h (apt-get install libuv1-dev)");
      return this.skip();
    }
    const program = path.join(folderWith({}), "filters-check");
    const sources = [
      "router",
      "router_filtered",
      "filters",
      "filters_compute",
      "filters_reload",
      "filters_timed",
      "filter_table",
      "loop_tracer",
    ];
    const options = ["-std=c++17", "-O0", "-Wall", "-D_GNU_SOURCE", "-Inative", `-I${uv}`, "-o", program];
    const files = sources.map((name) => `native/routing/${name}.cc`);
    execFileSync("c++", [...options, "test/native/filters-check.cc", ...files], { cwd: projectFolder });
    part = new Native(program);
  }).timeout(300_000);

  after(() => part?.end());

  it("do what the model does, for any mappings, times and reloads", async () => {
    await fc.assert(
      fc.asyncProperty(PROGRAM, async ([lines, actions]) => {
        const { model, native } = play(part, lines, actions);
        const answers = await native;
        const rest = answers.pop();
        assertSame(parsed(answers), model.events);
        assert.equal(rest, model.due() === undefined ? "nothing" : "due");
      }),
      { numRuns: Number(process.env.FILTER_RUNS ?? 150) },
    );
  }).timeout(600_000);

  // What goes in and comes out, as in the documentation: values, at times (`value@time`) where they matter; `>` sets the target.
  const tables: [filters: string, input: string, output: string][] = [
    ["invert", "0 .125 .25 .5 .75 1", "1 .875 .75 .5 .25 0"],
    ["range(.1,1)", "0 .125 .25 .5 .75 1", ".1 .2125 .325 .55 .775 1"],
    ["range(1,.25)", "0 .125 .25 .5 .75 1", "1 .90625 .8125 .625 .4375 .25"],
    ["range(.3,.3)", "0 .5 1", ".3 .3 .3"],
    ["window(.25,.75)", "0 .125 .25 .5 .75 1", "0 0 0 .5 1 1"],
    ["window(.75,.25)", "0 .125 .25 .5 .75 1", "1 1 1 .5 0 0"],
    ["curve", "0 .125 .25 .5 .75 1", "0 .015625 .0625 .25 .5625 1"],
    ["curve(2.2)", "0 .125 .25 .5 .75 1", "0 .010309 .047366 .217638 .531049 1"],
    ["curve(.5)", "0 .125 .25 .5 .75 1", "0 .353553 .5 .707107 .866025 1"],
    ["curve(s)", "0 .125 .25 .5 .75 1", "0 .042969 .15625 .5 .84375 1"],
    ["curve(0:0, .5:.2, 1:1)", "0 .125 .25 .5 .75 1", "0 .05 .1 .2 .6 1"],
    ["curve(.25:.5, .75:0)", "0 .25 .5 .75 1", ".5 .5 .25 0 0"],
    ["steps(5)", "0 .125 .25 .5 .75 1", "0 .25 .25 .5 .75 1"],
    ["steps(3)", "0 .125 .25 .5 .75 1", "0 0 .5 .5 1 1"],
    ["clamp(.2,.8)", "0 .2 .5 .8 1", ".2 .2 .5 .8 .8"],
    ["within(.25,.75)", "0 .25 .5 .75 1", ".25 .5 .75"],
    ["threshold(.6,.4)", ".5 .6 .55 .4 .39 .5 1 .9 0", "0 1 0 1 0"],
    ["threshold", ".5 .49 .5 .5", "1 0 1"],
    ["press", "0 .2 .9 0 1", "1 1"],
    ["threshold > press", ".2 .6 .7 .1 1", "1 1"],
    ["toggle", "1 0 .3 0 1", "1 0 1"],
    ["toggle", "1 0 >1 1", "1 0"],
    ["toggle > range(0,.3)", "1 0 1 0 1", ".3 0 .3"],
    ["toggle > steps(3)", "1 0 >1 1 0 1", "1 0 1"],
    ["dedup", ".5 .5 .6 .5", ".5 .6 .5"],
    ["deadband(.25)", ".5 .625 .75 .875 1 .875 .25 .125 0 0", ".5 .75 1 .25 0"],
    ["rate(10)", ".1@0 .2@30 .3@60 .4@150 .5@500", ".1@0 .3@100 .4@200 .5@500"],
    ["smooth(400)", "0@0 1@0", "0@0 .17075@25 .312344@50 .527129@100 .776393@200 .95@400 .9975@800 1@1025"],
    ["smooth(400,100)", "1@0 0@0", "1@0 .472871@25 .05@100 0@275"],
    ["fade(100)", "0@0 1@0", "0@0 .25@25 .5@50 .75@75 1@100"],
    ["fade(100)", "0@0 1@0 0@50", "0@0 .25@25 .5@50 .375@75 .25@100 .125@125 0@150"],
    ["fade(100)", "0@0 1@0 1@60 1@200", "0@0 .25@25 .5@50 .75@75 1@100 1@200"],
    ["fade(60)", "0@0 1@0", "0@0 .416667@25 .833333@50 1@60"],
    ["delay(100)", ".2@0 .4@30", ".2@100 .4@130"],
    ["debounce(50)", "1@0 0@10 1@20 0@200", "1@70 0@250"],
    ["debounce(50) > dedup", "1@0 0@100 1@110 0@120", "1@50 0@170"],
    ["pickup", ">.5 .1 .3 .45 .55 .6 .7 >.2 .8 .75 .3 .1 .15", ".55 .6 .7 .1 .15"],
    ["pickup", ">.5 .49 .2 .9", ".49 .2 .9"],
    ["pickup > window(.25,.75)", ".1 .2 .9", "0 0 1"],
    ["pickup(scale)", ">.8 .2 .6 1 .9 .5", ".9 1 .9 .5"],
    ["pickup(scale)", ">.8 .2 .1 0 .1", ".4 0 .1"],
  ];
  for (const [filters, input, output] of tables) {
    it(`${filters}: ${input} gives ${output}`, async () => {
      const timed = input.includes("@");
      const actions: Action[] = [];
      let now = 0;
      for (const word of input.split(" ")) {
        const [value = 0, at = 0] = word.replace(">", "").split("@").map(Number);
        actions.push({ kind: "emit", after: at - now, channel: word.startsWith(">") ? 3 : 0, value });
        now = at;
      }
      const { model, native } = play(part, [`a.0 > ${filters} > b.0`], actions);
      const answers = await native;
      assert.equal(answers.pop(), "nothing");
      assertSame(parsed(answers), model.events);
      const found = new Map(model.events.map(({ time, value }) => [time - 1000, value] as const));
      if (timed) {
        // Of a glide, some of its steps; nothing after its end.
        const expected = output.split(" ").map((word) => word.split("@").map(Number) as [number, number]);
        for (const [value, at] of expected)
          assert.ok(Math.abs((found.get(at) ?? Number.NaN) - value) < 1e-6, `${value}@${at}`);
        assert.equal(Math.max(...found.keys()), expected.at(-1)?.[1]);
      } else {
        const shown = (values: readonly number[]) => values.map((value) => value.toFixed(6));
        assert.deepEqual(shown(model.events.map(({ value }) => value)), shown(output.split(" ").map(Number)));
      }
    });
  }

  it("glide in 41 events for a whole step of smooth(400), as few as the grid allows", async () => {
    const emit = (value: number): Action => ({ kind: "emit", after: 0, channel: 0, value });
    const { native } = play(part, ["a.0 > smooth(400) > b.0"], [emit(0), emit(1)]);
    assert.equal((await native).length, 1 + 41 + 1);
  });

  it("deliver the newest of what waits if a reload gives a pair other filters, none if it is gone, and go on otherwise", async () => {
    const cases: [after: string, output: string][] = [
      ["a.0 > fade(100) > invert > b.0", "1@0 .75@25 .5@50 .25@75 0@100"],
      ["a.0 > fade(200) > invert > b.0", "1@0 .75@25 0@30"],
      ["a.0 > b.0", "1@0 .75@25 0@30"],
      ["a.0 > b.1", "1@0 .75@25"],
    ];
    for (const [after, output] of cases) {
      const emit = (value: number, channel = 0, wait = 0): Action => ({ kind: "emit", after: wait, channel, value });
      const actions: Action[] = [emit(0), emit(1), emit(0, 5, 30), { kind: "map", lines: [after] }];
      const { native } = play(part, ["a.0 > fade(100) > invert > b.0"], actions);
      const answers = parsed((await native).slice(0, -1)).map(({ time, value }) =>
        `${value}@${time - 1000}`.replace(/^0(?=\.)/, ""),
      );
      assert.equal(answers.join(" "), output, after);
    }
  });

  it("have the numbers that the declarations give them", () => assert.equal(OPERATIONS.indexOf("pickup"), 20));
});
