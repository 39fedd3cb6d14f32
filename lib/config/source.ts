import { closeSync, openSync, readSync, statSync } from "node:fs";
import path from "node:path";
import { BYTES } from "./limits.js";

/** Configuration text: a file, or a stand-in for one such as the command line. */
export interface Source {
  /** Its name in messages. */
  readonly file: string;
  /** The base of relative paths in it. */
  readonly folder: string;
  readonly lines: readonly string[];
}

/** A range within one line of a source. */
export interface Location {
  readonly source: Source;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
  /** In UTF-16 code units. */
  readonly length: number;
}

/** Lines that messages show differently, such as those with a password. */
const masked = new WeakMap<Source, Map<number, string>>();

/** Has messages show a text of the same length in a place from now on. */
export function mask({ source, line, column, length }: Location, text: string): void {
  let lines = masked.get(source);
  if (lines === undefined) {
    lines = new Map();
    masked.set(source, lines);
  }
  const whole = source.lines[line - 1] ?? "";
  lines.set(line, whole.slice(0, column - 1) + text + whole.slice(column - 1 + length));
}

/** A line as messages show it. */
export function shownLine(source: Source, line: number): string {
  return masked.get(source)?.get(line) ?? source.lines[line - 1] ?? "";
}

/** Text and its location. */
export interface Located {
  readonly text: string;
  readonly location: Location;
}

/** The files exceed the limit on their total size. */
export class TooManyBytes extends Error {
  constructor() {
    super(`too many bytes; ${BYTES.help}`);
  }
}

/**
 * Reads a file as UTF-8, or as Latin-1 if it is not valid UTF-8, so that no byte is lost.
 *
 * @param before total size of the files read so far, in bytes
 * @returns the text, and its size in bytes
 * @throws {TooManyBytes} if the total exceeds the limit
 * @throws {Error} if it can't be read, or is UTF-16
 */
export function readText(file: string, before = 0): { readonly text: string; readonly size: number } {
  const bytes = readAtMost(file, BYTES.max - before);
  if (bytes === undefined) throw new TooManyBytes();
  if (isUtf16(bytes)) throw new Error("it is UTF-16; save it as UTF-8");
  const text = decoded(bytes);
  // The line ends of old Macintosh programs, which some exports still have.
  return { size: bytes.length, text: text.includes("\n") ? text : text.replaceAll("\r", "\n") };
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}

/** Whether text begins with UTF-16's byte order mark, or has the look of it: every other byte of Latin letters is 0. */
function isUtf16(bytes: Buffer): boolean {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return true;
  const sample = bytes.subarray(0, SAMPLE);
  let [even, odd] = [0, 0];
  for (const [i, byte] of sample.entries()) {
    if (byte !== 0) continue;
    if (i % 2 === 0) ++even;
    else ++odd;
  }
  const zeros = Math.max(even, odd);
  return Math.min(even, odd) === 0 && zeros >= 8 && zeros * 4 > sample.length;
}

/** So many bytes tell what a text's encoding is. */
const SAMPLE = 1024;

/** The contents of a file, pipe or device; undefined if larger than `max`. */
function readAtMost(file: string, max: number): Buffer | undefined {
  // Opening one waits for a writer, forever if need be. Those of a shell's `<(command)`, in /dev/fd, have theirs.
  if (statSync(file, { throwIfNoEntry: false })?.isFIFO() && !/^\/(dev|proc)\//.test(path.resolve(file))) {
    throw new Error("it is a FIFO (a named pipe), not a regular file");
  }
  const descriptor = openSync(file, "r");
  try {
    const pieces: Buffer[] = [];
    let size = 0;
    for (;;) {
      const piece = Buffer.allocUnsafe(2 ** 18);
      const count = readSync(descriptor, piece);
      if (count === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, count));
      size += count;
      if (size > max) return undefined;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Splits text into lines at LF or CRLF. A leading byte order mark is dropped. */
export function makeSource(file: string, folder: string, text: string): Source {
  return { file, folder, lines: text.replace(/^\uFEFF/, "").split(/\r?\n/) };
}

/** Whitespace and control characters, which are trimmed from names and values. */
function isInvisible(character: string): boolean {
  return character <= " " || character === "\x7f" || character.trim() === "";
}

/** The trimmed part of line `line` (from 1) between two offsets (from 0). */
export function locate(source: Source, line: number, start: number, end: number): Located {
  const whole = source.lines[line - 1] ?? "";
  let from = start;
  let to = Math.min(end, whole.length);
  // Not a regular expression: one anchored at the end takes quadratic time on long runs of spaces.
  while (from < to && isInvisible(whole[from] as string)) ++from;
  while (to > from && isInvisible(whole[to - 1] as string)) --to;
  return { text: whole.slice(from, to), location: { source, line, column: from + 1, length: to - from } };
}

/** Part of a located text, by offsets within it. */
export function part(of: Located, start: number, end: number = of.text.length): Located {
  return {
    text: of.text.slice(start, end),
    location: { ...of.location, column: of.location.column + start, length: end - start },
  };
}
