// What goes past the MQTT library: values in packets that a broker sends, in any pieces, and packets that go to it.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { MAX_FIXED, readDecimal, writeFixed } from "../lib/backends/mqtt/decimals.js";
import { Intake } from "../lib/backends/mqtt/intake.js";
import { Outlet } from "../lib/backends/mqtt/outlet.js";
import { Publisher } from "../lib/backends/mqtt/publisher.js";
import { Splitter } from "../lib/backends/mqtt/splitter.js";
import { TopicTable } from "../lib/backends/mqtt/topic-table.js";
import { fc } from "./properties.js";

const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const text = (content: string) => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

function packet(first: number, body: Buffer): Buffer {
  const header = [first];
  let rest = body.length;
  do {
    header.push((rest & 0x7f) | (rest >= 128 ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

const topics = () => {
  const table = new TopicTable<{ readonly topic: string }>();
  for (const topic of ["a", "ab", "stage/é", "stage/fader/1"]) table.set({ topic });
  return table;
};

/** What becomes of bytes that come in pieces of these lengths, and then a byte at a time. */
function split(version5: boolean, bytes: Buffer, pieces: readonly number[], hasHandled = () => true) {
  const splitter = new Splitter(topics(), version5);
  const values: string[] = [];
  const forwarded: Buffer[] = [];
  splitter.attach({
    value: ({ topic }, all, start, end, marked) =>
      values.push(`${topic}${marked ? "!" : ""}=${all.toString("latin1", start, end)}`),
    end: () => {},
    forward: (some) => forwarded.push(some) > 0,
    hasHandled,
  });
  splitter.begin();
  for (let at = 0, i = 0; at < bytes.length; ++i) {
    const length = Math.min(Math.max(pieces[i] ?? 1, 1), bytes.length - at, splitter.space.length);
    bytes.copy(splitter.space, 0, at, at + length);
    splitter.read(length);
    at += length;
  }
  return { values, forwarded: Buffer.concat(forwarded) };
}

/** A packet, and the value that it brings; without one, it is for the library. */
interface Sent {
  readonly bytes: Buffer;
  readonly value?: string;
}

const payloads = fc.oneof(
  fc.constantFrom("", "0", "0.5", "1e-1", "nan", "x".repeat(200), "y".repeat(70_000)),
  fc.double().map(String),
);
const known = fc.constantFrom("a", "ab", "stage/é", "stage/fader/1");
/** Properties that say nothing about the topic, of a message in version 5. */
const PROPERTIES = [
  ["", false],
  ["0101", true],
  ["0100", false],
  ["02 0000000f", false],
  ["03 0001 61 08 0001 62 09 0001 63", false],
  ["26 0001 61 0002 6263 0101 26 0000 0000", true],
] as const;

function sent(version5: boolean): fc.Arbitrary<Sent> {
  const message = fc
    .record({ topic: known, payload: payloads, retain: fc.boolean(), properties: fc.constantFrom(...PROPERTIES) })
    .map(({ topic, payload, retain, properties: [hex, marked] }): Sent => {
      const properties = version5 ? Buffer.concat([Buffer.from([bytesOf(hex).length]), bytesOf(hex)]) : Buffer.alloc(0);
      const bytes = packet(retain ? 0x31 : 0x30, Buffer.concat([text(topic), properties, Buffer.from(payload)]));
      // More than is read at once.
      if (bytes.length > 65_536) return { bytes };
      return { bytes, value: `${topic}${version5 && marked ? "!" : ""}=${payload}` };
    });
  const none = version5 ? "00" : "";
  const others = fc
    .constantFrom(
      "d000",
      "4002 0001",
      "6202 0001",
      "9003 0001 00",
      `30${version5 ? "05" : "04"} 0001 7a ${none} 31`, // another topic
      `32${version5 ? "07" : "06"} 0001 61 0007 ${none} 31`, // to be acknowledged
    )
    .map((hex): Sent => ({ bytes: bytesOf(hex) }));
  return fc.oneof(message, others);
}

describe("what an mqtt broker sends", () => {
  for (const version5 of [true, false]) {
    const version = version5 ? "5" : "3.1.1";
    it(`arrives whole and in order, in whatever pieces it comes, in version ${version}`, () => {
      const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(65_536)), { maxLength: 30 });
      fc.assert(
        fc.property(fc.array(sent(version5), { maxLength: 12 }), pieces, (all, lengths) => {
          const bytes = Buffer.concat(all.map((one) => one.bytes));
          const { values, forwarded } = split(version5, bytes, [...lengths, 1, 2, 3, ...Array(20).fill(65_536)]);
          assert.deepEqual(
            values,
            all.flatMap(({ value }) => value ?? []),
          );
          const library = Buffer.concat(all.filter(({ value }) => value === undefined).map((one) => one.bytes));
          assert.ok(forwarded.equals(library));
        }),
        { numRuns: 300 },
      );
    });
  }

  it("that is not MQTT, or wrong, goes to the library as it is, which says why", () => {
    const wrong: [what: string, hex: string][] = [
      ["another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n").toString("hex")],
      ["a length of five bytes", "30 ffffffffff"],
      ["a topic beyond its packet", "3004 00ff 61 00"],
      ["a message without a topic", "3001 00"],
      ["properties beyond their packet", "3006 0001 61 7f 01 01"],
      ["a property beyond the others", "3006 0001 61 01 02 00"],
      ["an unknown property", "3006 0001 61 02 7f 00"],
      ["an alias of zero", "3007 0001 61 03 23 0000"],
      ["an alias that was never given", "3006 0000 03 23 0001"],
    ];
    for (const [what, hex] of wrong) {
      const { values, forwarded } = split(true, bytesOf(hex), []);
      assert.deepEqual([values, forwarded.toString("hex")], [[], hex.replaceAll(" ", "")], what);
    }
  });

  it("can be any bytes: none is lost, and nothing is thrown", () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc
        .constantFrom("3003000161", "30050001610031", "3009000161032300013131", "30060000032300013131", "d000")
        .map(bytesOf),
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), fc.boolean(), fc.array(fc.nat(9)), (chunks, version5, pieces) => {
        const bytes = Buffer.concat(chunks);
        const { values, forwarded } = split(version5, bytes, pieces);
        // What is neither a value nor forwarded is the beginning of a packet.
        assert.ok(forwarded.length <= bytes.length);
        assert.ok(values.length > 0 || bytes.length - forwarded.length < 65_541);
      }),
      { numRuns: 1000 },
    );
  });

  it("may name a topic by a number, which is what the broker said last", () => {
    const name = (topic: string, alias: number, payload: string) =>
      packet(0x30, Buffer.concat([text(topic), Buffer.from([3, 0x23, 0, alias]), Buffer.from(payload)]));
    const bytes = [
      name("a", 1, "1"),
      name("", 1, "2"),
      name("z", 1, "3"), // another topic
      name("", 1, "4"),
      name("ab", 1, "5"),
      packet(0x32, Buffer.concat([text("a"), bytesOf("0007 03 23 0002"), Buffer.from("6")])), // to be acknowledged
      name("", 1, "7"),
      name("", 2, "8"),
      // Not all of it is read at once: what it has said is not known.
      packet(0x30, Buffer.concat([text("stage/é"), Buffer.from([3, 0x23, 0, 1]), Buffer.alloc(70_000)])),
      name("", 1, "9"),
      name("", 2, "10"),
      name("a", 0, "11"),
    ];
    const { values } = split(true, Buffer.concat(bytes), Array(5).fill(65_536));
    assert.deepEqual(values, ["a=2", "ab=7", "a=8"]);
  });

  it("goes to the library while that still has something to do, so that it stays in order", () => {
    const bytes = bytesOf("3005 0001 61 00 31 d000 3005 0001 61 00 32");
    assert.deepEqual(split(true, bytes, [99], () => false).values, []);
    assert.ok(split(true, bytes, [99], () => false).forwarded.equals(bytes));
    let packets = 0;
    const counted = split(true, bytes, [99], () => ++packets === 1);
    assert.deepEqual([counted.values, counted.forwarded.length], [["a=1"], 9]);
  });

  it("is found among thousands of topics, and after they have changed", () => {
    const table = new TopicTable<{ readonly topic: string; readonly channel: number }>();
    const find = (topic: string) => table.find(Buffer.from(`..${topic}.`), 2, 2 + Buffer.byteLength(topic))?.channel;
    assert.equal(find("t"), undefined);
    const names = Array.from({ length: 3000 }, (_, i) => `t/${i % 70}/é/${i}`);
    for (const [channel, topic] of names.entries()) table.set({ topic, channel });
    for (const [channel, topic] of names.entries()) {
      assert.equal(find(topic), channel);
      assert.equal(find(`${topic}/`), undefined);
    }
    assert.equal(table.delete(names[5] ?? ""), true);
    assert.deepEqual([find(names[5] ?? ""), find(names[6] ?? "")], [undefined, 6]);
  });

  it("is read at once, and by the millisecond while it comes without a pause", async () => {
    let time = 0;
    const read: number[] = [];
    const intake = new Intake({ space: Buffer.alloc(9), read: (count) => read.push(count) > 0 }, () => time);
    let resumed: () => void = () => {};
    intake.attach({ resume: () => resumed() } as unknown as Socket);
    const { callback } = intake.onread;
    for (let i = 0; i < 20; i++) {
      time += 2;
      assert.equal(callback(1), true);
    }
    const goesOn: boolean[] = [];
    for (let i = 0; i < 4; i++) goesOn.push(callback(1));
    assert.deepEqual(goesOn, [true, true, true, false]);
    await new Promise<void>((resolve) => {
      resumed = resolve;
    });
    // What has collected meanwhile is one more of many, and much is no reason to wait for more.
    assert.equal(callback(2 ** 15), true);
    time += 3;
    assert.equal(callback(1), true);
    assert.equal(read.length, 26);
  });

  it("is not read before the library wants more", () => {
    let resumed = 0;
    const intake = new Intake({ space: Buffer.alloc(9), read: () => false }, () => 1e6);
    intake.attach({ resume: () => ++resumed } as unknown as Socket);
    intake.wanted();
    assert.equal(resumed, 0);
    assert.equal(intake.onread.callback(1), false);
    intake.wanted();
    intake.wanted();
    assert.equal(resumed, 1);
  });
});

