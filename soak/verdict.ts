/** Whether what was counted, measured and logged is as it should be. */
import { growth, type Held } from "./memory.js";
import type { Program, Told } from "./program.js";
import type { Traffic } from "./traffic.js";

export interface Check {
  readonly what: string;
  readonly found: string;
  readonly ok: boolean;
}

interface Interval {
  readonly period: number;
  readonly calls: number;
  readonly skipped: number;
  /** By how many ms the last call was off its place, counted from the first one. */
  readonly phase: number;
  readonly p99: number;
  readonly worst: number;
}

/**
 * What memory may grow by, in MiB. CPython's arenas and V8's heap come and go by the megabyte; an event that lost as much
 * as a byte would be beyond it within ten minutes.
 */
const MOST_GROWTH = 6;

/** Far off what is measured (docs/benchmarks.md), since the machine may be busy: ms. */
const MOST_P99 = 100;
const MOST_LATE = 5000;
const MOST_PHASE = 100; // of those whose period is long enough to tell, since it is counted to the nearest place
const MOST_SKIPPED = 0.2; // of all calls

export function verdict(
  program: Program,
  traffic: Traffic,
  samples: readonly Held[],
  counts: ReadonlyMap<string, Told>,
): Check[] {
  const of = (instance: string, what: string) => Number(counts.get(instance)?.[what] ?? 0);
  const checks: Check[] = [];
  const equal = (what: string, into: number, out: number) =>
    checks.push({ what, found: into === out ? `${into}` : `${into} in, ${out} out`, ok: into === out });

  equal("datagrams sent, read", traffic.datagrams, of("net", "datagrams"));
  equal("their events through two loopbacks and a handler, answered in order", traffic.datagrams, of("net", "answers"));
  equal("lines sent over TCP, read", traffic.lines, of("net", "lines"));
  equal("TCP connections", traffic.connections, of("net", "connections"));
  equal("events of batches: 16 for each call of a batch's handler", 16 * of("desk", "frames"), of("net", "of desk"));
  const last = counts.get("net")?.last;
  checks.push({
    what: "last value of each channel sent over TCP, after a batch",
    found: JSON.stringify(last) === JSON.stringify(traffic.last) ? "all 16" : `${last}, sent ${traffic.last}`,
    ok: JSON.stringify(last) === JSON.stringify(traffic.last),
  });
  equal("events of intervals", of("clock", "ticks"), of("work", "ticks"));
  equal(`events of ${of("crowd", "threads")} Python threads`, of("crowd", "said"), of("work", "said"));
  equal("sockets opened, called and closed", of("churn", "sockets") - of("churn", "left"), of("churn", "passed"));
  equal("their events", of("churn", "passed"), of("work", "passed"));
  equal("sockets closed without a word, warned of", of("churn", "left"), program.log.left);
  const raised = [...counts.values()].reduce((sum, { raised = 0 }) => sum + Number(raised), 0);
  equal("exceptions raised, logged", raised, program.log.raised);
  if (program.log.reloads > 0) checks.push({ what: "reloads", found: `${program.log.reloads}`, ok: true });

  for (const { period, calls, skipped, phase, p99, worst } of (counts.get("clock")?.intervals ?? []) as Interval[]) {
    checks.push({
      what: `interval of ${period} ms`,
      found: `${calls} calls, ${skipped} skipped; off by ${p99} ms at p99, ${worst} ms at most; phase off by ${phase.toFixed(1)} ms at the end`,
      // One in a hundred says something only where there are some thousands.
      ok:
        (p99 <= MOST_P99 || calls < 1000) &&
        worst <= MOST_LATE &&
        skipped <= MOST_SKIPPED * (calls + skipped) &&
        (period < 4 * MOST_PHASE || Math.abs(phase) <= MOST_PHASE),
    });
  }

  const [first, final] = [samples.at(0), samples.at(-1)];
  if (first !== undefined && final !== undefined) {
    const grown = growth(samples);
    checks.push({
      what: "resident memory after the warm-up",
      found: `${first.rss.toFixed(1)} MiB, ${final.rss.toFixed(1)} MiB at the end; last third ${grown.toFixed(2)} MiB above the first`,
      ok: grown <= MOST_GROWTH,
    });
    checks.push({
      what: "descriptors and threads",
      found: `${first.descriptors} and ${first.threads}, at the end ${final.descriptors} and ${final.threads}`,
      // Some are in passing: a connection, two sockets, four Python threads.
      ok: final.descriptors <= first.descriptors + 5 && final.threads <= first.threads + 4,
    });
  }

  const [unexpected] = program.log.unexpected;
  checks.push({
    what: "log lines that are not expected",
    found: unexpected === undefined ? "none" : `${program.log.unexpected.length}, the first: ${unexpected}`,
    ok: unexpected === undefined,
  });
  checks.push({
    what: "the end, by SIGTERM",
    found: `${program.end}, cleanup handler ${program.lines.includes("closed") ? "called" : "not called"}`,
    ok: program.end === "exit status 0" && program.lines.includes("closed"),
  });
  return checks;
}
