import type { Diagnostic } from "./diagnostic.js";
import { CHANNELS } from "./limits.js";
import { type Located, part } from "./source.js";

/** `{first..last}` or `{a,b,c}`. */
export type Choice =
  | { readonly kind: "range"; readonly first: number; readonly last: number; readonly size: number }
  | { readonly kind: "list"; readonly items: readonly string[]; readonly size: number };

/** A channel name whose expressions in braces stand for several names: literal text and choices, in order. */
export interface ChannelPattern {
  readonly parts: readonly (string | Choice)[];
  /** The number of names it stands for. */
  readonly size: number;
}

/**
 * Parses a pattern. Returns undefined after reporting errors to `report`.
 *
 * @param channel a channel name, with or without expressions in braces
 */
export function parsePattern(channel: Located, report: (diagnostic: Diagnostic) => void): ChannelPattern | undefined {
  const parts: (string | Choice)[] = [];
  let size = 1;
  let valid = true;
  let at = 0;
  for (;;) {
    const open = channel.text.indexOf("{", at);
    if (open < 0) break;
    const close = channel.text.indexOf("}", open);
    if (close < 0) {
      report({ message: "'{' without a matching '}'", location: part(channel, open).location, help: EXPRESSION_HELP });
      return undefined;
    }
    if (open > at) parts.push(channel.text.slice(at, open));
    const choice = parseChoice(part(channel, open, close + 1), report);
    if (choice === undefined) {
      valid = false;
    } else {
      parts.push(choice);
      size *= choice.size;
    }
    at = close + 1;
  }
  if (at < channel.text.length || parts.length === 0) parts.push(channel.text.slice(at));
  if (!valid) return undefined;
  if (size > CHANNELS.max) {
    report({
      message: `'${channel.text}' stands for ${Number.isSafeInteger(size) ? size : "too many"} channels`,
      location: channel.location,
      help: [CHANNELS.help],
    });
    return undefined;
  }
  return { parts, size };
}

const EXPRESSION_HELP = ["write {1..512} for a range or {red,green,blue} for a list"];

function parseChoice(expression: Located, report: (diagnostic: Diagnostic) => void): Choice | undefined {
  const inner = expression.text.slice(1, -1);
  const dots = inner.indexOf("..");
  const comma = inner.indexOf(",");
  const fail = (message: string, help: readonly string[] = EXPRESSION_HELP): undefined => {
    report({ message, location: expression.location, help });
  };
  if (inner.includes("{")) return fail("'{' inside '{…}': expressions can't be nested");

  // The first separator decides between range and list.
  if (dots >= 0 && (comma < 0 || dots < comma)) {
    const bounds = /^\s*(\d+)\.\.\s*(\d+)$/.exec(inner);
    if (bounds === null) return fail(`'${expression.text}' is not a range of whole numbers`);
    const first = Number(bounds[1]);
    const last = Number(bounds[2]);
    const size = Math.abs(last - first) + 1;
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || size > CHANNELS.max) {
      return fail(`the range '${expression.text}' is too large`, [CHANNELS.help]);
    }
    return { kind: "range", first, last, size };
  }
  if (comma >= 0) {
    const items = inner.split(",");
    if (items.includes("")) return fail(`'${expression.text}' has an empty element`);
    return { kind: "list", items, size: items.length };
  }
  return fail(`'${expression.text}' is neither a range nor a list`);
}

/** All names a pattern stands for, in order: the rightmost expression varies fastest. */
export function* expand(pattern: ChannelPattern): Generator<string, void, void> {
  // Fast paths for the common cases: a plain name, and a name with one expression.
  const choices = pattern.parts.filter((piece) => typeof piece !== "string");
  const [only] = choices;
  if (only === undefined) {
    yield pattern.parts.join("");
    return;
  }
  if (choices.length === 1) {
    const place = pattern.parts.indexOf(only);
    const before = pattern.parts.slice(0, place).join("");
    const after = pattern.parts.slice(place + 1).join("");
    for (let i = 0; i < only.size; ++i) yield before + element(only, i) + after;
    return;
  }
  for (let n = 0; n < pattern.size; ++n) yield nameAt(pattern, n);
}

/** An upper bound on the total number of characters in all names of a pattern. */
export function charactersIn({ parts, size }: ChannelPattern): number {
  const longest = (piece: string | Choice) => {
    if (typeof piece === "string") return piece.length;
    if (piece.kind === "range") return String(Math.max(piece.first, piece.last)).length;
    return piece.items.reduce((max, item) => Math.max(max, item.length), 0);
  };
  return size * parts.reduce((sum, piece) => sum + longest(piece), 0);
}

function nameAt(pattern: ChannelPattern, n: number): string {
  let rest = n;
  let name = "";
  for (let i = pattern.parts.length - 1; i >= 0; --i) {
    const piece = pattern.parts[i] as string | Choice;
    if (typeof piece === "string") {
      name = piece + name;
    } else {
      name = element(piece, rest % piece.size) + name;
      rest = Math.floor(rest / piece.size);
    }
  }
  return name;
}

function element(choice: Choice, i: number): string {
  if (choice.kind === "list") return choice.items[i] as string;
  return String(choice.first <= choice.last ? choice.first + i : choice.first - i);
}
