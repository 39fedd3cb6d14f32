// OSC's bytes: what is read from datagrams, what is written, and patterns of addresses.
import assert from "node:assert/strict";
import { fromBuffer, type OscMessageInput, toBuffer } from "osc-min";
import { Decoder, type Fault } from "../lib/backends/osc/decode.js";
import { OutgoingPath } from "../lib/backends/osc/encode.js";
import { type OscFormat, parseFormat } from "../lib/backends/osc/format.js";
import { compilePattern } from "../lib/backends/osc/pattern.js";
import { argumentOf, levelOf, type VariableArgument } from "../lib/backends/osc/values.js";
import { bytes } from "./osc-peer.js";
import { fc } from "./properties.js";

type Read = { readonly messages: unknown[]; readonly faults: Fault[] };

function read(data: Buffer): Read {
  const decoder = new Decoder();
  const messages: unknown[] = [];
  const faults: Fault[] = [];
  decoder.read(data, {
    message: () => {
      const { address, count, types, numbers } = decoder;
      messages.push([address, String.fromCharCode(...types.slice(0, count)), ...numbers.slice(0, count)]);
    },
    fault: (fault) => faults.push(fault),
  });
  return { messages, faults };
}

function format(text: string): OscFormat {
  const parsed = parseFormat(text);
  assert.equal(parsed.problem, undefined);
  return (parsed as { value: OscFormat }).value;
}

/** A text with its padding. */
function padded(text: string): Buffer {
  const raw = Buffer.from(text, "latin1");
  return Buffer.concat([raw, Buffer.alloc(4 - (raw.length % 4))]);
}

const HEADER = "2362756e646c6500 0000000000000001";

