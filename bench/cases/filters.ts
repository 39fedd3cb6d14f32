/** Filters on mappings: what an event, a load, and values that glide cost more than without. */
import type { Bench, BenchCase, Measurement } from "../case.js";
import { alternately, type Figures, folderWith, ours, pick, programs, runConfig, runWithClient } from "../programs.js";

const CHANNELS = 512;

/** By the kinds that cost about the same. The values that come are 0.25 and 0.75 in turn, which all of these let pass. */
const MEASURED = {
  invert: "invert",
  range: "range(0.1, 0.9)",
  window: "window(0.1, 0.9)",
  steps: "steps(128)",
  clamp: "clamp(0.1, 0.9)",
  within: "within(0.1, 0.9)",
  threshold: "threshold",
  dedup: "dedup",
  deadband: "deadband(0.02)",
  ease: "curve(s)",
  points: "curve(0:0, 0.3:0.2, 0.6:0.5, 1:1)",
  power: "curve(2.2)",
  chain: "invert > clamp(0.1, 0.9) > range(0.2, 1)",
} as const;

type Name = keyof typeof MEASURED;

/**
 * Batches of channels that lead to a loopback instance, each with another filter, and one without. A value passes its filters while
 * it is output, so that alone is timed; the groups take turns, and the smallest time of each counts.
 */
function eventFiles(filters: Readonly<Partial<Record<Name, string>>>, rounds: number): Record<string, string> {
  const line = (name: string, chain: string) => `a.${name}{1..${CHANNELS}} > ${chain}l.${name}{1..${CHANNELS}}\n`;
  const names = ["plain", ...Object.keys(filters)];
  return {
    "monster.cfg":
      "[python a]\nmodule = a\n[loopback l]\n[map]\n" +
      line("plain", "") +
      Object.entries(filters)
        .map(([name, filter]) => line(name, `${filter} > `))
        .join(""),
    "a.py": `
import array, json, os, time
import midimonster
CHANNELS, REPEATED = ${CHANNELS}, 16
batches = {
    name: midimonster.batch(["%s%d" % (name, n) for n in range(1, CHANNELS + 1)]) for name in ${JSON.stringify(names)}
}
frames = [array.array("d", [value] * CHANNELS) for value in (0.25, 0.75)]
best = dict.fromkeys(batches, 1e9)
left = ${rounds}
def turn():
    global left
    for name, batch in batches.items():
        output, outputs, (low, high), clock = batch.output, batch.outputs, frames, time.perf_counter
        begun = clock()
        for _ in range(REPEATED):
            outputs[:] = low
            output()
            outputs[:] = high
            output()
        best[name] = min(best[name], (clock() - begun) / (2 * REPEATED * CHANNELS) * 1e9)
    left -= 1
    if left > 0: return
    print(json.dumps(best), flush=True)
    os._exit(0)
# Which older versions have, too.
midimonster.interval(turn, 10)
`,
  };
}

async function events(bench: Bench): Promise<Measurement[]> {
  const rounds = bench.quick ? 5 : 200;
  const folder = folderWith(bench, eventFiles(MEASURED, rounds));
  const figures = await alternately(bench, "filters", { ours: () => runConfig(bench, ours(bench), folder) });
  const plain = pick(figures.ours, "plain");
  return Object.entries(MEASURED).map(([name, filter]) => ({
    name: `filters ${name}`,
    what: `\`${filter}\`, beyond a mapping without`,
    unit: "ns per event",
    ours: pick(figures.ours, name).map((value, i) => value - (plain[i] ?? Number.NaN)),
    reference: [],
    floor: [],
  }));
}

/** Another checkout may not know filters yet. */
async function without(bench: Bench): Promise<Measurement[]> {
  if (bench.against === undefined) return [];
  const folder = folderWith(bench, eventFiles({}, bench.quick ? 5 : 300));
  const measured = programs(bench).map((program) => [program.name, () => runConfig(bench, program, folder)]);
  const figures = await alternately(bench, "filters, without", Object.fromEntries(measured), bench.pairs * 2);
  return [
    {
      name: "filters plain",
      what: "output of 512 channels in a batch, mapped without filters",
      unit: "ns per event",
      ours: pick(figures.ours, "plain"),
      reference: pick(figures.reference, "plain"),
      floor: [],
    },
  ];
}

const LOADED = `
import json, os, time
import midimonster
def begin():
    print(json.dumps({"seconds": time.time() - float(os.environ["BENCH_START"])}), flush=True)
midimonster.started(begin)
`;

