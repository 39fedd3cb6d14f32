// Rows with filters. Rows without stay as they are: only a mapping with filters, or to a channel that a filter looks at, gets
// entries in the table of pairs.
import type { FilterTable } from "../../binding.js";
import { chainOf, type FilterChain, operationsBack } from "../filters/chain.js";
import { OPERATIONS, type Operation } from "../filters/declare.js";
import { at, compileRoutes, FILTERED, forEachPair, numberChannels, type Pairs, type RouteTable } from "./routes.js";

export interface FilteredRoutes {
  readonly table: RouteTable;
  readonly filters?: FilterTable;
  /** Indices of mappings whose pairs another mapping has too, with other filters. */
  readonly doubled: ReadonlySet<number>;
  /** Indices of mappings with timed filters, to a target that has timed filters of another mapping. */
  readonly crowded: ReadonlySet<number>;
}

/** Numbers in a row of `pairs`. */
export const PAIR = { source: 0, target: 1, chain: 2, cell: 3, size: 4 } as const;
/** The target of a row that only notes what a channel has output. */
export const NO_TARGET = 0xffffffff;

const UNFILTERED = chainOf([]);

/** Compiles mappings, with their filters. */
export function compileFiltered(channelCounts: readonly number[], mappings: readonly Pairs[]): FilteredRoutes {
  if (!mappings.some(({ chain }) => chain !== undefined)) {
    return { table: compileRoutes(channelCounts, mappings), doubled: new Set(), crowded: new Set() };
  }
  const { firstChannels, total } = numberChannels(channelCounts);
  const chains = new ChainTable();
  chains.add(UNFILTERED);
  const chainOfMapping = mappings.map(({ chain }) => (chain === undefined ? 0 : chains.add(chain)));
  const cells = cellsOf(mappings, firstChannels, total);
  const pairs = collect(mappings, firstChannels, total, cells, chainOfMapping);
  const { offsets, kept, doubled } = withoutDuplicates(pairs, total);
  const crowded = crowdedTargets(pairs, kept, total, mappings, doubled);

  // Pairs keep the order of the lines, in which those that are due at the same time are output.
  const { count } = pairs;
  const number = new Uint32Array(count);
  let filtered = 0;
  for (let i = 0; i < count; ++i) if (at(kept, i) === 1 && pairs.isFiltered(i)) number[i] = filtered++;
  const rows = new Uint32Array(PAIR.size * filtered);
  const targets = new Uint32Array(at(offsets, total));
  const filled = offsets.slice();
  const order = pairs.bySource;
  for (const pair of order) {
    if (at(kept, pair) === 0) continue;
    const source = at(pairs.sources, pair);
    const place = at(filled, source);
    filled[source] = place + 1;
    const target = at(pairs.targets, pair);
    if (!pairs.isFiltered(pair)) {
      targets[place] = target;
      continue;
    }
    const row = at(number, pair);
    targets[place] = FILTERED + row;
    const cell = target === NO_TARGET ? at(cells, source) : at(cells, target);
    const first = PAIR.size * row;
    rows[first + PAIR.source] = source;
    rows[first + PAIR.target] = target;
    rows[first + PAIR.chain] = at(pairs.chains, pair);
    rows[first + PAIR.cell] = cell;
  }
  const watched = Uint32Array.from(pairs.watched);
  return {
    table: { firstChannels, offsets, targets },
    filters: { pairs: rows, watched, ...chains.table() },
    doubled,
    crowded,
  };
}

/** For each channel that a filter looks at, the number of the cell for its last value, from 1; otherwise 0. */
function cellsOf(mappings: readonly Pairs[], firstChannels: Uint32Array, total: number): Uint32Array {
  const cells = new Uint32Array(total);
  const looking = mappings.filter(({ chain }) => chain !== undefined && looksAtTarget(chain));
  forEachPair(looking, firstChannels, (_from, to) => {
    cells[to] = 1;
  });
  // In the order of channels, by which the native part finds them.
  let count = 0;
  for (let channel = 0; channel < total; ++channel) if (cells[channel] === 1) cells[channel] = ++count;
  return cells;
}

function looksAtTarget(chain: FilterChain): boolean {
  return chain.steps.some(
    ({ declaration }, i) => declaration.looksAtTarget !== undefined && operationsBack(chain, i) !== undefined,
  );
}

/** All pairs in the order of their lines; those that only note a channel's output are last. */
class PairList {
  readonly sources: Uint32Array;
  readonly targets: Uint32Array;
  readonly chains: Uint32Array;
  readonly mappings: Uint32Array;
  /** Pairs, ordered by their sources: what is noted first, then in the order of lines. */
  readonly bySource: Uint32Array;

  constructor(
    readonly count: number,
    readonly watched: readonly number[],
    readonly cells: Uint32Array,
  ) {
    this.sources = new Uint32Array(count);
    this.targets = new Uint32Array(count);
    this.chains = new Uint32Array(count);
    this.mappings = new Uint32Array(count);
    this.bySource = new Uint32Array(count);
  }

  isFiltered(pair: number): boolean {
    const target = at(this.targets, pair);
    return at(this.chains, pair) > 0 || target === NO_TARGET || at(this.cells, target) > 0;
  }
}

