import { type ChannelPattern, charactersIn } from "./channel-pattern.js";
import type { Diagnostic } from "./diagnostic.js";
import { FilterResolver, type MappingFilters } from "./filter-resolver.js";
import { CHANNELS, CHARACTERS, type Limit } from "./limits.js";
import type { Override } from "./override.js";
import type { Location } from "./source.js";
import { didYouMean } from "./suggest.js";
import type { ChannelSpec, ConfigTree } from "./syntax.js";

/** A complete configuration, read from files or built through the API. Definitions from the API have no locations. */
export interface Definition {
  /** The folder of definitions that don't name one of their own. */
  readonly folder: string;
  /** The beginning of the file, for what has no other place. */
  readonly location?: Location;
  readonly backends: Map<string, BackendDefinition>;
  readonly instances: InstanceDefinition[];
  readonly mappings: MappingDefinition[];
}

export interface Setting {
  readonly option: string;
  readonly value: string;
  /** The base of relative paths in the value: the folder of the file that contains it. */
  readonly folder: string;
  readonly optionLocation?: Location;
  readonly valueLocation?: Location;
}

export interface BackendDefinition {
  readonly name: string;
  /** The backend's first section. */
  readonly location?: Location;
  readonly settings: Setting[];
}

export interface InstanceDefinition {
  readonly backend: string;
  readonly name: string;
  readonly folder: string;
  readonly settings: readonly Setting[];
  readonly backendLocation?: Location;
  readonly nameLocation?: Location;
}

export interface ChannelReference {
  readonly instance: string;
  /** As written. */
  readonly channel: string;
  readonly pattern: ChannelPattern;
  readonly instanceLocation?: Location;
  readonly channelLocation?: Location;
}

/** One or both directions of a mapping. The patterns have equal sizes, or one of them has size one. */
export interface MappingDefinition {
  readonly from: ChannelReference;
  readonly to: ChannelReference;
  readonly bidirectional: boolean;
  /** From `from` to `to`, and back. */
  readonly filters?: MappingFilters;
}

function referenceOf({ instance, channel, pattern }: ChannelSpec): ChannelReference {
  return {
    instance: instance.text,
    channel: channel.text,
    pattern,
    instanceLocation: instance.location,
    channelLocation: channel.location,
  };
}

export function emptyDefinition(folder: string): Definition {
  return { folder, backends: new Map(), instances: [], mappings: [] };
}

/** Whether options of instances and mappings are the same, wherever they stand. */
export function isSameDefinition(left: Definition, right: Definition): boolean {
  const side = ({ instance, channel }: ChannelReference) => `${instance}.${channel}`;
  const keyOf = ({ instances, mappings }: Definition) =>
    JSON.stringify([
      instances.map(({ name, settings }) => [name, settings.map(({ option, value }) => [option, value])]),
      mappings.map(({ from, to, bidirectional, filters }) => [
        side(from),
        side(to),
        bidirectional,
        filters?.forward.key,
      ]),
    ]);
  return keyOf(left) === keyOf(right);
}

/** A definition with the additions of another one. */
export function withAdditions(base: Definition, added: Definition): Definition {
  const backends = new Map(base.backends);
  for (const [name, { settings }] of added.backends) {
    const known = backends.get(name);
    const all = known === undefined ? settings : known.settings.concat(settings);
    backends.set(name, { name, ...known, settings: all });
  }
  return {
    ...base,
    backends,
    instances: base.instances.concat(added.instances),
    mappings: base.mappings.concat(added.mappings),
  };
}

/** The definition of a backend, created empty on first use. */
export function backendDefinition(definition: Definition, name: string, location?: Location): BackendDefinition {
  let backend = definition.backends.get(name);
  if (backend === undefined) {
    backend = { name, settings: [], ...(location && { location }) };
    definition.backends.set(name, backend);
  }
  return backend;
}

