import { type Diagnostic, formatDiagnostics } from "./config/diagnostic.js";

/**
 * What went wrong, for programs. The message is for people.
 *
 * - `CONFIG`: the configuration, or a Python module that it loads, has errors; see {@link MidimonsterError.diagnostics}
 * - `STATE`: a method was called at the wrong time, like `start()` twice
 * - `VALUE`: an argument of the API is out of range or of the wrong kind
 * - `USAGE`: the command line is wrong
 * - `ADDON_LOAD`: the native addon could not be loaded
 * - `PYTHON_NOT_FOUND`: no usable CPython
 * - `PYTHON_STATIC`: it has no shared library
 * - `PYTHON_TOO_OLD`, `PYTHON_FREE_THREADED`, `PYTHON_32_BIT`: it is a build that can't be used
 * - `PYTHON_ARCHITECTURE`: it, or its library, is built for another processor
 * - `PYTHON_PROBE`: it is no CPython, or it does not run
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

/** The one class of errors that this package throws on purpose. */
export class MidimonsterError extends Error {
  override readonly name = "MidimonsterError";

  /**
   * @param code what went wrong, for programs
   * @param message for people: what was found, where, and what to do
   * @param diagnostics every error found in the configuration, in the order of its text
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly diagnostics: readonly Diagnostic[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** An error for a configuration's diagnostics, all of which are in the message. */
  static fromDiagnostics(diagnostics: readonly Diagnostic[]): MidimonsterError {
    return new MidimonsterError("CONFIG", formatDiagnostics(diagnostics), diagnostics);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? textOf(error.message) : textOf(error);
}

/** Any value as a text; never throws. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `an ${typeof value} that has no text`;
  }
}
