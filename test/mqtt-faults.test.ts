// Brokers that are missing, end, hang, refuse and come back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { folderWith, mmpy, projectFolder } from "./helpers.js";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";
import { start } from "./session.js";

const CONNECTED = /^m: connected to /;
const AGAIN = /^m: connected to .* again$/;

function config(broker: Broker, lines: readonly string[], mappings: readonly string[]): string {
  return ["[mqtt m]", `host = 127.0.0.1:${broker.port}`, ...lines, "[map]", ...mappings, ""].join("\n");
}

describe("an mqtt broker", () => {
  before(function () {
    needMosquitto(this);
  });
  afterEach(endBrokers);

  it("that is missing at the start is told of once, and gets the last values when it is there", async () => {
    const broker = await Broker.reserve();
    const session = await start(config(broker, ["retain = on"], ["probe.a > m.a", "probe.b > m.b", "m.in > probe.in"]));
    for (const value of [0.1, 0.2, 0.3]) session.probe.emit("a", value);
    session.probe.emit("b", 0.4);
    await session.log.seen(
      /^m: no connection to 127\.0\.0\.1:\d+: nothing listens there \(ECONNREFUSED\); trying again$/,
    );
    const [, m] = session.router.describe().instances;
    assert.match(m?.status?.text ?? "", /^no connection to 127\.0\.0\.1:\d+: nothing listens there/);
    await broker.start();
    await session.log.seen(CONNECTED);
    const peer = await broker.peer(["a", "b"]);
    await peer.until("b");
    assert.deepEqual(
      peer.messages.map(({ topic, text }) => [topic, text]),
      [
        ["a", "0.300000"],
        ["b", "0.400000"],
      ],
    );
    await broker.subscribed("MM-m");
    await peer.send("in", "0.5");
    assert.deepEqual(await session.probe.until("in"), [0.5]);
    assert.equal(session.log.matching(/no connection/).length, 1);
    assert.equal(session.router.describe().instances[1]?.status?.state, "ok");
  });

  it("that is missing neither delays the end of the program nor is an error", async () => {
    const broker = await Broker.reserve();
    const folder = folderWith({ "monster.cfg": `[loopback l]\n${config(broker, [], ["l.a > m.a"])}` });
    const running = mmpy([], { cwd: folder });
    await running.sees(/m: no connection to/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.doesNotMatch(running.stderr, /ERROR/);
  });

  it("whose name can't be looked up does not delay the end of the program", async function () {
    if (process.platform !== "linux" || spawnSync("cc", ["--version"]).error !== undefined) {
      console.log("SKIPPED: needs Linux and a C compiler; on Debian: apt-get install gcc");
      this.skip();
    }
    const folder = folderWith({ "monster.cfg": "[mqtt m]\nhost = broker.example\n[loopback l]\n[map]\nl.a > m.a\n" });
    const library = path.join(folder, "silent-name-server.so");
    const source = path.join(projectFolder, "test", "native", "silent-name-server.c");
    const compiled = spawnSync("cc", ["-shared", "-fPIC", "-o", library, source], { encoding: "utf8" });
    assert.equal(compiled.status, 0, compiled.stderr);
    // After a sanitizer's own, where one is there: it insists on being the first.
    const preloaded = [process.env.LD_PRELOAD, library].filter(Boolean).join(":");
    const running = mmpy([], { cwd: folder, env: { ...process.env, LD_PRELOAD: preloaded } });
    await running.sees(/routing 1 mapping/);
    const began = performance.now();
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const took = performance.now() - began;
    assert.ok(took < 30_000, `${took}`);
  });

  it("that is killed and started again is told of, and everything goes on", async () => {
    const broker = await Broker.start();
    const session = await start(config(broker, [], ["probe.a > m.a", "probe.b > m.b", "m.in > probe.in"]));
    await session.log.seen(CONNECTED);
    session.probe.emit("a", 0.1);
    session.probe.emit("b", 0.2);
    await broker.kill();
    const { level } = await session.log.seen(/^m: the connection to 127\.0\.0\.1:\d+ has ended: .*; trying again$/);
    assert.equal(level, "warn");
    for (const value of [0.3, 0.4, 0.5]) session.probe.emit("a", value);
    await broker.start();
    await session.log.seen(AGAIN);
    // Also those that come back later than it get the last values.
    await broker.subscribed("MM-m");
    const peer = await broker.peer(["a", "b"]);
    await peer.until("a");
    await peer.until("b");
    assert.deepEqual([peer.texts("a"), peer.texts("b")], [["0.500000"], ["0.200000"]]);
    await peer.send("in", "0.5");
    assert.deepEqual(await session.probe.until("in"), [0.5]);
    session.probe.emit("a", 0.6);
    await peer.until("a", 2);
  });

  it("keeps the values that are sent after a loss only for a moment, unless it is told to retain", async () => {
    const broker = await Broker.start();
    const session = await start(config(broker, [], ["probe.a > m.a"]));
    await session.log.seen(CONNECTED);
    session.probe.emit("a", 0.1);
    await broker.sees(/Received PUBLISH from MM-m/);
    await broker.kill();
    await broker.start();
    await session.log.seen(AGAIN);
    await broker.sees(/Received PUBLISH from MM-m/);
    const peer = await broker.peer(["a"]);
    await peer.until("a");
    const seconds = peer.messages[0]?.packet.properties?.messageExpiryInterval ?? Number.POSITIVE_INFINITY;
    assert.ok(seconds <= 15, `${seconds}`);
  });

  it("does not get back what others have replaced meanwhile", async () => {
    const broker = await Broker.start();
    const session = await start(config(broker, [], ["probe.both <> m.both", "probe.a > m.a"]));
    await broker.subscribed("MM-m");
    const peer = await broker.peer();
    session.probe.emit("both", 0.1);
    session.probe.emit("a", 0.2);
    await broker.sees(/Received PUBLISH from MM-m/, 2);
    await peer.send("both", "0.9");
    await session.probe.until("both");
    await broker.kill();
    await broker.start();
    await broker.sees(/Received PUBLISH from MM-m.*'a'/);
    assert.doesNotMatch(broker.output, /PUBLISH from MM-m.*'both'/);
  });

  it("that hangs is noticed, and costs neither memory nor the order of what comes first", async () => {
    const broker = await Broker.start();
    const session = await start(config(broker, ["keepalive = 1"], ["probe.a > m.a", "probe.b > m.b"]));
    await session.log.seen(CONNECTED);
    broker.signal("SIGSTOP");
    for (let i = 1; i <= 600_000; i++) session.probe.emit("a", i / 600_000);
    session.probe.emit("b", 0.5);
    const ended = session.log.seen(/^m: the connection to .* has ended: there was no answer in time; trying again$/);
    await session.log.seen(/^m: 127\.0\.0\.1:\d+ takes messages more slowly than they come/);
    await ended;
    assert.ok((session.router.describe().instances[1]?.status?.lost ?? 0) > 100_000);
    broker.signal("SIGCONT");
    await session.log.seen(AGAIN);
    const peer = await broker.peer(["a", "b"]);
    await peer.until("b");
    await peer.until("a");
    assert.deepEqual([peer.texts("a").at(-1), peer.texts("b").at(-1)], ["1.000000", "0.500000"]);
  });

  it("that hangs does not delay the stop by more than a second or two", async () => {
    const broker = await Broker.start();
    const folder = folderWith({ "monster.cfg": `[loopback l]\n${config(broker, [], ["l.a > m.a"])}` });
    const running = mmpy([], { cwd: folder });
    await running.sees(/m: connected to/);
    broker.signal("SIGSTOP");
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.doesNotMatch(running.stderr, /ERROR/);
  });

  it("gets a clientid of each instance, also of two programs with the same configuration", async () => {
    const broker = await Broker.start();
    const folder = folderWith({ "monster.cfg": `[loopback l]\n${config(broker, [], ["l.a > m.a"])}` });
    const both = [mmpy([], { cwd: folder }), mmpy([], { cwd: folder })];
    for (const running of both) await running.sees(/m: connected to/);
    for (const running of both) {
      running.child.kill("SIGTERM");
      await running.exited;
      assert.doesNotMatch(running.stderr, /WARN/);
    }
  });

  it("goes on after another client of its clientid has taken its place", async () => {
    const broker = await Broker.start();
    const session = await start(config(broker, ["clientid = twin"], ["probe.a > m.a"]));
    await session.log.seen(CONNECTED);
    await broker.peer([], { clientId: "twin" });
    await session.log.seen(/^m: the connection to .* has ended: it has closed the connection; trying again$/);
    await session.log.seen(AGAIN);
  });
});