describe("a number in an mqtt message", () => {
  const bytes = Buffer.alloc(MAX_FIXED);
  const written = (value: number) => bytes.toString("latin1", 0, writeFixed(bytes, 0, value));

  it("has six decimals, correctly rounded", () => {
    const some = [
      0,
      -0,
      1,
      0.5,
      1 / 3,
      2 / 3,
      0.9999995,
      0.9999994999,
      999.9999999,
      1000,
      1e15,
      -0.0000001,
      -12.5,
      0.1 + 0.2,
    ];
    for (const value of some) assert.equal(written(value), value.toFixed(6));
    const near = fc.tuple(fc.integer({ min: -2e9, max: 2e9 }), fc.integer({ min: -3, max: 3 }));
    const values = fc.oneof(
      fc.double({ min: 0, max: 1 }),
      fc.double({ min: -1e15, max: 1e15 }),
      // Half way between two texts, and next to it.
      near.map(([half, off]) => (half + 0.5) / 1e6 + off * Number.EPSILON * 100),
      near.map(([half]) => (half + 0.5) / 1e6),
    );
    fc.assert(
      fc.property(values, (value) => assert.equal(written(value), value.toFixed(6))),
      { numRuns: 20_000 },
    );
  });

  it("is read as precisely as by anything else, if it is in plain digits", () => {
    const read = (content: string) => readDecimal(Buffer.from(`9${content}9`), 1, 1 + content.length);
    for (const other of ["", ".", "1.", "-1", "+1", "1e1", "0x1", " 1", "1 ", "1.2.3", "x", "1234567890123456"]) {
      assert.ok(Number.isNaN(read(other)), other);
    }
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 0, maxLength: 9 });
    fc.assert(
      fc.property(digits, digits, (whole, fraction) => {
        const content = fraction === "" ? whole : `${whole}.${fraction}`;
        const value = read(content);
        if (content.length <= 15 && content !== "") assert.equal(value, Number(content));
        else assert.ok(Number.isNaN(value) || value === Number(content));
      }),
      { numRuns: 5000 },
    );
  });
});

