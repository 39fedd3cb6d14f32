import { closeSync, openSync, readSync } from "node:fs";
import { BYTES } from "./limits.js";

/** A piece of configuration text: a file, or what stands in for one, like the command line. */
export interface Source {
  /** As it is to be shown to a person. */
  readonly file: string;
  /** The folder that relative paths in it start from. */
  readonly folder: string;
  readonly lines: readonly string[];
}

/** A stretch of one line of a source. */
export interface Location {
  readonly source: Source;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in UTF-16 code units. */
  readonly column: number;
  /** In UTF-16 code units. */
  readonly length: number;
}

/** Text and where it stands. */
export interface Located {
  readonly text: string;
  readonly location: Location;
}

/** Files that have more bytes than all together may have. */
export class TooManyBytes extends Error {
  constructor() {
    super(`too many bytes; ${BYTES.help}`);
  }
}

/**
 * Reads a file as text: UTF-8, or Latin-1 where it is not that, so that every byte stays what it is.
 *
 * @param before bytes of files that were read before
 * @returns the text, and of how many bytes it is
 * @throws {TooManyBytes} if there are too many by now
 * @throws {Error} if it can't be read, or is UTF-16
 */
export function readText(file: string, before = 0): { readonly text: string; readonly size: number } {
  const bytes = readAtMost(file, BYTES.most - before);
  if (bytes === undefined) throw new TooManyBytes();
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new Error("it is UTF-16; save it as UTF-8");
  }
  const size = bytes.length;
  try {
    return { size, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { size, text: bytes.toString("latin1") };
  }
}

/** What a file, a pipe or a device holds; undefined if that is more. */
function readAtMost(file: string, most: number): Buffer | undefined {
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
      if (size > most) return undefined;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Splits text into lines as any editor does: LF, CRLF; a byte order mark at the start is not part of the text. */
export function makeSource(file: string, folder: string, text: string): Source {
  return { file, folder, lines: text.replace(/^\uFEFF/, "").split(/\r?\n/) };
}

/** Blanks and control characters: what a person can't see does not belong to a name. */
function isInvisible(character: string): boolean {
  return character <= " " || character === "\x7f" || character.trim() === "";
}

/** The trimmed part of line `line` (from 1) between two offsets (from 0). */
export function locate(source: Source, line: number, start: number, end: number): Located {
  const whole = source.lines[line - 1] ?? "";
  let from = start;
  let to = Math.min(end, whole.length);
  // By hand: a regular expression for the end of a string takes quadratic time on long runs of blanks.
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
