/** One mapping as pairs of channels: both sides, expanded and known to their instances. */
import type { ChannelUse } from "../backends/declare.js";
import { expand } from "../config/channel-pattern.js";
import type { ChannelReference, MappingDefinition } from "../config/definition.js";
import type { InstanceEntry } from "../engine/instances.js";
import type { Pairs } from "./routes.js";

/** Names generated at a time. */
const CHUNK = 4096;

/** The canonical names of a mapping's channels; see `channels.parse` of a declaration. */
export type ReadNames = (
  entry: InstanceEntry,
  names: readonly string[],
  uses: readonly ChannelUse[],
  reference: ChannelReference,
) => readonly string[];

/** The pairs of a mapping. Creates new channels. */
export function expandPairs(
  source: InstanceEntry,
  target: InstanceEntry,
  { from, to, bidirectional }: MappingDefinition,
  read: ReadNames,
): Pairs {
  const sourceUses: ChannelUse[] = bidirectional ? ["input", "output"] : ["output"];
  const targetUses: ChannelUse[] = bidirectional ? ["input", "output"] : ["input"];
  const sources = new Uint32Array(from.pattern.size);
  const targets = new Uint32Array(to.pattern.size);
  const sourceNames = expand(from.pattern);
  const targetNames = expand(to.pattern);
  for (let i = 0; i < Math.max(sources.length, targets.length); i += CHUNK) {
    const left = read(source, take(sourceNames, CHUNK), sourceUses, from);
    const right = read(target, take(targetNames, CHUNK), targetUses, to);
    // Channels of both sides are created alternately, as the reference does.
    if (source === target) source.channels.add(alternately(left, right));
    if (left.length > 0) sources.set(source.use(left, sourceUses, from), i);
    if (right.length > 0) targets.set(target.use(right, targetUses, to), i);
  }
  return { fromInstance: source.live.number, toInstance: target.live.number, from: sources, to: targets };
}

function take<T>(values: Iterator<T, unknown>, max: number): T[] {
  const taken: T[] = [];
  while (taken.length < max) {
    const next = values.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

function alternately<T>(left: readonly T[], right: readonly T[]): T[] {
  const longer = left.length > right.length ? left : right;
  return longer.flatMap((_, i) => [...left.slice(i, i + 1), ...right.slice(i, i + 1)]);
}
