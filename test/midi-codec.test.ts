// MIDI's values as events, and back.
import assert from "node:assert/strict";
import {
  isApart,
  type Kind,
  kindOf,
  meaningOf,
  nameOf,
  numberOf,
  parseChannel,
} from "../lib/backends/midi/channels.js";
import { Decoder } from "../lib/backends/midi/decode.js";
import { encode } from "../lib/backends/midi/encode.js";
import { ALL_CONNECTED, EVENT, OutgoingRows } from "../lib/backends/midi/events.js";
import { fc } from "./properties.js";

type Event = readonly [type: number, channel: number, parameter: number, value: number];

/** What a value is sent as. */
function sent(meaning: number, value: number, options = { keepsParameter: false, noteOff: false }): Event[] {
  const rows = new OutgoingRows();
  rows.begin(0, ALL_CONNECTED);
  encode(rows, meaning, value, options);
  return Array.from(
    { length: rows.count },
    (_, i) => [...rows.rows.subarray(7 * i + 3, 7 * i + 7)] as unknown as Event,
  );
}

/** What events are received as. */
function received(events: readonly Event[], coarseOnly = false): [name: string, value: number][] {
  const values: [string, number][] = [];
  const decoder = new Decoder(coarseOnly, (meaning, value) => values.push([nameOf(meaning), value]));
  for (const event of events) decoder.read(...event);
  return values;
}

const HIGHEST: Readonly<Record<Kind, number>> = {
  note: 127,
  cc: 127,
  pressure: 127,
  aftertouch: 0,
  pitch: 0,
  program: 0,
  rpn: 16383,
  nrpn: 16383,
  cc14: 31,
  clock: 0,
  start: 0,
  continue: 0,
  stop: 0,
};
const KINDS = (Object.keys(HIGHEST) as Kind[]).filter((kind) => !isApart(kind));

/** Any channel; controllers that are half of something else, and the parameter that stands for none, left out. */
const meanings = fc
  .tuple(fc.constantFrom(...KINDS), fc.nat(15), fc.nat(16383))
  .map(([kind, channel, number]) => meaningOf(kind, channel, number % (HIGHEST[kind] + 1)))
  .filter((meaning) => kindOf(meaning) !== "rpn" || (numberOf(meaning) & 127) !== 127)
  .filter((meaning) => kindOf(meaning) !== "rpn" || numberOf(meaning) >> 7 !== 127);

/** How many steps a value has. */
const stepsOf = (meaning: number) => (["rpn", "nrpn", "pitch", "cc14"].includes(kindOf(meaning)) ? 16383 : 127);

describe("MIDI values", () => {
  it("that are codes come back as they were, through any kind of channel", () => {
    fc.assert(
      fc.property(meanings, fc.nat(16383), (meaning, number) => {
        const steps = stepsOf(meaning);
        const value = (number % (steps + 1)) / steps;
        const found = received(sent(meaning, value)).filter(([name]) => name === nameOf(meaning));
        assert.deepEqual(found.at(-1), [nameOf(meaning), value]);
      }),
    );
  });

  const apart: [kind: Kind, type: number][] = [
    ["start", 30],
    ["continue", 31],
    ["stop", 32],
    ["clock", 36],
  ];
  for (const [kind, type] of apart) {
    it(`of '${kind}' are 1 in, and go out if they are above 0.5`, () => {
      const meaning = meaningOf(kind, 0);
      assert.deepEqual(
        [0, 0.5, 0.51, 1].map((value) => sent(meaning, value)),
        [[], [], [[type, 0, 0, 0]], [[type, 0, 0, 0]]],
      );
      assert.ok(Decoder.takes(type));
      assert.deepEqual(received([[type, 0, 0, 0]]), [[kind, 1]]);
    });
  }

  it("are sent in range, whatever they are", () => {
    fc.assert(
      fc.property(meanings, fc.double({ min: 0, max: 1, noNaN: true }), (meaning, value) => {
        for (const [type, channel, parameter, data] of sent(meaning, value)) {
          assert.ok(channel >= 0 && channel <= 15 && parameter >= 0 && parameter <= 127);
          assert.ok(type === EVENT.pitch ? data >= -8192 && data <= 8191 : data >= 0 && data <= 127);
        }
      }),
    );
  });

  it("that arrive are from 0 to 1 on channels that can be written, whatever other programs send", () => {
    const number = fc.oneof(fc.nat(127), fc.constantFrom(6, 38, 98, 99, 100, 101, 127), fc.integer());
    const events = fc.array(
      fc.tuple(fc.oneof(fc.integer({ min: 5, max: 16 }), fc.nat(255)), fc.nat(16), number, number),
    );
    fc.assert(
      fc.property(events, fc.boolean(), (all, coarseOnly) => {
        for (const [name, value] of received(all, coarseOnly)) {
          assert.ok(value >= 0 && value <= 1, `${value}`);
          const parsed = parseChannel(name);
          assert.equal(parsed.problem === undefined && parsed.name, name);
        }
      }),
    );
  });

  it("in two parts take the parts of their own MIDI channel", () => {
    const events: Event[] = [
      [EVENT.controller, 0, 1, 64],
      [EVENT.controller, 1, 1, 1],
      [EVENT.controller, 0, 33, 1],
    ];
    assert.deepEqual(received(events).at(-2), ["ch0.cc14.1", 8193 / 16383]);
  });
});

