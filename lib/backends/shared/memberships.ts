import { messageOf } from "../../errors.js";
import type { Logger } from "../../log/log.js";
import { Condition } from "./condition.js";
import { reasonOf } from "./error-codes.js";
import type { NativeUdp } from "./native-udp.js";

/** The multicast groups that a socket belongs to, or should: a network that is not there yet is tried again. */
export class Memberships {
  readonly #owner: string;
  readonly #log: Logger;
  /** Each with whether the kernel has it. */
  readonly #groups = new Map<string, { joined: boolean; readonly condition: Condition }>();
  #socket: NativeUdp | undefined;
  #by: string | undefined;

  constructor(owner: string, log: Logger) {
    this.#owner = owner;
    this.#log = log;
  }

  get size(): number {
    return this.#groups.size;
  }

  add(group: string): void {
    if (this.#groups.has(group)) return;
    const owner = this.#owner;
    const condition = new Condition(
      this.#log,
      { instance: owner, group },
      {
        atOnce: true,
        failed: (reason) =>
          `${owner}: can't join multicast group ${group}: ${reason}; this is tried again every second`,
        works: () => `${owner}: has joined multicast group ${group}`,
      },
    );
    this.#groups.set(group, { joined: false, condition });
    this.retry();
  }

  remove(group: string): void {
    const known = this.#groups.get(group);
    if (known === undefined) return;
    this.#groups.delete(group);
    known.condition.close();
    this.#drop(group);
  }

  /** @param by the interface, as {@link NativeUdp.join} takes it */
  use(socket: NativeUdp | undefined, by: string | undefined): void {
    this.#socket = socket;
    for (const each of this.#groups.values()) each.joined = false;
    this.#route(by);
    this.retry();
  }

  /** Joins again after a change of interfaces: an interface that went took its memberships with it. */
  renew(by: string | undefined): void {
    for (const [group, each] of this.#groups) {
      this.#drop(group);
      each.joined = false;
    }
    this.#route(by);
    this.retry();
  }

  /** Joins what could not be joined before. */
  retry(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    for (const [group, each] of this.#groups) {
      if (each.joined) continue;
      try {
        socket.join(group, this.#by);
        each.joined = true;
        each.condition.succeeds();
      } catch (error) {
        each.condition.fails(reasonOf(error));
      }
    }
  }

  close(): void {
    for (const { condition } of this.#groups.values()) condition.close();
    this.#groups.clear();
    this.#socket = undefined;
  }

  #route(by: string | undefined): void {
    this.#by = by;
    if (this.#socket === undefined || by === undefined) return;
    try {
      this.#socket.setMulticastInterface(by);
    } catch (error) {
      const owner = this.#owner;
      this.#log.warn({ instance: owner, by }, `${owner}: multicast can't leave by ${by}: ${messageOf(error)}`);
    }
  }

  #drop(group: string): void {
    try {
      this.#socket?.leave(group, this.#by);
    } catch {
      // The interface, and with it the membership, is gone.
    }
  }
}
