import type { Backend } from "./backends/backend.js";
import { MidimonsterError, messageOf } from "./errors.js";
import type { LoadedInstance } from "./instances.js";

/** Backends and instances that were started, and so have to be stopped. */
export class Started {
  readonly #backends: Backend[] = [];
  #instances: LoadedInstance[] = [];
  readonly #tell: (problem: string) => void;

  /** @param tell takes what goes wrong while stopping, which nobody waits for */
  constructor(tell: (problem: string) => void) {
    this.#tell = tell;
  }

  /**
   * Starts instances, after their backends.
   *
   * @param goOn called between them; what it throws ends the start
   * @throws {MidimonsterError} `BACKEND` if one does not start
   */
  async start(instances: Iterable<LoadedInstance>, goOn: () => void): Promise<void> {
    const starting = [...instances];
    for (const backend of new Set(starting.map(({ backend }) => backend))) {
      if (this.#backends.includes(backend)) continue;
      this.#backends.push(backend);
      await attempt(`backend '${backend.name}'`, () => backend.start?.());
    }
    for (const loaded of starting) {
      goOn();
      this.#instances.push(loaded);
      await attempt(`instance '${loaded.name}'`, () => loaded.instance.start?.());
    }
    goOn();
  }

  /** Stops one instance, started or not. */
  async stop({ number, name, instance }: LoadedInstance): Promise<void> {
    this.#instances = this.#instances.filter((started) => started.number !== number);
    await this.#quietly(`instance '${name}'`, () => instance.stop?.());
  }

  /** Stops all instances, then all backends. */
  async stopAll(): Promise<void> {
    for (const { instance, name } of this.#instances.splice(0)) {
      await this.#quietly(`instance '${name}'`, () => instance.stop?.());
    }
    for (const backend of this.#backends.splice(0)) {
      await this.#quietly(`backend '${backend.name}'`, () => backend.stop?.());
    }
  }

  async #quietly(what: string, stop: () => void | Promise<void>): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.#tell(`${what} did not stop properly: ${messageOf(error)}`);
    }
  }
}

async function attempt(what: string, start: () => void | Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    throw new MidimonsterError("BACKEND", `${what} did not start: ${messageOf(error)}`, [], { cause: error });
  }
}