describe("MIDI parameters", () => {
  const control = (text: string): Event[] =>
    text.split(" ").map((pair) => {
      const [controller = 0, value = 0] = pair.split("=").map(Number);
      return [EVENT.controller, 3, controller, value];
    });
  const parameters = (text: string, coarseOnly = false) =>
    received(control(text), coarseOnly).filter(([name]) => /rpn/.test(name));

  const cases: [what: string, controllers: string, values: [string, number][]][] = [
    ["with all four parts", "101=0 100=1 6=127 38=127", [["ch3.rpn1", 1]]],
    ["of the device's own", "99=7 98=4 6=0 38=1", [["ch3.nrpn900", 1 / 16383]]],
    ["with the parts of the number the other way round", "98=4 99=7 6=0 38=1", [["ch3.nrpn900", 1 / 16383]]],
    [
      "several times with one number",
      "101=0 100=1 6=0 38=1 6=0 38=2",
      [
        ["ch3.rpn1", 1 / 16383],
        ["ch3.rpn1", 2 / 16383],
      ],
    ],
    ["not by their coarse part alone", "101=0 100=1 6=127", []],
    ["not by a second fine part", "101=0 100=1 6=0 38=1 38=2", [["ch3.rpn1", 1 / 16383]]],
    ["not by a fine part alone", "101=0 100=1 38=1", []],
    ["not without a number", "6=1 38=1", []],
    ["not with half a number", "101=0 6=1 38=1", []],
    ["not with halves of numbers of both kinds", "101=0 98=1 6=1 38=1", []],
    ["not when the number is cleared", "101=0 100=1 101=127 100=127 6=1 38=1", []],
    ["not when half of the number is cleared", "101=0 100=1 100=127 6=1 38=1", []],
    ["not with a value that came before the number", "101=0 100=1 6=1 100=2 38=1", []],
    [
      "with a number whose halves are 127, of the device's own",
      "99=127 98=127 6=0 38=1",
      [["ch3.nrpn16383", 1 / 16383]],
    ],
    ["with other controllers in between", "101=0 100=1 6=0 7=5 38=1", [["ch3.rpn1", 1 / 16383]]],
  ];
  for (const [what, controllers, values] of cases) {
    it(`arrive ${what}: ${controllers}`, () => assert.deepEqual(parameters(controllers), values));
  }

  it("arrive by their coarse part alone with `epn-rx = msb`", () => {
    assert.deepEqual(parameters("101=0 100=1 6=127 6=0", true), [
      ["ch3.rpn1", 1],
      ["ch3.rpn1", 0],
    ]);
    assert.deepEqual(parameters("6=127", true), []);
  });

  it("come before the event of the controller that completes them, which is a channel too", () => {
    assert.deepEqual(received(control("101=0 100=1 6=0 38=1")), [
      ["ch3.cc101", 0],
      ["ch3.cc100", 1 / 127],
      ["ch3.cc6", 0],
      ["ch3.rpn1", 1 / 16383],
      ["ch3.cc14.6", 1 / 16383],
      ["ch3.cc38", 1 / 127],
    ]);
  });
});
