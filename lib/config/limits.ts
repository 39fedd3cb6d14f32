/**
 * What a configuration may ask for. It is no attack to have more, but mostly a slip of the keyboard, which should not end in
 * a machine without memory. Each can be raised by an environment variable.
 */
export interface Limit {
  readonly most: number;
  /** For messages: how to raise it. */
  readonly help: string;
}

function limit(variable: string, usual: number): Limit {
  const told = Number(process.env[variable]);
  const most = Number.isSafeInteger(told) && told > 0 ? told : usual;
  return { most, help: `the most is ${most}; the environment variable ${variable} can raise it` };
}

/** Channels that one expression, or all mappings together, stand for. */
export const CHANNELS = limit("MMPY_MOST_CHANNELS", 4_194_304);
/** Letters of all their names together. */
export const LETTERS = limit("MMPY_MOST_LETTERS", 2 ** 28);
/** Files that are open inside each other. */
export const INCLUDES = limit("MMPY_MOST_INCLUDES", 100);
/** Files, each as often as it is included. */
export const FILES = limit("MMPY_MOST_FILES", 10_000);
/** Bytes of all files together. */
export const BYTES = limit("MMPY_MOST_BYTES", 64 * 2 ** 20);
/** Lines that say something. */
export const LINES = limit("MMPY_MOST_LINES", 2 ** 20);

/** Errors that are looked for: what comes after so many is hardly read. */
export const MOST_ERRORS = 1000;
