// What the monitor tells its clients, and what it refuses.
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import type { Client } from "../lib/web/client.js";
import { isLearnt } from "../lib/web/monitor/learning.js";
import { Viewer } from "../lib/web/monitor/viewer.js";
import { freePort } from "./free-port.js";
import { endWatched, switches, watch } from "./monitor-target.js";
import { start } from "./session.js";
import { ask, type Received, WebSocketPeer } from "./web-peer.js";

const CONFIG = `
[python py]
module = mod
[loopback bus]
[map]
probe.a > bus.a
bus.a > probe.a
probe.go > py.mod.go
py.out > probe.out
`;
const MODULE = `
def go(value):
    midimonster.output("out", value)
    if value == 0.25: raise ValueError("no quarters")
`;
const FILES = { "mod.py": MODULE };

function idOf(peer: WebSocketPeer, name: string): number {
  const described = peer.received.filter(({ type }) => type === "hello" || type === "layout").at(-1) as Received;
  const channels = described.channels as { readonly id: number; readonly name: string }[];
  const found = channels.find((each) => each.name === name);
  assert.ok(found, `${name} in ${channels.map((each) => each.name)}`);
  return found.id;
}

describe("the monitor", () => {
  afterEach(endWatched);

  it("shows values of all channels, also those that are only targets, and those from before to a second client", async () => {
    const { session, peer } = await watch(CONFIG, FILES);
    const first = await peer();
    assert.equal((await first.until("hello")).role, "view");
    session.probe.emit("go", 0.5);
    await first.sees(idOf(first, "probe.go"), 0.5);
    await first.sees(idOf(first, "py.mod.go"), 0.5);
    await first.sees(idOf(first, "probe.out"), 0.5);
    const second = await peer();
    assert.equal(second.value(idOf(second, "py.out")), 0.5);
    assert.equal(second.value(idOf(second, "bus.a")), undefined);
  });

  it("has the core note values only while someone looks", async () => {
    const { session, site, peer } = await watch(CONFIG, FILES);
    const seen = await switches(async () => {
      const first = await peer();
      const second = await peer();
      first.socket.close();
      await first.ends();
      session.probe.emit("a", 1);
      await second.sees(idOf(second, "bus.a"), 1);
      second.socket.close();
      await second.ends();
      while (site.clients.size > 0) await new Promise(setImmediate);
      const third = await peer();
      assert.equal(third.value(idOf(third, "bus.a")), undefined);
    });
    assert.deepEqual(seen, [true, false, true]);
  });

  it("sends some channels only, and bytes, to those that ask", async () => {
    const { session, url, peer } = await watch(CONFIG, FILES);
    const some = await peer();
    some.send({ type: "subscribe", names: ["bus.a", "there.is.no.such"], rate: 20 });
    await some.settles();
    const bytes = new WebSocket(`${url.replace("http", "ws")}/ws`, ["mmpy.v1"]);
    const binary = new Promise<Buffer>((resolve) =>
      bytes.on("message", (data: Buffer, isBinary) => {
        if (isBinary) resolve(data);
      }),
    );
    await new Promise((resolve) => bytes.once("open", resolve));
    bytes.send(JSON.stringify({ type: "subscribe", binary: true }));
    await new Promise((resolve) => {
      bytes.on("message", (data) => String(data) === '{"type":"pong"}' && resolve(undefined));
      bytes.send('{"type":"ping"}');
    });
    session.probe.emit("a", 0.75);
    session.probe.emit("go", 1);
    await some.sees(idOf(some, "bus.a"), 0.75);
    assert.equal(some.value(idOf(some, "probe.go")), undefined);
    const data = await binary;
    bytes.terminate();
    assert.deepEqual([...data.subarray(0, 4)], [1, 1, 0, 0]);
    const count = data.readUInt32LE(4);
    assert.equal(data.length, 8 + 8 * count);
    const ids = Array.from({ length: count }, (_, i) => data.readUInt32LE(8 + 4 * i));
    const at = ids.indexOf(idOf(some, "bus.a"));
    assert.equal(data.readFloatLE(8 + 4 * (count + at)), 0.75);
  });

  it("tells which channel is moved, with a line to begin with; not of those that follow", async () => {
    const { session, peer } = await watch(CONFIG, FILES);
    const client = await peer();
    client.send({ type: "follow", topics: ["learn"] });
    await client.settles();
    session.probe.emit("go", 0.01);
    await client.sees(idOf(client, "probe.go"), 0.01);
    session.probe.emit("go", 1);
    const { name, line } = await client.until("learned");
    assert.equal(name, "probe.go");
    assert.equal(line, "probe.go > py.CHANNEL");
  });

  it("has every event of a channel that is watched", async () => {
    const { session, peer } = await watch(CONFIG, FILES);
    const client = await peer();
    client.send({ type: "watch", names: ["probe.go"] });
    // That it wants other values does not end it.
    client.send({ type: "subscribe", names: ["bus.a"] });
    await client.settles();
    for (const value of [0.1, 0.2, 0.3]) session.probe.emit("go", value);
    const { id, v } = await client.until("samples");
    assert.equal(id, idOf(client, "probe.go"));
    const pairs = v as number[];
    assert.deepEqual(
      pairs.filter((_, i) => i % 2 === 1),
      [0.1, 0.2, 0.3],
    );
    const [first = 0, , second = 0, , third = 0] = pairs;
    assert.ok(first <= second && second <= third, String(pairs));
    session.write(
      "monster.cfg",
      CONFIG.replace("[loopback bus]", "[loopback other]\n[loopback bus]").concat("other.x > bus.x\n"),
    );
    await session.router.reload();
    await client.until("layout");
    session.probe.emit("go", 0.4);
    await client.until(
      "samples",
      ({ id: now, v: all }) => now === idOf(client, "probe.go") && (all as number[])[1] === 0.4,
    );
  });

  it("sends the log, also what was said before, the graph and the counters", async () => {
    const { session, peer } = await watch(CONFIG, FILES);
    session.probe.emit("go", 0.25);
    await session.log.seen(/no quarters/);
    const client = await peer();
    client.send({ type: "follow", topics: ["log", "graph", "stats"] });
    const holds = ({ lines }: Received) => (lines as { text: string }[]).some(({ text }) => /no quarters/.test(text));
    await client.until("log", holds);
    const { edges, instances } = await client.until("graph");
    assert.deepEqual(edges, [
      { from: "probe", to: "bus", count: 1, lines: ["probe.a > bus.a"] },
      { from: "bus", to: "probe", count: 1, lines: ["bus.a > probe.a"] },
      { from: "probe", to: "py", count: 1, lines: ["probe.go > py.mod.go"] },
      { from: "py", to: "probe", count: 1, lines: ["py.out > probe.out"] },
    ]);
    assert.deepEqual(
      (instances as { name: string }[]).map(({ name }) => name),
      ["probe", "py", "bus"],
    );
    const counted = (await client.until("stats")).instances as { name: string; exceptions: object; in: number }[];
    const py = counted.find(({ name }) => name === "py");
    assert.deepEqual(py?.exceptions, { handler: 1, interval: 0, socket: 0, other: 0 });
    assert.equal(py?.in, 1);
  });

  it("goes on with other channels after a reload", async () => {
    const { session, peer } = await watch(CONFIG, FILES);
    const client = await peer();
    session.probe.emit("a", 0.5);
    await client.sees(idOf(client, "bus.a"), 0.5);
    session.write(
      "monster.cfg",
      CONFIG.replace("[loopback bus]", "[loopback other]\n[loopback bus]").concat("probe.b > other.b\n"),
    );
    await session.router.reload();
    await client.until("layout");
    // Values from before are known under their new numbers.
    await client.sees(idOf(client, "bus.a"), 0.5);
    session.probe.emit("b", 0.25);
    await client.sees(idOf(client, "other.b"), 0.25);
  });

  it("sets values where it may, by name and by number", async () => {
    const { session, peer } = await watch(CONFIG, FILES, { control: true });
    const client = await peer();
    assert.equal((await client.until("hello")).role, "control");
    client.send({ type: "set", seq: 1, name: "py.mod.go", value: 0.5 });
    await client.until("ack", ({ seq }) => seq === 1);
    assert.deepEqual(await session.probe.until("out"), [0.5]);
    client.send({ type: "set", seq: 2, v: [idOf(client, "bus.a"), 1] });
    assert.deepEqual(await session.probe.until("a"), [1]);
  });

  const REFUSED: readonly (readonly [why: string, message: object, code: string, control?: true])[] = [
    ["values without control", { type: "set", name: "bus.a", value: 1 }, "role"],
    ["a value over 1", { type: "set", name: "bus.a", value: 1.5 }, "value", true],
    ["a text as a value", { type: "set", name: "bus.a", value: "1" }, "value", true],
    ["an odd list", { type: "set", v: [0] }, "value", true],
    ["a number that no channel has", { type: "set", v: [9999, 0] }, "value", true],
    ["a channel that no mapping has", { type: "set", name: "bus.b", value: 0 }, "channel", true],
    ["an unknown type", { type: "reboot" }, "type"],
    ["a rate that is too high", { type: "subscribe", rate: 100 }, "rate"],
    ["a rate that is a text", { type: "subscribe", rate: "fast" }, "rate"],
    ["names that are a number", { type: "subscribe", names: 1 }, "names"],
    ["an unknown topic", { type: "follow", topics: ["secrets"] }, "topics"],
    ["too many channels to watch", { type: "watch", names: Array(20).fill("bus.a") }, "names"],
  ];
  it("refuses what is no message of its own", async () => {
    const [looks, controls] = [
      await watch(CONFIG, FILES),
      await watch("[loopback bus]\n[map]\nprobe.a > bus.a", {}, { control: true }),
    ];
    const peers = [await looks.peer(), await controls.peer()] as const;
    for (const [seq, [why, message, code, control]] of REFUSED.entries()) {
      const peer = peers[control ? 1 : 0];
      peer.send({ ...message, seq });
      const error = await peer.until("error", (each) => each.seq === seq);
      assert.equal(error.code, code, why);
    }
    assert.deepEqual(looks.session.probe.received, []);
    assert.deepEqual(controls.session.probe.received, []);
  });

  it("is a part of a page where the configuration says so, and not after a reload that says otherwise", async () => {
    const port = await freePort();
    const config = (lines: string) =>
      `[web page]\nbind = 127.0.0.1 ${port}\nfader = dim\n${lines}[loopback bus]\n[map]\npage.dim > bus.a\nbus.a > probe.a\n`;
    const session = await start(config("monitor = on\n"));
    const at = (path: string) => `http://127.0.0.1:${port}${path}`;
    assert.equal((await ask(at("/monitor"))).headers.location, "/monitor/");
    assert.match((await ask(at("/monitor/"))).text, /<script type="module" src="monitor\.js">/);
    assert.equal((await ask(at("/monitor/monitor.js"))).status, 200);
    assert.match((await ask(at("/metrics"))).text, /^mmpy_web_clients\{page="page"\} 0$/m);
    const peer = new WebSocketPeer(`ws://127.0.0.1:${port}/monitor/ws`);
    assert.equal((await peer.until("hello")).role, "view");
    await ask(at("/api/channels/dim"), { method: "PUT", body: "0.5", headers: { "Content-Type": "application/json" } });
    await peer.sees(idOf(peer, "bus.a"), 0.5);
    session.write("monster.cfg", config("monitor = on\ncontrol = on\n"));
    await session.router.reload();
    assert.equal(await peer.ends(), 1001);
    const again = new WebSocketPeer(`ws://127.0.0.1:${port}/monitor/ws`);
    assert.equal((await again.until("hello")).role, "control");
    session.write("monster.cfg", config(""));
    await session.router.reload();
    assert.equal(await again.ends(), 1001);
    assert.equal((await ask(at("/monitor/"))).status, 404);
    assert.equal((await ask(at("/"))).status, 200);
  });

  it("learns nothing of what only follows, or belongs to a page", () => {
    const pages = new Set(["panel"]);
    const cases = [
      ["desk.fader", ["output"], true],
      ["bus.v", ["output", "input"], true],
      ["lamp.dim", ["input"], false],
      ["panel.dim", ["output"], false],
      ["py.unmapped", [], true],
    ] as const;
    for (const [name, uses, expected] of cases) assert.equal(isLearnt({ name, uses }, pages), expected, name);
  });

  it("skips a client that lags, and gives it the newest values later", () => {
    const sent: string[] = [];
    const later: (() => void)[] = [];
    const client = {
      lags: false,
      send: (text: string) => sent.push(text),
      whenRead: (_what: string, work: () => void) => (client.lags ? later.push(work) : work()),
    };
    const viewer = new Viewer(client as unknown as Client);
    const values = Float64Array.of(0.1, 0.2, 0.3);
    assert.equal(viewer.takesAll(1000), true);
    client.lags = true;
    assert.equal(viewer.takesAll(1000), false);
    viewer.note(Uint32Array.of(0, 2), 2);
    viewer.flush(1000, 7, values);
    // All values take the most.
    viewer.state(() => ({ rev: 8, values }));
    assert.deepEqual([sent, later.length], [[], 1]);
    values[2] = 0.9;
    viewer.note(Uint32Array.of(2, 0), 1);
    client.lags = false;
    assert.equal(viewer.takesAll(1100), false);
    viewer.flush(1100, 8, values);
    assert.deepEqual(sent, ['{"type":"values","rev":8,"v":[0,0.1,2,0.9]}']);
    viewer.flush(1200, 9, values);
    assert.equal(sent.length, 1);
    assert.equal(viewer.takesAll(1110), false);
    assert.equal(viewer.takesAll(1200), true);
  });
});
