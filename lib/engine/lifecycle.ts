// Starting and stopping backends and instances.
import { MidimonsterError, messageOf } from "../errors.js";
import type { LiveBackend, LiveInstance } from "./instances.js";

/** How long one stop() may take, in ms. */
const STOP_TIMEOUT = 2000;
/** How long all of them together may take, in ms. */
const STOP_ALL_TIMEOUT = 5000;

/** Backends and instances that were started, and so have to be stopped. */
export class Lifecycle {
  #backends: LiveBackend[] = [];
  #instances: LiveInstance[] = [];
  readonly #stopping = new AbortController();
  readonly #report: (problem: string) => void;

  /** @param report takes what goes wrong while stopping, which prevents nothing */
  constructor(report: (problem: string) => void) {
    this.#report = report;
  }

  /** Tells every `start()` under way that the router is to stop. */
  abort(): void {
    this.#stopping.abort();
  }

  /**
   * Starts instances, each after its backend. Ends early once {@link abort} was called.
   *
   * @returns what did not start: an error with code `BACKEND` each
   */
  async start(
    instances: readonly LiveInstance[],
    goOn: "after-failures" | "until-failure",
  ): Promise<MidimonsterError[]> {
    const failures: MidimonsterError[] = [];
    const { signal } = this.#stopping;
    const failed = new Set<LiveBackend>();
    const attempt = async (what: string, start: () => unknown): Promise<boolean> => {
      if (signal.aborted || (goOn === "until-failure" && failures.length > 0)) return false;
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
      if (this.#backends.includes(backend)) continue;
      const name = `backend '${backend.declaration.name}'`;
      const started = await attempt(name, () => {
        this.#backends.push(backend);
        return backend.open.start?.(signal);
      });
      if (!started) failed.add(backend);
    }
    for (const live of instances) {
      if (failed.has(live.backend)) continue;
      await attempt(`instance '${live.name}'`, () => {
        this.#instances.push(live);
        return live.instance.start?.(signal);
      });
    }
    return failures;
  }

  /** Stops one instance, started or not. */
  async stop(live: LiveInstance): Promise<void> {
    this.#instances = this.#instances.filter((started) => started !== live);
    await this.#stopWithin(STOP_TIMEOUT, `instance '${live.name}'`, () => live.instance.stop?.());
  }

  /** Stops all instances, then all backends. */
  async stopAll(): Promise<void> {
    const deadline = performance.now() + STOP_ALL_TIMEOUT;
    const timeLeft = () => Math.min(STOP_TIMEOUT, Math.max(0, deadline - performance.now()));
    for (const { name, instance } of this.#instances.splice(0)) {
      await this.#stopWithin(timeLeft(), `instance '${name}'`, () => instance.stop?.());
    }
    for (const { declaration, open } of this.#backends.splice(0)) {
      await this.#stopWithin(timeLeft(), `backend '${declaration.name}'`, () => open.stop?.());
    }
  }

  async #stopWithin(timeout: number, what: string, stop: () => void | Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, timeout, "late");
    });
    try {
      const stopped = Promise.resolve(stop());
      if ((await Promise.race([stopped, late])) !== "late") return;
      // Its end is of no interest any more, but must not end the process either.
      stopped.catch(() => {});
      this.#report(`${what} did not stop in time; its stop() is no longer waited for`);
    } catch (error) {
      this.#report(`${what} did not stop properly: ${messageOf(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waits for a start(), but not for one that does not end when the router is to stop. */
async function untilAborted(started: unknown, signal: AbortSignal): Promise<void> {
  if (!(started instanceof Promise)) return;
  let stop = () => {};
  const aborted = new Promise<void>((_, reject) => {
    const timeout = () =>
      setTimeout(() => reject(new Error("it did not end when the router was stopped")), STOP_TIMEOUT);
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = timeout();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stop = () => {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    };
  });
  try {
    await Promise.race([started, aborted]);
  } finally {
    stop();
    started.catch(() => {});
  }
}
