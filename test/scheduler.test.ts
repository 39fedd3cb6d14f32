import assert from "node:assert/strict";
import { Scheduler } from "../lib/engine/scheduler.js";

/** A clock that moves when told, in place of setTimeout: the scheduler's arithmetic without waiting. */
class FakeTime {
  now = 1000;
  calls: string[] = [];
  #timer: { at: number; callback: () => void } | undefined;
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  /** How long each call of intervals keeps the core busy. */
  busy = 0;
  fails = false;

  install(): void {
    globalThis.setTimeout = ((callback: () => void, delay: number) => {
      this.#timer = { at: this.now + delay, callback };
      return this.#timer;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = (() => {
      this.#timer = undefined;
    }) as typeof clearTimeout;
  }

  restore(): void {
    Object.assign(globalThis, this.#real);
  }

  /** Lets time pass until `until`, firing the timer when it is due, `late` ms late. */
  pass(until: number, late = 0): void {
    while (this.#timer !== undefined && this.#timer.at <= until) {
      const { at, callback } = this.#timer;
      this.#timer = undefined;
      this.now = Math.max(this.now, at + late);
      callback();
    }
    this.now = Math.max(this.now, until);
  }

  host = {
    now: () => this.now,
    run: (pairs: Uint32Array, count: number) => {
      for (let i = 0; i < count; ++i) this.calls.push(`${pairs[2 * i + 1]}@${this.now - 1000}`);
      this.now += this.busy;
      if (this.fails) throw new Error(`fails at ${this.now - 1000}`);
    },
    failed: (error: unknown) => {
      this.calls.push(String(error));
    },
  };
}

describe("interval scheduler", () => {
  let time: FakeTime;
  let scheduler: Scheduler;
  beforeEach(() => {
    time = new FakeTime();
    time.install();
    scheduler = new Scheduler(time.host);
  });
  afterEach(() => {
    scheduler.stop();
    time.restore();
  });

  it("calls at start + n * period", () => {
    scheduler.set([0, 1, 100, 900]);
    scheduler.start();
    time.pass(1350);
    assert.deepEqual(time.calls, ["1@100", "1@200", "1@300"]);
  });

  it("does not drift when every call is late", () => {
    scheduler.set([0, 1, 10, 1000]);
    scheduler.start();
    time.pass(1000 + 36_000_000, 3);
    assert.equal(time.calls.length, 3_600_000);
    assert.equal(time.calls.at(-1), "1@36000003");
  });

  it("skips what was missed while the core was busy, and keeps the phase", () => {
    scheduler.set([0, 1, 10, 1000]);
    scheduler.start();
    time.pass(1010);
    time.now = 1057;
    time.pass(1080);
    assert.deepEqual(time.calls, ["1@10", "1@57", "1@60", "1@70", "1@80"]);
  });

  it("never fires a burst when calls take longer than their period", () => {
    scheduler.set([0, 1, 10, 1000]);
    scheduler.start();
    time.busy = 25;
    time.pass(1100);
    assert.deepEqual(time.calls, ["1@10", "1@36", "1@62", "1@88"]);
  });

  it("calls those that are due together in order of registration", () => {
    scheduler.set([1, 7, 20, 1000]);
    scheduler.set([0, 3, 10, 1000]);
    scheduler.set([2, 5, 20, 1000]);
    scheduler.start();
    time.pass(1020);
    assert.deepEqual(time.calls, ["3@10", "7@20", "3@20", "5@20"]);
  });

  it("keeps the phase when the same period is set again", () => {
    scheduler.start();
    scheduler.set([0, 1, 100, 1000]);
    time.pass(1130);
    scheduler.set([0, 1, 100, 1130]);
    time.pass(1300);
    assert.deepEqual(time.calls, ["1@100", "1@200", "1@300"]);
  });

  it("counts a new period from the last call", () => {
    scheduler.start();
    scheduler.set([0, 1, 100, 1000]);
    time.pass(1210);
    scheduler.set([0, 1, 30, 1210]);
    time.pass(1270);
    assert.deepEqual(time.calls, ["1@100", "1@200", "1@230", "1@260"]);
  });

  it("stops calling what is cancelled", () => {
    scheduler.start();
    scheduler.set([0, 1, 10, 1000]);
    time.pass(1025);
    scheduler.set([0, 1, 0, 1025]);
    time.pass(1100);
    assert.deepEqual(time.calls, ["1@10", "1@20"]);
  });

  it("goes on when its calls fail", () => {
    scheduler.start();
    scheduler.set([0, 1, 10, 1000]);
    time.fails = true;
    time.pass(1010);
    time.fails = false;
    time.pass(1020);
    assert.deepEqual(time.calls, ["1@10", "Error: fails at 10", "1@20"]);
  });

  it("takes many at once, and looks only once for the earliest", () => {
    let looks = 0;
    const counting = new Scheduler({
      now: () => {
        ++looks;
        return time.now;
      },
      run: time.host.run,
      failed: time.host.failed,
    });
    counting.start();
    looks = 0;
    counting.set(Float64Array.from(Array.from({ length: 1000 }, (_, i) => [0, i, 10 * (i + 1), 1000]).flat()));
    assert.ok(looks <= 1, `${looks}`);
    counting.set(Float64Array.of(0, 1, 0, 1000, 0, 2, 0, 1000));
    time.pass(1040);
    counting.stop();
    assert.deepEqual(time.calls, ["0@10", "0@20", "0@30", "0@40", "3@40"]);
  });

  it("waits for periods longer than a timer can", () => {
    scheduler.start();
    scheduler.set([0, 1, 5_000_000_000, 1000]);
    time.pass(1000 + 9_999_999_999);
    assert.deepEqual(time.calls, ["1@5000000000"]);
  });
});
