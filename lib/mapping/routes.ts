import type { FilterChain } from "../filters/chain.js";

/** The pairs of one mapping: channel `from[i]` of one instance to channel `to[i]` of another. */
export interface Pairs {
  readonly fromInstance: number;
  readonly toInstance: number;
  /** Indices within the instance. Of equal length, or one of them of length 1. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** The filters between them. */
  readonly chain?: FilterChain | undefined;
}

/** The mapping as the router reads it; see `connect` in binding.d.ts. */
export interface RouteTable {
  readonly firstChannels: Uint32Array;
  readonly offsets: Uint32Array;
  /** Channels; with {@link FILTERED}, numbers of pairs with filters. */
  readonly targets: Uint32Array;
}

/** In `targets`: what remains is the number of a pair with filters. */
export const FILTERED = 0x80000000;

/**
 * Compiles mappings to compressed rows, in time and memory linear in channels and pairs. A source's targets keep the
 * order of the mappings; the same pair twice counts once.
 *
 * @param channelCounts the number of channels of each instance
 */
export function compileRoutes(channelCounts: readonly number[], mappings: readonly Pairs[]): RouteTable {
  const { firstChannels, total } = numberChannels(channelCounts);

  // A counting sort by source: the number of rows of each, their starts, then the rows themselves.
  const starts = new Uint32Array(total + 1);
  forEachPair(mappings, firstChannels, (from) => {
    starts[from + 1] = at(starts, from + 1) + 1;
  });
  for (let i = 0; i < total; ++i) starts[i + 1] = at(starts, i + 1) + at(starts, i);
  const rows = new Uint32Array(at(starts, total));
  const filled = starts.slice();
  forEachPair(mappings, firstChannels, (from, to) => {
    const place = at(filled, from);
    rows[place] = to;
    filled[from] = place + 1;
  });

  // Duplicates of a pair are now in one run of rows. `lastSource[t]` says for which source t was last seen.
  const offsets = new Uint32Array(total + 1);
  const lastSource = new Uint32Array(total).fill(0xffffffff);
  let kept = 0;
  for (let source = 0; source < total; ++source) {
    for (let row = at(starts, source); row < at(starts, source + 1); ++row) {
      const target = at(rows, row);
      if (lastSource[target] === source) continue;
      lastSource[target] = source;
      rows[kept++] = target;
    }
    offsets[source + 1] = kept;
  }
  return { firstChannels, offsets, targets: rows.slice(0, kept) };
}

/** Numbers the channels of all instances, one instance after another. */
export function numberChannels(channelCounts: readonly number[]) {
  const firstChannels = new Uint32Array(channelCounts.length);
  let total = 0;
  for (const [i, count] of channelCounts.entries()) {
    firstChannels[i] = total;
    total += count;
  }
  return { firstChannels, total };
}

export function at(array: Uint32Array, index: number): number {
  return array[index] as number;
}

export function forEachPair(
  mappings: readonly Pairs[],
  firstChannels: Uint32Array,
  visit: (from: number, to: number, mapping: number) => void,
): void {
  for (const [mapping, { fromInstance, toInstance, from, to }] of mappings.entries()) {
    const fromBase = at(firstChannels, fromInstance);
    const toBase = at(firstChannels, toInstance);
    const count = Math.max(from.length, to.length);
    for (let i = 0; i < count; ++i) {
      visit(fromBase + at(from, from.length === 1 ? 0 : i), toBase + at(to, to.length === 1 ? 0 : i), mapping);
    }
  }
}
