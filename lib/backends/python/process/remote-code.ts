// An instance's code in a process of its own, which is started again when it ends.
import type { IdleModule, ModulesReloaded, PythonException, Report, ResolveError } from "../../../binding.js";
import { count } from "../../../count.js";
import { messageOf } from "../../../errors.js";
import type { Logger } from "../../../log/log.js";
import type { Channels } from "../../../mapping/channel-set.js";
import { endsWithin } from "../../../user-code.js";
import type { InstanceStatus } from "../../instance.js";
import type { Code } from "../code.js";
import { Backoff } from "./backoff.js";
import { HangWatch, isSuspended, limits } from "./hang-watch.js";
import { Disconnected, type Request } from "./messages.js";
import { type Ending, type ProcessSetup, PythonProcess } from "./python-process.js";

/** The time after which the log says which process has not answered, in ms. */
const SLOW = 1000;

/** A channel's name, and so on, as an argument. */
const text = (value: number) => String(value);

export class RemoteCode implements Code {
  readonly number: number;
  readonly channels: Channels;
  readonly #setup: ProcessSetup;
  readonly #log: Logger;
  readonly #restarts: boolean;
  readonly #backoff = new Backoff();
  #process: PythonProcess;
  /** The first process's answer: what prevents its Python from running code, or nothing. */
  readonly #begun: Promise<unknown>;
  /** Of all channels: a new process gets them under the same numbers. */
  readonly #names: string[] = [];
  readonly #known = new Map<string, number>();
  /** What a new process has to do again: modules, in order. */
  readonly #modules: { readonly value: string; readonly folder: string }[] = [];
  #inputs: readonly number[] = [];
  #outputs: readonly number[] = [];
  #resolved: { readonly inputs: Uint32Array; readonly defaultHandler: string } = {
    inputs: new Uint32Array(),
    defaultHandler: "",
  };
  /** As it was before the reload that is under way. */
  #before = { modules: 0, resolved: this.#resolved };
  #sources: string[] = [];
  #state: "loading" | "running" | "waiting" | "failed" | "stopped" = "loading";
  #problem = "";
  #restarted = 0;
  /** The number of the present attempt to start it again: what earlier ones come to does not count. */
  #attempt = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #ending: NodeJS.Timeout | undefined;
  readonly #watch = new HangWatch();
  #toldOfMemory = false;

  /** Starts its process; {@link started} or {@link discard} follows. @throws {MidimonsterError} `PYTHON_LOAD` */
  constructor(setup: ProcessSetup, log: Logger, restarts: boolean) {
    this.#setup = setup;
    this.#log = log;
    this.#restarts = restarts;
    this.number = setup.number;
    const code = this;
    this.channels = {
      get size() {
        return code.#names.length;
      },
      add: (names) => code.#addChannels(names),
      names: (first, count) => code.#names.slice(first, first + count),
    };
    this.#process = this.#spawn();
    this.#begun = this.#process.askLater(this.#process.start);
    this.#begun.catch(() => {}); // started() reports it
  }

  /** Waits until it can load modules. @throws {Error} if it can't; it has been discarded then */
  async started(): Promise<void> {
    const { engine, name, memoryLimit } = this.#setup;
    const kill = () => this.#process.kill();
    engine.stopping.addEventListener("abort", kill, { once: true });
    const slow = setTimeout(() => {
      this.#log.warn({ instance: name }, `still waiting for process ${this.pid} of instance '${name}' to answer`);
    }, SLOW);
    try {
      const problem = await this.#begun;
      if (problem !== "") throw new Error(String(problem));
    } catch (error) {
      this.discard();
      if (memoryLimit === 0) throw error;
      throw new Error(`${messageOf(error)}; its memory-limit, ${mebibytes(memoryLimit)}, may be too small for Python`);
    } finally {
      clearTimeout(slow);
      engine.stopping.removeEventListener("abort", kill);
    }
  }

  /** Ends its process, and leaves the core. Before {@link ready}. */
  discard(): void {
    const { engine, number } = this.#setup;
    this.retired();
    this.#process.kill();
    engine.binding.retire(engine.core, Uint32Array.of(number));
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Everything is loaded. @returns how many events that came in the meantime were lost, to later ones of their channels */
  ready(): number {
    if (this.#state === "stopped") return 0;
    const { engine } = this.#setup;
    this.#state = "running";
    const replaced = engine.binding.processReady(engine.core, this.number);
    this.#lost += replaced;
    this.#startWatch();
    return replaced;
  }

  /** It is not started again. */
  retired(): void {
    this.#state = "stopped";
    clearTimeout(this.#timer);
    this.#watch.stop();
    this.#expectEnd();
  }

  #expectEnd(): void {
    const { name } = this.#setup;
    const { end } = limits;
    this.#ending ??= setTimeout(() => {
      if (this.#process.hasEnded) return;
      const message = `process ${this.pid} of instance '${name}' has not ended in ${end / 1000} s; it is killed`;
      this.#log.error({ instance: name, pid: this.pid }, message);
      this.#process.kill();
    }, end).unref();
  }

  status(): InstanceStatus {
    const { pid } = this;
    const restarts = this.#restarted === 0 ? "" : `, restarted ${count(this.#restarted, "time")}`;
    const lost = this.#lost > 0 ? { lost: this.#lost } : {};
    if (this.#state === "failed") return { state: "failed", text: this.#problem, ...lost };
    if (this.#state === "waiting") return { state: "waiting", text: `${this.#problem}; it is started again`, ...lost };
    return { state: "ok", text: `process ${pid}${restarts}`, ...lost };
  }

  loadModule(value: string, folder: string): PythonException | null {
    this.#modules.push({ value, folder });
    if (this.#isAway) return null;
    try {
      const patience = this.#state === "loading" ? 0 : undefined; // nothing of it runs yet that a stop would have to end in order
      return this.#process.ask(["load", value, folder], patience) as PythonException | null;
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error;
      if (this.#state === "loading") this.#state = "stopped"; // one that runs is started again
      return exceptionFor(`the process ended while module '${value}' was loaded`, this.#process.stack());
    } finally {
      this.#update();
    }
  }

  /** NaN, which is equal to nothing, where it is not known. */
  activity = () => (this.#ask(["activity"]) as number | undefined) ?? Number.NaN;
  idleModule = (value: string) => (this.#ask(["idle", value]) as IdleModule | undefined) ?? null;

  fixChannels(): void {
    this.#ask(["fix"]);
  }

  resolve(inputs: Uint32Array, defaultHandler: string): ResolveError[] {
    this.#resolved = { inputs: inputs.slice(), defaultHandler };
    return (this.#ask(["resolve", defaultHandler, ...[...inputs].map(text)]) as ResolveError[] | undefined) ?? [];
  }

  /** @throws {Error} if it does not answer, since its code has not returned: everything else would wait for it. */
  async answers(): Promise<void> {
    if (this.#isAway) return;
    const answer = this.#process.askLater(["activity"]).catch(() => {}); // it may end now
    if (await endsWithin(limits.answer, () => answer)) return;
    const { engine } = this.#setup;
    const busy = engine.binding.processBusy(engine.core, this.number);
    const why = isSuspended(this.pid) ? "it is suspended" : `its code has been running for ${Math.round(busy)} ms`;
    throw new Error(`process ${this.pid} does not answer: ${why}. If it is killed, it is started again`);
  }

  parseChanged = () => (this.#ask(["parse"]) as PythonException | undefined) ?? null;

  beginReload(): void {
    this.#before = { modules: this.#modules.length, resolved: this.#resolved };
    if (!this.#isAway) this.#process.ask(["begin"]);
  }

  reloadChanged(): ModulesReloaded {
    if (this.#isAway) return { modules: [], exception: null, missing: [] }; // a new process loads all as it is then
    const reloaded = this.#process.ask(["reload"]) as ModulesReloaded;
    this.#update();
    return reloaded;
  }

  endReload(keep: boolean): void {
    if (!keep) {
      this.#modules.length = this.#before.modules;
      this.#resolved = this.#before.resolved;
    }
    this.#ask(["end", keep ? "keep" : "undo"]);
    // What an attempt has been told so far may be wrong now; and what has made it end may be mended.
    if (this.#isAway && (keep || this.#state === "waiting")) this.#restartIn(0);
  }

  sourceFiles(): string[] {
    this.#sources = (this.#ask(["sources"]) as string[] | undefined) ?? this.#sources;
    return this.#sources;
  }

  /** Channels that are mapped, by their numbers. */
  setMapped(inputs: Iterable<number>, outputs: Iterable<number>): void {
    this.#inputs = [...inputs];
    this.#outputs = [...outputs];
    this.#ask(this.#mapped());
  }

  /** It has no process, or one that is being started again. */
  get #isAway(): boolean {
    return this.#state === "waiting" || this.#state === "failed";
  }

  #mapped(): Request {
    return ["mapped", text(this.#inputs.length), ...this.#inputs.map(text), ...this.#outputs.map(text)];
  }

  /** Waits for the answer; undefined if there is no process at the moment. */
  #ask(request: Request): unknown {
    if (this.#process.hasEnded || (this.#state !== "running" && this.#state !== "loading")) return undefined;
    try {
      return this.#process.ask(request);
    } catch (error) {
      if (error instanceof Disconnected) return undefined;
      throw error;
    }
  }

  #addChannels(names: readonly string[]): Uint32Array {
    const isNew = names.some((name) => !this.#known.has(name));
    if (isNew) {
      this.#ask(["addChannels", ...names]);
      this.#update();
      for (const name of names) this.#note(name); // those of a process that is not there
    }
    return Uint32Array.from(names, (name) => this.#known.get(name) ?? 0);
  }

  /** Learns of channels that the process has created. */
  #update(): void {
    const names = this.#ask(["names", text(this.#names.length)]) as string[] | undefined;
    for (const name of names ?? []) this.#note(name);
  }

  #note(name: string): void {
    if (this.#known.has(name)) return;
    this.#known.set(name, this.#names.length);
    this.#names.push(name);
  }

  #spawn(): PythonProcess {
    const started = new PythonProcess(this.#setup, (report) => this.#report(report));
    started.ended.then((ending) => this.#ended(started, ending));
    return started;
  }

  #report(report: Report): void {
    const { engine, name, number, memoryLimit } = this.#setup;
    engine.binding.processReported(engine.core, number, report.kind, report.role);
    engine.report({ ...report, apart: true });
    if (memoryLimit === 0 || this.#toldOfMemory || report.exception?.type !== "MemoryError") return;
    this.#toldOfMemory = true;
    this.#log.error({ instance: name }, `instance '${name}' has reached its memory-limit, ${mebibytes(memoryLimit)}`);
  }

  #ended(process: PythonProcess, ending: Ending): void {
    if (process !== this.#process || this.#state === "stopped") return;
    this.#watch.stop();
    if (this.#state !== "running") return; // what waits for it to load handles that
    const { engine, name } = this.#setup;
    if (engine.stopping.aborted) return;
    this.#lost += ending.lost;
    const lost = ending.lost === 0 ? "" : `; ${count(ending.lost, "event")} for it lost`;
    this.#problem = `process ${process.pid} of instance '${name}' was ended ${ending.how}`;
    this.#log.error(
      { instance: name, pid: process.pid, lost: ending.lost },
      `${this.#problem}${lost}${ending.stack === "" ? "" : `\n${ending.stack}`}`,
    );
    this.#restartLater();
  }

  #restartLater(): void {
    const { name } = this.#setup;
    if (!this.#restarts) {
      this.#state = "failed";
      return;
    }
    const wait = this.#backoff.next();
    if (wait > 0) this.#log.warn({ instance: name }, `instance '${name}' is started again in ${wait / 1000} s`);
    this.#restartIn(wait);
  }

  #restartIn(wait: number): void {
    this.#state = "waiting";
    const attempt = ++this.#attempt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#restart(attempt).catch((error) => this.#restartFailed(attempt, error));
    }, wait);
  }

  /** Whether an attempt counts no more: another has begun since, or none is wanted. */
  #isOver(attempt: number): boolean {
    return attempt !== this.#attempt || this.#state !== "waiting" || this.#setup.engine.stopping.aborted;
  }

  async #restartFailed(attempt: number, error: unknown): Promise<void> {
    const { name } = this.#setup;
    if (this.#isOver(attempt)) return;
    this.#problem = `instance '${name}' could not be started again: ${messageOf(error)}`;
    this.#log.error({ instance: name }, this.#problem);
    this.#process.kill();
    await this.#process.ended; // the core has one process of an instance at a time
    if (!this.#isOver(attempt)) this.#restartLater();
  }

  async #restart(attempt: number): Promise<void> {
    const { name } = this.#setup;
    this.#process.kill();
    await this.#process.ended; // the core has one process of an instance at a time
    if (this.#isOver(attempt)) return;
    const process = this.#spawn();
    this.#process = process;
    const problem = await process.askLater(process.start);
    if (problem !== "") throw new Error(String(problem));
    // First, so that each has its number.
    await process.askLater(["addChannels", ...this.#names]);
    for (const { value, folder } of this.#modules) {
      const exception = (await process.askLater(["load", value, folder])) as PythonException | null;
      if (exception !== null) throw new Error(`module '${value}' can't be imported\n${exception.text}`);
    }
    const created = (await process.askLater(["names", text(this.#names.length)])) as string[];
    await process.askLater(["fix"]);
    const { inputs, defaultHandler } = this.#resolved;
    const resolved = await process.askLater(["resolve", defaultHandler, ...[...inputs].map(text)]);
    await process.askLater(this.#mapped());
    if (this.#isOver(attempt)) return;
    if (process.hasEnded) throw new Error("its process has ended");
    for (const channel of created)
      this.#log.warn({ instance: name }, `'${name}.${channel}' is new; it is mapped after a reload`);
    ++this.#restarted;
    this.#backoff.started();
    const replaced = this.ready();
    const lost = replaced === 0 ? "" : `; ${count(replaced, "event")} for it lost to later ones of their channels`;
    const message = `instance '${name}' runs again, in process ${process.pid}${lost}`;
    this.#log.info({ instance: name, pid: process.pid, ...(replaced > 0 && { lost: replaced }) }, message);
    this.#tellUnresolved(resolved as ResolveError[]);
  }

  /** Its modules may have changed. */
  #tellUnresolved(resolved: readonly ResolveError[]): void {
    const { name } = this.#setup;
    const missing = resolved
      .filter(({ problem }) => problem !== "")
      .map(
        ({ channel, problem }) =>
          `${channel < 0 ? "default-handler" : `'${name}.${this.#names[channel]}'`}: ${problem}`,
      );
    if (missing.length === 0) return;
    const message = `instance '${name}' lacks handlers; events for them do nothing until a reload finds them`;
    this.#log.error({ instance: name }, [message, ...missing].join("\n"));
  }

  #startWatch(): void {
    const { engine, handlerTimeout } = this.#setup;
    if (handlerTimeout === 0) return;
    const process = this.#process;
    const busy = () => engine.binding.processBusy(engine.core, this.number);
    this.#watch.start(process.pid, handlerTimeout, busy, (after) => {
      process.abort(`since it did not return ${after / 1000} s after handler-timeout`);
    });
  }
}

const mebibytes = (bytes: number) => `${bytes / 2 ** 20} MiB`;

function exceptionFor(message: string, stack: string): PythonException {
  return { type: "ProcessEnded", message, places: [], text: stack === "" ? message : `${message}\n${stack}` };
}
