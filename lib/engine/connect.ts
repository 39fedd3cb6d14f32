// From the mappings of a configuration to the tables of the core: channels, their handlers, rows.
import type {
  BackendDeclaration,
  ChannelUse,
  InstanceOptions,
  NamedChannel,
  ParsedChannel,
} from "../backends/declare.js";
import type { Channel, Refusal } from "../backends/instance.js";
import { reportTo } from "../backends/read-options.js";
import type { ChannelReference, MappingDefinition } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import { channelHelp, commentHelp } from "../config/meant.js";
import { didYouMean, nearest } from "../config/suggest.js";
import { messageOf } from "../errors.js";
import type { FilterChain, FilterStep } from "../filters/chain.js";
import { FilterPlaces } from "../mapping/filter-places.js";
import { compileFiltered, type FilteredRoutes } from "../mapping/filtered-routes.js";
import { expandPairs } from "../mapping/pairs.js";
import type { Pairs } from "../mapping/routes.js";
import { atOnce, listOf } from "../user-code.js";
import type { Assembly } from "./assembly.js";
import { ownerOf } from "./build.js";
import type { Engine } from "./engine.js";
import type { InstanceEntry } from "./instances.js";

interface ChannelFinding {
  readonly message: string;
  readonly help?: readonly string[] | undefined;
  readonly detail?: string | undefined;
}

/** Findings about channels. A mapping may stand for thousands of them: the first is reported, with the number of the others. */
class ChannelFindings {
  readonly #first = new Map<ChannelReference, ChannelFinding & { count: number }>();

  add(reference: ChannelReference, finding: ChannelFinding): void {
    const known = this.#first.get(reference);
    if (known === undefined) this.#first.set(reference, { ...finding, count: 1 });
    else ++known.count;
  }

  /** @param hasMore whether further channels were not checked */
  tell(say: Findings["error"], hasMore = false): void {
    for (const [reference, { message, help = [], detail, count }] of this.#first) {
      const meant = channelHelp(reference.channel);
      const more = count > 1 ? [`and ${hasMore ? "at least " : ""}${count - 1} more of '${reference.channel}'`] : [];
      say(message, reference.channelLocation, {
        help: [...(meant.length > 0 ? meant : help), ...more],
        ...(detail !== undefined && { detail }),
      });
    }
  }
}

/**
 * Connects the instances of an assembly. Synchronous. Instances are told of their channels only when everything else is valid,
 * and the core gets the tables only when they have accepted them.
 *
 * @returns whether the core has the tables; if not, the assembly's findings say why
 */
export function connect(assembly: Assembly, mappings: readonly MappingDefinition[], engine: Engine): boolean {
  const { findings } = assembly;
  const entries = [...assembly.entries.values()];
  for (const { live } of entries) live.instance.native?.fixChannels?.();
  const pairs = mapAll(assembly, mappings);
  for (const entry of entries) resolve(entry, findings);
  for (const entry of entries) warnOfUnmapped(entry, findings);
  const told: Told[] = [];
  if (findings.errors.length === 0) for (const entry of entries) told.push(tellChannels(entry, findings));
  const sound = findings.errors.length === 0;
  if (sound) {
    install(assembly, pairs, engine);
    for (const entry of entries) {
      if (entry.live.instance.disconnect !== undefined) disconnect(entry, entry.unusedChannels(), findings);
    }
  } else {
    for (const each of told) if (each.entry.stays) untell(each, findings);
  }
  for (const entry of entries) entry.finish();
  return sound;
}

/** The pairs of one direction of a mapping. */
interface MappedPairs extends Pairs {
  readonly mapping: MappingDefinition;
}

