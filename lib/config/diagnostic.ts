import type { Location } from "./source.js";

/** One error in a configuration. */
export interface Diagnostic {
  /** What is wrong, in one line. */
  readonly message: string;
  /** Where; absent for what did not come from a text, like calls of the API. */
  readonly location?: Location;
  /** What to do about it, a line each. */
  readonly help?: readonly string[];
  /** More lines to show, like a Python traceback. */
  readonly detail?: string;
}

/**
 * A diagnostic as compilers show it:
 *
 *     monster.cfg:3:1: error: unknown backend 'pyton'
 *         3 | [pyton py1]
 *           |  ^~~~~
 *           = did you mean 'python'?
 */
export function formatDiagnostic({ message, location, help = [], detail }: Diagnostic): string {
  const lines: string[] = [];
  if (location === undefined) {
    lines.push(`error: ${message}`);
  } else {
    lines.push(`${location.source.file}:${location.line}:${location.column}: error: ${message}`);
    lines.push(...excerpt(location));
  }
  for (const line of help) lines.push(`      = ${line}`);
  if (detail !== undefined) lines.push(...detail.split("\n").map((line) => `      | ${line}`));
  return lines.join("\n");
}

const WIDEST = 160;

function excerpt({ source, line, column, length }: Location): string[] {
  const text = source.lines[line - 1] ?? "";
  // A line of a megabyte is shown around the place, not whole.
  const from = column - 1 > WIDEST / 2 ? Math.min(column - 1 - WIDEST / 2, Math.max(0, text.length - WIDEST)) : 0;
  const shown = visible(text.slice(from, from + WIDEST));
  // Tabs stay tabs in the line of the caret, so that it stands below its character at any tab width.
  const before = text.slice(from, column - 1).replace(/[^\t]/g, " ");
  const caret = "^".padEnd(Math.max(1, Math.min(length, shown.length - (column - 1 - from))), "~");
  return [`${String(line).padStart(5)} | ${shown}`, `      | ${before}${caret}`];
}

/** Text without characters that would disturb a terminal. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this replaces
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, "\ufffd");
}
