import { type ChannelPattern, lettersOf } from "./channel-pattern.js";
import type { Diagnostic } from "./diagnostic.js";
import { CHANNELS, LETTERS, type Limit } from "./limits.js";
import type { Override } from "./override.js";
import type { Location } from "./source.js";
import { didYouMean } from "./suggest.js";
import type { ConfigTree } from "./syntax.js";

/** What a router is made from, whether a file or calls of the API say it. Locations are absent for the latter. */
export interface Definition {
  /** The folder for what names none. */
  readonly folder: string;
  readonly backends: Map<string, BackendDefinition>;
  readonly instances: InstanceDefinition[];
  readonly mappings: MappingDefinition[];
}

export interface Setting {
  readonly option: string;
  readonly value: string;
  /** Relative paths in the value start from here: the folder of the text that holds it. */
  readonly folder: string;
  readonly optionLocation?: Location;
  readonly valueLocation?: Location;
}

export interface BackendDefinition {
  readonly name: string;
  /** Of the section that was met first. */
  readonly location?: Location;
  readonly settings: Setting[];
}

export interface InstanceDefinition {
  readonly backend: string;
  readonly name: string;
  readonly folder: string;
  readonly settings: Setting[];
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

/** One direction of a mapping, or both. Sizes of the patterns agree. */
export interface MappingDefinition {
  readonly from: ChannelReference;
  readonly to: ChannelReference;
  readonly bidirectional: boolean;
}

export function emptyDefinition(folder: string): Definition {
  return { folder, backends: new Map(), instances: [], mappings: [] };
}

/** Finds a definition by name, making an empty one the first time. */
export function backendDefinition(definition: Definition, name: string, location?: Location): BackendDefinition {
  let backend = definition.backends.get(name);
  if (backend === undefined) {
    backend = { name, settings: [], ...(location && { location }) };
    definition.backends.set(name, backend);
  }
  return backend;
}

/**
 * Turns a configuration's text into a definition: applies overrides when their section is first met, flattens sections.
 *
 * @param report told of overrides that found no section
 */
export function define(
  tree: ConfigTree,
  overrides: readonly Override[],
  report: (diagnostic: Diagnostic) => void,
): Definition {
  const definition = emptyDefinition(tree.source.folder);
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

  // Where it becomes too much is an error, once; what is too much is left out, so that errors can be looked for in the rest.
  const total = (limit: Limit, message: string) => {
    let sum = 0;
    return (more: number, location: Location): boolean => {
      const had = sum <= limit.most;
      sum += more;
      if (had && sum > limit.most) report({ message, location, help: [limit.help] });
      return sum <= limit.most;
    };
  };
  const channels = total(CHANNELS, "all mappings together stand for too many channels");
  const letters = total(LETTERS, "the names of all channels together are too long");
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
    } else {
      for (const { left, direction, right } of section.mappings) {
        const sides = [left, right].map((spec) => ({
          instance: spec.instance.text,
          channel: spec.channel.text,
          pattern: spec.pattern,
          instanceLocation: spec.instance.location,
          channelLocation: spec.channel.location,
        })) as [ChannelReference, ChannelReference];
        const [from, to] = direction === "<" ? [sides[1], sides[0]] : sides;
        const { location } = left.channel;
        const fits =
          channels(Math.max(from.pattern.size, to.pattern.size), location) &&
          letters(lettersOf(from.pattern) + lettersOf(to.pattern), location);
        if (fits) definition.mappings.push({ from, to, bidirectional: direction === "<>" });
      }
    }
  }

  // A backend without a section of its own is first met with its first instance.
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
      message: `this override was never used: the configuration has no ${kind} '${target.text}'`,
      location: target.location,
      help: didYouMean(target.text, new Set(known), `the configuration has the ${kind}s`),
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
    // A missing value has no place of its own.
    valueLocation: value.text === "" ? option.location : value.location,
  };
}
