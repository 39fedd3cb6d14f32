/** The performance targets, and whether a run meets them. */
import type { Measurement } from "./case.js";
import { median, ratioOfPairs } from "./stats.js";

export interface Target {
  readonly what: string;
  /** Whether the targets are lower or upper bounds of the figure. */
  readonly bound: "≥" | "≤";
  readonly must: number;
  readonly aim: number;
  readonly unit: string;
  /** The figure; NaN if this run has not measured it. */
  figure(of: (name: string) => Measurement | undefined): number;
}

const ours = (one: Measurement | undefined) => median(one?.ours ?? []);
/** Of pairs of runs, since what else the machine does changes between them. */
const faster = (one: Measurement | undefined) => ratioOfPairs(one?.ours ?? [], one?.reference ?? []);
/** Floor ÷ ours, likewise. */
const toFloor = (one: Measurement | undefined) => ratioOfPairs(one?.ours ?? [], one?.floor ?? []);

/** Ours ÷ floor, likewise. */
const beside = (one: Measurement | undefined) => 1 / toFloor(one);

const none = (protocol: string, name: string): Target => ({
  what: `${protocol}, datagrams lost at 64 universes`,
  bound: "≤",
  must: 0,
  aim: 0,
  unit: "",
  figure: (of) => Math.max(...(of(`${name} lost`)?.ours ?? [Number.NaN])),
});

/** For the section on protocols. */
export const PROTOCOL_TARGETS: readonly Target[] = [
  {
    what: "Art-Net, 64 universes in and out: processor",
    bound: "≤",
    must: 12,
    aim: 8,
    unit: "%",
    figure: (of) => ours(of("artnet cpu")),
  },
  {
    what: "Art-Net to loopback: processor for each datagram, ours ÷ reference",
    bound: "≤",
    must: 0.5,
    aim: 0.4,
    unit: "",
    figure: (of) => 1 / faster(of("artnet each")),
  },
  none("Art-Net", "artnet"),
  none("sACN", "sacn"),
  {
    what: "Art-Net, load of 64 × 512 mappings",
    bound: "≤",
    must: 0.4,
    aim: 0.4,
    unit: "s",
    figure: (of) => ours(of("artnet load")),
  },
  {
    what: "osc p50, ours ÷ reference",
    bound: "≤",
    must: 1.1,
    aim: 1,
    unit: "",
    figure: (of) => 1 / faster(of("osc p50")),
  },
  {
    what: "osc p99, ours ÷ reference",
    bound: "≤",
    must: 1.1,
    aim: 1,
    unit: "",
    figure: (of) => 1 / faster(of("osc p99")),
  },
  {
    what: "OSC messages, ours ÷ reference",
    bound: "≥",
    must: 1,
    aim: 1.5,
    unit: "",
    figure: (of) => 1 / faster(of("osc rate")),
  },
  {
    what: "MQTT messages, ours ÷ reference",
    bound: "≥",
    must: 1,
    aim: 1.5,
    unit: "",
    figure: (of) => 1 / faster(of("mqtt rate")),
  },
  {
    what: "start with mqtt, beyond that without",
    bound: "≤",
    must: 100,
    aim: 60,
    unit: "ms",
    figure: (of) => ours(of("mqtt start")),
  },
];

