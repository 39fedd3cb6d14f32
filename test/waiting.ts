/** What is waited for in tests: an answer that there may be after any change. */
export class Waiting {
  readonly #checks = new Set<() => void>();

  /** Has everything that is waited for looked at again. */
  changed(): void {
    for (const check of [...this.#checks]) check();
  }

  /** Resolves with an answer once there is one, which is asked for now and after each change. */
  until<T>(answer: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const check = () => {
        const found = answer();
        if (found === undefined) return;
        this.#checks.delete(check);
        resolve(found);
      };
      this.#checks.add(check);
      check();
    });
  }
}
