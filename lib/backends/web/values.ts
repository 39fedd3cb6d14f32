// What a page knows of its channels: numbers, last values, who holds what.

/** Who has set a value that no client has. */
export const ROUTER = 0;

/** The channels of a page. Their numbers (`id`) stay theirs as long as the page exists. */
export class PageValues {
  /** Counts changes of any value. */
  rev = 0;
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];
  /** NaN before the first one. */
  #values = new Float64Array(64).fill(Number.NaN);
  /** By id: the client that has set the value, or {@link ROUTER}. */
  readonly #by: number[] = [];
  /** By id: the value of {@link rev} after the last change. */
  readonly #revs: number[] = [];
  readonly #holders = new Map<number, Set<number>>();

  get size(): number {
    return this.#names.length;
  }

  /** The number of a channel, which gets one if it has none. */
  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#names.length;
    this.#ids.set(name, id);
    this.#names.push(name);
    this.#by.push(ROUTER);
    this.#revs.push(0);
    if (id >= this.#values.length) {
      const grown = new Float64Array(2 * this.#values.length).fill(Number.NaN);
      grown.set(this.#values);
      this.#values = grown;
    }
    return id;
  }

  find(name: string): number | undefined {
    return this.#ids.get(name);
  }

  nameOf(id: number): string {
    return this.#names[id] ?? "";
  }

  /** Undefined before the first one. */
  valueOf(id: number): number | undefined {
    const value = this.#values[id];
    return value === undefined || Number.isNaN(value) ? undefined : value;
  }

  setBy(id: number): number {
    return this.#by[id] ?? ROUTER;
  }

  /** What {@link rev} was after the last change of a channel. */
  revOf(id: number): number {
    return this.#revs[id] ?? 0;
  }

  set(id: number, value: number, by: number): void {
    this.#values[id] = value;
    this.#by[id] = by;
    this.#revs[id] = ++this.rev;
  }

  /** How many hold a channel. */
  holders(id: number): number {
    return this.#holders.get(id)?.size ?? 0;
  }

  holdersOf(id: number): readonly number[] {
    return [...(this.#holders.get(id) ?? [])];
  }

  /** @returns whether this one did not hold it yet */
  hold(id: number, holder: number): boolean {
    const holders = this.#holders.get(id);
    if (holders?.has(holder)) return false;
    if (holders === undefined) this.#holders.set(id, new Set([holder]));
    else holders.add(holder);
    return true;
  }

  /** @returns whether this one held it */
  letGo(id: number, holder: number): boolean {
    const holders = this.#holders.get(id);
    if (holders?.delete(holder) !== true) return false;
    if (holders.size === 0) this.#holders.delete(id);
    return true;
  }

  /** All that is held, by anyone. */
  held(): readonly number[] {
    return [...this.#holders.keys()];
  }

  /** What one of them holds. */
  heldBy(holder: number): readonly number[] {
    return [...this.#holders].filter(([, holders]) => holders.has(holder)).map(([id]) => id);
  }

  /** Ends everything that is held of a channel. */
  drop(id: number): void {
    this.#holders.delete(id);
  }
}
