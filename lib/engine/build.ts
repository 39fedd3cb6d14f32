// From a definition to an assembly: opens backends, creates instances. Nothing that runs is touched: instances of the
// previous assembly that can continue under the new configuration are taken over unchanged.
import type { BackendDeclaration } from "../backends/declare.js";
import type { BackendModule, InstanceSetup, Problem } from "../backends/instance.js";
import { optionNamed, type ReadOptions, readOptions, reportTo } from "../backends/read-options.js";
import type { BackendDefinition, Definition, InstanceDefinition, Setting } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import type { Location } from "../config/source.js";
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError, messageOf } from "../errors.js";
import type { Logger } from "../log/log.js";
import type { Assembly } from "./assembly.js";
import type { Engine } from "./engine.js";
import { InstanceEntry, type LiveBackend, LiveInstance } from "./instances.js";
import { untilAborted } from "./waiting.js";

/** What building needs from its router. */
export interface BuildHost {
  readonly engine: Engine;
  readonly log: Logger;
  readonly declarations: ReadonlyMap<string, BackendDeclaration>;
  /** Imported code of backends. New imports are added. */
  readonly modules: Map<string, BackendModule>;
  /** Open backends. New ones are added. */
  readonly backends: Map<string, LiveBackend>;
  /**
   * Called for every instance that is created.
   *
   * @throws {Error} if the core has no such instance
   */
  created(live: LiveInstance): void;
  /** Takes an instance out of the core for good. */
  retire(live: LiveInstance): void;
  /** Emits for an instance, which is undefined until it has been created. */
  emit(live: LiveInstance | undefined, name: string, channel: number, value: number): void;
}

/**
 * Creates the instances of a definition. Continues after errors, to find them all; they become the assembly's findings.
 * Ends early when the router is to stop.
 *
 * @param assembly filled by this function
 * @param before the running assembly, if any
 * @throws {MidimonsterError} for an error that makes continuing pointless, such as a missing Python
 */
export async function build(
  assembly: Assembly,
  definition: Definition,
  host: BuildHost,
  before?: Assembly,
): Promise<void> {
  const builder = new Builder(assembly, host, before);
  const { stopping } = host.engine;
  for (const backend of definition.backends.values()) {
    if (stopping.aborted) return;
    await builder.openBackend(backend);
  }
  for (const instance of definition.instances) {
    if (stopping.aborted || assembly.findings.hasManyErrors(instance.nameLocation)) return;
    await builder.addInstance(instance);
  }
}

class Builder {
  readonly #assembly: Assembly;
  readonly #host: BuildHost;
  readonly #before: Assembly | undefined;
  readonly #findings: Findings;
  readonly #knownBackends = new Set<string>();

  constructor(assembly: Assembly, host: BuildHost, before: Assembly | undefined) {
    this.#assembly = assembly;
    this.#host = host;
    this.#before = before;
    this.#findings = assembly.findings;
  }

