// A `bind` of the backend: its sockets, and what arrives there.
import { count } from "../../count.js";
import type { Logger } from "../../log/log.js";
import type { Address } from "../options.js";
import { DetectLog } from "../shared/detect-log.js";
import { type Endpoint, showPeer } from "../shared/hosts.js";
import { LimitedLog } from "../shared/limited-log.js";
import type { Detect } from "../shared/slot-options.js";
import { UdpSocket, type UdpSpec } from "../shared/udp.js";
import { UdpTarget } from "../shared/udp-target.js";
import { showUniverse } from "./index.js";
import { networkOf, networks } from "./networks.js";
import { Nodes, showNode } from "./nodes.js";
import {
  createPoll,
  createPollReply,
  dmxCount,
  dmxPortAddress,
  isPoll,
  type NodeFacts,
  OP_DMX,
  OP_POLL,
  OP_POLL_REPLY,
  operationOf,
  readPollReply,
  wantsChanges,
} from "./packets.js";

/** Asked for; the system may give less. A burst of 64 universes has to fit while something else has the processor. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;
/** How often nodes are polled, in ms. */
const POLL_PERIOD = 2500;
/** How often networks are looked at, in ms. */
const LOOK_PERIOD = 1000;
/** Polls that are answered in a second, and after how many replies no more are: each makes one for each instance. */
const MAX_POLLS = 50;
const MAX_REPLIES = 5000;
/** How long after its last poll a peer that asked for changes is sent them, in ms. */
const SUBSCRIPTION = 15_000;
const MAX_SUBSCRIBERS = 64;
/** How long after a change they are sent a reply, in ms. */
const CHANGE_DELAY = 100;
/** How long after nodes have changed instances look for theirs, in ms: replies can be forged, in any number. */
const NODES_DELAY = 20;
/** How many lines about nodes there are in a second. */
const NODES_PER_SECOND = 20;
/** The most universes without an instance that are logged. */
const MAX_UNKNOWN = 1024;

/** An instance, for its socket. */
export interface Universe {
  readonly portAddress: number;
  /** Whether it sends to the nodes that want it. */
  readonly wantsNodes: boolean;
  /** Whether it sends to everybody in the networks. */
  readonly broadcasts: boolean;
  receive(data: Buffer, count: number, from: Endpoint, now: number): void;
  describe(): Pick<NodeFacts, "shortName" | "longName" | "receives" | "sends">;
  /** There may be other nodes or networks. */
  peersChanged(): void;
}

export class ArtnetSocket {
  readonly socket: UdpSocket;
  readonly nodes = new Nodes();
  readonly #bind: Address;
  readonly #log: Logger;
  readonly #detect: Detect;
  readonly #faults: LimitedLog;
  readonly #told: DetectLog;
  readonly #replies: UdpTarget;
  readonly #universes = new Map<number, Universe>();
  readonly #subscribers = new Map<string, { readonly endpoint: Endpoint; until: number }>();
  readonly #unknown = new Set<number>();
  /** The addresses that polls are sent to. */
  readonly #everybody = new Map<string, UdpTarget>();
  readonly #poll = createPoll();
  /** Sockets for broadcasts: the one that is bound to an address gets none. */
  #broadcasts: UdpSocket[] = [];
  #polling: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  /** The broadcast addresses that are in use. */
  #known = "";
  #telling: NodeJS.Timeout | undefined;
  #sharing: NodeJS.Timeout | undefined;
  #replyCount = 0;
  #pollsSince = 0;
  #polls = 0;
  /** The number of replies before {@link #pollsSince}. */
  #repliesBefore = 0;
  #closed = false;

  constructor(bind: Address, log: Logger, detect: Detect) {
    this.#bind = bind;
    this.#log = log;
    this.#detect = detect;
    this.#faults = new LimitedLog(log, { backend: "artnet" });
    this.#told = new DetectLog(log, "artnet", NODES_PER_SECOND);
    this.#replies = new UdpTarget({ owner: "artnet", log, unit: "reply" });
    this.socket = this.#create(bind.host, bind.keys.interface, { opened: () => this.#networksChanged() });
  }

