/** The punctuality of intervals. */
import type { BenchCase, Measurement } from "../case.js";
import { alternately, folderWith, pick, programs, runConfig } from "../programs.js";

const PERIODS = [10, 20, 50];

/** Jitter is the deviation of the time between two calls from the period; drift is the overall deviation of the rate. */
function files(seconds: number, busy: boolean): Record<string, string> {
  return {
    "monster.cfg": `[python a]\nmodule = clock\n${busy ? "[python load]\nmodule = load\n[python sink]\nmodule = sink\n[map]\nload.o{1..10} > sink.sink.f{1..10}\n" : ""}`,
    "clock.py": `
import json, os, time
import midimonster
SECONDS = ${seconds}
times = {period: [] for period in ${JSON.stringify(PERIODS)}}
def ticker(period):
    seen = times[period]
    def tick():
        seen.append(time.perf_counter())
        if period == 50 and seen[-1] - seen[0] > SECONDS: report()
    return tick
def report():
    figures = {}
    for period, seen in times.items():
        seen = seen[5:]
        gaps = sorted(abs((b - a) * 1000 - period) for a, b in zip(seen, seen[1:]))
        figures["jitter p50 %d" % period] = gaps[len(gaps) // 2]
        figures["jitter p99 %d" % period] = gaps[len(gaps) * 99 // 100]
        # The slope of a straight line through all calls, since the jitter of the last one is not drift. Skipped calls
        # keep their places on the time axis.
        n = len(seen)
        place = [0]
        for a, b in zip(seen, seen[1:]): place.append(place[-1] + max(1, round((b - a) * 1000 / period)))
        mean_x, mean_y = sum(place) / n, sum(seen) / n
        slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(place, seen)) / sum((x - mean_x) ** 2 for x in place)
        figures["drift %d" % period] = abs(slope * 1000 / period - 1) * 100
    print(json.dumps(figures), flush=True)
    os._exit(0)
for period in times: midimonster.interval(ticker(period), period)
`,
    // 1000 events every 10 ms.
    "load.py": `
import midimonster
names = ["o%d" % i for i in range(1, 11)]
def burst():
    for _ in range(100):
        for name in names: midimonster.output(name, 0.5)
midimonster.interval(burst, 10)
for name in names: midimonster.output(name, 0.0)
`,
    "sink.py": Array.from({ length: 10 }, (_, i) => `def f${i + 1}(value): pass\n`).join(""),
  };
}

export const INTERVAL_CASE: BenchCase = {
  name: "interval",
  what: "intervals of 10, 20 and 50 ms, idle and while 100,000 events per second are routed",
  async run(bench) {
    const results: Measurement[] = [];
    for (const busy of [false, true]) {
      const folder = folderWith(bench, files(bench.quick ? 1 : 10, busy));
      const measures = programs(bench).map((program) => [program.name, () => runConfig(bench, program, folder)]);
      const pairs = Math.min(bench.pairs, 3);
      const figures = await alternately(
        bench,
        `interval, ${busy ? "busy" : "idle"}`,
        Object.fromEntries(measures),
        pairs,
      );
      for (const period of PERIODS) {
        for (const [figure, unit] of [
          ["jitter p50", "ms"],
          ["jitter p99", "ms"],
          ["drift", "%"],
        ] as const) {
          results.push({
            name: `interval ${period} ${busy ? "busy" : "idle"} ${figure}`,
            what: `interval of ${period} ms, ${busy ? "100,000 events per second" : "idle"}: ${figure}`,
            unit,
            ours: pick(figures.ours, `${figure} ${period}`),
            reference: pick(figures.reference, `${figure} ${period}`),
            floor: [],
          });
        }
      }
    }
    return results;
  },
};
