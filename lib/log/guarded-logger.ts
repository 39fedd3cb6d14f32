import { ignoreRejection } from "../engine/waiting.js";
import { MidimonsterError } from "../errors.js";
import type { Logger } from "./log.js";

const LEVELS = ["error", "warn", "info", "debug"] as const;

/**
 * A program's logger, which may throw: messages come from callbacks where that would end the process.
 *
 * @throws {MidimonsterError} `VALUE` if it lacks a level
 */
export function guardedLogger(logger: Logger): Logger {
  const guarded = (level: (typeof LEVELS)[number]) => {
    if (typeof logger[level] !== "function") throw new MidimonsterError("VALUE", `the logger has no ${level}()`);
    return (fields: object, message: string) => {
      try {
        ignoreRejection(logger[level](fields, message));
      } catch {
        // The failure itself can't be logged anywhere else.
      }
    };
  };
  return { error: guarded("error"), warn: guarded("warn"), info: guarded("info"), debug: guarded("debug") };
}
