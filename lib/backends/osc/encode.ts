// From values to datagrams.
import { type FormatArgument, isVariable, type OscFormat } from "./format.js";
import { argumentOf, restOf, type VariableArgument } from "./values.js";

const TWO_32 = 2 ** 32;

/** The messages to one path: their bytes, in which only arguments change, and the last values of those. */
export class OutgoingPath {
  /** Waits to be sent. */
  marked = false;
  /** The number of channels that are arguments of it. */
  channels = 0;
  readonly #message: Buffer;
  readonly #variables: { readonly argument: VariableArgument; readonly at: number }[] = [];
  /** Of the variables, the last values; NaN before the first. */
  #last: Float64Array;

  constructor(
    path: string,
    readonly format: OscFormat,
  ) {
    const pieces = [text(path), text(`,${format.arguments.map(({ type }) => type).join("")}`)];
    let at = length(pieces);
    for (const argument of format.arguments) {
      const piece = isVariable(argument) ? Buffer.alloc(sizeOf(argument)) : constant(argument);
      if (isVariable(argument)) this.#variables.push({ argument, at });
      pieces.push(piece);
      at += piece.length;
    }
    this.#message = Buffer.concat(pieces);
    this.#last = new Float64Array(this.#variables.length).fill(Number.NaN);
  }

  /** Whether its messages are sent for an event above 0.5, since they have no argument that follows a channel. */
  get isTrigger(): boolean {
    return this.#variables.length === 0;
  }

  /** Whether a channel has had a value. */
  get hasValues(): boolean {
    return this.#last.some((value) => !Number.isNaN(value));
  }

  /** Takes a channel's value. @returns whether it makes another message than before */
  take(index: number, value: number): boolean {
    const variable = this.#variables[index];
    if (variable === undefined) return this.isTrigger && value > 0.5;
    const argument = argumentOf(variable.argument, value);
    if (argument === this.#last[index]) return false;
    this.#last[index] = argument;
    return true;
  }

  /** Takes over the last values of another path with the same format. */
  adopt(other: OutgoingPath): void {
    for (const [i, value] of other.#last.entries()) if (Number.isNaN(this.#last[i])) this.#last[i] = value;
  }

  /** The message with the last values, until they change. */
  encode(): Buffer {
    const data = this.#message;
    for (const [i, { argument, at }] of this.#variables.entries()) {
      const value = this.#last[i] as number;
      write(data, argument.type, at, Number.isNaN(value) ? restOf(argument) : value);
    }
    return data;
  }

  /** What the addon changes in a message for it to follow its channels; for a trigger, a row without a type. */
  get rows(): readonly { readonly at: number; readonly type: string; readonly min: number; readonly max: number }[] {
    if (this.isTrigger) return [{ at: 0, type: "\0", min: 0, max: 0 }];
    return this.#variables.map(({ at, argument: { type, min, max } }) => ({ at, type, min, max }));
  }

  /** Keeps the last values there from now on, where the addon changes them too. */
  keepIn(memory: Float64Array): void {
    memory.set(this.#last);
    this.#last = memory.subarray(0, this.#last.length);
  }
}

/** A message that is always the same. */
export function encodeMessage(path: string, format: OscFormat): Buffer {
  return new OutgoingPath(path, format).encode();
}

function write(data: Buffer, type: VariableArgument["type"], at: number, value: number): void {
  switch (type) {
    case "i":
      data.writeInt32BE(value, at);
      break;
    case "f":
      data.writeFloatBE(value, at);
      break;
    case "d":
      data.writeDoubleBE(value, at);
      break;
    case "h": {
      // The largest of 64 bits has no double of its own.
      const isLargest = value >= 2 ** 63;
      const high = isLargest ? 2 ** 31 - 1 : Math.floor(value / TWO_32);
      data.writeInt32BE(high, at);
      data.writeUInt32BE(isLargest ? TWO_32 - 1 : value - high * TWO_32, at + 4);
    }
  }
}

function sizeOf({ type }: VariableArgument): number {
  return type === "i" || type === "f" ? 4 : 8;
}

function constant(argument: Exclude<FormatArgument, VariableArgument>): Buffer {
  return argument.type === "s" ? text(argument.text) : Buffer.alloc(0);
}

/** With its zero byte and padding. */
function text(content: string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);
}

function length(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