function collect(
  mappings: readonly Pairs[],
  firstChannels: Uint32Array,
  total: number,
  cells: Uint32Array,
  chainOfMapping: readonly number[],
): PairList {
  const watched: number[] = [];
  for (let channel = 0; channel < total; ++channel) if (at(cells, channel) > 0) watched.push(channel);
  const starts = new Uint32Array(total + 1);
  let count = watched.length;
  for (const channel of watched) starts[channel + 1] = at(starts, channel + 1) + 1;
  forEachPair(mappings, firstChannels, (from) => {
    ++count;
    starts[from + 1] = at(starts, from + 1) + 1;
  });
  for (let i = 0; i < total; ++i) starts[i + 1] = at(starts, i + 1) + at(starts, i);
  const pairs = new PairList(count, watched, cells);
  let next = 0;
  const put = (pair: number, from: number, to: number) => {
    pairs.sources[pair] = from;
    pairs.targets[pair] = to;
    const place = at(starts, from);
    pairs.bySource[place] = pair;
    starts[from] = place + 1;
  };
  for (const [i, channel] of watched.entries()) put(count - watched.length + i, channel, NO_TARGET);
  forEachPair(mappings, firstChannels, (from, to, mapping) => {
    pairs.chains[next] = chainOfMapping[mapping] as number;
    pairs.mappings[next] = mapping;
    put(next++, from, to);
  });
  return pairs;
}

/** Finds pairs that are there twice with the same filters: the first one is kept. */
function withoutDuplicates(pairs: PairList, total: number) {
  const kept = new Uint32Array(pairs.count);
  const offsets = new Uint32Array(total + 1);
  const doubled = new Set<number>();
  const lastSource = new Uint32Array(total).fill(0xffffffff);
  // The first pair of this source with each target; further filters between the two are in the set, which is usually empty.
  const firstPair = new Uint32Array(total);
  const further = new Set<number>();
  const chainCount = 1 + pairs.chains.reduce((most, chain) => Math.max(most, chain), 0);
  for (const pair of pairs.bySource) {
    const source = at(pairs.sources, pair);
    const target = at(pairs.targets, pair);
    if (target !== NO_TARGET) {
      if (lastSource[target] === source) {
        const first = at(firstPair, target);
        const chain = at(pairs.chains, pair);
        const key = first * chainCount + chain;
        if (chain === at(pairs.chains, first) || further.has(key)) continue;
        further.add(key);
        doubled.add(at(pairs.mappings, pair));
      } else {
        firstPair[target] = pair;
        lastSource[target] = source;
      }
    }
    kept[pair] = 1;
    offsets[source + 1] = at(offsets, source + 1) + 1;
  }
  for (let i = 0; i < total; ++i) offsets[i + 1] = at(offsets, i + 1) + at(offsets, i);
  return { kept, offsets, doubled };
}

function crowdedTargets(
  pairs: PairList,
  kept: Uint32Array,
  total: number,
  mappings: readonly Pairs[],
  doubled: ReadonlySet<number>,
): Set<number> {
  const crowded = new Set<number>();
  const glides = mappings.map(
    ({ chain }) => chain?.steps.some(({ declaration: { group } }) => group === "time") === true,
  );
  const isTimed = new Uint32Array(total);
  for (let pair = 0; pair < pairs.count - pairs.watched.length; ++pair) {
    const mapping = at(pairs.mappings, pair);
    if (at(kept, pair) === 0 || !glides[mapping]) continue;
    const target = at(pairs.targets, pair);
    if (isTimed[target] === 1 && !doubled.has(mapping)) crowded.add(mapping);
    isTimed[target] = 1;
  }
  return crowded;
}

/** Chains as tables: the operations of each, and those that take a target's value back to one that looks at it. */
class ChainTable {
  readonly #numbers = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #chains: { readonly operation: Operation; readonly back: number }[][] = [];

  /** The chain's number. */
  add(chain: FilterChain): number {
    return this.#add(chain.key, () =>
      chain.steps.map(({ declaration, operation }, i) => {
        const back = declaration.looksAtTarget === undefined ? undefined : operationsBack(chain, i);
        return { operation, back: back === undefined ? 0 : 1 + this.#addBack(back) };
      }),
    );
  }

  #addBack(operations: readonly Operation[]): number {
    const key = `back ${operations.map(({ name, args }) => `${name}(${args.join()})`).join()}`;
    return this.#add(key, () => operations.map((operation) => ({ operation, back: 0 })));
  }

  #add(key: string, steps: () => { readonly operation: Operation; readonly back: number }[]): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const made = steps(); // may add others
    const number = this.#keys.push(key) - 1;
    this.#chains.push(made);
    this.#numbers.set(key, number);
    return number;
  }

  table(): Pick<FilterTable, "chains" | "chainOffsets" | "steps" | "args"> {
    const chainOffsets = [0];
    const steps: number[] = [];
    const args: number[] = [];
    for (const chain of this.#chains) {
      for (const { operation, back } of chain) {
        steps.push(OPERATIONS.indexOf(operation.name), args.length, operation.args.length, back);
        for (const arg of operation.args) args.push(arg);
      }
      chainOffsets.push(steps.length / 4);
    }
    return {
      chains: this.#keys,
      chainOffsets: Uint32Array.from(chainOffsets),
      steps: Uint32Array.from(steps),
      args: Float64Array.from(args),
    };
  }
}
