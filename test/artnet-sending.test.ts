// Art-Net on its way out: the bytes, what is sent when, and to whom.
import assert from "node:assert/strict";
import { address, DmxRig, OWN_PORT, Peer, padded, replyOf } from "./dmx-network.js";

const [OWN, NODE] = [address(1), address(2)];
const PORT = 6454;
const BACKEND = `[backend artnet]\nbind = ${OWN}\n`;

/** An ArtDmx as hex: sequence, universe, net, levels. */
function frame(sequence: string, universe: string, net: string, levels: string): string {
  const header = `4172742d4e657400 0050 000e ${sequence} 00 ${universe} ${net} 0200`;
  return padded(`${header}${levels}`, 530);
}

const hexOf = (peer: Peer) => peer.received.map(({ data }) => data.toString("hex"));

describe("an artnet instance with a destination", () => {
  it("sends zeros at the start, then levels of 8 and 16 bits, as the protocol has them", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}[artnet out]\nnet = 1\nuniverse = 3\ndestination = ${NODE}\nrealtime = 1\n` +
        "[map]\nprobe.a > out.1\nprobe.b > out.2\nprobe.w > out.3+4\n",
    );
    await node.count(1);
    rig.probe.emit("a", 0.5);
    await node.count(2);
    rig.probe.emit("a", 1);
    rig.probe.emit("b", 0.999);
    rig.probe.emit("w", 0.5);
    await node.count(3);
    assert.deepEqual(hexOf(node).slice(0, 3), [
      frame("01", "03", "01", ""),
      frame("02", "03", "01", "7f"),
      frame("03", "03", "01", "ff fe 7f ff"),
    ]);
    assert.deepEqual([node.received[0]?.host, node.received[0]?.port], [OWN, PORT]);
  });

  it("sends each frame to its destination, to all of 'also', and to nodes", async () => {
    const [first, second, node] = [
      await Peer.at(NODE, PORT),
      await Peer.at(address(3), PORT),
      await Peer.at(address(4), PORT),
    ];
    const rig = await DmxRig.started(
      `${BACKEND}[artnet two]\ndestination = ${NODE}\nalso = ${address(3)}\n` +
        `[artnet found]\nuniverse = 5\ndestination = auto\nalso = ${address(3)}\n` +
        `[artnet only]\nuniverse = 6\nalso = ${NODE}\n[map]\nprobe.a > two.1\nprobe.b > found.1\nprobe.c > only.1\n`,
    );
    await node.send(replyOf("lamp", 5), OWN, PORT);
    for (const channel of ["a", "b", "c"]) rig.probe.emit(channel, 1);
    const lit = (universe: number) => (data: Buffer) => data[9] === 0x50 && data[14] === universe && data[18] === 255;
    await Promise.all([
      first.until(lit(0)),
      second.until(lit(0)),
      first.until(lit(6)),
      second.until(lit(5)),
      node.until(lit(5)),
    ]);
    const sequences = ({ received }: Peer) => received.filter(({ data }) => data[14] === 0).map(({ data }) => data[12]);
    assert.deepEqual(sequences(first).slice(0, 2), sequences(second).slice(0, 2));
    assert.match(rig.status("two")?.text ?? "", /sends to 127\S+:6454, 127\S+:6454$/);
    assert.match(rig.status("found")?.text ?? "", /sends to \S+:6454, 1 node: \S+:6454$/);
    assert.equal(rig.log.matching(/not sent/).length, 0);
  });

  it("begins with the levels it had where a reload gives it another universe", async () => {
    const node = await Peer.at(NODE, PORT);
    const config = (universe: number, start: string) =>
      `${BACKEND}[artnet out]\nuniverse = ${universe}\ndestination = ${NODE}\n${start}[map]\nprobe.a > out.1\n`;
    const rig = await DmxRig.started(config(1, ""));
    rig.probe.emit("a", 1);
    await node.until((data) => data[18] === 255);
    for (const [universe, start] of [
      [2, ""],
      [3, "start = event\n"],
    ] as const) {
      await rig.reload(config(universe, start));
      const first = await node.until((data) => data[14] === universe);
      assert.equal(first[18], 255, `universe ${universe}`);
    }
  });

  it("takes the last of several values at once, and sends no frame for a level that stays", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}[artnet out]\ndestination = ${NODE}\nrealtime = on\n[map]\nprobe.{a,b} > out.{1,2}\n`,
    );
    rig.probe.emit("a", 1);
    rig.probe.emit("a", 0.2);
    await node.until((data) => data[18] === 51);
    rig.probe.emit("a", 0.2001);
    await turnOf(rig);
    rig.probe.emit("b", 1);
    await node.until((data) => data[19] === 255);
    assert.deepEqual(
      node.received.map(({ data }) => [data[18], data[19]]),
      [
        [0, 0],
        [51, 0],
        [51, 255],
      ],
    );
  });

  it("with 'start = event' is silent until the first event, even if that is 0", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}[artnet quiet]\ndestination = ${NODE}\nstart = event\n[artnet out]\nuni = 1\ndest = ${NODE}\n` +
        "[map]\nprobe.a > quiet.1\nprobe.b > out.1\n",
    );
    await node.count(1);
    rig.probe.emit("b", 1);
    await node.until((data) => data[18] === 255);
    assert.ok(node.received.every(({ data }) => data[14] === 1));
    rig.probe.emit("a", 0);
    await node.until((data) => data[14] === 0);
  });

  it("sends the last levels again within each second", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(`${BACKEND}[artnet out]\ndestination = ${NODE}\n[map]\nprobe.a > out.512\n`);
    rig.probe.emit("a", 1);
    const isFull = (data: Buffer) => data[529] === 255;
    await node.until(isFull);
    await node.until(isFull, node.received.length);
    await node.until(isFull, node.received.length);
  });

  it("goes on with its levels and its sequence where a reload replaces it, under another name too", async () => {
    const node = await Peer.at(NODE, PORT);
    const config = (name: string, more = "") =>
      `${BACKEND}[artnet ${name}]\ndestination = ${NODE}\n${more}[map]\nprobe.{a,b} > ${name}.{1,2}\n`;
    const rig = await DmxRig.started(config("out"));
    rig.probe.emit("a", 1);
    await node.until((data) => data[18] === 255);
    await rig.reload(config("out", "rate = 40\n"));
    rig.probe.emit("b", 1);
    await node.until((data) => data[19] === 255);
    await rig.reload(config("other"));
    rig.probe.emit("b", 0.2);
    await node.until((data) => data[19] === 51);
    const levels = node.received.map(({ data }) => data[18]);
    assert.ok(
      levels.slice(levels.indexOf(255)).every((level) => level === 255),
      "no frame was dark",
    );
    const sequences = node.received.map(({ data }) => data[12]);
    assert.deepEqual(
      sequences,
      Array.from(sequences.keys(), (i) => i + 1),
    );
  });

  it("that can't reach its destination leaves another alone, and says so once, with what is lost", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}[artnet far]\nuniverse = 7\ndestination = 192.0.2.1\n[artnet out]\ndestination = ${NODE}\n` +
        "[map]\nprobe.a > far.1\nprobe.a > out.1\n",
    );
    rig.probe.emit("a", 1);
    await node.until((data) => data[18] === 255);
    const told = await rig.log.seen(/far: could not send to 192\.0\.2\.1:6454/);
    assert.equal(told.level, "warn");
    assert.match(rig.status("far")?.text ?? "", /sends to 192\.0\.2\.1:6454; E/);
    assert.match(rig.status("out")?.text ?? "", /^net 0, universe 0: sends to /);
  });

  for (const destination of ["127.255.255.255", "broadcast"])
    it(`does not hear itself where it sends to everybody, with 'destination = ${destination}'`, async () => {
      const node = await Peer.at(NODE, OWN_PORT);
      const rig = await DmxRig.started(
        `[backend artnet]\nbind = ${OWN} ${OWN_PORT}\n` +
          `[artnet both]\nuniverse = 99\ndestination = ${destination} ${OWN_PORT}\n` +
          "[map]\nprobe.a > both.1\nboth.{1,2} > probe.{1,2}\n",
      );
      rig.probe.emit("a", 1);
      const everybody = await Peer.at("127.255.255.255", OWN_PORT);
      await everybody.until((data) => data[14] === 99 && data[18] === 255);
      await node.send(`${frame("00", "63", "00", "00 ff")}`, OWN, OWN_PORT);
      await rig.probe.until("2");
      assert.deepEqual(rig.probe.values("1"), []);
      assert.deepEqual(rig.log.matching(/multicast/), []);
    });

  it("with 'start = event' sends nothing to a node that appears before the first event", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}detect = on\n[artnet out]\ndestination = auto\nstart = event\n[map]\nprobe.a > out.1\n`,
    );
    await node.send(replyOf("Dimmer", 0), OWN, PORT);
    await rig.log.seen(/node 'Dimmer'/);
    rig.probe.emit("a", 1);
    const first = await node.until((data) => data[9] === 0x50);
    assert.equal(first[18], 255);
  });

  it("with 'destination = auto' sends all its universes to a node that sends several replies without numbers", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}detect = on\n[artnet one]\nuniverse = 1\ndestination = auto\n` +
        "[artnet two]\nuniverse = 2\ndestination = auto\n[map]\nprobe.a > one.1\nprobe.b > two.1\n",
    );
    for (const universe of [1, 2]) await node.send(replyOf("Dimmer", universe), OWN, PORT);
    await rig.log.seen(/node 'Dimmer' at .* 0\.2$/);
    for (const channel of ["a", "b"]) rig.probe.emit(channel, 1);
    for (const universe of [1, 2]) {
      await node.until((data) => data[9] === 0x50 && data[14] === universe && data[18] === 255);
    }
  });

  it("with 'destination = auto' goes on sending to its nodes where a reload replaces it", async () => {
    const node = await Peer.at(NODE, PORT);
    const config = (options: string) =>
      `${BACKEND}[artnet out]\ndestination = auto\n${options}[map]\nprobe.a > out.1\n`;
    const rig = await DmxRig.started(config(""));
    await node.send(replyOf("Dimmer", 0), OWN, PORT);
    await node.until((data) => data[9] === 0x50);
    await rig.reload(config("rate = 30\n"));
    rig.probe.emit("a", 1);
    await node.until((data) => data[9] === 0x50 && data[18] === 255);
  });

  it("with 'destination = auto' sends to nodes that output the universe, as soon as they answer a poll", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}[artnet out]\nuniverse = 0x12\ndestination = auto\n[map]\nprobe.a > out.1\n`,
    );
    assert.equal(rig.status("out")?.state, "waiting");
    rig.probe.emit("a", 1);
    await node.send(replyOf("Dimmer\x1b[2J", 0x12), OWN, PORT);
    const dmx = await node.until((data) => data[9] === 0x50);
    assert.equal(dmx[18], 255);
    // Other programs on this machine may answer its polls, too, such as those of another test.
    const peers = rig.status("out")?.peers?.filter((peer) => peer.includes(NODE));
    assert.deepEqual(peers, [`node 'Dimmer?[2J' at ${NODE}, takes net.universe 0.18`]);
  });
});

/** What was emitted has been handled. */
function turnOf(_rig: DmxRig): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
