// Events that are emitted at any moment of reloads that change every number: each arrives at its channel, or at none.
import assert from "node:assert/strict";
import type { Backend, Logger } from "../lib/index.js";
import { type Desk, DeskBackend, Rig, turn } from "./desk-backend.js";

/** Instances `a` and `b`, eight channels each, behind some others that shift every number; `q` must hear nothing. */
const shifted = (version: number) => `
[desk pad${version % 3 === 0 ? "" : version % 7}]
[desk q]
[desk a]
level = ${version}
[desk b]
[map]
q.x{1..${1 + (version % 11)}} > q.y{1..${1 + (version % 11)}}
a.s{1..8} > b.t{1..8}
`;

const valueAt = (channel: number) => channel / 16;

describe("what is emitted while numbers change", () => {
  /** Emits on all channels of `a`, by the numbers that it was told first. */
  function source(backend: DeskBackend) {
    const counts = { emitted: 0 };
    const numbers = new Map<Desk, number[]>();
    const emit = () => {
      const a = backend.desk("a");
      if (!numbers.has(a) && a.channels.length === 8) {
        numbers.set(
          a,
          a.channels.map(({ index }) => index),
        );
      }
      for (const [i, number] of (numbers.get(a) ?? []).entries()) {
        a.setup.emit(number, valueAt(i + 1));
        ++counts.emitted;
      }
    };
    return { counts, emit };
  }

  function check(backend: DeskBackend, emitted: number): void {
    const { received } = backend.desk("b");
    for (const [channel, value] of received) assert.equal(channel, `t${value * 16}`);
    assert.equal(received.length, emitted);
    for (const { setup, received: heard } of backend.desks) {
      if (setup.name !== "b") assert.deepEqual(heard, [], setup.name);
    }
  }

  it("from calls of the logger, taps, other instances and promises, arrives where it belongs, all of it", async () => {
    const backend = new DeskBackend();
    const { counts, emit } = source(backend);
    let running = false;
    const everywhere = () => {
      if (!running) return;
      emit();
      queueMicrotask(emit);
    };
    const logger: Logger = { error: everywhere, warn: everywhere, info: everywhere, debug: everywhere };
    const rig = new Rig(shifted(0), [backend.declaration()], {}, logger);
    for (const name of ["a", "b", "q", "pad", "pad1", "pad2", "pad4", "pad5"]) {
      for (const entry of ["connects", "start", "stop", "takeOver", "keep"])
        backend.at(`${name} ${entry}`, () => void everywhere());
      backend.at(`${name} change`, () => {
        everywhere();
        return undefined;
      });
    }
    let tapped = 0;
    // Collected: what a tap throws is only logged.
    const misplaced: unknown[] = [];
    await rig.router.start();
    running = true;
    const end = rig.router.tap((events) => {
      for (const { instance, channel, value } of events) {
        ++tapped;
        if (instance !== "a" || channel !== `s${value * 16}`) misplaced.push([instance, channel, value]);
      }
      if (tapped % 64 === 0) everywhere();
    });
    for (let version = 1; version <= 150; ++version) await rig.reload(shifted(version));
    running = false;
    end();
    for (let i = 0; i < 3; ++i) await turn();
    assert.ok(counts.emitted > 10_000, `${counts.emitted}`);
    assert.deepEqual([misplaced, tapped > 10_000], [[], true]);
    check(backend, counts.emitted);
  }).timeout(120_000);

  it("from timers, in thousands of interleavings, arrives where it belongs, all of it", async () => {
    const backend = new DeskBackend();
    const { counts, emit } = source(backend);
    const rig = new Rig(shifted(0), [backend.declaration()]);
    await rig.router.start();
    let running = true;
    const again = () => {
      if (!running) return;
      emit();
      setImmediate(again);
      if (counts.emitted % 3 === 0) setTimeout(emit, 0);
      if (counts.emitted % 5 === 0) process.nextTick(emit);
    };
    again();
    for (let version = 1; version <= 1000; ++version) {
      const wrong = version % 4 === 0 ? "a.s1 > nowhere.x\n" : "";
      await rig.reload(shifted(version) + wrong).catch((error) => assert.equal(error.code, "CONFIG"));
    }
    running = false;
    for (let i = 0; i < 10; ++i) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.ok(counts.emitted > 10_000, `${counts.emitted}`);
    check(backend, counts.emitted);
  }).timeout(120_000);

  it("by an instance that is gone comes to nothing, and is told of", async () => {
    const backend = new DeskBackend();
    const rig = new Rig("[desk gone]\n[desk d]\n[map]\ngone.x{1..8} > gone.y{1..8}\nd.x > d.y\n", [
      backend.declaration(),
    ]);
    await rig.router.start();
    const gone = backend.desk("gone");
    const emitAll = () => {
      for (let channel = 0; channel < 16; ++channel) gone.setup.emit(channel, 1);
    };
    backend.at("gone stop", () => void emitAll());
    await rig.reload("[desk d]\n[desk e]\n[map]\nd.x > d.y\ne.a{1..20} > e.b{1..20}\n");
    emitAll();
    await turn();
    assert.deepEqual(
      backend.desks.map(({ received }) => received),
      [[], [], []],
    );
    assert.equal(
      rig.log.matching(/^gone: emit\(\) was called wrongly.*from its start\(\) on, until its stop\(\)/).length,
      1,
    );
  });
});

