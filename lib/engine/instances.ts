import { isDeepStrictEqual } from "node:util";
import type { BackendDeclaration, ChannelUse, InstanceOptions } from "../backends/declare.js";
import type { Channel, DeclaredInstance, OpenBackend } from "../backends/instance.js";
import type { ReadOptions } from "../backends/read-options.js";
import type { ChannelReference, InstanceDefinition, Setting } from "../config/definition.js";
import { ChannelSet, type Channels } from "../mapping/channel-set.js";
import { EarlyEvents } from "./early-events.js";

const USES = ["input", "output"] as const;
const bitOf = (use: ChannelUse) => 1 << USES.indexOf(use);

/** The uses of each channel: one byte per channel, since there may be millions. */
class Uses {
  #bits = new Uint8Array(64);

  has(channel: number, use: ChannelUse): boolean {
    return ((this.#bits[channel] ?? 0) & bitOf(use)) !== 0;
  }

  /** @returns whether the use is new */
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

  delete(channel: number, use: ChannelUse): void {
    if (this.has(channel, use)) (this.#bits[channel] as number) &= ~bitOf(use);
  }

  of(channel: number): readonly ChannelUse[] {
    return USES.filter((use) => this.has(channel, use));
  }
}

/** A backend in a router, from the first configuration that uses it. */
export interface LiveBackend {
  readonly declaration: BackendDeclaration;
  readonly open: OpenBackend;
  readonly options: InstanceOptions["options"];
  /** The settings it was opened with. */
  readonly settings: readonly Setting[];
}

/** An instance from its creation to its end, across reloads. */
export class LiveInstance {
  /** Channels are only ever added: a number keeps its meaning once the instance knows it. */
  readonly channels: Channels;
  /** How many of its channels the core's tables have: it can emit on those. Undefined before and after its time. */
  connected: number | undefined;
  /** Events wait while it is `new`, until it is started; they are dropped once it has `ended`. */
  state: "new" | "running" | "ended" = "new";
  /** The message, if its start() or that of its backend has failed: the next reload creates it again. */
  failed: string | undefined;
  readonly early = new EarlyEvents();
  readonly #told = new Uses();
  /** The meanings that the instance was told, by use and number; without those that are undefined. */
  readonly #meanings: Record<ChannelUse, Map<number, unknown>> = { input: new Map(), output: new Map() };

  constructor(
    readonly name: string,
    readonly backend: LiveBackend,
    readonly instance: DeclaredInstance,
    /** In the core. */
    readonly number: number,
  ) {
    this.channels = instance.native?.channels ?? new ChannelSet();
  }

  /** Whether the instance has not been told of this use of a channel. */
  isNew(channel: number, use: ChannelUse): boolean {
    return !this.#told.has(channel, use);
  }

  meaningOf(channel: number, use: ChannelUse): unknown {
    return this.#meanings[use].get(channel);
  }

  told({ index, use, meaning }: Channel): void {
    this.#told.add(index, use);
    if (meaning === undefined) this.#meanings[use].delete(index);
    else this.#meanings[use].set(index, meaning);
  }

  forget({ index, use }: Channel): void {
    this.#told.delete(index, use);
    this.#meanings[use].delete(index);
  }
}

/** What a backend's declaration says of channels' names. */
class ParsedNames {
  /** By use and canonical name. */
  readonly meanings: Record<ChannelUse, Map<string, unknown>> = { input: new Map(), output: new Map() };
  /** Canonical names by names as they are written. */
  readonly canonical = new Map<string, string>();
}

/** An instance under one configuration. */
export class InstanceEntry {
  /** By channel: the first mappings to it and from it; until {@link finish}. */
  readonly places: Record<ChannelUse, (ChannelReference | undefined)[]> = { input: [], output: [] };
  /** What the backend's declaration says of channels' names; until {@link finish}. */
  names = new ParsedNames();
  readonly #uses = new Uses();
  /** Global index of the first channel, once the mapping is compiled. */
  firstChannel: number | undefined;
  /** A module did not import, or an option was wrong: errors about its channels would be meaningless. */
  incomplete = false;

  constructor(
    readonly definition: InstanceDefinition,
    readonly read: ReadOptions,
    readonly live: LiveInstance,
    /** Whether it ran under the configuration before. */
    readonly stays: boolean,
  ) {}

  get name(): string {
    return this.live.name;
  }

  get channels(): Channels {
    return this.live.channels;
  }

  /** Notes uses of channels, creating those that are new. Returns their numbers. */
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

  /** Mapped channels that the instance has not been told of, or not with their present meaning. */
  newChannels(): Channel[] {
    const { channels, live } = this;
    const found: Channel[] = [];
    for (let index = 0; index < channels.size; ++index) {
      for (const use of this.uses(index)) {
        const [name = ""] = channels.names(index, 1);
        const meaning = this.names.meanings[use].get(name);
        if (!live.isNew(index, use) && isDeepStrictEqual(live.meaningOf(index, use), meaning)) continue;
        found.push({ index, name, use, meaning });
      }
    }
    return found;
  }

  /** Channels that the instance was told of, and that no mapping uses any more. */
  unusedChannels(): Channel[] {
    const { channels, live } = this;
    const found: Channel[] = [];
    for (let index = 0; index < channels.size; ++index) {
      for (const use of USES) {
        if (live.isNew(index, use) || this.#uses.has(index, use)) continue;
        const [name = ""] = channels.names(index, 1);
        found.push({ index, name, use, meaning: live.meaningOf(index, use) });
      }
    }
    return found;
  }

  /** Releases data that only connecting needs. */
  finish(): void {
    this.places.input = [];
    this.places.output = [];
    this.names = new ParsedNames();
  }

  uses(channel: number): readonly ChannelUse[] {
    return this.#uses.of(channel);
  }
}

/** The instances of one configuration, by their number in the core. Numbers of instances that have gone are not used again. */
export type Instances = ReadonlyMap<number, InstanceEntry>;
