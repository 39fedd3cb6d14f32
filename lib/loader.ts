import type { Backend, InstanceContext } from "./backends/backend.js";
import { ModuleError, PythonBackend, type PythonContext, PythonInstance } from "./backends/python.js";
import type { Binding, Core } from "./binding.js";
import type {
  BackendDefinition,
  ChannelReference,
  Definition,
  InstanceDefinition,
  MappingDefinition,
  Setting,
} from "./config/definition.js";
import type { Diagnostic } from "./config/diagnostic.js";
import { MAX_ERRORS } from "./config/limits.js";
import type { Location } from "./config/source.js";
import { didYouMean } from "./config/suggest.js";
import { MidimonsterError, messageOf } from "./errors.js";
import { addToCore, ChannelError, LoadedInstance, sameSettings } from "./instances.js";
import type { Logger } from "./log.js";
import { expandPairs } from "./mapping/pairs.js";
import { compileRoutes, type Pairs } from "./mapping/routes.js";

/** What loading needs of its router. */
export interface LoaderHost {
  readonly binding: Binding;
  readonly core: Core;
  readonly log: Logger;
  readonly backends: ReadonlyMap<string, Backend>;
  /** `sys.argv[0]` of python instances. */
  readonly argument: string;
  /** What an instance calls to emit; its number is undefined until it has been created. */
  emit(instance: number | undefined, channel: number, value: number): void;
}

/**
 * Makes a definition real: configures backends, creates instances, loads modules, resolves channels and handlers, and
 * installs the mapping in the core. Goes on after errors, to find as many as there are.
 *
 * With a loader before it, it takes over what has not changed: {@link create}, then {@link replace}. If there are
 * diagnostics after either, all is as before, but for the instances of {@link created}.
 */
export class Loader {
  readonly instances = new Map<number, LoadedInstance>();
  readonly diagnostics: Diagnostic[] = [];
  /** Those that {@link create} has made, in order. */
  readonly created: LoadedInstance[] = [];
  /** Modules that were loaded anew, as `instance.module`. */
  readonly reloaded: string[] = [];
  readonly #host: LoaderHost;
  #before: Loader | undefined;
  readonly #backends = new Map<string, readonly Setting[]>();
  readonly #byName = new Map<string, LoadedInstance>();
  // Instances that could not be created: mappings to them are no errors of their own.
  readonly #failed = new Set<string>();
  readonly #pairs: Pairs[] = [];
  #gaveUp = false;

  constructor(host: LoaderHost, before?: Loader) {
    this.#host = host;
    this.#before = before;
  }

  /** @throws {MidimonsterError} for what makes all the rest pointless, like no Python; diagnostics do not throw */
  async load(definition: Definition): Promise<void> {
    await this.create(definition);
    this.#connect(definition);
  }

