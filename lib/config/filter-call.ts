// A filter as written between two arrows: `NAME` or `NAME(ARGUMENT, ...)`.
import { MAX_STEPS } from "../filters/chain.js";
import type { Diagnostic } from "./diagnostic.js";
import { type Located, type Location, locate } from "./source.js";

export interface FilterCall {
  readonly name: Located;
  /** Absent without parentheses. */
  readonly args?: readonly Located[];
  readonly location: Location;
}

export type Report = (diagnostic: Diagnostic) => void;

/** What separates the parts of a mapping and of a filter's chain. */
export interface Arrow {
  readonly text: string;
  readonly location: Location;
}

/** A filter that has not been parsed, and the arrow in front of it. */
export interface FilterText {
  readonly text: Located;
  readonly arrow: Arrow | undefined;
}

/** Splits a line at its arrows: there is one part more than arrows. */
export function splitAtArrows(line: Located): { readonly parts: Located[]; readonly arrows: Arrow[] } {
  const { source, line: number, column } = line.location;
  const start = column - 1;
  const parts: Located[] = [];
  const arrows: Arrow[] = [];
  let from = start;
  for (const found of line.text.matchAll(/<>|><|<|>/g)) {
    const at = start + found.index;
    parts.push(locate(source, number, from, at));
    from = at + found[0].length;
    arrows.push({ text: found[0], location: { source, line: number, column: at + 1, length: found[0].length } });
  }
  parts.push(locate(source, number, from, start + line.text.length));
  return { parts, arrows };
}

/** The filters of a mapping's line, from left to right. */
export function filtersBetween({ parts, arrows }: ReturnType<typeof splitAtArrows>): FilterText[] {
  return parts.slice(1, -1).map((text, i) => ({ text, arrow: arrows[i + 1] }));
}

/** Parses the filters of one line. Returns undefined after reporting errors. */
export function parseFilterCalls(texts: readonly FilterText[], report: Report): FilterCall[] | undefined {
  const [first] = texts;
  if (texts.length > MAX_STEPS && first !== undefined) {
    report({ message: `more than ${MAX_STEPS} filters in one line`, location: first.text.location });
    return undefined;
  }
  const calls = texts.map(({ text, arrow }) => parseFilterCall(text, arrow, report));
  return calls.every((call): call is FilterCall => call !== undefined) ? calls : undefined;
}

/**
 * Parses one filter.
 *
 * @param before the arrow in front of it, if there is one
 * @returns undefined after reporting an error
 */
function parseFilterCall(text: Located, before: Arrow | undefined, report: Report): FilterCall | undefined {
  const fail = (message: string, location: Location, ...help: string[]): undefined => {
    report({ message, location, help });
  };
  if (text.text === "") {
    const place = before?.location ?? text.location;
    return fail("there is no filter between two arrows", place, "write a filter between them, or only one arrow");
  }
  const brace = text.text.search(/[{}]/);
  if (brace >= 0) {
    const help = "expressions in braces are for channels; each of the channels gets the filter";
    return fail(`'${text.text}' contains a brace, which a filter can't`, within(text, brace, brace + 1), help);
  }
  const open = text.text.indexOf("(");
  const beginning = open < 0 ? text.text : text.text.slice(0, open);
  if (beginning.includes(".")) {
    return fail(
      `'${text.text}' stands where a filter belongs`,
      text.location,
      "between two arrows is a filter; for a chain of channels write two lines: a.x > b.y and b.y > c.z",
      "the name of a channel can't contain < or >",
    );
  }
  const name = located(text, 0, beginning.length);
  if (!/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name.text)) {
    const meant = meantCall(text.text);
    const help = ["a filter is a name, or a name and arguments in parentheses: curve(2.2)"];
    if (meant !== undefined) help.unshift(`did you mean '${meant}'?`);
    else help.push("the name of a channel can't contain < or >");
    return fail(`'${text.text}' is not a filter`, text.location, ...help);
  }
  if (open < 0) return { name, location: text.location };
  const close = text.text.indexOf(")", open);
  if (close < 0)
    return fail("a parenthesis is not closed", within(text, open, open + 1), "write ')' after the arguments");
  const rest = located(text, close + 1, text.text.length);
  if (rest.text !== "") {
    return fail(
      `'${rest.text}' follows a filter`,
      rest.location,
      "between two filters stands an arrow: curve(2) > invert",
    );
  }
  const args: Located[] = [];
  let from = open + 1;
  for (let at = from; at <= close; ++at) {
    if (at < close && text.text[at] !== ",") continue;
    args.push(located(text, from, at));
    from = at + 1;
  }
  if (args.length === 1 && args[0]?.text === "") return { name, args: [], location: text.location };
  return { name, args, location: text.location };
}

/** `fade 2s` and `invert, fade(2s)` as they are written here, or undefined for what is neither. */
function meantCall(text: string): string | undefined {
  const [, name, argument] = /^([a-z]+)[ =:]+([\d.]+\s?(?:%|ms|s|))$/.exec(text) ?? [];
  if (name !== undefined) return `${name}(${argument})`;
  const several = /^[a-z]+(?:\([^()]*\))?(?:\s*[,|+]\s*[a-z]+(?:\([^()]*\))?)+$/.test(text);
  return several ? text.replace(/\s*[,|+]\s*(?=[a-z])/g, " > ") : undefined;
}

/** A part of a text by offsets, trimmed. */
function located({ location: { source, line, column } }: Located, start: number, end: number): Located {
  return locate(source, line, column - 1 + start, column - 1 + end);
}

function within({ location }: Located, start: number, end: number): Location {
  return { ...location, column: location.column + start, length: end - start };
}
