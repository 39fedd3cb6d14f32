// What clients of a page do slowly, or not at all, while others use it and while it changes.
import assert from "node:assert/strict";
import { afterEach } from "mocha";
import type { LiveFrame } from "../lib/engine/live-view.js";
import type { Client } from "../lib/web/client.js";
import { LIMITS } from "../lib/web/limits.js";
import { Learning } from "../lib/web/monitor/learning.js";
import { attach, type Site } from "../lib/web/site.js";
import { Tokens } from "../lib/web/tokens.js";
import { freePort } from "./free-port.js";
import { MemoryLog } from "./helpers.js";
import { ask, WebSocketPeer } from "./web-peer.js";
import { CONTROL, ending, endTargets, raw, Target, tokens } from "./web-target.js";

describe("the server of a page", () => {
  const sites: Site[] = [];
  afterEach(async () => {
    for (const site of sites.splice(0)) await site.close("the test ends", false);
    await endTargets();
  });

  const open = async (name: string, port: number) => {
    const access = { hosts: [], origins: [], section: name, tokens };
    const address = { host: "127.0.0.1", port };
    const site = await attach({ name, owner: name, address, access, log: new MemoryLog() });
    sites.push(site);
    site.route("/who", { GET: { needs: "open", handle: () => ({ status: 200, body: name }) } });
    site.socket("/ws", { opened: (client) => client.tell({ type: "hello" }), message() {}, closed() {} });
    return site;
  };

  it("sends the last of what a client asks for over and over without reading, once it reads", async () => {
    const target = await Target.open();
    const [clients, asked] = [new Set<Client>(), { times: 0, sent: 0 }];
    const big = "x".repeat(100_000);
    target.site.socket("/ws", {
      opened: (client) => {
        clients.add(client);
        client.tell({ type: "hello" });
      },
      message: (client) => {
        const time = ++asked.times;
        client.whenRead("all", () => {
          asked.sent++;
          client.tell({ type: "all", time, big });
        });
        target.waiting.changed();
      },
      closed() {},
    });
    const peer = target.peer();
    await peer.until("hello");
    peer.socket.pause();
    // What the kernel takes differs: it is full before.
    const [client] = clients;
    while (client?.lags === false) {
      for (let i = 0; i < 20; ++i) client.tell({ type: "fill", big });
      await new Promise(setImmediate);
    }
    for (let i = 0; i < 100; ++i) peer.send({ type: "ask" });
    await target.waiting.until(() => (asked.times === 100 ? true : undefined));
    assert.equal(asked.sent, 0);
    assert.equal(client?.lags, true);
    peer.socket.resume();
    await peer.until("all", ({ time }) => time === 100);
    assert.equal(asked.sent, 1);
    peer.send({ type: "ask" });
    await peer.until("all", ({ time }) => time === 101);
  });

  it("makes room for a page when many have connected without sending a token", async () => {
    const target = await Target.open({ tokens });
    const silent = Array.from({ length: LIMITS.unauthorised }, () => target.peer());
    await Promise.all(silent.map((peer) => peer.opened()));
    const page = target.peer({ localAddress: "127.0.0.2" });
    await page.opened();
    page.send({ type: "auth", token: CONTROL });
    await page.until("hello");
    assert.equal(await silent[0]?.ends(), 4401);
    // Those that are closed for their time are not counted.
    assert.equal(target.site.counters.dropped, 1);
    const other = target.peer({ localAddress: "127.0.0.3" });
    await other.opened();
    const another = target.peer({ localAddress: "127.0.0.3" });
    await another.opened();
    assert.equal(target.site.counters.dropped, 2);
  });

  it("closes a client that has not sent its token yet when its page ends, while another page stays", async () => {
    const port = await freePort();
    const [first] = [await open("first", port), await open("second", port)];
    const peer = new WebSocketPeer(`ws://127.0.0.1:${port}/first/ws`);
    await peer.opened();
    await first?.close("the page has moved", false);
    assert.equal(await peer.ends(), 1001);
    assert.equal((await ask(`http://127.0.0.1:${port}/second/who`)).text, "second");
  });

  it("does not let a client in to what was switched off before its token came", async () => {
    const target = await Target.open({ tokens });
    const peer = target.peer();
    await peer.opened();
    target.site.withdraw("/ws");
    peer.send({ type: "auth", token: CONTROL });
    assert.equal(await peer.ends(), 1001);
    assert.equal(target.clients.size, 0);
  });

  const changes: [what: string, change: (target: Target) => void][] = [
    [
      "its token",
      ({ site }) => {
        site.access = { ...site.access, tokens: new Tokens({ control: "another-token-for-control" }) };
      },
    ],
    ["its path", ({ site }) => site.withdraw("/api")],
  ];
  for (const [what, change] of changes) {
    it(`does nothing of a request whose body ends after ${what} has changed`, async () => {
      const target = await Target.open({ tokens });
      const socket = raw(target.port);
      const lines = ["PUT /api HTTP/1.1", "Host: 127.0.0.1", `Authorization: Bearer ${CONTROL}`, "Content-Length: 4"];
      socket.write(`${lines.join("\r\n")}\r\nConnection: close\r\n\r\n0.`);
      // It is handled in the order of connections.
      await ask(`${target.url}/api`, { headers: { Authorization: `Bearer ${CONTROL}` } });
      change(target);
      socket.write("50");
      assert.match(await ending(socket), /^HTTP\/1\.1 503 .*"code":"changed"/s);
    });
  }

  it("closes a WebSocket with more than two hundred pings a second", async () => {
    const target = await Target.open();
    const peer = target.peer();
    await peer.until("hello");
    // In portions, each when the last one has been answered: ws itself ends a connection with many that are not.
    let unanswered = 0;
    const flood = () => {
      for (; unanswered < 50 && peer.socket.readyState === peer.socket.OPEN; ++unanswered) peer.socket.ping();
    };
    peer.socket.on("pong", () => {
      if (--unanswered === 0) flood();
    });
    flood();
    await peer.ends();
    assert.equal(target.site.counters.dropped, 1);
  });

  it("has a path that can be opened for each page, whatever its name", async () => {
    const port = await freePort();
    await open("first", port);
    for (const name of ["größe", "a?b", "a#b", "a%41", "a/b", "__proto__", "constructor"]) {
      const site = await open(name, port);
      assert.equal((await ask(`http://127.0.0.1:${port}${site.path}who`)).text, name);
    }
    for (const name of ["monitor", "api", "ws"]) {
      await assert.rejects(open(name, port), new RegExp(`/${name}/ belongs to the first page on this port`));
    }
  });
});

