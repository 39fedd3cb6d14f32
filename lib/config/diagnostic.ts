import { count } from "../count.js";
import type { Location } from "./source.js";

/** One error in a configuration, or a warning. */
export interface Diagnostic {
  /** Absent: an error. */
  readonly severity?: "warning";
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
export function formatDiagnostic({ severity, message, location, help = [], detail }: Diagnostic): string {
  const lines: string[] = [];
  const shown = shorten(visible(message));
  if (location === undefined) {
    lines.push(`${severity ?? "error"}: ${shown}`);
  } else {
    lines.push(`${location.source.file}:${location.line}:${location.column}: ${severity ?? "error"}: ${shown}`);
    lines.push(...excerpt(location));
  }
  for (const line of help) lines.push(`      = ${shorten(visible(line))}`);
  if (detail !== undefined) lines.push(...detail.split("\n").map((line) => `      | ${line}`));
  return lines.join("\n");
}

/** The most that are shown: what comes after so many is mostly their consequence. */
const MOST_SHOWN = 50;

/** Diagnostics one below the other. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics.slice(0, MOST_SHOWN).map(formatDiagnostic);
  const rest = diagnostics.length - lines.length;
  if (rest > 0) lines.push(`and ${count(rest, "more error")}`);
  return lines.join("\n");
}

/** Diagnostics as a reader of the text meets them: files in the order of their first error, then by place. */
export function inReadingOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const files = new Map<Location["source"] | undefined, number>();
  for (const { location } of diagnostics) {
    if (!files.has(location?.source)) files.set(location?.source, files.size);
  }
  const fileOf = ({ location }: Diagnostic) => files.get(location?.source) ?? 0;
  return diagnostics.toSorted(
    (a, b) =>
      fileOf(a) - fileOf(b) ||
      (a.location?.line ?? 0) - (b.location?.line ?? 0) ||
      (a.location?.column ?? 0) - (b.location?.column ?? 0),
  );
}

const WIDEST = 160;
const LONGEST = 400;

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

/** Text with its middle left out where it is too long for a person. */
function shorten(text: string): string {
  if (text.length <= LONGEST) return text;
  return `${text.slice(0, LONGEST / 2)} … ${text.slice(-LONGEST / 2)}`;
}

/** Text without characters that would disturb a terminal. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this replaces
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, "\ufffd");
}