export const TARGETS: readonly Target[] = [
  { what: "hop, reference ÷ ours", bound: "≥", must: 2.3, aim: 3, unit: "", figure: (of) => faster(of("hop")) },
  { what: "burst-16, reference ÷ ours", bound: "≥", must: 3, aim: 4, unit: "", figure: (of) => faster(of("burst-16")) },
  {
    what: "universe, reference ÷ ours",
    bound: "≥",
    must: 12,
    aim: 16,
    unit: "",
    figure: (of) => faster(of("universe")),
  },
  {
    what: "wide-4096, reference ÷ ours",
    bound: "≥",
    must: 100,
    aim: 200,
    unit: "",
    figure: (of) => faster(of("wide-4096")),
  },
  {
    what: "universe, ours ÷ floor",
    bound: "≤",
    must: 1.3,
    aim: 1.1,
    unit: "",
    figure: (of) => ours(of("universe")) / median(of("universe")?.floor ?? []),
  },
  {
    what: "cost at 65536 channels ÷ cost at 512",
    bound: "≤",
    must: 1.5,
    aim: 1.3,
    unit: "",
    figure: (of) => ours(of("wide-65536")) / ours(of("universe")),
  },
  {
    what: "udp p50, ours ÷ reference",
    bound: "≤",
    must: 1,
    aim: 0.8,
    unit: "",
    figure: (of) => 1 / faster(of("udp p50")),
  },
  {
    what: "udp p99, ours ÷ reference",
    bound: "≤",
    must: 1,
    aim: 0.8,
    unit: "",
    figure: (of) => 1 / faster(of("udp p99")),
  },
  {
    what: "interval of 10 ms, idle: jitter p99",
    bound: "≤",
    must: 2,
    aim: 1,
    unit: "ms",
    figure: (of) => ours(of("interval 10 idle jitter p99")),
  },
  {
    what: "interval of 10 ms, idle: drift",
    bound: "≤",
    must: 0.01,
    aim: 0.01,
    unit: "%",
    figure: (of) => ours(of("interval 10 idle drift")),
  },
  {
    what: "`async def` that returns at once (2,000 from Python 3.12 on)",
    bound: "≤",
    must: 4000,
    aim: 2600,
    unit: "ns",
    figure: (of) => ours(of("async return")),
  },
  {
    what: "`sleep(0)` in 200 tasks, ours ÷ plain asyncio",
    bound: "≤",
    must: 1.5,
    aim: 1.2,
    unit: "",
    figure: (of) => beside(of("async switch")),
  },
  {
    what: "stream echo, processor time, ours ÷ plain asyncio",
    bound: "≤",
    must: 1.4,
    aim: 1.1,
    unit: "",
    figure: (of) => beside(of("async echo")),
  },
  {
    what: "`sleep(0.01)` late, median, ours ÷ plain asyncio",
    bound: "≤",
    must: 1.1,
    aim: 1,
    unit: "",
    figure: (of) => beside(of("async late")),
  },
  {
    what: "wake-ups of an idle router by asyncio",
    bound: "≤",
    must: 0.1,
    aim: 0,
    unit: "1/s",
    figure: (of) => ours(of("async wakings")) - median(of("async wakings")?.floor ?? []),
  },
  ...(["task", "events"] as const).flatMap((load) =>
    (["interval", "timer", "socket"] as const).map((what): Target => {
      const name = `async ${what} beside ${load}`;
      return {
        what: `${what} beside ${load}, late, p99`,
        bound: "≤",
        must: 3,
        aim: 1,
        unit: "ms",
        figure: (of) => ours(of(name)),
      };
    }),
  ),
  {
    what: "load of 100,000 mapped channels",
    bound: "≤",
    must: 1,
    aim: 0.4,
    unit: "s",
    figure: (of) => ours(of("load 100000 seconds")),
  },
  {
    what: "load: seconds per mapping at 1,000,000 ÷ at 100,000",
    bound: "≤",
    must: 1.3,
    aim: 1,
    unit: "",
    figure: (of) => ours(of("load 1000000 seconds")) / ours(of("load 100000 seconds")) / 10,
  },
  {
    what: "load: memory per channel, at 100,000 mappings",
    bound: "≤",
    must: 300,
    aim: 300,
    unit: "bytes",
    figure: (of) => ours(of("load 100000 bytes")),
  },
  {
    what: "start ÷ (Node's own + Python's own)",
    bound: "≤",
    must: 1.5,
    aim: 1.2,
    unit: "",
    figure: (of) => ours(of("start")) / median(of("start")?.floor ?? []),
  },
  {
    what: "memory per additional instance, ours ÷ reference",
    bound: "≤",
    must: 1.1,
    aim: 1,
    unit: "",
    figure: (of) => 1 / faster(of("rss more")),
  },
  {
    what: "batches at 512 channels, in and out",
    bound: "≤",
    must: 25,
    aim: 10,
    unit: "ns",
    figure: (of) => ours(of("batch")),
  },
  ...["invert", "range", "window", "steps", "clamp", "within", "threshold", "dedup", "deadband"].map(
    (name): Target => ({
      what: `an event through \`${name}\``,
      bound: "≤",
      must: 5,
      aim: 3,
      unit: "ns",
      figure: (of) => ours(of(`filters ${name}`)),
    }),
  ),
  {
    what: "an event through `curve(2.2)`",
    bound: "≤",
    must: 15,
    aim: 15,
    unit: "ns",
    figure: (of) => ours(of("filters power")),
  },
  {
    what: "a mapping without filters, before there were any ÷ now",
    bound: "≥",
    must: 0.98,
    aim: 1,
    unit: "",
    figure: (of) => faster(of("filters plain")),
  },
  {
    what: "load of lines with filters ÷ without",
    bound: "≤",
    must: 1.2,
    aim: 1.1,
    unit: "",
    figure: (of) => 1 / ratioOfPairs(of("filters load")?.ours ?? [], of("filters load")?.floor ?? []),
  },
  {
    what: "wake-ups while 65,536 pairs glide",
    bound: "≤",
    must: 42,
    aim: 41,
    unit: "1/s",
    figure: (of) => ours(of("filters gliding")),
  },
  {
    what: "wake-ups when they have arrived",
    bound: "≤",
    must: 0.5,
    aim: 0,
    unit: "1/s",
    figure: (of) => ours(of("filters rest")),
  },
  {
    what: "an open tap",
    bound: "≤",
    must: 20,
    aim: 10,
    unit: "ns",
    figure: (of) => ours(of("tap")),
  },
  {
    what: "two instances that compute, own processes ÷ in one",
    bound: "≥",
    must: 1.7,
    aim: 1.9,
    unit: "",
    figure: (of) => toFloor(of("process compute")),
  },
  {
    what: "to a process and back, of 512 events at once",
    bound: "≤",
    must: 150,
    aim: 70,
    unit: "ns",
    figure: (of) => ours(of("process burst")),
  },
  ...["p50", "p99"].map(
    (name): Target => ({
      what: `to a process and back, one event, ${name} ÷ a socketpair's`,
      bound: "≤",
      must: 1,
      aim: 0.7,
      unit: "",
      figure: (of) => beside(of(`process ${name}`)),
    }),
  ),
  {
    what: "wake-ups of an idle process and its router, beyond the router's alone",
    bound: "≤",
    must: 0.5,
    aim: 0,
    unit: "1/s",
    figure: (of) => ours(of("process idle")) - median(of("process idle")?.floor ?? []),
  },
  {
    what: "end of a process to the first event of the next ÷ python3 -c pass",
    bound: "≤",
    must: 6,
    aim: 4,
    unit: "",
    figure: (of) => beside(of("process start")),
  },
  {
    what: "memory of a process beyond python3's",
    bound: "≤",
    must: 8,
    aim: 5,
    unit: "MiB",
    figure: (of) => ours(of("process memory")) - median(of("process memory")?.floor ?? []),
  },
];

export interface Verdict {
  readonly target: Target;
  readonly figure: number;
  readonly result: "aim reached" | "met" | "MISSED";
}

/** The results for all targets that were measured. */
export function verdicts(measurements: readonly Measurement[]): Verdict[] {
  const of = (name: string) => measurements.find((one) => one.name === name);
  return [...TARGETS, ...PROTOCOL_TARGETS]
    .map((target) => ({ target, figure: target.figure(of) }))
    .filter(({ figure }) => !Number.isNaN(figure))
    .map(({ target, figure }) => ({ target, figure, result: judge(target, figure) }));
}

function judge({ bound, must, aim }: Target, figure: number): Verdict["result"] {
  const within = (limit: number) => (bound === "≥" ? figure >= limit : figure <= limit);
  return within(aim) ? "aim reached" : within(must) ? "met" : "MISSED";
}
