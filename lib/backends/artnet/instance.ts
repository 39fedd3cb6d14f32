import type { Channel, DeclaredInstance, EventBatch, InstanceSetup, InstanceStatus, Refusal } from "../instance.js";
import type { Address } from "../options.js";
import { Condition } from "../shared/condition.js";
import type { FrameSender } from "../shared/frame-sender.js";
import { type Endpoint, showEndpoint, showPeer } from "../shared/hosts.js";
import { SlotMap } from "../shared/slot-map.js";
import { SlotReceiver } from "../shared/slot-receiver.js";
import type { Source } from "../shared/slot-sources.js";
import type { SlotMeaning } from "../shared/slots.js";
import { UdpTarget } from "../shared/udp-target.js";
import type { ArtnetBackend } from "./artnet.js";
import { BROADCAST, isSending, type Options, portAddress, showUniverse } from "./index.js";
import { showNode } from "./nodes.js";
import { createDmx, DMX_LEVELS_AT, DMX_SEQUENCE_AT, type NodeFacts } from "./packets.js";
import type { ArtnetSocket, Universe } from "./socket.js";

/** How long a silent source still takes part in merging, in ms: as in Art-Net nodes. */
const SOURCE_TIMEOUT = 10_000;
/** A frame whose number is so little behind the last one has been overtaken; further behind, the source has begun again. */
const WINDOW = 20;
/** After this pause, in ms, it has begun again in any case: one that sends once a second would otherwise be dropped for long. */
const OVERTAKING = 500;

/** Art-Net has none. */
const PRIORITY = 0;

interface Peer {
  readonly address: string;
  readonly port: number;
}

export class ArtnetInstance implements DeclaredInstance<Options, SlotMeaning>, Universe {
  readonly portAddress: number;
  readonly wantsNodes: boolean;
  readonly broadcasts: boolean;
  readonly #setup: InstanceSetup<Options>;
  readonly #backend: ArtnetBackend;
  readonly #map = new SlotMap();
  readonly #receiver: SlotReceiver<Peer>;
  readonly #targets: UdpTarget[] = [];
  /** The ports of broadcasts. */
  readonly #broadcastPorts: readonly number[];
  /** Whether there is a network to broadcast to. */
  readonly #network: Condition;
  readonly #named: readonly Address[];
  /** Those that the configuration names. */
  #fixed: readonly UdpTarget[] = [];
  #sender: FrameSender | undefined;
  /** That of the instance which this one replaces: its levels go on, also in another universe. */
  #before: FrameSender | undefined;
  #runs = false;

