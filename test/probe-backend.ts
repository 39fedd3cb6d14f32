import type { Backend, EventBatch, Instance, InstanceContext } from "../lib/backends/simple.js";
import { Waiting } from "./waiting.js";

/** One instance of the backend `probe`: emits what a test wants and records what arrives. */
export class ProbeInstance implements Instance {
  readonly received: [channel: string, value: number][] = [];
  readonly batches: number[] = [];
  readonly #names: string[] = [];
  readonly #waiting = new Waiting();

  #echoes = false;

  constructor(readonly context: InstanceContext) {}

  /** With the option `echo`, everything that arrives goes out again on the same channel. */
  configure(option: string): void {
    if (option === "echo") this.#echoes = true;
  }

  channel(name: string, index: number): void {
    this.#names[index] = name;
  }

  handle({ length, channels, values }: EventBatch): void {
    this.batches.push(length);
    for (let i = 0; i < length; ++i) {
      const channel = channels[i] ?? 0;
      const value = values[i] ?? Number.NaN;
      if (this.#echoes) this.context.emit(channel, value);
      else this.received.push([this.#names[channel] ?? "?", value]);
    }
    this.#waiting.changed();
  }

  emit(channel: string, value: number): void {
    this.context.emit(this.#names.indexOf(channel), value);
  }

  /** Values that arrived on one channel. */
  values(channel: string): number[] {
    return this.received.filter(([name]) => name === channel).map(([, value]) => value);
  }

  /** Resolves once so many events have arrived on a channel. */
  until(channel: string, count = 1): Promise<number[]> {
    return this.#waiting.until(() => {
      const values = this.values(channel);
      return values.length >= count ? values : undefined;
    });
  }
}

export class ProbeBackend implements Backend {
  readonly name = "probe";
  readonly instances = new Map<string, ProbeInstance>();

  create(context: InstanceContext): ProbeInstance {
    const instance = new ProbeInstance(context);
    this.instances.set(context.name, instance);
    return instance;
  }
}