function mapAll(assembly: Assembly, mappings: readonly MappingDefinition[]): MappedPairs[] {
  const { findings } = assembly;
  const pairs: MappedPairs[] = [];
  for (const mapping of mappings) {
    if (findings.hasManyErrors(mapping.from.instanceLocation)) break;
    const source = instanceOf(assembly, mapping.from);
    const target = instanceOf(assembly, mapping.to);
    if (source === undefined || target === undefined) continue;
    const names = new NameReader();
    const there = expandPairs(source, target, mapping, (...channels) => names.read(...channels));
    names.tell(findings);
    const { forward, backward } = mapping.filters ?? {};
    const { fromInstance, toInstance, from, to } = there;
    pairs.push({ fromInstance, toInstance, from, to, mapping, chain: forward });
    if (mapping.bidirectional) {
      const back = { fromInstance: toInstance, toInstance: fromInstance, from: to, to: from };
      pairs.push({ ...back, mapping, chain: backward });
    }
  }
  return pairs;
}

function instanceOf(
  { byName, failed, backends, findings }: Assembly,
  reference: ChannelReference,
): InstanceEntry | undefined {
  const found = byName.get(reference.instance);
  if (found === undefined && !failed.has(reference.instance)) {
    const comment = commentHelp(reference.instance);
    const known = didYouMean(reference.instance, byName.keys(), "available instances");
    const backend = reference.instance;
    if (backends.has(backend))
      known.unshift(`'${backend}' is a backend: name one of its instances, the NAME in [${backend} NAME]`);
    if (known.length === 0) known.push(`write a section for it, such as [loopback ${reference.instance}]`);
    const help = comment.length > 0 ? comment : known;
    findings.error(`no instance '${reference.instance}'`, reference.instanceLocation, { help });
  }
  return found;
}

/** Parses names of channels, as the declarations of their backends say. */
class NameReader {
  readonly #refused = new ChannelFindings();
  readonly #warned = new ChannelFindings();

  /** @returns the canonical name of each channel; a refused one as it is written */
  read(
    { live, name, names: parsedNames, read: { options, patterns }, incomplete }: InstanceEntry,
    names: readonly string[],
    uses: readonly ChannelUse[],
    reference: ChannelReference,
  ): readonly string[] {
    const { channels } = live.backend.declaration;
    if (channels.parse === undefined || incomplete) return names;
    return names.map((written) => {
      let canonical = parsedNames.canonical.get(written);
      let warning: ChannelFinding | undefined;
      for (const use of uses) {
        const parsed = parseName(channels, written, use, { options, patterns });
        const { problem, help } = parsed;
        if (problem !== undefined) {
          this.#refused.add(reference, { message: `'${name}.${written}': ${problem}`, help });
          return written;
        }
        if (parsed.warning !== undefined) warning = { message: `'${name}.${written}': ${parsed.warning}`, help };
        const found = parsed.name ?? written;
        if (canonical !== undefined && canonical !== found) {
          const { name: backend } = live.backend.declaration;
          const message = `'${name}.${written}': backend '${backend}' has a defect: it calls the channel '${canonical}' and '${found}', depending on its use`;
          this.#refused.add(reference, { message });
          return written;
        }
        canonical = found;
        parsedNames.canonical.set(written, found);
        parsedNames.meanings[use].set(found, parsed.meaning);
      }
      // Once for both uses.
      if (warning !== undefined) this.#warned.add(reference, warning);
      return canonical ?? written;
    });
  }

  tell(findings: Findings): void {
    this.#refused.tell((...error) => findings.error(...error));
    this.#warned.tell((...warning) => findings.warn(...warning));
  }
}

