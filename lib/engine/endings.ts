/** How long is waited for the ends of instances in all, in ms. Each of their steps has a limit of its own, which is shorter. */
const TIMEOUT = 12_000;

/** Waits for instances that end what they run by themselves: asyncio tasks. */
export class Endings {
  #ended = 0;
  #changed = () => {};

  /** An instance has ended. */
  ended(): void {
    ++this.#ended;
    this.#changed();
  }

  /**
   * Resolves once all have ended, or have not in time.
   *
   * @param begin makes them end, and returns how many there are; some may have ended already when it returns
   */
  async after(begin: () => number): Promise<void> {
    this.#ended = 0; // without those that were late
    const count = begin();
    if (this.#ended >= count) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TIMEOUT);
      this.#changed = () => {
        if (this.#ended < count) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#changed = () => {};
  }
}
