// Formats of messages, as options have them: `ff 0 1 -10 10`, `sf "name" 0 1`, `-`.
import type { Parsed, ValueProblem } from "../options.js";
import { wholeNumber } from "../shared/numbers.js";
import type { NumberType, VariableArgument } from "./values.js";

/** An argument that is always the same: a text, or one of the types without data. */
export type ConstantArgument = { readonly type: "s"; readonly text: string } | { readonly type: "T" | "F" | "N" | "I" };

export type FormatArgument = VariableArgument | ConstantArgument;

/** The arguments of messages to and from a path. */
export interface OscFormat {
  readonly arguments: readonly FormatArgument[];
  /** By channel index: the positions of arguments that follow channels. None: the path is a trigger. */
  readonly variables: readonly number[];
}

interface Word {
  readonly text: string;
  readonly quoted: boolean;
  readonly span: { readonly start: number; readonly length: number };
}

const EXAMPLE =
  'write the types and a minimum and maximum for each, as in: ff 0 1 0 1, or: sf "name" 0 1, or - for no arguments';

/** As other programs write types. */
const NAMES_OF_TYPES = new Map([
  ["float", "f"],
  ["double", "d"],
  ["int", "i"],
  ["integer", "i"],
  ["string", "s"],
]);

export function isVariable(argument: FormatArgument): argument is VariableArgument {
  return "min" in argument;
}

export function parseFormat(text: string): Parsed<OscFormat> {
  const [letters, ...rest] = wordsOf(text);
  if (letters === undefined) return { problem: "needs types", help: [EXAMPLE] };
  const meant = NAMES_OF_TYPES.get(letters.text.toLowerCase());
  if (meant !== undefined) {
    return {
      problem: `has no type '${letters.text}'`,
      help: [`types are single characters: write ${meant}`],
      span: letters.span,
    };
  }
  const reader = new WordReader(rest);
  const parts: FormatArgument[] = [];
  if (letters.text !== "-") {
    for (const [i, letter] of [...letters.text].entries()) {
      const found = argument(letter, { start: letters.span.start + i, length: 1 }, reader);
      if ("problem" in found) return found;
      parts.push(found);
    }
  }
  const value = formatOf(parts);
  const surplus = reader.next();
  const warning = surplus ? `has more words than its types need, from '${surplus.text}' on` : reader.warning;
  const span = (surplus ?? reader.odd)?.span;
  return { value, ...(warning !== undefined && { warning }), ...(span !== undefined && { span }) };
}

export function formatOf(parts: readonly FormatArgument[]): OscFormat {
  const variables = [...parts.entries()].flatMap(([position, part]) => (isVariable(part) ? [position] : []));
  return { arguments: parts, variables };
}

/** Words; quotes make one of several. */
export function wordsOf(text: string): readonly Word[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)].map(({ 0: all, 1: inside, index }) => ({
    text: inside === undefined ? all : inside.replace(/\\(.)/g, "$1"),
    quoted: inside !== undefined,
    span: { start: index, length: all.length },
  }));
}

class WordReader {
  warning: string | undefined;
  /** The word that the warning is about. */
  odd: Word | undefined;
  readonly #words: readonly Word[];
  #at = 0;

  constructor(words: readonly Word[]) {
    this.#words = words;
  }

  next(): Word | undefined {
    return this.#words[this.#at++];
  }

  /** A limit, in C's notation, as MIDIMonster takes it. */
  limit(type: NumberType, what: string): number | ValueProblem {
    const word = this.next();
    if (word === undefined) return { problem: `needs the ${what} of an argument of type '${type}'`, help: [EXAMPLE] };
    const { text, span } = word;
    const whole = type === "i" || type === "h";
    const inBase = whole ? wholeNumber(text) : Number.NaN;
    const value = Number.isNaN(inBase) ? decimal(text) : inBase;
    if (!Number.isFinite(value)) return { problem: `needs numbers as limits, not '${text}'`, help: [EXAMPLE], span };
    if (type === "i" && (value < -(2 ** 31) || value >= 2 ** 31)) {
      return { problem: `has a limit beyond 32 bits: ${text}`, help: ["type h has 64 bits"], span };
    }
    if (type === "h" && Math.abs(value) > 2 ** 63) return { problem: `has a limit beyond 64 bits: ${text}`, span };
    if (type === "f" && !Number.isFinite(Math.fround(value))) {
      return { problem: `has a limit beyond a 32-bit float: ${text}`, help: ["type d has 64 bits"], span };
    }
    if (whole && !Number.isInteger(value)) {
      this.warning ??= `takes ${Math.trunc(value)} for '${text}': arguments of type '${type}' are whole numbers`;
      this.odd ??= word;
    }
    return whole ? Math.trunc(value) : type === "f" ? Math.fround(value) : value;
  }
}

function argument(letter: string, span: Word["span"], words: WordReader): FormatArgument | ValueProblem {
  switch (letter) {
    case "i":
    case "f":
    case "h":
    case "d": {
      const min = words.limit(letter, "minimum");
      if (typeof min !== "number") return min;
      const max = words.limit(letter, "maximum");
      return typeof max === "number" ? { type: letter, min, max } : max;
    }
    case "s": {
      const word = words.next();
      if (word === undefined) return { problem: "needs a text for its type 's'", help: [EXAMPLE] };
      return { type: letter, text: word.text };
    }
    case "T":
    case "F":
    case "N":
    case "I":
      return { type: letter };
    default:
      return { problem: `has types of i, f, h, d, s, T, F, N and I, not '${letter}'`, help: [EXAMPLE], span };
  }
}

function decimal(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}