  async openBackend({ name, location, settings }: BackendDefinition): Promise<void> {
    this.#knownBackends.add(name);
    const declaration = this.#declarationOf(name, location);
    if (declaration === undefined) return;
    const { backends } = this.#host;
    const owner = `backend '${name}'`;
    const section = {
      owner,
      options: declaration.options,
      open: declaration.otherOptions === "accepted",
      check: (values: ReadOptions["values"]) => declaration.checkOptions?.(values) ?? [],
    };
    const { values, missing } = readOptions(section, settings, location, this.#findings);
    const live = backends.get(name);
    if (live !== undefined) {
      if (sameSettings(live.settings, settings)) return;
      this.#findings.warn(`options of ${owner} have changed; they take effect with the next start`, location);
    } else if (!missing) {
      await this.#open(declaration, values, settings, location);
    }
  }

  async #open(
    declaration: BackendDeclaration,
    options: ReadOptions["values"],
    settings: readonly Setting[],
    location: Location | undefined,
  ): Promise<void> {
    const { name } = declaration;
    const { backends, modules, log, engine } = this.#host;
    const owner = `backend '${name}'`;
    const report = reporter(this.#findings, owner, settings, location);
    try {
      const module = modules.get(name) ?? (await untilAborted(declaration.load(), engine.stopping));
      modules.set(name, module);
      const opening = module.open({ name, options, settings, log, engine, report });
      const open = await untilAborted(opening, engine.stopping);
      if (typeof open?.instance !== "function") throw new Error("open() returned no object with an instance() method");
      backends.set(name, { declaration, open, settings });
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      this.#findings.error(`${owner} could not be opened: ${messageOf(error)}`, location);
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
      this.#findings.error(`instance '${name}' already exists`, nameLocation, help ? { help } : {});
      return;
    }
    const read = this.#readInstanceOptions(definition, backend.declaration);
    const before = this.#find(definition, backend);
    if (before !== undefined) {
      const entry = new InstanceEntry(definition, read, before.live, true);
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
    if (this.#declarationOf(name, backendLocation) === undefined) return undefined;
    if (!this.#knownBackends.has(name)) {
      await this.openBackend({ name, settings: [], ...(backendLocation && { location: backendLocation }) });
    }
    return this.#host.backends.get(name);
  }

  #readInstanceOptions({ settings, nameLocation }: InstanceDefinition, declaration: BackendDeclaration): ReadOptions {
    const section = {
      owner: ownerOf(declaration),
      options: declaration.instanceOptions,
      patterns: declaration.optionPatterns,
      open: declaration.otherInstanceOptions === "accepted",
      check: (values: ReadOptions["values"]) => declaration.checkInstanceOptions?.(values) ?? [],
    };
    return readOptions(section, settings, nameLocation, this.#findings);
  }

  /** The running instance that can continue under this definition. */
  #find(definition: InstanceDefinition, { declaration }: LiveBackend): InstanceEntry | undefined {
    const before = this.#before?.byName.get(definition.name);
    if (before === undefined || before.live.failed || before.live.backend.declaration !== declaration) return undefined;
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
      report: reporter(findings, ownerOf(backend.declaration), settings, nameLocation),
      emit: (channel, value) => emit(live, name, channel, value),
      now: () => engine.binding.now(engine.core),
    };
    try {
      const instance = await untilAborted(backend.open.instance(setup), engine.stopping);
      if (typeof instance !== "object" || instance === null) throw new Error("instance() did not return an object");
      const number = instance.native?.number ?? engine.binding.addJavascript(engine.core);
      live = new LiveInstance(name, backend, instance, number);
      this.#host.created(live);
      const entry = new InstanceEntry(definition, read, live, false);
      entry.incomplete = !read.sound || findings.errors.length > errors;
      this.#assembly.add(entry);
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      findings.error(`instance '${name}' could not be created: ${messageOf(error)}`, nameLocation);
      this.#assembly.failed.add(name);
    }
  }
}

/** A separate function: a backend may keep the closure, which must not keep an obsolete configuration alive. */
function reporter(findings: Findings, owner: string, settings: readonly Setting[], section: Location | undefined) {
  return (problem: Problem) => reportTo(findings, problem, owner, settings, section);
}

/** For messages about an instance's options. */
export function ownerOf({ name }: BackendDeclaration): string {
  return `an instance of '${name}'`;
}

/** Whether an instance can take new settings while it runs. */
function canStay(before: InstanceDefinition, next: InstanceDefinition, declaration: BackendDeclaration): boolean {
  if (before.folder !== next.folder) return false;
  const { instanceOptions, optionPatterns } = declaration;
  const liveOf = ({ option }: Setting) => optionNamed(instanceOptions, optionPatterns, option)?.option.live ?? false;
  const fixed = (settings: readonly Setting[]) => settings.filter((setting) => liveOf(setting) === false);
  if (!sameSettings(fixed(before.settings), fixed(next.settings))) return false;
  const appended = before.settings.filter((setting) => liveOf(setting) === "append");
  return [...new Set(appended.map(({ option }) => option))].every((name) => {
    const had = appended.filter(({ option }) => option === name);
    const has = next.settings.filter(({ option }) => option === name);
    return sameSettings(had, has.slice(0, had.length));
  });
}

/** Whether settings are the same, regardless of their places. */
function sameSettings(left: readonly Setting[], right: readonly Setting[]): boolean {
  const same = ({ option, value, folder }: Setting, other: Setting | undefined) =>
    option === other?.option && value === other.value && folder === other.folder;
  return left.length === right.length && left.every((setting, i) => same(setting, right[i]));
}
