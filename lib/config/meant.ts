// What was probably meant by text that looks like another program's syntax.

/** Whether text reads as if a comment began in it. Texts may contain `;` and `#`, so this is not certain. */
export function hasComment(text: string): boolean {
  return /\s;|\s#\s/.test(text);
}

/** Help for text that is wrong, if it looks like a comment or has one. */
export function commentHelp(text: string): string[] {
  if (/^(#|\/\/|--\s)/.test(text)) return ["a comment begins with ';'"];
  return trailingCommentHelp(text);
}

/** Help for a value that is wrong, if it looks as if a comment followed it. */
export function trailingCommentHelp(text: string): string[] {
  return /\s[;#]|\s\/\/\s/.test(text) ? ["a comment needs a line of its own, which begins with ';'"] : [];
}

/** Help for a value that is wrong, if it stands in quotation marks, which are part of it. */
export function quotesHelp(text: string): string[] {
  const [, inner] = /^(?:"([^"]*)"|'([^']*)')$/.exec(text)?.filter((part) => part !== undefined) ?? [];
  return inner === undefined
    ? []
    : [`quotation marks are part of the value: ${inner === "" ? "leave them out" : `write ${inner}`}`];
}

/** A channel's name with its ranges in braces, if it has one without, or in other brackets; otherwise undefined. */
export function withBraces(channel: string): string | undefined {
  // Nothing is tried again within a run of digits or after an open brace, which would take quadratic time.
  const outside = /(\{[^}]*(?:\}|$))|(?:[[(](?=\d+\.\.\d+[\])]))?((?<!\d)\d+\.\.\d+)(?:(?<=[[(]\d+\.\.\d+)[\])])?/g;
  const meant = channel.replace(outside, (whole, _inside, range) => (range === undefined ? whole : `{${range}}`));
  return meant === channel ? undefined : meant;
}

/**
 * Ranges whose numbers are written with leading zeros, which the language drops, each with what would keep them: for
 * `{01..16}` that is `0{1..9}` and `{10..16}`.
 */
export function paddedRanges(channel: string): { readonly range: string; readonly meant: readonly string[] }[] {
  return [...channel.matchAll(/\{\s*(\d+)\.\.\s*(\d+)\}/g)].flatMap(([range, first = "", last = ""]) => {
    if (!/^0\d/.test(first) && !/^0\d/.test(last)) return [];
    const width = Math.max(first.length, last.length);
    return width > 9 ? [] : [{ range, meant: sameWidth(Number(first), Number(last), width) }];
  });
}

/** A range as several, in each of which all numbers have the same number of digits. */
function sameWidth(first: number, last: number, width: number): string[] {
  const [low, high] = [Math.min(first, last), Math.max(first, last)];
  const parts: string[] = [];
  for (let digits = 1; digits <= width; ++digits) {
    const from = Math.max(low, digits === 1 ? 0 : 10 ** (digits - 1));
    const to = Math.min(high, 10 ** digits - 1);
    if (from > to) continue;
    const inner = from === to ? `${from}` : first <= last ? `{${from}..${to}}` : `{${to}..${from}}`;
    parts.push("0".repeat(width - digits) + inner);
  }
  return first <= last ? parts : parts.reverse();
}

/** Help for the name of a channel that is wrong. */
export function channelHelp(channel: string): string[] {
  const meant = withBraces(channel);
  return [...(meant === undefined ? [] : [`did you mean '${meant}'?`]), ...commentHelp(channel)];
}
