import type { Logger } from "../../log/log.js";
import type { Channel } from "../instance.js";

/** A channel is logged so often at most, in ms. */
const INTERVAL = 1000;

/** Logs values that arrive: the first of each channel, then at most one of a channel in a second. */
export class ValueLog {
  readonly #log: Logger;
  readonly #instance: string;
  readonly #names: string[] = [];
  readonly #next: number[] = [];

  constructor(log: Logger, instance: string) {
    this.#log = log;
    this.#instance = instance;
  }

  connect(channels: readonly Channel<unknown>[]): void {
    for (const { index, name } of channels) this.#names[index] = name;
  }

  tell(channel: number, value: number): void {
    const now = performance.now();
    if (now < (this.#next[channel] ?? 0)) return;
    this.#next[channel] = now + INTERVAL;
    const instance = this.#instance;
    const name = this.#names[channel];
    this.#log.info({ instance, channel: name, value }, `${instance}: ${instance}.${name} = ${value.toFixed(4)}`);
  }
}
