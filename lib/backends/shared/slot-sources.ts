// Several senders of one universe: who counts, and how their levels become one frame.
import { SLOTS } from "./slots.js";

/** `latest`: the last frame as it is; `htp`: the highest level of each slot; `ltp`: of each slot the level that changed last. */
export type Merge = "latest" | "htp" | "ltp";
export const MERGES = ["latest", "htp", "ltp"] as const;

/** More senders of one universe are not taken: they would cost memory without an end. */
export const MAX_SOURCES = 16;

export class Source<K> {
  readonly levels = new Uint8Array(SLOTS);
  /** The number of slots that it sends. */
  count = 0;
  sequence = 0;
  priority = -1;
  lastData = 0;
  /** Whether a frame of it has counted. */
  hasCounted = false;

  constructor(
    readonly key: K,
    /** For people. */
    readonly name: string,
  ) {}
}

export interface SourcesSpec<K> {
  readonly merge: Merge;
  /** After this many ms without data a source is forgotten. */
  readonly timeout: number;
  /** Called when a source has come or gone. */
  changed?(source: Source<K>, present: boolean): void;
  /** Called, with `latest`, when a source counts again after another one that still does: both send, not one after the other. */
  contended?(): void;
  /** Takes the levels of the universe. */
  apply(frame: Uint8Array, start: number, count: number, now: number): void;
}

export class Sources<K> {
  readonly #spec: SourcesSpec<K>;
  #list: Source<K>[] = [];
  readonly #merged = new Uint8Array(SLOTS);
  #mergedCount = 0;
  /** Of those that count. */
  #priority = 0;
  /** The one whose frame counted last. */
  #latest: Source<K> | undefined;

  constructor(spec: SourcesSpec<K>) {
    this.#spec = spec;
  }

  /** Goes on with the sources of an instance before: until each has sent again, those who counted still do. */
  adopt(before: Sources<K>): void {
    this.#list = [...before.#list];
    this.#merged.set(before.#merged);
    this.#mergedCount = before.#mergedCount;
    this.#priority = before.#priority;
    this.#latest = before.#latest;
  }

  /** Those that have sent lately. */
  present(now: number): readonly Source<K>[] {
    this.expire(now);
    return this.#list;
  }

  /** All that are remembered, to look for one by its key: for each datagram, so without a closure. */
  get list(): readonly Source<K>[] {
    return this.#list;
  }

  /** @returns undefined if there are too many, none of which has a lower priority */
  add(key: K, name: string, priority: number, now: number): Source<K> | undefined {
    if (this.#list.length >= MAX_SOURCES) {
      const lowest = this.#list.reduce((low, each) => (each.priority < low.priority ? each : low));
      if (lowest.priority >= priority) return undefined;
      this.remove(lowest);
    }
    const source = new Source(key, name);
    source.lastData = now;
    this.#list.push(source);
    this.#spec.changed?.(source, true);
    return source;
  }

  remove(source: Source<K>): void {
    const left = this.#list.filter((each) => each !== source);
    if (left.length === this.#list.length) return;
    this.#list = left;
    this.#spec.changed?.(source, false);
    this.#choose();
  }

  /** Forgets those that have not sent for long. */
  expire(now: number): void {
    for (const source of this.#list) {
      if (now - source.lastData > this.#spec.timeout) this.remove(source);
    }
  }

  /** Takes a frame of a source: only those of the highest priority count. */
  take(source: Source<K>, frame: Uint8Array, start: number, count: number, priority: number, now: number): void {
    source.lastData = now;
    this.expire(now);
    const { merge, apply } = this.#spec;
    if (source.priority !== priority) {
      source.priority = priority;
      this.#choose();
    }
    if (count > source.count) source.count = count;
    const counts = priority >= this.#priority;
    if (merge === "latest") {
      if (!counts) return;
      if (source !== this.#latest) this.#change(source);
      apply(frame, start, count, now);
      return;
    }
    if (merge === "ltp") this.#takeChanges(source, frame, start, count, counts);
    else copy(frame, start, count, source.levels);
    if (!counts) return;
    if (merge === "htp") this.#mergeHighest();
    apply(this.#merged, 0, this.#mergedCount, now);
  }

  #change(source: Source<K>): void {
    const before = this.#latest;
    this.#latest = source;
    const bothCount = before?.priority === this.#priority && this.#list.includes(before);
    if (source.hasCounted && bothCount) this.#spec.contended?.();
    source.hasCounted = true;
  }

  #takeChanges(source: Source<K>, frame: Uint8Array, start: number, count: number, counts: boolean): void {
    const { levels } = source;
    for (let slot = 0; slot < count; ++slot) {
      const level = frame[start + slot] as number;
      if (level === levels[slot]) continue;
      levels[slot] = level;
      if (counts) this.#merged[slot] = level;
    }
    if (counts && count > this.#mergedCount) this.#mergedCount = count;
  }

  #mergeHighest(): void {
    const merged = this.#merged;
    let [first, longest] = [true, 0];
    for (const { levels, priority, count } of this.#list) {
      if (priority !== this.#priority) continue;
      if (first) merged.set(levels);
      else
        for (let slot = 0; slot < SLOTS; ++slot) {
          const level = levels[slot] as number;
          if (level > (merged[slot] as number)) merged[slot] = level;
        }
      first = false;
      if (count > longest) longest = count;
    }
    this.#mergedCount = longest;
  }

  /** Those who count have changed. */
  #choose(): void {
    let highest = 0;
    for (const { priority } of this.#list) if (priority > highest) highest = priority;
    const before = this.#priority;
    this.#priority = highest;
    if (this.#spec.merge === "latest") return;
    // For the last change to count there has to be one: at first, the highest do.
    if (highest !== before) this.#mergeHighest();
    else if (this.#spec.merge === "ltp") this.#dropLevels();
  }

  /** A source may count no longer: of slots whose level was its own, the highest of the others does. */
  #dropLevels(): void {
    const merged = this.#merged;
    const counting = this.#list.filter(({ priority }) => priority === this.#priority);
    if (counting.length === 0) return;
    for (let slot = 0; slot < SLOTS; ++slot) {
      if (counting.some(({ levels }) => levels[slot] === merged[slot])) continue;
      merged[slot] = Math.max(...counting.map(({ levels }) => levels[slot] as number));
    }
    this.#mergedCount = Math.max(...counting.map(({ count }) => count));
  }
}

function copy(frame: Uint8Array, start: number, count: number, to: Uint8Array): void {
  for (let slot = 0; slot < count; ++slot) to[slot] = frame[start + slot] as number;
}
