/** Checks of the counts and measurements. */
import { isAlive } from "../../test/own-process.js";
import { growth } from "../memory.js";
import type { Check } from "../verdict.js";
import type { Crowd } from "./crowd.js";
import type { KillsLog, Sample } from "./watch.js";

/** In MiB, of the router and of all instances together: as in the other soak. */
const MAX_GROWTH = 6;

interface Outcome {
  readonly crowd: Crowd;
  readonly log: KillsLog;
  readonly samples: readonly Sample[];
  readonly kills: number;
  /** As described, by instance. */
  readonly lost: readonly number[];
  /** The processes that ran before the stop. */
  readonly pids: readonly number[];
}

export function verdict({ crowd, log, samples, kills, lost, pids }: Outcome): Check[] {
  const checks: Check[] = [];
  const check = (what: string, ok: boolean, found: string) => checks.push({ what, found, ok });
  const { workers, round } = crowd;
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

  check(
    "processes killed, and started again",
    log.ended === kills && log.restarted === kills && kills > 0,
    `${kills}, ${log.ended} reported, ${log.restarted} started again`,
  );
  const sent = sum(workers.map((worker) => worker.sent));
  const missing = workers.map((worker) => worker.sent - worker.received);
  const told = sum(lost);
  check(
    "events sent through instances, in order",
    workers.every((_, i) => (missing[i] ?? 0) >= 0 && (missing[i] ?? 0) <= (lost[i] ?? 0)) && sent > 0,
    `${sent}, ${sum(missing)} did not come back; reported as lost ${told}`,
  );
  check("the same number lost in the log and in the description", log.lost === told, `${log.lost} and ${told}`);
  const series = workers.flatMap((worker) => worker.series);
  const beginnings = sum(workers.map((worker) => Math.max(...worker.series.map((one) => one.beginnings))));
  check(
    "events of intervals, sockets and threads, without a gap",
    beginnings <= kills + workers.length && series.every(({ received }) => received > 0),
    `${sum(series.map(({ received }) => received))}, in ${beginnings} processes`,
  );
  check(
    "events through all instances one after the other, in order",
    round.received > 0,
    `${round.received} of ${round.sent}`,
  );

  const [first, final] = [samples.at(0), samples.at(-1)];
  if (first !== undefined && final !== undefined) {
    const grown = growth(samples.map(({ router }) => router));
    check(
      "memory of the router after the warm-up",
      grown <= MAX_GROWTH,
      `${first.router.rss.toFixed(1)} MiB, ${final.router.rss.toFixed(1)} MiB at the end; last third ${grown.toFixed(2)} MiB above the first`,
    );
    const ofInstances = growth(samples.map(({ rss, router }) => ({ ...router, rss })));
    check(
      "resident memory of all instances together",
      ofInstances <= MAX_GROWTH,
      `${first.rss.toFixed(1)} MiB, ${final.rss.toFixed(1)} MiB at the end, the largest ${final.largest.toFixed(1)} MiB; last third ${ofInstances.toFixed(2)} MiB above the first`,
    );
    check(
      "descriptors and threads of the router, descriptors of instances, processes, zombies",
      final.router.descriptors <= first.router.descriptors &&
        final.router.threads <= first.router.threads &&
        final.descriptors <= first.descriptors &&
        final.processes <= first.processes &&
        final.zombies === 0,
      [first, final]
        .map(({ router, descriptors, processes, zombies }) =>
          [router.descriptors, router.threads, descriptors, processes, zombies].join(", "),
        )
        .join("; at the end "),
    );
  }
  check("unexpected log lines", log.unexpected.length === 0, log.unexpected[0] ?? "none");
  check("processes that the stop has left", !pids.some(isAlive), `${pids.filter(isAlive).length} of ${pids.length}`);
  return checks;
}
