import { MidimonsterError } from "../errors.js";
import { callOnly, kindOf } from "../user-code.js";
import type { ChannelNames } from "./channel-names.js";

/** An event as {@link Router.tap} shows it: where it was output, and its value in 0..1. */
export interface TappedEvent {
  readonly instance: string;
  readonly channel: string;
  readonly value: number;
}

type Listener = (events: readonly TappedEvent[]) => void;

/** The listeners of a router's taps. */
export class Taps {
  readonly #listeners = new Set<Listener>();

  get size(): number {
    return this.#listeners.size;
  }

  /** @throws {MidimonsterError} `VALUE` for what is not a function */
  add(listener: Listener): void {
    if (typeof listener !== "function") {
      throw new MidimonsterError("VALUE", `tap() needs a function, not ${kindOf(listener)}`);
    }
    this.#listeners.add(listener);
  }

  delete(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /**
   * Passes the first `count` events of two parallel arrays to the listeners; channels are global indices.
   *
   * @param threw called with what listeners throw, or reject with
   */
  show(
    names: ChannelNames,
    channels: Uint32Array,
    values: Float64Array,
    count: number,
    threw: (error: unknown) => void,
  ): void {
    const events: TappedEvent[] = [];
    for (let i = 0; i < count; ++i) {
      const { instance, channel } = names.of(channels[i] as number);
      events.push({ instance, channel, value: values[i] as number });
    }
    for (const listener of this.#listeners) callOnly(() => listener(events), threw);
  }
}
