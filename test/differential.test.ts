import assert from "node:assert/strict";
import path from "node:path";
import { scenarios } from "./differential/arbitrary.js";
import {
  assertSameLog,
  type Case,
  calls,
  channelsCalled,
  deliveries,
  makeCase,
  placeOf,
} from "./differential/comparison.js";
import type { Entry } from "./differential/model.js";
import { ours, oursInSubInterpreters, type Program, record, reference } from "./differential/program.js";
import { fc } from "./properties.js";

const { MIDIMONSTER_REF, MMPY_DIFF_SEED = "1", MMPY_DIFF_CASES = "30" } = process.env;
const seed = Number(MMPY_DIFF_SEED);
const count = Number(MMPY_DIFF_CASES);

// MIDIMonster is linked to the system's Python: the same one here.
const python = !MIDIMONSTER_REF ? {} : { MMPY_PYTHON: process.env.MMPY_PYTHON ?? "/usr/bin/python3" };

/** Calls a function for every case, two at a time, up to the first that fails. */
async function forEachCase(cases: readonly Case[], work: (one: Case) => Promise<void>): Promise<void> {
  const rest = [...cases];
  const worker = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) {
      await work(one).catch((error: unknown) => {
        rest.length = 0;
        throw error;
      });
    }
  };
  await Promise.all([worker(), worker()]);
}

/** Runs each case once, however many tests ask for it. */
function recorder(program: Program): (one: Case) => Promise<Entry[]> {
  const logs = new Map<Case, Promise<Entry[]>>();
  return (one) => {
    const log =
      logs.get(one) ??
      record(program, one.scenario, { ...process.env, ...python }).catch((error: unknown) => {
        throw new Error(`${placeOf(one)}: ${error instanceof Error ? error.message : error}`);
      });
    logs.set(one, log);
    return log;
  };
}

function summary(cases: readonly Case[], logs: ReadonlyMap<Case, readonly Entry[]>): string {
  const sum = (number: (one: Case) => number) => cases.reduce((total, one) => total + number(one), 0);
  const log = (one: Case) => logs.get(one) ?? [];
  return [
    `seed ${seed}`,
    `${cases.length} cases`,
    `${sum((one) => calls(log(one)).length)} handler calls`,
    `${sum((one) => channelsCalled(log(one)).size)} channels with a handler called`,
    `MIDIMonster reorders in ${sum((one) => Number(one.reordered))} cases`,
  ].join(", ");
}

describe("random configurations", function () {
  this.timeout(60_000 + 10_000 * count);
  let cases: Case[];
  const oursOf = recorder(ours);

  before(() => {
    cases = fc.sample(scenarios, { seed, numRuns: count }).map((scenario, i) => makeCase(scenario, seed, i + 1));
  });

  it("make every handler see the events it should, in the order in which they were output", async () => {
    const logs = new Map<Case, Entry[]>();
    await forEachCase(cases, async (one) => {
      const log = await oursOf(one);
      assertSameLog(one, "mmpy", log, one.stable);
      logs.set(one, log);
    });
    const called = [...logs.values()].reduce((total, log) => total + calls(log).length, 0);
    assert.ok(called >= 5 * count, `only ${called} handler calls: the cases prove nothing`);
    console.log(`      mmpy as predicted: ${summary(cases, logs)}`);
  });

  it("do so in sub-interpreters too", async () => {
    const logOf = recorder(oursInSubInterpreters);
    const some = cases.filter((_, i) => i % 2 === 0);
    await forEachCase(some, async (one) =>
      assertSameLog(one, "mmpy in sub-interpreters", await logOf(one), one.stable),
    );
  });

  it("behave as they do under MIDIMonster", async function () {
    if (!MIDIMONSTER_REF) {
      console.log("      NOT COMPARED with MIDIMonster: MIDIMONSTER_REF does not name its binary");
      return this.skip();
    }
    const referenceOf = recorder(reference(path.resolve(MIDIMONSTER_REF)));
    const logs = new Map<Case, Entry[]>();
    await forEachCase(cases, async (one) => {
      const [our, their] = [await oursOf(one), await referenceOf(one)];
      assertSameLog(one, "MIDIMonster", their, one.swapped);
      if (!one.reordered) assertSameLog(one, "mmpy beside MIDIMonster", our, their);
      assert.deepEqual(deliveries(our), deliveries(their), `the same deliveries but for order; ${placeOf(one)}`);
      logs.set(one, their);
    });
    console.log(`      MIDIMonster as predicted, and mmpy alike: ${summary(cases, logs)}`);
  });
});
