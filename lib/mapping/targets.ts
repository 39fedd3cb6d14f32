// What a channel is mapped to, from the definition alone.
import { type ChannelPattern, expand } from "../config/channel-pattern.js";
import type { MappingDefinition } from "../config/definition.js";

/** The channels that events of a channel go to, as they are written. */
export function targetsOf(mappings: readonly MappingDefinition[], instance: string, channel: string): Set<string> {
  const targets = new Set<string>();
  for (const { from, to, bidirectional } of mappings) {
    const add = (target: string, pattern: ChannelPattern, source: ChannelPattern) => {
      const [sources, names] = [[...expand(source)], [...expand(pattern)]];
      for (let i = 0; i < Math.max(sources.length, names.length); ++i) {
        if ((sources[i] ?? sources[0]) !== channel) continue;
        targets.add(`${target}.${names[i] ?? names[0]}`);
      }
    };
    if (from.instance === instance) add(to.instance, to.pattern, from.pattern);
    if (bidirectional && to.instance === instance) add(from.instance, from.pattern, to.pattern);
  }
  return targets;
}
