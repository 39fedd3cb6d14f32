// sACN on its way in: which sources count, and what their levels become.
import assert from "node:assert/strict";
import { address, DmxRig, Peer, stopClock, universe } from "./dmx-network.js";
import { fc } from "./properties.js";

const [OWN, DESK, OTHER] = [address(1), address(2), address(3)];
const PORT = 5568;
const BACKEND = `[backend sacn]\nbind = ${OWN}\n`;

const groupOf = (number: number) => `239.255.${number >> 8}.${number & 255}`;

interface Fields {
  cid?: string;
  universe?: number;
  priority?: number;
  sequence?: number;
  options?: number;
  startCode?: number;
  count?: number;
}

let numbers = 0;

/** A packet of levels; numbered in the order in which packets are made, unless it says otherwise. */
function packet(levels: readonly number[], fields: Fields = {}): Buffer {
  const data = Buffer.alloc(126 + levels.length);
  Buffer.from("001000004153432d45312e3137000000", "hex").copy(data);
  data.writeUInt16BE(0x7000 | (data.length - 16), 16);
  data.writeUInt32BE(4, 18);
  data.write((fields.cid ?? "desk").padEnd(16, "."), 22, "latin1");
  data.writeUInt16BE(0x7000 | (data.length - 38), 38);
  data.writeUInt32BE(2, 40);
  data.write(fields.cid ?? "desk", 44);
  data[108] = fields.priority ?? 100;
  data[111] = fields.sequence ?? numbers++ & 255;
  data[112] = fields.options ?? 0;
  data.writeUInt16BE(fields.universe ?? 1, 113);
  data.writeUInt16BE(0x7000 | (data.length - 115), 115);
  data.set([2, 0xa1, 0, 0, 0, 1], 117);
  data.writeUInt16BE(fields.count ?? levels.length + 1, 123);
  data[125] = fields.startCode ?? 0;
  data.set(levels, 126);
  return data;
}

/** Slot 1 goes to the probe's channel `level`, slot 2 to `end`. */
function rigWith(options = "", backend = BACKEND): Promise<DmxRig> {
  const number = options.includes("universe") ? "" : "universe = 1\n";
  return DmxRig.started(`${backend}[sacn in]\n${number}${options}[map]\nin.1 > probe.level\nin.2 > probe.end\n`);
}

/** The levels that came, as codes. */
const levelsOf = (rig: DmxRig) => rig.probe.values("level").map((value) => Math.round(value * 255));

