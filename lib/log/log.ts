import { isatty } from "node:tty";
import { pino } from "pino";
import { messageOf, shortened } from "../errors.js";
import { visible, visibleInJson } from "../visible.js";
import { withPriority } from "./journal.js";
import type { LogFormat, LogLevel } from "./names.js";

export { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./names.js";

/** A destination for log messages: a pino logger, or any object with these methods. */
export interface Logger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/**
 * A logger that writes to standard error synchronously, so that nothing is lost however the process ends.
 *
 * @param level the least severe level to write
 * @param format `text` for people, coloured on a terminal; `json` for programs, one object per line; `journal` for systemd's
 *   journal: text without a time, each line prefixed with its priority
 * @param put writes to standard error; by default it waits until that takes the text
 */
export function standardErrorLogger(level: LogLevel, format: LogFormat, put = waiting()): Logger {
  const write = (shown: (line: string) => string) => ({ write: (line: string) => put(shown(line)) });
  if (format === "json") return pino({ level, base: null, serializers: { err: errorFields } }, write(visibleInJson));
  const colours = isatty(2) && !process.env.NO_COLOR;
  const shown = format === "journal" ? asEntries : (line: string) => asText(line, colours);
  return pino({ level, base: null, serializers: { err: () => undefined } }, write(shown));
}

/** An exception for programs, as pino shows it. It is of a program's own code: it may have a very long text, or be unreadable. */
function errorFields(error: unknown): unknown {
  try {
    const shown = pino.stdSerializers.err(error as Error);
    if (!(error instanceof Error)) return shown;
    return { ...shown, message: shortened(String(shown.message)), stack: shortened(String(shown.stack)) };
  } catch {
    return { message: messageOf(error) };
  }
}

function waiting(): (text: string) => void {
  const destination = pino.destination({ dest: 2, sync: true });
  // The reader is gone (EPIPE) or the descriptor is closed, which must not stop routing.
  destination.on("error", () => {});
  return (text) => destination.write(text);
}

const COLOURS: Readonly<Record<string, number>> = { ERROR: 31, WARN: 33, INFO: 32, DEBUG: 34 };

/** A pino log line as text: time, level and message. The fields are for programs. */
function asText(line: string, colours: boolean): string {
  const { label, time, msg } = read(line);
  const date = new Date(time);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
  const stamp = `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `[${stamp}] ${colours ? `\x1b[${COLOURS[label] ?? 0}m${label}\x1b[0m` : label}: ${msg}\n`;
}

function asEntries(line: string): string {
  const { label, msg } = read(line);
  return `${withPriority(label, `${label}: ${msg}`)}\n`;
}

function read(line: string): { label: string; time: number; msg: string } {
  const { level, time, msg } = JSON.parse(line) as { level: number; time: number; msg: string };
  return { label: (pino.levels.labels[level] ?? String(level)).toUpperCase(), time, msg: visible(String(msg)) };
}

function twoDigits(n: number): string {
  return String(n).padStart(2, "0");
}

/** A logger that discards everything. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
};
