// One process of an instance, from its start to its end.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, readFileSync, readSync } from "node:fs";
import type { Socket } from "node:net";
import path from "node:path";
import { findAddon, packageFolder, type Report } from "../../../binding.js";
import type { Engine } from "../../../engine/engine.js";
import { MidimonsterError, messageOf } from "../../../errors.js";
import { codeOf } from "../../shared/error-codes.js";
import { isSuspended, limits } from "./hang-watch.js";
import { askAndWait, Decoder, Disconnected, encode, Nonsense, type Request } from "./messages.js";

/** How long a reload may go on after a signal to stop, in ms: the instance has cleanup handlers that are still to be called. */
const AFTER_SIGNAL = 3000;

/** Requests during which code of users runs, finalizers and a module's `__getattr__` too, or is parsed. */
const RUNS_CODE = new Set(["load", "reload", "end", "resolve", "parse"]);

/** How long writing its stack may take, in ms. */
const LAST_WORDS = 1000;

/** Threads of the native part, and the program of the process, below what it runs. */
const NOT_OF_USERS =
  /^Thread 0x.*\n {2}<no Python frame>\n\n|(\n {2}File "<string>", line \d+ in <(lambda|module)>)+$/gm;

/** How long is waited for the last of its reports, in ms. */
const LAST_REPORTS = 1000;

const MAX_STACK = 64 * 1024;

export interface ProcessSetup {
  readonly engine: Engine;
  /** The instance's number in the core. */
  readonly number: number;
  readonly name: string;
  readonly folder: string;
  readonly executable: string;
  readonly ignoreHome: boolean;
  readonly handlerWarn: number;
  readonly handlerTimeout: number;
  /** In bytes; 0 for none. */
  readonly memoryLimit: number;
}

/** How a process has ended. */
export interface Ending {
  /** `by SIGSEGV`, `with status 1`, or why it was killed. */
  readonly how: string;
  /** The number of events that it has not handled. */
  readonly lost: number;
  /** Its Python stack, if it crashed. */
  readonly stack: string;
}

export class PythonProcess {
  readonly pid: number;
  /** Resolves once it has ended. */
  readonly ended: Promise<Ending>;
  readonly #setup: ProcessSetup;
  readonly #child: ChildProcess;
  readonly #reports: Socket;
  readonly #requests: number;
  readonly #crash: number;
  readonly #answers: ((answer: unknown) => void)[] = [];
  #hasEnded = false;
  #broken = false;
  #killedFor: string | undefined;

