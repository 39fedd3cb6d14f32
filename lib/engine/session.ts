// A router's native core and everything connected to it: events that JavaScript emits and handles, intervals, taps, reports.
// The core runs an assembly.
import type { BackendDeclaration } from "../backends/declare.js";
import type { EventBatch } from "../backends/instance.js";
import { type Binding, binding, type Core } from "../binding.js";
import type { Definition } from "../config/definition.js";
import { asData, type Diagnostic, formatDiagnostic, formatDiagnostics } from "../config/diagnostic.js";
import { MidimonsterError, messageOf } from "../errors.js";
import type { Logger } from "../log/log.js";
import type { LogHistory } from "../log/log-history.js";
import { LoopLog } from "../log/loop-log.js";
import { ReportLog } from "../log/report-log.js";
import { callOnly, listOf } from "../user-code.js";
import { Assembly } from "./assembly.js";
import { type BuildHost, build } from "./build.js";
import { ChannelNames } from "./channel-names.js";
import { connect } from "./connect.js";
import { describe, type RouterDescription } from "./description.js";
import { Doors } from "./doors.js";
import { Emissions } from "./emissions.js";
import { Endings } from "./endings.js";
import type { CheckMode, Engine } from "./engine.js";
import type { LiveBackend, LiveInstance } from "./instances.js";
import { leave, leaveAll } from "./leave.js";
import { Lifecycle } from "./lifecycle.js";
import { LiveView } from "./live-view.js";
import { Outbox } from "./outbox.js";
import { Reload } from "./reload.js";
import { Roster } from "./roster.js";
import { Scheduler } from "./scheduler.js";
import type { Taps } from "./taps.js";
import { turnOfTheLoop } from "./waiting.js";

/** With how many channels an unknown one is compared at most, which takes a millisecond for a thousand. */
const MAX_COMPARED = 10_000;

export class Session {
  readonly lifecycle: Lifecycle;
  readonly view: LiveView;
  readonly backends = new Map<string, LiveBackend>();
  assembly = new Assembly();
  readonly #binding: Binding;
  readonly #core: Core;
  readonly #log: Logger;
  readonly #taps: Taps;
  readonly #outbox = new Outbox();
  readonly #emissions = new Emissions(this.#outbox, () => this.#reports);
  readonly #scheduler: Scheduler;
  readonly #reports: ReportLog;
  readonly #endings = new Endings();
  readonly #host: BuildHost;
  readonly #roster = new Roster();
  #names = new ChannelNames(new Map());
  #doors = new Doors(new Assembly());
  #mappings: Definition["mappings"] = [];
  /** Warnings of the running configuration. */
  #warned: ReadonlySet<string> = new Set();
  #keepAlive: NodeJS.Timeout | undefined;

