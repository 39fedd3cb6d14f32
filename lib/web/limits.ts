// What a client may take of a server.

export const LIMITS = {
  /** Connections of a server, with and without WebSocket. */
  connections: 256,
  /** Open WebSockets of a site. */
  clients: 64,
  clientsPerAddress: 16,
  /** Open WebSockets of a site that have not sent their token yet. With one more, the oldest of them is closed. */
  unauthorised: 16,
  /** A second and client, of WebSocket messages; a second and address, of HTTP requests. */
  messages: 200,
  /** A second and client. */
  values: 5000,
  /** Bytes. */
  header: 8192,
  body: 65_536,
  message: 65_536,
  /** Bytes that wait for a client, above which it is skipped. */
  buffered: 262_144,
} as const;

/** In ms. */
export const TIMES = {
  header: 5000,
  request: 10_000,
  /** Without progress of a connection by HTTP: longer than those above, which end with an answer. */
  unread: 12_000,
  /** Until the token has to arrive. */
  authorisation: 5000,
  /** Without progress of a client that something waits for. */
  stalled: 5000,
  ping: 10_000,
  /** Without a sign of life: pongs count. */
  silent: 30_000,
} as const;

/** A number of things a second, which may come at once. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #last: number;

  /** @param now in ms */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#last = now;
  }

  /** @returns whether this many are allowed now */
  take(count: number, now: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + ((now - this.#last) * this.#perSecond) / 1000);
    this.#last = now;
    if (count > this.#left) return false;
    this.#left -= count;
    return true;
  }
}

const MAX_ADDRESSES = 1024;

/** An allowance for each address. */
export class Allowances {
  readonly #perSecond: number;
  readonly #known = new Map<string, Allowance>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  take(address: string, now: number): boolean {
    let allowance = this.#known.get(address);
    if (allowance === undefined) {
      const [oldest] = this.#known.keys();
      if (this.#known.size >= MAX_ADDRESSES && oldest !== undefined) this.#known.delete(oldest);
      allowance = new Allowance(this.#perSecond, now);
      this.#known.set(address, allowance);
    }
    return allowance.take(1, now);
  }
}
