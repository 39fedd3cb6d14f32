// mqtt instances and a real broker: values in both directions, and what a broker does.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { folderWith, mmpy } from "./helpers.js";
import { Broker, endBrokers, needMosquitto, type Peer } from "./mosquitto.js";
import { type Session, start } from "./session.js";

const CONNECTED = /^m: connected to /;

/** A session with an instance `m`, which sends the topics of the first list and receives those of the second. */
async function connected(
  broker: Broker,
  lines: readonly string[],
  sent: readonly string[],
  received: readonly string[] = [],
) {
  const session = await start(
    [
      "[mqtt m]",
      `host = 127.0.0.1:${broker.port}`,
      ...lines,
      "[map]",
      ...sent.map((topic) => `probe.${topic} > m.${topic}`),
      ...received.map((topic) => `m.${topic} > probe.${topic}`),
      "",
    ].join("\n"),
  );
  await session.log.seen(CONNECTED);
  if (received.length > 0) await broker.subscribed("MM-m");
  return session;
}

/** Resolves once the broker has what the instance has sent and subscribed so far. */
async function settled(session: Session, peer: Peer, topic: string): Promise<void> {
  const count = peer.texts(topic).length;
  session.probe.emit(topic, 0);
  await peer.until(topic, count + 1);
}

