/** Runs a task on request, one at a time. All requests during a run are combined into one more run. */
export class Coalesced {
  readonly #work: () => Promise<void>;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a run that covers this request has ended; rejects if it failed. */
  request(): Promise<void> {
    if (this.#current === undefined && this.#next === undefined) return this.#begin();
    const begin = () => this.#begin();
    this.#next ??= (this.#current ?? Promise.resolve()).then(begin, begin);
    return this.#next;
  }

  async #begin(): Promise<void> {
    this.#next = undefined;
    this.#current = this.#work();
    try {
      await this.#current;
    } finally {
      this.#current = undefined;
    }
  }
}
