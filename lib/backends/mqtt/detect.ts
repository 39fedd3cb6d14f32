import type { Logger } from "../../log/log.js";

/** How often the same topic is shown, in ms. */
const PER_TOPIC = 1000;
/** How many lines there are in a second, of all topics. */
const PER_SECOND = 20;
/** How many topics are remembered: any client can make up new ones. */
const MAX_TOPICS = 10_000;

/** Shows the messages of a broker in the log: of each topic the first one, then at most one a second. */
export class Detect {
  readonly #log: Logger;
  readonly #instance: string;
  readonly #shown = new Map<string, number>();
  #second = 0;
  #lines = 0;
  #left = 0;

  constructor(log: Logger, instance: string) {
    this.#log = log;
    this.#instance = instance;
  }

  saw(topic: string, payload: Buffer, mapped: boolean): void {
    const now = performance.now();
    if (now - (this.#shown.get(topic) ?? Number.NEGATIVE_INFINITY) < PER_TOPIC) return;
    if (now - this.#second >= 1000) this.#begin(now);
    if (this.#lines === PER_SECOND) {
      this.#left++;
      return;
    }
    this.#lines++;
    if (this.#shown.size >= MAX_TOPICS) this.#shown.clear();
    this.#shown.set(topic, now);
    const note = mapped ? "" : " (not mapped)";
    this.#log.info(
      { instance: this.#instance, topic },
      `${this.#instance}: ${preview(topic)}: ${shown(payload)}${note}`,
    );
  }

  #begin(now: number): void {
    if (this.#left > 0) this.#log.info({ instance: this.#instance }, `${this.#instance}: ${this.#left} more not shown`);
    this.#second = now;
    this.#lines = 0;
    this.#left = 0;
  }
}

const LENGTH = 60;

/** A payload for people. */
export function shown(payload: Buffer): string {
  return payload.length === 0 ? "nothing" : `'${preview(payload.toString("utf8", 0, LENGTH * 4))}'`;
}

/** The beginning of a text, without what could disturb a terminal. */
export function preview(text: string): string {
  const visible = text.replace(/\p{C}/gu, "\ufffd");
  return visible.length <= LENGTH ? visible : `${visible.slice(0, LENGTH)}…`;
}
