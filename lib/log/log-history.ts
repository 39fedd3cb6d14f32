import type { Logger } from "./log.js";

/** A message of the log, as pages show it. */
export interface LogLine {
  /** In ms since 1970. */
  readonly time: number;
  readonly level: "error" | "warn" | "info";
  readonly text: string;
}

const MAX_LINES = 1000;
const MAX_TEXT = 16_384; // characters

/** Passes messages on to a logger, and keeps the last ones for pages that are opened later. */
export class LogHistory implements Logger {
  readonly #logger: Logger;
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The last thousand messages, oldest first, without those for debugging. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** @returns a function that ends it */
  follow(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  error(fields: object, message: string): void {
    this.#keep("error", message);
    this.#logger.error(fields, message);
  }

  warn(fields: object, message: string): void {
    this.#keep("warn", message);
    this.#logger.warn(fields, message);
  }

  info(fields: object, message: string): void {
    this.#keep("info", message);
    this.#logger.info(fields, message);
  }

  debug(fields: object, message: string): void {
    this.#logger.debug(fields, message);
  }

  #keep(level: LogLine["level"], message: string): void {
    const line = { time: Date.now(), level, text: String(message).slice(0, MAX_TEXT) };
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }
}