describe("an OSC datagram", () => {
  /** Not a number. */
  const none = Number.NaN;
  const cases: [what: string, hex: string, messages: unknown[], faults?: Fault[]][] = [
    ["a float", "2f66616465723100 2c660000 3f000000", [["/fader1", "f", 0.5]]],
    ["a negative integer", "2f690000 2c690000 ffffffff", [["/i", "i", -1]]],
    ["64 bits", "2f680000 2c686400 ffffffffffffff00 3fe0000000000000", [["/h", "hd", -256, 0.5]]],
    ["types without data", "2f740000 2c54464e 49000000", [["/t", "TFNI", 1, 0, 0, 1]]],
    ["a text before a number", "2f730000 2c736900 61626364 00000000 00000007", [["/s", "si", none, 7]]],
    ["a blob before a number", "2f620000 2c626900 00000005 0102030405000000 00000007", [["/b", "bi", none, 7]]],
    ["groups", "2f670000 2c5b6969 5d000000 00000001 00000002", [["/g", "ii", 1, 2]]],
    [
      "character, colour, MIDI, time",
      `2f780000 2c63726d 74690000 ${"00000000".repeat(5)} 00000007`,
      [["/x", "crmti", none, none, none, none, 7]],
    ],
    ["no arguments", "2f670000 2c000000", [["/g", ""]]],
    ["a text whose padding is missing at the end", "2f730000 2c730000 6100", [["/s", "s", none]]],
    [
      "a bundle in a bundle",
      `${HEADER} 0000000c 2f610000 2c660000 3e800000 00000020 ${HEADER} 0000000c 2f620000 2c690000 000000ff`,
      [
        ["/a", "f", 0.25],
        ["/b", "i", 255],
      ],
    ],
    ["an empty bundle", HEADER, []],
    ["nothing", "", [], ["address"]],
    ["no slash", "61000000 2c000000", [], ["address"]],
    ["an address without an end", "2f616263", [], ["address"]],
    ["no types", "2f610000", [], ["types"]],
    ["types without a comma", "2f610000 66000000 3f000000", [], ["types"]],
    ["types without an end", "2f610000 2c666666", [], ["types"]],
    ["a number that is cut off", "2f610000 2c660000 3f00", [], ["arguments"]],
    ["a blob longer than the datagram", "2f610000 2c620000 7fffffff 00000000", [], ["arguments"]],
    ["a blob of negative length", "2f610000 2c620000 80000000", [], ["arguments"]],
    ["a text without an end", "2f610000 2c730000 61626364", [], ["arguments"]],
    [
      "an unknown type",
      "2f610000 2c697a69 00000000 00000001 00000002",
      [["/a", "izi", 1, none, none]],
      ["unknown-type"],
    ],
    ["a bundle that is too short", "2362756e646c6500 00000000", [], ["bundle"]],
    ["a part longer than the bundle", `${HEADER} 00000064 2f610000 2c000000`, [], ["bundle"]],
    ["a part of negative length", `${HEADER} ffffffff 2f610000 2c000000`, [], ["bundle"]],
    ["half a part's length", `${HEADER} 0000`, [], ["bundle"]],
    [
      "a faulty part between others",
      `${HEADER} 00000008 2f610000 2c000000 00000004 78000000 00000008 2f620000 2c000000`,
      [
        ["/a", ""],
        ["/b", ""],
      ],
      ["address"],
    ],
  ];
  for (const [what, hex, messages, faults = []] of cases) {
    it(`with ${what} is read as it should be`, () => {
      assert.deepEqual(read(bytes(hex)), { messages, faults });
    });
  }

  it("with bundles in bundles, as many as there is room for, is given up without effect on others", () => {
    let data = bytes("2f610000 2c000000");
    while (data.length < 65_000) {
      const size = Buffer.alloc(4);
      size.writeInt32BE(data.length);
      data = Buffer.concat([bytes(HEADER), size, data]);
    }
    assert.deepEqual(read(data), { messages: [], faults: ["depth"] });
  });

  const types: fc.Arbitrary<{ address: string; args: never[] }> = fc.record({
    address: fc.stringMatching(/^\/[a-z0-9/]{0,12}$/),
    args: fc.array(
      fc.oneof(
        fc.record({ type: fc.constant("integer" as const), value: fc.integer() }),
        fc.record({ type: fc.constant("float" as const), value: fc.float({ noNaN: true }) }),
        fc.record({ type: fc.constant("double" as const), value: fc.double({ noNaN: true }) }),
        fc.record({ type: fc.constant("string" as const), value: fc.stringMatching(/^[a-z]{0,9}$/) }),
        fc.record({
          type: fc.constant("blob" as const),
          value: fc.uint8Array({ maxLength: 9 }).map((a) => Buffer.from(a)),
        }),
        fc.record({ type: fc.constantFrom("true" as const, "false" as const, "null" as const, "bang" as const) }),
      ) as fc.Arbitrary<never>,
      { maxLength: 8 },
    ),
  });
  const NUMBERS: Readonly<Record<string, number>> = { true: 1, false: 0, null: 0, bang: 1 };

  it("of another library is read as that library meant it", () => {
    fc.assert(
      fc.property(types, ({ address, args }) => {
        const view = toBuffer({ address, args } as OscMessageInput);
        const { messages, faults } = read(Buffer.from(view.buffer, view.byteOffset, view.byteLength));
        const wanted = (args as { type: string; value: unknown }[]).map(({ type, value }) =>
          typeof value === "number" ? value : (NUMBERS[type] ?? none),
        );
        const [message] = messages as [[string, string, ...number[]]];
        assert.deepEqual(faults, []);
        assert.equal(message[0], address);
        assert.deepEqual(message.slice(2), wanted);
      }),
    );
  });

  /** Whatever is read, nothing throws and memory stays bounded. */
  const survives = (data: Uint8Array) => {
    const { messages, faults } = read(Buffer.from(data));
    assert.ok(messages.length + faults.length <= data.length + 1);
  };

  it("of any bytes throws nothing", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives));
    const begun = fc.constantFrom("2f610000 2c", HEADER, `${HEADER} 00000010 2f610000 2c`, "2f 2c");
    fc.assert(
      fc.property(begun, fc.uint8Array({ maxLength: 100 }), (hex, rest) => survives(Buffer.concat([bytes(hex), rest]))),
    );
  });

  it("that is cut off or changed anywhere throws nothing", () => {
    const whole = bytes(
      `${HEADER} 0000002c 2f780000 2c696673 62686400 00000001 3f000000 61626300 00000002 01020000 0000000000000001 3fe0000000000000`,
    );
    for (let length = 0; length <= whole.length; ++length) survives(whole.subarray(0, length));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(whole);
        changed[at] = value;
        survives(changed);
      }),
    );
  });

  it("of 64 KiB is read in no time, whatever it is made of", () => {
    const size = 65_507;
    const fills = [
      Buffer.alloc(size),
      Buffer.alloc(size, "/"),
      Buffer.concat([padded("/a"), Buffer.from(","), Buffer.alloc(size - 5, "T")]),
      Buffer.concat([padded("/a"), Buffer.from(","), Buffer.alloc(size - 9, "["), Buffer.alloc(4)]),
      Buffer.concat([bytes(HEADER), Buffer.alloc(size - 16)]),
      Buffer.concat([bytes(HEADER), ...Array.from({ length: 5458 }, () => bytes("00000008 2f610000 2c000000"))]),
    ];
    const begun = performance.now();
    for (const data of fills) survives(data);
    // Quadratic time would be minutes.
    assert.ok(performance.now() - begun < 10_000);
  });
});