describe("an mqtt instance", () => {
  before(function () {
    needMosquitto(this);
  });
  afterEach(endBrokers);

  for (const protocol of ["5", "3.1.1"]) {
    for (const qos of [0, 1, 2]) {
      it(`sends and receives values in version ${protocol} with quality of service ${qos}, in order`, async () => {
        const broker = await Broker.start();
        const peer = await broker.peer(["out", "n", "lamp"]);
        const lines = [
          `protocol = ${protocol}`,
          `qos = ${qos}`,
          "lamp = discrete 0 0.5 off",
          "lamp = discrete 0.5 1 on",
          "in = range 10 -10",
        ];
        const session = await connected(broker, lines, ["out", "lamp", "n"], ["in"]);
        for (const value of [0, 0.5, 0.5, 1]) session.probe.emit("out", value);
        session.probe.emit("lamp", 0.75);
        await settled(session, peer, "n");
        assert.deepEqual(peer.texts("out"), ["0.000000", "0.500000", "0.500000", "1.000000"]);
        assert.deepEqual(peer.texts("lamp"), ["on"]);
        assert.deepEqual(
          [...new Set(peer.messages.map(({ packet }) => `${packet.qos} ${packet.retain}`))],
          [`${qos} false`],
        );
        for (const text of ["5", "5", "nothing", "", "-10"]) await peer.send("in", text, { qos: qos as 0 });
        assert.deepEqual(await session.probe.until("in", 3), [0.25, 0.25, 1]);
        assert.deepEqual(
          session.log.matching(/is ignored/).map(({ message }) => message),
          ["m: a message of topic 'in' is ignored, since 'nothing' does not begin with a number"],
        );
      });
    }
  }

  it("sends thousands of values of hundreds of topics, more than the broker has numbers for, in order", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["t/#", "n"]);
    const topics = Array.from({ length: 300 }, (_, i) => `t/${i}`);
    const session = await connected(broker, ["qos = 1"], [...topics, "n"]);
    for (let round = 1; round <= 20; round++) for (const topic of topics) session.probe.emit(topic, round / 20);
    await peer.until("t/299", 20);
    const expected = Array.from({ length: 20 }, (_, i) => ((i + 1) / 20).toFixed(6));
    for (const topic of topics) assert.deepEqual(peer.texts(topic), expected);
  });

  it("gets what the broker has retained, and has its own retained if it is told to", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["out"]);
    await peer.send("in", "0.5", { retain: true });
    const session = await connected(broker, ["retain = on"], ["out"], ["in"]);
    assert.deepEqual(await session.probe.until("in"), [0.5]);
    session.probe.emit("out", 0.25);
    await peer.until("out");
    const later = await broker.peer(["out"]);
    assert.deepEqual(await later.until("out"), ["0.250000"]);
    assert.equal(later.messages[0]?.packet.retain, true);
  });

  it("puts the prefix before its topics, as it is", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["#"]);
    const session = await connected(broker, ["base = stage/", "out = range 0 10", "status = here"], ["out"], ["in"]);
    session.probe.emit("out", 0.5);
    await peer.until("stage/out");
    await peer.send("in", "0.1");
    await peer.send("stage/in", "0.2");
    assert.deepEqual(await session.probe.until("in"), [0.2]);
    assert.deepEqual(peer.texts("stage/out"), ["5.000000"]);
    assert.deepEqual(peer.texts("here"), ["online"]);
  });

  it("does not hear itself in version 5", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["both"]);
    const session = await start(`[mqtt m]\nhost = 127.0.0.1:${broker.port}\n[map]\nprobe.both <> m.both\n`);
    await session.log.seen(CONNECTED);
    session.probe.emit("both", 0.5);
    await peer.until("both");
    await peer.send("both", "0.75");
    assert.deepEqual(await session.probe.until("both"), [0.75]);
  });

  it("says whether it is there, also when it is killed", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["here"]);
    const config = `[mqtt m]\nhost = 127.0.0.1:${broker.port}\nstatus = here\n[loopback l]\n[map]\nl.a > m.a\n`;
    const folder = folderWith({ "monster.cfg": config });
    const killed = mmpy([], { cwd: folder });
    await peer.until("here", 1);
    killed.child.kill("SIGKILL");
    await peer.until("here", 2);
    const stopped = mmpy([], { cwd: folder });
    await peer.until("here", 3);
    stopped.child.kill("SIGTERM");
    assert.deepEqual(await stopped.exited, { code: 0, signal: null });
    assert.deepEqual(await peer.until("here", 4), ["online", "offline", "online", "offline"]);
    const later = await broker.peer(["here"]);
    assert.deepEqual(await later.until("here"), ["offline"]);
  });

  it("takes messages of 100 kB on a topic that it receives", async () => {
    const broker = await Broker.start();
    for (const protocol of ["5", "3.1.1"]) {
      const peer = await broker.peer();
      broker.output = "";
      const session = await connected(broker, [`protocol = ${protocol}`, "lamp = discrete 0 1 on"], [], ["in", "lamp"]);
      await peer.send("in", Buffer.alloc(100_000, "x"));
      await peer.send("lamp", Buffer.alloc(100_000, "on"));
      await peer.send("in", `0.5${"0".repeat(100_000)}`);
      assert.deepEqual(await session.probe.until("in"), [0.5]);
      const [first] = session.log.matching(/is ignored/);
      assert.match(
        first?.message ?? "",
        /^m: a message of topic 'in' is ignored, since 'x{60}…' does not begin with a number$/,
      );
    }
  });

  it("understands MIDIMonster's messages in version 5", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer();
    const session = await connected(broker, [], [], ["in"]);
    await peer.send("in", "\0\x040.75", { properties: { payloadFormatIndicator: true } });
    await peer.send("in", "0.5", { properties: { payloadFormatIndicator: true } });
    assert.deepEqual(await session.probe.until("in", 2), [0.75, 0.5]);
  });

  for (const protocol of ["5", "3.1.1"]) {
    it(`logs in in version ${protocol}, and says why it can't`, async () => {
      const broker = await Broker.reserve(["allow_anonymous false", "password_file passwords"], { passwords: "" });
      spawnSync("mosquitto_passwd", ["-b", "passwords", "me", "secret"], { cwd: broker.folder });
      await broker.start();
      const host = `127.0.0.1:${broker.port}`;
      const session = await start(
        `[mqtt right]\nhost = me:secret@${host}\nprotocol = ${protocol}\n` +
          `[mqtt also]\nhost = nobody@${host}\nuser = me\npassword = secret\nprotocol = ${protocol}\n` +
          `[mqtt wrong]\nhost = me:hidden@${host}\nprotocol = ${protocol}\n[map]\nright.in > probe.in\n`,
      );
      await session.log.seen(/^right: connected to /);
      await session.log.seen(/^also: connected to /);
      const { level, message } = await session.log.seen(/^wrong: no connection/);
      assert.equal(level, "warn");
      const why = "it refuses the connection: not authorized; check the options user and password; trying again";
      assert.equal(message, `wrong: no connection to ${host}: ${why}`);
      assert.deepEqual(session.log.matching(/hidden|secret/), []);
      const [, , wrong] = session.router.describe().instances.filter(({ backend }) => backend === "mqtt");
      assert.equal(wrong?.status?.state, "waiting");
    });
  }

  it("shows with 'detect' what comes, each topic at most once a second", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer();
    const session = await start(
      `[backend mqtt]\ndetect = on\n[mqtt m]\nhost = 127.0.0.1:${broker.port}\n[map]\nm.in > probe.in\n`,
    );
    await broker.subscribed("MM-m", 2);
    await peer.send("other/topic", "x\x1b[2J");
    for (let i = 0; i < 100; i++) await peer.send("in", String(i / 100));
    await session.probe.until("in", 100);
    assert.equal(session.probe.values("in").length, 100);
    const shown = session.log.matching(/: '/).map(({ message }) => message);
    assert.deepEqual(shown.slice(0, 2), ["m: other/topic: 'x\ufffd[2J' (not mapped)", "m: in: '0'"]);
    assert.ok(shown.length < 30, `${shown.length}`);
  });

  it("says with 'detect' which messages are its own, where the broker sends those back", async () => {
    const broker = await Broker.start();
    const session = await start(
      `[backend mqtt]\ndetect = on\n[mqtt m]\nhost = 127.0.0.1:${broker.port}\nstatus = here\nprotocol = 3.1.1\n` +
        "[map]\nm.in > probe.in\nprobe.out > m.out\n",
    );
    await broker.subscribed("MM-m", 2);
    session.probe.emit("out", 0.25);
    await session.log.seen(/^m: here: 'online' \(the status of this instance\)$/);
    await session.log.seen(/^m: out: '0\.250000' \(a topic that this instance sends to\)$/);
  });

  for (const [value, received] of [
    ["hold", []],
    ["0.25", [0.25, 0.25]],
  ] as const) {
    it(`notices that no messages come any more, and with 'timeout-value = ${value}' goes on with that`, async () => {
      const broker = await Broker.start();
      const peer = await broker.peer();
      const session = await start(
        `[mqtt m]\nhost = 127.0.0.1:${broker.port}\ntimeout = 0.1\ntimeout-value = ${value}\n` +
          "[map]\nm.{a,b} > probe.{a,b}\n",
      );
      await broker.subscribed("MM-m");
      await peer.send("a", "0.5");
      await session.log.seen(/^m: no message for 0\.1 s; its channels (keep|go to)/);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(session.probe.received.map(([, each]) => each).slice(1), received);
      await peer.send("a", "0.5");
      await session.log.seen(/^m: messages arrive again$/);
    });
  }

  it("goes on while a reload adds and removes topics and changes formats", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["out", "here"]);
    const host = `[mqtt m]\nhost = 127.0.0.1:${broker.port}\nstatus = here\n`;
    const session = await start(`${host}out = range 0 10\n[map]\nprobe.out > m.out\nm.a > probe.a\n`);
    await session.log.seen(CONNECTED);
    await peer.until("here");
    await broker.subscribed("MM-m");
    session.probe.emit("out", 0.5);
    await peer.until("out");
    session.write("monster.cfg", `${host}out = range 0 100\n[map]\nprobe.out > m.out\nm.b > probe.b\nprobe.x > m.b\n`);
    await session.router.reload();
    await broker.subscribed("MM-m", 2);
    session.probe.emit("out", 0.5);
    await peer.until("out", 2);
    await peer.send("a", "0.1");
    await peer.send("b", "0.2");
    await session.probe.until("b");
    assert.deepEqual(session.probe.received, [["b", 0.2]]);
    assert.deepEqual(peer.texts("out"), ["5.000000", "50.000000"]);
    assert.deepEqual(peer.texts("here"), ["online"]);
  });

  it("is replaced in a reload without being away for others", async () => {
    const broker = await Broker.start();
    const peer = await broker.peer(["out", "here"]);
    const config = (keepalive: number) =>
      `[mqtt m]\nhost = 127.0.0.1:${broker.port}\nstatus = here\nclientid = same\nkeepalive = ${keepalive}\n[map]\nprobe.out > m.out\n`;
    const session = await start(config(20));
    await session.log.seen(CONNECTED);
    session.write("monster.cfg", config(21));
    await session.router.reload();
    session.probe.emit("out", 0.5);
    assert.deepEqual(await peer.until("out"), ["0.500000"]);
    assert.deepEqual(await peer.until("here", 2), ["online", "online"]);
    assert.deepEqual(session.log.matching(/ended|no connection/), []);
  });
});
