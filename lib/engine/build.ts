// From a definition to an assembly: opens backends, makes instances. Nothing that runs is touched: instances of the assembly
// before that can go on under the new configuration are taken over as they are.
import type { BackendDeclaration } from "../backends/declare.js";
import type { InstanceSetup, Problem } from "../backends/instance.js";
import { placeOf, type ReadOptions, readOptions } from "../backends/read-options.js";
import type { BackendDefinition, Definition, InstanceDefinition, Setting } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import type { Location } from "../config/source.js";
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError, messageOf } from "../errors.js";
import type { Logger } from "../log.js";
import type { Assembly } from "./assembly.js";
import type { Engine } from "./engine.js";
import { InstanceEntry, type LiveBackend, LiveInstance } from "./instances.js";

/** What building needs of its router. */
export interface BuildHost {
  readonly engine: Engine;
  readonly log: Logger;
  readonly declarations: ReadonlyMap<string, BackendDeclaration>;
  /** Backends that are open. New ones are added. */
  readonly backends: Map<string, LiveBackend>;
  /** Told of every instance that is made. */
  created(live: LiveInstance): void;
  /** Takes an instance out of the core for good. */
  retire(live: LiveInstance): void;
  /** What an instance calls to emit; undefined until it has been made. */
  emit(live: LiveInstance | undefined, name: string, channel: number, value: number): void;
}

/**
 * Makes the instances of a definition. Goes on after errors, to find as many as there are; they are the assembly's findings.
 *
 * @param assembly empty; it is filled
 * @param before the assembly that runs, if there is one
 * @throws {MidimonsterError} for what makes all the rest pointless, like no Python
 */
export async function build(
  assembly: Assembly,
  definition: Definition,
  host: BuildHost,
  before?: Assembly,
): Promise<void> {
  const builder = new Builder(assembly, definition, host, before);
  for (const backend of definition.backends.values()) await builder.openBackend(backend);
  for (const instance of definition.instances) {
    if (assembly.findings.hasManyErrors(instance.nameLocation)) return;
    await builder.addInstance(instance);
  }
}

class Builder {
  readonly #assembly: Assembly;
  readonly #definition: Definition;
  readonly #host: BuildHost;
  readonly #before: Assembly | undefined;
  readonly #findings: Findings;
  readonly #failedBackends = new Set<string>();

  constructor(assembly: Assembly, definition: Definition, host: BuildHost, before: Assembly | undefined) {
    this.#assembly = assembly;
    this.#definition = definition;
    this.#host = host;
    this.#before = before;
    this.#findings = assembly.findings;
  }

  async openBackend({ name, location, settings }: BackendDefinition): Promise<void> {
    const declaration = this.#declarationOf(name, location);
    if (declaration === undefined) return;
    const { backends, log, engine } = this.#host;
    const owner = `backend '${name}'`;
    const section = {
      options: declaration.options,
      open: declaration.otherOptions === "accepted",
      check: declaration.checkOptions,
    };
    const { values } = readOptions(section, settings, owner, location, this.#findings);
    const live = backends.get(name);
    if (live !== undefined) {
      if (!sameSettings(live.settings, settings)) {
        log.warn({ backend: name }, `options of ${owner} have changed; they take effect with the next start`);
      }
      return;
    }
    const report = this.#reporter(owner, settings, location);
    try {
      const module = await declaration.load();
      const open = await module.open({ name, options: values, settings, log, engine, report });
      backends.set(name, { declaration, open, settings });
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      this.#findings.error(`${owner} could not be opened: ${messageOf(error)}`, location);
      this.#failedBackends.add(name);
    }
  }

  async addInstance(definition: InstanceDefinition): Promise<void> {
    const { name, nameLocation } = definition;
    const backend = await this.#backendOf(definition);
    if (backend === undefined) {
      this.#assembly.failed.add(name);
      return;
    }
    const first = this.#assembly.byName.get(name);
    if (first !== undefined) {
      const place = first.definition.nameLocation;
      const help = place && [`the first one is at ${place.source.file}:${place.line}:${place.column}`];
      this.#findings.error(`there already is an instance '${name}'`, nameLocation, help ? { help } : {});
      return;
    }
    const read = this.#readInstanceOptions(definition, backend.declaration);
    const before = this.#find(definition, backend);
    if (before !== undefined) {
      const entry = new InstanceEntry(definition, read.values, before.live, true);
      entry.incomplete = !read.sound;
      this.#assembly.add(entry);
      return;
    }
    if (read.missing) this.#assembly.failed.add(name);
    else await this.#create(definition, backend, read);
  }

  #declarationOf(name: string, location: Location | undefined): BackendDeclaration | undefined {
    const { declarations } = this.#host;
    const declaration = declarations.get(name);
    if (declaration === undefined) {
      const help = didYouMean(name, declarations.keys(), "available backends");
      this.#findings.error(`unknown backend '${name}'`, location, { help });
    }
    return declaration;
  }

