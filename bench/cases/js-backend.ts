/** Events between a TypeScript backend and Python handlers. */
import { pathToFileURL } from "node:url";
import type { BenchCase, Measurement } from "../case.js";
import { alternately, folderWith, pick, run } from "../programs.js";

function program(index: string, channels: number, rounds: number): string {
  return `
import { Router } from ${JSON.stringify(index)};
const CHANNELS = ${channels}, ROUNDS = ${rounds};
// Counted individually: a round may arrive in several batches.
const WARM = CHANNELS * Math.ceil(ROUNDS / 10), ALL = CHANNELS * ROUNDS;
let events = -WARM, begun = 0, router;
const instance = (context) => ({
  start() { for (let i = 0; i < CHANNELS; ++i) context.emit(i, 0.625); },
  handle({ length, channels, values }) {
    for (let i = 0; i < length; ++i) {
      // Every channel's event circulates independently and alternates in value: a lost one would show.
      if (values[i] !== ((events + WARM + i) % (2 * CHANNELS) < CHANNELS ? 0.625 : 0.125)) throw new Error("lost an event");
      context.emit(channels[i], 0.75 - values[i]);
    }
    if (events < 0 && events + length >= 0) begun = performance.now();
    events += length;
    if (events >= ALL && events - length < ALL)
      console.log(JSON.stringify({ value: (performance.now() - begun) * 1e6 / (2 * events) }));
  },
});
router = new Router({ folder: ".", backends: [{ name: "bench", create: instance }] })
  .instance("bench", "js")
  .instance("python", "py", { module: "pong" })
  .map("js.c{1..${channels}} > py.pong.f{1..${channels}}")
  .map("py.o{1..${channels}} > js.c{1..${channels}}");
await router.start();
`;
}

export const JS_BACKEND_CASE: BenchCase = {
  name: "js-backend",
  what: "events from a TypeScript backend to Python handlers and back",
  async run(bench) {
    const results: Measurement[] = [];
    for (const channels of [1, 512]) {
      const numbers = Array.from({ length: channels }, (_, i) => i + 1);
      const events = bench.quick ? 20_000 : 2_000_000 / (channels === 1 ? 4 : 1);
      const main = (checkout: string) =>
        program(pathToFileURL(`${checkout}/dist/index.js`).href, channels, Math.round(events / channels / 2));
      const folder = folderWith(bench, {
        "ours.mjs": main(bench.project),
        "reference.mjs": main(bench.against ?? bench.project),
        "pong.py": `from midimonster import output\n${numbers.map((i) => `def f${i}(value): output("o${i}", value)\n`).join("")}`,
      });
      const env = { MMPY_PYTHON: bench.python };
      const figures = await alternately(bench, `js-backend ${channels}`, {
        ours: () => run(process.execPath, ["ours.mjs"], { cwd: folder, env }),
        ...(bench.against !== undefined && {
          reference: () => run(process.execPath, ["reference.mjs"], { cwd: folder, env }),
        }),
      });
      results.push({
        name: `js-backend ${channels}`,
        what: `TypeScript backend to Python and back, ${channels} event${channels === 1 ? "" : "s"} per round`,
        unit: "ns per event",
        ours: pick(figures.ours, "value"),
        reference: pick(figures.reference, "value"),
        floor: [],
      });
    }
    return results;
  },
};
