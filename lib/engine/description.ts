import type { ChannelUse } from "../backends/declare.js";
import type { BackendFacts, DeclaredInstance, InstanceStatus } from "../backends/instance.js";
import type { OptionSet } from "../backends/options.js";
import type { PythonChoice } from "../backends/python/locate/discovery.js";
import { shownValue } from "../backends/read-options.js";
import type { MappingDefinition, Setting } from "../config/definition.js";
import { messageOf } from "../errors.js";
import { atOnce } from "../user-code.js";
import type { Instances, LiveBackend, LiveInstance } from "./instances.js";

/** What a router consists of, once loaded. */
export interface RouterDescription {
  /** The backends in use that have options in a section of their own. */
  readonly backends: readonly {
    readonly name: string;
    readonly options: readonly { readonly option: string; readonly value: string }[];
  }[];
  readonly instances: readonly {
    readonly name: string;
    readonly backend: string;
    readonly options: readonly { readonly option: string; readonly value: string }[];
    readonly channels: readonly {
      readonly name: string;
      readonly uses: readonly ChannelUse[];
      /** The backend's description of it, for people: `calls the function`. */
      readonly note?: string;
    }[];
    /** Its state, if its backend reports one. */
    readonly status?: InstanceStatus;
  }[];
  readonly mappings: readonly {
    readonly from: string;
    readonly to: string;
    readonly bidirectional: boolean;
    /** The number of channel pairs, in one direction. */
    readonly count: number;
    /** From `from` to `to`, with named filters written out; absent without filters. */
    readonly filters?: readonly string[];
  }[];
  /** The Python in use, if there is a python instance. */
  readonly python?: PythonChoice;
}

export function describe(
  instances: Instances,
  mappings: readonly MappingDefinition[],
  backends: Iterable<LiveBackend>,
): RouterDescription {
  const live = [...backends];
  const shown = (declared: OptionSet, settings: readonly Setting[]) =>
    settings.map((setting) => ({ option: setting.option, value: shownValue(declared, setting) }));
  return {
    backends: live
      .filter(({ settings }) => settings.length > 0)
      .map(({ declaration, settings }) => ({ name: declaration.name, options: shown(declaration.options, settings) })),
    instances: [...instances.values()].map((entry) => {
      const { name, live, definition, channels } = entry;
      const { instance, backend } = live;
      const status = statusOf(live);
      return {
        name,
        backend: backend.declaration.name,
        options: shown(backend.declaration.instanceOptions, definition.settings),
        channels: channels.names(0, channels.size).flatMap((channel, i) => {
          const uses = entry.uses(i);
          // Channels of earlier configurations keep their numbers. Channels in the core may also be a module's own.
          if (uses.length === 0 && instance.native?.channels === undefined) return [];
          const note = noteOf(instance, channel, uses);
          return [{ name: channel, uses, ...(note !== undefined && { note }) }];
        }),
        ...(status && { status }),
      };
    }),
    mappings: mappings.map(describeMapping),
    ...pythonOf(live),
  };
}

export function describeMapping({
  from,
  to,
  bidirectional,
  filters,
}: MappingDefinition): RouterDescription["mappings"][number] {
  return {
    from: `${from.instance}.${from.channel}`,
    to: `${to.instance}.${to.channel}`,
    bidirectional,
    count: Math.max(from.pattern.size, to.pattern.size),
    ...(filters && { filters: filters.forward.steps.map(({ text }) => text) }),
  };
}

/** Names, backends and states of instances: what may change while they run. */
export function statesOf(instances: Instances): InstanceState[] {
  return [...instances.values()].map(({ name, live }) => {
    const status = statusOf(live);
    return { name, backend: live.backend.declaration.name, ...(status && { status }) };
  });
}

export interface InstanceState {
  readonly name: string;
  readonly backend: string;
  readonly status?: InstanceStatus;
}

function statusOf({ instance, failed }: LiveInstance): InstanceStatus | undefined {
  if (failed !== undefined) return { state: "failed", text: failed };
  try {
    return atOnce("status", () => instance.status?.());
  } catch (error) {
    return { state: "failed", text: `status() threw: ${messageOf(error)}` };
  }
}

function noteOf(instance: DeclaredInstance, name: string, uses: readonly ChannelUse[]): string | undefined {
  try {
    const note = atOnce("note", () => instance.note?.({ name, uses }));
    return typeof note === "string" ? note : undefined;
  } catch {
    return undefined;
  }
}

/** The Python in use, if a backend uses one. */
export function pythonOf(backends: Iterable<LiveBackend>): BackendFacts {
  for (const { open } of backends) {
    try {
      const python = atOnce("facts", () => open.facts?.())?.python;
      if (python !== undefined) return { python };
    } catch {
      // The description is useful without facts.
    }
  }
  return {};
}