function parseName(
  channels: BackendDeclaration["channels"],
  name: string,
  use: ChannelUse,
  section: InstanceOptions,
): ParsedChannel<unknown> {
  try {
    return atOnce("parse", () => channels.parse?.(name, use, section)) ?? {};
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Warns of channels that an instance's options name, and no mapping. */
function warnOfUnmapped(entry: InstanceEntry, findings: Findings): void {
  const { live, name: instance, read, incomplete, definition, places, channels } = entry;
  const { declaration } = live.backend;
  if (declaration.channels.named === undefined || incomplete) return;
  const mapped = new Set<string>();
  for (let index = 0; index < channels.size; ++index) {
    const isMapped = places.input[index] !== undefined || places.output[index] !== undefined;
    if (isMapped) mapped.add(channels.names(index, 1)[0] ?? "");
  }
  const missing = new Map<string, { readonly first: NamedChannel; count: number }>();
  const unnamed = new Set(mapped);
  try {
    for (const channel of listOf("named", () => declaration.channels.named?.(read))) {
      if (unnamed.delete(channel.name) || mapped.has(channel.name)) continue;
      const place = `${channel.option} ${channel.index}`;
      const known = missing.get(place);
      if (known === undefined) missing.set(place, { first: channel, count: 1 });
      else known.count++;
    }
  } catch (error) {
    const message = `the channels of instance '${instance}' could not be listed: ${messageOf(error)}`;
    findings.error(message, definition.nameLocation);
  }
  for (const { first, count } of missing.values()) {
    const { name, option, index } = first;
    const more = count > 1 ? `, and ${count - 1} more of this line` : "";
    const meant = nearest(name, unnamed);
    const problem = {
      severity: "warning",
      message: `no mapping uses '${instance}.${name}'${more}`,
      option,
      index,
      help: [
        meant === undefined
          ? `write a line in [map], such as: ${instance}.${name} > INSTANCE.CHANNEL`
          : `a mapping uses '${instance}.${meant}': is it misspelt?`,
      ],
    } as const;
    reportTo(findings, problem, ownerOf(declaration, definition), definition.settings, definition.nameLocation);
  }
}

/** Has the core find the handlers of an instance's channels. */
function resolve(entry: InstanceEntry, findings: Findings): void {
  const { live, incomplete } = entry;
  const unresolved = incomplete ? undefined : live.instance.native?.resolve?.(entry.inputs());
  if (unresolved === undefined) return;
  const { settings, nameLocation } = entry.definition;
  for (const problem of unresolved.options) {
    reportTo(findings, problem, ownerOf(live.backend.declaration, entry.definition), settings, nameLocation);
  }
  tellRefusals(entry, unresolved.channels, (...error) => findings.error(...error), unresolved.hasMore);
  tellRefusals(entry, unresolved.hints, (...warning) => findings.warn(...warning));
}

/** Channels that an instance has been told, and what it was told of them before. */
interface Told {
  readonly entry: InstanceEntry;
  readonly added: readonly Channel[];
  readonly changedFrom: readonly Channel[];
}

/** Tells an instance which channels are new to it, or have another meaning than before. */
function tellChannels(entry: InstanceEntry, findings: Findings): Told {
  const { live, name } = entry;
  const channels = live.instance.connect === undefined ? [] : entry.newChannels();
  if (channels.length === 0) return { entry, added: [], changedFrom: [] };
  const isNew = channels.map(({ index, use }) => live.isNew(index, use));
  const changed = channels.filter((_, i) => !isNew[i]);
  const changedFrom = changed.map((channel) => ({ ...channel, meaning: live.meaningOf(channel.index, channel.use) }));
  try {
    const unused = live.instance.disconnect === undefined ? [] : entry.unusedChannels();
    const refusals = listOf("connect", () => live.instance.connect?.(channels, unused));
    const refused = new Set(refusals.map(({ channel }) => channel));
    // A channel keeps its number once the instance knows it, even if this configuration fails.
    const taken = channels.filter(({ index }) => !refused.has(index));
    const added = channels.filter(({ index }, i) => isNew[i] && !refused.has(index));
    for (const channel of taken) live.told(channel);
    const named = ({ channel, problem }: Refusal) => `'${name}.${live.channels.names(channel, 1)[0]}': ${problem}`;
    tellRefusals(
      entry,
      refusals.map((refusal) => ({ ...refusal, problem: named(refusal) })),
      (...error) => findings.error(...error),
    );
    return { entry, added, changedFrom };
  } catch (error) {
    findings.error(`instance '${name}' did not take its channels: ${messageOf(error)}`, entry.definition.nameLocation);
    return { entry, added: [], changedFrom };
  }
}

/** Takes back what an instance was told for a configuration that has failed. */
function untell({ entry, added, changedFrom }: Told, findings: Findings): void {
  const { live, name, definition } = entry;
  disconnect(entry, added, findings);
  if (changedFrom.length === 0) return;
  for (const channel of changedFrom) live.told(channel);
  try {
    listOf("connect", () => live.instance.connect?.(changedFrom, []));
  } catch (error) {
    findings.error(`instance '${name}' did not take its channels back: ${messageOf(error)}`, definition.nameLocation);
  }
}

/** Tells an instance of channels that are not used any more, if it wants to know: it is told of them again when they are. */
function disconnect({ live, name, definition }: InstanceEntry, channels: readonly Channel[], findings: Findings): void {
  if (live.instance.disconnect === undefined || channels.length === 0) return;
  for (const channel of channels) live.forget(channel);
  try {
    atOnce("disconnect", () => live.instance.disconnect?.(channels));
  } catch (error) {
    findings.warn(`instance '${name}' threw in disconnect(): ${messageOf(error)}`, definition.nameLocation);
  }
}

/** @param hasMore whether further channels were not checked */
function tellRefusals(
  { places, name, definition }: InstanceEntry,
  refusals: readonly Refusal[],
  say: Findings["error"],
  hasMore = false,
): void {
  const found = new ChannelFindings();
  for (const { channel, problem, help, detail } of refusals) {
    const reference = places.input[channel] ?? places.output[channel];
    if (reference === undefined) say(`instance '${name}': ${problem}`, definition.nameLocation, help && { help });
    else found.add(reference, { message: problem, help, detail });
  }
  found.tell(say, hasMore);
}

/** Exchanges the tables. This cannot be undone. */
function install(assembly: Assembly, pairs: readonly MappedPairs[], { binding, core }: Engine): void {
  const { entries, findings } = assembly;
  const counts = Array.from(
    { length: binding.instanceCount(core) },
    (_, number) => entries.get(number)?.channels.size ?? 0,
  );
  const routes = compileFiltered(counts, pairs);
  const { table, filters } = routes;
  warnOfFilters(routes, pairs, findings);
  binding.connect(core, table.firstChannels, table.offsets, table.targets, filters);
  assembly.filters = new FilterPlaces(pairs, table.firstChannels);
  for (const entry of entries.values()) {
    entry.firstChannel = table.firstChannels[entry.live.number] ?? 0;
    entry.live.connected = entry.channels.size;
  }
}

/** Warns of filters that are allowed, but rarely do what was meant. */
function warnOfFilters({ doubled, crowded }: FilteredRoutes, pairs: readonly MappedPairs[], findings: Findings): void {
  const name = ({ instance, channel }: ChannelReference) => `${instance}.${channel}`;
  for (const i of doubled) {
    const { from, to } = (pairs[i] as MappedPairs).mapping;
    const message = `'${name(from)}' is mapped to '${name(to)}' more than once, with different filters: each delivers`;
    findings.warn(message, from.channelLocation);
  }
  for (const i of crowded) {
    const { to } = (pairs[i] as MappedPairs).mapping;
    const help = [
      "to change a common value, map both to a channel of a loopback, and that to the target with the filter",
    ];
    findings.warn(`'${name(to)}' has several sources whose filters take time; they will compete`, to.channelLocation, {
      help,
    });
  }
  const problems = new Map<FilterChain, ReturnType<typeof slowPress>>();
  for (const { mapping, chain } of pairs) {
    if (chain === undefined) continue;
    if (!problems.has(chain)) problems.set(chain, slowPress(chain));
    const problem = problems.get(chain);
    if (problem === undefined) continue;
    const [press, rate] = problem;
    const message = `'${rate.text}' after '${press.text}' drops presses that follow each other quickly`;
    findings.warn(message, mapping.from.channelLocation, {
      help: [`put it in front of ${press.text}, or leave it out`],
    });
  }
}

/** A filter that makes presses, and a `rate` behind it. What makes presses has no way back, so a mapping has one chain. */
function slowPress({ steps }: FilterChain): [FilterStep, FilterStep] | undefined {
  const button = steps.findIndex(({ declaration: { name } }) => name === "press" || name === "toggle");
  const press = steps[button];
  const rate = steps.find(({ declaration }, i) => i > button && declaration.name === "rate");
  return press && rate && [press, rate];
}
