// JavaScript that is called by the core and does to it whatever it likes.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { binding, type Core, type CoreCallbacks } from "../lib/binding.js";
import { type Backend, Router, silentLogger } from "../lib/index.js";
import { folderWith } from "./helpers.js";
import { ProbeBackend } from "./probe-backend.js";

interface Bare {
  readonly core: Core;
  emit(...channels: number[]): void;
  stop(): Promise<void>;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What callbacks emit may arrive in a later turn of the loop: when the slice of time is used up, which a busy machine can bring about. */
async function arrive(list: readonly unknown[], count: number): Promise<void> {
  while (list.length < count) await turn();
  await turn(); // for what must not come
}

/** A core of JavaScript instances, and what is emitted on channel n of the first arrives on channel n of the second. */
function bareCore(callbacks: Partial<CoreCallbacks>, channels = 2): Bare {
  const outbox = { instances: new Uint32Array(8), channels: new Uint32Array(8), values: new Float64Array(8) };
  const nothing = () => {};
  const native = binding();
  const core = native.createCore(
    {
      deliver: nothing,
      reports: nothing,
      intervals: nothing,
      loop: nothing,
      tap: nothing,
      tasksEnded: nothing,
      ...callbacks,
    },
    outbox,
  );
  native.addJavascript(core);
  native.addJavascript(core);
  const offsets = Uint32Array.from({ length: 2 * channels + 1 }, (_, i) => Math.min(i, channels));
  const targets = Uint32Array.from({ length: channels }, (_, i) => channels + i);
  native.connect(core, Uint32Array.of(0, channels), offsets, targets);
  native.run(core);
  return {
    core,
    emit: (...sources) => {
      outbox.instances.set(sources.map((source) => Math.floor(source / channels)));
      outbox.channels.set(sources.map((source) => source % channels));
      outbox.values.fill(0.5);
      native.emit(core, sources.length);
    },
    stop: () => new Promise((resolve) => native.stop(core, resolve)),
  };
}

describe("a callback of the core", () => {
  it("may add instances, and events in flight arrive", async () => {
    const native = binding();
    const received: number[] = [];
    const bare = bareCore({
      deliver: (_, channels, __, count) => {
        received.push(...channels.subarray(0, count));
        for (let i = 0; i < 500 && received.length < 100; ++i) native.addLoopback(bare.core);
        if (received.length < 100) bare.emit(0, 1, 0);
      },
    });
    bare.emit(1, 0);
    while (received.length < 100) await turn();
    assert.deepEqual(received.slice(0, 8), [1, 0, 0, 1, 0, 0, 1, 0]);
    await bare.stop();
  });

  it("is not called again before it has returned, however much it emits", async () => {
    let depth = 0;
    let deepest = 0;
    let events = 0;
    const bare = bareCore({
      deliver: (_, __, ___, count) => {
        deepest = Math.max(deepest, ++depth);
        events += count;
        for (let i = 0; i < 4 && events < 20_000; ++i) bare.emit(0, 1, 0, 1, 0, 1, 0, 1);
        --depth;
      },
      tap: (_, __, count) => {
        deepest = Math.max(deepest, ++depth);
        if (count > 0 && events < 20_000) bare.emit(0);
        --depth;
      },
    });
    binding().tap(bare.core, true);
    bare.emit(0);
    while (events < 20_000) await turn();
    assert.equal(deepest, 1);
    await bare.stop();
  });

  it("that emits all the time lets the loop turn, mapped or not", async () => {
    let taps = 0;
    const bare = bareCore({
      tap: () => {
        ++taps;
        bare.emit(3); // of the second instance, which is mapped nowhere
      },
    });
    binding().tap(bare.core, true);
    bare.emit(3);
    for (let i = 0; i < 3; ++i) await turn();
    assert.ok(taps > 0);
    await bare.stop();
  });

  it("may stop the core", async () => {
    const stopped = await new Promise<string>((resolve) => {
      let deliveries = 0;
      const bare = bareCore({
        deliver: () => {
          ++deliveries;
          bare.emit(0);
          binding().stop(bare.core, () => resolve(`stopped after ${deliveries}`));
        },
      });
      bare.emit(0);
    });
    assert.equal(stopped, "stopped after 1");
  });

  it("may stop the core, and no other instance gets anything afterwards", async () => {
    const native = binding();
    const told: number[] = [];
    const bare = bareCore({
      deliver: (instance) => {
        told.push(instance);
        native.stop(bare.core, () => told.push(-1));
      },
    });
    native.addJavascript(bare.core);
    native.connect(bare.core, Uint32Array.of(0, 2, 4), Uint32Array.of(0, 2, 2, 2, 2, 2), Uint32Array.of(2, 4));
    bare.emit(0);
    while (!told.includes(-1)) await turn();
    assert.deepEqual(told, [1, -1]);
  });

  it("may take an instance away whose events are on their way: they do not arrive", async () => {
    const native = binding();
    const told: number[] = [];
    const bare = bareCore({
      deliver: (instance) => {
        told.push(instance);
        if (told.length > 1) return;
        native.connect(bare.core, Uint32Array.of(0, 2, 4), Uint32Array.of(0, 1, 1, 1, 1), Uint32Array.of(2));
        native.retire(bare.core, Uint32Array.of(2));
      },
    });
    native.addJavascript(bare.core);
    native.connect(bare.core, Uint32Array.of(0, 2, 4), Uint32Array.of(0, 2, 2, 2, 2, 2), Uint32Array.of(2, 4));
    bare.emit(0);
    bare.emit(0);
    await arrive(told, 2);
    assert.deepEqual(told, [1, 1]);
    await bare.stop();
  });

  it("may install a mapping: what was emitted before takes the old way", async () => {
    const received: [instance: number, channel: number][] = [];
    const bare = bareCore({
      deliver: (instance, channels, _, count) => {
        for (const channel of channels.subarray(0, count)) received.push([instance, channel]);
        if (received.length > 1) return;
        bare.emit(1);
        // The first instance has one channel more, so that all others have other numbers.
        binding().connect(bare.core, Uint32Array.of(0, 3), Uint32Array.of(0, 0, 1, 1, 1, 1), Uint32Array.of(3));
        bare.emit(1);
      },
    });
    bare.emit(0);
    await arrive(received, 3);
    assert.deepEqual(received, [
      [1, 0],
      [1, 1],
      [1, 0],
    ]);
    await bare.stop();
  });

  it("that takes its time leaves the loop idle once nothing is left", async () => {
    let taps = 0;
    const bare = bareCore({
      tap: () => {
        const end = Date.now() + 3; // longer than a slice
        while (Date.now() < end);
        if (++taps < 5) bare.emit(3); // mapped nowhere
      },
    });
    binding().tap(bare.core, true);
    bare.emit(3);
    while (taps < 5) await turn();
    // The loop waits for the timer, unless something else keeps it turning: then it never does.
    for (let utilization = 1; utilization >= 0.9; ) {
      const before = performance.eventLoopUtilization();
      await new Promise((resolve) => setTimeout(resolve, 50));
      utilization = performance.eventLoopUtilization(before).utilization;
    }
    await bare.stop();
  });

  it("may hold the core, and what it has emitted waits", async () => {
    const received: number[] = [];
    const bare = bareCore({
      deliver: (_, channels, __, count) => {
        received.push(...channels.subarray(0, count));
        if (received.length > 1) return;
        bare.emit(1);
        binding().hold(bare.core, true);
      },
    });
    bare.emit(0);
    await turn();
    assert.deepEqual(received, [0]);
    binding().hold(bare.core, false);
    await arrive(received, 2);
    assert.deepEqual(received, [0, 1]);
    await bare.stop();
  });
});

describe("handle()", () => {
  it("may take its time: Python threads go on meanwhile", async () => {
    const folder = folderWith({
      "mod.py": `
import midimonster, threading
go = threading.Event()
def write():
    go.wait()
    open("written", "w").close()
threading.Thread(target=write).start()
def on(value):
    go.set()
    midimonster.output("out", value)
`,
    });
    const written = path.join(folder, "written");
    let seen: boolean | undefined;
    const waiting: Backend = {
      name: "waiting",
      create: () => ({
        handle: () => {
          const end = Date.now() + 20_000;
          while (!existsSync(written) && Date.now() < end);
          seen = existsSync(written);
        },
      }),
    };
    const before = process.cwd();
    process.chdir(folder);
    const probing = new ProbeBackend();
    const router = new Router({ folder, logger: silentLogger, backends: [waiting, probing] });
    router.instance("waiting", "w").instance("python", "py", { module: "mod" }).instance("probe", "probe");
    router.map("probe.go > py.mod.on").map("py.out > w.x");
    try {
      await router.start();
      probing.instances.get("probe")?.emit("go", 1);
      while (seen === undefined) await turn();
      assert.equal(seen, true);
    } finally {
      process.chdir(before);
      await router.stop();
    }
  });

  const kinds: [how: string, again: (emit: () => void) => void][] = [
    ["at once", (emit) => emit()],
    ["in a promise", (emit) => void Promise.resolve().then(emit)],
    ["in process.nextTick()", (emit) => process.nextTick(emit)],
  ];
  for (const [how, again] of kinds) {
    it(`that goes round through Python and other backends, emitting ${how}, keeps the order and gets all`, async () => {
      const ROUNDS = 3000;
      let done: () => void = () => {};
      const finished = new Promise<void>((resolve) => {
        done = resolve;
      });
      const received: number[] = [];
      const counting: Backend = {
        name: "counting",
        create: (context) => ({
          channel() {},
          handle: ({ length, channels, values }) => {
            for (let i = 0; i < length; ++i) {
              const [channel, value] = [channels[i] ?? 0, values[i] ?? 0];
              if (context.name === "first") received.push(channel);
              if (received.length >= 3 * ROUNDS) done();
              else again(() => context.emit(channel, value));
            }
          },
          start: () => {
            if (context.name === "first") for (let i = 0; i < 3; ++i) context.emit(i, 0.5);
          },
        }),
      };
      const folder = folderWith({
        "mod.py": `from midimonster import output
def a(value): output("a", value)
def b(value): output("b", value)
def c(value): output("c", value)
`,
      });
      const router = new Router({ folder, logger: silentLogger, backends: [counting] });
      router.instance("counting", "first").instance("counting", "second").instance("python", "py", { module: "mod" });
      router.map("first.{a,b,c} > second.{a,b,c}").map("second.{a,b,c} > py.mod.{a,b,c}");
      router.map("py.{a,b,c} > first.{a,b,c}");
      try {
        await router.start();
        await finished;
        assert.deepEqual(
          received.slice(0, 3 * ROUNDS),
          Array.from({ length: 3 * ROUNDS }, (_, i) => i % 3),
        );
      } finally {
        await router.stop();
      }
    });
  }
});
