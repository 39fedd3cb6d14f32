// Brokers that can't even be tried to reach: the system says so within the call that connects, sooner than a promise could.
import assert from "node:assert/strict";
import { Socket } from "node:net";
import { start } from "./session.js";

describe("an mqtt broker that the system refuses to connect to", () => {
  const { setTimeout } = globalThis;
  const { connect } = Socket.prototype;
  afterEach(() => {
    globalThis.setTimeout = setTimeout;
    Socket.prototype.connect = connect;
  });

  for (const host of ["mqtt://255.255.255.255", "mqtts://255.255.255.255"]) {
    it(`is told of once and tried again: ${host}`, async () => {
      const short = (callback: () => void, delay: number) => setTimeout(callback, Math.min(delay, 5));
      globalThis.setTimeout = short as typeof globalThis.setTimeout; // between attempts
      let enough = () => {};
      const attempts = new Promise<void>((resolve) => {
        enough = resolve;
      });
      let count = 0;
      Socket.prototype.connect = function (this: Socket, ...given: unknown[]) {
        if (++count === 4) enough();
        return Reflect.apply(connect, this, given);
      } as typeof connect;
      const session = await start(`[mqtt m]\nhost = ${host}\n[map]\nm.in > probe.in\n`);
      await attempts;
      await session.router.stop();
      assert.equal(session.log.matching(/^m: no connection to .*\(ENETUNREACH\); trying again$/).length, 1);
    });
  }
});
