/** Events circulating between instances: the cost of one event. */
import type { Bench, BenchCase, Measurement } from "../case.js";
import { floorLibrary, floorModule } from "../floor.js";
import { alternately, type Figures, folderWith, pick, programs, runConfig } from "../programs.js";

/** A configuration whose events return to their origin, and modules that count rounds in the values. */
interface Circle {
  readonly name: string;
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  /** Whether every event is one call of a handler and one output, so that the floor applies. */
  readonly floor: boolean;
  /** Too many channels for the reference. */
  readonly oursOnly?: boolean;
}

/*
 * Handlers are typical user code: a single output, on a channel named by a constant. Values count: each handler of `a` adds
 * STEP, so that at the end every channel's value shows its number of events, and the first channel's handler ends the run when
 * its value is large enough. The handlers of `b` pass values on.
 */
function begin(rounds: number, eventsPerRound: number, checked: readonly string[], body: string): string {
  return `
import json, os, time
import midimonster
from midimonster import output
ROUNDS = ${rounds}
STEP = 2.0 ** -${Math.ceil(Math.log2(rounds + 2))}
END = ROUNDS * STEP
WARM = ROUNDS // 10 * STEP
started = rounds_before = None

def turn(value):
    """Called at two values only: starts the clock after a tenth of the rounds, and prints the result at the end."""
    global started, rounds_before, LIMIT
    now = time.perf_counter()
    if started is None:
        started, rounds_before, LIMIT = now, value / STEP, END
        return
    rounds = value / STEP - rounds_before
    for channel in ${JSON.stringify(checked)}:
        # From this round, or from the previous one if it comes later in this round.
        seen = midimonster.inputvalue(channel)
        if not value - STEP <= seen <= value:
            raise SystemExit("%s is at %r instead of %r: an event was lost" % (channel, seen, value))
    figures = {"value": (now - started) / (rounds * ${eventsPerRound}) * 1e9, "rounds": rounds}
    library = os.environ.get("BENCH_FLOOR")
    if library:
        import floor
        figures.update(floor.measure(library, 2000000))
    print(json.dumps(figures), flush=True)
    os._exit(0)

LIMIT = WARM
${body}
`;
}

function start(outputs: string): string {
  return `
def start():
    midimonster.interval(start, 0)
    ${outputs}
midimonster.interval(start, 50)
`;
}

const PASS = "from midimonster import output\n";

/** Two instances with the same number of channels each way. */
function pingPong(name: string, what: string, channels: number, events: number, oursOnly = false): Circle {
  const rounds = Math.max(20, Math.round(events / channels / 2));
  const numbers = Array.from({ length: channels }, (_, i) => i + 1);
  const handlers = numbers.map((i) =>
    i === 1
      ? 'def f1(value):\n    if value >= LIMIT: turn(value)\n    output("o1", value + STEP)\n'
      : `def f${i}(value):\n    output("o${i}", value + STEP)\n`,
  );
  const names = numbers.map((i) => `ping.f${i}`);
  const outputs = `for i in range(1, ${channels + 1}): output("o%d" % i, 0.0)`;
  return {
    name,
    what,
    oursOnly,
    floor: true,
    files: {
      "monster.cfg": `[python a]\nmodule = ping\n[python b]\nmodule = pong\n[map]\na.o{1..${channels}} > b.pong.f{1..${channels}}\nb.o{1..${channels}} > a.ping.f{1..${channels}}\n`,
      "ping.py": begin(rounds, 2 * channels, names, handlers.join("") + start(outputs)),
      "pong.py": PASS + numbers.map((i) => `def f${i}(value):\n    output("o${i}", value)\n`).join(""),
    },
  };
}

/** The same with one function for all channels of an instance: the cost of many channels alone. */
function oneHandler(name: string, what: string, channels: number, events: number, oursOnly = false): Circle {
  const rounds = Math.max(20, Math.round(events / channels / 2));
  const names = Array.from({ length: channels }, (_, i) => `c${i + 1}`);
  const handler = (value: string, before = "") => `def f(value):\n${before}    output(current(), ${value})\n`;
  return {
    name,
    what,
    oursOnly,
    floor: false,
    files: {
      "monster.cfg": `[python a]\nmodule = ping\ndefault-handler = ping.f\n[python b]\nmodule = pong\ndefault-handler = pong.f\n[map]\na.c{1..${channels}} <> b.c{1..${channels}}\n`,
      "ping.py": begin(
        rounds,
        2 * channels,
        names,
        `from midimonster import current\n${handler("value + STEP", "    if value >= LIMIT: turn(value)\n")}${start(`for i in range(1, ${channels + 1}): output("c%d" % i, 0.0)`)}`,
      ),
      "pong.py": `${PASS}from midimonster import current\n${handler("value")}`,
    },
  };
}

const FIRST = 'def f1(value):\n    if value >= LIMIT: turn(value)\n    output("o1", value + STEP)\n';

