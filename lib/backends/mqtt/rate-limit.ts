/** Values that become due within this many ms are sent together. */
const TOGETHER = 2;

/** Lets each channel have a limited number of values a second. The last one is always sent, when it is due. */
export class RateLimit {
  readonly #gap: number;
  readonly #now: () => number;
  readonly #due: (values: ReadonlyMap<number, number>) => void;
  /** When each channel may have its next value, by its number. */
  readonly #next: number[] = [];
  /** The last values that wait, by the number of their channel. */
  readonly #waiting = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;

  /**
   * @param rate values a second
   * @param now in ms
   * @param due called with values that have waited
   */
  constructor(rate: number, now: () => number, due: (values: ReadonlyMap<number, number>) => void) {
    this.#gap = 1000 / rate;
    this.#now = now;
    this.#due = due;
  }

  /** @returns whether a value can be sent now; otherwise it waits */
  passes(channel: number, value: number): boolean {
    const now = this.#now();
    const next = this.#next[channel];
    if (!this.#waiting.has(channel) && (next === undefined || now >= next)) {
      this.#next[channel] = now + this.#gap;
      return true;
    }
    this.#waiting.set(channel, value);
    this.#wait(now, next ?? now);
    return false;
  }

  /** A channel is not used any more. */
  forget(channel: number): void {
    this.#waiting.delete(channel);
  }

  /** Returns the values that wait, which won't come any more. */
  drain(): ReadonlyMap<number, number> {
    clearTimeout(this.#timer);
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const all = new Map(this.#waiting);
    this.#waiting.clear();
    return all;
  }

  #wait(now: number, until: number): void {
    if (until >= this.#wakeAt) return;
    clearTimeout(this.#timer);
    this.#wakeAt = until;
    this.#timer = setTimeout(() => this.#look(), until - now);
  }

  #look(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const now = this.#now();
    const values = new Map<number, number>();
    let first = Number.POSITIVE_INFINITY;
    for (const [channel, value] of this.#waiting) {
      const next = this.#next[channel] ?? now;
      if (next > now + TOGETHER) {
        first = Math.min(first, next);
        continue;
      }
      this.#waiting.delete(channel);
      this.#next[channel] = now + this.#gap;
      values.set(channel, value);
    }
    if (this.#waiting.size > 0) this.#wait(now, first);
    if (values.size > 0) this.#due(values);
  }
}
