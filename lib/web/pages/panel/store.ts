// The values that the page shows, and which of them win: the finger's, or what comes from elsewhere.
import type { Link } from "../shared/link.js";

/** The shortest time between two messages of values, in ms: less would be refused. */
const FRAME = 15;

export class Store {
  /** Whether controls work. */
  enabled = false;
  readonly #link: Link;
  readonly #changed: (id: number) => void;
  readonly #values = new Map<number, number>();
  /** How many fingers and keys are on each. */
  readonly #touched = new Map<number, number>();
  /** The newest value from elsewhere, of what is touched. */
  readonly #foreign = new Map<number, { readonly value: number; readonly rev: number }>();
  /** The number of the last own value that the server has taken. */
  readonly #acked = new Map<number, number>();
  /** Messages without an answer, with their channels. */
  readonly #sent = new Map<number, readonly number[]>();
  readonly #pending = new Map<number, number>();
  readonly #held = new Map<number, number>();
  #grabbed = new Set<number>();
  #seq = 0;
  #scheduled = false;
  #last = 0;

  /** @param changed called when what is shown of a channel changes */
  constructor(link: Link, changed: (id: number) => void) {
    this.#link = link;
    this.#changed = changed;
  }

  /** Undefined before the first one. */
  value(id: number): number | undefined {
    return this.#values.get(id);
  }

  /** Whether someone else holds it. */
  isHeld(id: number): boolean {
    return (this.#held.get(id) ?? 0) > (this.#grabbed.has(id) ? 1 : 0);
  }

  get isTouched(): boolean {
    return this.#touched.size > 0;
  }

  /** A connection has begun: nothing of the former counts. */
  begin(): void {
    for (const map of [this.#touched, this.#foreign, this.#acked, this.#sent, this.#pending, this.#held]) map.clear();
    this.#grabbed.clear();
  }

  /** All values. */
  state(rev: number, v: readonly number[]): void {
    const there = new Set<number>();
    for (let i = 0; i < v.length; i += 2) there.add(v[i] as number);
    for (const id of this.#values.keys()) if (!there.has(id)) this.#forget(id);
    this.receive(rev, v);
  }

  /** Values from elsewhere. */
  receive(rev: number, v: readonly number[]): void {
    for (let i = 0; i < v.length; i += 2) {
      const [id, value] = [v[i] as number, v[i + 1] as number];
      if (this.#isBusy(id)) this.#foreign.set(id, { value, rev });
      else this.#show(id, value);
    }
  }

  acknowledge(seq: number, rev: number): void {
    const ids = this.#sent.get(seq) ?? [];
    this.#sent.delete(seq);
    for (const id of ids) {
      this.#acked.set(id, rev);
      this.#settle(id);
    }
  }

  /** The server has refused a message: what it has is shown again. */
  refuse(seq: number): void {
    const ids = this.#sent.get(seq) ?? [];
    this.#sent.delete(seq);
    for (const id of ids) this.#settle(id);
  }

  hold(id: number, count: number): void {
    this.#held.set(id, count);
    this.#changed(id);
  }

  /** A finger, or a key, comes. @returns whether controls work */
  grab(id: number): boolean {
    if (!this.enabled || !this.#link.isOpen) return false;
    const before = this.#touched.get(id) ?? 0;
    this.#touched.set(id, before + 1);
    if (before === 0) {
      this.#grabbed.add(id);
      this.#link.send({ type: "grab", id });
    }
    return true;
  }

  /** It goes. @param rest the value that the server then sets by itself */
  release(id: number, rest?: number): void {
    const count = this.#touched.get(id);
    if (count === undefined) return; // the connection has been lost in the meantime
    if (count > 1) {
      this.#touched.set(id, count - 1);
      return;
    }
    this.#touched.delete(id);
    this.#flush();
    const isLast = !this.isHeld(id);
    this.#grabbed.delete(id);
    this.#link.send({ type: "release", id });
    if (rest !== undefined && isLast) {
      this.#foreign.delete(id);
      this.#show(id, rest);
    } else this.#settle(id);
    this.#changed(id);
  }

  /** Sets a value, with the next frame. */
  set(id: number, value: number): void {
    if (!this.enabled || !this.#link.isOpen) return;
    this.#show(id, value);
    this.#pending.set(id, value);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const wait = Math.max(0, this.#last + FRAME - performance.now());
    setTimeout(() => requestAnimationFrame(() => this.#flush()), wait);
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#pending.size === 0) return;
    this.#last = performance.now();
    const ids = [...this.#pending.keys()];
    const seq = ++this.#seq;
    if (this.#link.send({ type: "set", seq, v: [...this.#pending].flat() })) this.#sent.set(seq, ids);
    this.#pending.clear();
  }

  #isBusy(id: number): boolean {
    if (this.#touched.has(id) || this.#pending.has(id)) return true;
    for (const ids of this.#sent.values()) if (ids.includes(id)) return true;
    return false;
  }

  /** Shows what came from elsewhere in the meantime, if that is newer than what was set here. */
  #settle(id: number): void {
    if (this.#isBusy(id)) return;
    const foreign = this.#foreign.get(id);
    this.#foreign.delete(id);
    if (foreign !== undefined && foreign.rev > (this.#acked.get(id) ?? 0)) this.#show(id, foreign.value);
  }

  #show(id: number, value: number): void {
    this.#values.set(id, value);
    this.#changed(id);
  }

  #forget(id: number): void {
    this.#values.delete(id);
    this.#changed(id);
  }
}
