// sACN on its way out: the bytes, what is sent when, how it ends.
import assert from "node:assert/strict";
import path from "node:path";
import { Router } from "../lib/engine/router.js";
import { track } from "./desk-backend.js";
import { address, DmxRig, Peer, padded, universe } from "./dmx-network.js";
import { MemoryLog } from "./helpers.js";
import { ProbeBackend } from "./probe-backend.js";

const [OWN, NODE, SECOND] = [address(1), address(2), address(3)];
const PORT = 5568;
const CID = "4d 4d 00 11 22 33 44 55 66 77 88 99 aa bb cc dd";
const BACKEND = `[backend sacn]\nbind = ${OWN}\nname = golden\ncid = ${CID.split(" ")
  .map((byte) => `0x${byte}`)
  .join(" ")}\n`;

/** A packet of levels, as hex. */
function packet(sequence: string, priority: string, number: number, levels: string, options = "00"): string {
  const header =
    "0010 0000 4153432d45312e3137000000" +
    `726e 00000004 ${CID} 7258 00000002 ${padded("676f6c64656e", 64)}` +
    `${priority} 0000 ${sequence} ${options} ${number.toString(16).padStart(4, "0")} 720b 02 a1 0000 0001 0201 00`;
  return padded(`${header}${levels}`, 638);
}

const hexOf = (peer: Peer) => peer.received.map(({ data }) => data.toString("hex"));
const isLit = (data: Buffer) => data[126] === 127;

/** A peer that gets what is sent to a multicast group on the loopback interface. */
async function memberOf(number: number): Promise<Peer> {
  const group = `239.255.${number >> 8}.${number & 255}`;
  const member = await Peer.at(group, PORT);
  member.socket.addMembership(group, OWN);
  return member;
}

