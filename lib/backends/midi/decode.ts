import { meaningOf } from "./channels.js";
import { CONTROLLER, FINE } from "./encode.js";
import { EVENT } from "./events.js";

const STEPS = 127;
const FINE_STEPS = 16383;
const CENTRE = 8192;
const CHANNELS = 16;

const APART = {
  [EVENT.clock]: "clock",
  [EVENT.start]: "start",
  [EVENT.continue]: "continue",
  [EVENT.stop]: "stop",
} as const;

/** A parameter that is being received on a MIDI channel, like the reference's state machine. */
interface Parameter {
  registered: boolean;
  /** The halves of its number; undefined: not known. */
  high: number | undefined;
  low: number | undefined;
  /** The coarse half of a value whose fine half has not come. */
  coarse: number | undefined;
}

/** Makes values of channels of events. Has a memory: parameters and 14-bit controllers come in several events. */
export class Decoder {
  readonly #coarseOnly: boolean;
  readonly #tell: (meaning: number, value: number) => void;
  readonly #parameters: readonly Parameter[];
  /** By MIDI channel and controller: the last coarse half of a 14-bit controller; -1: none. */
  readonly #coarse = new Int16Array(CHANNELS * FINE).fill(-1);

  /**
   * @param coarseOnly whether parameters have their coarse half only: `epn-rx = msb`
   * @param tell gets each value, 0 to 1
   */
  constructor(coarseOnly: boolean, tell: (meaning: number, value: number) => void) {
    this.#coarseOnly = coarseOnly;
    this.#tell = tell;
    this.#parameters = Array.from({ length: CHANNELS }, () => ({
      registered: true,
      high: undefined,
      low: undefined,
      coarse: undefined,
    }));
  }

  /** Whether it is a type that has values. */
  static takes(type: number): boolean {
    if (type >= EVENT.controller && type <= EVENT.registered) return true;
    return (type >= EVENT.note && type <= EVENT.keyPressure) || (type >= EVENT.start && type <= EVENT.clock);
  }

  /** Of numbers that are out of range, as other programs can send them, only the values are limited. */
  read(type: number, channel: number, parameter: number, value: number): void {
    if (channel < 0 || channel >= CHANNELS) return;
    switch (type) {
      case EVENT.note:
      case EVENT.noteOn:
        this.#tellNumbered("note", channel, parameter, value);
        break;
      case EVENT.noteOff:
        this.#tellNumbered("note", channel, parameter, 0);
        break;
      case EVENT.keyPressure:
        this.#tellNumbered("pressure", channel, parameter, value);
        break;
      case EVENT.controller:
        this.#control(channel, parameter, level(value));
        break;
      case EVENT.controller14:
        if (parameter < 0 || parameter >= FINE) break;
        this.#control(channel, parameter, fine(value) >> 7);
        this.#control(channel, parameter + FINE, fine(value) & 0x7f);
        break;
      case EVENT.program:
        this.#tell(meaningOf("program", channel), level(value) / STEPS);
        break;
      case EVENT.channelPressure:
        this.#tell(meaningOf("aftertouch", channel), level(value) / STEPS);
        break;
      case EVENT.pitch:
        // MIDIMonster sends those below the centre without their sign.
        this.#tell(meaningOf("pitch", channel), fine((value > CENTRE ? value - 65536 : value) + CENTRE) / FINE_STEPS);
        break;
      case EVENT.clock:
      case EVENT.start:
      case EVENT.continue:
      case EVENT.stop:
        this.#tell(meaningOf(APART[type], 0), 1);
        break;
      case EVENT.registered:
      case EVENT.nonRegistered:
        if (parameter < 0 || parameter > FINE_STEPS) break;
        this.#tell(meaningOf(type === EVENT.registered ? "rpn" : "nrpn", channel, parameter), fine(value) / FINE_STEPS);
    }
  }

  #tellNumbered(kind: "note" | "pressure" | "cc", channel: number, number: number, value: number): void {
    if (number >= 0 && number <= 127) this.#tell(meaningOf(kind, channel, number), level(value) / STEPS);
  }

  /** The controllers that make up something else are channels too. */
  #control(channel: number, controller: number, value: number): void {
    this.#readParameter(channel, controller, value);
    if (controller >= 0 && controller < FINE) {
      this.#coarse[channel * FINE + controller] = value;
    } else if (controller >= FINE && controller < 2 * FINE) {
      const coarse = this.#coarse[channel * FINE + controller - FINE] ?? -1;
      const meaning = meaningOf("cc14", channel, controller - FINE);
      if (coarse >= 0) this.#tell(meaning, ((coarse << 7) | value) / FINE_STEPS);
    }
    this.#tellNumbered("cc", channel, controller, value);
  }

  #readParameter(channel: number, controller: number, value: number): void {
    const parameter = this.#parameters[channel];
    if (parameter === undefined) return;
    switch (controller) {
      case CONTROLLER.registered:
      case CONTROLLER.nonRegistered:
        begin(parameter, controller === CONTROLLER.registered);
        parameter.high = parameter.registered && value === 127 ? undefined : value;
        break;
      case CONTROLLER.fineRegistered:
      case CONTROLLER.fineNonRegistered:
        begin(parameter, controller === CONTROLLER.fineRegistered);
        parameter.low = parameter.registered && value === 127 ? undefined : value;
        break;
      case CONTROLLER.dataEntry:
        if (this.#coarseOnly) this.#tellParameter(channel, parameter, value / STEPS);
        else if (parameter.high !== undefined && parameter.low !== undefined) parameter.coarse = value;
        break;
      case CONTROLLER.fineDataEntry:
        if (parameter.coarse === undefined) break;
        this.#tellParameter(channel, parameter, ((parameter.coarse << 7) | value) / FINE_STEPS);
        parameter.coarse = undefined;
    }
  }

  #tellParameter(channel: number, { registered, high, low }: Parameter, value: number): void {
    if (high === undefined || low === undefined) return;
    this.#tell(meaningOf(registered ? "rpn" : "nrpn", channel, (high << 7) | low), value);
  }
}

/** A half of a number arrives: it makes a value that is under way void, and the other half, if that is of another kind. */
function begin(parameter: Parameter, registered: boolean): void {
  parameter.coarse = undefined;
  if (parameter.registered === registered) return;
  parameter.registered = registered;
  parameter.high = undefined;
  parameter.low = undefined;
}

function level(value: number): number {
  return Math.min(Math.max(value, 0), STEPS);
}

function fine(value: number): number {
  return Math.min(Math.max(value, 0), FINE_STEPS);
}
