/** Checks of the counts, measurements and log messages. */
import { growth, type Usage } from "./memory.js";
import type { Program, Report } from "./program.js";
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
  /** Deviation of the last call from its due time, counted from the first call, in ms. */
  readonly phase: number;
  readonly p99: number;
  readonly worst: number;
}

/**
 * Allowed growth of memory, in MiB. CPython's arenas and V8's heap vary by megabytes; a leak of a single byte per event would
 * exceed this within ten minutes.
 */
const MAX_GROWTH = 6;

/** In ms; well above the usual figures (docs/benchmarks.md), since the machine may be busy. */
const MAX_P99 = 100;
const MAX_DELAY = 5000;
const MAX_PHASE = 100; // for long periods only, since the phase is relative to the nearest due time
const MAX_SKIPPED = 0.2; // of all calls

/** @param dropped the number of OSC's datagrams that the kernel had no space for */
export function verdict(
  program: Program,
  traffic: Traffic,
  samples: readonly Usage[],
  counts: ReadonlyMap<string, Report>,
  dropped: number,
): Check[] {
  const of = (instance: string, what: string) => Number(counts.get(instance)?.[what] ?? 0);
  const checks: Check[] = [];
  const equal = (what: string, expected: number, found: number) =>
    checks.push({
      what,
      found: expected === found ? `${found}` : `${expected} expected, ${found} found`,
      ok: expected === found,
    });

  equal("datagrams sent and read", traffic.datagrams, of("net", "datagrams"));
  equal("their events, answered in order through two loopbacks and a handler", traffic.datagrams, of("net", "answers"));
  equal("lines sent over TCP and read", traffic.lines, of("net", "lines"));
  equal("TCP connections", traffic.connections, of("net", "connections"));
  equal("batch events, 16 per call of the batch's handler", 16 * of("desk", "frames"), of("net", "of desk"));
  const last = counts.get("net")?.last;
  checks.push({
    what: "last value of each channel sent over TCP, through a batch",
    found: JSON.stringify(last) === JSON.stringify(traffic.last) ? "all 16" : `${last}, sent ${traffic.last}`,
    ok: JSON.stringify(last) === JSON.stringify(traffic.last),
  });
  equal("events of intervals", of("clock", "ticks"), of("work", "ticks"));
  equal(`events of ${of("crowd", "threads")} Python threads`, of("crowd", "said"), of("work", "said"));
  equal("sockets opened, called and closed", of("churn", "sockets") - of("churn", "left"), of("churn", "passed"));
  equal("their events", of("churn", "passed"), of("work", "passed"));
  equal("sockets closed without unregistering, and reported", of("churn", "left"), program.log.left);
  const { ways = [], differ = {} } = counts.get("wire") as { ways?: string[]; differ?: Record<string, number> };
  for (const way of ways) {
    const [sent, back] = [of("wire", `sent by ${way}`), of("wire", `back by ${way}`)];
    const lost = way === "osc" ? dropped : 0;
    const found = `${sent}${sent === back ? "" : `, back ${back}`}${lost === 0 ? "" : `, dropped by the kernel ${lost}`}`;
    // Frames hold the last value of a moment only; with a backlog, that is more than one call of an interval.
    const isFrame = way === "artnet" || way === "sacn";
    const ok = isFrame ? back >= 0.1 * sent && back <= sent : back + lost === sent;
    checks.push({ what: `events sent round by ${way}`, found, ok: ok && back > 0 });
    const late = differ[way] ?? -1;
    // One that was dropped at the end.
    const what = `channels whose last value has not come back by ${way}`;
    checks.push({ what, found: `${late}`, ok: late >= 0 && late <= lost });
  }
  const raised = [...counts.values()].reduce((sum, { raised = 0 }) => sum + Number(raised), 0);
  equal("exceptions raised and logged", raised, program.log.raised);
  if (program.log.reloads > 0) checks.push({ what: "reloads", found: `${program.log.reloads}`, ok: true });

  for (const { period, calls, skipped, phase, p99, worst } of (counts.get("clock")?.intervals ?? []) as Interval[]) {
    checks.push({
      what: `interval of ${period} ms`,
      found: `${calls} calls, ${skipped} skipped; off by ${p99} ms at p99, ${worst} ms at most; phase off by ${phase.toFixed(1)} ms at the end`,
      // A 99th percentile means little with few calls.
      ok:
        (p99 <= MAX_P99 || calls < 1000) &&
        worst <= MAX_DELAY &&
        skipped <= MAX_SKIPPED * (calls + skipped) &&
        (period < 4 * MAX_PHASE || Math.abs(phase) <= MAX_PHASE),
    });
  }

  const [first, final] = [samples.at(0), samples.at(-1)];
  if (first !== undefined && final !== undefined) {
    const grown = growth(samples);
    checks.push({
      what: "resident memory after the warm-up",
      found: `${first.rss.toFixed(1)} MiB, ${final.rss.toFixed(1)} MiB at the end; last third ${grown.toFixed(2)} MiB above the first`,
      ok: grown <= MAX_GROWTH,
    });
    checks.push({
      what: "descriptors and threads",
      found: `${first.descriptors} and ${first.threads}, at the end ${final.descriptors} and ${final.threads}`,
      // Some are temporary: a connection, two sockets, four Python threads.
      ok: final.descriptors <= first.descriptors + 5 && final.threads <= first.threads + 4,
    });
  }

  const [unexpected] = program.log.unexpected;
  checks.push({
    what: "unexpected log lines",
    found: unexpected === undefined ? "none" : `${program.log.unexpected.length}, the first: ${unexpected}`,
    ok: unexpected === undefined,
  });
  checks.push({
    what: "end, by SIGTERM",
    found: `${program.end}, cleanup handler ${program.lines.includes("closed") ? "called" : "not called"}`,
    ok: program.end === "exit status 0" && program.lines.includes("closed"),
  });
  return checks;
}
