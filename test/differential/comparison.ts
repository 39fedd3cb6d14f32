import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { configurationOf } from "./files.js";
import { stable, swapped } from "./grouping.js";
import { type Entry, predict } from "./model.js";
import type { Scenario } from "./scenario.js";

/** A scenario, what it must do, and what it takes to make it again. */
export interface Case {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Counted from 1. */
  readonly number: number;
  /** How events are grouped here. */
  readonly stable: readonly Entry[];
  /** How MIDIMonster groups them. */
  readonly swapped: readonly Entry[];
  readonly reordered: boolean;
}

export function makeCase(scenario: Scenario, seed: number, number: number): Case {
  const logs = { stable: predict(scenario, stable).log, swapped: predict(scenario, swapped).log };
  return { scenario, seed, number, ...logs, reordered: !isDeepStrictEqual(logs.stable, logs.swapped) };
}

/** Fails at the first entry that differs, if any does. */
export function assertSameLog(one: Case, what: string, actual: readonly Entry[], expected: readonly Entry[]): void {
  for (let i = 0; i < Math.max(actual.length, expected.length); ++i) {
    if (isDeepStrictEqual(actual[i], expected[i])) continue;
    assert.deepEqual(
      actual[i],
      expected[i],
      `${what}, entry ${i + 1} of its log: ${describe(one, actual[i], expected[i])}`,
    );
  }
}

/** What was delivered to each handler, whatever the order. */
export function deliveries(log: readonly Entry[]): string[] {
  return calls(log)
    .map(([, instance, channel, , value]) => `${instance}.${channel} ${value}`)
    .sort();
}

export function calls(log: readonly Entry[]): Entry[] {
  return log.filter(([kind]) => kind === "call");
}

export function channelsCalled(log: readonly Entry[]): Set<string> {
  return new Set(calls(log).map(([, instance, channel]) => `${instance}.${channel}`));
}

export function placeOf({ seed, number }: Case): string {
  return `MMPY_DIFF_SEED=${seed} MMPY_DIFF_CASES=${number}, the last of them`;
}

function describe(one: Case, actual: Entry | undefined, expected: Entry | undefined): string {
  return [
    `found ${JSON.stringify(actual)}`,
    `expected ${JSON.stringify(expected)}`,
    `again with ${placeOf(one)}; its configuration:`,
    configurationOf(one.scenario),
  ].join("\n");
}
