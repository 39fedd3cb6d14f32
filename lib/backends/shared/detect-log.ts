import type { Logger } from "../../log/log.js";

/** How long a channel is silent after a line about it, in ms. */
const QUIET = 1000;
/** How many channels are told apart. */
const MAX_CHANNELS = 4096;

/** What option `detect` logs: the first value of a channel, then at most one line per channel and second. */
export class DetectLog {
  readonly #log: Logger;
  readonly #last = new Map<string | number, number>();
  #full = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * @param channel any name for it
   * @param now in ms
   * @param message called only if it is logged
   */
  tell(channel: string | number, now: number, fields: object, message: () => string): void {
    const last = this.#last.get(channel);
    if (last === undefined ? this.#last.size >= MAX_CHANNELS : now - last < QUIET) {
      if (last === undefined) this.#tellFull();
      return;
    }
    this.#last.set(channel, now);
    this.#log.info(fields, message());
  }

  #tellFull(): void {
    if (this.#full) return;
    this.#full = true;
    this.#log.info({}, `detect: ${MAX_CHANNELS} channels have been logged; further ones are not`);
  }
}
