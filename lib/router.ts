import path from "node:path";
import type { Backend, EventBatch } from "./backends/backend.js";
import { LoopbackBackend } from "./backends/loopback.js";
import { PythonBackend, PythonInstance } from "./backends/python.js";
import { type Binding, binding, type Core } from "./binding.js";
import { backendDefinition, type Definition, emptyDefinition } from "./config/definition.js";
import { type Diagnostic, formatDiagnostics, inReadingOrder } from "./config/diagnostic.js";
import { mappingsOf } from "./config/one-mapping.js";
import { type OptionValues, settings } from "./config/option-values.js";
import { parseOverrides } from "./config/override.js";
import { instanceNameProblem } from "./config/parser.js";
import { type Reading, readConfiguration } from "./config/reading.js";
import { count } from "./count.js";
import { describe, type RouterDescription } from "./description.js";
import { MidimonsterError } from "./errors.js";
import { channelName, type Instances, type LoadedInstance } from "./instances.js";
import { Loader } from "./loader.js";
import { type Logger, standardErrorLogger } from "./log.js";
import { LoopLog } from "./loop-log.js";
import { Outbox } from "./outbox.js";
import { describeReload, type ReloadSummary } from "./reload-summary.js";
import { ReportLog } from "./report-log.js";
import { Scheduler } from "./scheduler.js";
import { Started } from "./started.js";
import { type TappedEvent, Taps } from "./taps.js";

export interface RouterOptions {
  /** Where messages go. Default: warnings and errors as text to standard error. */
  readonly logger?: Logger;
  /** Backends beside the built-in `python` and `loopback`. */
  readonly backends?: readonly Backend[];
  /** Where relative paths and Python modules start from, for what the API adds. Default: the current folder. */
  readonly folder?: string;
}

export interface FileOptions extends Omit<RouterOptions, "folder"> {
  /** `backend.option=value`, like `-b` on the command line. */
  readonly backendOverrides?: readonly string[];
  /** `instance.option=value`, like `-i` on the command line. */
  readonly instanceOverrides?: readonly string[];
}

type State = "new" | "loading" | "loaded" | "starting" | "running" | "stopping" | "stopped" | "failed";

/**
 * Routes events between instances, as a configuration says. A router starts and stops once; for another run make another.
 *
 * Methods are to be called on the thread that made the router. A process holds one CPython: routers of one thread share
 * it, a router on another thread gets an error with code `PYTHON_IN_USE`.
 *
 *     const router = Router.fromFile("monster.cfg");
 *     await router.start();
 *     process.once("SIGINT", () => router.stop());
 */
export class Router {
  #definition: Definition;
  #files: readonly string[] = [];
  #diagnostics: readonly Diagnostic[] = [];
  /** Reads the configuration again, if it was in files. */
  #read: (() => Reading) | undefined;
  readonly #backends = new Map<string, Backend>();
  readonly #outbox = new Outbox();
  readonly #loops = new LoopLog((fields, message) => this.#logger?.warn(fields, message));
  readonly #taps = new Taps((message, error) => this.#logger?.error({ err: error }, message));
  #argument: string;
  #logger: Logger | undefined;
  #state: State = "new";
  #core: Core | undefined;
  #loader: Loader | undefined;
  #scheduler: Scheduler | undefined;
  #reports: ReportLog | undefined;
  readonly #started = new Started((message) => this.#logger?.error({}, message));
  #keepAlive: NodeJS.Timeout | undefined;
  #current: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #reloading: Promise<ReloadSummary> | undefined;
  /** Of all instances there ever were, by number. */
  readonly #names = new Map<number, string>();

  /** A router without instances; add them with {@link instance} and {@link map}. */
  constructor(options: RouterOptions = {}) {
    const folder = path.resolve(options.folder ?? ".");
    this.#definition = emptyDefinition(folder);
    this.#argument = folder;
    this.#logger = options.logger;
    for (const backend of [new PythonBackend(), new LoopbackBackend(), ...(options.backends ?? [])]) {
      if (this.#backends.has(backend.name)) {
        throw new MidimonsterError("VALUE", `there already is a backend '${backend.name}'`);
      }
      this.#backends.set(backend.name, backend);
    }
  }

  /**
   * A router as a configuration file says. Errors in the file are thrown by {@link load} or {@link start}, together with
   * all others.
   *
   * @throws {MidimonsterError} `CONFIG` if the file can't be read, `VALUE` for an override that is none
   */
  static fromFile(file: string, options: FileOptions = {}): Router {
    const overrides = [
      ...parseOverrides("backend", options.backendOverrides ?? []),
      ...parseOverrides("instance", options.instanceOverrides ?? []),
    ];
    const read = () => readConfiguration(file, overrides);
    const first = read();
    const router = new Router({ ...options, folder: first.definition.folder });
    router.#take(first);
    router.#read = read;
    router.#argument = file;
    return router;
  }

