/** Runs a task on request, one at a time. All requests during a run are combined into one more run. */
export class Coalesced<T> {
  readonly #work: () => Promise<T>;
  #current: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** Resolves when a run that covers this request has ended; rejects if it failed. */
  request(): Promise<T> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#begin();
    const begin = () => this.#begin();
    this.#next = this.#current.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<T> {
    this.#next = undefined;
    this.#current = this.#run();
    return this.#current;
  }

  async #run(): Promise<T> {
    try {
      return await this.#work();
    } finally {
      this.#current = undefined;
    }
  }
}
