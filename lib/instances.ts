import type { Backend, ChannelUse, Instance } from "./backends/backend.js";
import { PythonInstance } from "./backends/python.js";
import type { Binding, Core } from "./binding.js";
import type { ChannelReference, InstanceDefinition } from "./config/definition.js";
import { ChannelSet } from "./mapping/channel-set.js";

/** An instance as its router keeps it. */
export class LoadedInstance {
  readonly channels = new ChannelSet();
  /** By channel: the place that first mapped to it. */
  readonly inputs: (ChannelReference | undefined)[] = [];
  readonly #outputs: boolean[] = [];
  /** Global index of the first channel, once the mapping is compiled. */
  firstChannel: number | undefined;
  /** How many channels modules created while they loaded. */
  created = 0;
  /** A module did not import, or an option was wrong: errors about its handlers would mean nothing. */
  incomplete = false;

  constructor(
    readonly definition: InstanceDefinition,
    readonly backend: Backend,
    readonly instance: Instance,
    /** In the core. */
    readonly number: number,
  ) {}

  get name(): string {
    return this.definition.name;
  }

  /** The index of a channel, after telling the instance of it and of this use. Throws what the instance throws. */
  use(name: string, use: ChannelUse, reference: ChannelReference): number {
    const index = this.channels.add(name);
    if (use === "input" ? this.inputs[index] === undefined : this.#outputs[index] !== true) {
      if (use === "input") this.inputs[index] = reference;
      else this.#outputs[index] = true;
      this.instance.channel?.(name, index, use);
    }
    return index;
  }

  uses(index: number): readonly ChannelUse[] {
    return [
      ...(this.inputs[index] !== undefined ? ["input" as const] : []),
      ...(this.#outputs[index] === true ? ["output" as const] : []),
    ];
  }
}

/** Registers an instance with the core; python instances have done so themselves. Returns its number. */
export function addToCore(binding: Binding, core: Core, instance: Instance): number {
  if (instance instanceof PythonInstance) return instance.number;
  return instance.routing === "reflect" ? binding.addLoopback(core) : binding.addJavascript(core);
}

/** Names of the instance and of the channel behind a global index. */
export function channelName(instances: readonly LoadedInstance[], global: number): [instance: string, channel: string] {
  // An instance without channels has the same first index as the next one, which comes later.
  const loaded = instances.findLast(({ firstChannel = 0 }) => firstChannel <= global);
  return [loaded?.name ?? "?", loaded?.channels.names[global - (loaded.firstChannel ?? 0)] ?? "?"];
}
