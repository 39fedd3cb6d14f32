// A `bind` of the backend: its sockets, what arrives there, and announcing which universes are sent.
import { count } from "../../count.js";
import type { Logger } from "../../log/log.js";
import type { Address } from "../options.js";
import type { FrameSender } from "../shared/frame-sender.js";
import { type Endpoint, type Family, showPeer } from "../shared/hosts.js";
import { LimitedLog } from "../shared/limited-log.js";
import type { Detect } from "../shared/slot-options.js";
import type { UdpTarget } from "../shared/udp-target.js";
import { familiesOf } from "./groups.js";
import { LOCAL } from "./index.js";
import { SacnLink } from "./link.js";
import { createDiscovery, hasCid, Kind, kindOf, nameOf, type Origin, universeOf } from "./packets.js";

const DISCOVERY_PERIOD = 10_000;
/** A start or a reload begins with many universes: one list announces all of them. */
const DISCOVERY_DELAY = 20;
/** The most universes without an instance that are logged. */
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
  /** One for each family of addresses: IPv4 first. */
  readonly #links: readonly SacnLink[];
  readonly #spec: SocketSpec;
  readonly #faults: LimitedLog;
  readonly #takesOwn: boolean;
  readonly #universes = new Map<number, Universe>();
  readonly #sent = new Map<number, FrameSender>();
  readonly #unknown = new Set<number>();
  #discovery: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(spec: SocketSpec) {
    this.#spec = spec;
    const { bind, log } = spec;
    this.#faults = new LimitedLog(log, { backend: "sacn" });
    this.#takesOwn = bind.words.includes(LOCAL);
    const receive = (data: Buffer, from: Endpoint) => this.#receive(data, from);
    this.#links = familiesOf(bind).map((family) => new SacnLink({ bind, family, log, receive }));
  }

  get families(): readonly Family[] {
    return this.#links.map(({ family }) => family);
  }

  /** Why it can't be used. */
  get problem(): string | undefined {
    return this.#links.find(({ socket }) => socket.problem !== undefined)?.socket.problem;
  }

  async open(): Promise<void> {
    await Promise.all(this.#links.map(({ socket }) => socket.open()));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#discovery);
    this.#faults.close();
    await Promise.all(this.#links.map((link) => link.close()));
  }

  /** As {@link UdpSocket.send}, from the socket of the target's family. */
  send(data: Uint8Array, target: UdpTarget): boolean {
    const isSix = target.ipv4 === undefined && target.endpoint !== undefined;
    const link = this.#links[isSix ? this.#links.length - 1 : 0] as SacnLink;
    return link.socket.send(data, target);
  }

  /** @param joins whether it is received by multicast */
  receive(universe: Universe, joins: boolean): void {
    const { universe: number } = universe;
    this.#universes.set(number, universe);
    if (joins) for (const link of this.#links) link.join(number);
  }

  ignore(universe: Universe): void {
    const { universe: number } = universe;
    if (this.#universes.get(number) !== universe) return;
    this.#universes.delete(number);
    for (const link of this.#links) link.leave(number);
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
    for (const page of createDiscovery(this.#spec.origin, universes)) for (const link of this.#links) link.tell(page);
  }
}
