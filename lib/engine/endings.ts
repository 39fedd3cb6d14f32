/** How long is waited for the ends of instances in all, in ms. Each of their steps has a limit of its own, which is shorter. */
const TIMEOUT = 12_000;

/** Waits for instances that end what they run by themselves: asyncio tasks. */
export class Endings {
  #ended = 0;
  #changed = () => {};

  /** An instance has ended. */
  ended(_instance: number): void {
    ++this.#ended;
    this.#changed();
  }

  /** Resolves once so many have, or have not in time. */
  async wait(count: number): Promise<void> {
    if (count > 0 && this.#ended < count) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TIMEOUT);
        this.#changed = () => {
          if (this.#ended < count) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#changed = () => {};
    this.#ended = 0;
  }
}