  async open(): Promise<void> {
    this.#looking = setInterval(() => this.#look(), LOOK_PERIOD).unref();
    await this.socket.open();
    this.#pollIfWanted();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#polling);
    clearInterval(this.#looking);
    clearTimeout(this.#telling);
    clearTimeout(this.#sharing);
    this.#faults.close();
    this.#replies.close();
    for (const target of this.#everybody.values()) target.close();
    await Promise.all([this.socket, ...this.#broadcasts].map((socket) => socket.close()));
  }

  add(universe: Universe): void {
    this.#universes.set(universe.portAddress, universe);
    this.#pollIfWanted();
    this.#changed();
  }

  remove(universe: Universe): void {
    if (this.#universes.get(universe.portAddress) !== universe) return;
    this.#universes.delete(universe.portAddress);
    this.#changed();
  }

  #create(host: string, name: string | undefined, more: Pick<UdpSpec, "opened" | "via">): UdpSocket {
    return new UdpSocket({
      owner: "artnet",
      host,
      port: this.#bind.port,
      interface: name,
      family: 4,
      receiveBuffer: RECEIVE_BUFFER,
      log: this.#log,
      receive: (data, from) => this.#receive(data, from),
      ...more,
    });
  }

  #openBroadcasts(): void {
    for (const socket of this.#broadcasts) void socket.close();
    this.#broadcasts = [];
    const { bound } = this.socket;
    if (this.#closed || bound === undefined || bound.family !== 4 || bound.address === "0.0.0.0") return;
    const own = networkOf(bound.address)?.broadcast;
    for (const address of ["255.255.255.255", own]) {
      if (address === undefined || address === bound.address) continue;
      const socket = this.#create(address, undefined, { via: () => undefined });
      this.#broadcasts.push(socket);
      void socket.open();
    }
  }

  #receive(data: Buffer, from: Endpoint): void {
    switch (operationOf(data)) {
      case OP_DMX:
        this.#receiveDmx(data, from);
        break;
      case OP_POLL:
        if (isPoll(data)) this.#answer(data, from);
        else this.#fault("ArtPoll", from);
        break;
      case OP_POLL_REPLY: {
        const reply = readPollReply(data);
        if (reply === undefined) this.#fault("ArtPollReply", from);
        else this.#heardNode(from.address, reply);
        break;
      }
      case undefined:
        this.#faults.warn(
          "magic",
          () => `artnet: ignored a datagram from ${showPeer(from)}, which is not Art-Net`,
          (more) => `artnet: ignored ${count(more, "more datagram")} of a protocol other than Art-Net`,
        );
        break;
      default: // remote device management, synchronisation, ...
    }
  }

  #receiveDmx(data: Buffer, from: Endpoint): void {
    const count = dmxCount(data);
    if (count === undefined) {
      this.#fault("ArtDmx", from);
      return;
    }
    const portAddress = dmxPortAddress(data);
    const universe = this.#universes.get(portAddress);
    if (universe !== undefined) universe.receive(data, count, from, performance.now());
    else if (this.#detect !== "off") this.#tellUnknown(portAddress, from);
  }

  #fault(kind: string, from: Endpoint): void {
    this.#faults.warn(
      kind,
      () => `artnet: ignored a malformed ${kind} from ${showPeer(from)}`,
      (more) => `artnet: ignored ${count(more, "more malformed packet")} of kind ${kind}`,
    );
  }

  #tellUnknown(portAddress: number, from: Endpoint): void {
    if (this.#unknown.has(portAddress) || this.#unknown.size >= MAX_UNKNOWN) return;
    this.#unknown.add(portAddress);
    this.#log.info(
      { backend: "artnet", peer: from.address, net: portAddress >> 8, universe: portAddress & 0xff },
      `artnet: ${showPeer(from)} sends ${showUniverse(portAddress)}, which no instance receives`,
    );
  }

  #answer(poll: Buffer, from: Endpoint): void {
    const now = performance.now();
    if (now - this.#pollsSince > 1000) {
      [this.#pollsSince, this.#polls, this.#repliesBefore] = [now, 0, this.#replyCount];
    }
    if (++this.#polls > MAX_POLLS || this.#replyCount - this.#repliesBefore > MAX_REPLIES) return;
    if (this.#polling !== undefined && this.isOwn(from)) return;
    this.#reply(from);
    const key = showPeer(from);
    if (!wantsChanges(poll)) this.#subscribers.delete(key);
    else if (this.#subscribers.has(key) || this.#subscribers.size < MAX_SUBSCRIBERS) {
      this.#subscribers.set(key, { endpoint: from, until: now + SUBSCRIPTION });
    }
  }

  /** Whether a peer may be this socket: broadcasts come back. */
  isOwn({ address, port }: Endpoint): boolean {
    const { bound } = this.socket;
    return bound?.port === port && (bound.address === address || networks().some((each) => each.address === address));
  }

  /** Soon: a start or a reload changes many instances at once, and each reply covers all of them. */
  #changed(): void {
    this.#telling ??= setTimeout(() => this.#tellSubscribers(), CHANGE_DELAY).unref();
  }

  #tellSubscribers(): void {
    this.#telling = undefined;
    const now = performance.now();
    for (const [key, { endpoint, until }] of this.#subscribers) {
      if (until > now) this.#reply(endpoint);
      else this.#subscribers.delete(key);
    }
  }

  /** One reply for each instance. */
  #reply(to: Endpoint): void {
    const { announce } = this.#bind.keys;
    const { bound, ownAddress } = this.socket;
    const network = networkOf(to.address) ?? networks().find(({ internal }) => !internal);
    const address = announce ?? ownAddress?.address ?? network?.address ?? "0.0.0.0";
    const mac = (networkOf(address) ?? network)?.mac ?? "00:00:00:00:00:00";
    const port = bound?.port ?? this.#bind.port;
    this.#replies.follow(to);
    let bindIndex = 0;
    for (const universe of this.#universes.values()) {
      bindIndex = (bindIndex % 255) + 1;
      const { portAddress } = universe;
      const counter = ++this.#replyCount;
      const facts = { address, port, mac, portAddress, counter, bindIndex, ...universe.describe() };
      this.socket.send(createPollReply(facts), this.#replies);
    }
  }

  #heardNode(address: string, reply: Parameters<Nodes["heard"]>[1]): void {
    // Without polls, nothing would tell when it has gone.
    if (this.#polling === undefined) return;
    const node = this.nodes.heard(address, reply, performance.now());
    if (node === undefined) return;
    this.#tell(`node ${showNode(node)}`);
    this.#nodesChanged();
  }

  #nodesChanged(): void {
    this.#sharing ??= setTimeout(() => {
      this.#sharing = undefined;
      for (const universe of this.#universes.values()) universe.peersChanged();
    }, NODES_DELAY).unref();
  }

