// Values as payloads of MQTT messages, in both directions.
import assert from "node:assert/strict";
import { type Format, formatOf, parseLine } from "../lib/backends/mqtt/format.js";
import { decode, encode, leadingNumber, withoutLength } from "../lib/backends/mqtt/payload.js";
import { fc } from "./properties.js";

/** The format of a topic with these lines. */
function format(...lines: string[]): Format {
  const patterns = lines.map((line) => {
    const parsed = parseLine(line);
    assert.ok(parsed?.problem === undefined && parsed !== undefined, JSON.stringify(parsed));
    return { name: "t", form: "TOPIC", value: parsed.value };
  });
  return formatOf("t", { patterns });
}

const plain = format();
const switched = format("discrete 0 0.5 off", "discrete !0.5 1 on");

describe("an mqtt value", () => {
  const out: [what: string, format: Format, value: number, payload: string | undefined][] = [
    ["of a topic without a format", plain, 0.5, "0.500000"],
    ["that is a whole number", plain, 1, "1.000000"],
    ["with more than six decimals", plain, 1 / 3, "0.333333"],
    ["in a range", format("range 0 100"), 0.25, "25.000000"],
    ["in a range from high to low", format("range 10 -10"), 0.25, "5.000000"],
    ["in a range that has one number", format("range 7 7"), 0.3, "7.000000"],
    ["that two texts stand for, as the first one", switched, 0.5, "off"],
    ["that one text stands for", switched, 0.51, "on"],
    ["that no text stands for", format("discrete 0 0.2 low"), 0.5, undefined],
    ["that a text with spaces stands for", format("discrete 0 1 lights are on"), 0, "lights are on"],
    ["that a line without a text stands for", format("discrete 0 1"), 0, ""],
  ];
  for (const [what, as, value, payload] of out) {
    it(`${what} is sent as ${payload === undefined ? "nothing" : `'${payload}'`}`, () => {
      assert.equal(encode(as, value), payload);
    });
  }

  const back: [payload: string, format: Format, value: number | undefined][] = [
    ["0.25", plain, 0.25],
    [' \t0.5"xyz', plain, 0.5],
    ["1e-1", plain, 0.1],
    [".5.5", plain, 0.5],
    ["0x.8p0", plain, 0.5],
    ["0x1P-2", plain, 0.25],
    ["0x", plain, 0],
    ["+1", plain, 1],
    ["-3", plain, 0],
    ["17", plain, 1],
    ["inf", plain, 1],
    ["-Infinity", plain, 0],
    ["nan", plain, undefined],
    ["on", plain, undefined],
    ["", plain, undefined],
    ["e5", plain, undefined],
    ["true", plain, undefined],
    ["5", format("range 10 -10"), 0.25],
    ["5", format("range -10 10"), 0.75],
    ["-50", format("range -10 10"), 0],
    ["50", format("range 10 -10"), 0],
    ["3", format("range 3 3"), 0],
    ["off", switched, 0.25],
    ["on", switched, 0.5],
    ["on", format("discrete !0.2 !0.6 on"), 0.6],
    ["ON", switched, undefined],
    ["on ", switched, undefined],
    ["0", switched, undefined],
    ["grün", format("discrete 0.5 0.5 grün"), 0.5],
  ];
  for (const [payload, as, value] of back) {
    it(`'${payload}' that arrives for ${JSON.stringify(as)} is ${value ?? "ignored"}`, () => {
      const decoded = decode(as, Buffer.from(payload));
      if (value === undefined) assert.equal(decoded, undefined);
      else assert.ok(Math.abs((decoded ?? Number.NaN) - value) < 1e-12, `${decoded}`);
    });
  }

  it("of 100 kB is read at its beginning, and in no time", () => {
    assert.equal(decode(plain, Buffer.from(`0.5${"0".repeat(100_000)}`)), 0.5);
    assert.equal(decode(plain, Buffer.from(" ".repeat(100_000))), undefined);
    assert.equal(decode(switched, Buffer.alloc(100_000, "on")), undefined);
  });

  it("in MIDIMonster's form for version 5 is read without its length, if it is marked as text", () => {
    const dialect = Buffer.from("\0\x040.75");
    assert.equal(withoutLength(dialect, true).toString(), "0.75");
    assert.equal(withoutLength(dialect, false), dialect);
    assert.equal(withoutLength(Buffer.from("0.75"), true).toString(), "0.75");
    assert.equal(withoutLength(Buffer.from("\0\0"), true).length, 0);
    assert.equal(withoutLength(Buffer.from("0"), true).toString(), "0");
  });

  const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const formats = fc.oneof(
    fc.constant(plain),
    fc.tuple(number, number).map(([min, max]): Format => ({ kind: "range", min, max })),
    fc.constant(switched),
  );

  it("of any bytes is a number from 0 to 1, or none", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.stringMatching(/^[ +-]?(0[xX])?[\d.a-fA-Fx]*([eEpP][+-]?\d*)?(inf|nan)?$/).map((text) => Buffer.from(text)),
      number.map((value) => Buffer.from(String(value))),
    );
    fc.assert(
      fc.property(formats, bytes, fc.boolean(), (as, payload, marked) => {
        const value = decode(as, withoutLength(Buffer.from(payload), marked));
        assert.ok(value === undefined || (value >= 0 && value <= 1), `${value}`);
      }),
      { numRuns: 2000 },
    );
  });

  it("of decimal digits is the number that they say", () => {
    const decimal = fc.stringMatching(/^[+-]?(\d{1,9}\.?\d{0,9}|\.\d{1,9})([eE][+-]?\d{1,2})?$/);
    fc.assert(
      fc.property(decimal, fc.stringMatching(/^([ ,;g-wyz].*)?$/), (text, rest) => {
        assert.deepEqual(leadingNumber(text + rest), [Number(text), text.length]);
      }),
      { numRuns: 2000 },
    );
  });

  it("comes back as it was sent, to six decimals", () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: -1000, max: 1000 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.boolean(),
        unit,
        (low, width, inverted, value) => {
          const ends = [low, low + width];
          const [min = 0, max = 0] = inverted ? ends.reverse() : ends;
          const as: Format = { kind: "range", min, max };
          const back = decode(as, Buffer.from(encode(as, value) ?? ""));
          assert.ok(Math.abs((back ?? Number.NaN) - value) <= 0.51e-6 / width + 1e-12, `${value} is ${back}`);
        },
      ),
    );
  });
});