  /**
   * Sets options of a backend, as `[backend NAME]` does.
   *
   * @throws {MidimonsterError} `STATE` once the router is loaded
   */
  backend(name: string, options: OptionValues): this {
    this.#expect("new", "backend()");
    backendDefinition(this.#definition, name).settings.push(...settings(options, this.#definition.folder));
    return this;
  }

  /**
   * Adds an instance, as `[BACKEND NAME]` does.
   *
   * @param backend name of its backend
   * @param name unique; no blank and no dot
   * @throws {MidimonsterError} `VALUE` for a bad name, `STATE` once the router is loaded
   */
  instance(backend: string, name: string, options: OptionValues = {}): this {
    this.#expect("new", "instance()");
    const problem = typeof name === "string" ? instanceNameProblem(name) : "an instance needs a name";
    if (problem !== undefined) throw new MidimonsterError("VALUE", problem);
    const { folder } = this.#definition;
    this.#definition.instances.push({ backend, name, folder, settings: settings(options, folder) });
    return this;
  }

  /**
   * Adds a mapping.
   *
   * @param from a channel, `instance.channel`, also with expressions like `{1..5}`; or a whole line of a `[map]`
   *   section, as in `"a.x > b.y"`
   * @param to the channel that gets the events of `from`; absent if `from` is a whole line
   * @throws {MidimonsterError} `CONFIG` if that is no mapping, `STATE` once the router is loaded
   */
  map(from: string, to?: string): this {
    this.#expect("new", "map()");
    this.#definition.mappings.push(...mappingsOf(from, to, this.#definition.folder));
    return this;
  }

  /**
   * Does everything but run: creates instances, loads modules, resolves every handler. {@link start} does it if it has not
   * been done.
   *
   * @throws {MidimonsterError} `CONFIG` with all errors found, or another code for what prevents any start. The router
   *   has been stopped then.
   */
  async load(): Promise<void> {
    this.#refuseIfStopping();
    this.#expect("new", "load()");
    await this.#step("loading", () => this.#load(), "loaded");
  }

  /**
   * Starts routing.
   *
   * @throws {MidimonsterError} as {@link load} does; `BACKEND` if a backend does not start. The router has been stopped
   *   then.
   */
  async start(): Promise<void> {
    if (this.#state === "new") await this.load();
    this.#refuseIfStopping();
    this.#expect("loaded", "start()");
    await this.#step("starting", () => this.#start(), "running");
  }

  /**
   * Runs cleanup handlers, stops backends, closes everything. May be called at any time, also twice. Does not throw. Waits
   * for a `start()` of a backend that is under way, and up to two and a half seconds an instance for Python threads.
   */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await this.#current?.catch(() => {});
      await this.#end("stopped");
    })();
    return this.#stopping;
  }

  /**
   * Reads the configuration again, if it came from a file, and the Python modules, and goes on with what has changed. What
   * has not keeps running: interpreters, values, sockets, intervals. No event is lost, and none delivered twice.
   *
   * - A module whose source has changed is loaded anew in its interpreter, with those that use it; it may take things over
   *   from its old version, see `midimonster.previous()`.
   * - An instance that is new is started, one that is gone is stopped. One whose `module` options changed other than by
   *   more of them, or another backend's with other options, is replaced.
   * - Options of backends take effect with the next start.
   *
   * @returns what has changed
   * @throws {MidimonsterError} `CONFIG` with all errors found; everything goes on as before then. `BACKEND` if a new instance
   *   does not start; the others go on under the new configuration. `STATE` if the router does not run.
   */
  async reload(): Promise<ReloadSummary> {
    while (this.#state === "running" && this.#reloading !== undefined) await this.#reloading.catch(() => {});
    this.#refuseIfStopping();
    this.#expect("running", "reload()");
    this.#reloading = this.#reload();
    const ended = () => {};
    this.#current = this.#reloading.then(ended, ended);
    try {
      return await this.#reloading;
    } finally {
      this.#reloading = undefined;
    }
  }

  /** Absolute paths of the files that a reload reads: the configuration's, and those of Python modules. */
  files(): string[] {
    const modules = [...(this.#loader?.instances.values() ?? [])].flatMap(({ instance }) =>
      instance instanceof PythonInstance && this.running ? instance.sourceFiles() : [],
    );
    return [...new Set([...this.#files, ...modules])];
  }

  /** How much it routes, for people: `3 mappings between 3 instances`. */
  get summary(): string {
    const { mappings, instances } = this.#definition;
    return `${count(mappings.length, "mapping")} between ${count(instances.length, "instance")}`;
  }

  /** Whether events are being routed. */
  get running(): boolean {
    return this.#state === "running";
  }

  /**
   * Shows every event where it is output, mapped or not, in batches and after delivery. Costs nothing when no tap is set.
   *
   * @returns a function that ends it
   */
  tap(listener: (events: readonly TappedEvent[]) => void): () => void {
    this.#taps.add(listener);
    this.#applyTaps();
    return () => {
      this.#taps.delete(listener);
      this.#applyTaps();
    };
  }

  /**
   * What the router consists of.
   *
   * @throws {MidimonsterError} `STATE` before it is loaded, or if that failed
   */
  describe(): RouterDescription {
    if (this.#loader === undefined || ["loading", "failed"].includes(this.#state))
      throw new MidimonsterError("STATE", "describe() needs a loaded router");
    const python = this.#backends.get("python");
    const choice = python instanceof PythonBackend ? python.choice : undefined;
    return describe(this.#loader.instances, this.#definition.mappings, choice);
  }

  #take({ definition, diagnostics, files }: Reading): void {
    this.#definition = definition;
    this.#diagnostics = diagnostics;
    this.#files = files;
  }

  #expect(state: State, what: string): void {
    if (this.#state === state) return;
    throw new MidimonsterError("STATE", `${what} needs a router that is ${state}; this one is ${this.#state}`);
  }

  #refuseIfStopping(): void {
    if (this.#stopping === undefined) return;
    throw new MidimonsterError("STATE", "the router has been stopped; make another one to start again");
  }

  /** Goes from one state to another, or ends in failure. stop() waits for it. */
  async #step(during: State, work: () => Promise<void>, after: State): Promise<void> {
    this.#state = during;
    this.#current = (async () => {
      try {
        await work();
        this.#state = after;
      } catch (error) {
        await this.#end("failed");
        throw error;
      }
    })();
    await this.#current;
  }

  async #load(): Promise<void> {
    const native = binding();
    this.#logger ??= standardErrorLogger("warn", "text");
    const log = this.#logger;
    const core = native.createCore(
      {
        deliver: (instance, channels, values, count) => this.#deliver(instance, { channels, values, length: count }),
        reports: (reports) => {
          for (const report of reports) this.#reports?.log(report);
        },
        intervals: (rows) => {
          for (let i = 0; i < rows.length; i += 4) {
            const [instance = 0, interval = 0, period = 0, now = 0] = rows.subarray(i, i + 4);
            this.#scheduler?.set(instance, interval, period, now);
          }
        },
        loop: (channels) => this.#loops.log([...channels].map((channel) => channelName(this.#instances, channel))),
        tap: (channels, values, count) => this.#taps.show(this.#instances, channels, values, count),
      },
      this.#outbox.arrays,
    );
    this.#core = core;
    this.#outbox.connect(native, core);
    this.#scheduler = new Scheduler({
      now: () => native.now(core),
      run: (pairs, count) => native.runIntervals(core, pairs, count),
    });
    this.#reports = new ReportLog(log, (instance) => this.#names.get(instance) ?? "?");
    const loader = this.#newLoader(native, core, log);
    this.#loader = loader;
    const found = () => inReadingOrder([...this.#diagnostics, ...loader.diagnostics]);
    try {
      await loader.load(this.#definition);
      this.#note(loader);
    } catch (error) {
      // What prevents any start does not hide what else was found.
      if (!(error instanceof MidimonsterError) || found().length === 0) throw error;
      const message = `${error.message}\n${formatDiagnostics(found())}`;
      throw new MidimonsterError(error.code, message, found(), { cause: error });
    }
    if (found().length > 0) throw MidimonsterError.fromDiagnostics(found());
    this.#applyTaps();
  }

  #newLoader(native: Binding, core: Core, log: Logger, before?: Loader): Loader {
    const host = {
      binding: native,
      core,
      log,
      backends: this.#backends,
      argument: this.#argument,
      emit: (instance: number | undefined, channel: number, value: number) => this.#emit(instance, channel, value),
    };
    return new Loader(host, before);
  }

  get #instances(): Instances {
    return this.#loader?.instances ?? new Map();
  }

  #note(loader: Loader): void {
    for (const { number, name } of loader.instances.values()) this.#names.set(number, name);
  }

  async #start(): Promise<void> {
    await this.#started.start(this.#instances.values(), () => this.#refuseIfStopping());
    const [instances, mappings] = [this.#instances.size, this.#definition.mappings.length];
    this.#logger?.info({ instances, mappings }, `routing ${this.summary}`);
    this.#keepAlive = setInterval(() => {}, 2 ** 30);
    this.#scheduler?.start();
    if (this.#core !== undefined) binding().run(this.#core);
  }

  async #reload(): Promise<ReloadSummary> {
    const native = binding();
    const core = this.#core;
    const before = this.#loader;
    const log = this.#logger;
    if (core === undefined || before === undefined || log === undefined) throw new Error("not running");
    const reading = this.#read?.() ?? { definition: this.#definition, diagnostics: [], files: this.#files };
    if (reading.diagnostics.length > 0) throw MidimonsterError.fromDiagnostics(inReadingOrder(reading.diagnostics));
    const loader = this.#newLoader(native, core, log, before);
    const throwIfWrong = () => {
      if (loader.diagnostics.length > 0) throw MidimonsterError.fromDiagnostics(inReadingOrder(loader.diagnostics));
    };
    // A turn of the loop, since this may have been called from within the core.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      await loader.create(reading.definition);
      this.#note(loader);
      throwIfWrong();
      this.#refuseIfStopping();
      this.#outbox.flush();
      native.hold(core, true);
      try {
        // In one turn of the loop: what it awaits for instances that stay is done at once.
        await loader.replace(reading.definition, () => {
          // Under the old numbers; from the next statement on there are only the new ones.
          this.#take(reading);
          this.#loader = loader;
        });
      } finally {
        native.hold(core, false);
      }
      throwIfWrong();
    } catch (error) {
      for (const { number } of loader.created) native.retire(core, number);
      throw error;
    }
    const gone = loader.leave();
    for (const loaded of gone) {
      this.#scheduler?.forget(loaded.number);
      await this.#started.stop(loaded);
      native.retire(core, loaded.number);
    }
    await this.#started.start(loader.created, () => this.#refuseIfStopping());
    native.run(core);
    const summary: ReloadSummary = {
      modules: loader.reloaded,
      added: loader.created.map(({ name }) => name),
      removed: gone.map(({ name }) => name),
    };
    log.info(summary, `reloaded: ${describeReload(summary)}`);
    return summary;
  }

  async #end(state: "stopped" | "failed"): Promise<void> {
    if (this.#state === "stopped" || this.#state === "failed") return;
    this.#state = "stopping";
    this.#scheduler?.stop();
    await this.#started.stopAll();
    const core = this.#core;
    if (core !== undefined) {
      // A turn of the loop, since this may have been called from within the core.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise<void>((resolve) => binding().stop(core, resolve));
      this.#core = undefined;
    }
    this.#outbox.disconnect();
    this.#reports?.close();
    clearInterval(this.#keepAlive);
    this.#state = state;
  }

  #deliver(number: number, batch: EventBatch): void {
    const loaded = this.#instances.get(number);
    if (loaded === undefined) return;
    this.#outbox.collect(() => {
      try {
        // Not promised by the type, but an async handle() is easily written, and its rejection would end the process.
        const result: unknown = loaded.instance.handle?.(batch);
        if (result instanceof Promise) result.catch((error: unknown) => this.#handleThrew(loaded, error));
      } catch (error) {
        this.#handleThrew(loaded, error);
      }
    });
  }

  #handleThrew({ name }: LoadedInstance, error: unknown): void {
    this.#logger?.error({ err: error, instance: name }, `${name}: handle() threw: ${stackOf(error)}`);
  }

  #emit(number: number | undefined, channel: number, value: number): void {
    const loaded = number === undefined ? undefined : this.#instances.get(number);
    if (loaded?.firstChannel === undefined) {
      throw new MidimonsterError("STATE", "an instance can emit from its start() on");
    }
    if (!(Number.isInteger(channel) && channel >= 0 && channel < loaded.channels.size)) {
      throw new MidimonsterError("VALUE", `instance '${loaded.name}' has no channel number ${channel}`);
    }
    const clamped = Math.min(1, Math.max(0, value));
    if (Number.isNaN(clamped)) throw new MidimonsterError("VALUE", `an event's value is a number, not ${value}`);
    this.#outbox.put(loaded.firstChannel + channel, clamped);
  }

  #applyTaps(): void {
    if (this.#core !== undefined) binding().tap(this.#core, this.#taps.size > 0);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
