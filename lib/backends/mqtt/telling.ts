import type { Logger } from "../../log/log.js";

/** How long a reason that was logged is not logged again, in ms: a broker may accept and end connections in turn. */
const QUIET = 10_000;

/** Logs when the connection comes and goes, each reason once however often it is tried again. */
export class Telling {
  readonly #log: Logger;
  readonly #fields: object;
  readonly #who: string;
  readonly #broker: string;
  /** When each reason was last logged. */
  readonly #told = new Map<string, number>();
  /** Those logged since the connection was last there. */
  readonly #current = new Set<string>();
  #state: "never connected" | "connected" | "lost" = "never connected";

  /**
   * @param who the instance
   * @param broker without credentials
   */
  constructor(log: Logger, who: string, broker: string) {
    this.#log = log;
    this.#fields = { instance: who, peer: broker };
    this.#who = who;
    this.#broker = broker;
  }

  connected(): void {
    const again = this.#state === "lost";
    // Where the loss was not worth a line, neither is the return.
    if (this.#state === "never connected" || this.#current.size > 0) {
      this.#log.info(this.#fields, `${this.#who}: connected to ${this.#broker}${again ? " again" : ""}`);
    }
    this.#state = "connected";
    this.#current.clear();
  }

  /** An attempt has failed, or the connection has ended. */
  failed(reason: string): void {
    const was = this.#state;
    if (was === "connected") this.#state = "lost";
    if (this.#current.has(reason)) return;
    const now = performance.now();
    if (now - (this.#told.get(reason) ?? Number.NEGATIVE_INFINITY) < QUIET) return;
    this.#told.set(reason, now);
    this.#current.add(reason);
    const what =
      was === "connected" ? `the connection to ${this.#broker} has ended` : `no connection to ${this.#broker}`;
    this.#log.warn({ ...this.#fields, reason }, `${this.#who}: ${what}: ${reason}; trying again`);
  }
}