  /** The backend of an instance, opened with its defaults if it has no section of its own. */
  async #backendOf({ backend: name, backendLocation }: InstanceDefinition): Promise<LiveBackend | undefined> {
    const { backends, declarations } = this.#host;
    if (!declarations.has(name)) {
      this.#declarationOf(name, backendLocation);
      return undefined;
    }
    if (!backends.has(name) && !this.#definition.backends.has(name) && !this.#failedBackends.has(name)) {
      await this.openBackend({ name, settings: [], ...(backendLocation && { location: backendLocation }) });
    }
    return backends.get(name);
  }

  #readInstanceOptions({ settings, nameLocation }: InstanceDefinition, declaration: BackendDeclaration): ReadOptions {
    const section = {
      options: declaration.instanceOptions,
      patterns: declaration.optionPatterns,
      open: declaration.otherInstanceOptions === "accepted",
      check: declaration.checkInstanceOptions,
    };
    return readOptions(section, settings, ownerOf(declaration), nameLocation, this.#findings);
  }

  /** The instance that runs and can go on under this definition. */
  #find(definition: InstanceDefinition, { declaration }: LiveBackend): InstanceEntry | undefined {
    const before = this.#before?.byName.get(definition.name);
    if (before === undefined || before.live.backend.declaration !== declaration) return undefined;
    return canStay(before.definition, definition, declaration) ? before : undefined;
  }

  async #create(definition: InstanceDefinition, backend: LiveBackend, read: ReadOptions): Promise<void> {
    const { name, folder, nameLocation, settings } = definition;
    const { engine, log, emit } = this.#host;
    const { findings } = this.#assembly;
    const errors = findings.errors.length;
    let live: LiveInstance | undefined;
    const setup: InstanceSetup = {
      name,
      folder,
      settings,
      options: read.values,
      patterns: read.patterns,
      log,
      engine,
      report: this.#reporter(ownerOf(backend.declaration), settings, nameLocation),
      emit: (channel, value) => emit(live, name, channel, value),
      now: () => engine.binding.now(engine.core),
    };
    try {
      const instance = await backend.open.instance(setup);
      const number = instance.native?.number ?? engine.binding.addJavascript(engine.core);
      live = new LiveInstance(name, backend, instance, number);
      this.#host.created(live);
      const entry = new InstanceEntry(definition, read.values, live, false);
      entry.incomplete = !read.sound || findings.errors.length > errors;
      this.#assembly.add(entry);
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      this.#findings.error(`instance '${name}' could not be created: ${messageOf(error)}`, nameLocation);
      this.#assembly.failed.add(name);
    }
  }

  #reporter(owner: string, settings: readonly Setting[], section: Location | undefined) {
    return (problem: Problem) => reportTo(this.#findings, problem, owner, settings, section);
  }
}

/** A problem that a backend reports, as an error at its place. */
export function reportTo(
  findings: Findings,
  { message, option, index, help, detail }: Problem,
  owner: string,
  settings: readonly Setting[],
  section: Location | undefined,
): void {
  const place = option === undefined ? section : placeOf(settings, option, index);
  // Without a place, as for options that the API gives, the message has to say which option it is.
  const prefix = option === undefined || place !== undefined ? "" : `option '${option}' of ${owner}: `;
  findings.error(prefix + message, place, { ...(help && { help }), ...(detail !== undefined && { detail }) });
}

/** For messages about an instance's options. */
export function ownerOf({ name }: BackendDeclaration): string {
  return `an instance of '${name}'`;
}

/** Whether an instance can take new settings while it runs. */
function canStay(
  before: InstanceDefinition,
  next: InstanceDefinition,
  { instanceOptions }: BackendDeclaration,
): boolean {
  if (before.folder !== next.folder) return false;
  const isLive = (option: string) => Object.hasOwn(instanceOptions, option) && instanceOptions[option]?.live;
  const fixed = (settings: readonly Setting[]) => settings.filter(({ option }) => isLive(option) !== true);
  const appended = (settings: readonly Setting[], only: boolean) =>
    fixed(settings).filter(({ option }) => (isLive(option) === "append") === only);
  if (!sameSettings(appended(before.settings, false), appended(next.settings, false))) return false;
  const [old, now] = [appended(before.settings, true), appended(next.settings, true)];
  const names = new Set(old.map(({ option }) => option));
  return [...names].every((name) => {
    const [first, second] = [old, now].map((settings) => settings.filter(({ option }) => option === name));
    return sameSettings(first ?? [], (second ?? []).slice(0, first?.length));
  });
}

/** Whether settings are the same, wherever they stand. */
export function sameSettings(left: readonly Setting[], right: readonly Setting[]): boolean {
  const key = (settings: readonly Setting[]) =>
    JSON.stringify(settings.map(({ option, value, folder }) => [option, value, folder]));
  return key(left) === key(right);
}
