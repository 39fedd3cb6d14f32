// Clients of a page that are slow: what waits for them, and for how long.
import assert from "node:assert/strict";
import { afterEach } from "mocha";
import { ending, endTargets, raw, Target } from "./web-target.js";

describe("the server of a page", () => {
  afterEach(endTargets);

  it("leaves out a client that does not read, then closes it", async function () {
    this.timeout(30_000);
    const target = await Target.open();
    const stalled = target.peer();
    const reader = target.peer();
    await Promise.all([stalled.until("hello"), reader.until("hello")]);
    stalled.socket.pause();
    const [first] = [...target.clients].sort((a, b) => a.id - b.id);
    const text = JSON.stringify({ type: "values", v: Array(5000).fill(0.5) });
    let sent = 0;
    while (first?.lags === false && sent < 10_000) {
      first.send(text);
      if (++sent % 20 === 0) await new Promise(setImmediate);
    }
    assert.equal(first?.lags, true);
    // Nothing waits for it: the other one is served.
    await reader.settles();
    await target.waiting.until(() => (target.clients.size === 1 ? true : undefined));
    assert.equal(target.site.counters.dropped, 1);
    await reader.settles();
  });
  it("closes a connection that takes long for its head", async function () {
    this.timeout(30_000);
    const target = await Target.open();
    const socket = raw(target.port);
    socket.write("GET /api HTTP/1.1\r\n");
    assert.match(await ending(socket), /^HTTP\/1\.1 408 /);
  });
});
