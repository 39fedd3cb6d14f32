/** Which of many channels have changed: a bit each, and no memory a change. */
export class Changes {
  #bits = new Uint32Array(32);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(id: number): void {
    const word = id >>> 5;
    if (word >= this.#bits.length) {
      const grown = new Uint32Array(Math.max(word + 1, 2 * this.#bits.length));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    const before = this.#bits[word] as number;
    const after = (before | (1 << (id & 31))) >>> 0;
    if (after === before) return;
    this.#bits[word] = after;
    this.#count++;
  }

  /** Calls a function for each, in ascending order, and forgets them. */
  take(visit: (id: number) => void): void {
    if (this.#count === 0) return;
    this.#count = 0;
    const bits = this.#bits;
    for (let word = 0; word < bits.length; ++word) {
      let left = bits[word] as number;
      bits[word] = 0;
      while (left !== 0) {
        const bit = 31 - Math.clz32(left & -left);
        visit(word * 32 + bit);
        left &= left - 1;
      }
    }
  }
}
