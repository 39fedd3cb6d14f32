/** Finds topics by their bytes in a packet, without making a string. */
export class TopicTable<T extends { readonly topic: string }> {
  readonly #byName = new Map<string, T>();
  #entries: Entry<T>[] = [];
  /** Indexes in `#entries`, at the place of the topic's hash or after it; -1: empty. At most half of it is in use. */
  #places = new Int32Array(2).fill(-1);
  #stale = false;
  #version = 0;

  /** Different after each change. */
  get version(): number {
    return this.#version;
  }

  get names(): IterableIterator<string> {
    return this.#byName.keys();
  }

  get values(): IterableIterator<T> {
    return this.#byName.values();
  }

  get(topic: string): T | undefined {
    return this.#byName.get(topic);
  }

  set(value: T): void {
    this.#byName.set(value.topic, value);
    this.#change();
  }

  /** @returns whether it was there */
  delete(topic: string): boolean {
    this.#change();
    return this.#byName.delete(topic);
  }

  /** The value of the topic from `start` to `end`. */
  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    if (this.#stale) this.#fill();
    const places = this.#places;
    const mask = places.length - 1;
    const hash = hashOf(bytes, start, end);
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const entry = this.#entries[places[place] as number];
      if (entry === undefined) return undefined;
      if (entry.hash === hash && isEqual(entry.bytes, bytes, start, end)) return entry.value;
    }
  }

  #change(): void {
    this.#stale = true;
    this.#version++;
  }

  #fill(): void {
    this.#stale = false;
    this.#entries = [...this.#byName].map(([topic, value]) => {
      const bytes = Buffer.from(topic);
      return { bytes, hash: hashOf(bytes, 0, bytes.length), value };
    });
    const size = 2 ** Math.ceil(Math.log2(2 * this.#entries.length + 2));
    this.#places = new Int32Array(size).fill(-1);
    this.#entries.forEach(({ hash }, index) => {
      let place = hash & (size - 1);
      while ((this.#places[place] as number) >= 0) place = (place + 1) & (size - 1);
      this.#places[place] = index;
    });
  }
}

interface Entry<T> {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly value: T;
}

/** FNV-1a. Topics are those of the configuration: no one else can choose them so that they collide. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}

function isEqual(topic: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (topic.length !== end - start) return false;
  for (let i = 0; i < topic.length; i++) if (topic[i] !== bytes[start + i]) return false;
  return true;
}
