// The options whose values have a form of their own.
import type { Parsed } from "../options.js";
import { EVENT } from "./events.js";

const HIGHEST = 255;

/** What is to be connected: `CLIENT:PORT`, or the name of a client or its beginning, as in ALSA's own programs. */
export const device = {
  kind: "device",
  form: "CLIENT[:PORT] | NAME[:PORT]",
  parse(text: string): Parsed<string> {
    const [, client, separator, port] = /^(\d+)(?:([:.])(.*))?$/s.exec(text) ?? [];
    if (client === undefined) return { value: text };
    if (Number(client) > HIGHEST) return outOfRange("client", client, 0);
    if (separator === undefined) return { value: text };
    const start = client.length + 1;
    if (port === undefined || !/^\d+$/.test(port)) {
      return { problem: `needs a port's number after '${client}${separator}'`, help: ["write it as in 20:0"] };
    }
    return Number(port) > HIGHEST ? outOfRange("port", port, start) : { value: text };
  },
};

function outOfRange(what: string, number: string, start: number): Parsed<string> {
  const problem = `has the number ${number} of a ${what}; those of ALSA's sequencer are 0 to ${HIGHEST}`;
  return { problem, span: { start, length: number.length } };
}

/** A message that is sent when a device is connected. */
export type Message =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | {
      readonly kind: "event";
      readonly type: number;
      readonly channel: number;
      readonly parameter: number;
      readonly value: number;
    };

/** A byte, and where it is written. */
interface Byte {
  readonly value: number;
  readonly start: number;
}

/** Whole messages in hexadecimal: of MIDI channels, or system exclusive ones. */
export const bytes = {
  kind: "bytes",
  form: "HEX ...",
  parse(text: string): Parsed<readonly Message[]> {
    const read: Byte[] = [];
    for (const { 0: word, index } of text.matchAll(/[^\s,]+/g)) {
      if (!/^(?:[\da-f]{2})+$/i.test(word)) {
        const problem = `needs bytes as two hexadecimal digits each, not '${word}'`;
        return { problem, span: { start: index, length: word.length }, help: ["write it as in F0 7E 7F 09 01 F7"] };
      }
      for (let at = 0; at < word.length; at += 2) {
        read.push({ value: Number.parseInt(word.slice(at, at + 2), 16), start: index + at });
      }
    }
    return parseMessages(read);
  },
};

function parseMessages(read: readonly Byte[]): Parsed<readonly Message[]> {
  const messages: Message[] = [];
  let at = 0;
  while (at < read.length) {
    const first = read[at] as Byte;
    const dataLength = read.slice(at + 1).findIndex(({ value }) => value > 0x7f);
    const data = read.slice(at + 1, dataLength < 0 ? read.length : at + 1 + dataLength).map(({ value }) => value);
    const end = read[at + 1 + data.length];
    const problem = problemOf(first, data.length, end);
    if (problem !== undefined) return { problem, span: { start: first.start, length: 2 } };
    if (first.value === 0xf0) {
      messages.push({ kind: "bytes", bytes: Uint8Array.from([0xf0, ...data, 0xf7]) });
      at += data.length + 2;
    } else {
      messages.push(eventOf(first.value, data));
      at += data.length + 1;
    }
  }
  if (messages.length === 0) return { problem: "needs bytes, as in F0 7E 7F 09 01 F7" };
  return { value: messages };
}

function problemOf({ value }: Byte, dataLength: number, end: Byte | undefined): string | undefined {
  const hex = value.toString(16).toUpperCase().padStart(2, "0");
  if (value < 0x80) return `has ${hex} where a message begins, with a byte from 80 on`;
  if (value === 0xf0) return end?.value === 0xf7 ? undefined : "has a system exclusive message without F7 at its end";
  if (value > 0xf0) return `has a message ${hex}; it can have those of MIDI channels, 80 to EF, and F0 ... F7`;
  const expected = value >= 0xc0 && value < 0xe0 ? 1 : 2;
  if (dataLength === expected) return undefined;
  return `has a message ${hex} with ${dataLength} data bytes (00 to 7F) instead of ${expected}`;
}

function eventOf(status: number, [first = 0, second = 0]: readonly number[]): Message {
  const channel = status & 0x0f;
  const event = (type: number, parameter: number, value: number): Message => ({
    kind: "event",
    type,
    channel,
    parameter,
    value,
  });
  switch (status & 0xf0) {
    case 0x80:
      return event(EVENT.noteOff, first, second);
    case 0x90:
      return event(EVENT.noteOn, first, second);
    case 0xa0:
      return event(EVENT.keyPressure, first, second);
    case 0xb0:
      return event(EVENT.controller, first, second);
    case 0xc0:
      return event(EVENT.program, 0, first);
    case 0xd0:
      return event(EVENT.channelPressure, 0, first);
    default:
      return event(EVENT.pitch, 0, ((second << 7) | first) - 8192);
  }
}

/** As in MIDIMonster, for which any other word is `full`. */
export function parseTransmission(text: string): Parsed<"full" | "short"> {
  if (text === "full" || text === "short") return { value: text };
  return { value: "full", warning: `is full or short, not '${text}': full is used` };
}