describe("a sacn instance with a priority", () => {
  it("sends to a destination: zeros at the start, then levels, each three times more", async () => {
    const node = await Peer.at(NODE, PORT);
    const rig = await DmxRig.started(
      `${BACKEND}[sacn out]\nuniverse = 258\npriority = 120\ndestination = ${NODE}\nrealtime = 1\n` +
        "[map]\nprobe.a > out.1\nprobe.w > out.512+511\n",
    );
    await node.count(4);
    rig.probe.emit("a", 0.5);
    await node.count(8);
    rig.probe.emit("w", 1);
    await node.until((data) => data[637] === 255 && data[636] === 255);
    const expected = ["00", "01", "02", "03"].map((sequence) => packet(sequence, "78", 258, ""));
    expected.push(...["04", "05", "06", "07"].map((sequence) => packet(sequence, "78", 258, "7f")));
    assert.deepEqual(hexOf(node).slice(0, 8), expected);
  });

  it("sends to the multicast group of its universe", async () => {
    const number = universe(1);
    const member = await memberOf(number);
    const rig = await DmxRig.started(
      `${BACKEND}[sacn out]\nuniverse = ${number}\npriority = 100\n[map]\nprobe.a > out.1\n`,
    );
    rig.probe.emit("a", 0.5);
    const data = await member.until(isLit);
    assert.equal(data.readUInt16BE(113), number);
  });

  it("says three times that it ends, at the stop and where a reload removes it", async () => {
    const node = await Peer.at(NODE, PORT);
    const other = `[sacn other]\nuniverse = 2\npriority = 9\ndestination = ${NODE}\n[map]\nprobe.b > other.1\n`;
    const one = `[sacn out]\nuniverse = 1\npriority = 9\ndestination = ${NODE}\n[map]\nprobe.a > out.1\n`;
    const rig = await DmxRig.started(`${BACKEND}${one}${other}`);
    const ends = (number: number) => (data: Buffer) => data[112] === 0x40 && data.readUInt16BE(113) === number;
    rig.probe.emit("a", 0.5);
    await node.until(isLit);
    await rig.reload(`${BACKEND}${other}`);
    await node.until(ends(1));
    await rig.router.stop();
    await node.until(ends(2));
    const rows = node.received.map(({ data }) => data);
    assert.equal(rows.filter(ends(1)).length, 3);
    assert.equal(rows.filter(ends(2)).length, 3);
    assert.equal(rows.find(ends(1))?.[126], 127);
    const sequences = rows.filter((data) => data.readUInt16BE(113) === 1).map((data) => data[111]);
    assert.deepEqual(sequences, [...sequences.keys()]);
  });

  it("goes on where a reload replaces it, without an end, except at a destination that it leaves", async () => {
    const [node, second] = [await Peer.at(NODE, PORT), await Peer.at(SECOND, PORT)];
    const config = (priority: number, to: string) =>
      `${BACKEND}[sacn out]\nuniverse = 1\npriority = ${priority}\ndestination = ${to}\n[map]\nprobe.a > out.1\n`;
    const rig = await DmxRig.started(config(1, NODE));
    rig.probe.emit("a", 0.5);
    await node.until(isLit);
    await rig.reload(config(2, NODE));
    const next = await node.until((data) => data[108] === 2);
    assert.equal(next[126], 127);
    assert.ok(node.received.every(({ data }) => data[112] === 0));
    await rig.reload(config(2, SECOND));
    assert.equal((await second.count(1))[0]?.data[126], 127);
    await node.until((data) => data[112] === 0x40);
  });

  it("begins with the levels it had where a reload gives it another universe", async () => {
    const node = await Peer.at(NODE, PORT);
    const config = (universe: number) =>
      `${BACKEND}[sacn out]\nuniverse = ${universe}\npriority = 1\ndestination = ${NODE}\n[map]\nprobe.a > out.1\n`;
    const rig = await DmxRig.started(config(1));
    rig.probe.emit("a", 0.5);
    await node.until(isLit);
    await rig.reload(config(2));
    assert.equal((await node.until((data) => data[114] === 2))[126], 127);
  });

  it("sends to all of 'also' too, and tells the one that a reload removes of the end", async () => {
    const [node, second] = [await Peer.at(NODE, PORT), await Peer.at(SECOND, PORT)];
    const config = (also: string) =>
      `${BACKEND}[sacn out]\nuniverse = 1\npriority = 1\ndestination = ${NODE}\n${also}[map]\nprobe.a > out.1\n`;
    const rig = await DmxRig.started(config(`also = ${SECOND}\n`));
    rig.probe.emit("a", 0.5);
    await Promise.all([node.until(isLit), second.until(isLit)]);
    await rig.reload(config(""));
    await second.until((data) => data[112] === 0x40);
    rig.probe.emit("a", 1);
    await node.until((data) => data[126] === 255);
    assert.ok(node.received.every(({ data }) => data[112] === 0));
    assert.ok(second.received.every(({ data }) => data[126] !== 255));
  });

  it("lists its universes in order, big endian, on the group of discovery", async () => {
    const everybody = await Peer.at("239.255.250.214", PORT);
    everybody.socket.addMembership("239.255.250.214", OWN);
    const instances = [258, 7].map(
      (number) => `[sacn u${number}]\nuniverse = ${number}\npriority = 1\ndestination = ${NODE}\n`,
    );
    await DmxRig.started(`${BACKEND}${instances.join("")}`);
    const list = await everybody.until((data, from) => data.length === 124 && from === OWN);
    const expected =
      "0010 0000 4153432d45312e3137000000" +
      `706c 00000008 ${CID} 7056 00000002 ${padded("676f6c64656e", 64)} 00000000 700c 00000001 00 00 0007 0102`;
    assert.equal(list.toString("hex"), expected.replaceAll(" ", ""));
  });

  it("has the same CID at each start, and another one for another configuration", async () => {
    const node = await Peer.at(NODE, PORT);
    const config = `[backend sacn]\nbind = ${OWN}\n[sacn out]\nuniverse = 1\npriority = 1\ndestination = ${NODE}\n`;
    /** Of a router on the configuration in a folder. */
    const cidIn = async (folder: string) => {
      const before = node.received.length;
      const options = { logger: new MemoryLog(), backends: [new ProbeBackend()] };
      const router = track(Router.fromFile(path.join(folder, "monster.cfg"), options));
      await router.start();
      const data = await node.until((frame) => frame[112] === 0, before);
      await router.stop();
      return data.subarray(22, 38).toString("hex");
    };
    const [here, there] = [new DmxRig(config).folder, new DmxRig(config).folder];
    const cid = await cidIn(here);
    assert.match(cid, /^.{12}5.{3}[89ab].{15}$/);
    assert.equal(await cidIn(here), cid);
    assert.notEqual(await cidIn(there), cid);
  });
});
