// The filters of the native part beside a model of them, on one clock: random chains, times and reloads.
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface, type Interface } from "node:readline";
import fc from "fast-check";
import { define } from "../lib/config/definition.js";
import { parseText } from "../lib/config/parser.js";
import { OPERATIONS } from "../lib/filters/declare.js";
import { compileFiltered } from "../lib/mapping/filtered-routes.js";
import type { Pairs } from "../lib/mapping/routes.js";
import { FilterModel, type ModelEvent, type ModelPair } from "./filter-model.js";
import { folderWith, projectFolder } from "./helpers.js";

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
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;

  constructor(program: string) {
    this.#child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** The events of all commands, up to the last one's end. */
  async run(commands: readonly string[]): Promise<string[]> {
    this.#child.stdin?.end(`${commands.join("\n")}\n`);
    const answers: string[] = [];
    for (let ended = 0; ended < commands.length; ) {
      const { value, done } = await this.#answers.next();
      assert.ok(!done, `the native part ended after ${answers.slice(-3).join(", ")}`);
      if (value === ".") ++ended;
      else answers.push(value);
    }
    return answers;
  }
}

type Action =
  | { readonly kind: "emit"; readonly after: number; readonly channel: number; readonly value: number }
  | { readonly kind: "map"; readonly lines: readonly string[] };

function play(program: string, first: readonly string[], actions: readonly Action[]) {
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
  return { model, native: new Native(program).run(commands) };
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
  let program = "";

  before(function () {
    const prefix = path.dirname(path.dirname(process.execPath));
    const roots = [path.join(prefix, "include", "node"), "/usr/include/node", "/usr/include"];
    const uv = roots.find((root) => existsSync(path.join(root, "uv.h")));
    if (uv === undefined) {
      console.log("SKIPPED: needs uv.h (apt-get install libuv1-dev)");
      return this.skip();
    }
    program = path.join(folderWith({}), "filters-check");
    const sources = ["router", "filters", "filters_reload", "filter_table", "loop_tracer"];
    const options = ["-std=c++17", "-O1", "-Wall", "-D_GNU_SOURCE", "-Inative", `-I${uv}`, "-o", program];
    const files = sources.map((name) => `native/routing/${name}.cc`);
    execFileSync("c++", [...options, "test/native/filters-check.cc", ...files], { cwd: projectFolder });
  }).timeout(300_000);

  it("do what the model does, for any mappings, times and reloads", async () => {
    await fc.assert(
      fc.asyncProperty(PROGRAM, async ([lines, actions]) => {
        const { model, native } = play(program, lines, actions);
        const answers = await native;
        const rest = answers.pop();
        assertSame(parsed(answers), model.events);
        assert.equal(rest, model.due() === undefined ? "nothing" : "due");
      }),
      { numRuns: Number(process.env.FILTER_RUNS ?? 150) },
    );
  }).timeout(600_000);

  it("have the numbers that the declarations give them", () => assert.equal(OPERATIONS.indexOf("pickup"), 20));
});
