/** Does something when asked to, once at a time. All requests that come meanwhile are one more time, which follows. */
export class Coalesced {
  readonly #work: () => Promise<void>;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when everything is done that was asked for until now; rejects if that failed. */
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
