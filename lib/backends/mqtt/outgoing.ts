/** How many events wait in order, at least, before only the last one of each channel is kept. */
const MIN_QUEUE = 10_000;

/**
 * Events on their way to the broker. They are sent in order while it takes them. The last value of a channel is what remains of
 * events that it does not take: those while there is no connection, and those that come faster than it takes them.
 */
export class Outgoing {
  /** The last value of each channel, by its number. */
  readonly #last: (number | undefined)[] = [];
  /** Channels whose last value is to be sent, before what waits in order. */
  readonly #due = new Set<number>();
  /** Channels and values in turn, from `#next` on. */
  #queue: number[] = [];
  #next = 0;

  /** Whether nothing waits. */
  get empty(): boolean {
    return this.#due.size === 0 && this.#next === this.#queue.length;
  }

  /** An event that is sent at once: only its value is kept. */
  sent(channel: number, value: number): void {
    this.#last[channel] = value;
  }

  /** An event while there is no connection. */
  keep(channel: number, value: number): void {
    this.#last[channel] = value;
    this.#due.add(channel);
  }

  /**
   * An event while others wait.
   *
   * @returns the number of events that will not be sent, since later ones of the same channels are
   */
  wait(channel: number, value: number): number {
    this.#last[channel] = value;
    if (this.#due.has(channel)) return 1;
    this.#queue.push(channel, value);
    return this.#queue.length - this.#next > 2 * Math.max(MIN_QUEUE, this.#last.length) ? this.#reduce() : 0;
  }

  /** The connection has ended: everything that was sent may be lost. */
  restart(): void {
    this.#reduce();
    this.#last.forEach((value, channel) => {
      if (value !== undefined) this.#due.add(channel);
    });
  }

  /** A later value of the channel has come from elsewhere, or no mapping uses the channel any more. */
  forget(channel: number): void {
    if (this.#last[channel] === undefined) return;
    this.#last[channel] = undefined;
    this.#due.delete(channel);
  }

  /** Gives the last values to another one, where the channels have other numbers. */
  handOver(to: Outgoing, numberOf: (channel: number) => number | undefined): void {
    this.#reduce();
    this.#last.forEach((value, channel) => {
      const number = numberOf(channel);
      if (value === undefined || number === undefined) return;
      if (this.#due.has(channel)) to.keep(number, value);
      else to.sent(number, value);
    });
    this.#due.clear();
  }

  /** The last value of a channel, if it is the one that others know. */
  lastOf(channel: number): number | undefined {
    return this.#last[channel];
  }

  /**
   * Sends what waits, until `ready` says no.
   *
   * @param send `late` says that it is the last value of a channel, after others were not sent
   */
  flush(ready: () => boolean, send: (channel: number, value: number, late: boolean) => void): void {
    for (const channel of this.#due) {
      if (!ready()) return;
      this.#due.delete(channel);
      const value = this.#last[channel];
      if (value !== undefined) send(channel, value, true);
    }
    while (this.#next < this.#queue.length) {
      if (!ready()) return;
      const [channel = 0, value = 0] = [this.#queue[this.#next], this.#queue[this.#next + 1]];
      this.#next += 2;
      send(channel, value, false);
    }
    this.#queue = [];
    this.#next = 0;
  }

  /** Keeps only the last value of each channel that waits. */
  #reduce(): number {
    const before = (this.#queue.length - this.#next) / 2;
    const due = this.#due.size;
    for (let i = this.#next; i < this.#queue.length; i += 2) this.#due.add(this.#queue[i] ?? 0);
    this.#queue = [];
    this.#next = 0;
    return before - (this.#due.size - due);
  }
}
