import path from "node:path";
import type { BackendDeclaration } from "../backends/declare.js";
import { Coalesced } from "../coalesced.js";
import {
  backendDefinition,
  type Definition,
  emptyDefinition,
  isSameDefinition,
  withAdditions,
} from "../config/definition.js";
import { type Diagnostic, inReadingOrder } from "../config/diagnostic.js";
import { type MapOptions, mappingsOf } from "../config/one-mapping.js";
import { type OptionValues, settings } from "../config/option-values.js";
import { parseOverrides } from "../config/override.js";
import { instanceNameProblem } from "../config/parser.js";
import { type Reading, readConfiguration, readingWith } from "../config/reading.js";
import { count } from "../count.js";
import { MidimonsterError } from "../errors.js";
import { guardedLogger } from "../log/guarded-logger.js";
import { type Logger, standardErrorLogger } from "../log/log.js";
import { LogHistory } from "../log/log-history.js";
import { kindOf } from "../user-code.js";
import type { RouterDescription } from "./description.js";
import type { CheckMode } from "./engine.js";
import type { LiveView } from "./live-view.js";
import { describeReload, type ReloadSummary, summaryOf, throwFailures } from "./reload-summary.js";
import {
  checkedMode,
  checkedQueueLimit,
  declarationsWith,
  type FileOptions,
  known,
  type RouterOptions,
  refuseChecking,
} from "./router-options.js";
import { Session } from "./session.js";
import { type TappedEvent, Taps } from "./taps.js";
import { turnOfTheLoop } from "./waiting.js";

type State = "new" | "loading" | "loaded" | "starting" | "running" | "stopping" | "stopped" | "failed";

/**
 * Routes events between instances, as a configuration says. A router starts and stops once; for another run create another.
 *
 * Methods are to be called on the thread that created the router. A process holds one CPython: routers of one thread
 * share it, a router on another thread gets an error with code `PYTHON_IN_USE`.
 *
 *     const router = Router.fromFile("monster.cfg");
 *     await router.start();
 *     process.once("SIGINT", () => router.stop());
 */
export class Router {
  #definition: Definition;
  /** What calls of {@link backend}, {@link instance} and {@link map} add to it. */
  readonly #additions: Definition;
  #files: readonly string[] = [];
  #filesAtFailure: readonly string[] = [];
  #diagnostics: readonly Diagnostic[] = [];
  /** Reads the configuration again, if it came from a file. */
  #read: (() => Reading) | undefined;
  readonly #declarations: ReadonlyMap<string, BackendDeclaration>;
  readonly #taps = new Taps();
  #argument: string;
  #logger: Logger | undefined;
  readonly #queueLimit: number | undefined;
  readonly #check: CheckMode | undefined;
  #state: State = "new";
  #session: Session | undefined;
  #current: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #reloads = new Coalesced(() => this.#reloadNow());

  /** A router without instances; add them with {@link instance} and {@link map}. */
  constructor(options: RouterOptions = {}) {
    known("new Router()", options);
    const folder = path.resolve(options.folder ?? ".");
    this.#definition = emptyDefinition(folder);
    this.#additions = emptyDefinition(folder);
    this.#argument = folder;
    this.#logger = options.logger && guardedLogger(options.logger);
    this.#queueLimit = checkedQueueLimit(options.queueLimit);
    this.#check = checkedMode(options.check);
    this.#declarations = declarationsWith(options.backends);
  }

