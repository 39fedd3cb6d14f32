import { pino } from "pino";

/** Where messages go. A pino logger is one; so is any object with these methods. */
export interface Logger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

export const LOG_LEVELS = ["error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * A logger that writes to standard error at once, so that nothing is lost however the process ends.
 *
 * @param level the least important messages to write
 * @param format `text` for people, coloured on a terminal; `json` for programs, one object a line
 */
export async function standardErrorLogger(level: LogLevel, format: "text" | "json"): Promise<Logger> {
  const options = { level, base: null };
  if (format === "json") return asLogger(pino(options, pino.destination({ dest: 2, sync: true })));
  const { default: pretty } = await import("pino-pretty");
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY === true && !process.env.NO_COLOR,
    translateTime: "SYS:HH:MM:ss.l",
    hideObject: true, // the message says it all; fields are for programs
  });
  return asLogger(pino(options, stream));
}

// pino's type admits any property, `then` too, which no promise may hold.
function asLogger(logger: Logger): Logger {
  return logger;
}

/** Writes nothing. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
};
