// From the levels of a universe to events: one for each channel that changes.
import { Silence } from "./silence.js";
import { type Emitters, IS_PAIR, SLOT_BITS, SLOT_MASK, type SlotMap } from "./slot-map.js";
import { PAIR_MAX, SLOT_MAX, SLOTS } from "./slots.js";
import type { Fallback } from "./timeout-options.js";

export interface SlotInputSpec {
  readonly map: SlotMap;
  /** In ms; 0: never. */
  readonly timeout: number;
  readonly fallback: Fallback;
  emit(channel: number, value: number): void;
  /** Called when there is no data any more, and when it is back. */
  lost?(isLost: boolean): void;
}

type Pair = Emitters["pairs"][number];

/** The values of codes, which are needed for every event. */
const VALUES = Float64Array.from({ length: SLOT_MAX + 1 }, (_, code) => code / SLOT_MAX);
const UNKNOWN = -1;

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
    const { emit } = this.#spec;
    const { rows, pairs } = this.#spec.map.emitters;
    for (let i = 0; i < rows.length; ++i) {
      const row = rows[i] as number;
      if (row >= IS_PAIR) {
        this.#applyPair(pairs[row - IS_PAIR] as Pair, frame, start, count);
        continue;
      }
      const slot = row & SLOT_MASK;
      if (slot >= count) continue;
      const level = frame[start + slot] as number;
      if (level === known[slot]) continue;
      known[slot] = level;
      emit(row >>> SLOT_BITS, VALUES[level] as number);
    }
  }

  /** Forgets what was emitted: the next frame makes an event for each channel, or for each of these slots. */
  forget(slots?: Iterable<number>): void {
    if (slots === undefined) this.#known.fill(UNKNOWN);
    else for (const slot of slots) this.#known[slot] = UNKNOWN;
  }

  /** All sources have said that they end. */
  ended(): void {
    this.#silence.begin();
  }

  stop(): void {
    this.#silence.close();
  }

  #applyPair({ channel, coarse, fine }: Pair, frame: Uint8Array, start: number, count: number): void {
    const known = this.#known;
    const high = coarse < count ? (frame[start + coarse] as number) : (known[coarse] as number);
    const low = fine < count ? (frame[start + fine] as number) : (known[fine] as number);
    if (high === known[coarse] && low === known[fine]) return;
    known[coarse] = high;
    known[fine] = low;
    this.#spec.emit(channel, (Math.max(0, high) * 256 + Math.max(0, low)) / PAIR_MAX);
  }

  #tellSilence(isSilent: boolean): void {
    const { fallback, emit, map, lost } = this.#spec;
    lost?.(isSilent);
    if (!isSilent || fallback === "hold") return;
    const left = fallback === 0 ? 0 : UNKNOWN;
    for (const row of map.emitters.rows) {
      if (row >= IS_PAIR) continue;
      this.#known[row & SLOT_MASK] = left;
      emit(row >>> SLOT_BITS, fallback);
    }
    for (const { channel, coarse, fine } of map.emitters.pairs) {
      this.#known[coarse] = left;
      this.#known[fine] = left;
      emit(channel, fallback);
    }
  }
}
