/**
 * Prints by how much the number of references grows with up to 100,000 events of each kind, as JSON: in two rounds, after
 * two more that fill caches.
 */
import { Counting } from "./references.js";

/** A function of events.py, or `knob` for the default handler; events for it; calls that those lead to. */
const KINDS: readonly [kind: string, events: number, calls: number][] = [
  // First, since the watchdog imports what it needs when it is needed, which on a busy machine may be at any time.
  ["slow", 1, 1],
  ["endless", 1, 1],
  ["handler", 100_000, 100_000],
  ["an.method", 100_000, 100_000],
  ["an", 100_000, 100_000],
  ["partial", 100_000, 100_000],
  ["knob", 100_000, 100_000],
  ["names_made_at_run_time", 100_000, 100_000],
  ["values", 100_000, 100_000],
  ["refused", 10_000, 10_000],
  ["cleanup_handlers", 100_000, 100_000],
  ["raises", 10_000, 10_000],
  ["raises_chained", 2000, 2000],
  ["intervals", 1, 100_000],
  ["interval_changes", 100_000, 100_000],
  ["sockets", 1, 100_000],
  ["manage_changes", 10_000, 10_000],
  ["socket_functions_that_raise", 1000, 10_000],
  ["batches", 1, 100_000],
  ["new_batches", 10_000, 10_000],
  ["threads", 1000, 100_000],
];

const wanted = process.argv.slice(2);
const kinds = KINDS.filter(([kind]) => wanted.length === 0 || wanted.includes(kind));
const counting = new Counting(kinds.map(([kind]) => kind).filter((kind) => kind !== "knob"));
await counting.router.start();
const growth: Record<string, number[]> = {};
for (const [kind, events, calls] of kinds) {
  const counts: number[] = [];
  for (let round = 0; round < 4; ++round) {
    await counting.run(kind, events, calls);
    counts.push(await counting.references());
  }
  growth[kind] = counts.slice(2).map((count, i) => count - (counts[i + 1] ?? 0));
}
await counting.router.stop();
console.log(JSON.stringify(growth));
