// Starting and stopping backends and instances.
import { MidimonsterError, messageOf } from "../errors.js";
import type { LiveBackend, LiveInstance } from "./instances.js";
import { ignoreRejection, untilAborted } from "./waiting.js";

/** How long one stop() may take, in ms. */
const STOP_TIMEOUT = 2000;
/** How long all of them together may take, in ms. */
const STOP_ALL_TIMEOUT = 5000;

/** Backends and instances that were started and have to be stopped. */
export class Lifecycle {
  /** The value: whether start() has succeeded. */
  readonly #backends = new Map<LiveBackend, boolean>();
  readonly #instances = new Set<LiveInstance>();
  readonly #stopping = new AbortController();
  readonly #report: (problem: string) => void;

  /** @param report logs a problem while stopping, which does not prevent the stop */
  constructor(report: (problem: string) => void) {
    this.#report = report;
  }

  /** Aborted when the router is to stop. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Signals every pending call that the router is to stop. */
  abort(): void {
    this.#stopping.abort();
  }

  /**
   * Starts instances, each after its backend. Ends early once {@link abort} was called.
   *
   * @param started called for each instance whose start() has ended, successfully or not
   * @returns an error with code `BACKEND` for each that did not start
   */
  async start(
    instances: readonly LiveInstance[],
    goOn: "after-failures" | "until-failure",
    started: (live: LiveInstance) => void = () => {},
  ): Promise<MidimonsterError[]> {
    const failures: MidimonsterError[] = [];
    const { signal } = this;
    const ends = () => signal.aborted || (goOn === "until-failure" && failures.length > 0);
    const succeeds = async (what: string, start: () => void | Promise<void>): Promise<boolean> => {
      try {
        await untilAborted(start(), signal);
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
      // If an earlier start failed, its leftovers have to be closed first.
      if (this.#backends.has(backend)) await this.#stopBackend(backend, STOP_TIMEOUT);
      this.#backends.set(backend, false);
      this.#backends.set(backend, await succeeds(nameOf(backend), () => backend.open.start?.(signal)));
    }
    for (const live of instances) {
      if (ends()) return failures;
      if (this.#backends.get(live.backend) !== true) {
        live.failed = true;
        live.state = "ended";
        continue;
      }
      this.#instances.add(live);
      live.failed = !(await succeeds(`instance '${live.name}'`, () => live.instance.start?.(signal)));
      if (live.state === "new") live.state = "running";
      started(live);
    }
    return failures;
  }

  /** Stops an instance, if its start() has begun. */
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

  async #stopBackend(backend: LiveBackend, timeout: number): Promise<void> {
    this.#backends.delete(backend);
    await this.#stopWithin(timeout, nameOf(backend), () => backend.open.stop?.());
  }

  async #stopWithin(timeout: number, what: string, stop: () => void | Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, timeout, "late");
    });
    try {
      const stopped = stop();
      // After the deadline a rejection is ignored, so that it does not end the process.
      ignoreRejection(stopped);
      if ((await Promise.race([stopped, late])) !== "late") return;
      this.#report(`${what} did not stop in time; its stop() is no longer waited for`);
    } catch (error) {
      this.#report(`${what} did not stop properly: ${messageOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

function nameOf({ declaration }: LiveBackend): string {
  return `backend '${declaration.name}'`;
}