  /**
   * Creates a router from a configuration file. Errors in the file are thrown by {@link load} or {@link start}, together
   * with all others.
   *
   * @throws {MidimonsterError} `CONFIG` if the file can't be read, `VALUE` for an invalid override
   */
  static fromFile(file: string, options: FileOptions = {}): Router {
    const { backendOverrides = [], instanceOverrides = [], ...others } = known("Router.fromFile()", options);
    const overrides = [
      ...parseOverrides("backend", backendOverrides),
      ...parseOverrides("instance", instanceOverrides),
    ];
    const read = () => readConfiguration(file, overrides);
    const first = read();
    const router = new Router({ ...others, folder: first.definition.folder });
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
    const backend = backendDefinition(this.#additions, name);
    // One by one: there may be more than a call can take as arguments.
    for (const setting of settings(options, this.#additions.folder)) backend.settings.push(setting);
    return this;
  }

  /**
   * Adds an instance, as `[BACKEND NAME]` does.
   *
   * @param backend name of its backend
   * @param name unique, without whitespace and dots
   * @throws {MidimonsterError} `VALUE` for a bad name, `STATE` once the router is loaded
   */
  instance(backend: string, name: string, options: OptionValues = {}): this {
    this.#expect("new", "instance()");
    const problem = typeof name === "string" ? instanceNameProblem(name) : "an instance needs a name";
    if (problem !== undefined) throw new MidimonsterError("VALUE", problem);
    const { folder } = this.#additions;
    this.#additions.instances.push({ backend, name, folder, settings: settings(options, folder) });
    return this;
  }

  /**
   * Adds a mapping.
   *
   * @param from a channel, `instance.channel`, also with expressions like `{1..5}`; or a whole line of a `[map]`
   *   section, as in `"a.x > b.y"`
   * @param to the channel that gets the events of `from`; absent if `from` is a whole line
   * @param options filters between two channels: `{ filters: ["curve(2.2)", "fade(300)"] }`. Named filters of a configuration
   *   file are unknown here
   * @throws {MidimonsterError} `CONFIG` if that is not a mapping, `VALUE` for arguments of another kind, `STATE` once the router
   *   is loaded
   */
  map(from: string, to?: string, options: MapOptions = {}): this {
    this.#expect("new", "map()");
    this.#additions.mappings.push(...mappingsOf(from, to, known("map()", options ?? {}), this.#additions.folder));
    return this;
  }

  /**
   * Does everything except run: creates instances, loads modules, resolves every handler. {@link start} does it if
   * necessary.
   *
   * @throws {MidimonsterError} `CONFIG` with all errors found, or another code if no start is possible. The router is
   *   stopped then.
   */
  async load(): Promise<void> {
    this.#refuseIfStopping();
    this.#expect("new", "load()");
    this.#definition = withAdditions(this.#definition, this.#additions);
    await this.#step("loading", () => this.#load(), "loaded");
  }

  /**
   * Starts routing.
   *
   * @throws {MidimonsterError} as {@link load} does; `BACKEND` if a backend does not start. The router is stopped then, but not by
   *   a second call, which is a `STATE` error.
   */
  async start(): Promise<void> {
    refuseChecking(this.#check);
    if (this.#state === "new") await this.load();
    this.#refuseIfStopping();
    this.#expect("loaded", "start()");
    await this.#step("starting", () => this.#start(), "running");
  }

  /**
   * Runs cleanup handlers, stops backends, closes everything. May be called at any time and repeatedly; does not throw. Calls
   * of backends that are pending have two seconds to end, each `stop()` two, all of them together five. Then Python code that
   * the stop calls is interrupted after eight seconds, and threads get up to two and a half, in all instances together. Only
   * code that an exception can't interrupt, such as a lock that is taken twice, keeps it waiting; `mmpy` then ends by itself.
   */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      this.#session?.lifecycle.abort();
      await this.#current?.catch(() => {});
      await this.#end("stopped");
    })();
    return this.#stopping;
  }

  /**
   * Reads the configuration, if it came from a file, and the Python modules again, and applies the changes. Everything else
   * keeps running: interpreters, values, sockets, intervals. No event is lost or delivered twice.
   *
   * - A module whose source has changed is loaded again in its interpreter, with the modules that use it; it may take over
   *   state from its old version, see `midimonster.previous()`.
   * - New instances are started, removed ones are stopped. An instance whose options have changed is replaced, except for
   *   options that can change while it runs: for `python`, added modules and the default handler. An instance that failed to
   *   start is replaced too.
   * - Options of backends take effect at the next start.
   *
   * New instances are created while everything runs; then modules are loaded and the mapping is exchanged in one step. All
   * calls during a reload share the one that follows it.
   *
   * @returns the changes
   * @throws {MidimonsterError} `CONFIG` with all errors found, also for a configuration without instances; everything continues
   *   as before then. `BACKEND` if new instances do not start; everything else runs under the new configuration. `STATE` if the
   *   router is not running.
   */
  reload(): Promise<ReloadSummary> {
    return this.#reloads.request();
  }

  /**
   * Absolute paths of the files that a reload reads: the configuration's and those of its instances, like Python modules. After a
   * failed start, those that it has read.
   */
  files(): string[] {
    const own = this.running ? (this.#session?.files() ?? []) : this.#filesAtFailure;
    return [...new Set([...this.#files, ...own])];
  }

  /** The router's size for people: `3 mappings between 3 instances`. */
  get summary(): string {
    const isComplete = this.#state !== "new";
    const { mappings, instances } = isComplete ? this.#definition : withAdditions(this.#definition, this.#additions);
    return `${count(mappings.length, "mapping")} between ${count(instances.length, "instance")}`;
  }

  /** Whether events are being routed. */
  get running(): boolean {
    return this.#state === "running";
  }

  /**
   * Puts an event in, as if the instance of the channel had output it: it goes to all channels that this one is mapped to, and
   * taps show it. On a channel that is only a target of mappings, it goes to the instance itself: a function of a python
   * instance is called, a slot of a universe is set. Events are delivered in the order of the calls, once the present turn of
   * JavaScript ends.
   *
   * @param channel `instance.channel`, of a channel that a mapping uses
   * @param value clamped to 0..1
   * @throws {MidimonsterError} `STATE` unless the router is running, `VALUE` for another channel or for what is not a number
   */
  send(channel: string, value: number): void {
    this.#refuseIfStopping();
    this.#expect("running", "send()");
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw new MidimonsterError(
        "VALUE",
        `send() needs a number as the event's value, not ${typeof value === "number" ? "NaN" : kindOf(value)}`,
      );
    }
    this.#session?.send(channel, Math.min(1, Math.max(0, value)));
  }

  /**
   * Passes every event to a listener where it is output, mapped or not, in batches and after delivery. Costs nothing when no
   * tap is set.
   *
   * @returns a function that removes the tap
   * @throws {MidimonsterError} `VALUE` for what is not a function
   */
  tap(listener: (events: readonly TappedEvent[]) => void): () => void {
    this.#taps.add(listener);
    this.#session?.applyTaps();
    return () => {
      this.#taps.delete(listener);
      this.#session?.applyTaps();
    };
  }

  /** What pages show of it; undefined before it is loaded. @internal */
  get view(): LiveView | undefined {
    return this.#session?.view;
  }

  /** Warnings about the configuration, in reading order; empty before {@link load}. They are also in the log. */
  warnings(): readonly Diagnostic[] {
    return inReadingOrder(this.#session?.assembly.findings.warnings ?? []);
  }

  /**
   * Describes the router's instances, channels and mappings.
   *
   * @throws {MidimonsterError} `STATE` unless it is loaded
   */
  describe(): RouterDescription {
    const isLoaded = ["loaded", "starting", "running"].includes(this.#state) && this.#stopping === undefined;
    if (this.#session === undefined || !isLoaded)
      throw new MidimonsterError("STATE", "describe() needs a loaded router");
    return this.#session.describe();
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

  /** Goes from one state to another, or fails. stop() waits for it. */
  async #step(during: State, work: () => Promise<void>, after: State): Promise<void> {
    this.#state = during;
    this.#current = (async () => {
      await null; // the work may call stop(), which needs this promise
      try {
        await work();
        this.#state = after;
      } catch (error) {
        this.#filesAtFailure = this.#session?.files() ?? [];
        await this.#end(this.#stopping === undefined ? "failed" : "stopped");
        this.#refuseIfStopping();
        throw error;
      }
    })();
    await this.#current;
  }

  async #load(): Promise<void> {
    this.#refuseIfStopping();
    const log = new LogHistory(this.#logger ?? standardErrorLogger("warn", "text"));
    this.#logger = log;
    const session = new Session(this.#declarations, this.#argument, log, this.#taps, this.#check);
    if (this.#queueLimit !== undefined) session.limitQueues(this.#queueLimit);
    this.#session = session;
    const errors = await session.load(this.#definition, this.#diagnostics);
    this.#refuseIfStopping();
    if (errors.length > 0) throw MidimonsterError.fromDiagnostics(errors);
  }

  async #start(): Promise<void> {
    await this.#session?.start();
    this.#refuseIfStopping();
    const { instances, mappings } = this.#definition;
    this.#logger?.info({ instances: instances.length, mappings: mappings.length }, `routing ${this.summary}`);
    this.#session?.run();
  }

  async #reloadNow(): Promise<ReloadSummary> {
    this.#refuseIfStopping();
    this.#expect("running", "reload()");
    const reloading = this.#reload();
    const ended = () => {};
    this.#current = reloading.then(ended, ended);
    return await (this.#session?.view.counting(reloading) ?? reloading);
  }

  async #reload(): Promise<ReloadSummary> {
    const session = this.#session;
    if (session === undefined) throw new Error("not running");
    const unchanged = { definition: this.#definition, diagnostics: [], files: this.#files };
    const reading = this.#read === undefined ? unchanged : readingWith(this.#read(), this.#additions);
    const definitionBefore = this.#definition;
    const errors = reading.diagnostics.filter(({ severity }) => severity !== "warning");
    if (errors.length > 0) throw MidimonsterError.fromDiagnostics(inReadingOrder(errors));
    await turnOfTheLoop();
    const reload = session.reload(reading.definition);
    reload.next.findings.addAll(reading.diagnostics);
    try {
      await reload.prepare().finally(turnOfTheLoop);
      this.#refuseIfStopping();
      session.commit(reload, () => this.#take(reading));
    } catch (error) {
      reload.abandon();
      this.#refuseIfStopping();
      throw error;
    }
    const failures = await session.exchange(reload);
    this.#refuseIfStopping();
    const summary = summaryOf(reload);
    const others = !isSameDefinition(definitionBefore, this.#definition);
    this.#logger?.info(summary, `reloaded: ${describeReload(summary, others)}`);
    throwFailures(failures);
    return summary;
  }

  async #end(state: "stopped" | "failed"): Promise<void> {
    if (this.#state === "stopped" || this.#state === "failed") return;
    this.#state = "stopping";
    this.#session?.lifecycle.abort(); // after a failure too: what ends from now on was asked to
    await this.#session?.stop();
    this.#state = state;
  }
}
