import type { Engine } from "../../engine/engine.js";
import type { UdpSocket } from "../shared/udp.js";
import type { UdpTarget } from "../shared/udp-target.js";
import type { OutgoingPaths } from "./outgoing.js";

/** Has the addon send an instance's events by itself while nothing about that is unusual: it takes a fraction of the time. */
export class DirectOutput {
  readonly #engine: Engine;
  readonly #instance: number;
  #active = false;

  /** @param instance its number in the core */
  constructor(engine: Engine, instance: number) {
    this.#engine = engine;
    this.#instance = instance;
  }

  /** Begins, if all targets that have an address can be sent to. It has to end before one of the arguments changes. */
  begin(paths: OutgoingPaths, targets: readonly UdpTarget[], socket: UdpSocket | undefined): void {
    if (socket === undefined) return;
    const reached = targets.filter((target) => target.endpoint !== undefined);
    if (reached.length === 0 || !reached.every((target) => socket.canSend(target))) return;
    const endpoints = reached.flatMap(({ endpoint }) => endpoint ?? []);
    const result = this.#engine.binding.sendOsc(
      this.#engine.core,
      this.#instance,
      socket.number,
      endpoints.map(({ address }) => address),
      Uint32Array.from(endpoints, ({ port }) => port),
      {
        ...paths.tables(),
        unsent: (target, errno, count) => {
          this.end();
          if (reached[target] !== undefined) socket.couldNotSend(reached[target], errno, count);
        },
      },
    );
    this.#active = result === 0;
  }

  /** Events go to `handle` from now on. */
  end(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#engine.binding.sendOsc(this.#engine.core, this.#instance, null);
  }
}
