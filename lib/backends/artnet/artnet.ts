import type { BackendSetup, InstanceSetup, OpenBackend } from "../instance.js";
import type { Values } from "../options.js";
import { FrameLimiter } from "../shared/frame-limiter.js";
import { Senders } from "../shared/frame-sender.js";
import type { SlotMeaning } from "../shared/slots.js";
import type { BackendOptions, Options } from "./index.js";
import { ArtnetInstance } from "./instance.js";
import { ArtnetSocket } from "./socket.js";

export function open({ options, log }: BackendSetup<BackendOptions>): ArtnetBackend {
  const sockets = options.bind.map((bind) => new ArtnetSocket(bind, log, options.detect));
  return new ArtnetBackend(options, sockets);
}

/** Sockets and universes that are sent belong to the backend, so that they outlast instances that reloads replace. */
export class ArtnetBackend implements OpenBackend<Options, SlotMeaning> {
  readonly senders = new Senders(new FrameLimiter());

  constructor(
    readonly options: Values<BackendOptions>,
    readonly sockets: readonly ArtnetSocket[],
  ) {}

  instance(setup: InstanceSetup<Options>): ArtnetInstance {
    return new ArtnetInstance(setup, this);
  }

  async start(): Promise<void> {
    await Promise.all(this.sockets.map((socket) => socket.open()));
  }

  async stop(): Promise<void> {
    this.senders.close();
    await Promise.all(this.sockets.map((socket) => socket.close()));
  }
}