describe("an instance that is made while events are delivered", () => {
  // Events of a socket come from outside of JavaScript: promises go on between two of their deliveries.
  const SOCKET = `
import midimonster, socket
near, far = socket.socketpair()
def read(sock): midimonster.output("out", 0.5)
def go(value): midimonster.manage(read, near); far.send(b"x")
def halt(value): midimonster.manage(None, near)
`;
  const CONFIG = "[python py]\nmodule = mod\n[map]\npy.out > d.in\nd.go > py.mod.go\nd.halt > py.mod.halt\n";

  it("in steps, each in the middle of a delivery, is there when they are over", async () => {
    const steps: (() => void)[] = [];
    const slow: Backend = {
      name: "slow",
      create: async () => {
        for (let i = 0; i < 5; ++i) await new Promise<void>((resolve) => steps.push(resolve));
        return {};
      },
    };
    const backend = new DeskBackend();
    const rig = new Rig(`[desk d]\n${CONFIG}`, [backend.declaration(), slow], { "mod.py": SOCKET });
    await rig.router.start();
    const desk = backend.desk("d");
    backend.at("d handle", () => {
      for (const step of steps.splice(0)) step();
    });
    desk.emit("go", 1);
    const others = Array.from({ length: 40 }, (_, i) => `[slow s${i}]\n[loopback l${i}]\n`).join("");
    const { added } = await rig.reload(`${others}[desk d]\n${CONFIG}py.out > s39.in\n`);
    assert.equal(added.length, 80);
    await desk.until(desk.received.length + 10);
    assert.ok(desk.received.every(([channel, value]) => channel === "in" && value === 0.5));
    assert.deepEqual(
      rig.log.entries.filter(({ level }) => level === "error"),
      [],
    );
  });

  it("by a reload that a delivery asks for is there, too", async () => {
    const backend = new DeskBackend();
    const rig = new Rig(`[desk d]\n${CONFIG}`, [backend.declaration()], { "mod.py": SOCKET });
    await rig.router.start();
    const desk = backend.desk("d");
    const reloads: Promise<unknown>[] = [];
    const enough = new Promise<void>((resolve) => {
      backend.at("d handle", () => {
        if (reloads.length === 20) return resolve();
        // Several at a time become one.
        reloads.push(rig.reload(`[loopback l${reloads.length}]\n[desk d]\n${CONFIG}`));
      });
    });
    desk.emit("go", 1);
    await enough;
    await Promise.all(reloads);
    desk.emit("halt", 1);
    assert.deepEqual(
      rig.router.describe().instances.map(({ name }) => name),
      ["l19", "d", "py"],
    );
    assert.ok(desk.received.every(([channel, value]) => channel === "in" && value === 0.5));
  });

  it("from connect(), on channels that it is just learning of, is reported and not sent", async () => {
    const backend = new DeskBackend();
    const config = (names: string) => `[desk a]\n[desk b]\n[map]\na.{${names}} > b.{${names}}\n`;
    const rig = new Rig(config("s,t"), [backend.declaration()]);
    await rig.router.start();
    backend.at("a connects", () => {
      for (let i = 0; i < 20_000; ++i) backend.desk("a").setup.emit(2, 1);
      backend.desk("a").setup.emit(0, 0.5);
    });
    await rig.reload(config("s,t,u"));
    await turn();
    assert.deepEqual(backend.desk("b").received, [["s", 0.5]]);
    await rig.log.seen(/a: emit\(\) was called wrongly.*there is no channel number 2/);
  });
});
