// A `bind` of the backend in one family of addresses: its socket, and one for each multicast group.
import type { Logger } from "../../log/log.js";
import type { Address } from "../options.js";
import type { Endpoint, Family } from "../shared/hosts.js";
import { UdpSocket, type UdpSpec } from "../shared/udp.js";
import { UdpTarget } from "../shared/udp-target.js";
import { DISCOVERY_UNIVERSE, groupOf, hostOf } from "./groups.js";
import { SACN_PORT } from "./index.js";

/** Asked for; the system may give less. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const RECEIVE_BUFFER_OF_GROUP = 256 * 1024;

export interface LinkSpec {
  readonly bind: Address;
  readonly family: Family;
  readonly log: Logger;
  receive(data: Buffer, from: Endpoint): void;
}

export class SacnLink {
  readonly family: Family;
  readonly socket: UdpSocket;
  readonly #spec: LinkSpec;
  /** The universes that are received by multicast. */
  readonly #universes = new Set<number>();
  /** Of each of them, while there is the interface: a socket can belong to 20 groups only. */
  readonly #groups = new Map<number, UdpSocket>();
  readonly #everybody: UdpTarget;
  #closed = false;

  constructor(spec: LinkSpec) {
    const { bind, family, log } = spec;
    this.#spec = spec;
    this.family = family;
    const address = { host: groupOf(DISCOVERY_UNIVERSE, family), port: SACN_PORT };
    this.#everybody = new UdpTarget({ address, owner: "sacn", log, unit: "list of universes" });
    this.socket = this.#create({
      host: hostOf(bind, family),
      interface: bind.keys.interface,
      // Other programs on this machine receive it too. What this one sends it knows by its own identifier.
      loops: true,
      receiveBuffer: RECEIVE_BUFFER,
      opened: () => {
        for (const universe of this.#universes) this.#open(universe);
      },
      // Without its interface, the system would choose another one.
      released: () => {
        for (const universe of this.#universes) this.#close(universe);
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#everybody.close();
    await Promise.all([this.socket, ...this.#groups.values()].map((socket) => socket.close()));
  }

  join(universe: number): void {
    this.#universes.add(universe);
    if (this.socket.bound !== undefined) this.#open(universe);
  }

  leave(universe: number): void {
    this.#universes.delete(universe);
    this.#close(universe);
  }

  /** Sends to all that want to know which universes there are. */
  tell(data: Buffer): void {
    this.socket.send(data, this.#everybody);
  }

  #open(universe: number): void {
    if (this.#groups.has(universe) || this.#closed) return;
    const group = groupOf(universe, this.family);
    const socket = this.#create({
      host: group,
      via: () => this.socket.multicastInterface,
      receiveBuffer: RECEIVE_BUFFER_OF_GROUP,
    });
    this.#groups.set(universe, socket);
    socket.join(group);
    void socket.open();
  }

  #close(universe: number): void {
    void this.#groups.get(universe)?.close();
    this.#groups.delete(universe);
  }

  #create(more: Pick<UdpSpec, "host" | "interface" | "via" | "loops" | "receiveBuffer" | "opened" | "released">) {
    const { bind, family, log, receive } = this.#spec;
    // Without `ownGroups`, a socket that is bound to all addresses would get each multicast, too.
    return new UdpSocket({ owner: "sacn", port: bind.port, family, ownGroups: true, log, receive, ...more });
  }
}
