import type { Logger } from "../../log/log.js";

/** How long repetitions are only counted, in ms. */
const QUIET_PERIOD = 10_000;

interface Repeated {
  readonly level: Level;
  readonly summary: (count: number) => string;
  count: number;
}

type Level = "info" | "warn";

/**
 * Lines that peers can cause as often as they like. Each kind is logged in full once; while it goes on, one line every ten
 * seconds says how often.
 */
export class LimitedLog {
  readonly #log: Logger;
  readonly #fields: object;
  readonly #kinds = new Map<string, Repeated>();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Logger, fields: object) {
    this.#log = log;
    this.#fields = fields;
  }

  /**
   * @param kind of problem, one of a few: not a text that comes from a peer
   * @param message in full; called only if it is logged
   * @param summary the line for repetitions
   */
  warn(kind: string, message: () => string, summary: (count: number) => string): void {
    this.#tell("warn", kind, message, summary);
  }

  /** The same for what is not a problem. */
  info(kind: string, message: () => string, summary: (count: number) => string): void {
    this.#tell("info", kind, message, summary);
  }

  #tell(level: Level, kind: string, message: () => string, summary: (count: number) => string): void {
    const known = this.#kinds.get(kind);
    if (known !== undefined) {
      known.count++;
      return;
    }
    this.#kinds.set(kind, { level, summary, count: 0 });
    this.#log[level](this.#fields, message());
    this.#timer ??= setInterval(() => this.#summarise(), QUIET_PERIOD).unref();
  }

  /** Logs the counts so far, and stops counting. */
  close(): void {
    this.#summarise();
    this.#kinds.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  // A kind that did not occur for a whole period is logged in full when it recurs.
  #summarise(): void {
    for (const [kind, repeated] of this.#kinds) {
      if (repeated.count === 0) this.#kinds.delete(kind);
      else this.#log[repeated.level]({ ...this.#fields, repeated: repeated.count }, repeated.summary(repeated.count));
      repeated.count = 0;
    }
    if (this.#kinds.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
