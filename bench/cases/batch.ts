/** Batches: one call per round, in and out. */
import type { BenchCase } from "../case.js";
import { alternately, folderWith, pick, programs, runConfig } from "../programs.js";

const CHANNELS = 512;

/** Both instances pass events on; values count rounds as in the other event cases, but on one channel only. */
function files(rounds: number): Record<string, string> {
  return {
    "monster.cfg": `[python a]\nmodule = ping\n[python b]\nmodule = pong\n[map]\na.o{1..${CHANNELS}} > b.i{1..${CHANNELS}}\nb.o{1..${CHANNELS}} > a.i{1..${CHANNELS}}\n`,
    "pong.py": `
import midimonster
def frame(batch): outputs.output(batch.inputs)
names = range(1, ${CHANNELS + 1})
inputs = midimonster.batch(["i%d" % n for n in names], frame)
outputs = midimonster.batch(["o%d" % n for n in names])
`,
    "ping.py": `
import json, os, time
import midimonster
ROUNDS, STEP = ${rounds}, 2.0 ** -24
begun = 0.0
def frame(batch):
    global begun
    outputs.outputs[:] = batch.inputs
    value = batch.inputs[0] + STEP
    outputs.outputs[0] = value
    if value == STEP * (ROUNDS // 10): begun = time.perf_counter()
    if value == STEP * ROUNDS:
        elapsed = time.perf_counter() - begun
        if len(batch.changed()) != ${CHANNELS} or list(batch.inputs[1:]) != [0.625] * ${CHANNELS - 1}:
            raise SystemExit("events were lost")
        print(json.dumps({"value": elapsed / ((ROUNDS - ROUNDS // 10) * 2 * ${CHANNELS}) * 1e9}), flush=True)
        os._exit(0)
    outputs.output()
names = range(1, ${CHANNELS + 1})
inputs = midimonster.batch(["i%d" % n for n in names], frame)
outputs = midimonster.batch(["o%d" % n for n in names])
def start():
    midimonster.interval(start, 0)
    outputs.output([0.0] + [0.625] * ${CHANNELS - 1})
midimonster.interval(start, 50)
`,
  };
}

export const BATCH_CASE: BenchCase = {
  name: "batch",
  what: "two instances with batches of 512 channels, one call per round each",
  async run(bench) {
    const folder = folderWith(bench, files(bench.quick ? 100 : 20_000));
    // The C reference has no batches.
    const measured = programs({ ...bench, reference: undefined });
    const figures = await alternately(
      bench,
      "batch",
      Object.fromEntries(measured.map((program) => [program.name, () => runConfig(bench, program, folder)])),
    );
    return [
      {
        name: "batch",
        what: "512 channels in one batch, in and out",
        unit: "ns per event",
        ours: pick(figures.ours, "value"),
        reference: pick(figures.reference, "value"),
        floor: [],
      },
    ];
  },
};
