// The form of the values of a topic: `TOPIC = range MIN MAX` and `TOPIC = discrete [!]MIN [!]MAX TEXT`.
import type { InstanceOptions, PatternValue, SectionProblem } from "../declare.js";
import type { Parsed } from "../options.js";
import { leadingNumber } from "./payload.js";

/** One line of a topic's format. */
export type FormatLine = RangeFormat | Step;

export interface RangeFormat {
  readonly kind: "range";
  /** The number for 0: may be the higher one. */
  readonly min: number;
  /** The number for 1. */
  readonly max: number;
}

/** A text that stands for a range of values. */
export interface Step {
  readonly kind: "discrete";
  readonly min: number;
  readonly max: number;
  /** The value of the text when it arrives. */
  readonly input: number;
  readonly text: string;
}

export type Format =
  | { readonly kind: "number" }
  | RangeFormat
  | { readonly kind: "discrete"; readonly steps: readonly Step[] };

export const LINE_FORM = "range MIN MAX | discrete [!]MIN [!]MAX TEXT";

/** Undefined if it is neither. */
export function parseLine(text: string): Parsed<FormatLine> | undefined {
  const [, word, rest = ""] = /^(range|discrete)(?:\s+(.*))?$/s.exec(text) ?? [];
  if (word === "range") return parseRange(rest, text.length - rest.length);
  return word === "discrete" ? parseStep(rest, text.length - rest.length) : undefined;
}

function parseRange(text: string, offset: number): Parsed<FormatLine> {
  const pieces = [...text.matchAll(/\S+/g)];
  const [first, second, more] = pieces;
  if (first === undefined || second === undefined) return { problem: "needs two numbers after 'range'", help: [HELP] };
  for (const piece of [first, second]) {
    if (limit(piece[0]) === undefined) return notANumber(piece[0], offset + piece.index);
  }
  if (more !== undefined) {
    const span = { start: offset + more.index, length: text.length - more.index };
    return { problem: `has more than two numbers after 'range': '${text.slice(more.index)}'`, span };
  }
  const [min, max] = [limit(first[0]) ?? 0, limit(second[0]) ?? 0];
  if (!Number.isFinite(max - min)) return { problem: `is too wide: from ${first[0]} to ${second[0]}` };
  return { value: { kind: "range", min, max } };
}

const STEP = /^(?<minMark>!?)\s*(?<min>[^\s!]+)\s+(?<maxMark>!?)\s*(?<max>[^\s!]+)(?:\s+(?<text>.*))?$/ds;

function parseStep(rest: string, offset: number): Parsed<FormatLine> {
  const match = STEP.exec(rest);
  const { minMark, min: low = "", maxMark, max: high = "", text = "" } = match?.groups ?? {};
  if (match === null) return { problem: "needs two numbers and a text after 'discrete'", help: [HELP] };
  for (const name of ["min", "max"]) {
    const number = match.groups?.[name] ?? "";
    if (limit(number) === undefined) return notANumber(number, offset + (match.indices?.groups?.[name]?.[0] ?? 0));
  }
  const [min, max] = [clamp(limit(low) ?? 0), clamp(limit(high) ?? 0)];
  if (max < min) return { problem: `begins with the lower number: ${high} is lower than ${low}` };
  // As in MIDIMonster, where the second mark replaces the first one.
  const input = maxMark ? max : minMark ? min : min + (max - min) / 2;
  const value: Step = { kind: "discrete", min, max, input, text };
  if (text !== "") return { value };
  return { value, warning: `has no text after the two numbers: for values from ${low} to ${high} nothing is sent` };
}

const HELP = "write range MIN MAX, or discrete MIN MAX TEXT";

function notANumber(text: string, start: number): Parsed<FormatLine> {
  return { problem: `needs a number, not '${text}'`, span: { start, length: text.length }, help: [HELP] };
}

function limit(text: string): number | undefined {
  const [value, length] = leadingNumber(text);
  return length === text.length && Number.isFinite(value) ? value : undefined;
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

/** By the section, since thousands of channels of one instance are looked up. */
const formats = new WeakMap<object, ReadonlyMap<string, Format>>();

/** The format of a topic in a section. */
export function formatOf(topic: string, section: Pick<InstanceOptions, "patterns">): Format {
  let known = formats.get(section.patterns);
  if (known === undefined) {
    known = collect(section.patterns as readonly PatternValue<FormatLine>[]);
    formats.set(section.patterns, known);
  }
  return known.get(topic) ?? { kind: "number" };
}

function collect(lines: readonly PatternValue<FormatLine>[]): ReadonlyMap<string, Format> {
  const found = new Map<string, Format>();
  const steps = new Map<string, Step[]>();
  for (const { name, value } of lines) {
    if (value.kind === "range") {
      found.set(name, value);
      continue;
    }
    const known = steps.get(name);
    if (known !== undefined) known.push(value);
    else {
      const all = [value];
      steps.set(name, all);
      found.set(name, { kind: "discrete", steps: all });
    }
  }
  return found;
}

/** A topic has one range, or any number of texts. */
export function checkLines(lines: readonly PatternValue<FormatLine>[]): readonly SectionProblem[] {
  const kinds = new Map<string, FormatLine["kind"]>();
  return lines.flatMap(({ name, value: { kind } }) => {
    const before = kinds.get(name);
    kinds.set(name, kind);
    if (before === undefined || (before === "discrete" && kind === "discrete")) return [];
    const problem =
      before === kind ? `topic '${name}' can have only one range` : `topic '${name}' can't have both a range and texts`;
    return [{ problem, option: name }];
  });
}
