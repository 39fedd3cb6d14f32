// From the levels of a universe to events: one for each channel that changes.
import type { EventBatch } from "../instance.js";
import { Silence } from "./silence.js";
import { type Emitters, IS_PAIR, SLOT_BITS, SLOT_MASK, type SlotMap } from "./slot-map.js";
import { PAIR_MAX, SLOT_MAX, SLOTS } from "./slots.js";
import type { Fallback } from "./timeout-options.js";

export interface SlotInputSpec {
  readonly map: SlotMap;
  /** In ms; 0: never. */
  readonly timeout: number;
  readonly fallback: Fallback;
  emitBatch(batch: EventBatch): void;
  /** Called when there is no data any more, and when it is back. */
  lost?(isLost: boolean): void;
}

type Pair = Emitters["pairs"][number];

/** The values of codes, which are needed for every event. */
const VALUES = Float64Array.from({ length: SLOT_MAX + 1 }, (_, code) => code / SLOT_MAX);
const UNKNOWN = -1;

/** Events of a frame, on their way: they are gone before there are others. */
const CHANNELS = new Uint32Array(SLOTS);
const BATCH_VALUES = new Float64Array(SLOTS);

export class SlotInput {
  readonly #spec: SlotInputSpec;
  /** What was emitted last, by slot; at first 0, so that a 0 makes no event. */
  readonly #known = new Int16Array(SLOTS);
  readonly #silence: Silence;
  #lastData = Number.NEGATIVE_INFINITY;

  constructor(spec: SlotInputSpec) {
    this.#spec = spec;
    this.#silence = new Silence(
      spec.timeout,
      () => performance.now(),
      (isSilent) => this.#tellSilence(isSilent),
    );
  }

  /** When data last came, by the monotonic clock in ms. */
  get lastData(): number {
    return this.#lastData;
  }

  /** Takes a frame. Slots that are not in it keep their values. */
  apply(frame: Uint8Array, start: number, count: number, now: number): void {
    this.#lastData = now;
    this.#silence.end();
    const known = this.#known;
    const { rows, pairs } = this.#spec.map.emitters;
    let length = 0;
    for (let i = 0; i < rows.length; ++i) {
      const row = rows[i] as number;
      if (row >= IS_PAIR) {
        length += this.#applyPair(pairs[row - IS_PAIR] as Pair, frame, start, count, length);
        continue;
      }
      const slot = row & SLOT_MASK;
      if (slot >= count) continue;
      const level = frame[start + slot] as number;
      if (level === known[slot]) continue;
      known[slot] = level;
      CHANNELS[length] = row >>> SLOT_BITS;
      BATCH_VALUES[length++] = VALUES[level] as number;
    }
    this.#emit(length);
  }

  /** Forgets what was emitted: the next frame makes an event for each of these slots. */
  forget(slots: Iterable<number>): void {
    for (const slot of slots) this.#known[slot] = UNKNOWN;
  }

  /** Another one has emitted before: the next frame makes an event for each channel. */
  takeOver(before: SlotInput): void {
    this.#known.fill(UNKNOWN);
    this.#silence.adopt(before.#silence);
  }

  /** All sources have said that they end. */
  ended(): void {
    this.#silence.begin();
  }

  stop(): void {
    this.#silence.close();
  }

  #emit(length: number): void {
    if (length > 0) this.#spec.emitBatch({ length, channels: CHANNELS, values: BATCH_VALUES });
  }

  /** @param at where the event goes in the batch; @returns the number of events */
  #applyPair({ channel, coarse, fine }: Pair, frame: Uint8Array, start: number, count: number, at: number): number {
    const known = this.#known;
    const high = coarse < count ? (frame[start + coarse] as number) : (known[coarse] as number);
    const low = fine < count ? (frame[start + fine] as number) : (known[fine] as number);
    if (high === known[coarse] && low === known[fine]) return 0;
    known[coarse] = high;
    known[fine] = low;
    CHANNELS[at] = channel;
    BATCH_VALUES[at] = (Math.max(0, high) * 256 + Math.max(0, low)) / PAIR_MAX;
    return 1;
  }

  #tellSilence(isSilent: boolean): void {
    const { fallback, map, lost } = this.#spec;
    lost?.(isSilent);
    if (!isSilent || fallback === "hold") return;
    const left = fallback === 0 ? 0 : UNKNOWN;
    const { rows, pairs } = map.emitters;
    let length = 0;
    for (const row of rows) {
      if (row >= IS_PAIR) continue;
      this.#known[row & SLOT_MASK] = left;
      CHANNELS[length++] = row >>> SLOT_BITS;
    }
    for (const { channel, coarse, fine } of pairs) {
      this.#known[coarse] = left;
      this.#known[fine] = left;
      CHANNELS[length++] = channel;
    }
    BATCH_VALUES.fill(fallback, 0, length);
    this.#emit(length);
  }
}
