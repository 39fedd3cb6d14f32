/** The first pause, in ms. Each one after it is twice as long. */
const FIRST = 500;
/** The longest pause; and how long a connection has to hold until the pauses begin with the first one again, in ms. */
const LONGEST = 10_000;
/** The part of a pause that is left to chance, so that the clients of a server that restarts do not all come at once. */
const SPREAD = 0.2;

/** Tries again to connect to a peer, in pauses that grow from half a second to ten seconds. */
export class Reconnect {
  readonly #attempt: () => void;
  #pause = FIRST;
  #connectedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param attempt is called after each pause */
  constructor(attempt: () => void) {
    this.#attempt = attempt;
  }

  connected(): void {
    this.#connectedAt = performance.now();
  }

  /** An attempt has failed, or the connection has ended: tries again after a pause. */
  failed(): void {
    if (this.#closed || this.#timer !== undefined) return;
    // A peer that accepts and ends connections in turn must not be tried ever more often.
    if (this.#connectedAt !== undefined && performance.now() - this.#connectedAt >= LONGEST) this.#pause = FIRST;
    this.#connectedAt = undefined;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#attempt();
      },
      this.#pause * (1 - SPREAD * Math.random()),
    );
    this.#pause = Math.min(this.#pause * 2, LONGEST);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
