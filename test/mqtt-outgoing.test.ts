// What remains of values that an mqtt broker does not take at once.
import assert from "node:assert/strict";
import { Outgoing } from "../lib/backends/mqtt/outgoing.js";
import { RateLimit } from "../lib/backends/mqtt/rate-limit.js";
import { fc } from "./properties.js";

/** Takes so many values. */
function take(outgoing: Outgoing, count = Number.POSITIVE_INFINITY): [channel: number, value: number, late: boolean][] {
  const taken: [number, number, boolean][] = [];
  outgoing.flush(
    () => taken.length < count,
    (channel, value, late) => taken.push([channel, value, late]),
  );
  return taken;
}

describe("values on their way to an mqtt broker", () => {
  it("are sent in order, each of them, while the broker takes them", () => {
    const outgoing = new Outgoing();
    for (const value of [0.1, 0.2, 0.3]) outgoing.wait(7, value);
    outgoing.wait(3, 0.5);
    assert.deepEqual(take(outgoing, 2), [
      [7, 0.1, false],
      [7, 0.2, false],
    ]);
    outgoing.wait(7, 0.4);
    assert.deepEqual(take(outgoing), [
      [7, 0.3, false],
      [3, 0.5, false],
      [7, 0.4, false],
    ]);
    assert.ok(outgoing.empty);
  });

  it("that wait when the connection ends are the last ones, not those that were sent last", () => {
    const outgoing = new Outgoing();
    for (const value of [0.1, 0.2, 0.3]) outgoing.wait(7, value);
    take(outgoing, 1);
    outgoing.restart();
    assert.deepEqual(take(outgoing), [[7, 0.3, true]]);
  });

  it("are not sent again after a later one came from elsewhere", () => {
    const outgoing = new Outgoing();
    outgoing.sent(1, 0.1);
    outgoing.sent(2, 0.2);
    outgoing.forget(1);
    outgoing.restart();
    assert.deepEqual(take(outgoing), [[2, 0.2, true]]);
  });

  it("are only the last one of each channel if they are too many", () => {
    const outgoing = new Outgoing();
    let lost = 0;
    for (let i = 0; i < 100_000; i++) lost += outgoing.wait(i % 3, i);
    const taken = take(outgoing);
    assert.ok(taken.length < 30_000, `${taken.length}`);
    assert.equal(taken.length + lost, 100_000);
    for (const channel of [0, 1, 2]) {
      const values = taken.filter(([each]) => each === channel).map(([, value]) => value);
      assert.equal(values.at(-1), 99_999 - ((99_999 - channel) % 3));
    }
  });

  it("end with the last one of each channel, whatever happens meanwhile", () => {
    const step = fc.oneof(
      fc.tuple(fc.constant("event"), fc.nat(4)),
      fc.tuple(fc.constant("ready"), fc.nat(5)),
      fc.tuple(fc.constantFrom("connected", "lost"), fc.constant(0)),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outgoing = new Outgoing();
        const wanted = new Map<number, number>();
        let arrived = new Map<number, number>();
        let connected = false;
        let room = 0;
        const send = (channel: number, value: number) => {
          arrived.set(channel, value);
          room--;
        };
        for (const [i, [what, n]] of steps.entries()) {
          if (what === "event") {
            wanted.set(n, i);
            if (!connected) outgoing.keep(n, i);
            else if (!outgoing.empty || room <= 0) outgoing.wait(n, i);
            else {
              outgoing.sent(n, i);
              send(n, i);
            }
          } else if (what === "lost" && connected) {
            connected = false;
            // The broker knows nothing when it is there again.
            arrived = new Map();
            outgoing.restart();
          } else if (what === "connected") connected = true;
          if (what === "ready" && connected) {
            room = n;
            outgoing.flush(() => room > 0, send);
          }
        }
        outgoing.flush(() => true, send);
        assert.deepEqual(new Map([...arrived].sort()), new Map([...wanted].sort()));
      }),
      { numRuns: 500 },
    );
  });

  it("come as soon as a limit of their rate allows, each channel by itself", async () => {
    let time = 0;
    const sent: string[] = [];
    const waiting: (() => void)[] = [];
    const limit = new RateLimit(
      100,
      () => time,
      (values) => {
        sent.push(...[...values].map(([channel, value]) => `${channel}=${value} at ${time}`));
        waiting.shift()?.();
      },
    );
    const next = () => new Promise<void>((resolve) => waiting.push(resolve));
    const put = (channel: number, value: number) =>
      limit.passes(channel, value) && sent.push(`${channel}=${value} at ${time}`);
    put(1, 0.1);
    time = 5;
    put(2, 0.2);
    put(2, 0.3);
    put(1, 0.4);
    put(1, 0.5);
    put(3, 0.6);
    limit.forget(3);
    time = 10;
    await next();
    time = 15;
    await next();
    time = 40;
    put(1, 0.7);
    put(1, 0.8);
    assert.deepEqual([...limit.drain()], [[1, 0.8]]);
    const expected = ["1=0.1 at 0", "2=0.2 at 5", "3=0.6 at 5", "1=0.5 at 10", "2=0.3 at 15", "1=0.7 at 40"];
    assert.deepEqual(sent, expected);
  });
});
