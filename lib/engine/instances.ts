import type { BackendDeclaration, ChannelUse } from "../backends/declare.js";
import type { Channel, DeclaredInstance, OpenBackend } from "../backends/instance.js";
import type { ReadOptions } from "../backends/read-options.js";
import type { ChannelReference, InstanceDefinition, Setting } from "../config/definition.js";
import { ChannelSet, type Channels } from "../mapping/channel-set.js";
import { EarlyEvents } from "./early-events.js";

const USES = ["input", "output"] as const;
const bitOf = (use: ChannelUse) => 1 << USES.indexOf(use);

/** A set of uses for each channel: one byte per channel, since there may be millions. */
class Uses {
  #bits = new Uint8Array(64);

  has(channel: number, use: ChannelUse): boolean {
    return ((this.#bits[channel] ?? 0) & bitOf(use)) !== 0;
  }

  /** @returns whether it is new */
  add(channel: number, use: ChannelUse): boolean {
    if (channel >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(channel + 1, 2 * this.#bits.length));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    const before = this.#bits[channel] as number;
    this.#bits[channel] = before | bitOf(use);
    return (before & bitOf(use)) === 0;
  }

  of(channel: number): readonly ChannelUse[] {
    return USES.filter((use) => this.has(channel, use));
  }
}

/** A backend in a router, from the first configuration that uses it. */
export interface LiveBackend {
  readonly declaration: BackendDeclaration;
  readonly open: OpenBackend;
  /** The settings it was opened with. */
  readonly settings: readonly Setting[];
}

/** An instance from its creation to its end, over all reloads. */
export class LiveInstance {
  /** Channels are never removed: a number that the instance has received keeps its meaning. */
  readonly channels: Channels;
  /** Whether its channels are in the core's tables, so that it can emit. */
  connected = false;
  /** Events that arrive while it is `new` wait for its start; once it has `ended` they are dropped. */
  state: "new" | "running" | "ended" = "new";
  /** Its start() or its backend's has failed: the next reload creates it again. */
  failed = false;
  readonly early = new EarlyEvents();
  /** By use and name, what a channel means to the backend; only where a declaration reads names. */
  readonly meanings: Record<ChannelUse, Map<string, unknown>> = { input: new Map(), output: new Map() };
  readonly #known = new Uses();

  constructor(
    readonly name: string,
    readonly backend: LiveBackend,
    readonly instance: DeclaredInstance,
    /** In the core. */
    readonly number: number,
  ) {
    this.channels = instance.native?.channels ?? new ChannelSet();
  }

  /** Whether the instance has not received this channel for this use. */
  isNew(channel: number, use: ChannelUse): boolean {
    return !this.#known.has(channel, use);
  }

  addKnown({ index, use }: Channel): void {
    this.#known.add(index, use);
  }
}

/** An instance under one configuration. */
export class InstanceEntry {
  /** By channel: the places that first mapped to it and from it; until {@link finish}. */
  readonly places: Record<ChannelUse, (ChannelReference | undefined)[]> = { input: [], output: [] };
  readonly #uses = new Uses();
  /** Global index of the first channel, once the mapping is compiled. */
  firstChannel: number | undefined;
  /** A module could not be imported, or an option was wrong: errors about its channels would be meaningless. */
  incomplete = false;

  constructor(
    readonly definition: InstanceDefinition,
    readonly read: ReadOptions,
    readonly live: LiveInstance,
    /** Whether it ran under the previous configuration. */
    readonly stays: boolean,
  ) {}

  get name(): string {
    return this.live.name;
  }

  get channels(): Channels {
    return this.live.channels;
  }

  /** Marks channels as used, creating new ones. @returns their numbers */
  use(names: readonly string[], uses: readonly ChannelUse[], reference: ChannelReference): Uint32Array {
    const numbers = this.channels.add(names);
    for (const use of uses) {
      for (const channel of numbers) if (this.#uses.add(channel, use)) this.places[use][channel] = reference;
    }
    return numbers;
  }

  /** The numbers of channels that events go to. */
  inputs(): Uint32Array {
    const { input } = this.places;
    return Uint32Array.from(input.keys()).filter((channel) => input[channel] !== undefined);
  }

  /** Channels that mappings use and that the instance has not received yet. */
  newChannels(): Channel[] {
    const { channels, live } = this;
    const found: Channel[] = [];
    for (let index = 0; index < channels.size; ++index) {
      for (const use of this.uses(index)) {
        if (!live.isNew(index, use)) continue;
        const [name = ""] = channels.names(index, 1);
        found.push({ index, name, use, meaning: live.meanings[use].get(name) });
      }
    }
    return found;
  }

  /** Releases what only connecting needs. */
  finish(): void {
    this.places.input = [];
    this.places.output = [];
  }

  uses(channel: number): readonly ChannelUse[] {
    return this.#uses.of(channel);
  }
}

/** The instances of one configuration, by their number in the core. Numbers of removed instances are not reused. */
export type Instances = ReadonlyMap<number, InstanceEntry>;
