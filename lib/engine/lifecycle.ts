// Starting and stopping backends and instances.
import { setMaxListeners } from "node:events";
import { MidimonsterError, messageOf } from "../errors.js";
import { endsWithin, untilAborted } from "../user-code.js";
import type { LiveBackend, LiveInstance } from "./instances.js";

/** How long one stop() may take, in ms. */
const STOP_TIMEOUT = 2000;
/** How long all of them together may take, in ms. */
const STOP_ALL_TIMEOUT = 5000;

/** Backends and instances that have been started and must be stopped. */
export class Lifecycle {
  /** Each with whether its start() has succeeded. */
  readonly #backends = new Map<LiveBackend, boolean>();
  readonly #instances = new Set<LiveInstance>();
  readonly #stopping = new AbortController();
  readonly #report: (problem: string) => void;

  /** @param report receives errors that occur while stopping; none of them prevents the stop */
  constructor(report: (problem: string) => void) {
    this.#report = report;
    setMaxListeners(0, this.signal); // as many as there are instances
  }

  /** Aborted when the router is being stopped. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Signals all pending calls that the router is being stopped. */
  abort(): void {
    this.#stopping.abort();
  }

  /**
   * Starts instances, each after its backend. Ends early once {@link abort} was called.
   *
   * @param started called for each instance when its start() has ended, successfully or not; one that failed has `ended`:
   *   it gets no events
   * @returns an error with code `BACKEND` for each that did not start
   */
  async start(
    instances: readonly LiveInstance[],
    goOn: "after-failures" | "until-failure",
    started: (live: LiveInstance) => void = () => {},
  ): Promise<MidimonsterError[]> {
    const failures: MidimonsterError[] = [];
    const notStarted = new Map<LiveBackend, string>();
    const { signal } = this;
    const ends = () => signal.aborted || (goOn === "until-failure" && failures.length > 0);
    const succeeds = async (what: string, start: () => void | Promise<void>): Promise<boolean> => {
      try {
        await untilAborted(start, signal);
        return true;
      } catch (error) {
        const message = `${what} did not start: ${messageOf(error)}`;
        failures.push(new MidimonsterError("BACKEND", message, [], { cause: error }));
        return false;
      }
    };
    for (const backend of new Set(instances.map(({ backend }) => backend))) {
      if (ends()) return failures;
      if (this.#backends.get(backend) === true) continue;
      // An earlier start() that failed may have left resources open.
      if (this.#backends.has(backend)) await this.#stopBackend(backend, STOP_TIMEOUT);
      this.#backends.set(backend, false);
      const succeeded = await succeeds(nameOf(backend), () => backend.open.start?.(signal));
      this.#backends.set(backend, succeeded);
      if (!succeeded) notStarted.set(backend, failures.at(-1)?.message ?? "");
    }
    for (const live of instances) {
      if (ends()) return failures;
      if (this.#backends.get(live.backend) !== true) {
        live.failed = notStarted.get(live.backend) ?? `${nameOf(live.backend)} did not start`;
        live.state = "ended";
        started(live);
        continue;
      }
      this.#instances.add(live);
      const succeeded = await succeeds(`instance '${live.name}'`, () => live.instance.start?.(signal));
      live.failed = succeeded ? undefined : failures.at(-1)?.message;
      if (live.state === "new") live.state = succeeded ? "running" : "ended";
      started(live);
    }
    return failures;
  }

  /** Stops an instance if its start() was called. */
  async stop(live: LiveInstance, timeout = STOP_TIMEOUT): Promise<void> {
    live.state = "ended";
    if (!this.#instances.delete(live)) return;
    await this.#stopWithin(timeout, `instance '${live.name}'`, () => live.instance.stop?.());
  }

  /** Stops all instances, then all backends. */
  async stopAll(): Promise<void> {
    const deadline = performance.now() + STOP_ALL_TIMEOUT;
    const timeLeft = () => Math.min(STOP_TIMEOUT, Math.max(0, deadline - performance.now()));
    for (const live of this.#instances) await this.stop(live, timeLeft());
    for (const backend of this.#backends.keys()) await this.#stopBackend(backend, timeLeft());
  }

  /** Stops a backend if its start() was called. */
  async stopBackend(backend: LiveBackend): Promise<void> {
    if (this.#backends.has(backend)) await this.#stopBackend(backend, STOP_TIMEOUT);
  }

  async #stopBackend(backend: LiveBackend, timeout: number): Promise<void> {
    this.#backends.delete(backend);
    await this.#stopWithin(timeout, nameOf(backend), () => backend.open.stop?.());
  }

  async #stopWithin(timeout: number, what: string, stop: () => void | Promise<void>): Promise<void> {
    try {
      if (await endsWithin(timeout, stop)) return;
      this.#report(`${what} did not stop in time; its stop() is no longer waited for`);
    } catch (error) {
      this.#report(`${what} did not stop properly: ${messageOf(error)}`);
    }
  }
}

function nameOf({ declaration }: LiveBackend): string {
  return `backend '${declaration.name}'`;
}
