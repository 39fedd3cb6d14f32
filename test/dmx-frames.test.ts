// Parts that artnet and sacn have in common, without a network: codes of values, and when frames are sent.
import assert from "node:assert/strict";
import { type FrameClock, FrameLimiter } from "../lib/backends/shared/frame-limiter.js";
import { SlotMap } from "../lib/backends/shared/slot-map.js";
import { meaningOf } from "../lib/backends/shared/slots.js";
import { fc } from "./properties.js";

/** A clock that a test sets. */
class TestClock implements FrameClock {
  time = 0;
  #alarm: { readonly at: number; readonly call: () => void } | undefined;

  now = () => this.time;
  wake = (at: number, call: () => void) => {
    this.#alarm = { at, call };
  };
  cancel = () => {
    this.#alarm = undefined;
  };

  get sleeps(): boolean {
    return this.#alarm === undefined;
  }

  /** Goes on to a time; timers are late by up to a ms, as real ones are. */
  runTo(time: number, late = 0): void {
    while (this.#alarm !== undefined && this.#alarm.at + late <= time) {
      const { at, call } = this.#alarm;
      this.#alarm = undefined;
      this.time = Math.max(this.time, at + late);
      call();
    }
    this.time = time;
  }
}

/** A stream, and the times of its frames. */
function stream(rate: number, repeats = 0, silent = true) {
  const clock = new TestClock();
  const limiter = new FrameLimiter(clock);
  const times: number[] = [];
  const made = limiter.add(
    {
      rate,
      repeats,
      send: () => {
        times.push(clock.time);
        return true;
      },
    },
    silent,
  );
  return { clock, times, made, limiter };
}

const gaps = (times: readonly number[]) => times.slice(1).map((time, i) => time - (times[i] as number));

describe("frames of a universe", () => {
  it("come at once, then at most 44 a second, the last change too", () => {
    const { clock, times, made } = stream(44);
    for (let time = 5; time < 1005; time += 1) {
      clock.runTo(time, 0.5);
      made.changed();
    }
    clock.runTo(1100);
    assert.equal(times[0], 5);
    assert.ok(gaps(times).every((gap) => gap >= 1000 / 44));
    const inSecond = times.filter((time) => time < 1005).length;
    assert.ok(inSecond >= 42 && inSecond <= 45, `${inSecond}`);
    assert.ok((times.at(-1) as number) >= 1004 && (times.at(-1) as number) < 1004 + 24);
  });

  it("come with each change if there is no limit", () => {
    const { clock, times, made } = stream(0);
    for (let time = 1; time <= 100; ++time) {
      clock.runTo(time);
      made.changed();
    }
    assert.equal(times.length, 100);
  });

  it("come again within each second, though timers are late, and as often as asked for after a change", () => {
    const { clock, times, made } = stream(44, 3);
    made.changed();
    clock.runTo(10_000, 1);
    assert.ok(gaps(times.slice(0, 4)).every((gap) => gap >= 1000 / 44 && gap < 26));
    const refreshes = gaps(times.slice(3));
    assert.ok(refreshes.length >= 10);
    assert.ok(refreshes.every((gap) => gap >= 800 && gap <= 1000));
  });

  it("of many universes are refreshed at different times", () => {
    const clock = new TestClock();
    const limiter = new FrameLimiter(clock);
    const times: number[] = [];
    for (let i = 0; i < 64; ++i) {
      limiter.add({ rate: 44, send: () => times.push(clock.time) > 0 }, false);
    }
    clock.runTo(1000);
    const refreshes = times.filter((time) => time > 0);
    assert.equal(refreshes.length, 64);
    assert.equal(new Set(refreshes).size, 64);
  });

  it("that could not be sent are tried again", () => {
    const clock = new TestClock();
    const limiter = new FrameLimiter(clock);
    const attempts: number[] = [];
    const made = limiter.add({ rate: 44, send: () => attempts.push(clock.time) > 2 }, true);
    made.changed();
    clock.runTo(100);
    assert.equal(attempts.length, 3);
  });

  it("end with their universe", () => {
    const { clock, times, made } = stream(44, 0, false);
    made.end();
    made.changed();
    clock.runTo(5000);
    assert.deepEqual(times, [0]);
    assert.ok(clock.sleeps);
  });
});

describe("values of slots and pairs", () => {
  const map = new SlotMap();
  map.connect(
    [
      { index: 0, name: "1", use: "input", meaning: meaningOf(0) },
      { index: 1, name: "3+2", use: "input", meaning: meaningOf(2, 1) },
    ],
    [],
  );
  const write = (channel: number, value: number) => {
    const levels = new Uint8Array(512);
    map.write({ length: 1, channels: Uint32Array.of(channel), values: Float64Array.of(value) }, levels);
    return channel === 0 ? (levels[0] as number) : (levels[2] as number) * 256 + (levels[1] as number);
  };

  for (const [channel, steps] of [
    [0, 255],
    [1, 65535],
  ] as const) {
    it(`of ${steps + 1} steps come back as they were, from a double, a float and six decimals`, () => {
      for (let code = 0; code <= steps; ++code) {
        const value = code / steps;
        for (const each of [value, Math.fround(value), Number(value.toFixed(6))]) {
          assert.equal(write(channel, Math.min(1, each)), code);
        }
      }
    });
  }

  it("are truncated, as in MIDIMonster", () => {
    assert.deepEqual([write(0, 0.5), write(0, 0.999), write(1, 0.5)], [127, 254, 32767]);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (value) => {
        const [code, truncated] = [write(0, value), Math.trunc(value * 255)];
        assert.ok(code === truncated || (code === truncated + 1 && code - value * 255 < 2e-4));
      }),
    );
  });
});
