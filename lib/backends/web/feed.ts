// What clients still have to get. Values are states: one that lags gets the last of each, not all.
import { Changes } from "../../web/changes.js";
import type { Client } from "../../web/client.js";
import type { PageValues } from "./values.js";

/** The shortest time between two messages of values to a client, in ms. */
const FRAME = 33;

class Feed {
  readonly pending = new Changes();
  /** Undefined: all. */
  only: ReadonlySet<number> | undefined;
  interval = FRAME;
  last = 0;

  wants(id: number): boolean {
    return this.only === undefined || this.only.has(id);
  }
}

export class Feeds {
  readonly #values: PageValues;
  readonly #changed = new Changes();
  readonly #feeds = new Map<Client, Feed>();
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(values: PageValues) {
    this.#values = values;
  }

  add(client: Client): void {
    this.#feeds.set(client, new Feed());
  }

  delete(client: Client): void {
    this.#feeds.delete(client);
  }

  /** Gives a client only some channels, or all; at most `rate` times a second. */
  limit(client: Client, only: ReadonlySet<number> | undefined, rate: number): void {
    const feed = this.#feeds.get(client);
    if (feed === undefined) return;
    feed.only = only;
    feed.interval = Math.max(FRAME, 1000 / rate);
  }

  /** A value has changed. */
  changed(id: number): void {
    if (this.#feeds.size === 0) return;
    this.#changed.add(id);
    this.#timer ??= setTimeout(() => this.#send(), Math.max(0, this.#last + FRAME - performance.now()));
  }

  /** The values that a client sees, as a message. */
  state(client: Client): string {
    const feed = this.#feeds.get(client);
    const ids: number[] = [];
    for (let id = 0; id < this.#values.size; ++id) if (feed?.wants(id) !== false) ids.push(id);
    return this.#message("state", ids);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #send(): void {
    this.#timer = undefined;
    const now = performance.now();
    this.#last = now;
    const ids: number[] = [];
    this.#changed.take((id) => ids.push(id));
    let all: string | undefined;
    let waits = false;
    for (const [client, feed] of this.#feeds) {
      const isOwn = (id: number) => this.#values.setBy(id) === client.id;
      const isPlain = feed.pending.count === 0 && feed.only === undefined && feed.interval <= FRAME;
      if (isPlain && !client.lags && !ids.some(isOwn)) {
        if (ids.length === 0) continue;
        all ??= this.#message("values", ids);
        client.send(all);
        continue;
      }
      for (const id of ids) if (feed.wants(id)) feed.pending.add(id);
      if (feed.pending.count === 0) continue;
      if (client.lags || now - feed.last < feed.interval - 1) {
        waits = true;
        continue;
      }
      feed.last = now;
      const own: number[] = [];
      // What it has set itself it knows.
      feed.pending.take((id) => isOwn(id) || own.push(id));
      if (own.length > 0) client.send(this.#message("values", own));
    }
    if (waits) this.#timer ??= setTimeout(() => this.#send(), FRAME);
  }

  #message(type: "state" | "values", ids: readonly number[]): string {
    const v: number[] = [];
    for (const id of ids) {
      const value = this.#values.valueOf(id);
      if (value !== undefined) v.push(id, Math.round(value * 1e6) / 1e6);
    }
    return JSON.stringify({ type, rev: this.#values.rev, v });
  }
}
