// From a definition to an assembly: opens backends and creates instances. The running configuration is not touched: instances
// that can continue under the new configuration are taken over as they are.
import type { BackendDeclaration, InstanceOptions } from "../backends/declare.js";
import { insteadOf } from "../backends/elsewhere.js";
import type {
  BackendModule,
  BackendSetup,
  EventBatch,
  InstanceSetup,
  OpenBackend,
  Problem,
} from "../backends/instance.js";
import { type ReadOptions, readOptions, reportTo } from "../backends/read-options.js";
import { checkDeclaredInstance, checkOpenBackend, doubtsAbout } from "../backends/shapes.js";
import type { BackendDefinition, Definition, InstanceDefinition, Setting } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import type { Location } from "../config/source.js";
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError, messageOf } from "../errors.js";
import type { Logger } from "../log/log.js";
import { listOf, untilAborted } from "../user-code.js";
import type { Assembly } from "./assembly.js";
import type { Engine } from "./engine.js";
import { InstanceEntry, type LiveBackend, LiveInstance } from "./instances.js";
import { canStay, sameSettings } from "./staying.js";

/** The parts of a session that building uses. */
export interface BuildHost {
  readonly engine: Engine;
  readonly log: Logger;
  readonly declarations: ReadonlyMap<string, BackendDeclaration>;
  /** Imported code of backends, by name; extended by each import. */
  readonly modules: Map<string, BackendModule>;
  /** Open backends, by name; extended by each that is opened. */
  readonly backends: Map<string, LiveBackend>;
  /** Creates an instance from now on: reports of an unknown one are about it. */
  creating(name: string): void;
  /**
   * Registers a created instance.
   *
   * @throws {Error} if the core has no such instance
   */
  created(live: LiveInstance): void;
  /** Removes instances from the core for good. */
  retire(instances: readonly LiveInstance[]): void;
  /** Emits an event for an instance; `live` is undefined until it has been created. */
  emit(live: LiveInstance | undefined, name: string, channel: number, value: number): void;
  emitBatch(live: LiveInstance | undefined, name: string, batch: EventBatch): void;
}

/**
 * Creates the instances of a definition. Continues after errors, to find as many as possible; they become the assembly's
 * findings. Ends early when the router is being stopped.
 *
 * @param assembly empty; it is filled
 * @param before the running assembly, if there is one
 * @throws {MidimonsterError} for an error that makes everything else pointless, such as a missing Python
 */
export async function build(
  assembly: Assembly,
  definition: Definition,
  host: BuildHost,
  before?: Assembly,
): Promise<void> {
  const builder = new Builder(assembly, host, definition.instances, before);
  const { stopping } = host.engine;
  if (definition.instances.length === 0 && definition.location !== undefined) {
    const help = ["write a section such as [python desk] for each"];
    assembly.findings.warn("the configuration has no instances", definition.location, { help });
  }
  for (const backend of definition.backends.values()) {
    if (stopping.aborted) return;
    await builder.openBackend(backend);
  }
  const mayGoOn = ({ nameLocation }: InstanceDefinition) =>
    !stopping.aborted && !assembly.findings.hasManyErrors(nameLocation);
  for (const instance of definition.instances) {
    if (!mayGoOn(instance)) return;
    await builder.addInstance(instance);
  }
  if (!(await builder.createInstances(mayGoOn))) return;
  for (const name of assembly.backends) builder.checkInstances(name);
}

/** An instance that is to be created, or to be taken over from `before`. */
interface Planned {
  readonly definition: InstanceDefinition;
  readonly backend: LiveBackend;
  readonly read: ReadOptions;
  readonly before: InstanceEntry | undefined;
}

class Builder {
  readonly #assembly: Assembly;
  readonly #host: BuildHost;
  readonly #instances: readonly InstanceDefinition[];
  readonly #before: Assembly | undefined;
  readonly #findings: Findings;
  readonly #named = new Map<string, InstanceDefinition>();
  readonly #planned: Planned[] = [];
  /** By backend. */
  readonly #read = new Map<string, { readonly definition: InstanceDefinition; readonly read: ReadOptions }[]>();

  constructor(
    assembly: Assembly,
    host: BuildHost,
    instances: readonly InstanceDefinition[],
    before: Assembly | undefined,
  ) {
    this.#assembly = assembly;
    this.#host = host;
    this.#instances = instances;
    this.#before = before;
    this.#findings = assembly.findings;
  }

