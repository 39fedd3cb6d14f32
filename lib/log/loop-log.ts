import { count } from "../count.js";
import type { NamedChannel } from "../engine/channel-names.js";

/** How many channels of a feedback loop are named. */
const MAX_SHOWN = 20;

/** Warns of each feedback loop once. */
export class LoopLog {
  readonly #warn: (fields: object, message: string) => void;
  /** The instances of each reported loop. */
  readonly #told = new Set<string>();

  constructor(warn: (fields: object, message: string) => void) {
    this.#warn = warn;
  }

  /**
   * @param loop channels; each one's event leads to the next one's, and the last one's to the first one's
   * @param filters the filters on the way from each to the next one
   */
  log(loop: readonly NamedChannel[], filters: readonly (string | undefined)[] = []): void {
    // A mapping of a thousand channels has a thousand loops; one of them is enough to find the cause.
    const instances = [...new Set(loop.map(({ instance }) => instance))].sort().join(" ");
    if (this.#told.has(instances)) return;
    this.#told.add(instances);
    const names = loop.map(({ instance, channel }) => `${instance}.${channel}`);
    const left = names.length - MAX_SHOWN;
    const steps = names.slice(0, MAX_SHOWN).map((name, i) => (filters[i] ? `${name} -> (${filters[i]})` : name));
    const shown = left > 0 ? [...steps, `(${count(left, "more channel")})`] : steps;
    this.#warn(
      { channels: names },
      `feedback loop: ${[...shown, names[0]].join(" -> ")}; its events go round as fast as the machine can`,
    );
  }
}
