// One client of the monitor: what it wants to see, and what it has not been sent yet.
import { Changes } from "../changes.js";
import type { Client } from "../client.js";
import { binaryFrame, jsonFrame } from "./frames.js";

/** What a client can ask for besides values. */
export const TOPICS = ["log", "stats", "graph", "learn"] as const;
export type Topic = (typeof TOPICS)[number];

/** Frames a second. */
export const MAX_RATE = 20;

export class Viewer {
  readonly topics = new Set<Topic>();
  /** Numbers of the channels of which it gets every event. */
  watched: readonly number[] = [];
  /** Names that it wants values of; undefined: all. */
  names: ReadonlySet<string> | undefined;
  binary = false;
  rate = MAX_RATE;
  #watched: readonly string[] = [];
  /** Of channels; undefined for all. */
  #wanted: Set<number> | undefined;
  readonly #changed = new Changes();
  #sent = 0;

  constructor(readonly client: Client) {}

  /** Channels have other numbers from now on. */
  renumber(numbers: () => ReadonlyMap<string, number>): void {
    if (this.#watched.length > 0) this.watch(this.#watched, numbers());
    this.want(numbers);
  }

  /** Has it get every event of some channels. */
  watch(names: readonly string[], numbers: ReadonlyMap<string, number>): void {
    this.#watched = names;
    this.watched = names.flatMap((name) => numbers.get(name) ?? []);
  }

  /** Applies {@link names}. */
  want(numbers: () => ReadonlyMap<string, number>): void {
    this.#changed.take(() => {});
    this.#wanted = undefined;
    if (this.names === undefined) return;
    const known = numbers();
    this.#wanted = new Set([...this.names].flatMap((name) => known.get(name) ?? []));
  }

  /** Whether it can be sent the frame that everyone gets: all that has changed. */
  takesAll(now: number): boolean {
    return this.#wanted === undefined && this.#changed.count === 0 && this.#isReady(now);
  }

  /** It has been sent such a frame. */
  sent(now: number): void {
    this.#sent = now;
  }

  /** Notes changes that it does not get now. */
  note(ids: Uint32Array, count: number): void {
    for (let i = 0; i < count; ++i) {
      const id = ids[i] as number;
      if (this.#wanted === undefined || this.#wanted.has(id)) this.#changed.add(id);
    }
  }

  /** Sends what was noted, unless it has to wait or lags. */
  flush(now: number, rev: number, values: Float64Array): void {
    if (this.#changed.count === 0 || !this.#isReady(now)) return;
    const ids: number[] = [];
    this.#changed.take((id) => ids.push(id));
    this.#send("values", rev, ids, values);
    this.#sent = now;
  }

  /** Sends all values that are known. @param now returns them at the moment they are sent */
  state(now: () => { readonly rev: number; readonly values: Float64Array }): void {
    this.client.whenRead("state", () => this.#state(now()));
  }

  #state({ rev, values }: { readonly rev: number; readonly values: Float64Array }): void {
    const ids: number[] = [];
    for (let id = 0; id < values.length; ++id) {
      if (!Number.isNaN(values[id]) && (this.#wanted?.has(id) ?? true)) ids.push(id);
    }
    this.client.send(jsonFrame("state", rev, ids, values, ids.length));
  }

  /** A little less than its period, since timers are late or early. */
  #isReady(now: number): boolean {
    return !this.client.lags && now - this.#sent >= 0.9 * (1000 / this.rate);
  }

  #send(type: "values", rev: number, ids: readonly number[], values: Float64Array): void {
    this.client.send(
      this.binary ? binaryFrame(ids, values, ids.length) : jsonFrame(type, rev, ids, values, ids.length),
    );
  }
}
