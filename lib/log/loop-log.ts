import { count } from "../count.js";
import type { NamedChannel } from "../engine/channel-names.js";

/** Channels of a feedback loop that the message names. */
const MAX_CHANNELS = 20;

/** Warns of each feedback loop once. */
export class LoopLog {
  readonly #warn: (fields: object, message: string) => void;
  /** Instances of the loops that have been reported. */
  readonly #told = new Set<string>();

  constructor(warn: (fields: object, message: string) => void) {
    this.#warn = warn;
  }

  /** @param loop channels; each one's event leads to the next one's, and the last one's to the first one's */
  log(loop: readonly NamedChannel[]): void {
    // A mapping of a thousand channels has a thousand loops; naming one of them is enough.
    const instances = [...new Set(loop.map(({ instance }) => instance))].sort().join(" ");
    if (this.#told.has(instances)) return;
    this.#told.add(instances);
    const names = loop.map(({ instance, channel }) => `${instance}.${channel}`);
    const left = names.length - MAX_CHANNELS;
    const shown = left > 0 ? [...names.slice(0, MAX_CHANNELS), `(${count(left, "more channel")})`] : names;
    this.#warn(
      { channels: names },
      `feedback loop: ${[...shown, names[0]].join(" -> ")}; its events go round as fast as the machine can`,
    );
  }
}
