// Addresses of names.
import type { LookupAddress, LookupOptions } from "node:dns";
import { lookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";

type Question = Pick<LookupOptions, "family" | "hints">;
type Ask = (name: string, question: Question) => Promise<readonly LookupAddress[]>;

/** A lookup that takes this many ms to fail has waited for an answer. */
const SLOW = 1000;

/**
 * Looks up names. Node does that on two threads, which a name without an answer keeps for many seconds. Such names are asked for
 * repeatedly, so they take turns: a thread is left for those that have addresses.
 */
export class Lookups {
  readonly #ask: Ask;
  readonly #now: () => number;
  /** By question. */
  readonly #pending = new Map<string, Promise<readonly LookupAddress[]>>();
  /** Names that were without an answer when they were last asked for. */
  readonly #slow = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ask: Ask, now = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  /** All addresses of a name, in the system's order: at least one. */
  find(name: string, { family = 0, hints = 0 }: Question): Promise<readonly LookupAddress[]> {
    const key = `${name} ${family} ${hints}`;
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const ask = () => this.#time(name, { family, hints });
    const found = (this.#slow.has(name) ? this.#inTurn(ask) : ask()).finally(() => this.#pending.delete(key));
    this.#pending.set(key, found);
    return found;
  }

  async #time(name: string, question: Question): Promise<readonly LookupAddress[]> {
    const since = this.#now();
    try {
      const found = await this.#ask(name, question);
      this.#slow.delete(name);
      return found;
    } catch (error) {
      if (this.#now() - since >= SLOW) this.#slow.add(name);
      else this.#slow.delete(name);
      throw error;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

const lookups = new Lookups((name, question) => lookup(name, { ...question, all: true }));

/** @throws {Error} if it has no address */
export async function addressOf(name: string, family: 0 | 4 | 6): Promise<LookupAddress> {
  const [first] = await lookups.find(name, { family });
  if (first === undefined) throw new Error(`${name} has no address`);
  return first;
}

/** For sockets that connect to a name. */
export const lookupForSocket: LookupFunction = (name, { all, family, hints }, found) => {
  const question = { ...(family !== undefined && { family }), ...(hints !== undefined && { hints }) };
  lookups.find(name, question).then(
    (addresses) => {
      const [{ address, family: own } = { address: "", family: 0 }] = addresses;
      if (all) found(null, [...addresses]);
      else found(null, address, own);
    },
    (error) => found(error, ""),
  );
};
