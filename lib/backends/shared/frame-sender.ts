// The frames of one universe on their way out: levels, packets, peers.
import type { EventBatch } from "../instance.js";
import type { FrameLimiter, FrameStream } from "./frame-limiter.js";
import type { SlotMap } from "./slot-map.js";
import { SLOTS } from "./slots.js";
import type { UdpSocket } from "./udp.js";
import type { UdpTarget } from "./udp-target.js";

/** How a protocol packs a frame. */
export interface PacketForm {
  /** Everything but the levels and the number. */
  create(): Buffer;
  /** Where the levels are. */
  readonly levelsAt: number;
  readonly sequenceAt: number;
  readonly firstSequence: number;
}

export interface SenderSpec {
  readonly socket: Pick<UdpSocket, "send">;
  readonly form: PacketForm;
  readonly targets: readonly UdpTarget[];
  readonly rate: number;
  readonly repeats: number;
  /** Whether nothing is sent before the first event. */
  readonly silent: boolean;
}

export class FrameSender {
  readonly levels = new Uint8Array(SLOTS);
  readonly #limiter: FrameLimiter;
  #spec: SenderSpec | undefined;
  #packet: Buffer = Buffer.alloc(0);
  #stream: FrameStream | undefined;
  #sequence: number | undefined;
  /** Whether it waits for its first event. */
  #silent = false;
  #begun = false;
  /** Whether its first levels are those of another universe. */
  #continues = false;
  #sent = 0;

  constructor(limiter: FrameLimiter) {
    this.#limiter = limiter;
  }

  /** Whether any frame has been sent. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The number of frames sent, to each peer. */
  get sent(): number {
    return this.#sent;
  }

  get spec(): SenderSpec | undefined {
    return this.#spec;
  }

  /** Begins to send, or goes on differently: the levels and the sequence stay. */
  use(spec: SenderSpec): void {
    this.#stream?.end();
    this.#spec = spec;
    this.#packet = spec.form.create();
    const { rate, repeats } = spec;
    this.#silent = spec.silent && !this.#begun && !this.#continues;
    this.#stream = this.#limiter.add({ rate, repeats, send: () => this.#send() }, this.#silent);
  }

  /** Begins with the levels of another universe, unless it has sent any itself: an instance has changed its universe. */
  continueFrom(other: FrameSender): void {
    if (this.#begun || !other.begun) return;
    this.levels.set(other.levels);
    this.#continues = true;
  }

  /** Takes events. The first one makes an instance send that was silent, whatever it is. */
  take(batch: EventBatch, map: SlotMap): void {
    if (!map.write(batch, this.levels) && this.#begun) return;
    this.#silent = false;
    this.#stream?.changed();
  }

  /** There are other peers. */
  peersChanged(): void {
    if (!this.#silent) this.#stream?.changed();
  }

  /** Sends a packet of another kind, in the same sequence, to all targets or to some. */
  sendOnce(change: (packet: Buffer) => void, targets?: readonly UdpTarget[]): void {
    const spec = this.#spec;
    if (spec === undefined) return;
    const packet = spec.form.create();
    change(packet);
    this.#sendTo(targets === undefined ? spec : { ...spec, targets }, packet);
  }

  end(): void {
    this.#stream?.end();
    this.#stream = undefined;
  }

  #send(): boolean {
    const spec = this.#spec;
    if (spec === undefined || spec.targets.length === 0) return true;
    return this.#sendTo(spec, this.#packet);
  }

  /** @returns false if there was no room for all */
  #sendTo({ socket, form, targets }: SenderSpec, data: Buffer): boolean {
    const { firstSequence, sequenceAt, levelsAt } = form;
    const next = (this.#sequence ?? firstSequence - 1) + 1;
    this.#sequence = next > 255 ? firstSequence : next;
    data[sequenceAt] = this.#sequence;
    data.set(this.levels, levelsAt);
    this.#begun = true;
    this.#sent++;
    let taken = true;
    for (const target of targets) if (!socket.send(data, target)) taken = false;
    return taken;
  }
}

/** How long a universe is still sent after its instance has gone: a reload may bring another instance for it. */
const LINGER = 1000;

interface Universe {
  readonly sender: FrameSender;
  readonly owner: object;
  ending: NodeJS.Timeout | undefined;
}

/**
 * The universes that a backend sends, by what identifies them on the network. An instance that takes over a universe continues
 * with the levels of the one before, so that no light goes out at a reload.
 */
export class Senders {
  readonly #limiter: FrameLimiter;
  readonly #end: (sender: FrameSender) => void;
  readonly #universes = new Map<string, Universe>();

  /** @param end called when a universe is not sent any more */
  constructor(limiter: FrameLimiter, end: (sender: FrameSender) => void = () => {}) {
    this.#limiter = limiter;
    this.#end = end;
  }

  take(key: string, owner: object): FrameSender {
    const known = this.#universes.get(key);
    clearTimeout(known?.ending);
    const sender = known?.sender ?? new FrameSender(this.#limiter);
    this.#universes.set(key, { sender, owner, ending: undefined });
    return sender;
  }

  release(key: string, owner: object): void {
    const universe = this.#universes.get(key);
    if (universe === undefined || universe.owner !== owner) return;
    clearTimeout(universe.ending);
    universe.ending = setTimeout(() => this.#remove(key), LINGER).unref();
  }

  close(): void {
    for (const key of [...this.#universes.keys()]) this.#remove(key);
  }

  #remove(key: string): void {
    const universe = this.#universes.get(key);
    if (universe === undefined) return;
    clearTimeout(universe.ending);
    this.#universes.delete(key);
    universe.sender.end();
    this.#end(universe.sender);
  }
}
