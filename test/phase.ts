// Times of an interval's calls, in ms since it was registered: the n-th belongs at n * period. On a busy machine calls are late and
// some are missed, so what can be asked of them is what holds nevertheless.
import assert from "node:assert/strict";

/** The period that each call fell into. No two are in the same one: that would be a burst. */
export function periodsOf(times: readonly number[], period: number): number[] {
  const periods = times.map((time) => Math.floor(time / period));
  for (const [i, n] of periods.slice(1).entries()) assert.ok(n > (periods[i] ?? 0), `a burst: ${times}`);
  return periods;
}

/** Each call has a period of its own, and they have not drifted from their places: some are late, but not all. */
export function inPhase(times: readonly number[], period: number): void {
  periodsOf(times, period);
  const late = times.slice(-20).map((time) => time % period);
  assert.ok(Math.min(...late) < period / 4, `out of phase: ${times}`);
}