  /**
   * @param argument `sys.argv[0]` of python instances
   * @throws {MidimonsterError} `ADDON_LOAD`
   */
  constructor(
    declarations: ReadonlyMap<string, BackendDeclaration>,
    argument: string,
    log: LogHistory,
    taps: Taps,
    check: CheckMode | undefined,
  ) {
    const native = binding();
    const loops = new LoopLog((fields, message) => log.warn(fields, message));
    const core = native.createCore(
      {
        deliver: (instance, channels, values, count) => this.#deliver(instance, { channels, values, length: count }),
        reports: (reports) => {
          for (const report of reports) this.#reports.log(report);
        },
        intervals: (rows) => this.#scheduler.set(rows),
        loop: (channels) => {
          const loop = [...channels];
          const filters = loop.map((from, i) =>
            this.assembly.filters?.between(from, loop[(i + 1) % loop.length] ?? from),
          );
          loops.log(
            loop.map((channel) => this.#names.of(channel)),
            filters,
          );
        },
        tasksEnded: () => this.#endings.ended(),
        tap: (channels, values, count) =>
          taps.show(this.#names, channels, values, count, (error) => this.#reports.threw("a tap", {}, error)),
      },
      this.#outbox.arrays,
    );
    this.#binding = native;
    this.#core = core;
    this.#log = log;
    this.#taps = taps;
    this.#outbox.connect(native, core);
    this.#scheduler = new Scheduler({
      now: () => native.now(core),
      run: (pairs, count) => native.runIntervals(core, pairs, count),
      failed: (error) => this.#reports.threw("an interval", {}, error),
    });
    this.#reports = new ReportLog(
      log,
      (instance) => this.#roster.nameOf(instance),
      (instance) => this.#channelsOf(instance),
      (instance, raised) => this.#roster.adviceOf(instance, raised),
    );
    this.lifecycle = new Lifecycle((message) => log.error({}, message));
    this.view = new LiveView({
      binding: native,
      core,
      history: log,
      instances: () => this.assembly.entries,
      backends: () => this.backends.values(),
      mappings: () => this.#mappings,
      send: (channel, value) => this.send(channel, value),
      isRunning: () => this.#keepAlive !== undefined && !this.lifecycle.signal.aborted,
      failed: (error) => this.#reports.threw("a view", {}, error),
    });
    const { view } = this;
    const engine: Engine = {
      binding: native,
      core,
      view,
      argument,
      check,
      report: (report) => this.#reports.log(report),
      advises: (advise) => this.#roster.advises(advise),
      stopping: this.lifecycle.signal,
    };
    if (check !== undefined) native.onlyCheck(core);
    this.#host = {
      engine,
      log,
      declarations,
      modules: new Map(),
      backends: this.backends,
      creating: (name) => this.#roster.creating(name),
      created: (live) => this.#roster.add(live, native.instanceCount(core)),
      retire: (instances) => this.retire(instances),
      emit: (...event) => this.#emissions.emit(...event),
      emitBatch: (...events) => this.#emissions.emitBatch(...events),
    };
  }

  /** Limits the memory of all queues together, in MiB. */
  limitQueues(mebibytes: number): void {
    this.#binding.limitQueues(this.#core, mebibytes);
  }

  /**
   * Creates the instances of a definition and connects them. Errors become the assembly's findings.
   *
   * @param errors found in the configuration's text
   * @returns all errors, in reading order, with the warnings about the text, if there are any errors
   * @throws {MidimonsterError} for an error that makes everything else pointless, such as a missing Python; with the others
   */
  async load(definition: Definition, errors: readonly Diagnostic[]): Promise<readonly Diagnostic[]> {
    const { findings } = this.assembly;
    findings.addAll(errors);
    try {
      await this.#load(definition);
    } catch (error) {
      const found = findings.errorsWith(errors);
      if (!(error instanceof MidimonsterError) || found.length === 0) throw error;
      const message = `${error.message}\n${formatDiagnostics(found)}`;
      throw new MidimonsterError(error.code, message, found, { cause: error });
    }
    return findings.errorsWith(errors);
  }

  /** Describes instances, channels and mappings. */
  describe(): RouterDescription {
    return describe(this.assembly.entries, this.#mappings, this.backends.values());
  }

  async #load(definition: Definition): Promise<void> {
    this.#mappings = definition.mappings;
    await build(this.assembly, definition, this.#host);
    if (connect(this.assembly, definition.mappings, this.#host.engine)) this.#connected();
    this.applyTaps();
  }

  /**
   * Starts routing.
   *
   * @throws {MidimonsterError} `BACKEND` if a backend or an instance does not start
   */
  async start(): Promise<void> {
    const [failure] = await this.lifecycle.start(this.#liveOf(this.assembly), "until-failure");
    if (failure !== undefined) throw failure;
  }

  /** Begins to deliver events and to call intervals. */
  run(): void {
    this.#keepAlive = setInterval(() => {}, 2 ** 30);
    this.#scheduler.start();
    this.#binding.run(this.#core);
  }

  /** Plans a reload to another definition. */
  reload(definition: Definition): Reload {
    return new Reload(this.assembly, definition, this.#host);
  }

  /**
   * Commits a prepared reload.
   *
   * @param installed called once it can no longer fail
   * @throws {MidimonsterError} `CONFIG`, with everything as before
   */
  commit(reload: Reload, installed: () => void): void {
    const gone = new Set(reload.gone.map(({ live }) => live));
    leave(this.#liveOf(this.assembly), gone, this.#mappings, reload.mappings, this.#log);
    this.#outbox.flush();
    reload.commit(() => {
      this.assembly = reload.next;
      this.#mappings = reload.mappings;
      this.#connected();
      installed();
    });
    for (const name of new Set(reload.modules.map((module) => module.split(".", 1)[0] ?? "")))
      this.#reports.renewed(name);
  }

  /**
   * Stops the instances and backends that a reload has removed, then starts its new ones. Ends early when the router is being
   * stopped, which stops the others.
   *
   * @returns an error for each that did not start
   */
  async exchange({ gone, next }: Reload): Promise<MidimonsterError[]> {
    const { signal } = this.lifecycle;
    const stopped: LiveInstance[] = [];
    for (const { live } of gone) {
      if (signal.aborted) break;
      await this.lifecycle.stop(live);
      await turnOfTheLoop();
      stopped.push(live);
    }
    // All together, so that their times do not add up.
    await this.#endTasks(() => stopped.filter(({ number }) => this.#binding.beginRetire(this.#core, number)).length);
    this.retire(stopped);
    for (const [name, backend] of this.backends) {
      if (signal.aborted) return [];
      if (next.backends.has(name)) continue;
      this.backends.delete(name);
      await this.lifecycle.stopBackend(backend);
    }
    const created = next.created.map(({ live }) => live);
    const failures = await this.lifecycle.start(created, "after-failures", (live) => this.#deliverEarly(live));
    await turnOfTheLoop();
    if (!signal.aborted) this.#binding.run(this.#core);
    return failures;
  }

  /** Removes instances from the core for good. */
  retire(instances: readonly LiveInstance[]): void {
    const numbers = Uint32Array.from(instances, ({ number }) => number);
    for (const { instance } of instances) instance.native?.retired?.();
    if (numbers.length > 0) this.#binding.retire(this.#core, numbers);
    for (const live of instances) {
      // Not earlier: the cleanup handler may have registered intervals.
      this.#scheduler.forget(live.number);
      this.#roster.remove(live);
      live.connected = undefined;
    }
  }

  /** Files of instances that a reload reads. */
  files(): string[] {
    return this.#liveOf(this.assembly).flatMap(({ name, instance }) => {
      try {
        return listOf("files", () => instance.files?.());
      } catch (error) {
        this.#reports.threw(`${name}: files()`, { instance: name }, error);
        return [];
      }
    });
  }

  /**
   * Puts in an event from outside. Events of one turn of the loop cross into the core together.
   *
   * @param value in 0..1
   * @throws {MidimonsterError} `VALUE` for a channel that no mapping uses
   */
  send(channel: string, value: number): void {
    const { instance, index, toItself } = this.#doors.find(channel);
    if (toItself) this.#outbox.putToItself(instance, index, value);
    else this.#outbox.put(instance, index, value);
  }

  applyTaps(): void {
    this.#binding.tap(this.#core, this.#taps.size > 0);
  }

  /** Stops everything, waiting a limited time for instances and backends. */
  async stop(): Promise<void> {
    this.#scheduler.stop();
    try {
      if (leaveAll(this.#liveOf(this.assembly), this.#log)) {
        this.#outbox.flush();
        await turnOfTheLoop(); // while all of them still run
      }
      await this.lifecycle.stopAll();
    } finally {
      await turnOfTheLoop();
      try {
        this.view.close();
        await this.#endTasks(() => this.#binding.beginStop(this.#core));
        await new Promise<void>((resolve) => this.#binding.stop(this.#core, resolve));
      } finally {
        // Also where there is no memory to begin the stop of the core: the process must be able to end.
        this.#outbox.disconnect();
        this.#reports.close();
        clearInterval(this.#keepAlive);
      }
    }
  }

  /** The names of an instance's channels, unless there are too many to look for a similar one. */
  #channelsOf(number: number): readonly string[] {
    const channels = this.assembly.entries.get(number)?.channels;
    try {
      if (channels === undefined || channels.size > MAX_COMPARED) return [];
      return channels.names(0, channels.size);
    } catch {
      return []; // the report is the last of an instance that has ended, and that can't be asked any more
    }
  }

  /** What remains is ended by what follows, also if there is no memory to begin with. */
  async #endTasks(begin: () => number): Promise<void> {
    try {
      await this.#endings.after(begin);
    } catch (error) {
      this.#log.error({ err: error }, `asyncio tasks could not be ended: ${messageOf(error)}`);
    }
    await turnOfTheLoop();
  }

  #liveOf(assembly: Assembly): LiveInstance[] {
    return [...assembly.entries.values()].map(({ live }) => live);
  }

  #connected(): void {
    this.#names = new ChannelNames(this.assembly.entries);
    this.#doors = new Doors(this.assembly);
    this.view.connected();
    // A warning is not repeated by reloads, even if it has moved to another line.
    const warnings = this.assembly.findings.distinctWarnings;
    for (const [key, warning] of warnings) {
      if (!this.#warned.has(key)) this.#log.warn({ diagnostics: [asData(warning)] }, formatDiagnostic(warning));
    }
    this.#warned = new Set(warnings.keys());
  }

  #deliver(number: number, batch: EventBatch): void {
    const live = this.#roster.get(number);
    if (live?.state === "new") live.early.keep(batch);
    else if (live?.state === "running") this.#handle(live, batch);
  }

  /** Delivers the events that came before an instance was started, if it has been. */
  #deliverEarly(live: LiveInstance): void {
    const { batches, lost } = live.early.take();
    if (live.state !== "running") return;
    for (const batch of batches) this.#handle(live, batch);
    if (lost > 0)
      this.#reports.log({ kind: "events-lost", instance: live.number, role: "", subject: "", text: "", value: lost });
  }

  #handle({ name, instance }: LiveInstance, batch: EventBatch): void {
    const threw = (error: unknown) => this.#reports.threw(`${name}: handle()`, { instance: name }, error);
    this.#outbox.collect(() => {
      callOnly(() => instance.handle?.(batch), threw);
    });
  }
}
