import type { Logger } from "../../log/log.js";

/** How long a channel is silent after a line about it, in ms. */
const QUIET = 1000;
/** How many lines there are in a second, by default: more than a universe has channels. */
const PER_SECOND = 1000;
/** How many channels are remembered: peers can make up any number. */
const MAX_CHANNELS = 10_000;

/** What option `detect` logs: the first value of a channel, then at most one line per channel and second. */
export class DetectLog {
  readonly #log: Logger;
  readonly #owner: string;
  readonly #perSecond: number;
  readonly #last = new Map<string | number, number>();
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #left = 0;

  /**
   * @param owner starts the message about lines that are left out
   * @param perSecond how many lines there are in a second, of all channels
   */
  constructor(log: Logger, owner: string, perSecond = PER_SECOND) {
    this.#log = log;
    this.#owner = owner;
    this.#perSecond = perSecond;
  }

  /**
   * @param channel any name for it
   * @param now in ms
   * @param message called only if it is logged
   */
  tell(channel: string | number, now: number, fields: object, message: () => string): void {
    if (now - (this.#last.get(channel) ?? Number.NEGATIVE_INFINITY) < QUIET) return;
    if (now - this.#second >= 1000) this.#begin(now);
    if (this.#lines === this.#perSecond) {
      this.#left++;
      return;
    }
    this.#lines++;
    if (this.#last.size >= MAX_CHANNELS) this.#last.clear();
    this.#last.set(channel, now);
    this.#log.info(fields, message());
  }

  #begin(now: number): void {
    if (this.#left > 0) this.#log.info({}, `${this.#owner}: ${this.#left} more not shown`);
    this.#second = now;
    this.#lines = 0;
    this.#left = 0;
  }
}
