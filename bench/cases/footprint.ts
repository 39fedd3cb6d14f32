/** The cost of a configuration before its first event: load time, start time, memory. */
import { spawnSync } from "node:child_process";
import type { BenchCase, Measurement } from "../case.js";
import { alternately, type Figures, folderWith, type Program, pick, programs, runConfig } from "../programs.js";
import { median } from "../stats.js";

/** A module that prints memory, and the time from `BENCH_START` to the start, `after` ms after it. */
function reporter(after: number): string {
  return `
import json, os, time
import midimonster
def status(field):
    for line in open("/proc/self/status"):
        if line.startswith(field): return int(line.split()[1]) * 1024
def report():
    seconds = time.time() - float(os.environ["BENCH_START"]) - ${after / 1000}
    print(json.dumps({"seconds": seconds, "rss": status("VmRSS:")}), flush=True)
    midimonster.interval(report, 0)
midimonster.interval(report, ${after})
`;
}

function timed(bench: Parameters<typeof runConfig>[0], program: Program, folder: string): Promise<Figures> {
  return runConfig(bench, program, folder, { env: { BENCH_START: String(Date.now() / 1000) } });
}

function loadFiles(channels: number): Record<string, string> {
  return {
    "monster.cfg": `[python a]\nmodule = mod\n[python b]\nmodule = sink\ndefault-handler = sink.any\n[map]\na.channel{1..${channels}} > b.channel{1..${channels}}\n`,
    "mod.py": reporter(10),
    "sink.py": "def any(value): pass\n",
  };
}

/** Memory per channel includes the names: about 13 bytes each, twice, since Python has a copy of those it asks for. */
export const LOAD_CASE: BenchCase = {
  name: "load",
  what: "a configuration with many mapped channels: from the command to the first interval, and memory",
  async run(bench) {
    const results: Measurement[] = [];
    const sizes = bench.quick ? [1, 1000] : [1, 1000, 8000, 100_000, 1_000_000];
    // The reference takes quadratic time.
    const max = 8000;
    const bases: Record<string, number> = {};
    for (const channels of sizes) {
      const folder = folderWith(bench, loadFiles(channels));
      const measures = programs(bench)
        .filter(({ name }) => name === "ours" || channels <= max)
        .map((program) => [program.name, () => timed(bench, program, folder)]);
      const figures = await alternately(
        bench,
        `load ${channels}`,
        Object.fromEntries(measures),
        Math.min(bench.pairs, 3),
      );
      const [ours, reference] = [pick(figures.ours, "rss"), pick(figures.reference, "rss")];
      if (channels === 1) [bases.ours, bases.reference] = [median(ours), median(reference)];
      const name = `load ${channels}`;
      const perChannel = (values: number[], base = 0) => values.map((bytes) => (bytes - base) / (2 * channels));
      results.push({
        name: `${name} seconds`,
        what: `${channels.toLocaleString("en-US")} mappings: command to first interval`,
        unit: "s",
        ours: pick(figures.ours, "seconds"),
        reference: pick(figures.reference, "seconds"),
        floor: [],
      });
      if (channels < 1000) continue;
      results.push({
        name: `${name} bytes`,
        what: `${channels.toLocaleString("en-US")} mappings, twice as many channels: memory per channel`,
        unit: "bytes",
        ours: perChannel(ours, bases.ours),
        reference: perChannel(reference, bases.reference),
        floor: [],
      });
    }
    return results;
  },
};

export const START_CASE: BenchCase = {
  name: "start",
  what: "from the command to the first event, against the start of Node plus Python",
  async run(bench) {
    const folder = folderWith(bench, {
      "monster.cfg": "[python a]\nmodule = mod\n[loopback l]\n[map]\na.out > l.x\nl.x > a.mod.first\n",
      "mod.py": `
import os, time
import midimonster
midimonster.output("out", 1.0)
def first(value):
    print('{"ms": %f}' % ((time.time() - float(os.environ["BENCH_START"])) * 1000), flush=True)
`,
    });
    const alone = (command: string, args: string[]) => async (): Promise<Figures> => {
      const begun = performance.now();
      const { status, stderr } = spawnSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
      if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
      return { ms: performance.now() - begun };
    };
    const measures: Record<string, () => Promise<Figures>> = {
      node: alone(process.execPath, ["-e", "0"]),
      python: alone(bench.python, ["-c", "pass"]),
    };
    for (const program of programs(bench)) measures[program.name] = () => timed(bench, program, folder);
    const figures = await alternately(bench, "start", measures, 3 * bench.pairs);
    const [ours, node, python] = [pick(figures.ours, "ms"), pick(figures.node, "ms"), pick(figures.python, "ms")];
    return [
      {
        name: "start",
        what: "command to first event; the floor is node -e 0 plus python3 -c pass",
        unit: "ms",
        ours,
        reference: pick(figures.reference, "ms"),
        floor: node.map((ms, i) => ms + (python[i] ?? Number.NaN)),
      },
    ];
  },
};

export const RSS_CASE: BenchCase = {
  name: "rss",
  what: "resident memory, idle, with 1, 10 and 50 instances",
  async run(bench) {
    const results: Measurement[] = [];
    const totals: Record<string, number[]> = {};
    const sizes = [1, 10, 50];
    for (const count of sizes) {
      const instances = Array.from(
        { length: count },
        (_, i) => `[python p${i + 1}]\nmodule = ${i === 0 ? "mod" : "idle"}\n`,
      );
      const folder = folderWith(bench, {
        "monster.cfg": instances.join(""),
        "mod.py": reporter(500),
        "idle.py": "import midimonster\n",
      });
      const measures = programs(bench).map((program) => [program.name, () => timed(bench, program, folder)]);
      const figures = await alternately(bench, `rss ${count}`, Object.fromEntries(measures), Math.min(bench.pairs, 3));
      const megabytes = (name: string) => pick(figures[name], "rss").map((bytes) => bytes / 2 ** 20);
      const [ours, reference] = [megabytes("ours"), megabytes("reference")];
      for (const [name, values] of Object.entries({ ours, reference })) {
        totals[name] ??= [];
        totals[name].push(median(values));
      }
      results.push({ name: `rss ${count}`, what: `${count} instances`, unit: "MiB", ours, reference, floor: [] });
    }
    const additional = ([one = 0, , fifty = 0]: number[]) => [(fifty - one) / 49];
    results.push({
      name: "rss more",
      what: "each additional instance, from 1 to 50",
      unit: "MiB",
      ours: additional(totals.ours ?? []),
      reference: (totals.reference ?? []).some(Number.isNaN) ? [] : additional(totals.reference ?? []),
      floor: [],
    });
    return results;
  },
};
