import { at, type Pairs } from "./routes.js";

/** Which filters are between channels, for messages. */
export class FilterPlaces {
  readonly #filtered: readonly Pairs[];
  readonly #firstChannels: Uint32Array;

  constructor(mappings: readonly Pairs[], firstChannels: Uint32Array) {
    this.#filtered = mappings.filter(({ chain }) => chain !== undefined);
    this.#firstChannels = firstChannels;
  }

  /**
   * The filters through which an event on a channel, handled by its instance, has led to one on another: those from the channel
   * itself, otherwise from any of its instance. Channels are numbered over all instances.
   */
  between(from: number, to: number): string | undefined {
    let found: string | undefined;
    for (const { fromInstance, toInstance, from: sources, to: targets, chain } of this.#filtered) {
      const source = from - at(this.#firstChannels, fromInstance);
      const place = targets.indexOf(to - at(this.#firstChannels, toInstance));
      const isHere = this.#instanceOf(from) === fromInstance && this.#instanceOf(to) === toInstance;
      if (place < 0 || !isHere) continue;
      const isExact =
        targets.length === 1 ? sources.includes(source) : at(sources, sources.length === 1 ? 0 : place) === source;
      if (isExact) return chain?.text;
      found ??= chain?.text;
    }
    return found;
  }

  #instanceOf(channel: number): number {
    // Of instances without channels, which begin where the next one does, the last one is meant.
    return this.#firstChannels.findLastIndex((first) => first <= channel);
  }
}
