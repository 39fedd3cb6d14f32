/**
 * A bound on what a configuration may ask for. Exceeding one is usually a typing error, which must not exhaust the machine's
 * memory. Each limit can be raised by an environment variable.
 */
export interface Limit {
  readonly max: number;
  /** For messages: the limit, and how to raise it. */
  readonly help: string;
}

function limit(variable: string, standard: number): Limit {
  const configured = Number(process.env[variable]);
  const max = Number.isSafeInteger(configured) && configured > 0 ? configured : standard;
  return { max, help: `the limit is ${max}; set the environment variable ${variable} to raise it` };
}

/** Channels in one expression, and in all mappings together. */
export const CHANNELS = limit("MMPY_MAX_CHANNELS", 4_194_304);
/** Characters in the names of all channels. */
export const CHARACTERS = limit("MMPY_MAX_CHARACTERS", 2 ** 28);
/** Depth of nested includes. */
export const INCLUDES = limit("MMPY_MAX_INCLUDES", 100);
/** Files, counted each time they are included. */
export const FILES = limit("MMPY_MAX_FILES", 10_000);
/** Bytes in all files. */
export const BYTES = limit("MMPY_MAX_BYTES", 64 * 2 ** 20);
/** Lines, except empty ones and comments. */
export const LINES = limit("MMPY_MAX_LINES", 2 ** 20);

/** Checking stops after this many errors. */
export const MAX_ERRORS = 1000;

/** Warnings about a configuration's text after these are left out. */
export const MAX_WARNINGS = 100;

/** The largest limit of the memory for waiting events, in MiB. */
export const MAX_QUEUE_LIMIT = 2 ** 20;
