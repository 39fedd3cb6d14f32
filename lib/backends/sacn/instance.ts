import type { Channel, DeclaredInstance, EventBatch, InstanceSetup, InstanceStatus, Refusal } from "../instance.js";
import type { FrameSender } from "../shared/frame-sender.js";
import type { Family } from "../shared/hosts.js";
import { SlotMap } from "../shared/slot-map.js";
import { SlotReceiver } from "../shared/slot-receiver.js";
import type { Source } from "../shared/slot-sources.js";
import type { SlotMeaning } from "../shared/slots.js";
import { UdpTarget } from "../shared/udp-target.js";
import { groupOf } from "./groups.js";
import { type Options, SACN_PORT, showUniverse } from "./index.js";
import {
  cidOf,
  countOf,
  createData,
  hasCid,
  isTerminated,
  LEVELS_AT,
  nameOf,
  priorityOf,
  SEQUENCE_AT,
} from "./packets.js";
import { endStream, type SacnBackend } from "./sacn.js";
import type { SacnSocket, Universe } from "./socket.js";

/** After this long without data a source has gone, in ms: the standard's time. */
const SOURCE_TIMEOUT = 2500;
/** A packet whose number is so little behind the last one, or the same, has been overtaken. */
const WINDOW = 20;
/** How often a frame follows a change before only refreshes do: the standard's. */
const REPEATS = 3;

export class SacnInstance implements DeclaredInstance<Options, SlotMeaning>, Universe {
  readonly #setup: InstanceSetup<Options>;
  readonly #backend: SacnBackend;
  readonly #map = new SlotMap();
  readonly #receiver: SlotReceiver<Buffer>;
  #sender: FrameSender | undefined;
  /** That of the instance which this one replaces: its levels go on, also in another universe. */
  #before: FrameSender | undefined;
  #targets: readonly UdpTarget[] = [];
  #runs = false;

  constructor(setup: InstanceSetup<Options>, backend: SacnBackend) {
    this.#setup = setup;
    this.#backend = backend;
    const { name, options, log, emitBatch } = setup;
    this.#receiver = new SlotReceiver({
      instance: name,
      universe: showUniverse(options.universe),
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

  get universe(): number {
    return this.#setup.options.universe;
  }

  connect(channels: readonly Channel<SlotMeaning>[], unused?: readonly Channel<SlotMeaning>[]): readonly Refusal[] {
    const refusals = this.#map.connect(channels, unused);
    this.#receiver.connect(channels, this.#runs);
    this.#listen();
    return refusals;
  }

  disconnect(channels: readonly Channel<SlotMeaning>[]): void {
    this.#map.disconnect(channels);
    this.#listen();
  }

  takeOver(predecessor: DeclaredInstance<Options, SlotMeaning>): void {
    if (!(predecessor instanceof SacnInstance)) return;
    this.#before = predecessor.#sender;
    this.#receiver.takeOver(predecessor.#receiver, this.#key === predecessor.#key && this.#from === predecessor.#from);
  }

  start(): void {
    this.#runs = true;
    const socket = this.#socket;
    if (socket === undefined) throw new Error(`there is no 'bind' number ${this.#setup.options.interface}`);
    if (this.#setup.options.priority > 0) this.#startSending(socket);
    this.#listen();
  }

  handle(batch: EventBatch): void {
    this.#sender?.take(batch, this.#map);
  }

  stop(): void {
    this.#runs = false;
    this.#socket?.ignore(this);
    this.#receiver.stop();
    for (const target of this.#targets) target.close();
    this.#backend.senders.release(this.#key, this);
  }

  receive(data: Buffer, now: number): void {
    const { from } = this.#setup.options;
    if (from !== undefined && !hasCid(data, from)) return;
    this.#receiver.sources.expire(now);
    const known = this.#sourceOf(data);
    const sequence = data[SEQUENCE_AT] as number;
    if (known !== undefined && ((known.sequence - sequence) & 0xff) < WINDOW) return;
    if (isTerminated(data)) {
      if (known !== undefined) this.#receiver.endSource(known);
      return;
    }
    const priority = priorityOf(data);
    const source = known ?? this.#receiver.addSource(cidOf(data), `'${nameOf(data)}'`, priority, now);
    if (source === undefined) return;
    source.sequence = sequence;
    this.#receiver.sources.take(source, data, LEVELS_AT, countOf(data), priority, now);
  }

  status(): InstanceStatus {
    const { universe, priority } = this.#setup.options;
    const sources = this.#receiver.sources.present(performance.now());
    const shown = sources.map((source) => `${source.name}, priority ${source.priority}`);
    const parts: string[] = [];
    if (this.#map.isRead || priority === 0) {
      parts.push(sources.length === 0 ? "receives nothing" : `receives from ${shown.join("; ")}`);
    }
    const targets = this.#targets.map(({ text }) => text);
    if (targets.length > 0) parts.push(`sends to ${targets.join(", ")} with priority ${priority}`);
    const problem = this.#socket?.problem ?? this.#targets.find(hasFailed)?.condition.reason;
    if (problem !== undefined) parts.push(problem);
    const { lastData } = this.#receiver;
    return {
      state: problem === undefined ? "ok" : "failed",
      text: `${showUniverse(universe)}: ${parts.join("; ")}`,
      peers: sources.map(({ name }) => name),
      lost: this.#targets.reduce((sum, { condition }) => sum + condition.lost, 0),
      ...(lastData !== undefined && { lastData }),
    };
  }

  note({ uses }: { readonly uses: readonly string[] }): string | undefined {
    return uses.includes("input") && this.#setup.options.priority === 0 ? "not sent: no priority" : undefined;
  }

  get #socket(): SacnSocket | undefined {
    return this.#backend.sockets[this.#setup.options.interface];
  }

  /** The only source that counts, as text; empty: any. */
  get #from(): string {
    return this.#setup.options.from?.toString("hex") ?? "";
  }

  get #key(): string {
    return `${this.#setup.options.interface} ${this.universe}`;
  }

