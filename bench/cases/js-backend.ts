/** Events out of and into a TypeScript backend, with Python handlers on the other side. */
import { pathToFileURL } from "node:url";
import type { BenchCase, Measurement } from "../case.js";
import { alternately, folderWith, pick, run } from "../programs.js";

function program(index: string, channels: number, rounds: number): string {
  return `
import { Router } from ${JSON.stringify(index)};
const CHANNELS = ${channels}, ROUNDS = ${rounds};
let rounds = -Math.ceil(ROUNDS / 10), begun = 0, router;
const instance = (context) => ({
  start() { for (let i = 0; i < CHANNELS; ++i) context.emit(i, 0.625); },
  handle({ length, channels, values }) {
    if (length !== CHANNELS || values[length - 1] !== 0.625) throw new Error("events were lost: " + length);
    if (++rounds === 0) begun = performance.now();
    if (rounds === ROUNDS) {
      console.log(JSON.stringify({ value: (performance.now() - begun) * 1e6 / (2 * CHANNELS * ROUNDS) }));
      return;
    }
    for (let i = 0; i < length; ++i) context.emit(channels[i], values[i]);
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
      const index = pathToFileURL(`${bench.project}/dist/index.js`).href;
      const folder = folderWith(bench, {
        "main.mjs": program(index, channels, Math.round(events / channels / 2)),
        "pong.py": `from midimonster import output\n${numbers.map((i) => `def f${i}(value): output("o${i}", value)\n`).join("")}`,
      });
      const env = { MMPY_PYTHON: bench.python };
      const told = await alternately(bench, `js-backend ${channels}`, {
        ours: () => run(process.execPath, ["main.mjs"], { cwd: folder, env }),
      });
      results.push({
        name: `js-backend ${channels}`,
        what: `TypeScript backend to Python and back, ${channels} event${channels === 1 ? "" : "s"} a round`,
        unit: "ns an event",
        ours: pick(told.ours, "value"),
        reference: [],
        floor: [],
      });
    }
    return results;
  },
};