  async openBackend({ name, location, settings: written }: BackendDefinition): Promise<void> {
    this.#assembly.backends.add(name);
    const declaration = this.#declarationOf(name, location);
    if (declaration === undefined) return;
    const { backends } = this.#host;
    const owner = `backend '${name}'`;
    const section = {
      owner,
      options: declaration.options,
      open: declaration.otherOptions === "accepted",
      other: { header: `instances: write it below [${name} NAME]`, options: declaration.instanceOptions },
      check: ({ options }: InstanceOptions) => listOf("checkOptions", () => declaration.checkOptions?.(options)),
    };
    const { options, settings, missing } = readOptions(section, written, location, this.#findings);
    const live = backends.get(name);
    if (live !== undefined) {
      if (sameSettings(live.settings, settings)) return;
      this.#findings.warn(`options of ${owner} have changed; they take effect with the next start`, location);
    } else if (!missing) {
      await this.#open(declaration, options, settings, location);
    }
  }

  async #open(
    declaration: BackendDeclaration,
    options: InstanceOptions["options"],
    settings: readonly Setting[],
    location: Location | undefined,
  ): Promise<void> {
    const { name } = declaration;
    const { backends, modules, log, engine } = this.#host;
    const owner = `backend '${name}'`;
    const report = reporter(this.#findings, owner, settings, location);
    try {
      const module = modules.get(name) ?? (await untilAborted(() => declaration.load(), engine.stopping));
      if (typeof module?.open !== "function") throw new Error("load() returned no object with an open() method");
      modules.set(name, module);
      const setup = { name, options, settings, log, engine, report };
      const open =
        engine.check === "read"
          ? unopened(module, setup)
          : await untilAborted(() => module.open(setup), engine.stopping);
      checkOpenBackend(open);
      for (const doubt of doubtsAbout("open backend", open)) this.#findings.warn(`${owner}: its ${doubt}`, location);
      backends.set(name, { declaration, open, options, settings });
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      this.#findings.error(`${owner} could not be opened: ${messageOf(error)}`, location);
    }
  }

  /** Reads an instance's options. It is created later, unless it continues. */
  async addInstance(written: InstanceDefinition): Promise<void> {
    const { name, nameLocation } = written;
    const backend = await this.#backendOf(written);
    if (backend === undefined) {
      this.#assembly.failed.add(name);
      return;
    }
    const first = this.#named.get(name);
    if (first !== undefined) {
      const place = first.nameLocation;
      const help = place && [`the first one is at ${place.source.file}:${place.line}:${place.column}`];
      this.#findings.error(`instance '${name}' already exists`, nameLocation, help ? { help } : {});
      return;
    }
    const read = this.#readInstanceOptions(written, backend.declaration);
    const definition = { ...written, settings: read.settings };
    this.#named.set(name, definition);
    const others = this.#read.get(written.backend);
    if (others === undefined) this.#read.set(written.backend, [{ definition, read }]);
    else others.push({ definition, read });
    const before = this.#find(definition, backend);
    if (before === undefined && read.missing) this.#assembly.failed.add(name);
    else this.#planned.push({ definition, backend, read, before });
  }

  /**
   * Creates what {@link addInstance} has read, in the same order.
   *
   * @param mayGoOn asked before each
   * @returns whether all have had their turn
   */
  async createInstances(mayGoOn: (definition: InstanceDefinition) => boolean): Promise<boolean> {
    const ends: (() => void)[] = [];
    try {
      for (const backend of new Set(this.#planned.map((planned) => planned.backend))) {
        ends.push(await this.#announce(backend));
      }
      for (const { definition, backend, read, before } of this.#planned) {
        if (!mayGoOn(definition)) return false;
        if (before === undefined) {
          await this.#create(definition, backend, read);
          continue;
        }
        const entry = new InstanceEntry(definition, read, before.live, true);
        entry.incomplete = !read.sound;
        this.#assembly.add(entry);
      }
    } finally {
      for (const end of ends) end();
    }
    return true;
  }

  async #announce(backend: LiveBackend): Promise<() => void> {
    const instances = this.#planned.flatMap((planned) => {
      if (planned.backend !== backend || planned.before !== undefined) return [];
      const { definition, read } = planned;
      return [{ name: definition.name, folder: definition.folder, options: read.options }];
    });
    const nothing = () => {};
    if (instances.length === 0) return nothing;
    try {
      return (await untilAborted(() => backend.open.announce?.(instances), this.#host.engine.stopping)) ?? nothing;
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      const { name } = backend.declaration;
      this.#findings.error(`instances of backend '${name}' could not be created: ${messageOf(error)}`, undefined);
      return nothing;
    }
  }

  /** Has a backend look at all of its instances. */
  checkInstances(name: string): void {
    const live = this.#host.backends.get(name);
    const all = this.#read.get(name) ?? [];
    if (live?.declaration.checkInstances === undefined || all.length === 0) return;
    if (!all.every(({ read }) => read.sound)) return;
    const { declaration, options } = live;
    const instances = all.map(({ definition, read }) => ({
      name: definition.name,
      options: read.options,
      patterns: read.patterns,
    }));
    try {
      const problems = listOf("checkInstances", () => declaration.checkInstances?.(instances, options));
      for (const { instance, problem, ...more } of problems) {
        const definition = all.find((each) => each.definition.name === instance)?.definition;
        const [settings, place] = [definition?.settings ?? [], definition?.nameLocation];
        // Without a place, as in the API, the message has to say which one it is.
        const isNamed = place !== undefined || more.option !== undefined;
        const message = isNamed ? problem : `instance '${instance}': ${problem}`;
        reportTo(this.#findings, { message, ...more }, ownerOf(declaration, definition), settings, place);
      }
    } catch (error) {
      this.#findings.error(
        `the instances of '${name}' could not be checked: ${messageOf(error)}`,
        all[0]?.definition.backendLocation,
      );
    }
  }

  #declarationOf(name: string, location: Location | undefined): BackendDeclaration | undefined {
    const { declarations } = this.#host;
    const declaration = declarations.get(name);
    if (declaration === undefined) {
      const instead = insteadOf(name);
      const help = instead === undefined ? didYouMean(name, declarations.keys(), "available backends") : [instead];
      const message =
        instead === undefined ? `unknown backend '${name}'` : `MIDIMonster's backend '${name}' is not here`;
      this.#findings.error(message, location, { help });
    }
    return declaration;
  }

  /** The backend of an instance, opened with its defaults if it has no section of its own. */
  async #backendOf({ backend: name, backendLocation }: InstanceDefinition): Promise<LiveBackend | undefined> {
    if (this.#declarationOf(name, backendLocation) === undefined) return undefined;
    if (!this.#assembly.backends.has(name)) {
      await this.openBackend({ name, settings: [], ...(backendLocation && { location: backendLocation }) });
    }
    return this.#host.backends.get(name);
  }

  #readInstanceOptions(definition: InstanceDefinition, declaration: BackendDeclaration): ReadOptions {
    const { settings, nameLocation } = definition;
    const section = {
      owner: ownerOf(declaration, definition),
      options: declaration.instanceOptions,
      patterns: declaration.optionPatterns,
      open: declaration.otherInstanceOptions === "accepted",
      other: { header: `the backend: write it below [backend ${declaration.name}]`, options: declaration.options },
      check: (read: InstanceOptions) => listOf("checkInstanceOptions", () => declaration.checkInstanceOptions?.(read)),
    };
    return readOptions(section, settings, nameLocation, this.#findings);
  }

  /** The running instance that can continue under this definition. */
  #find(definition: InstanceDefinition, { declaration }: LiveBackend): InstanceEntry | undefined {
    const before = this.#before?.byName.get(definition.name);
    if (before === undefined || before.live.failed !== undefined || before.live.backend.declaration !== declaration)
      return undefined;
    return canStay(before.definition, definition, declaration) ? before : undefined;
  }

