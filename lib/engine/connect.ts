// From the mappings of a configuration to the tables of the core: channels, what handles them, rows.
import type { ChannelUse } from "../backends/declare.js";
import { placeOf } from "../backends/read-options.js";
import type { ChannelReference, MappingDefinition } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import { didYouMean } from "../config/suggest.js";
import { messageOf } from "../errors.js";
import { expandPairs, type ReadNames } from "../mapping/pairs.js";
import { compileRoutes, type Pairs } from "../mapping/routes.js";
import type { Assembly } from "./assembly.js";
import type { Engine } from "./engine.js";
import type { InstanceEntry } from "./instances.js";

interface ChannelFinding {
  readonly message: string;
  readonly help?: readonly string[] | undefined;
  readonly detail?: string | undefined;
}

/** Findings about channels. One mapping may stand for thousands: the first is told, and how many more there are. */
class ChannelFindings {
  readonly #first = new Map<ChannelReference, ChannelFinding & { count: number }>();

  add(reference: ChannelReference | undefined, finding: ChannelFinding): void {
    if (reference === undefined) return;
    const known = this.#first.get(reference);
    if (known === undefined) this.#first.set(reference, { ...finding, count: 1 });
    else ++known.count;
  }

  /** @param hasMore whether there are others that have not been looked at */
  tell(say: Findings["error"], hasMore = false): void {
    for (const [reference, { message, help = [], detail, count }] of this.#first) {
      const more = count > 1 ? [`and ${hasMore ? "at least " : ""}${count - 1} more of '${reference.channel}'`] : [];
      say(message, reference.channelLocation, {
        help: [...help, ...more],
        ...(detail !== undefined && { detail }),
      });
    }
  }
}

/**
 * Connects the instances of an assembly. Synchronous. Instances learn of their channels only when everything else is right, and
 * the core gets the tables only when they have accepted them.
 *
 * @returns whether the core has the tables; if not, the assembly's findings say why
 */
export function connect(assembly: Assembly, mappings: readonly MappingDefinition[], engine: Engine): boolean {
  const { findings } = assembly;
  const entries = [...assembly.entries.values()];
  for (const { live } of entries) live.instance.native?.fixChannels?.();
  const pairs = mapAll(assembly, mappings);
  for (const entry of entries) resolve(entry, findings);
  if (findings.errors.length === 0) for (const entry of entries) tellChannels(entry, findings);
  const sound = findings.errors.length === 0;
  if (sound) install(assembly, pairs, engine);
  for (const entry of entries) entry.finish();
  return sound;
}

function mapAll(assembly: Assembly, mappings: readonly MappingDefinition[]): Pairs[] {
  const { findings } = assembly;
  const refused = new ChannelFindings();
  const warned = new ChannelFindings();
  const read: ReadNames = (entry, names, uses, reference) =>
    readNames(entry, names, uses, reference, { refused, warned });
  const pairs: Pairs[] = [];
  for (const mapping of mappings) {
    if (findings.hasManyErrors(mapping.from.instanceLocation)) break;
    const source = instanceOf(assembly, mapping.from);
    const target = instanceOf(assembly, mapping.to);
    if (source === undefined || target === undefined) continue;
    const there = expandPairs(source, target, mapping, read);
    pairs.push(there);
    if (mapping.bidirectional) {
      const { fromInstance, toInstance, from, to } = there;
      pairs.push({ fromInstance: toInstance, toInstance: fromInstance, from: to, to: from });
    }
  }
  refused.tell((...error) => findings.error(...error));
  warned.tell((...warning) => findings.warn(...warning));
  return pairs;
}

function instanceOf({ byName, failed, findings }: Assembly, reference: ChannelReference): InstanceEntry | undefined {
  const found = byName.get(reference.instance);
  if (found === undefined && !failed.has(reference.instance)) {
    const help = didYouMean(reference.instance, byName.keys(), "available instances");
    findings.error(`no instance '${reference.instance}'`, reference.instanceLocation, { help });
  }
  return found;
}

/** Has a backend's declaration read the names of channels. Names that it refuses stay as they are written. */
function readNames(
  { live, name, options, incomplete }: InstanceEntry,
  names: readonly string[],
  uses: readonly ChannelUse[],
  reference: ChannelReference,
  { refused, warned }: { readonly refused: ChannelFindings; readonly warned: ChannelFindings },
): readonly string[] {
  const { channels } = live.backend.declaration;
  if (channels.parse === undefined || incomplete) return names;
  return names.map((written) => {
    let canonical = written;
    for (const use of uses) {
      const parsed = channels.parse?.(written, use, options) ?? {};
      const message = (text: string) => `'${name}.${written}': ${text}`;
      if ("problem" in parsed) {
        refused.add(reference, { message: message(parsed.problem), help: parsed.help });
        break;
      }
      if (parsed.warning !== undefined) {
        warned.add(reference, { message: message(parsed.warning), help: parsed.help });
      }
      canonical = parsed.name ?? written;
      const [number = 0] = live.channels.add([canonical]);
      live.meanings[number] = parsed.meaning;
    }
    return canonical;
  });
}

/** Has the core find what handles the channels of an instance. */
function resolve(entry: InstanceEntry, findings: Findings): void {
  const { live, incomplete, places, definition } = entry;
  const unresolved = incomplete ? undefined : live.instance.native?.resolve?.(entry.inputs());
  if (unresolved === undefined) return;
  for (const { message, option, help } of unresolved.options) {
    findings.error(message, placeOf(definition.settings, option), help && { help });
  }
  const found = new ChannelFindings();
  for (const { channel, problem, help, detail } of unresolved.channels) {
    found.add(places.input[channel], { message: problem, help, detail });
  }
  found.tell((...error) => findings.error(...error), unresolved.hasMore);
}

/** Tells an instance of channels that are new to it. */
function tellChannels(entry: InstanceEntry, findings: Findings): void {
  const { live, name, places } = entry;
  if (live.instance.connect === undefined) return;
  const channels = entry.newChannels();
  if (channels.length === 0) return;
  const found = new ChannelFindings();
  let refused: ReadonlySet<number> = new Set();
  try {
    const refusals = live.instance.connect(channels);
    refused = new Set(refusals.map(({ channel }) => channel));
    for (const { channel, problem, help, detail } of refusals) {
      const message = `'${name}.${live.channels.names(channel, 1)[0]}': ${problem}`;
      found.add(places.input[channel] ?? places.output[channel], { message, help, detail });
    }
  } catch (error) {
    findings.error(`instance '${name}' did not take its channels: ${messageOf(error)}`, entry.definition.nameLocation);
    return;
  }
  // A number that an instance knows stays its channel's, also if this configuration comes to nothing.
  for (const channel of channels) if (!refused.has(channel.index)) live.told(channel);
  found.tell((...error) => findings.error(...error));
}

/** Exchanges the tables. There is no way back after this. */
function install({ entries }: Assembly, pairs: readonly Pairs[], { binding, core }: Engine): void {
  const counts = Array.from(
    { length: binding.instanceCount(core) },
    (_, number) => entries.get(number)?.channels.size ?? 0,
  );
  const table = compileRoutes(counts, pairs);
  binding.connect(core, table.firstChannels, table.offsets, table.targets);
  for (const entry of entries.values()) {
    entry.firstChannel = table.firstChannels[entry.live.number] ?? 0;
    entry.live.connected = true;
  }
}
