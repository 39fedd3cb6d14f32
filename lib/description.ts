import type { MappingDefinition } from "./config/definition.js";
import type { Instances } from "./instances.js";
import type { PythonChoice } from "./python/discovery.js";

/** What a router consists of, once loaded. */
export interface RouterDescription {
  readonly instances: readonly {
    readonly name: string;
    readonly backend: string;
    readonly options: readonly { readonly option: string; readonly value: string }[];
    readonly channels: readonly { readonly name: string; readonly uses: readonly ("input" | "output")[] }[];
  }[];
  readonly mappings: readonly {
    readonly from: string;
    readonly to: string;
    readonly bidirectional: boolean;
    /** How many pairs of channels, in one direction. */
    readonly count: number;
  }[];
  /** The Python in use, if there is a python instance. */
  readonly python?: PythonChoice;
}

export function describe(
  instances: Instances,
  mappings: readonly MappingDefinition[],
  python: PythonChoice | undefined,
): RouterDescription {
  return {
    instances: [...instances.values()].map((loaded) => ({
      name: loaded.name,
      backend: loaded.backend.name,
      options: loaded.definition.settings.map(({ option, value }) => ({ option, value })),
      channels: loaded.channels.names(0, loaded.channels.size).map((name, i) => ({ name, uses: loaded.uses(i) })),
    })),
    mappings: mappings.map(({ from, to, bidirectional }) => ({
      from: `${from.instance}.${from.channel}`,
      to: `${to.instance}.${to.channel}`,
      bidirectional,
      count: Math.max(from.pattern.size, to.pattern.size),
    })),
    ...(python && { python }),
  };
}
