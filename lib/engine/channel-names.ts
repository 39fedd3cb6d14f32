import type { InstanceEntry, Instances } from "./instances.js";

/** The names of a channel and its instance. */
export interface NamedChannel {
  readonly instance: string;
  readonly channel: string;
}

/** How many names are fetched at a time, since each fetch costs a call into the core. */
const CHUNK = 1024;

interface Range {
  readonly first: number;
  readonly end: number;
  readonly entry: InstanceEntry;
}

const UNKNOWN: NamedChannel = { instance: "?", channel: "?" };

/** Names of channels by their global numbers, for one mapping table. Each name is fetched once, on demand. */
export class ChannelNames {
  readonly #ranges: readonly Range[];
  readonly #known: (NamedChannel | undefined)[] = [];

  constructor(instances: Instances) {
    this.#ranges = [...instances.values()]
      .map((entry) => {
        const first = entry.firstChannel ?? 0;
        return { first, end: first + entry.channels.size, entry };
      })
      .filter(({ first, end }) => end > first)
      .sort((a, b) => a.first - b.first);
  }

  of(global: number): NamedChannel {
    return this.#known[global] ?? this.#fetch(global);
  }

  #fetch(global: number): NamedChannel {
    const range = this.#ranges.find(({ first, end }) => global >= first && global < end);
    if (range === undefined) return UNKNOWN;
    const { first, end, entry } = range;
    const start = global - ((global - first) % CHUNK);
    const channels = entry.channels.names(start - first, Math.min(CHUNK, end - start));
    for (const [i, channel] of channels.entries()) this.#known[start + i] = { instance: entry.name, channel };
    return this.#known[global] ?? UNKNOWN;
  }
}
