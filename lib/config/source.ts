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

/** Splits text into lines as any editor does: LF, CRLF; a byte order mark at the start is not part of the text. */
export function makeSource(file: string, folder: string, text: string): Source {
  return { file, folder, lines: text.replace(/^\uFEFF/, "").split(/\r?\n/) };
}

// Blanks and control characters: what a person can't see does not belong to a name.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const INVISIBLE_BEFORE = /^[\s\x00-\x1f\x7f]+/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const INVISIBLE_AFTER = /[\s\x00-\x1f\x7f]+$/;

/** The trimmed part of line `line` (from 1) between two offsets (from 0). */
export function locate(source: Source, line: number, start: number, end: number): Located {
  const raw = (source.lines[line - 1] ?? "").slice(start, end);
  const withoutStart = raw.replace(INVISIBLE_BEFORE, "");
  const text = withoutStart.replace(INVISIBLE_AFTER, "");
  const column = start + (raw.length - withoutStart.length) + 1;
  return { text, location: { source, line, column, length: text.length } };
}

/** Part of a located text, by offsets within it. */
export function part(of: Located, start: number, end: number = of.text.length): Located {
  return {
    text: of.text.slice(start, end),
    location: { ...of.location, column: of.location.column + start, length: end - start },
  };
}
