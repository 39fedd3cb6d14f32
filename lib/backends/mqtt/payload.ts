// Values as payloads of messages, in both directions.
import { MAX_FIXED, writeFixed } from "./decimals.js";
import type { Format, RangeFormat } from "./format.js";

/** How much of a payload is searched for a number. */
const MAX_NUMBER = 1024; // bytes, as in MIDIMonster

/** The text for a value; undefined if the format has none for it. */
export function encode(format: Format, value: number): string | undefined {
  switch (format.kind) {
    case "number":
      return value.toFixed(6);
    case "range":
      return (value * (format.max - format.min) + format.min).toFixed(6);
    case "discrete":
      return format.steps.find(({ min, max }) => value >= min && value <= max)?.text;
  }
}

/** What {@link encodeInto} has written. */
export const encoded: { bytes: Buffer } = { bytes: Buffer.allocUnsafeSlow(1024) };

/**
 * Writes what {@link encode} returns into {@link encoded}, from its beginning on.
 *
 * @returns its length; -1 if the format has no text for the value
 */
export function encodeInto(format: Format, value: number): number {
  if (format.kind === "number") return writeFixed(encoded.bytes, 0, value);
  if (format.kind === "range") {
    const number = value * (format.max - format.min) + format.min;
    if (Math.abs(number) < MAX_SHORT) return writeFixed(encoded.bytes, 0, number);
  }
  const text = encode(format, value);
  if (text === undefined) return -1;
  const length = Buffer.byteLength(text);
  if (length > encoded.bytes.length) encoded.bytes = Buffer.allocUnsafeSlow(length);
  return encoded.bytes.write(text);
}

/** Up to here, a number has at most {@link MAX_FIXED} characters. */
const MAX_SHORT = 10 ** (MAX_FIXED - 10);

/** The value of a payload, 0..1; undefined if it has none. */
export function decode(format: Format, payload: Buffer): number | undefined {
  if (format.kind === "discrete") {
    const text = payload.length > MAX_NUMBER * 64 ? undefined : payload.toString();
    return format.steps.find((step) => step.text === text)?.input;
  }
  const [number] = leadingNumber(payload.toString("latin1", 0, MAX_NUMBER));
  if (Number.isNaN(number)) return undefined;
  return scaled(format, number);
}

const UNIT: Pick<RangeFormat, "min" | "max"> = { min: 0, max: 1 };

/** The value, 0..1, that a number means. */
export function scaled(format: Exclude<Format, { readonly kind: "discrete" }>, number: number): number {
  const { min, max } = format.kind === "range" ? format : UNIT;
  if (min === max) return 0;
  const within = Math.min(Math.max(number, Math.min(min, max)), Math.max(min, max));
  return Math.min(Math.abs((within - min) / (max - min)), 1);
}

/**
 * MIDIMonster puts the length of a payload before it in version 5, in two bytes, and marks it as text.
 *
 * @param marked whether the message is marked as text
 * @returns the payload without that
 */
export function withoutLength(payload: Buffer, marked: boolean): Buffer {
  return marked && hasLength(payload, 0, payload.length) ? payload.subarray(2) : payload;
}

/** Whether the bytes from `start` to `end` begin with the length of the others. */
export function hasLength(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= 2 && bytes.readUInt16BE(start) === end - start - 2;
}

const NUMBER =
  /^[\t-\r ]*([+-]?)(?:(0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p[+-]?\d+)?)|((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|(inf(?:inity)?))/i;

/** The number that a text begins with, as C's strtod() reads it, and where it ends; NaN and 0 if there is none. */
export function leadingNumber(text: string): readonly [value: number, length: number] {
  const [all, sign, hexadecimal, decimal] = NUMBER.exec(text) ?? [];
  if (all === undefined) return [Number.NaN, 0];
  const size =
    hexadecimal !== undefined ? fromHexadecimal(hexadecimal) : decimal !== undefined ? Number(decimal) : 1 / 0;
  return [sign === "-" ? -size : size, all.length];
}

function fromHexadecimal(text: string): number {
  const [digits = "", exponent = "0"] = text.slice(2).split(/p/i);
  const [whole = "", fraction = ""] = digits.split(".");
  let value = 0;
  for (const digit of whole + fraction) value = value * 16 + Number.parseInt(digit, 16);
  return value === 0 ? 0 : value * 2 ** (Number(exponent) - 4 * fraction.length);
}
