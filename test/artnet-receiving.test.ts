// Art-Net on its way in: which frames count, and what they become.
import assert from "node:assert/strict";
import { address, DmxRig, OWN_PORT, Peer, stopClock } from "./dmx-network.js";
import { fc } from "./properties.js";

const [OWN, DESK, OTHER] = [address(1), address(2), address(3)];
const PORT = 6454;
const BACKEND = `[backend artnet]\nbind = ${OWN}\n`;

/** An ArtDmx. */
function dmx(levels: readonly number[], { sequence = 0, universe = 0, net = 0, length = levels.length } = {}): Buffer {
  const header = Buffer.from("4172742d4e6574000050000e", "hex");
  const rest = [sequence, 0, universe, net, length >> 8, length & 255];
  return Buffer.concat([header, Buffer.from(rest), Buffer.from(levels)]);
}

/** An instance `in` whose slots 1 to 4 go to channels of the probe, `w` is a pair, and `end` is slot 9. */
const MAP = "[map]\nin.{1..4} > probe.{1..4}\nin.5+6 > probe.w\nin.9 > probe.end\n";
const END = [0, 0, 0, 0, 0, 0, 0, 0];

function rigWith(options = "", backend = ""): Promise<DmxRig> {
  return DmxRig.started(`${BACKEND}${backend}[artnet in]\n${options}${MAP}`);
}

