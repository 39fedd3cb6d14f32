/** The times after which something that fails again and again is tried again: 0, 1, 2, 4 … 60 s. */
export class Backoff {
  static readonly #LONGEST = 60_000;
  /** After so long without a failure, it begins again. */
  static readonly #SOUND = 60_000;
  #wait = 0;
  #startedAt: number | undefined;
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** It runs. */
  started(): void {
    this.#startedAt = this.#now();
  }

  /** How long to wait before the next attempt, in ms. */
  next(): number {
    if (this.#startedAt !== undefined && this.#now() - this.#startedAt >= Backoff.#SOUND) this.#wait = 0;
    this.#startedAt = undefined;
    const wait = this.#wait;
    this.#wait = Math.min(wait === 0 ? 1000 : 2 * wait, Backoff.#LONGEST);
    return wait;
  }
}
