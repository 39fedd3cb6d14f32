// Filters in a running router: their timer, reloads, loops, and what is told of them.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import type { ProbeInstance } from "./probe-backend.js";
import { ask, start } from "./session.js";

const PY = "[python py]\nmodule = mod\n";
const MODULE = `
def ask(value):
    midimonster.output("done", value)
def set(value):
    midimonster.output("state", value)
`;
const ASKING = "probe.ask > py.mod.ask\npy.done > probe.done\n";

function mapped(...lines: readonly string[]): string {
  return `${PY}[loopback bus]\n[map]\n${ASKING}${lines.join("\n")}\n`;
}

async function running(...lines: readonly string[]) {
  return await start(mapped(...lines), { "mod.py": MODULE });
}

/** All values of a channel, once the last one is `value`: how many there are depends on the machine. */
async function untilValue(probe: ProbeInstance, channel: string, value: number): Promise<number[]> {
  for (;;) {
    const values = probe.values(channel);
    if (values.at(-1) === value) return values;
    await probe.until(channel, values.length + 1);
  }
}

describe("filters in a running router", () => {
  it("change values from and to Python, TypeScript and loopbacks", async () => {
    const { probe } = await running(
      "probe.a > range(.1, .9) > bus.a",
      "bus.a > invert > probe.b",
      "probe.c <> range(.5, 1) <> bus.c",
      "bus.c > probe.d",
    );
    probe.emit("a", 1);
    probe.emit("c", 0.5);
    assert.deepEqual(await probe.until("b"), [1 - 0.9]);
    assert.deepEqual(await probe.until("d"), [0.75]);
    assert.deepEqual(await probe.until("c"), [0.5], "the way back");
  });

  it("apply to values that modules output while they load", async () => {
    const session = await start(`${PY}[map]\npy.early > invert > probe.early\n`, {
      "mod.py": 'midimonster.output("early", 0.25)\n',
    });
    assert.deepEqual(await session.probe.until("early"), [0.75]);
  });

  it("toggle what the target itself has output", async () => {
    const config = `${PY}default-handler = mod.got\n[map]\n${ASKING}probe.button > toggle > py.state\nprobe.set > py.mod.set\npy.got > probe.got\n`;
    const session = await start(config, {
      "mod.py": `${MODULE}def got(value):\n    midimonster.output("got", value)\n`,
    });
    const { probe } = session;
    const press = (channel: string) => {
      probe.emit(channel, 1);
      probe.emit(channel, 0);
    };
    press("button");
    assert.deepEqual(await probe.until("got", 1), [1]);
    press("button");
    assert.deepEqual(await probe.until("got", 2), [1, 0]);
    probe.emit("set", 1);
    await ask(session);
    press("button");
    assert.deepEqual(await probe.until("got", 3), [1, 0, 0], "it was on already");
  });

  it("delay by their time, in order, also what threads output", async () => {
    const session = await start(`${PY}[map]\npy.late > delay(60) > probe.late\nprobe.go > py.mod.go\n`, {
      "mod.py": `
import threading, time
def work():
    time.sleep(0.15)
    midimonster.output("late", 0.25)
    midimonster.output("late", 0.5)
def go(value):
    threading.Thread(target=work).start()
`,
    });
    const { probe } = session;
    const began = performance.now();
    probe.emit("go", 1);
    const values = await probe.until("late", 2);
    assert.deepEqual(values, [0.25, 0.5]);
    assert.ok(performance.now() - began >= 205, "the thread's time counts from when it outputs");
  });

  it("end a fade at its time, exactly, and are at rest then", async () => {
    const { probe } = await running("probe.a > fade(110) > probe.b");
    probe.emit("a", 0);
    await probe.until("b");
    await setImmediate();
    // By the core's time, which is that at which an iteration of the loop began.
    const began = probe.context.now();
    probe.emit("a", 1);
    const values = await untilValue(probe, "b", 1);
    assert.ok(probe.context.now() - began >= 109, "not early");
    assert.ok(values.length <= 6, "0; at most four steps of 25 ms; the end");
  });

  it("go on over a reload that leaves their line alone, and deliver what waits where it does not", async () => {
    const lines = ["probe.a > fade(400) > probe.b", "probe.c > delay(30s) > probe.d", "probe.e > delay(30s) > probe.f"];
    const session = await running(...lines, "probe.g > fade(30s) > probe.h");
    const { probe, router } = session;
    for (const channel of ["a", "g"]) probe.emit(channel, 0);
    for (const channel of ["a", "c", "e", "g"]) probe.emit(channel, 1);
    await probe.until("b", 2);
    session.write(
      "monster.cfg",
      mapped("probe.z > probe.y", lines[0] ?? "", "probe.c > probe.d", "probe.g > invert > probe.h"),
    );
    await router.reload();
    assert.deepEqual(await probe.until("d"), [1], "its delay is gone");
    assert.equal((await probe.until("h", 2)).at(-1), 1, "the fade's goal, by the filters that it had");
    const steps = await untilValue(probe, "b", 1);
    for (const [i, value] of steps.entries()) if (i > 0) assert.ok(value > (steps[i - 1] ?? 0), steps.join(" "));
    assert.deepEqual(probe.values("f"), [], "its mapping is gone");
  });

  it("keep everything if a reload fails", async () => {
    const session = await running("probe.a > fade(200) > probe.b");
    const { probe, router } = session;
    probe.emit("a", 0);
    probe.emit("a", 1);
    await probe.until("b", 2);
    session.write("monster.cfg", mapped("probe.a > fade(2) > probe.b"));
    await assert.rejects(router.reload(), /'fade': 2 is out of range/);
    await untilValue(probe, "b", 1);
  });

  it("name themselves in a feedback loop", async () => {
    const session = await running("probe.go > bus.x", "bus.x > invert > bus.y", "bus.y > bus.x");
    session.probe.emit("go", 1);
    await session.log.seen(
      /feedback loop: (bus\.x -> \(invert\) -> bus\.y -> bus\.x|bus\.y -> bus\.x -> \(invert\) -> bus\.y);/,
    );
    await session.router.stop();
  });

  it("end a loop, or let it rest", async () => {
    const session = await running(
      "probe.go > bus.{x,y}",
      "bus.x > dedup > bus.x",
      "bus.y > delay(10) > invert > bus.y",
      "bus.{x,y} > probe.{x,y}",
    );
    session.probe.emit("go", 1);
    assert.deepEqual((await session.probe.until("y", 6)).slice(0, 6), [1, 0, 1, 0, 1, 0]);
    assert.deepEqual(session.probe.values("x"), [1, 1], "dedup passes the first, and no more");
    assert.deepEqual(session.log.matching(/feedback/), []);
  });

  it("do not keep a router from stopping", async () => {
    const { probe, router } = await running("probe.a > delay(3600s) > probe.b", "probe.a > fade(3600s) > probe.c");
    probe.emit("a", 1);
    probe.emit("a", 0);
    await router.stop();
    assert.deepEqual(probe.values("b"), []);
  });

  it("warn of what rarely does what was meant", async () => {
    const session = await running(
      "probe.a > invert > bus.a",
      "probe.a > bus.a",
      "probe.{b,c} > fade(100) > bus.f",
      "probe.d > delay(100) > bus.f",
      "probe.e > toggle > rate > bus.g",
    );
    const warnings = session.log.entries
      .filter(({ level }) => level === "warn")
      .map(({ message }) => message.split("\n", 1)[0]);
    assert.deepEqual(
      warnings.map((message) => message?.replace(/^.*?: warning: /, "")),
      [
        "'probe.a' is mapped to 'bus.a' more than once, with different filters: each delivers",
        "'bus.f' has several sources whose filters take time; they will compete",
        "'rate' after 'toggle' drops presses that follow each other quickly",
      ],
    );
  });

  it("glide together: all pairs in one turn", async () => {
    const { probe } = await running("probe.a{1..3000} > fade(75) > probe.b{1..3000}");
    for (const value of [0, 1]) for (let i = 1; i <= 3000; ++i) probe.emit(`a${i}`, value);
    await untilValue(probe, "b3000", 1);
    assert.equal(probe.batches.at(-1), 3000);
  });
});