/** A socket that takes so many bytes at once, and the rest when it is told to. */
class SlowSocket {
  readonly taken: Buffer[] = [];
  writableLength = 0;
  destroyed = false;
  #waiting: (() => void)[] = [];

  constructor(public takes: boolean) {}

  write(bytes: Buffer, callback: () => void): void {
    if (this.takes) {
      this.taken.push(Buffer.from(bytes));
      this.#waiting.push(callback);
    } else {
      this.writableLength += bytes.length;
      this.#waiting.push(() => {
        // Not before: these bytes may not have been used for something else.
        this.taken.push(Buffer.from(bytes));
        this.writableLength -= bytes.length;
        callback();
      });
    }
  }

  /** The system has taken what was written. */
  answer(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }

  get content(): Buffer {
    return Buffer.concat(this.taken);
  }
}

describe("what goes to an mqtt broker", () => {
  it("stays in order and whole, however slowly it is taken", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("packet" as const),
        length: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(70_000)),
      }),
      fc.constant({ kind: "flush" as const }),
      fc.constant({ kind: "answer" as const }),
      fc.constant({ kind: "slow" as const }),
      fc.constant({ kind: "fast" as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const socket = new SlowSocket(true);
        const outlet = new Outlet(socket as unknown as Socket, () => {});
        const all: Buffer[] = [];
        let taken = 0;
        for (const [i, one] of steps.entries()) {
          if (one.kind === "packet") {
            const bytes = Buffer.alloc(one.length, i + 1);
            all.push(bytes);
            outlet.append(bytes);
            if (i % 3 === 0) outlet.whenTaken(() => ++taken);
          } else if (one.kind === "flush") outlet.flush();
          else if (one.kind === "answer") socket.answer();
          else socket.takes = one.kind === "fast";
        }
        outlet.flush();
        for (let i = 0; i < 3; i++) socket.answer();
        outlet.whenTaken(() => ++taken);
        assert.ok(socket.content.equals(Buffer.concat(all)));
        assert.equal(taken, steps.filter(({ kind }, i) => kind === "packet" && i % 3 === 0).length + 1);
      }),
      { numRuns: 300 },
    );
  });

  it("waits elsewhere once there is much of it, until the socket has taken that", () => {
    const socket = new SlowSocket(false);
    let ready = 0;
    const outlet = new Outlet(socket as unknown as Socket, () => ++ready);
    for (let i = 0; i < 10; i++) outlet.append(Buffer.alloc(4000));
    assert.equal(outlet.full, false);
    outlet.flush();
    for (let i = 0; i < 10; i++) outlet.append(Buffer.alloc(4000));
    assert.equal(outlet.full, true);
    socket.answer();
    assert.equal(ready, 0);
    socket.answer();
    assert.deepEqual([ready, outlet.full, socket.content.length], [1, false, 80_000]);
  });

  const publish = (version5: boolean, more: { maxAlias?: number; maxPacket?: number } = {}) => {
    const socket = new SlowSocket(true);
    const outlet = new Outlet(socket as unknown as Socket, () => {});
    const options = { version5, retain: false, maxAlias: 0, maxPacket: 2 ** 28, ...more };
    const publisher = new Publisher(outlet, options);
    return { outlet, publisher, socket };
  };

  it("has a length of any size", () => {
    for (const length of [0, 1, 40, 60, 124, 125, 126, 16_379, 16_380, 16_381, 2_100_000]) {
      const { outlet, publisher, socket } = publish(false);
      for (const turn of [1, 2]) {
        const payload = Buffer.alloc(length + 5, turn);
        assert.equal(publisher.publish(0, "a", payload, length), true);
        outlet.flush();
        const expected = packet(0x30, Buffer.concat([text("a"), payload.subarray(0, length)]));
        assert.ok(socket.taken.splice(0)[0]?.equals(expected), `${length}`);
      }
    }
  });

  it("is no longer than the broker takes, and has no more numbers for topics", () => {
    const { outlet, publisher, socket } = publish(true, { maxAlias: 1, maxPacket: 12 });
    const send = (channel: number, payload: string) =>
      publisher.publish(channel, "ab", Buffer.from(payload), payload.length);
    assert.deepEqual([send(0, "123"), send(0, "12"), send(0, "1234"), send(0, "12345")], [false, true, true, false]);
    assert.deepEqual([send(1, "12345"), send(1, "123456")], [true, false]);
    outlet.flush();
    const expected = ["300a 0002 6162 03 230001 3132", "300a 0000 03 230001 31323334", "300a 0002 6162 00 3132333435"];
    assert.equal(socket.content.toString("hex"), expected.join("").replaceAll(" ", ""));
  });
});
