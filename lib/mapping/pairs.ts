/** One mapping as pairs of channels: what both sides stand for, expanded and known to their instances. */
import { expand } from "../config/channel-pattern.js";
import type { ChannelReference } from "../config/definition.js";
import type { LoadedInstance } from "../instances.js";
import type { Pairs } from "./routes.js";

/** How many names are made at a time. */
const CHUNK = 4096;

/**
 * The pairs of a mapping, whose channels are created where they are new.
 *
 * @throws {ChannelError} for a channel that an instance does not have
 */
export function expandPairs(
  source: LoadedInstance,
  from: ChannelReference,
  target: LoadedInstance,
  to: ChannelReference,
  bidirectional: boolean,
): Pairs {
  const use = (instance: LoadedInstance, reference: ChannelReference, names: string[], isSource: boolean) => {
    if (bidirectional) instance.use(names, isSource ? "input" : "output", reference);
    return instance.use(names, isSource ? "output" : "input", reference);
  };
  const sources = new Uint32Array(from.pattern.size);
  const targets = new Uint32Array(to.pattern.size);
  const sourceNames = expand(from.pattern);
  const targetNames = expand(to.pattern);
  for (let i = 0; i < Math.max(sources.length, targets.length); i += CHUNK) {
    const left = take(sourceNames, CHUNK);
    const right = take(targetNames, CHUNK);
    // Both sides' channels are created by turns, as the reference does.
    if (source === target) source.channels.add(byTurns(left, right));
    if (left.length > 0) sources.set(use(source, from, left, true), i);
    if (right.length > 0) targets.set(use(target, to, right, false), i);
  }
  return { fromInstance: source.number, toInstance: target.number, from: sources, to: targets };
}

function take<T>(values: Iterator<T, unknown>, most: number): T[] {
  const taken: T[] = [];
  while (taken.length < most) {
    const next = values.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

function byTurns<T>(left: readonly T[], right: readonly T[]): T[] {
  const longer = left.length > right.length ? left : right;
  return longer.flatMap((_, i) => [...left.slice(i, i + 1), ...right.slice(i, i + 1)]);
}
