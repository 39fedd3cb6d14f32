import { type Diagnostic, formatDiagnostics } from "./config/diagnostic.js";

/**
 * The kind of an error, for programs. The message is for people.
 *
 * - `CONFIG`: errors in the configuration or in a Python module that it loads; see {@link MidimonsterError.diagnostics}
 * - `STATE`: a method was called at the wrong time, such as `start()` twice
 * - `VALUE`: an argument of the API is out of range or of the wrong kind
 * - `USAGE`: invalid command line
 * - `ADDON_LOAD`: the native addon could not be loaded
 * - `PYTHON_NOT_FOUND`: no Python was found, or not the requested one
 * - `PYTHON_STATIC`: the Python has no shared library
 * - `PYTHON_TOO_OLD`, `PYTHON_FREE_THREADED`, `PYTHON_32_BIT`: a version or build that is not supported
 * - `PYTHON_ARCHITECTURE`: the interpreter or its library is built for another processor
 * - `PYTHON_PROBE`: the interpreter does not run, or is not CPython
 * - `PYTHON_LOAD`, `PYTHON_SYMBOL`, `PYTHON_IN_USE`: libpython was found but could not be loaded into this process
 * - `BACKEND`: a backend failed to start
 */
export type ErrorCode =
  | "CONFIG"
  | "STATE"
  | "VALUE"
  | "USAGE"
  | "ADDON_LOAD"
  | "PYTHON_NOT_FOUND"
  | "PYTHON_STATIC"
  | "PYTHON_TOO_OLD"
  | "PYTHON_FREE_THREADED"
  | "PYTHON_32_BIT"
  | "PYTHON_ARCHITECTURE"
  | "PYTHON_PROBE"
  | "PYTHON_LOAD"
  | "PYTHON_SYMBOL"
  | "PYTHON_IN_USE"
  | "BACKEND";

/** The class of all errors that this package throws on purpose. */
export class MidimonsterError extends Error {
  override readonly name = "MidimonsterError";

  /**
   * @param code the kind of error, for programs
   * @param message for people: the problem, where it is, and what to do
   * @param diagnostics every error found in the configuration, in reading order; with warnings about its text, which may be the cause
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly diagnostics: readonly Diagnostic[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Also of another copy of this module: a process may load it as CommonJS and as an ES module. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    try {
      return value instanceof Error && value.name === "MidimonsterError" && "code" in value && "diagnostics" in value;
    } catch {
      return false;
    }
  }

  /** An error whose message shows the diagnostics. */
  static fromDiagnostics(diagnostics: readonly Diagnostic[]): MidimonsterError {
    return new MidimonsterError("CONFIG", formatDiagnostics(diagnostics), diagnostics);
  }
}

/** What a message takes of a text that a program's code has made, in characters: as the core does with those of Python code. */
const MAX_TEXT = 2 ** 16;

/** As much of a text's beginning and end as a message takes. */
export function shortened(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  const half = MAX_TEXT / 2 - 24; // with room for the words in the middle
  const [head, tail] = [text.slice(0, half), text.slice(-half)];
  return `${head} … ${text.length - 2 * half} characters left out … ${tail}`;
}

/** The message of a thrown value, whatever its type. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? textOf(error.message) : textOf(error);
  } catch {
    return textOf(error); // its message, or what it is, can't be read
  }
}

/** Any value as a text, which is shortened if it is very long; never throws. */
export function textOf(value: unknown): string {
  try {
    return shortened(String(value));
  } catch {
    return `an ${typeof value} without a text representation`;
  }
}
