// Clients of a page that are slow: what waits for them, and for how long.
import assert from "node:assert/strict";
import { type Channel, channel } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterEach } from "mocha";
import { ask } from "./web-peer.js";
import { ending, endTargets, raw, Target } from "./web-target.js";

describe("the server of a page", () => {
  afterEach(endTargets);

  it("leaves out a client that does not read, then closes it", async () => {
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

  it("closes a connection that asks and does not read", async () => {
    const target = await Target.open();
    const body = "x".repeat(1_000_000);
    target.site.route("/big", { GET: { needs: "view", handle: () => ({ status: 200, body }) } });
    const accepted = once(channel("net.server.socket"));
    const socket = raw(target.port);
    socket.pause();
    socket.write("GET /big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(50));
    const { socket: other } = (await accepted) as { socket: Socket };
    await new Promise((resolve) => other.once("close", resolve));
    assert.equal((await ask(`${target.url}/api`)).status, 200);
  });

  it("closes a connection that takes long for its head", async () => {
    const target = await Target.open();
    const socket = raw(target.port);
    socket.write("GET /api HTTP/1.1\r\n");
    assert.match(await ending(socket), /^HTTP\/1\.1 408 /);
  });
});

/** The next message of a channel of Node's. */
function once(from: Channel): Promise<unknown> {
  return new Promise((resolve) => {
    const take = (message: unknown) => {
      from.unsubscribe(take);
      resolve(message);
    };
    from.subscribe(take);
  });
}
