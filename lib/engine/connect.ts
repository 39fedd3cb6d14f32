// From the mappings of a configuration to the tables of the core: channels, their handlers, rows.
import type { BackendDeclaration, ChannelUse, ParsedChannel } from "../backends/declare.js";
import type { Refusal } from "../backends/instance.js";
import type { OptionSet, Values } from "../backends/options.js";
import { reportTo } from "../backends/read-options.js";
import type { ChannelReference, MappingDefinition } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import { didYouMean } from "../config/suggest.js";
import { messageOf } from "../errors.js";
import { expandPairs } from "../mapping/pairs.js";
import { compileRoutes, type Pairs } from "../mapping/routes.js";
import type { Assembly } from "./assembly.js";
import { ownerOf } from "./build.js";
import type { Engine } from "./engine.js";
import type { InstanceEntry } from "./instances.js";

interface ChannelFinding {
  readonly message: string;
  readonly help?: readonly string[] | undefined;
  readonly detail?: string | undefined;
}

/** Findings about channels. One mapping may have thousands: the first is reported, with the number of the others. */
class ChannelFindings {
  readonly #first = new Map<ChannelReference, ChannelFinding & { count: number }>();

  add(reference: ChannelReference, finding: ChannelFinding): void {
    const known = this.#first.get(reference);
    if (known === undefined) this.#first.set(reference, { ...finding, count: 1 });
    else ++known.count;
  }

  /** @param hasMore whether some channels have not been checked */
  report(add: Findings["error"], hasMore = false): void {
    for (const [reference, { message, help = [], detail, count }] of this.#first) {
      const more = count > 1 ? [`and ${hasMore ? "at least " : ""}${count - 1} more of '${reference.channel}'`] : [];
      add(message, reference.channelLocation, {
        help: [...help, ...more],
        ...(detail !== undefined && { detail }),
      });
    }
  }
}

/**
 * Connects the instances of an assembly. Synchronous. Instances receive their channels only when everything else is right,
 * and the core gets the tables only when all instances have accepted them.
 *
 * @returns whether the core has the tables; if not, the assembly's findings say why
 */
export function connect(assembly: Assembly, mappings: readonly MappingDefinition[], engine: Engine): boolean {
  const { findings } = assembly;
  const entries = [...assembly.entries.values()];
  for (const { live } of entries) live.instance.native?.fixChannels?.();
  const pairs = mapAll(assembly, mappings);
  for (const entry of entries) resolve(entry, findings);
  if (findings.errors.length === 0) for (const entry of entries) connectChannels(entry, findings);
  const sound = findings.errors.length === 0;
  if (sound) install(assembly, pairs, engine);
  for (const entry of entries) entry.finish();
  return sound;
}

function mapAll(assembly: Assembly, mappings: readonly MappingDefinition[]): Pairs[] {
  const { findings } = assembly;
  const pairs: Pairs[] = [];
  for (const mapping of mappings) {
    if (findings.hasManyErrors(mapping.from.instanceLocation)) break;
    const source = instanceOf(assembly, mapping.from);
    const target = instanceOf(assembly, mapping.to);
    if (source === undefined || target === undefined) continue;
    const names = new NameReader();
    const there = expandPairs(source, target, mapping, (...channels) => names.read(...channels));
    names.report(findings);
    pairs.push(there);
    if (mapping.bidirectional) {
      const { fromInstance, toInstance, from, to } = there;
      pairs.push({ fromInstance: toInstance, toInstance: fromInstance, from: to, to: from });
    }
  }
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

/** Parses channel names by the declarations of their backends. */
class NameReader {
  readonly #refused = new ChannelFindings();
  readonly #warned = new ChannelFindings();

  /** @returns the canonical name of each channel, or the name as written if it was refused */
  read(
    { live, name, read: { values }, incomplete }: InstanceEntry,
    names: readonly string[],
    uses: readonly ChannelUse[],
    reference: ChannelReference,
  ): readonly string[] {
    const { channels } = live.backend.declaration;
    if (channels.parse === undefined || incomplete) return names;
    return names.map((written) => {
      let canonical = written;
      let warning: ChannelFinding | undefined;
      for (const use of uses) {
        const parsed = parseName(channels, written, use, values);
        const { problem, help } = parsed;
        if (problem !== undefined) {
          this.#refused.add(reference, { message: `'${name}.${written}': ${problem}`, help });
          return written;
        }
        if (parsed.warning !== undefined) warning = { message: `'${name}.${written}': ${parsed.warning}`, help };
        canonical = parsed.name ?? written;
        live.meanings[use].set(canonical, parsed.meaning);
      }
      // One warning for both uses.
      if (warning !== undefined) this.#warned.add(reference, warning);
      return canonical;
    });
  }

  report(findings: Findings): void {
    this.#refused.report((...error) => findings.error(...error));
    this.#warned.report((...warning) => findings.warn(...warning));
  }
}

function parseName(
  channels: BackendDeclaration["channels"],
  name: string,
  use: ChannelUse,
  options: Values<OptionSet>,
): ParsedChannel<unknown> {
  try {
    return channels.parse?.(name, use, options) ?? {};
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Lets the core find the handlers of an instance's channels. */
function resolve(entry: InstanceEntry, findings: Findings): void {
  const { live, incomplete } = entry;
  const unresolved = incomplete ? undefined : live.instance.native?.resolve?.(entry.inputs());
  if (unresolved === undefined) return;
  const { settings, nameLocation } = entry.definition;
  for (const problem of unresolved.options) {
    reportTo(findings, problem, ownerOf(live.backend.declaration), settings, nameLocation);
  }
  reportRefusals(entry, unresolved.channels, findings, unresolved.hasMore);
}

/** Passes an instance the channels that are new to it. */
function connectChannels(entry: InstanceEntry, findings: Findings): void {
  const { live, name } = entry;
  if (live.instance.connect === undefined) return;
  const channels = entry.newChannels();
  if (channels.length === 0) return;
  try {
    const refusals = live.instance.connect(channels) ?? [];
    const refused = new Set(refusals.map(({ channel }) => channel));
    // A number that an instance has received keeps its channel, even if this configuration is discarded.
    for (const channel of channels) if (!refused.has(channel.index)) live.addKnown(channel);
    const named = ({ channel, problem }: Refusal) => `'${name}.${live.channels.names(channel, 1)[0]}': ${problem}`;
    reportRefusals(
      entry,
      refusals.map((refusal) => ({ ...refusal, problem: named(refusal) })),
      findings,
    );
  } catch (error) {
    findings.error(`instance '${name}' did not take its channels: ${messageOf(error)}`, entry.definition.nameLocation);
  }
}

/** @param hasMore whether some channels have not been checked */
function reportRefusals(
  { places, name, definition }: InstanceEntry,
  refusals: readonly Refusal[],
  findings: Findings,
  hasMore = false,
): void {
  const found = new ChannelFindings();
  for (const { channel, problem, help, detail } of refusals) {
    const reference = places.input[channel] ?? places.output[channel];
    if (reference === undefined)
      findings.error(`instance '${name}': ${problem}`, definition.nameLocation, help && { help });
    else found.add(reference, { message: problem, help, detail });
  }
  found.report((...error) => findings.error(...error), hasMore);
}

/** Exchanges the tables. This can't be undone. */
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