  /** Receives the universe as long as there are channels for it: nothing else should load network and processor. */
  #listen(): void {
    if (!this.#runs) return;
    if (this.#map.isRead) this.#socket?.receive(this, !this.#setup.options.unicast);
    else this.#socket?.ignore(this);
  }

  #startSending(socket: SacnSocket): void {
    const { name, log, options } = this.#setup;
    const { universe, priority, destination, also, realtime, rate, start } = options;
    const { families } = socket;
    const groups = families.map((family) => ({ host: groupOf(universe, family), port: SACN_PORT }));
    const addresses = [...(destination === undefined ? groups : [destination]), ...also];
    const sender = this.#backend.senders.take(this.#key, this);
    this.#targets = addresses.map(
      (address) =>
        new UdpTarget({
          address,
          owner: name,
          log,
          ...(families.length === 1 && { family: families[0] as Family }),
          resolved: () => sender.peersChanged(),
        }),
    );
    // Receivers of destinations before learn that nothing more comes.
    const texts = this.#targets.map(({ text }) => text);
    endStream(
      sender,
      (sender.spec?.targets ?? []).filter(({ text }) => !texts.includes(text)),
    );
    this.#sender = sender;
    if (this.#before !== undefined) sender.continueFrom(this.#before);
    this.#before = undefined;
    for (const target of this.#targets) void target.resolve();
    sender.use({
      socket,
      targets: this.#targets,
      rate: realtime ? 0 : rate,
      repeats: REPEATS,
      silent: start === "event",
      form: {
        create: () => createData(this.#backend.origin, universe, priority),
        levelsAt: LEVELS_AT,
        sequenceAt: SEQUENCE_AT,
        firstSequence: 0,
      },
    });
    socket.announce(universe, sender);
  }

  #sourceOf(data: Buffer): Source<Buffer> | undefined {
    for (const source of this.#receiver.sources.list) if (hasCid(data, source.key)) return source;
    return undefined;
  }
}

function hasFailed({ condition }: UdpTarget): boolean {
  return condition.reason !== undefined;
}
