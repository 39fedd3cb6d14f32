// The packets of Art-Net and sACN as bytes, without a network.
import assert from "node:assert/strict";
import * as artnet from "../lib/backends/artnet/packets.js";
import * as sacn from "../lib/backends/sacn/packets.js";
import { fc } from "./properties.js";

const RUNS = { numRuns: 5000 };
const bytes = fc.uint8Array({ maxLength: 700 }).map((data) => Buffer.from(data));

/** Packets that are sound but for some bytes, or cut. */
function damaged(sound: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
  return fc.tuple(fc.array(change, { maxLength: 6 }), fc.nat(sound.length)).map(([changes, length]) => {
    const data = Buffer.from(sound);
    for (const [at, byte] of changes) data[at] = byte;
    return data.subarray(0, length);
  });
}

const ORIGIN = { cid: Buffer.alloc(16, 7), name: "golden" };
const NODE = {
  address: "10.0.0.2",
  port: 6454,
  mac: "02:00:00:00:00:01",
  portAddress: 0x1234,
  shortName: "a node whose name is long",
  longName: "x".repeat(100),
  counter: 1,
  bindIndex: 3,
  receives: { active: true, merging: false, latest: false },
};

describe("packets of Art-Net", () => {
  it("of any bytes are read without an exception, and not past their end", () => {
    const any = fc.oneof(bytes, damaged(artnet.createDmx(1)), damaged(artnet.createPollReply(NODE)));
    fc.assert(
      fc.property(any, (data) => {
        const operation = artnet.operationOf(data);
        if (operation === undefined) return;
        const count = artnet.dmxCount(data);
        assert.ok(count === undefined || (count >= 0 && count <= 512 && artnet.DMX_LEVELS_AT + count <= data.length));
        artnet.readPollReply(data);
      }),
      RUNS,
    );
  });

  it("that describe a node are understood by those who read them", () => {
    const data = artnet.createPollReply(NODE);
    assert.equal(artnet.operationOf(data), artnet.OP_POLL_REPLY);
    const { shortName, outputs, port, bindIndex } = artnet.readPollReply(data) ?? {};
    assert.deepEqual([shortName, outputs, port, bindIndex], ["a node whose name", [0x1234], 6454, 3]);
  });

  it("cut names where there is no room, and always end them", () => {
    for (const name of ["x".repeat(17), "x".repeat(18), "ü".repeat(9), "𝄞".repeat(5)]) {
      const data = artnet.createPollReply({ ...NODE, shortName: name });
      assert.equal(data[43], 0);
      assert.ok(name.startsWith(artnet.readPollReply(data)?.shortName ?? "?"));
    }
  });
});

describe("packets of sACN", () => {
  it("of any bytes are read without an exception, and not past their end", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, damaged(sacn.createData(ORIGIN, 1, 100))), (data) => {
        const kind = sacn.kindOf(data);
        if (kind !== sacn.Kind.data) return;
        const count = sacn.countOf(data);
        assert.ok(count >= 0 && count <= 512 && sacn.LEVELS_AT + count <= data.length);
        assert.ok(sacn.priorityOf(data) <= 200);
        sacn.nameOf(data);
        assert.equal(sacn.hasCid(data, sacn.cidOf(data)), true);
      }),
      RUNS,
    );
  });

  it("list any number of universes, 512 on a page", () => {
    const all = Array.from({ length: 1025 }, (_, i) => 63_999 - i);
    const pages = sacn.createDiscovery(ORIGIN, all);
    assert.deepEqual(
      pages.map((page) => [page.length, page[118], page[119]]),
      [
        [1144, 0, 2],
        [1144, 1, 2],
        [122, 2, 2],
      ],
    );
    assert.equal(pages[0]?.readUInt16BE(120), 62_975);
    assert.equal(pages[2]?.readUInt16BE(120), 63_999);
    for (const page of pages) {
      assert.equal(page.readUInt16BE(16), 0x7000 | (page.length - 16));
      assert.equal(page.readUInt16BE(112), 0x7000 | (page.length - 112));
    }
  });
});
