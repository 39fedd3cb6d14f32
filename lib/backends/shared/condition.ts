import { count } from "../../count.js";
import type { Logger } from "../../log/log.js";

/** How long something has to work before it counts as repaired, in ms: what fails every other time fails. */
const STEADY = 1000;

/** How something that can fail repeatedly is logged. */
export interface ConditionTexts {
  /** What is lost while it fails: `frame`. */
  readonly unit?: string;
  /** The level of the message that it fails. Default: `warn`. */
  readonly level?: "warn" | "error";
  /** Whether one success is enough to count as repaired. */
  readonly atOnce?: boolean;
  failed(reason: string): string;
  works(): string;
}

/** Whether something works, like sending to a peer. The log has a line when that changes, however often it is tried. */
export class Condition {
  readonly #log: Logger;
  readonly #fields: object;
  readonly #texts: ConditionTexts;
  #reason: string | undefined;
  #lost = 0;
  #total = 0;
  #steady: NodeJS.Timeout | undefined;

  constructor(log: Logger, fields: object, texts: ConditionTexts) {
    this.#log = log;
    this.#fields = fields;
    this.#texts = texts;
  }

  /** Why it fails; undefined while it works. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The number of units lost since the start. */
  get lost(): number {
    return this.#total;
  }

  /** @param lost units that this failure has lost */
  fails(reason: string, lost = 0): void {
    this.#total += lost;
    this.#lost += lost;
    this.#endSteady();
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const { level = "warn", failed } = this.#texts;
    this.#log[level]({ ...this.#fields, reason }, `${failed(reason)}${this.#losses()}`);
  }

  /** Costs nothing while it works. */
  succeeds(): void {
    if (this.#reason === undefined || this.#steady !== undefined) return;
    if (this.#texts.atOnce) this.#repaired();
    else this.#steady = setTimeout(() => this.#repaired(), STEADY).unref();
  }

  close(): void {
    this.#endSteady();
  }

  #repaired(): void {
    this.#steady = undefined;
    this.#reason = undefined;
    this.#log.info({ ...this.#fields, lost: this.#lost }, `${this.#texts.works()}${this.#losses()}`);
    this.#lost = 0;
  }

  #losses(): string {
    return this.#lost === 0 ? "" : ` (${count(this.#lost, this.#texts.unit ?? "frame")} lost)`;
  }

  #endSteady(): void {
    clearTimeout(this.#steady);
    this.#steady = undefined;
  }
}
