import { code } from "../shared/numbers.js";
import { channelOf, kindOf, numberOf } from "./channels.js";
import { EVENT, type OutgoingRows } from "./events.js";

export interface Encoding {
  /** Whether a parameter number stays active after its value: `epn-tx = short`. */
  readonly keepsParameter: boolean;
  /** Whether a note with the value 0 is a note-off. */
  readonly noteOff: boolean;
}

/** Values that send what has no value itself. */
const SENT_ABOVE = 0.5;

const STEPS = 127;
const FINE_STEPS = 16383;
const CENTRE = 8192;

/** The velocity of a release, for those that don't measure it (MIDI 1.0). */
const RELEASE = 64;

/** Controllers that carry parameters. */
export const CONTROLLER = {
  dataEntry: 6,
  fineDataEntry: 38,
  fineNonRegistered: 98,
  nonRegistered: 99,
  fineRegistered: 100,
  registered: 101,
  allNotesOff: 123,
} as const;

/** The distance from a coarse controller to its fine part. */
export const FINE = 32;

/** Adds what stands for a value on a channel. */
export function encode(rows: OutgoingRows, meaning: number, value: number, encoding: Encoding): void {
  const [channel, number] = [channelOf(meaning), numberOf(meaning)];
  const control = (controller: number, level: number) => rows.add(EVENT.controller, channel, controller, level);
  const kind = kindOf(meaning);
  switch (kind) {
    case "note": {
      const velocity = code(value, STEPS);
      if (velocity === 0 && encoding.noteOff) rows.add(EVENT.noteOff, channel, number, RELEASE);
      else rows.add(EVENT.noteOn, channel, number, velocity);
      break;
    }
    case "cc":
      control(number, code(value, STEPS));
      break;
    case "pressure":
      rows.add(EVENT.keyPressure, channel, number, code(value, STEPS));
      break;
    case "aftertouch":
      rows.add(EVENT.channelPressure, channel, 0, code(value, STEPS));
      break;
    case "program":
      rows.add(EVENT.program, channel, 0, code(value, STEPS));
      break;
    case "pitch":
      rows.add(EVENT.pitch, channel, 0, code(value, FINE_STEPS) - CENTRE);
      break;
    case "cc14": {
      const level = code(value, FINE_STEPS);
      control(number, level >> 7);
      control(number + FINE, level & 0x7f);
      break;
    }
    case "clock":
    case "start":
    case "continue":
    case "stop":
      if (value > SENT_ABOVE) rows.add(EVENT[kind], 0, 0, 0);
      break;
    case "rpn":
    case "nrpn": {
      const isRegistered = kind === "rpn";
      const level = code(value, FINE_STEPS);
      control(isRegistered ? CONTROLLER.registered : CONTROLLER.nonRegistered, number >> 7);
      control(isRegistered ? CONTROLLER.fineRegistered : CONTROLLER.fineNonRegistered, number & 0x7f);
      control(CONTROLLER.dataEntry, level >> 7);
      control(CONTROLLER.fineDataEntry, level & 0x7f);
      if (encoding.keepsParameter) break;
      // The number that stands for no parameter.
      control(CONTROLLER.registered, 127);
      control(CONTROLLER.fineRegistered, 127);
    }
  }
}
