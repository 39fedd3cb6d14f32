import type { Channel, InstanceStatus } from "../../instance.js";
import { PythonInstance, type Setup, type Surroundings } from "../instance.js";
import type { RemoteCode } from "./remote-code.js";

/** A python instance in a process of its own. */
export class ProcessInstance extends PythonInstance {
  readonly #code: RemoteCode;
  readonly #mapped = { input: new Set<number>(), output: new Set<number>() };

  constructor(setup: Setup, code: RemoteCode, surroundings: Surroundings) {
    super(setup, code, surroundings);
    this.#code = code;
    code.ready();
  }

  connect(channels: readonly Channel[]): readonly never[] {
    for (const { index, use } of channels) this.#mapped[use].add(index);
    this.#tellMapped();
    return [];
  }

  disconnect(channels: readonly Channel[]): void {
    for (const { index, use } of channels) this.#mapped[use].delete(index);
    this.#tellMapped();
  }

  status(): InstanceStatus {
    return this.#code.status();
  }

  stop(): void {
    this.#code.retired();
  }

  #tellMapped(): void {
    this.#code.setMapped(this.#mapped.input, this.#mapped.output);
  }
}