describe("an OSC message", () => {
  const golden: [text: string, path: string, values: (number | undefined)[], hex: string][] = [
    ["f 0 2", "/fader1", [0.5], "2f66616465723100 2c660000 3f800000"],
    ["ff -1 1 0 10", "/xy", [0.25], "2f787900 2c666600 bf000000 00000000"],
    ["ff -1 1 0 10", "/xy", [0.25, 0.5], "2f787900 2c666600 bf000000 40a00000"],
    ["i 0 127", "/i", [0.5], "2f690000 2c690000 0000003f"],
    ["h 0 1024", "/h", [0.5], "2f680000 2c680000 0000000000000200"],
    [
      "ifhd 0 255 0 1 0 1024 0 1",
      "/mix",
      [0.5],
      "2f6d697800000000 2c69666864000000 0000007f 00000000 0000000000000000 0000000000000000",
    ],
    ["i 0 255", "/root/out", [1], "2f726f6f742f6f7574000000 2c690000 000000ff"],
    ["ff 5 6 5 6", "/a", [0.5], "2f610000 2c666600 40b00000 40a00000"],
    ["ff 6 5 -1 -3", "/a", [0.5], "2f610000 2c666600 40b00000 bf800000"],
    ["i 100 -100", "/a", [0.5], "2f610000 2c690000 00000000"],
    ["i -2147483648 0x7fffffff", "/a", [1], "2f610000 2c690000 7fffffff"],
    ["h -1 -1", "/a", [0.7], "2f610000 2c680000 ffffffffffffffff"],
    ["h 0 9223372036854775807", "/a", [1], "2f610000 2c680000 7fffffffffffffff"],
    ["d 0 1", "/a", [0.1], "2f610000 2c640000 3fb999999999999a"],
    ['sfT "two words" 0 1', "/a", [1], "2f610000 2c736654 00000000 74776f20776f726473000000 3f800000"],
    ["-", "/a", [1], "2f610000 2c000000"],
    ['s ""', "/a", [1], "2f610000 2c730000 00000000"],
  ];
  for (const [text, path, values, hex] of golden) {
    it(`to ${path} with '${text}' and ${values} is these bytes`, () => {
      const outgoing = new OutgoingPath(path, format(text));
      for (const [i, value] of values.entries()) assert.equal(outgoing.take(i, value as number), true);
      assert.equal(outgoing.encode().toString("hex"), hex.replaceAll(" ", ""));
    });
  }

  it("is read by another library as it is meant", () => {
    const outgoing = new OutgoingPath("/ch/01", format('sifhdTFN "name" -10 10 0 1 0 100 0 1'));
    for (const i of [0, 1, 2, 3]) outgoing.take(i, 0.25);
    const { address, args } = fromBuffer(outgoing.encode()) as {
      address: string;
      args: { type: string; value: unknown }[];
    };
    assert.equal(address, "/ch/01");
    assert.deepEqual(
      args.map(({ type, value }) => [type, value]),
      [
        ["string", "name"],
        ["integer", -5],
        ["float", 0.25],
        ["bigint", 25n],
        ["double", 0.25],
        ["true", true],
        ["false", false],
        ["null", null],
      ],
    );
  });

  it("is a new one for a first value, even 0, and for one that makes other bytes", () => {
    const outgoing = new OutgoingPath("/i", format("i 0 10"));
    assert.deepEqual(
      [0, 0, 0.05, 0.1, 0.15, 0].map((value) => outgoing.take(0, value)),
      [true, false, false, true, false, true],
    );
  });

  it("without arguments that change is sent for each value above a half", () => {
    const outgoing = new OutgoingPath("/go", format("-"));
    assert.deepEqual(
      [0, 0.5, 0.51, 1, 1].map((value) => outgoing.take(0, value)),
      [false, false, true, true, true],
    );
  });

  it("brings whole numbers back as they were", () => {
    const whole = fc.integer({ min: -1000, max: 1000 });
    fc.assert(
      fc.property(whole, whole, fc.nat(), (min, max, n) => {
        const number = Math.min(min, max) + (n % (Math.abs(max - min) + 1));
        const argument: VariableArgument = { type: "i", min, max };
        const level = levelOf(min, max, number);
        assert.ok(level >= 0 && level <= 1);
        assert.equal(argumentOf(argument, level), min === max ? min : number);
      }),
    );
  });

  it("brings any number within limits, and NaN as NaN", () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(any, any, fc.double({ noNaN: true }), (min, max, number) => {
        const level = levelOf(min, max, number);
        assert.ok(level >= 0 && level <= 1, `${level}`);
        assert.ok(Number.isFinite(argumentOf({ type: "d", min, max }, level)));
      }),
    );
    assert.deepEqual(levelOf(0, 1, Number.NaN), Number.NaN);
    assert.deepEqual(levelOf(1, 1, Number.NaN), Number.NaN);
  });
});

