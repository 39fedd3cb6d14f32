/** The channels of one instance, in order of creation. */
export class ChannelSet {
  readonly names: string[] = [];
  readonly #index = new Map<string, number>();

  get size(): number {
    return this.names.length;
  }

  /** The index of a channel, or undefined if there is none of that name. */
  find(name: string): number | undefined {
    return this.#index.get(name);
  }

  /** The index of a channel, which is created at the end if it is new. */
  add(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    const index = this.names.length;
    this.names.push(name);
    this.#index.set(name, index);
    return index;
  }
}
