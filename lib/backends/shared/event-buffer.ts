import type { EventBatch } from "../instance.js";

const SIZE = 4096;
/** Of all buffers, which take turns: each is empty when the call in which it was filled returns. */
const CHANNELS = new Uint32Array(SIZE);
const VALUES = new Float64Array(SIZE);

/** Collects the events of what has come together: they go into the core in one call. */
export class EventBuffer {
  readonly #emitBatch: (batch: EventBatch) => void;
  #length = 0;

  constructor(emitBatch: (batch: EventBatch) => void) {
    this.#emitBatch = emitBatch;
  }

  put(channel: number, value: number): void {
    if (this.#length === SIZE) this.flush();
    CHANNELS[this.#length] = channel;
    VALUES[this.#length++] = value;
  }

  flush(): void {
    const length = this.#length;
    if (length === 0) return;
    this.#length = 0;
    this.#emitBatch({ length, channels: CHANNELS, values: VALUES });
  }
}
