// Names of channels, and their meanings: one number each, since thousands of them are compared at a reload.
import { nearest } from "../../config/suggest.js";
import type { ParsedChannel } from "../declare.js";

interface KindFacts {
  readonly name: string;
  /** The highest number; absent for what a MIDI channel has only one of. */
  readonly highest?: number;
  /** Whether it is a message of one byte, which is not on a MIDI channel. */
  readonly apart?: boolean;
}

/** By their code in a meaning. */
const KINDS = [
  { name: "note", highest: 127 },
  { name: "cc", highest: 127 },
  { name: "pressure", highest: 127 },
  { name: "aftertouch" },
  { name: "pitch" },
  { name: "program" },
  { name: "rpn", highest: 16383 },
  { name: "nrpn", highest: 16383 },
  { name: "cc14", highest: 31 },
  { name: "clock", apart: true },
  { name: "start", apart: true },
  { name: "continue", apart: true },
  { name: "stop", apart: true },
] as const satisfies readonly KindFacts[];

export type Kind = (typeof KINDS)[number]["name"];

const NUMBER_BITS = 14;
const CHANNEL_BITS = 4;

export function meaningOf(kind: Kind, channel: number, number = 0): number {
  const code = KINDS.findIndex(({ name }) => name === kind);
  return (((code << CHANNEL_BITS) | channel) << NUMBER_BITS) | number;
}

export function kindOf(meaning: number): Kind {
  return (KINDS[meaning >> (NUMBER_BITS + CHANNEL_BITS)] ?? KINDS[0]).name;
}

export function channelOf(meaning: number): number {
  return (meaning >> NUMBER_BITS) & ((1 << CHANNEL_BITS) - 1);
}

export function numberOf(meaning: number): number {
  return meaning & ((1 << NUMBER_BITS) - 1);
}

/** The canonical name of a channel. */
export function nameOf(meaning: number): string {
  const kind = kindOf(meaning);
  if (isApart(kind)) return kind;
  const start = `ch${channelOf(meaning)}.${kind}`;
  if (!hasNumber(kind)) return start;
  return `${start}${kind === "cc14" ? "." : ""}${numberOf(meaning)}`;
}

function factsOf(kind: Kind): KindFacts {
  return KINDS.find(({ name }) => name === kind) ?? KINDS[0];
}

function hasNumber(kind: Kind): boolean {
  return factsOf(kind).highest !== undefined;
}

/** Whether it says something of the moment, for all MIDI channels: it has no value. */
export function isApart(kind: Kind): boolean {
  return factsOf(kind).apart === true;
}

const APART = KINDS.map(({ name }) => name).filter(isApart);

const EXAMPLE = "write the MIDI channel and what is on it, as in ch0.note60, ch0.cc7 or ch15.pitch";

/** Parses `ch<0..15>.<kind><number>`, as MIDIMonster does where it makes sense of it, and names of one-byte messages. */
export function parseChannel(text: string): ParsedChannel<number> {
  const single = APART.find((kind) => kind === text);
  if (single !== undefined) return { name: single, meaning: meaningOf(single, 0) };
  const [, digits, rest] = /^ch(?:annel)?(\d*)\.(.*)$/s.exec(text) ?? [];
  if (digits === undefined || rest === undefined) return problemOfStart(text);
  const channel = Number(digits);
  if (channel > 15) return { problem: `MIDI channels are 0 to 15, not ${digits}: the first one is 0` };
  const fine = /^cc14\.(.*)$/s.exec(rest);
  if (fine !== null) return parseNumber("cc14", channel, fine[1] ?? "");
  const [, word = "", after = ""] = /^([a-z]*)(.*)$/is.exec(rest) ?? [];
  const kind = word === "pitchbend" ? "pitch" : KINDS.find(({ name }) => name === word)?.name;
  if (kind !== undefined && isApart(kind)) {
    return { problem: `'${kind}' is not on a MIDI channel`, help: [`write ${kind} without ch${digits}`] };
  }
  if (kind === undefined || kind === "cc14") return unknownKind(word, rest);
  return hasNumber(kind) ? parseNumber(kind, channel, after) : parseNone(kind, channel, after);
}

function problemOfStart(text: string): ParsedChannel<number> {
  if (/^ch(?:annel)?\d*$/.test(text)) return { problem: `'${text}' is a whole MIDI channel`, help: [EXAMPLE] };
  return { problem: `'${text}' is not a channel of MIDI`, help: [EXAMPLE] };
}

function unknownKind(word: string, rest: string): ParsedChannel<number> {
  const names: string[] = KINDS.map(({ name }) => name).filter((name) => !isApart(name));
  const lower = word.toLowerCase();
  const near = names.includes(lower) ? lower : nearest(lower, names);
  const problem = `there is no '${rest}' on a MIDI channel`;
  return { problem, help: [near === undefined ? `there are ${names.join(", ")}` : `did you mean '${near}'?`] };
}

function parseNumber(kind: Kind, channel: number, digits: string): ParsedChannel<number> {
  const { highest = 0 } = factsOf(kind);
  const what = kind === "cc14" ? "cc14." : kind;
  if (!/^\d*$/.test(digits)) {
    const number = /^\W?(\d+)$/.exec(digits)?.[1];
    const help = number === undefined ? `write ${what}0 to ${what}${highest}` : `write ${what}${number}`;
    return { problem: `'${digits}' after '${what}' is not a number`, help: [help] };
  }
  const number = Number(digits);
  if (number > highest) {
    const help = kind === "cc14" ? ["it is a pair of controllers: number N, and N + 32 for the fine part"] : [];
    return { problem: `${what} is 0 to ${highest}, not ${digits}`, help };
  }
  const meaning = meaningOf(kind, channel, number);
  const parsed = { name: nameOf(meaning), meaning };
  // As in MIDIMonster.
  return digits === "" ? { ...parsed, warning: `${what} has no number: it is ${what}0` } : parsed;
}

function parseNone(kind: Kind, channel: number, after: string): ParsedChannel<number> {
  const meaning = meaningOf(kind, channel);
  const parsed = { name: nameOf(meaning), meaning };
  if (after === "") return parsed;
  if (!/^\d+$/.test(after)) return { problem: `'${after}' after '${kind}' means nothing` };
  // As in MIDIMonster.
  return { ...parsed, warning: `${kind} has no number, since a MIDI channel has only one: ${after} is ignored` };
}