function loadFiles(lines: number, filter: string): Record<string, string> {
  const map = Array.from({ length: lines }, (_, i) => `a.channel${i} > ${filter}l.channel${i}\n`).join("");
  return { "monster.cfg": `[python a]\nmodule = a\n[loopback l]\n[map]\n${map}`, "a.py": LOADED };
}

/** Each mapping is a line of its own, as programs write them. */
async function load(bench: Bench): Promise<Measurement> {
  const lines = bench.quick ? 1000 : 65_536;
  const measure = (filter: string) => {
    const folder = folderWith(bench, loadFiles(lines, filter));
    return () => runConfig(bench, ours(bench), folder, { env: { BENCH_START: String(Date.now() / 1000) } });
  };
  const figures = await alternately(bench, "filters, load", {
    ours: measure("curve(2.2) > range(0.1, 1) > "),
    floor: measure(""),
  });
  return {
    name: "filters load",
    what: `${lines.toLocaleString("en-US")} lines with two filters, from the command to the start; floor: without filters`,
    unit: "s",
    ours: pick(figures.ours, "seconds"),
    reference: [],
    floor: pick(figures.floor, "seconds"),
  };
}

/**
 * Prints how often a second the process wakes while values glide, and when they have arrived. In between, Node gives back memory
 * that the start has needed: with or without filters it wakes for that some ten times within the first 40 seconds.
 */
const CLIENT = (seconds: number, settle: number) => `
import json, sys, time
def wakings():
    with open("/proc/%s/status" % sys.argv[1]) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary"))
def rate(seconds):
    before, begun = wakings(), time.perf_counter()
    time.sleep(seconds)
    return (wakings() - before) / (time.perf_counter() - begun)
while open("state").read() != "gliding": time.sleep(0.01)
time.sleep(0.1)
gliding = rate(${seconds})
while open("state").read() != "rests": time.sleep(0.05)
time.sleep(${settle})
print(json.dumps({"gliding": gliding, "rest": rate(${settle / 2})}), flush=True)
`;

async function glide(bench: Bench): Promise<Measurement[]> {
  const pairs = bench.quick ? 512 : 65_536;
  const seconds = bench.quick ? 0.5 : 3;
  const folder = folderWith(bench, {
    "monster.cfg": `[python a]\nmodule = a\n[loopback l]\n[map]\na.c{1..${pairs}} > fade(${seconds + 1}s) > l.c{1..${pairs}}\n`,
    "a.py": `
import midimonster, os
batch = midimonster.batch(["c%d" % n for n in range(1, ${pairs + 1})])
def note(text):
    with open("state.new", "w") as file: file.write(text)
    os.replace("state.new", "state")
def begin():
    batch.output([0.0] * ${pairs})
    batch.output([1.0] * ${pairs})
    midimonster.after(lambda: note("gliding"), 100)
    midimonster.after(lambda: note("rests"), ${(seconds + 2) * 1000})
note("loads")
midimonster.started(begin)
`,
    state: "starts",
    "client.py": `import os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\n${CLIENT(seconds, bench.quick ? 1.5 : 60)}`,
  });
  const runs: Figures[] = [];
  for (let i = 0; i < Math.min(bench.pairs, 3); ++i) {
    bench.progress(`filters, gliding: ${i + 1}`);
    runs.push(await runWithClient(bench, ours(bench), folder, (pid) => [String(pid)]));
  }
  const count = pairs.toLocaleString("en-US");
  const one = (name: string, what: string, figure: string): Measurement => ({
    name: `filters ${name}`,
    what: `${count} pairs with \`fade\`: ${what}`,
    unit: "1/s",
    ours: pick(runs, figure),
    reference: [],
    floor: [],
  });
  return [
    one("gliding", "wake-ups while they glide, on a grid of 40 a second", "gliding"),
    one("rest", "wake-ups when they have arrived", "rest"),
  ];
}

export const FILTERS_CASES: readonly BenchCase[] = [
  {
    name: "filters",
    what: "filters on mappings: an event; with --against, mappings without",
    run: async (bench) => [...(await events(bench)), ...(await without(bench))],
  },
  {
    name: "filters-load",
    what: "loading 65,536 lines with filters, and without",
    run: async (bench) => [await load(bench)],
  },
  {
    name: "filters-glide",
    what: "wake-ups while 65,536 pairs glide, and at rest, which takes two minutes",
    run: glide,
  },
];
