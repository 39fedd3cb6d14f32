import type { Outbox as Arrays, Binding, Core } from "../binding.js";

const CAPACITY = 8192;

/** Added to an instance's number: the event is for its channel itself, as {@link Arrays.instances} says. */
const TO_ITSELF = 2 ** 31;

/**
 * Events that JavaScript emits, on their way into the core. They cross in batches: those of a batch handler when it returns,
 * all others at the end of the current turn. Channels are numbered within their instance, so that an event that waits here
 * during a reload still finds its channel.
 */
export class Outbox {
  readonly arrays: Arrays = {
    instances: new Uint32Array(CAPACITY),
    channels: new Uint32Array(CAPACITY),
    values: new Float64Array(CAPACITY),
  };
  #count = 0;
  #flushes = false;
  #send: (count: number) => void = () => {};
  #pass: Outbox["pass"] = () => 0;
  #delivering = false;

  connect(binding: Binding, core: Core): void {
    this.#send = (count) => binding.emit(core, count);
    this.#pass = (instance, channels, values, count) => binding.emitBatch(core, instance, channels, values, count);
  }

  /** Discards events from now on. */
  disconnect(): void {
    this.#send = () => {};
    this.#pass = () => 0;
    this.#count = 0;
  }

  /** @param channel index within the instance; @param value in 0..1 */
  put(instance: number, channel: number, value: number): void {
    const { instances, channels, values } = this.arrays;
    const at = this.#count++;
    instances[at] = instance;
    channels[at] = channel;
    values[at] = value;
    if (this.#count === CAPACITY) this.flush();
    else if (!this.#delivering && !this.#flushes) {
      this.#flushes = true;
      queueMicrotask(() => {
        this.#flushes = false;
        this.flush();
      });
    }
  }

  /**
   * Passes on many events of an instance at once, without a copy.
   *
   * @returns how many the core has left out
   */
  pass(instance: number, channels: Uint32Array, values: Float64Array, count: number): number {
    this.flush(); // earlier events come first
    return this.#pass(instance, channels, values, count);
  }

  /** As {@link put}, but for the channel itself instead of for those that it is mapped to. */
  putToItself(instance: number, channel: number, value: number): void {
    this.put(instance + TO_ITSELF, channel, value);
  }

  /** Runs a batch handler and sends what it emits in one go. */
  collect(handler: () => void): void {
    this.flush(); // earlier events come first
    this.#delivering = true;
    try {
      handler();
    } finally {
      this.#delivering = false;
    }
    this.flush();
  }

  /** Sends the events emitted so far. */
  flush(): void {
    const count = this.#count;
    this.#count = 0;
    if (count > 0) this.#send(count);
  }
}