  /** Starts it; {@link start} follows. @throws {MidimonsterError} `PYTHON_LOAD` */
  constructor(setup: ProcessSetup, reported: (report: Report) => void) {
    this.#setup = setup;
    const { engine, number, name, executable, ignoreHome, memoryLimit } = setup;
    const { binding, core } = engine;
    const failed = (why: string) => new MidimonsterError("PYTHON_LOAD", `no process for instance '${name}': ${why}`);
    const runtime = path.join(packageFolder, "python", "runtime");
    const program = readFileSync(path.join(runtime, "child.py"), "utf8");
    const opened = binding.openProcess(core, number);
    if (typeof opened === "string") throw failed(opened);
    const { requests, processRequests, crash, memory, wake, routerWake } = opened;
    this.#requests = requests;
    this.#crash = crash;
    const { PYTHONHOME, ...env } = process.env;
    try {
      this.#child = spawn(
        executable,
        ["-c", program, findAddon(), path.join(runtime, "start.py"), String(memoryLimit)],
        {
          detached: true, // a signal from the terminal is for the router
          stdio: ["ignore", "inherit", "inherit", processRequests, "pipe", memory, wake, routerWake, crash],
          env: { ...env, ...(PYTHONHOME !== undefined && !ignoreHome && { PYTHONHOME }), PYTHON_GIL: "1" },
        },
      );
    } catch (error) {
      // Node throws what it does not expect of a program: a link to itself, a folder that is a file, too large an environment.
      binding.processEnded(core, number);
      closeSync(requests);
      closeSync(crash);
      throw failed(`${executable} can't be started: ${messageOf(error)}`);
    } finally {
      closeSync(processRequests);
    }
    this.#child.on("error", () => {}); // it has no pid then
    this.ended = this.#end();
    if (this.#child.pid === undefined) throw failed(`${executable} can't be started${whyNot(executable)}`);
    this.pid = this.#child.pid;
    binding.processSpawned(core, number, this.pid);
    this.#child.unref();
    this.#reports = this.#child.stdio[4] as Socket;
    this.#reports.unref();
    this.#reports.on("error", () => {}); // its end follows
    this.#reports.on("close", () => this.#disconnected());
    const decoder = new Decoder();
    this.#reports.on("data", (piece: Buffer) => {
      if (this.#broken) return; // what follows nonsense is not understood
      try {
        for (const message of decoder.take(piece)) this.#take(message, reported);
      } catch (error) {
        this.#refuse(error);
      }
    });
  }

  /** What it is to know before anything is loaded. */
  get start(): Request {
    const { engine, name, folder, executable, handlerWarn, handlerTimeout } = this.#setup;
    const checking = engine.check === undefined ? "" : "checking";
    const limits = [String(handlerWarn), String(handlerTimeout)];
    return ["start", name, folder, engine.argument, ...limits, checking, ...engine.binding.formatsInUse(), executable];
  }

  /**
   * Waits for the answer, while everything else waits too.
   *
   * It is killed if it does not answer in time; where it runs code of users, which may take any time, only if it is suspended.
   *
   * @param patience how long a signal to stop waits for it, in ms
   * @throws {Disconnected} if it ends instead
   */
  ask(request: Request, patience = AFTER_SIGNAL): unknown {
    let since: number | undefined;
    const runsCode = RUNS_CODE.has(request[0]);
    let awake = performance.now();
    const goesOn = () => {
      if (runsCode && !isSuspended(this.pid)) awake = performance.now();
      if (performance.now() - awake >= limits.answer) this.kill();
      if (!this.#setup.engine.binding.stopSignalSeen()) return;
      since ??= performance.now();
      if (performance.now() - since >= patience) this.kill();
    };
    try {
      if (this.#hasEnded) throw new Disconnected("the process has ended"); // the descriptor's number may be another file's
      return askAndWait(this.#requests, request, goesOn);
    } catch (error) {
      if (error instanceof Disconnected) this.#disconnected();
      this.#refuse(error);
      throw new Disconnected("the process has written nonsense");
    }
  }

  /** The same without waiting; Node does not end in the meantime. Rejects if it ends instead. */
  async askLater(request: Request): Promise<unknown> {
    const answer = new Promise<unknown>((resolve) => this.#answers.push(resolve));
    this.#reports.write(encode(request));
    const ended = this.ended.then(({ how, stack }) => {
      throw new Error(`its process was ended ${how}${stack === "" ? "" : `\n${stack}`}`);
    });
    this.#reports.ref();
    this.#child.ref();
    try {
      return await Promise.race([answer, ended]);
    } finally {
      this.#reports.unref();
      this.#child.unref();
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  kill(): void {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
  }

  /** The same, but first it may write where it is. */
  abort(why: string): void {
    this.#killedFor = why;
    if (!this.#hasEnded) this.#child.kill("SIGABRT");
    setTimeout(() => this.kill(), LAST_WORDS).unref();
  }

  /** Ends a process that sends something other than messages. @throws any other error */
  #refuse(error: unknown): void {
    if (!(error instanceof Nonsense)) throw error;
    this.#broken = true;
    this.kill();
  }

  /** It ends, or does not: user code may have made another program of the process, or closed any descriptor. */
  #disconnected(): void {
    const end = () => {
      if (this.#hasEnded) return;
      this.#killedFor ??= "since it had closed its connection to the router";
      this.kill();
    };
    setTimeout(end, limits.answer).unref();
  }

  #take(message: unknown, reported: (report: Report) => void): void {
    const { engine, number } = this.#setup;
    const value = message as { reports?: Report[]; failed?: string } | null;
    if (value?.reports !== undefined) {
      for (const report of value.reports) reported({ ...report, instance: number });
    } else if (value?.failed !== undefined) {
      engine.report({ kind: "log", instance: number, role: "error", subject: "midimonster", text: value.failed });
    } else {
      this.#answers.shift()?.(value);
    }
  }

  async #end(): Promise<Ending> {
    const { engine, number } = this.#setup;
    const { binding, core } = engine;
    const child = this.#child;
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((ended) => {
      if (child.pid === undefined) ended([1, null]);
      else child.once("exit", (...how) => ended(how)); // also after an error
    });
    this.#hasEnded = true;
    if (child.pid !== undefined) {
      binding.processSpawned(core, number, 0);
      await this.#lastReports();
    }
    if (this.#broken || binding.processBroken(core, number))
      this.#killedFor = "for writing nonsense into what it shares with the router";
    const lost = binding.processEnded(core, number);
    const stack = this.stack();
    closeSync(this.#requests);
    closeSync(this.#crash);
    const how = signal === null ? `with status ${status}` : `by ${signal}`;
    return { how: this.#killedFor ?? how, lost, stack };
  }

  /** Resolves once all that it has sent was read. A program that it has started may have its end of the connection, and goes on. */
  async #lastReports(): Promise<void> {
    const reports = this.#reports;
    if (reports.closed) return;
    reports.ref();
    const late = setTimeout(() => reports.destroy(), LAST_REPORTS);
    await new Promise((closed) => reports.once("close", closed)); // also after an error
    clearTimeout(late);
  }

  /** What Python's faulthandler has written. */
  stack(): string {
    const text = Buffer.alloc(MAX_STACK);
    try {
      return text
        .toString("utf8", 0, readSync(this.#crash, text, 0, MAX_STACK, 0))
        .replace(NOT_OF_USERS, "")
        .trim();
    } catch {
      return "";
    }
  }
}

/** Why a program was not started a moment ago: Node says so too late. */
function whyNot(executable: string): string {
  switch (codeOf(spawnSync(executable, ["-c", ""]).error)) {
    case "EAGAIN":
      return ": the system allows no more processes (ulimit -u; TasksMax= of a unit for systemd)";
    case "EMFILE":
      return ": too many open files (ulimit -n; LimitNOFILE= of a unit for systemd)";
    case "ENOMEM":
      return ": out of memory";
    case "ENOENT":
      return ": there is no such file";
    case "EACCES":
      return ": it may not be run";
    default:
      return "";
  }
}
