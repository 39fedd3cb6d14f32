// Events through an instance's process: each arrives, in order.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type Backend, Router, silentLogger } from "../lib/index.js";
import { folderWith } from "./helpers.js";
import { ownProcess } from "./own-process.js";
import { start } from "./session.js";
import { Waiting } from "./waiting.js";

/** Values are numbers of events, in so many steps. */
const STEPS = 2 ** 20;

/** Emits numbered events, and checks that they come back one after the other. */
class Counter implements Backend {
  readonly name = "counter";
  received = 0;
  wrong: string | undefined;
  emit: (number: number) => void = () => {};
  readonly #waiting = new Waiting();

  create: Backend["create"] = (context) => {
    let output = -1;
    return {
      channel: (_, index, use) => {
        if (use === "output") output = index;
        this.emit = (number) => context.emit(output, (number % STEPS) / STEPS);
      },
      handle: ({ length, values }) => {
        for (let i = 0; i < length; ++i) this.#take((values[i] ?? Number.NaN) * STEPS);
        this.#waiting.changed();
      },
    };
  };

  #take(number: number): void {
    if (number !== this.received % STEPS) this.wrong ??= `${number} came in place of ${this.received % STEPS}`;
    ++this.received;
  }

  /** Resolves once so many have come, or one that should not have. */
  until(count: number): Promise<true> {
    return this.#waiting.until(() => this.received >= count || this.wrong !== undefined || undefined);
  }
}

describe("events through the process of an instance", () => {
  // The ring takes 8192: most of these go across its end, and some do not fit.
  const ROUNDS = [1, 7, 8191, 8192, 8193, 20_000, 300, 5000];

  it("come back in order, each of a million, whatever the ring has room for", async () => {
    const files = {
      "mod.py": 'import midimonster\ndef go(value): midimonster.output("out", value)\n',
    };
    const counter = new Counter();
    const router = new Router({ folder: folderWith(files), logger: silentLogger, backends: [counter] });
    router.instance("python", "py", { "own-process": "on", module: "mod" }).instance("counter", "counter");
    router.map("counter.go > py.mod.go").map("py.out > counter.out");
    try {
      await router.start();
      let emitted = 0;
      for (let i = 0; emitted < 1_000_000; ++i) {
        const end = emitted + (ROUNDS[i % ROUNDS.length] ?? 1);
        while (emitted < end) counter.emit(emitted++);
        await setImmediate();
        // Not all of them in queues.
        if (emitted - counter.received > 100_000) await counter.until(emitted - 50_000);
      }
      await counter.until(emitted);
      assert.equal(counter.wrong, undefined);
      assert.equal(counter.received, emitted);
    } finally {
      await router.stop();
    }
  });

  it("call a batch's handler once for each round, also for those across the ring's end", async () => {
    const session = await start(ownProcess("[map]\nprobe.in{1..100} > py.in{1..100}\npy.out > probe.out\n"), {
      "mod.py": `
def frame(batch): midimonster.output("out", len(batch.changed()) / 128)
batch = midimonster.batch(["in%d" % number for number in range(1, 101)], frame)
`,
    });
    const rounds = 250; // three times round
    for (let round = 1; round <= rounds; ++round) {
      for (let i = 1; i <= 100; ++i) session.probe.emit(`in${i}`, round / rounds);
      await session.probe.until("out", round);
    }
    assert.deepEqual(session.probe.values("out"), new Array(rounds).fill(100 / 128));
  });
});
