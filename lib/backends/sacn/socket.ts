// A `bind` of the backend: its sockets, what arrives there, and telling which universes are sent.
import { count } from "../../count.js";
import type { Logger } from "../../log/log.js";
import type { Address } from "../options.js";
import type { FrameSender } from "../shared/frame-sender.js";
import { type Endpoint, showPeer } from "../shared/hosts.js";
import { LimitedLog } from "../shared/limited-log.js";
import type { Detect } from "../shared/slot-options.js";
import { UdpSocket } from "../shared/udp.js";
import { UdpTarget } from "../shared/udp-target.js";
import { DISCOVERY_GROUP, groupOf } from "./groups.js";
import { LOCAL, SACN_PORT } from "./index.js";
import { createDiscovery, hasCid, Kind, kindOf, nameOf, type Origin, universeOf } from "./packets.js";

/** Asked for; the system may give less. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const RECEIVE_BUFFER_OF_GROUP = 256 * 1024;
const DISCOVERY_PERIOD = 10_000;
/** A start or a reload begins with many universes: one list tells of all. */
const DISCOVERY_DELAY = 20;
/** Universes without an instance that are told of. */
const MAX_UNKNOWN = 1024;

/** An instance, for its socket. */
export interface Universe {
  readonly universe: number;
  receive(data: Buffer, now: number): void;
}

export interface SocketSpec {
  readonly bind: Address;
  readonly origin: Origin;
  readonly detect: Detect;
  readonly log: Logger;
}

export class SacnSocket {
  readonly socket: UdpSocket;
  readonly #spec: SocketSpec;
  readonly #faults: LimitedLog;
  readonly #takesOwn: boolean;
  readonly #universes = new Map<number, Universe>();
  /** Of each universe that is received by multicast: a socket can belong to 20 groups only, and would get those of others. */
  readonly #groups = new Map<number, UdpSocket>();
  readonly #sent = new Map<number, FrameSender>();
  readonly #unknown = new Set<number>();
  readonly #everybody: UdpTarget;
  #discovery: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(spec: SocketSpec) {
    this.#spec = spec;
    const { bind, log } = spec;
    this.#faults = new LimitedLog(log, { backend: "sacn" });
    this.#takesOwn = bind.words.includes(LOCAL);
    const group = { host: DISCOVERY_GROUP, port: SACN_PORT };
    this.#everybody = new UdpTarget({ address: group, owner: "sacn", log, unit: "list of universes" });
    this.socket = new UdpSocket({
      owner: "sacn",
      host: bind.host,
      port: bind.port,
      interface: bind.keys.interface,
      family: 4,
      // Other programs on this machine receive it too. What this one sends it knows by its own identifier.
      loops: true,
      receiveBuffer: RECEIVE_BUFFER,
      log,
      receive: (data, from) => this.#receive(data, from),
      opened: () => this.#joinAgain(),
    });
  }

  async open(): Promise<void> {
    await this.socket.open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#discovery);
    this.#faults.close();
    this.#everybody.close();
    await Promise.all([this.socket, ...this.#groups.values()].map((socket) => socket.close()));
  }

  /** @param joins whether it is received by multicast */
  receive(universe: Universe, joins: boolean): void {
    const { universe: number } = universe;
    this.#universes.set(number, universe);
    if (joins && !this.#groups.has(number)) this.#join(number);
  }

  ignore(universe: Universe): void {
    const { universe: number } = universe;
    if (this.#universes.get(number) !== universe) return;
    this.#universes.delete(number);
    void this.#groups.get(number)?.close();
    this.#groups.delete(number);
  }

  /** From now on, the list of universes holds this one, once it is sent. */
  announce(universe: number, sender: FrameSender): void {
    this.#sent.set(universe, sender);
    if (this.#closed) return;
    clearTimeout(this.#discovery);
    this.#discovery = setTimeout(() => this.#discover(), DISCOVERY_DELAY).unref();
  }

  /** @param sender that sends it no longer */
  withdraw(sender: FrameSender): void {
    for (const [universe, each] of this.#sent) if (each === sender) this.#sent.delete(universe);
  }

  #join(universe: number): void {
    const { bind, log } = this.#spec;
    const group = groupOf(universe);
    const socket = new UdpSocket({
      owner: "sacn",
      host: group,
      port: bind.port,
      via: () => this.socket.ownAddress,
      family: 4,
      receiveBuffer: RECEIVE_BUFFER_OF_GROUP,
      log,
      receive: (data, from) => this.#receive(data, from),
    });
    this.#groups.set(universe, socket);
    socket.join(group);
    void socket.open();
  }

  /** The socket has another address, perhaps on another interface. */
  #joinAgain(): void {
    for (const [universe, socket] of this.#groups) {
      void socket.close();
      if (!this.#closed) this.#join(universe);
    }
  }

  #receive(data: Buffer, from: Endpoint): void {
    const kind = kindOf(data);
    if (kind === Kind.data) {
      if (!this.#takesOwn && hasCid(data, this.#spec.origin.cid)) return;
      const number = universeOf(data);
      const universe = this.#universes.get(number);
      if (universe !== undefined) universe.receive(data, performance.now());
      else if (this.#spec.detect !== "off") this.#tellUnknown(number, nameOf(data), from);
    } else if (kind === Kind.notSacn) {
      this.#faults.warn(
        "preamble",
        () => `sacn: ignored a datagram from ${showPeer(from)}, which is not sACN`,
        (more) => `sacn: ignored ${count(more, "more datagram")} of a protocol other than sACN`,
      );
    } else if (kind === Kind.malformed) {
      this.#faults.warn(
        "malformed",
        () => `sacn: ignored a malformed packet from ${showPeer(from)}`,
        (more) => `sacn: ignored ${count(more, "more malformed packet")}`,
      );
    }
  }

  #tellUnknown(universe: number, name: string, from: Endpoint): void {
    if (this.#unknown.has(universe) || this.#unknown.size >= MAX_UNKNOWN) return;
    this.#unknown.add(universe);
    this.#spec.log.info(
      { backend: "sacn", peer: from.address, universe },
      `sacn: '${name}' at ${showPeer(from)} sends universe ${universe}, which no instance receives`,
    );
  }

  #discover(): void {
    this.#discovery = setTimeout(() => this.#discover(), DISCOVERY_PERIOD).unref();
    const universes = [...this.#sent].filter(([, sender]) => sender.begun).map(([universe]) => universe);
    if (universes.length === 0) return;
    for (const page of createDiscovery(this.#spec.origin, universes)) this.socket.send(page, this.#everybody);
  }
}
