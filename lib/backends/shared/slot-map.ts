// Which channel of an instance is which slot of its universe, as tables for both directions.
import type { Channel, EventBatch, Refusal } from "../instance.js";
import { code } from "./numbers.js";
import { coarseOf, fineOf, nameOf, PAIR_MAX, SLOT_MAX, SLOTS, type SlotMeaning } from "./slots.js";

const USE = { input: 1, output: 2 } as const;
const ABSENT = -1;

/** Channels that events come from. */
export interface Emitters {
  /**
   * By slot: of a single slot, the slot and, above it, the channel; of a pair, {@link IS_PAIR} and an index of `pairs`. One
   * array, since each event reads it.
   */
  readonly rows: Uint32Array;
  readonly pairs: readonly { readonly channel: number; readonly coarse: number; readonly fine: number }[];
}

/** Of a number in {@link Emitters.rows}. */
export const SLOT_BITS = 9;
export const SLOT_MASK = SLOTS - 1;
export const IS_PAIR = 2 ** 31;

export class SlotMap {
  /** By channel number: its meaning, and its uses as bits. */
  readonly #meanings: SlotMeaning[] = [];
  readonly #uses: number[] = [];
  /** By channel number: the slots that events write; -1: none. */
  #coarse = new Int16Array(0);
  #fine = new Int16Array(0);
  #emitters: Emitters = { rows: new Uint32Array(0), pairs: [] };

  get emitters(): Emitters {
    return this.#emitters;
  }

  /** Whether events come from any channel. */
  get isRead(): boolean {
    return this.#emitters.rows.length > 0;
  }

  /**
   * Takes channels. A slot is single, coarse or fine: a channel that needs one in another role is refused.
   *
   * @param unused channels that no mapping uses any more and that `disconnect` takes next: they are not in the way
   */
  connect(channels: readonly Channel<SlotMeaning>[], unused: readonly Channel<SlotMeaning>[] = []): Refusal[] {
    const owners = this.#owners(unused);
    const refused = new Map<number, Refusal>();
    for (const { index, use, meaning } of channels) {
      if (refused.has(index)) continue;
      const problem = this.#conflict(owners, index, meaning);
      if (problem !== undefined) {
        refused.set(index, { channel: index, problem });
        continue;
      }
      owners[coarseOf(meaning)] = index;
      if (fineOf(meaning) >= 0) owners[fineOf(meaning)] = index;
      this.#meanings[index] = meaning;
      this.#uses[index] = (this.#uses[index] ?? 0) | USE[use];
    }
    this.#rebuild();
    return [...refused.values()];
  }

  disconnect(channels: readonly Channel<SlotMeaning>[]): void {
    for (const { index, use } of channels) this.#uses[index] = (this.#uses[index] ?? 0) & ~USE[use];
    this.#rebuild();
  }

  /**
   * Writes events into the levels of a universe. Of several events of a slot, the last one stays.
   *
   * @returns whether a level is another than before
   */
  write({ length, channels, values }: EventBatch, levels: Uint8Array): boolean {
    const [coarse, fine] = [this.#coarse, this.#fine];
    let changed = false;
    for (let i = 0; i < length; ++i) {
      const channel = channels[i] as number;
      const slot = coarse[channel] ?? ABSENT;
      if (slot < 0) continue;
      const second = fine[channel] as number;
      const value = values[i] as number;
      // `| 0` only tells the compiler that codes are integers, which halves the time of this loop.
      if (second < 0) {
        const level = code(value, SLOT_MAX) | 0;
        if (levels[slot] === level) continue;
        levels[slot] = level;
      } else {
        const level = code(value, PAIR_MAX) | 0;
        if (levels[slot] === level >> 8 && levels[second] === (level & 0xff)) continue;
        levels[slot] = level >> 8;
        levels[second] = level & 0xff;
      }
      changed = true;
    }
    return changed;
  }

  /** By slot: the number of the channel that has it. */
  #owners(unused: readonly Channel<SlotMeaning>[]): Int32Array {
    const going = new Map<number, number>();
    for (const { index, use } of unused) going.set(index, (going.get(index) ?? 0) | USE[use]);
    const owners = new Int32Array(SLOTS).fill(ABSENT);
    for (const [index, meaning] of this.#meanings.entries()) {
      if (((this.#uses[index] ?? 0) & ~(going.get(index) ?? 0)) === 0) continue;
      owners[coarseOf(meaning)] = index;
      if (fineOf(meaning) >= 0) owners[fineOf(meaning)] = index;
    }
    return owners;
  }

  #conflict(owners: Int32Array, index: number, meaning: SlotMeaning): string | undefined {
    for (const slot of [coarseOf(meaning), fineOf(meaning)]) {
      const owner = slot < 0 ? ABSENT : (owners[slot] as number);
      if (owner === ABSENT || owner === index) continue;
      return `slot ${slot + 1} is used as '${nameOf(this.#meanings[owner] as number)}' too: a slot belongs to one channel`;
    }
    return undefined;
  }

  #rebuild(): void {
    const count = this.#meanings.length;
    this.#coarse = new Int16Array(count).fill(ABSENT);
    this.#fine = new Int16Array(count).fill(ABSENT);
    const emitting: number[] = [];
    for (const [index, meaning] of this.#meanings.entries()) {
      const uses = this.#uses[index] ?? 0;
      if ((uses & USE.input) !== 0) {
        this.#coarse[index] = coarseOf(meaning);
        this.#fine[index] = fineOf(meaning);
      }
      if ((uses & USE.output) !== 0) emitting.push(index);
    }
    const channels = emitting.map((channel) => {
      const meaning = this.#meanings[channel] as number;
      return { channel, coarse: coarseOf(meaning), fine: fineOf(meaning) };
    });
    channels.sort((a, b) => a.coarse - b.coarse);
    const pairs = channels.filter(({ fine }) => fine >= 0);
    const indices = new Map(pairs.map((pair, index) => [pair, index]));
    const rows = Uint32Array.from(channels, (each) => {
      const index = indices.get(each);
      return index === undefined ? (each.channel << SLOT_BITS) | each.coarse : IS_PAIR + index;
    });
    this.#emitters = { rows, pairs };
  }
}
