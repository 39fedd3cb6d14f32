import assert from "node:assert/strict";
import { ChannelSet } from "../lib/mapping/channel-set.js";
import { compileRoutes, type Pairs, type RouteTable } from "../lib/mapping/routes.js";
import { fc } from "./properties.js";

function pairs(fromInstance: number, from: readonly number[], toInstance: number, to: readonly number[]): Pairs {
  return { fromInstance, toInstance, from: Uint32Array.from(from), to: Uint32Array.from(to) };
}

/** A table's targets by source, sources without targets left out. */
function targetsOf({ offsets, targets }: RouteTable): Record<number, number[]> {
  const rows: Record<number, number[]> = {};
  for (let source = 0; source + 1 < offsets.length; ++source) {
    const row = [...targets.slice(offsets[source], offsets[source + 1])];
    if (row.length > 0) rows[source] = row;
  }
  return rows;
}

/** The same by the book: a set of targets for each source. */
function naive(counts: readonly number[], mappings: readonly Pairs[]): Record<number, number[]> {
  const first = (instance: number) => counts.slice(0, instance).reduce((sum, count) => sum + count, 0);
  const rows = new Map<number, Set<number>>();
  for (const { fromInstance, toInstance, from, to } of mappings) {
    for (let i = 0; i < from.length || i < to.length; ++i) {
      const source = first(fromInstance) + (from.at(from.length === 1 ? 0 : i) ?? Number.NaN);
      const target = first(toInstance) + (to.at(to.length === 1 ? 0 : i) ?? Number.NaN);
      const row = rows.get(source) ?? new Set();
      rows.set(source, row.add(target));
    }
  }
  return Object.fromEntries([...rows].map(([source, row]) => [source, [...row]]));
}

describe("where the mapping sends events", () => {
  const cases: [what: string, counts: number[], mappings: Pairs[], rows: Record<number, number[]>][] = [
    ["nowhere without instances", [], [], {}],
    ["nowhere without channels", [0, 0], [], {}],
    ["nowhere without mappings", [3, 2], [], {}],
    ["from one channel to one", [2, 2], [pairs(0, [1], 1, [0])], { 1: [2] }],
    ["channel by channel", [3, 3], [pairs(0, [0, 1, 2], 1, [2, 1, 0])], { 0: [5], 1: [4], 2: [3] }],
    ["from one to many", [1, 3], [pairs(0, [0], 1, [2, 0, 1])], { 0: [3, 1, 2] }],
    ["from many to one", [3, 1], [pairs(0, [2, 0, 1], 1, [0])], { 0: [3], 1: [3], 2: [3] }],
    [
      "to the targets in the order of the mappings, whatever their instances",
      [1, 2, 2],
      [pairs(0, [0], 2, [1]), pairs(0, [0], 1, [0]), pairs(0, [0], 2, [0]), pairs(0, [0], 1, [1])],
      { 0: [4, 1, 3, 2] },
    ],
    [
      "once for a pair that is mapped twice, at its first place",
      [1, 3],
      [pairs(0, [0], 1, [1]), pairs(0, [0], 1, [2]), pairs(0, [0], 1, [1]), pairs(0, [0], 1, [0, 1, 2])],
      { 0: [2, 3, 1] },
    ],
    ["once for a pair that is twice in one mapping", [2, 1], [pairs(0, [0, 0, 1, 0], 1, [0])], { 0: [2], 1: [2] }],
    [
      "to the same target from several sources",
      [2, 1],
      [pairs(0, [0], 1, [0]), pairs(0, [1], 1, [0]), pairs(0, [0], 1, [0])],
      { 0: [2], 1: [2] },
    ],
    ["both ways", [1, 1], [pairs(0, [0], 1, [0]), pairs(1, [0], 0, [0])], { 0: [1], 1: [0] }],
    ["within one instance, and to itself", [2], [pairs(0, [0], 0, [1, 0])], { 0: [1, 0] }],
    ["past instances without channels", [0, 1, 0, 1], [pairs(1, [0], 3, [0])], { 0: [1] }],
  ];
  for (const [what, counts, mappings, rows] of cases) {
    it(what, () => assert.deepEqual(targetsOf(compileRoutes(counts, mappings)), rows));
  }

  it("numbers channels instance after instance", () => {
    const { firstChannels, offsets } = compileRoutes([3, 0, 2, 1], []);
    assert.deepEqual([...firstChannels], [0, 3, 3, 5]);
    assert.equal(offsets.length, 7, "one more than there are channels");
  });

  it("is what a plain list of pairs without duplicates says, for any mappings", () => {
    const tables = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }).chain((counts) => {
      const side = (size: number) =>
        fc
          .nat(counts.length - 1)
          .chain((instance) =>
            fc
              .array(fc.nat((counts[instance] ?? 1) - 1), { minLength: size, maxLength: size })
              .map((channels) => ({ instance, channels })),
          );
      const mapping = fc
        .tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom("both", "from", "to"))
        .chain(([size, many]) => fc.tuple(side(many === "to" ? 1 : size), side(many === "from" ? 1 : size)))
        .map(([from, to]) => pairs(from.instance, from.channels, to.instance, to.channels));
      return fc.tuple(fc.constant(counts), fc.array(mapping, { maxLength: 12 }));
    });
    fc.assert(
      fc.property(tables, ([counts, mappings]) => {
        const table = compileRoutes(counts, mappings);
        const total = counts.reduce((sum, count) => sum + count, 0);
        assert.equal(table.offsets.length, total + 1);
        assert.equal(table.offsets[total], table.targets.length);
        assert.deepEqual(targetsOf(table), naive(counts, mappings));
      }),
      { numRuns: 500 },
    );
  });

  describe("with 200,000 pairs", () => {
    const many = 200_000;
    const all = Array.from({ length: many }, (_, i) => i);
    const shapes: [what: string, counts: number[], mappings: () => Pairs[], rows: number][] = [
      ["in one mapping", [many, many], () => [pairs(0, all, 1, all)], many],
      ["in as many mappings", [many, many], () => all.map((i) => pairs(0, [i], 1, [i])), many],
      ["from one source", [1, many], () => all.map((i) => pairs(0, [0], 1, [i])), many],
      ["to one target", [many, 1], () => all.map((i) => pairs(0, [i], 1, [0])), many],
      ["that are all the same", [1, 1], () => all.map(() => pairs(0, [0], 1, [0])), 1],
    ];
    for (const [what, counts, mappings, rows] of shapes) {
      it(what, () => assert.equal(compileRoutes(counts, mappings()).targets.length, rows));
    }
  });
});

describe("channels of an instance", () => {
  it("keep the number that they got when first named", () => {
    const channels = new ChannelSet();
    assert.deepEqual([...channels.add(["b", "a", "b", "", "constructor", "a", "__proto__"])], [0, 1, 0, 2, 3, 1, 4]);
    assert.deepEqual([...channels.add(["A", "a"])], [5, 1]);
    assert.deepEqual(channels.names(0, 9), ["b", "a", "", "constructor", "__proto__", "A"]);
    assert.deepEqual(channels.names(1, 2), ["a", ""]);
    assert.equal(channels.size, 6);
  });
});
