import { MidimonsterError } from "../errors.js";
import { callOnly } from "../user-code.js";
import type { Logger } from "./log.js";

const LEVELS = ["error", "warn", "info", "debug"] as const;

/**
 * Wraps a program's logger, which may throw. Messages come from callbacks in which an exception would end the process.
 *
 * @throws {MidimonsterError} `VALUE` if it lacks a level
 */
export function guardedLogger(logger: Logger): Logger {
  const guarded = (level: (typeof LEVELS)[number]) => {
    if (typeof logger[level] !== "function") throw new MidimonsterError("VALUE", `the logger has no ${level}()`);
    return (fields: object, message: string) => {
      // There is nowhere else to report what it throws.
      callOnly(
        () => logger[level](fields, message),
        () => {},
      );
    };
  };
  return { error: guarded("error"), warn: guarded("warn"), info: guarded("info"), debug: guarded("debug") };
}
