import { count } from "../count.js";
import { inOneLine, visible } from "../visible.js";
import { type Location, shownLine } from "./source.js";

/** One error in a configuration, or a warning. */
export interface Diagnostic {
  /** Absent: an error. */
  readonly severity?: "warning";
  /** The problem, in one line. */
  readonly message: string;
  /** Absent where there is no text to point at, as with API calls. */
  readonly location?: Location;
  /** What to do about it; one entry per line. */
  readonly help?: readonly string[];
  /** Further lines to show, such as a Python traceback. */
  readonly detail?: string;
}

/** A diagnostic as programs get it: in the log, and from `mmpy check --json`. */
export interface DiagnosticData {
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1, in UTF-16 code units. */
  readonly column?: number;
  readonly length?: number;
  readonly help: readonly string[];
  readonly detail?: string;
}

export function asData({ severity, message, location, help, detail }: Diagnostic): DiagnosticData {
  return {
    severity: severity ?? "error",
    message,
    ...(location && {
      file: location.source.file,
      line: location.line,
      column: location.column,
      length: location.length,
    }),
    help: help ?? [],
    ...(detail !== undefined && { detail }),
  };
}

/**
 * Formats a diagnostic as compilers do:
 *
 *     monster.cfg:3:1: error: unknown backend 'pyton'
 *         3 | [pyton py1]
 *           |  ^~~~~
 *           = did you mean 'python'?
 */
export function formatDiagnostic({ severity, message, location, help = [], detail }: Diagnostic): string {
  const lines: string[] = [];
  const shown = shorten(oneLine(message));
  if (location === undefined) {
    lines.push(`${severity ?? "error"}: ${shown}`);
  } else {
    lines.push(
      `${oneLine(location.source.file)}:${location.line}:${location.column}: ${severity ?? "error"}: ${shown}`,
    );
    lines.push(...excerpt(location));
  }
  for (const line of help) lines.push(`      = ${shorten(oneLine(line))}`);
  if (detail !== undefined)
    lines.push(
      ...visible(detail)
        .split("\n")
        .map((line) => `      | ${line}`),
    );
  return lines.join("\n");
}

/** The rest is not shown: after this many, most errors are consequences of earlier ones. */
const MAX_SHOWN = 50;

/** Formats several diagnostics, one below the other. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics.slice(0, MAX_SHOWN).map(formatDiagnostic);
  const rest = diagnostics.length - lines.length;
  if (rest > 0) lines.push(`and ${count(rest, "more error")}`);
  return lines.join("\n");
}

/** Sorts diagnostics into reading order: files in the order of their first error, then by line and column. */
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

const MAX_WIDTH = 160;
const MAX_LENGTH = 400;

function excerpt({ source, line, column, length }: Location): string[] {
  const text = shownLine(source, line);
  // Of a very long line, only the part around the error is shown.
  const from =
    column - 1 > MAX_WIDTH / 2 ? Math.min(column - 1 - MAX_WIDTH / 2, Math.max(0, text.length - MAX_WIDTH)) : 0;
  const shown = inOneLine(text.slice(from, from + MAX_WIDTH));
  // The caret's line keeps the tabs, so that the caret lines up at any tab width.
  const before = text.slice(from, column - 1).replace(/[^\t]/g, " ");
  const caret = "^".padEnd(Math.max(1, Math.min(length, shown.length - (column - 1 - from))), "~");
  return [`${String(line).padStart(5)} | ${shown}`, `      | ${before}${caret}`];
}

function oneLine(text: string): string {
  return visible(text).replaceAll("\n", "\ufffd");
}

/** Replaces the middle of an overlong text by an ellipsis. */
function shorten(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  return `${text.slice(0, MAX_LENGTH / 2)} … ${text.slice(-MAX_LENGTH / 2)}`;
}
