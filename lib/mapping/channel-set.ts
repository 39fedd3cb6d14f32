/** The channels of one instance, numbered in order of creation. There may be millions, so they are handled in bulk. */
export interface Channels {
  readonly size: number;

  /** The numbers of these channels. New channels are appended. */
  add(names: readonly string[]): Uint32Array;

  /** The names of `count` channels from number `first` on. */
  names(first: number, count: number): string[];
}

/** Channels kept by JavaScript. */
export class ChannelSet implements Channels {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#names.length;
  }

  add(names: readonly string[]): Uint32Array {
    return Uint32Array.from(names, (name) => {
      const known = this.#numbers.get(name);
      if (known !== undefined) return known;
      this.#numbers.set(name, this.#names.length);
      return this.#names.push(name) - 1;
    });
  }

  names(first: number, count: number): string[] {
    return this.#names.slice(first, first + count);
  }
}