  /**
   * Creates instances that are new or can't take their new settings, and loads their modules.
   *
   * @throws {MidimonsterError} as {@link load}
   */
  async create(definition: Definition): Promise<void> {
    for (const backend of definition.backends.values()) await this.#configureBackend(backend);
    for (const instance of definition.instances) {
      if (this.#hasManyErrors(instance.nameLocation)) return;
      await this.#createInstance(instance);
    }
  }

  /**
   * Loads changed modules of the instances that stay, and puts the new mapping in the place of the old one. To be called
   * while the core is held, which makes it one step for all events.
   *
   * @param connected called when there is no way back
   */
  async replace(definition: Definition, connected: () => void): Promise<void> {
    const staying = [...this.instances.values()].filter((loaded) => !this.created.includes(loaded));
    const pythons = staying.flatMap((loaded) =>
      loaded.instance instanceof PythonInstance ? [{ loaded, python: loaded.instance }] : [],
    );
    let keep = false;
    try {
      for (const { loaded, python } of pythons) {
        const before = this.diagnostics.length;
        await this.#attempt(loaded.definition.nameLocation, "", () => {
          this.reloaded.push(...python.beginReload().map((module) => `${loaded.name}.${module}`));
        });
        if (this.diagnostics.length === before) await this.#configureInstance(loaded);
        loaded.incomplete = this.diagnostics.length > before;
      }
      this.#connect(definition);
      keep = this.diagnostics.length === 0;
      if (keep) connected();
    } finally {
      for (const { python } of pythons) python.endReload(keep);
    }
  }

  /** Lets go of the loader before. Returns its instances that this one has not taken over. */
  leave(): LoadedInstance[] {
    const before = [...(this.#before?.instances.values() ?? [])];
    this.#before = undefined;
    return before.filter(({ number }) => !this.instances.has(number));
  }

  /** Resolves the mapping and, if nothing is wrong, installs it. */
  #connect(definition: Definition): void {
    for (const { instance } of this.instances.values()) {
      if (instance instanceof PythonInstance) instance.fixChannels();
    }
    for (const mapping of definition.mappings) {
      if (this.#hasManyErrors(mapping.from.instanceLocation)) break;
      this.#map(mapping);
    }
    for (const instance of this.instances.values()) this.#resolveHandlers(instance);
    if (this.diagnostics.length === 0) this.#install();
    for (const instance of this.instances.values()) instance.finish();
  }

  /** Whether to look for no more; says so where. */
  #hasManyErrors(location: Location | undefined): boolean {
    if (this.diagnostics.length < MAX_ERRORS) return false;
    if (!this.#gaveUp) this.#error("too many errors", location, { help: ["what comes after this is not looked at"] });
    this.#gaveUp = true;
    return true;
  }

  #error(message: string, location: Location | undefined, extra: Partial<Diagnostic> = {}): void {
    this.diagnostics.push({ message, ...(location && { location }), ...extra });
  }

  #unknownBackend(name: string, location: Location | undefined): void {
    const help = didYouMean(name, this.#host.backends.keys(), "there are the backends");
    this.#error(`unknown backend '${name}'`, location, { help });
  }

  async #configureBackend(definition: BackendDefinition): Promise<void> {
    const backend = this.#host.backends.get(definition.name);
    if (backend === undefined) {
      this.#unknownBackend(definition.name, definition.location);
      return;
    }
    const { log } = this.#host;
    const owner = `backend '${backend.name}'`;
    this.#backends.set(backend.name, definition.settings);
    if (this.#before?.knows(backend)) {
      const settings = this.#before.#backends.get(backend.name) ?? [];
      if (!sameSettings(settings, definition.settings)) {
        log.warn({ backend: backend.name }, `options of ${owner} have changed; they take effect with the next start`);
      }
      return;
    }
    await this.#configure(definition.settings, owner, backend.options, ({ option, value, folder }) =>
      backend.configure?.(option, value, { folder, log }),
    );
  }

  /** Returns whether all went well. */
  async #configure(
    settings: readonly Setting[],
    owner: string,
    known: readonly string[] | undefined,
    configure: (setting: Setting) => void | Promise<void>,
  ): Promise<boolean> {
    const before = this.diagnostics.length;
    for (const setting of settings) {
      const { option, optionLocation, valueLocation } = setting;
      if (this.#hasManyErrors(optionLocation)) return false;
      if (known !== undefined && !known.includes(option)) {
        const help = known.length > 0 ? didYouMean(option, known, "it has the options") : ["it has no options"];
        this.#error(`${owner} has no option '${option}'`, optionLocation, { help });
        continue;
      }
      // Without a place, as for options that the API gives, the message has to say which option it is.
      const prefix = valueLocation === undefined ? `option '${option}' of ${owner}: ` : "";
      await this.#attempt(valueLocation, prefix, () => configure(setting));
    }
    return this.diagnostics.length === before;
  }

  /** What it throws becomes a diagnostic. */
  async #attempt(location: Location | undefined, prefix: string, work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const detail = error instanceof ModuleError ? { detail: error.traceback, help: error.help } : {};
      this.#error(prefix + messageOf(error), location, detail);
    }
  }

  instanceNamed(name: string): LoadedInstance | undefined {
    return this.#byName.get(name);
  }

  /** Whether a backend is configured already, or has instances. */
  knows(backend: Backend): boolean {
    return (
      this.#backends.has(backend.name) || [...this.instances.values()].some((loaded) => loaded.backend === backend)
    );
  }

  async #configureInstance({ definition, backend, instance }: LoadedInstance): Promise<boolean> {
    const owner = `an instance of '${backend.name}'`;
    const { log } = this.#host;
    return await this.#configure(definition.settings, owner, backend.instanceOptions, ({ option, value, folder }) =>
      instance.configure?.(option, value, { folder, log }),
    );
  }

  /** The instance of the loader before that can be this one. */
  #find(definition: InstanceDefinition, backend: Backend): LoadedInstance | undefined {
    const before = this.#before?.instanceNamed(definition.name);
    if (before === undefined || before.backend !== backend || before.definition.folder !== definition.folder)
      return undefined;
    const stays =
      before.instance instanceof PythonInstance
        ? before.instance.canTake(definition.settings)
        : sameSettings(before.definition.settings, definition.settings);
    return stays ? before : undefined;
  }

  async #createInstance(definition: InstanceDefinition): Promise<void> {
    const { name, nameLocation } = definition;
    const backend = this.#host.backends.get(definition.backend);
    if (backend === undefined) {
      this.#unknownBackend(definition.backend, definition.backendLocation);
      this.#failed.add(name);
      return;
    }
    const first = this.#byName.get(name);
    if (first !== undefined) {
      const place = first.definition.nameLocation;
      const help = place && [`the first one is at ${place.source.file}:${place.line}:${place.column}`];
      this.#error(`there already is an instance '${name}'`, nameLocation, help ? { help } : {});
      return;
    }
    const before = this.#find(definition, backend);
    if (before !== undefined) {
      this.#add(new LoadedInstance(definition, backend, before.instance, before.number, before));
      return;
    }
    let number: number | undefined;
    const context: InstanceContext = {
      name,
      folder: definition.folder,
      log: this.#host.log,
      emit: (channel, value) => this.#host.emit(number, channel, value),
      now: () => this.#host.binding.now(this.#host.core),
    };
    try {
      const instance = await this.#create(backend, context);
      if (typeof instance !== "object") throw new Error(`create() of backend '${backend.name}' made no instance`);
      number = addToCore(this.#host.binding, this.#host.core, instance);
      const loaded = new LoadedInstance(definition, backend, instance, number);
      this.#add(loaded);
      this.created.push(loaded);
      loaded.incomplete = !(await this.#configureInstance(loaded));
    } catch (error) {
      if (error instanceof MidimonsterError) throw error;
      this.#error(`instance '${name}' could not be created: ${messageOf(error)}`, nameLocation);
      this.#failed.add(name);
    }
  }

  #add(loaded: LoadedInstance): void {
    this.instances.set(loaded.number, loaded);
    this.#byName.set(loaded.name, loaded);
  }

  #create(backend: Backend, context: InstanceContext) {
    if (!(backend instanceof PythonBackend)) return backend.create(context);
    const { binding, core, argument } = this.#host;
    const python: PythonContext = { ...context, binding, core, argument };
    return backend.create(python);
  }

  #instanceOf(reference: ChannelReference): LoadedInstance | undefined {
    const found = this.#byName.get(reference.instance);
    if (found === undefined && !this.#failed.has(reference.instance)) {
      const help = didYouMean(reference.instance, this.#byName.keys(), "there are the instances");
      this.#error(`no instance '${reference.instance}'`, reference.instanceLocation, { help });
    }
    return found;
  }

  #map({ from, to, bidirectional }: MappingDefinition): void {
    const source = this.#instanceOf(from);
    const target = this.#instanceOf(to);
    if (source === undefined || target === undefined) return;
    try {
      const pairs = expandPairs(source, from, target, to, bidirectional);
      this.#pairs.push(pairs);
      if (bidirectional) {
        const { fromInstance, toInstance } = pairs;
        this.#pairs.push({ fromInstance: toInstance, toInstance: fromInstance, from: pairs.to, to: pairs.from });
      }
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      this.#error(error.message, error.reference.channelLocation);
    }
  }

  #resolveHandlers(loaded: LoadedInstance): void {
    const { instance, channels, inputs, name, incomplete, definition } = loaded;
    if (!(instance instanceof PythonInstance) || incomplete) return;
    const errors = instance.resolve(Uint32Array.from(inputs.keys()).filter((channel) => inputs[channel] !== undefined));

    // One mapping may stand for thousands of channels: say the first thing that is wrong with it, and how often.
    const byMapping = new Map<ChannelReference, number>();
    for (const { channel } of errors) {
      const reference = inputs[channel];
      if (reference !== undefined) byMapping.set(reference, (byMapping.get(reference) ?? 0) + 1);
    }
    for (const { channel, problem, candidates } of errors) {
      if (channel < 0) {
        const setting = definition.settings.findLast(({ option }) => option === "default-handler");
        this.#error(`no default handler: ${problem}`, setting?.valueLocation, {
          help: didYouMean(instance.defaultHandler, candidates, "there are"),
        });
        continue;
      }
      const reference = inputs[channel];
      const count = reference && byMapping.get(reference);
      if (reference === undefined || count === undefined) continue;
      byMapping.delete(reference);
      const [channelName = ""] = channels.names(channel, 1);
      const [message = "", ...detail] = problem.split("\n");
      this.#error(`no handler for '${name}.${channelName}': ${message}`, reference.channelLocation, {
        help: [
          ...didYouMean(channelName, candidates, "there are"),
          ...(count > 1
            ? [`and ${errors.length > MAX_ERRORS ? "at least " : ""}${count - 1} more of '${reference.channel}'`]
            : []),
        ],
        ...(detail.length > 0 && { detail: detail.join("\n") }),
      });
    }
  }

  #install(): void {
    const { binding, core } = this.#host;
    const counts = Array.from(
      { length: binding.instanceCount(core) },
      (_, number) => this.instances.get(number)?.channels.size ?? 0,
    );
    const table = compileRoutes(counts, this.#pairs.splice(0));
    binding.connect(core, table.firstChannels, table.offsets, table.targets);
    for (const instance of this.instances.values()) instance.firstChannel = table.firstChannels[instance.number] ?? 0;
  }
}