  get #wantsNodes(): boolean {
    return this.#detect !== "off" || [...this.#universes.values()].some(({ wantsNodes }) => wantsNodes);
  }

  #pollIfWanted(): void {
    if (this.#polling !== undefined || this.#closed || !this.#wantsNodes) return;
    this.#polling = setInterval(() => this.#sendPolls(), POLL_PERIOD).unref();
    this.#sendPolls();
  }

  #sendPolls(): void {
    // Not as soon as an instance goes: a reload brings the one that replaces it a moment later.
    if (!this.#wantsNodes) {
      clearInterval(this.#polling);
      this.#polling = undefined;
      this.nodes.clear();
      return;
    }
    const gone = this.nodes.expire(performance.now());
    for (const node of gone) this.#tell(`node ${showNode(node)} does not answer any more`);
    if (gone.length > 0) this.#nodesChanged();
    for (const target of this.#targetsOfPolls()) this.socket.send(this.#poll, target);
  }

  /** Networks come and go, and get other masks. */
  #look(): void {
    if (this.broadcasts.join() !== this.#known) this.#networksChanged();
  }

  #networksChanged(): void {
    this.#known = this.broadcasts.join();
    this.#openBroadcasts();
    for (const universe of this.#universes.values()) if (universe.broadcasts) universe.peersChanged();
  }

  /** The broadcast addresses of the networks that the socket is in. */
  get broadcasts(): readonly string[] {
    const { bound, ownAddress } = this.socket;
    if (bound === undefined) return [];
    const own =
      ownAddress === undefined ? networks().filter(({ internal }) => !internal) : [networkOf(ownAddress.address)];
    return [...new Set(own.flatMap((network) => network?.broadcast ?? []))];
  }

  #targetsOfPolls(): UdpTarget[] {
    return this.broadcasts.map((broadcast) => {
      let target = this.#everybody.get(broadcast);
      if (target === undefined) {
        const to = { host: broadcast, port: this.#bind.port };
        target = new UdpTarget({ address: to, owner: "artnet", log: this.#log, unit: "poll" });
        this.#everybody.set(broadcast, target);
      }
      return target;
    });
  }

  #tell(message: string): void {
    if (this.#detect === "off") return;
    this.#told.tell(message, performance.now(), { backend: "artnet" }, () => `artnet: ${message}`);
  }
}