describe("an artnet instance that receives", () => {
  it("makes an event for each level that changes, and one for a pair", async () => {
    const rig = await rigWith("net = 2\nuniverse = 0x1f\n");
    const desk = await Peer.at(DESK, PORT);
    const to = { net: 2, universe: 31 };
    await desk.send(dmx([127, 255, 0, 0, 0x7f, 0xff], to), OWN, PORT);
    await desk.send(dmx([127, 254, 0, 0, 0x80, 0xff], to), OWN, PORT);
    await desk.send(dmx([...END, 255], to), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(rig.probe.received, [
      ["1", 127 / 255],
      ["2", 1],
      ["w", 0x7fff / 65535],
      ["2", 254 / 255],
      ["w", 0x80ff / 65535],
      ["1", 0],
      ["2", 0],
      ["w", 0],
      ["end", 1],
    ]);
  });

  it("keeps levels that a short frame leaves out, and takes no more than a datagram holds", async () => {
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    await desk.send(dmx([10, 20, 30, 40]), OWN, PORT);
    await desk.send(dmx([11], { length: 512 }), OWN, PORT);
    await desk.send(dmx([11, 20, 30, 40, 0, 0, 0, 0, 255]), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(rig.probe.values("1"), [10 / 255, 11 / 255]);
    assert.deepEqual(rig.probe.values("2"), [20 / 255]);
  });

  it("drops frames that were overtaken on the way, but not those without numbers, nor a source that begins again", async () => {
    stopClock();
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    const sequences = [250, 3, 252, 3, 240, 200, 0, 190];
    for (const [i, sequence] of sequences.entries()) await desk.send(dmx([i + 1], { sequence }), OWN, PORT);
    await desk.send(dmx([8, 0, 0, 0, 0, 0, 0, 0, 255], { sequence: 191 }), OWN, PORT);
    await rig.probe.until("end");
    // 252 is 7 behind 3, 240 is 19 behind it; 200 is far behind, so it is a new beginning.
    assert.deepEqual(
      rig.probe.values("1").map((value) => Math.round(value * 255)),
      [1, 2, 4, 6, 7, 8],
    );
  });

  it("takes the frames of a source that begins again soon, with a number like the last one", async () => {
    const pass = stopClock();
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    await desk.send(dmx([1], { sequence: 15 }), OWN, PORT);
    await rig.probe.until("1");
    pass(900);
    await desk.send(dmx([2], { sequence: 1 }), OWN, PORT);
    await rig.probe.until("1", 2);
  });

  it("gets broadcasts though it is bound to an address", async () => {
    const rig = await DmxRig.started(`[backend artnet]\nbind = ${OWN} ${OWN_PORT}\n[artnet in]\n${MAP}`);
    const desk = await Peer.at(DESK, OWN_PORT);
    desk.socket.setBroadcast(true);
    await desk.send(dmx([...END, 255]), "127.255.255.255", OWN_PORT);
    await rig.probe.until("end");
  });

  const merges: [merge: string, expected: number[]][] = [
    ["latest", [100, 50, 0, 200]],
    ["htp", [100, 200]],
    ["ltp", [100, 50, 200]],
  ];
  for (const [merge, expected] of merges) {
    it(`combines two sources as 'merge = ${merge}' says`, async () => {
      const rig = await rigWith(`merge = ${merge}\n`);
      const [desk, other] = [await Peer.at(DESK, PORT), await Peer.at(OTHER, PORT)];
      await desk.send(dmx([100]), OWN, PORT);
      await other.send(dmx([50]), OWN, PORT);
      await desk.send(dmx(merge === "latest" ? [0] : [100, 1]), OWN, PORT);
      await desk.send(dmx([200, 0, 0, 0, 0, 0, 0, 0, 255]), OWN, PORT);
      await rig.probe.until("end");
      assert.deepEqual(
        rig.probe.values("1").map((value) => Math.round(value * 255)),
        expected,
      );
      const warned = rig.log.matching(/2 sources send net 0, universe 0/).length;
      assert.equal(warned, merge === "latest" ? 1 : 0);
      assert.deepEqual(rig.status("in")?.peers, [`${DESK}:6454`, `${OTHER}:6454`]);
    });
  }

  it("does not warn of a source that takes the place of another", async () => {
    const rig = await rigWith();
    const [desk, other] = [await Peer.at(DESK, PORT), await Peer.at(OTHER, PORT)];
    await desk.send(dmx([100]), OWN, PORT);
    await rig.probe.until("1");
    for (const level of [1, 2]) await other.send(dmx([level]), OWN, PORT);
    await rig.probe.until("1", 3);
    assert.deepEqual(rig.log.matching(/sources send/), []);
  });

  it("goes to 'timeout-value' when no data comes any more, and back when it does", async () => {
    const rig = await rigWith("timeout = 0.2\ntimeout-value = 0.25\n");
    const desk = await Peer.at(DESK, PORT);
    await desk.send(dmx([255]), OWN, PORT);
    await rig.probe.until("1", 2);
    await rig.log.seen(/in: no data of net 0, universe 0 for 0\.2 s; its channels go to 0\.25/);
    await desk.send(dmx([255]), OWN, PORT);
    await rig.probe.until("1", 3);
    assert.deepEqual(rig.probe.values("1").slice(0, 3), [1, 0.25, 1]);
    await rig.log.seen(/in: net 0, universe 0 is received again/);
  });

  it("tells a channel that a reload adds its level, also if that is 0", async () => {
    const rig = await DmxRig.started(`${BACKEND}[artnet in]\n[map]\nin.1 > probe.1\n`);
    const desk = await Peer.at(DESK, PORT);
    await desk.send(dmx([255, 255]), OWN, PORT);
    await rig.probe.until("1");
    await rig.reload(`${BACKEND}[artnet in]\n[map]\nin.1 > probe.1\nin.{2,3} > probe.{2,3}\n`);
    await desk.send(dmx([255, 255, 0]), OWN, PORT);
    assert.deepEqual([await rig.probe.until("2"), await rig.probe.until("3")], [[1], [0]]);
    assert.deepEqual(rig.probe.values("1"), [1]);
  });

  it("learns all levels again where a reload replaces it", async () => {
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    await desk.send(dmx([1, 2, 0]), OWN, PORT);
    await rig.probe.until("2");
    await rig.reload(`${BACKEND}[artnet in]\ntimeout = 100\n${MAP}`);
    await desk.send(dmx([1, 0, 0, 0, 0, 0, 0, 0, 255]), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(rig.probe.values("1"), [1 / 255, 1 / 255]);
    assert.deepEqual(rig.probe.values("2"), [2 / 255, 0]);
    assert.deepEqual(rig.probe.values("3"), [0]);
  });

  it("takes a pair that a reload makes of its slot, and the slot again", async () => {
    const config = (channel: string) => `${BACKEND}[artnet in]\n[map]\nin.${channel} > probe.x\n`;
    const rig = await DmxRig.started(config("1"));
    const desk = await Peer.at(DESK, PORT);
    await rig.reload(config("1+2"));
    await desk.send(dmx([1, 0]), OWN, PORT);
    assert.deepEqual(await rig.probe.until("x"), [256 / 65535]);
    await assert.rejects(rig.reload(`${config("1+2")}in.2 > probe.y\n`), { code: "CONFIG" });
    await desk.send(dmx([2, 0]), OWN, PORT);
    assert.deepEqual(await rig.probe.until("x", 2), [256 / 65535, 512 / 65535]);
    await rig.reload(config("2"));
    await desk.send(dmx([2, 255]), OWN, PORT);
    assert.equal((await rig.probe.until("x", 3))[2], 1);
  });

  it("logs what arrives where 'detect' asks for it, values at most once a second", async () => {
    const rig = await rigWith("", "detect = verbose\n");
    const desk = await Peer.at(DESK, PORT);
    await desk.send(dmx([1], { universe: 77 }), OWN, PORT);
    for (const level of [51, 102, 153]) await desk.send(dmx([level]), OWN, PORT);
    await desk.send(dmx([0, 0, 0, 0, 0, 0, 0, 0, 255]), OWN, PORT);
    await rig.probe.until("end");
    assert.equal(rig.log.matching(/in: in\.1 = 0\.2000/).length, 1);
    assert.equal(rig.log.matching(/in: in\.1 = /).length, 1);
    assert.equal(rig.log.matching(/sends net 0, universe 77, which no instance receives/).length, 1);
    assert.equal(rig.log.matching(/sends net 0, universe 0$/).length, 1);
  });
});

describe("datagrams that are no Art-Net, or a broken one,", () => {
  it("are told of once, then counted, and change nothing", async () => {
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    for (let i = 0; i < 20; ++i) await desk.send("00 01", OWN, PORT);
    for (let i = 0; i < 20; ++i) await desk.send(dmx([1], { length: 513 }), OWN, PORT);
    await desk.send(dmx([...END, 255]), OWN, PORT);
    await rig.probe.until("end");
    assert.equal(rig.log.matching(/ignored a datagram from .*, which is not Art-Net/).length, 1);
    assert.equal(rig.log.matching(/ignored a malformed ArtDmx from /).length, 1);
    assert.deepEqual(rig.probe.values("1"), []);
  });

  it("end nothing, whatever they are", async () => {
    const rig = await rigWith("merge = htp\n", "detect = on\n");
    const desk = await Peer.at(DESK, PORT);
    const operations = ["0050", "0020", "0021", "0052", "0080", "ffff"];
    const begun = fc.tuple(fc.constantFrom(...operations), fc.uint8Array({ maxLength: 300 }));
    const datagrams = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      begun.map(([operation, rest]) => Buffer.concat([Buffer.from(`4172742d4e657400${operation}`, "hex"), rest])),
    );
    let sent = 0;
    for (const datagram of fc.sample(datagrams, 2000)) {
      await desk.send(datagram, OWN, PORT);
      if (++sent % 50 > 0) continue;
      // So that the system's buffer does not overflow.
      const before = rig.probe.values("end").length;
      await desk.send(dmx([...END, sent % 100 === 0 ? 255 : 0], { universe: 0 }), OWN, PORT);
      await desk.send(dmx([...END, sent % 100 === 0 ? 0 : 255], { universe: 0 }), OWN, PORT);
      await rig.probe.until("end", before + 1);
    }
    assert.deepEqual(
      rig.log.entries.filter(({ level }) => level === "error"),
      [],
    );
  });
});
