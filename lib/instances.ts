import type { Backend, ChannelUse, Instance } from "./backends/backend.js";
import { PythonInstance } from "./backends/python.js";
import type { Binding, Core } from "./binding.js";
import type { ChannelReference, InstanceDefinition, Setting } from "./config/definition.js";
import { messageOf } from "./errors.js";
import { ChannelSet, type Channels } from "./mapping/channel-set.js";

/** What an instance's `channel` threw, and for which side of a mapping. */
export class ChannelError extends Error {
  constructor(
    message: string,
    readonly reference: ChannelReference,
  ) {
    super(message);
  }
}

const USES = ["input", "output"] as const;

/** An instance as its router keeps it. */
export class LoadedInstance {
  readonly channels: Channels;
  /** By channel: the place that first mapped to it; until {@link finish}. */
  inputs: (ChannelReference | undefined)[] = [];
  /** By channel: a bit for each of `USES`. */
  #uses = new Uint8Array(64);
  #before: LoadedInstance | undefined;
  /** Global index of the first channel, once the mapping is compiled. */
  firstChannel: number | undefined;
  /** A module did not import, or an option was wrong: errors about its handlers would mean nothing. */
  incomplete = false;

  constructor(
    readonly definition: InstanceDefinition,
    readonly backend: Backend,
    readonly instance: Instance,
    /** In the core. */
    readonly number: number,
    /** The same instance under the configuration before a reload. */
    before?: LoadedInstance,
  ) {
    this.channels = before?.channels ?? (instance instanceof PythonInstance ? instance.channels : new ChannelSet());
    this.#before = before;
  }

  get name(): string {
    return this.definition.name;
  }

  /**
   * The numbers of channels, after telling the instance of them and of this use.
   *
   * @throws {ChannelError} if the instance throws
   */
  use(names: readonly string[], use: ChannelUse, reference: ChannelReference): Uint32Array {
    const numbers = this.channels.add(names);
    this.#makeRoom();
    const bit = 1 << USES.indexOf(use);
    for (const [i, channel] of numbers.entries()) {
      const uses = this.#uses[channel] ?? 0;
      if (uses & bit) continue;
      this.#uses[channel] = uses | bit;
      if (use === "input") this.inputs[channel] = reference;
      if (this.#before !== undefined && (this.#before.#uses[channel] ?? 0) & bit) continue;
      const name = names[i] as string;
      try {
        this.instance.channel?.(name, channel, use);
      } catch (error) {
        throw new ChannelError(`'${this.name}.${name}': ${messageOf(error)}`, reference);
      }
    }
    return numbers;
  }

  /** Lets go of what only loading needs. */
  finish(): void {
    this.inputs = [];
    this.#before = undefined;
  }

  #makeRoom(): void {
    if (this.#uses.length >= this.channels.size) return;
    const grown = new Uint8Array(Math.max(this.channels.size, 2 * this.#uses.length));
    grown.set(this.#uses);
    this.#uses = grown;
  }

  uses(channel: number): readonly ChannelUse[] {
    return USES.filter((_, i) => (this.#uses[channel] ?? 0) & (1 << i));
  }
}

/** Registers an instance with the core; python instances have done so themselves. Returns its number. */
export function addToCore(binding: Binding, core: Core, instance: Instance): number {
  if (instance instanceof PythonInstance) return instance.number;
  return instance.routing === "reflect" ? binding.addLoopback(core) : binding.addJavascript(core);
}

/** Whether settings are the same, wherever they stand. */
export function sameSettings(left: readonly Setting[], right: readonly Setting[]): boolean {
  const key = (settings: readonly Setting[]) =>
    JSON.stringify(settings.map(({ option, value, folder }) => [option, value, folder]));
  return key(left) === key(right);
}

/** A router's instances, by their number in the core. Numbers of instances that have gone are not used again. */
export type Instances = ReadonlyMap<number, LoadedInstance>;

/** Names of the instance and of the channel behind a global index. */
export function channelName(instances: Instances, global: number): [instance: string, channel: string] {
  for (const { name, channels, firstChannel = 0 } of instances.values()) {
    if (global >= firstChannel && global < firstChannel + channels.size) {
      return [name, channels.names(global - firstChannel, 1)[0] ?? "?"];
    }
  }
  return ["?", "?"];
}