function fanOut(events: number): Circle {
  const width = 512;
  const handlers = Array.from({ length: width - 1 }, (_, i) => `def f${i + 2}(value): pass\n`).join("");
  return {
    name: "fan-out",
    what: "one channel to 512 of another instance, one of which answers",
    floor: false,
    files: {
      "monster.cfg": `[python a]\nmodule = ping\n[python b]\nmodule = pong\n[map]\na.o1 > b.pong.f{1..${width}}\nb.o1 > a.ping.f1\n`,
      "ping.py": begin(Math.round(events / width), width + 1, [], FIRST + start('output("o1", 0.0)')),
      // All values of the last round are equal; a lost event would show.
      "pong.py": `${PASS}from midimonster import inputvalue\nlast = -1.0
def f1(value):
    global last
    if last >= 0 and inputvalue("pong.f${width}") != last: raise SystemExit("an event was lost")
    last = value
    output("o1", value)\n${handlers}`,
    },
  };
}

function fanIn(events: number): Circle {
  const width = 512;
  return {
    name: "fan-in",
    what: "512 channels to one of another instance, which counts and answers once",
    floor: false,
    files: {
      "monster.cfg": `[python a]\nmodule = ping\n[python b]\nmodule = pong\n[map]\na.o{1..${width}} > b.pong.f\nb.o1 > a.ping.f1\n`,
      "ping.py": begin(
        Math.round(events / width),
        width + 1,
        [],
        `names = ["o%d" % i for i in range(1, ${width + 1})]
def f1(value):
    if value >= LIMIT: turn(value)
    value += STEP
    for name in names: output(name, value)
${start("f1(0.0)")}`,
      ),
      "pong.py": `${PASS}count = 0
def f(value):
    global count
    count += 1
    if count == ${width}:
        count = 0
        output("o1", value)\n`,
    },
  };
}

function loopbackChain(events: number): Circle {
  const links = 8;
  const instances = Array.from({ length: links }, (_, i) => `[loopback l${i + 1}]\n`).join("");
  const chain = Array.from({ length: links - 1 }, (_, i) => `l${i + 1}.x > l${i + 2}.x\n`).join("");
  return {
    name: "loopback",
    what: "a chain of eight loopback instances, and one handler",
    floor: false,
    files: {
      "monster.cfg": `[python a]\nmodule = ping\n${instances}[map]\na.o1 > l1.x\n${chain}l${links}.x > a.ping.f1\n`,
      "ping.py": begin(Math.round(events / (links + 1)), links + 1, [], FIRST + start('output("o1", 0.0)')),
    },
  };
}

async function measure(bench: Bench, circle: Circle): Promise<Measurement[]> {
  const folder = folderWith(bench, { ...circle.files, "floor.py": floorModule(bench) });
  const library = circle.floor && !bench.quick ? floorLibrary(bench) : undefined;
  const measures: Record<string, () => Promise<Figures>> = {};
  for (const program of programs(bench)) {
    if (program.name === "reference" && circle.oursOnly && bench.against === undefined) continue;
    const env = program.name === "ours" && library !== undefined ? { BENCH_FLOOR: library } : {};
    measures[program.name] = () => runConfig(bench, program, folder, { env });
  }
  const figures = await alternately(bench, circle.name, measures);
  const floor = (name: string) => (library === undefined ? [] : pick(figures.ours, name));
  const measured: Measurement = {
    name: circle.name,
    what: circle.what,
    unit: "ns per event",
    ours: pick(figures.ours, "value"),
    reference: pick(figures.reference, "value"),
    floor: floor("floor"),
  };
  if (circle.name !== "hop" || library === undefined) return [measured];
  const what = "switching interpreters, which every event of `hop` needs on top of the floor";
  return [measured, { name: "change", what, unit: "ns", ours: [], reference: [], floor: floor("change") }];
}

type MakeCircle = (events: number) => Circle;

function circleCase(make: MakeCircle, events: number): BenchCase {
  const { name, what } = make(events);
  return {
    name,
    what,
    run: (bench) => measure(bench, make(bench.quick ? Math.max(2000, events / 50) : events)),
  };
}

export const EVENT_CASES: readonly BenchCase[] = [
  circleCase((n) => pingPong("hop", "two instances, one event at a time", 1, n), 2_000_000),
  circleCase((n) => pingPong("burst-16", "two instances, 16 events per round", 16, n), 2_000_000),
  circleCase((n) => pingPong("universe", "two instances, 512 events per round", 512, n), 1_500_000),
  circleCase((n) => pingPong("wide-4096", "two instances, 4096 events per round", 4096, n), 400_000),
  circleCase((n) => pingPong("wide-65536", "two instances, 65536 events per round", 65536, n, true), 4_000_000),
  circleCase((n) => oneHandler("one-512", "like universe, with one function for all channels", 512, n), 1_500_000),
  circleCase((n) => oneHandler("one-65536", "like wide-65536, with one function", 65536, n, true), 4_000_000),
  circleCase(fanOut, 1_500_000),
  circleCase(fanIn, 1_500_000),
  circleCase(loopbackChain, 3_000_000),
];

/** The curve: cost against the number of channels. */
export const CHANNELS_CASE: BenchCase = {
  name: "channels",
  what: "cost of an event against the number of channels, for the chart",
  async run(bench) {
    const results: Measurement[] = [];
    for (let exponent = 0; exponent <= 16; exponent += 2) {
      const channels = 2 ** exponent;
      const oursOnly = channels > 4096;
      const events = bench.quick ? 2000 : channels >= 1024 && !oursOnly ? 300_000 : 1_500_000;
      results.push(
        ...(await measure(
          bench,
          pingPong(`channels ${channels}`, `${channels} events per round`, channels, events, oursOnly),
        )),
      );
    }
    return results;
  },
};