  constructor(setup: InstanceSetup<Options>, backend: ArtnetBackend) {
    this.#setup = setup;
    this.#backend = backend;
    const { name, options, log, emitBatch } = setup;
    this.portAddress = portAddress(options, backend.options);
    const { destination, also } = options;
    this.wantsNodes = destination === "auto";
    const named = [...(typeof destination === "object" ? [destination] : []), ...also];
    this.#named = named.filter(({ host }) => host !== BROADCAST);
    this.#broadcastPorts = named.filter(({ host }) => host === BROADCAST).map(({ port }) => port);
    this.broadcasts = this.#broadcastPorts.length > 0;
    this.#network = new Condition(
      log,
      { instance: name },
      {
        atOnce: true,
        failed: (reason) => `${name}: can't broadcast: ${reason}; this is tried again every second`,
        works: () => `${name}: broadcasts to ${this.#found.join(", ")} now`,
      },
    );
    this.#receiver = new SlotReceiver({
      instance: name,
      universe: this.#universe,
      map: this.#map,
      merge: options.merge,
      timeout: options.timeout,
      fallback: options["timeout-value"],
      sourceTimeout: SOURCE_TIMEOUT,
      detect: backend.options.detect,
      log,
      emitBatch,
    });
  }

  connect(channels: readonly Channel<SlotMeaning>[], unused?: readonly Channel<SlotMeaning>[]): readonly Refusal[] {
    const refusals = this.#map.connect(channels, unused);
    this.#receiver.connect(channels, this.#runs);
    return refusals;
  }

  disconnect(channels: readonly Channel<SlotMeaning>[]): void {
    this.#map.disconnect(channels);
  }

  takeOver(predecessor: DeclaredInstance<Options, SlotMeaning>): void {
    if (!(predecessor instanceof ArtnetInstance)) return;
    this.#before = predecessor.#sender;
    this.#receiver.takeOver(predecessor.#receiver, this.#key === predecessor.#key);
  }

  start(): void {
    this.#runs = true;
    const { options } = this.#setup;
    const socket = this.#socket;
    if (socket === undefined) throw new Error(`there is no 'bind' number ${options.interface}`);
    if (isSending(options)) this.#startSending(socket);
    socket.add(this);
  }

  handle(batch: EventBatch): void {
    this.#sender?.take(batch, this.#map);
  }

  stop(): void {
    this.#runs = false;
    this.#socket?.remove(this);
    this.#receiver.stop();
    this.#network.close();
    for (const target of this.#targets) target.close();
    this.#backend.senders.release(this.#key, this);
  }

  receive(data: Buffer, count: number, from: Endpoint, now: number): void {
    if (this.#sender !== undefined && this.#socket?.isOwn(from)) return;
    const { address, port } = from;
    const source = this.#sourceOf(address, port) ?? this.#newSource(from, now);
    if (source === undefined) return;
    const sequence = data[DMX_SEQUENCE_AT] as number;
    if (sequence !== 0 && source.sequence !== 0) {
      const behind = (source.sequence - sequence) & 0xff;
      if (behind > 0 && behind < WINDOW && now - source.lastData <= OVERTAKING) return;
    }
    source.sequence = sequence;
    this.#receiver.sources.take(source, data, DMX_LEVELS_AT, count, PRIORITY, now);
  }

  describe(): Pick<NodeFacts, "shortName" | "longName" | "receives" | "sends"> {
    const { name, options } = this.#setup;
    const now = performance.now();
    const sends = isSending(options) ? { active: this.#sender?.begun === true } : undefined;
    const isReceiver = this.#map.isRead || sends === undefined;
    const merging = options.merge !== "latest" && this.#receiver.sources.present(now).length > 1;
    const receives = { active: this.#receiver.isActive(now), merging, latest: options.merge !== "htp" };
    return {
      shortName: name,
      longName: `midimonster-python - ${name}`,
      sends,
      receives: isReceiver ? receives : undefined,
    };
  }

  peersChanged(): void {
    const socket = this.#socket;
    if (!(this.wantsNodes || this.broadcasts) || this.#sender === undefined || socket === undefined) return;
    const networks = socket.broadcasts;
    const wanted = this.#broadcastPorts.flatMap((port) => networks.map((address) => ({ address, port })));
    if (this.wantsNodes) wanted.push(...socket.nodes.takersOf(this.portAddress));
    const isWanted = ({ endpoint }: UdpTarget) =>
      wanted.some(({ address, port }) => address === endpoint?.address && port === endpoint.port);
    const stay = this.#targets.filter((target) => this.#fixed.includes(target) || isWanted(target));
    for (const target of this.#targets) if (!stay.includes(target)) target.close();
    const known = stay.map((target) => target.text);
    const added = wanted
      .filter(({ address, port }) => !known.includes(showEndpoint({ host: address, port })))
      .map(({ address, port }) => this.#targetAt({ host: address, port }));
    this.#targets.splice(0, Number.POSITIVE_INFINITY, ...stay, ...added);
    if (added.length > 0) this.#sender.peersChanged();
    if (!this.broadcasts) return;
    if (networks.length > 0) this.#network.succeeds();
    else this.#network.fails("there is no network with a broadcast address");
  }

  status(): InstanceStatus {
    const { options } = this.#setup;
    const now = performance.now();
    const sources = this.#receiver.sources.present(now).map(({ name }) => name);
    const parts: string[] = [];
    if (this.#map.isRead || !isSending(options)) {
      parts.push(sources.length === 0 ? "receives nothing" : `receives from ${sources.join(", ")}`);
    }
    if (isSending(options)) parts.push(`sends to ${this.#whereTo()}`);
    const problem =
      this.#socket?.socket.problem ??
      this.#network.reason ??
      this.#targets.find(({ condition }) => condition.reason !== undefined)?.condition.reason;
    const nodes = (this.#socket?.nodes.all ?? []).map((node) => `node ${showNode(node)}`);
    const { lastData } = this.#receiver;
    const waits = this.wantsNodes && this.#targets.length === 0;
    return {
      state: problem !== undefined ? "failed" : waits ? "waiting" : "ok",
      text: `${this.#universe}: ${parts.join("; ")}${problem === undefined ? "" : `; ${problem}`}`,
      peers: [...sources, ...nodes],
      lost: this.#targets.reduce((sum, { condition }) => sum + condition.lost, 0),
      ...(lastData !== undefined && { lastData }),
    };
  }

  note({ uses }: { readonly uses: readonly string[] }): string | undefined {
    return uses.includes("input") && !isSending(this.#setup.options) ? "not sent: no destination" : undefined;
  }

  get #universe(): string {
    return showUniverse(this.portAddress);
  }

  get #socket(): ArtnetSocket | undefined {
    return this.#backend.sockets[this.#setup.options.interface];
  }

  get #key(): string {
    return `${this.#setup.options.interface} ${this.portAddress}`;
  }

  #whereTo(): string {
    const named = this.#fixed.map(({ text }) => text);
    if (!this.wantsNodes) return [...named, ...this.#found].join(", ") || "no network";
    const nodes = this.#found;
    const found =
      nodes.length === 0
        ? "no node yet: none asks for the universe"
        : `${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}: ${nodes.join(", ")}`;
    return [...named, found].join(", ");
  }

  /** Those that the configuration does not name. */
  get #found(): string[] {
    return this.#targets.filter((target) => !this.#fixed.includes(target)).map(({ text }) => text);
  }

  #startSending({ socket }: ArtnetSocket): void {
    const { realtime, rate, start } = this.#setup.options;
    const sender = this.#backend.senders.take(this.#key, this);
    this.#sender = sender;
    if (this.#before !== undefined) sender.continueFrom(this.#before);
    this.#before = undefined;
    this.#fixed = this.#named.map((to) => this.#targetAt(to));
    this.#targets.push(...this.#fixed);
    for (const target of this.#fixed) void target.resolve();
    sender.use({
      socket,
      targets: this.#targets,
      rate: realtime ? 0 : rate,
      repeats: 0,
      silent: start === "event",
      form: {
        create: () => createDmx(this.portAddress),
        levelsAt: DMX_LEVELS_AT,
        sequenceAt: DMX_SEQUENCE_AT,
        firstSequence: 1, // 0 would mean that frames are not numbered
      },
    });
    this.peersChanged();
  }

  #targetAt(address: { readonly host: string; readonly port: number }): UdpTarget {
    const { name, log } = this.#setup;
    return new UdpTarget({ address, owner: name, log, family: 4, resolved: () => this.#sender?.peersChanged() });
  }

  #sourceOf(address: string, port: number): Source<Peer> | undefined {
    for (const source of this.#receiver.sources.list) {
      if (source.key.address === address && source.key.port === port) return source;
    }
    return undefined;
  }

  #newSource(from: Endpoint, now: number): Source<Peer> | undefined {
    const { address, port } = from;
    return this.#receiver.addSource({ address, port }, showPeer(from), PRIORITY, now);
  }
}
