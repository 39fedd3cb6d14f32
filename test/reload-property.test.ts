// Random sequences of configurations, good and bad, with events before, between, during and after: a model says where each
// event arrives.
import assert from "node:assert/strict";
import type { Backend } from "../lib/index.js";
import { type Desk, DeskBackend, Rig, turn } from "./desk-backend.js";
import { fc } from "./properties.js";

/** Ways from channel `c<N>` of the source to a sink, and the sink's name; none: it is not mapped. */
const WAYS = ["none", "declared", "simple", "loopback", "python"] as const;
type Way = (typeof WAYS)[number];
const CHANNELS = 4;

interface Setup {
  readonly ways: readonly Way[];
  /** Channels in front, which shift all numbers. */
  readonly padding: number;
  /** Where it changes, the instance is replaced. */
  readonly sinkVersion: number;
  readonly sourceVersion: number;
  readonly moduleVersion: number;
  readonly order: number;
}

type Step =
  | { readonly kind: "reload"; readonly setup: Setup; readonly fault: Fault; readonly during: readonly number[] }
  | { readonly kind: "emit"; readonly channels: readonly number[] };

const FAULTS = ["none", "none", "none", "mapping", "module", "refusal", "instance", "change"] as const;
type Fault = (typeof FAULTS)[number];

const setups: fc.Arbitrary<Setup> = fc.record({
  ways: fc.array(fc.constantFrom(...WAYS), { minLength: CHANNELS, maxLength: CHANNELS }),
  padding: fc.integer({ min: 1, max: 6 }),
  sinkVersion: fc.integer({ min: 0, max: 2 }),
  sourceVersion: fc.integer({ min: 0, max: 2 }),
  moduleVersion: fc.integer({ min: 0, max: 2 }),
  order: fc.integer({ min: 0, max: 5 }),
});
const channels = fc.array(fc.integer({ min: 0, max: CHANNELS - 1 }), { maxLength: 6 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("reload" as const),
    setup: setups,
    fault: fc.constantFrom(...FAULTS),
    during: channels,
  }),
  fc.record({ kind: fc.constant("emit" as const), channels }),
);

function configOf({ ways, padding, sinkVersion, sourceVersion, order }: Setup, fault: Fault): string {
  const instances = [
    `[desk pad]\nlevel = ${padding}\n`,
    "[loopback loop]\n",
    "[python py]\nmodule = mod\n",
    `[desk sink]\nfixed = ${sinkVersion}\n`,
    `[simple simple]\nversion = ${sinkVersion}\n`,
    `[desk source]\nfixed = ${sourceVersion}\n`,
  ];
  const turned = [...instances.slice(order), ...instances.slice(0, order)];
  const lines = ways.map((way, n) => {
    if (way === "none") return `source.c${n} > pad.none${n}`;
    if (way === "declared") return `source.c${n} > sink.c${n}`;
    if (way === "simple") return `source.c${n} > simple.c${n}`;
    if (way === "loopback") return `source.c${n} > loop.l${n}\nloop.l${n} > sink.c${n}`;
    return `source.c${n} > py.mod.h${n}\npy.o${n} > sink.c${n}`;
  });
  const faulty = { mapping: "source.c0 > nowhere.x\n", instance: "" }[fault as string] ?? "";
  const bad = fault === "instance" ? "[desk bad]\n" : "";
  return `${bad}${turned.join("")}[map]\npad.a{1..${padding}} > pad.b{1..${padding}}\n${lines.join("\n")}\n${faulty}`;
}

const moduleOf = (version: number, fault: Fault) =>
  `import midimonster
VERSION = ${version}
${Array.from({ length: CHANNELS }, (_, n) => `def h${n}(value): midimonster.output("o${n}", value)`).join("\n")}
${fault === "module" ? "raise RuntimeError\n" : ""}`;

const valueAt = (channel: number) => (channel + 1) / 16;

/** What a sink has received, as `sink c1 0.125`. */
class Run {
  readonly backend = new DeskBackend();
  readonly simple: string[] = [];
  readonly rig: Rig;
  setup: Setup;
  /** The instance that runs; others of its name may have come to nothing. */
  #source: Desk | undefined;

