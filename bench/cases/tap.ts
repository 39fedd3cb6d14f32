/** The price of a tap that is open. */
import { pathToFileURL } from "node:url";
import type { BenchCase } from "../case.js";
import { alternately, folderWith, pick, run } from "../programs.js";

const CHANNELS = 512;

/** Two instances with 512 channels each way. */
function program(index: string): string {
  return `
import { Router } from ${JSON.stringify(index)};
const router = Router.fromFile("monster.cfg");
let seen = 0;
if (process.env.TAP === "on") router.tap((events) => { seen += events.length; });
await router.start();
`;
}

function files(rounds: number): Record<string, string> {
  const numbers = Array.from({ length: CHANNELS }, (_, i) => i + 1);
  const handlers = (body: string) =>
    numbers.map((i) => `def f${i}(value): ${body.replaceAll("N", String(i))}\n`).join("");
  return {
    "monster.cfg": `[python a]\nmodule = ping\n[python b]\nmodule = pong\n[map]\na.o{1..${CHANNELS}} > b.pong.f{1..${CHANNELS}}\nb.o{1..${CHANNELS}} > a.ping.f{1..${CHANNELS}}\n`,
    "pong.py": `from midimonster import output\n${handlers('output("oN", value)')}`,
    "ping.py": `
import json, os, time
import midimonster
from midimonster import output
${handlers('output("oN", value)')}
passed = started = 0
def f1(value):
    global passed, started
    passed += 1
    if passed == ${Math.ceil(rounds / 10)}: started = time.perf_counter()
    if passed == ${rounds}:
        elapsed = time.perf_counter() - started
        print(json.dumps({"value": elapsed / (${rounds - Math.ceil(rounds / 10)} * 2 * ${CHANNELS}) * 1e9}), flush=True)
        os._exit(0)
    output("o1", value)
def start():
    midimonster.interval(start, 0)
    for i in range(1, ${CHANNELS + 1}): output("o%d" % i, 0.5)
midimonster.interval(start, 50)
`,
  };
}

export const TAP_CASE: BenchCase = {
  name: "tap",
  what: "events between Python handlers with a tap open, and without",
  async run(bench) {
    const folder = folderWith(bench, {
      ...files(bench.quick ? 50 : 4_000),
      "ours.mjs": program(pathToFileURL(`${bench.project}/dist/index.js`).href),
    });
    const measure = (tap: "on" | "off") => () =>
      run(process.execPath, ["ours.mjs"], { cwd: folder, env: { MMPY_PYTHON: bench.python, TAP: tap } });
    const figures = await alternately(bench, "tap", { on: measure("on"), off: measure("off") });
    const [open, closed] = [pick(figures.on, "value"), pick(figures.off, "value")];
    const one = (name: string, what: string, values: number[]) => ({
      name,
      what,
      unit: "ns per event",
      ours: values,
      reference: [],
      floor: [],
    });
    return [
      one("tap closed", "512 events per round, Python to Python", closed),
      one("tap open", "the same, with a tap that counts", open),
      one(
        "tap",
        "the tap itself",
        open.map((value, i) => value - (closed[i] ?? Number.NaN)),
      ),
    ];
  },
};