describe("a sacn instance that receives", () => {
  const cases: [what: string, options: string, packets: [number, Fields?][], expected: number[]][] = [
    [
      "takes the source of the highest priority only",
      "",
      [
        [1, { cid: "low", priority: 90 }],
        [2, { cid: "high" }],
        [3, { cid: "low", priority: 90 }],
        [4, { cid: "low", priority: 90 }],
        [5, { cid: "high" }],
      ],
      [1, 2, 5],
    ],
    [
      "goes back to another source when the one of the highest priority ends",
      "",
      [
        [1, { cid: "low", priority: 90 }],
        [2, { cid: "high" }],
        [9, { cid: "high", options: 0x40 }],
        [1, { cid: "low", priority: 90 }],
      ],
      [1, 2, 1],
    ],
    [
      "takes the highest level of sources of one priority",
      "",
      [
        [20, { cid: "a" }],
        [10, { cid: "b" }],
        [30, { cid: "b" }],
        [40, { cid: "a" }],
      ],
      [20, 30, 40],
    ],
    [
      "takes the last frame of sources of one priority with 'merge = latest'",
      "merge = latest\n",
      [
        [20, { cid: "a" }],
        [10, { cid: "b" }],
        [5, { cid: "low", priority: 3 }],
        [20, { cid: "a" }],
      ],
      [20, 10, 20],
    ],
    [
      "drops what a source has changed once that ends, with 'merge = ltp'",
      "merge = ltp\n",
      [
        [10, { cid: "a" }],
        [200, { cid: "b" }],
        [9, { cid: "b", options: 0x40 }],
        [10, { cid: "a" }],
      ],
      [10, 200, 10],
    ],
    [
      "ignores previews, other start codes, and priorities that do not exist",
      "",
      [
        [1, { options: 0x80 }],
        [2, { startCode: 0xdd }],
        [3, { priority: 201 }],
        [4, {}],
      ],
      [4],
    ],
    [
      "drops packets that were overtaken, and repeated ones",
      "",
      [
        [1, { sequence: 5 }],
        [2, { sequence: 5 }],
        [3, { sequence: 242 }],
        [4, { sequence: 241 }],
        [5, { sequence: 6 }],
        [6, { sequence: 0 }],
      ],
      [1, 4, 5],
    ],
    [
      "with 'from' takes only that source",
      `from = ${[..."desk............"].map((character) => character.charCodeAt(0)).join(" ")}\n`,
      [
        [1, { cid: "other", priority: 200 }],
        [2, { cid: "desk" }],
      ],
      [2],
    ],
  ];
  for (const [what, options, packets, expected] of cases) {
    it(what, async () => {
      const rig = await rigWith(options);
      const desk = await Peer.at(DESK, PORT);
      const cids = new Map<string, number>();
      for (const [level, fields = {}] of packets) {
        const cid = fields.cid ?? "desk";
        const sequence = fields.sequence ?? (cids.get(cid) ?? 0) + 1;
        cids.set(cid, sequence);
        await desk.send(packet([level], { ...fields, cid, sequence }), OWN, PORT);
      }
      const last = options.startsWith("from") ? "desk" : (packets.at(-1)?.[1]?.cid ?? "desk");
      const sequence = (cids.get(last) ?? 0) + 25;
      const priority = packets.at(-1)?.[1]?.priority ?? 100;
      await desk.send(packet([expected.at(-1) ?? 0, 255], { cid: last, sequence, priority }), OWN, PORT);
      await rig.probe.until("end");
      assert.deepEqual(levelsOf(rig), expected);
    });
  }

  it("gets multicasts though it is bound to an address, and names the source", async () => {
    const [first, second] = [universe(1), universe(2)];
    const rig = await DmxRig.started(
      `${BACKEND}detect = on\n[sacn in]\nuniverse = ${first}\n[sacn more]\nuniverse = ${second}\nunicast = 1\n` +
        "[map]\nin.1 > probe.level\nmore.1 > probe.more\n",
    );
    const desk = await Peer.at(DESK, PORT);
    desk.socket.setMulticastInterface(DESK);
    await desk.send(packet([3], { universe: second }), groupOf(second), PORT);
    await desk.send(packet([7], { universe: first }), groupOf(first), PORT);
    await rig.probe.until("level");
    assert.deepEqual(levelsOf(rig), [7]);
    assert.deepEqual(rig.probe.values("more"), []);
    await desk.send(packet([3], { universe: second }), OWN, PORT);
    await rig.probe.until("more");
    assert.match(rig.status("in")?.text ?? "", /: receives from 'desk', priority 100$/);
    assert.equal(rig.log.matching(/^in: 'desk' sends universe/).length, 1);
  });

  it("leaves the group where a reload makes it unicast", async () => {
    const number = universe(3);
    const rig = await rigWith(`universe = ${number}\n`);
    const desk = await Peer.at(DESK, PORT);
    desk.socket.setMulticastInterface(DESK);
    await desk.send(packet([7], { universe: number }), groupOf(number), PORT);
    await rig.probe.until("level");
    await rig.reload(
      `${BACKEND}[sacn in]\nuniverse = ${number}\nunicast = 1\n[map]\nin.1 > probe.level\nin.2 > probe.end\n`,
    );
    await desk.send(packet([9], { universe: number }), groupOf(number), PORT);
    await desk.send(packet([3, 1], { universe: number }), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(levelsOf(rig), [7, 3]);
  });

  it("receives dozens of universes on one address", async () => {
    const count = 48;
    const all = Array.from({ length: count }, (_, i) => universe(100 + i));
    const instances = all.map((number, i) => `[sacn u${i}]\nuniverse = ${number}\n`);
    const maps = all.map((_, i) => `u${i}.1 > probe.${i}\n`);
    const rig = await DmxRig.started(`${BACKEND}${instances.join("")}[map]\n${maps.join("")}`);
    const desk = await Peer.at(DESK, PORT);
    desk.socket.setMulticastInterface(DESK);
    for (const number of all) {
      await desk.send(packet([9], { universe: number }), groupOf(number), PORT);
    }
    await Promise.all(all.map((_, i) => rig.probe.until(`${i}`)));
    assert.equal(rig.probe.received.length, count);
  });

  for (const local of [false, true]) {
    it(`${local ? "gets" : "does not get"} what this program sends itself ${local ? "with" : "without"} 'local'`, async () => {
      const number = universe(3);
      const backend = `[backend sacn]\nbind = ${OWN} 5568${local ? " local" : ""}\n`;
      const rig = await DmxRig.started(
        `${backend}[sacn both]\nuniverse = ${number}\npriority = 100\n` +
          "[map]\nprobe.a > both.1\nboth.1 > probe.level\nboth.2 > probe.end\n",
      );
      const group = groupOf(number);
      const other = await Peer.at(group, PORT);
      other.socket.addMembership(group, OWN);
      rig.probe.emit("a", 1);
      await other.until((data) => data[126] === 255);
      if (local) await rig.probe.until("level");
      const desk = await Peer.at(DESK, PORT);
      await desk.send(packet([0, 255], { universe: number }), OWN, PORT);
      await rig.probe.until("end");
      assert.deepEqual(levelsOf(rig), local ? [255] : []);
    });
  }

  it("goes to 'timeout-value' at once when its only source ends", async () => {
    const rig = await rigWith("timeout = 60\ntimeout-value = zero\n");
    const desk = await Peer.at(DESK, PORT);
    await desk.send(packet([200], { sequence: 1 }), OWN, PORT);
    await desk.send(packet([], { sequence: 2, options: 0x40 }), OWN, PORT);
    assert.deepEqual((await rig.probe.until("level", 2))[1], 0);
    await desk.send(packet([0, 255], { sequence: 3 }), OWN, PORT);
    await rig.probe.until("end", 2);
  });

  it("does not warn of a source that counts again after one of a higher priority", async () => {
    const rig = await rigWith("merge = latest\n");
    const desk = await Peer.at(DESK, PORT);
    await desk.send(packet([1], { cid: "low" }), OWN, PORT);
    await desk.send(packet([2], { cid: "high", priority: 150, sequence: 1 }), OWN, PORT);
    await desk.send(packet([2], { cid: "high", priority: 50, sequence: 2 }), OWN, PORT);
    await desk.send(packet([3], { cid: "low" }), OWN, PORT);
    await desk.send(packet([2], { cid: "high", priority: 150, sequence: 3 }), OWN, PORT);
    await desk.send(packet([2], { cid: "high", sequence: 4, options: 0x40 }), OWN, PORT);
    await desk.send(packet([0, 255], { cid: "low" }), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(levelsOf(rig), [1, 2, 3, 2, 0]);
    assert.deepEqual(rig.log.matching(/sources send/), []);
  });

  it("keeps to the source of the highest priority where a reload replaces it", async () => {
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    await desk.send(packet([200], { cid: "high", priority: 150, sequence: 1 }), OWN, PORT);
    await rig.probe.until("level");
    const reload = (options: string) =>
      rig.reload(`${BACKEND}[sacn in]\nuniverse = 1\n${options}[map]\nin.1 > probe.level\nin.2 > probe.end\n`);
    await reload("timeout = 60\n");
    await desk.send(packet([1], { cid: "low" }), OWN, PORT);
    await desk.send(packet([201, 255], { cid: "high", priority: 150, sequence: 2 }), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(levelsOf(rig), [200, 201]);
    await reload(`from = ${[..."low............."].map((character) => character.charCodeAt(0)).join(" ")}\n`);
    await desk.send(packet([1], { cid: "low" }), OWN, PORT);
    assert.equal((await rig.probe.until("level", 3))[2], 1 / 255);
  });

  it("forgets the source of the highest priority after two and a half seconds of silence", async () => {
    const rig = await rigWith();
    const [desk, other] = [await Peer.at(DESK, PORT), await Peer.at(OTHER, PORT)];
    await desk.send(packet([200], { cid: "high", priority: 150 }), OWN, PORT);
    const timer = setInterval(() => void other.send(packet([50], { cid: "low" }), OWN, PORT), 100);
    try {
      await rig.probe.until("level", 2);
    } finally {
      clearInterval(timer);
    }
    assert.deepEqual(levelsOf(rig), [200, 50]);
  });

  it("takes sixteen sources and no more, but one of a higher priority", async () => {
    const rig = await rigWith("merge = latest\n");
    const desk = await Peer.at(DESK, PORT);
    for (let i = 1; i <= 20; ++i) await desk.send(packet([i], { cid: `source ${i}` }), OWN, PORT);
    await desk.send(packet([99], { cid: "higher", priority: 101 }), OWN, PORT);
    await desk.send(packet([98], { cid: "source 1", sequence: 200 }), OWN, PORT);
    await desk.send(packet([0, 255], { cid: "higher", priority: 101 }), OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(levelsOf(rig), [...Array.from({ length: 16 }, (_, i) => i + 1), 99, 0]);
    assert.equal(rig.log.matching(/more than 16 sources send universe 1; 'source 17' is ignored/).length, 1);
  });

  it("logs sources that come and go all the time only so often in a second, with 'detect'", async () => {
    stopClock();
    const rig = await rigWith("", `${BACKEND}detect = on\n`);
    const desk = await Peer.at(DESK, PORT);
    for (let i = 0; i < 100; ++i) {
      await desk.send(packet([1], { cid: `source ${i}`, sequence: 1 }), OWN, PORT);
      await desk.send(packet([], { cid: `source ${i}`, sequence: 2, options: 0x40 }), OWN, PORT);
    }
    await desk.send(packet([0, 255]), OWN, PORT);
    await rig.probe.until("end");
    assert.equal(rig.log.matching(/^in: '.*' (sends|does not send) /).length, 20);
  });

  it("takes no more levels than a datagram holds", async () => {
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    await desk.send(packet([1, 255]), OWN, PORT);
    await desk.send(packet([2], { count: 513 }), OWN, PORT);
    await rig.probe.until("level", 2);
    assert.deepEqual(rig.probe.values("end"), [1]);
  });
});

describe("datagrams that are no sACN, or a broken one,", () => {
  it("are told of once, then counted, and change nothing", async () => {
    const rig = await rigWith();
    const desk = await Peer.at(DESK, PORT);
    for (let i = 0; i < 20; ++i) await desk.send("00 10", OWN, PORT);
    for (let i = 0; i < 20; ++i) await desk.send(packet([1], { count: 514 }), OWN, PORT);
    await desk.send(packet([0, 255]), OWN, PORT);
    await rig.probe.until("end");
    assert.equal(rig.log.matching(/ignored a datagram from .*, which is not sACN/).length, 1);
    assert.equal(rig.log.matching(/ignored a malformed packet from /).length, 1);
    assert.deepEqual(levelsOf(rig), []);
  });

  it("end nothing, whatever they are", async () => {
    const rig = await rigWith("merge = ltp\n", `${BACKEND}detect = on\n`);
    const desk = await Peer.at(DESK, PORT);
    const sound = packet([1, 2, 3, 4]);
    const changed = fc
      .array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .chain((changes) => fc.nat(sound.length).map((length) => ({ changes, length })))
      .map(({ changes, length }) => {
        const data = Buffer.from(sound);
        for (const [at, byte] of changes) data[at] = byte;
        return data.subarray(0, length);
      });
    const datagrams = fc.oneof(fc.uint8Array({ maxLength: 200 }), changed);
    let sent = 0;
    for (const datagram of fc.sample(datagrams, 2000)) {
      await desk.send(datagram, OWN, PORT);
      if (++sent % 50 > 0) continue;
      // So that the system's buffer does not overflow. Whatever came before, this source counts.
      const before = rig.probe.values("end").length;
      const [on, off] = sent % 100 === 0 ? [254, 253] : [251, 252];
      const from = { cid: `test ${sent}`, priority: 200 };
      await desk.send(packet([0, on], { ...from, sequence: 1 }), OWN, PORT);
      await desk.send(packet([0, off], { ...from, sequence: 2 }), OWN, PORT);
      await desk.send(packet([], { ...from, sequence: 3, options: 0x40 }), OWN, PORT);
      await rig.probe.until("end", before + 1);
    }
    assert.deepEqual(
      rig.log.entries.filter(({ level }) => level === "error"),
      [],
    );
  });
});