describe("an OSC address pattern", () => {
  const cases: [pattern: string, all: string[], start: string[], no: string[]][] = [
    ["/fader", ["/fader"], ["/f", "/fade"], ["/faders", "/Fader", "/x"]],
    ["/f?", ["/f1", "/fx"], ["/f"], ["/f/", "/f12"]],
    ["/a*b", ["/ab", "/axxb", "/abab"], ["/a", "/abc"], ["/a/b", "/b"]],
    ["/*/x", ["//x", "/1/x"], ["/1", "/1/"], ["/1/2/x"]],
    ["/[a-c]", ["/a", "/b", "/c"], ["/"], ["/d", "/ab", "/-"]],
    ["/[!a-c]x", ["/dx", "/-x"], ["/d"], ["/ax", "//x"]],
    ["/[c-a]", ["/b"], ["/"], ["/d"]],
    ["/[a-]", ["/a", "/-"], ["/"], ["/b"]],
    ["/{one,two}x", ["/onex", "/twox"], ["/one", "/t"], ["/three", "/onetwox"]],
    ["/{ab}c", ["/abc"], ["/ab"], ["/ac"]],
    ["/{a,ab}*c", ["/ac", "/abc", "/abbc"], ["/a", "/ab"], ["/bc"]],
    ["/a]}", ["/a]}"], ["/a"], ["/a"].slice(1)],
  ];
  for (const [text, all, start, no] of cases) {
    it(`${text} matches ${all.join(" ")}, not ${no.join(" ")}`, () => {
      const compiled = compilePattern(text);
      if (compiled.problem !== undefined) throw new Error(compiled.problem);
      const matches = (addresses: string[]) => addresses.map((address) => compiled.pattern.match(address));
      assert.deepEqual(matches(all), Array(all.length).fill("all"));
      assert.deepEqual(matches(start), Array(start.length).fill("start"));
      assert.deepEqual(matches(no), Array(no.length).fill("no"));
    });
  }

  for (const [text, problem] of [
    ["/[a", "has a '[' that is not closed"],
    ["/{a", "has a '{' that is not closed"],
    ["/[a/b]", "has a '/' within '['"],
    ["/{a{b}}", "has a '{' within '{'"],
  ] as const) {
    it(`${text} ${problem}`, () => assert.equal(compilePattern(text).problem, problem));
  }

  it("of the worst kind takes no longer than others", () => {
    const compiled = compilePattern(`/${"*a".repeat(200)}`);
    if (compiled.problem !== undefined) throw new Error(compiled.problem);
    const begun = performance.now();
    assert.equal(compiled.pattern.match(`/${"a".repeat(10_000)}b`), "start");
    // Tried one way after the other it would not end.
    assert.ok(performance.now() - begun < 30_000);
  });
});