/**
 * Turns a parsed configuration into a definition: flattens sections, and applies overrides where their section first appears.
 *
 * @param report receives unused overrides and exceeded limits
 */
export function define(
  tree: ConfigTree,
  overrides: readonly Override[],
  report: (diagnostic: Diagnostic) => void,
): Definition {
  const location = { source: tree.source, line: 1, column: 1, length: 1 };
  const definition: Definition = { ...emptyDefinition(tree.source.folder), location };
  const unused = new Set(overrides);
  const take = (kind: Override["kind"], target: string, folder: string): Setting[] => {
    const settings: Setting[] = [];
    for (const override of unused) {
      if (override.kind !== kind || override.target.text !== target) continue;
      unused.delete(override);
      settings.push({ ...settingOf(override), folder });
    }
    return settings;
  };

  // Exceeding a limit is reported once; the mappings beyond it are dropped, so that the rest can still be checked.
  const total = (limit: Limit, message: string) => {
    let sum = 0;
    return (more: number, location: Location): boolean => {
      const fitted = sum <= limit.max;
      sum += more;
      if (fitted && sum > limit.max) report({ message, location, help: [limit.help] });
      return sum <= limit.max;
    };
  };
  const channels = total(CHANNELS, "the mappings stand for too many channels in total");
  const characters = total(CHARACTERS, "the channel names are too long in total");
  const resolver = new FilterResolver(tree.sections, report);
  resolver.checkAll();
  for (const section of tree.sections) {
    if (section.kind === "backend") {
      const { text, location } = section.backend;
      const backend = backendDefinition(definition, text, location);
      // One by one: there may be more than a call takes arguments.
      for (const setting of take("backend", text, location.source.folder)) backend.settings.push(setting);
      for (const assignment of section.assignments) backend.settings.push(settingOf(assignment));
    } else if (section.kind === "instance") {
      const { backend, name, assignments } = section;
      definition.instances.push({
        backend: backend.text,
        name: name.text,
        folder: name.location.source.folder,
        settings: [...take("instance", name.text, name.location.source.folder), ...assignments.map(settingOf)],
        backendLocation: backend.location,
        nameLocation: name.location,
      });
    } else if (section.kind === "map") {
      for (const mapping of section.mappings) {
        const { left, direction, right } = mapping;
        const from = referenceOf(direction === "<" ? right : left);
        const to = referenceOf(direction === "<" ? left : right);
        const { location } = left.channel;
        const fits =
          channels(Math.max(from.pattern.size, to.pattern.size), location) &&
          characters(charactersIn(from.pattern) + charactersIn(to.pattern), location);
        if (!fits) continue;
        const bidirectional = direction === "<>";
        const filters = mapping.filters === undefined ? undefined : resolver.resolve(mapping);
        if (filters !== undefined) definition.mappings.push({ from, to, bidirectional, filters });
        else if (mapping.filters === undefined) definition.mappings.push({ from, to, bidirectional });
      }
    }
  }

  // A backend without a section of its own first appears with its first instance.
  for (const { backend, folder } of definition.instances) {
    const settings = take("backend", backend, folder);
    if (settings.length > 0) {
      backendDefinition(definition, backend).settings.unshift(...settings);
    }
  }
  for (const { kind, target } of unused) {
    const known =
      kind === "instance"
        ? definition.instances.map(({ name }) => name)
        : [...definition.backends.keys(), ...definition.instances.map(({ backend }) => backend)];
    report({
      message: `unused override: the configuration has no ${kind} '${target.text}'`,
      location: target.location,
      help: didYouMean(target.text, new Set(known), `available ${kind}s`),
    });
  }
  return definition;
}

function settingOf({ option, value }: Pick<Override, "option" | "value">): Setting {
  return {
    option: option.text,
    value: value.text,
    folder: value.location.source.folder,
    optionLocation: option.location,
    // An empty value has no location of its own.
    valueLocation: value.text === "" ? option.location : value.location,
  };
}