  async #create(definition: InstanceDefinition, backend: LiveBackend, read: ReadOptions): Promise<void> {
    const { name, folder, nameLocation, settings } = definition;
    const { engine, log, emit, emitBatch } = this.#host;
    const { findings } = this.#assembly;
    const errors = findings.errors.length;
    let live: LiveInstance | undefined;
    const setup: InstanceSetup = {
      name,
      folder,
      settings,
      options: read.options,
      patterns: read.patterns,
      log,
      engine,
      siblings: this.#instances.filter((one) => one.backend === definition.backend),
      report: reporter(findings, ownerOf(backend.declaration, definition), settings, nameLocation),
      emit: (channel, value) => emit(live, name, channel, value),
      emitBatch: (batch) => emitBatch(live, name, batch),
      now: () => engine.binding.now(engine.core),
    };
    this.#host.creating(name);
    try {
      const instance = await untilAborted(() => backend.open.instance(setup), engine.stopping);
      checkDeclaredInstance(instance);
      for (const doubt of doubtsAbout("declared instance", instance)) {
        findings.warn(`instance '${name}' of backend '${backend.declaration.name}': its ${doubt}`, nameLocation);
      }
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

/** A backend that is only read. */
function unopened(module: BackendModule, setup: BackendSetup): OpenBackend {
  return {
    instance: async (instance) => {
      await module.inspect?.(instance, setup);
      return {};
    },
  };
}

/** A separate function: a backend may keep the closure, which must not keep an obsolete configuration alive. */
function reporter(findings: Findings, owner: string, settings: readonly Setting[], section: Location | undefined) {
  return (problem: Problem) => reportTo(findings, problem, owner, settings, section);
}

/** For messages about an instance's options. One that was made by a call of the API has no place, so they name it. */
export function ownerOf(declaration: BackendDeclaration, instance: InstanceDefinition | undefined): string {
  const isElsewhere = instance === undefined || instance.nameLocation !== undefined;
  return isElsewhere ? `an instance of '${declaration.name}'` : `instance '${instance.name}'`;
}