describe("learning", () => {
  const frame = (moved: Readonly<Record<number, number>>): LiveFrame => {
    const channels = Uint32Array.from(Object.keys(moved), Number);
    const count = channels.length;
    return {
      // Arrays are longer than what counts of them.
      channels: Uint32Array.from([...channels, 0, 0]),
      moved: Float32Array.from([...Object.values(moved), 9, 9]),
      values: new Float64Array(count + 2),
      counts: new Uint32Array(count + 2),
      count,
    };
  };

  it("names the channel that has moved most in the last half second", () => {
    const learning = new Learning();
    const counts = Uint8Array.of(1, 1, 0, 1);
    const steps: [time: number, moved: Record<number, number>, most: number | undefined][] = [
      [0, { 0: 0.01, 2: 1 }, undefined],
      [50, { 0: 0.2, 1: 0.3 }, 1],
      [100, { 0: 0.2 }, 0],
      [200, { 3: 0.35 }, 0],
      [540, { 2: 5 }, 0],
      [640, { 2: 5 }, 3],
      [900, {}, undefined],
    ];
    for (const [time, moved, most] of steps) {
      learning.add(frame(moved), time, counts);
      assert.equal(learning.most(), most, `at ${time} ms`);
    }
    learning.add(frame({ 1: 1 }), 1000, counts);
    learning.clear();
    assert.equal(learning.most(), undefined);
  });
});
