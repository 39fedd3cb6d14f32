import type { EventBatch } from "../backends/instance.js";

/** Later events are lost. */
const MAX_EVENTS = 65_536;

/** Events for an instance that a reload has created and that has not started yet. */
export class EarlyEvents {
  #batches: EventBatch[] = [];
  #count = 0;
  #lost = 0;

  keep({ length, channels, values }: EventBatch): void {
    const kept = Math.min(length, MAX_EVENTS - this.#count);
    this.#count += kept;
    this.#lost += length - kept;
    // The arrays of a batch are reused.
    if (kept > 0)
      this.#batches.push({ length: kept, channels: channels.slice(0, kept), values: values.slice(0, kept) });
  }

  /** Releases what was kept. */
  take(): { readonly batches: readonly EventBatch[]; readonly lost: number } {
    const taken = { batches: this.#batches, lost: this.#lost };
    this.#batches = [];
    this.#count = this.#lost = 0;
    return taken;
  }
}