  constructor(first: Setup) {
    this.setup = first;
    const names = new Map<string, Map<number, string>>();
    const simple: Backend = {
      name: "simple",
      create: ({ name }) => {
        const own = new Map<number, string>();
        names.set(name, own);
        return {
          channel: (channel, index) => void own.set(index, channel),
          handle: ({ length, channels, values }) => {
            for (let i = 0; i < length; ++i) this.simple.push(`simple ${own.get(channels[i] ?? -1)} ${values[i]}`);
          },
        };
      },
    };
    const files = { "mod.py": moduleOf(first.moduleVersion, "none") };
    this.rig = new Rig(configOf(first, "none"), [this.backend.declaration(), simple], files);
    this.backend.at("bad instance", () => assert.fail("a bad instance"));
  }

  /** All that sinks, and what must not be one, have received since the last call. */
  take(): string[] {
    const declared = this.backend.desks.flatMap(({ setup, received }) =>
      received.splice(0).map(([channel, value]) => `${setup.name} ${channel} ${value}`),
    );
    return [...declared, ...this.simple.splice(0)];
  }

  async start(): Promise<void> {
    await this.rig.router.start();
    this.#source = this.backend.desk("source");
  }

  emit(channel: number): void {
    this.#source?.emit(`c${channel}`, valueAt(channel));
  }

  async reload(setup: Setup, fault: Fault, during: readonly number[]): Promise<void> {
    this.rig.write("mod.py", moduleOf(setup.moduleVersion, fault));
    this.backend.at("source connects", () => (fault === "refusal" ? [{ channel: 0, problem: "refused" }] : undefined));
    this.backend.at("pad change", () => {
      if (fault === "change") throw new Error("a fault");
    });
    const reloading = this.rig.reload(configOf(setup, fault));
    reloading.catch(() => {}); // it may fail before it is awaited
    for (const [i, channel] of during.entries()) {
      this.emit(channel);
      if (i % 2 === 0) await turn();
      else await null;
    }
    try {
      const { added } = await reloading;
      this.setup = setup;
      if (added.includes("source")) this.#source = this.backend.desk("source");
    } catch (error) {
      assert.equal((error as { code?: string }).code, "CONFIG", String(error));
      assert.notEqual(fault, "none", String(error));
      this.rig.write("mod.py", moduleOf(this.setup.moduleVersion, "none"));
    }
  }
}

/** Where an event of a channel arrives. */
function arrival({ ways }: Setup, channel: number): string {
  const way = ways[channel];
  const sink = way === "none" ? `pad none${channel}` : `${way === "simple" ? "simple" : "sink"} c${channel}`;
  return `${sink} ${valueAt(channel)}`;
}

async function settle(count: number, run: Run): Promise<string[]> {
  const taken: string[] = [];
  // What is too much would come in the same turns.
  for (let turns = 0; turns < 500 && (taken.length < count || turns < 3); ++turns) {
    await turn();
    taken.push(...run.take());
  }
  return taken;
}

describe("any sequence of reloads and events", () => {
  it("delivers every event where the configuration of its time says, and nowhere else", async () => {
    let reloads = 0;
    const property = fc.asyncProperty(setups, fc.array(steps, { minLength: 3, maxLength: 8 }), async (first, all) => {
      const run = new Run(first);
      try {
        await run.start();
        for (const step of all) {
          if (step.kind === "emit") {
            for (const channel of step.channels) run.emit(channel);
            const expected = step.channels.map((channel) => arrival(run.setup, channel));
            assert.deepEqual((await settle(expected.length, run)).sort(), expected.sort());
            continue;
          }
          const before = run.setup;
          await run.reload(step.setup, step.fault, step.during);
          ++reloads;
          const possible = new Set(
            step.during.flatMap((channel) => [arrival(before, channel), arrival(run.setup, channel)]),
          );
          const arrived = await settle(0, run);
          for (const event of arrived) assert.ok(possible.has(event), `${event} is none of ${[...possible]}`);
          assert.ok(arrived.length <= step.during.length, "an event came twice");
        }
      } finally {
        await run.rig.router.stop();
      }
    });
    const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
    const limits = seconds > 0 ? { numRuns: 1_000_000, interruptAfterTimeLimit: seconds * 1000 } : { numRuns: 25 };
    await fc.assert(property, { ...limits, endOnFailure: true });
    assert.ok(reloads > 0);
  });
});
