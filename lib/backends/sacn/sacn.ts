import type { BackendSetup, InstanceSetup, OpenBackend } from "../instance.js";
import type { Values } from "../options.js";
import { FrameLimiter } from "../shared/frame-limiter.js";
import { type FrameSender, Senders } from "../shared/frame-sender.js";
import type { SlotMeaning } from "../shared/slots.js";
import type { UdpTarget } from "../shared/udp-target.js";
import { derivedCid } from "./cid.js";
import type { BackendOptions, Options } from "./index.js";
import { SacnInstance } from "./instance.js";
import { type Origin, terminate } from "./packets.js";
import { SacnSocket } from "./socket.js";

/** How many times the end of a universe is sent, since packets get lost. */
const TERMINATIONS = 3;

export function open({ options, log, engine }: BackendSetup<BackendOptions>): SacnBackend {
  const origin = { cid: options.cid ?? derivedCid(engine.argument), name: options.name };
  const { detect } = options;
  const sockets = options.bind.map((bind) => new SacnSocket({ bind, origin, detect, log }));
  return new SacnBackend(options, origin, sockets);
}

/** Sockets and universes that are sent belong to the backend, so that they outlast instances that reloads replace. */
export class SacnBackend implements OpenBackend<Options, SlotMeaning> {
  readonly senders: Senders;

  constructor(
    readonly options: Values<BackendOptions>,
    readonly origin: Origin,
    readonly sockets: readonly SacnSocket[],
  ) {
    this.senders = new Senders(new FrameLimiter(), (sender) => {
      for (const socket of sockets) socket.withdraw(sender);
      endStream(sender);
    });
  }

  instance(setup: InstanceSetup<Options>): SacnInstance {
    return new SacnInstance(setup, this);
  }

  async start(): Promise<void> {
    await Promise.all(this.sockets.map((socket) => socket.open()));
  }

  async stop(): Promise<void> {
    this.senders.close();
    await Promise.all(this.sockets.map((socket) => socket.close()));
  }
}

/** Tells receivers that no more frames come from here. @param targets those to tell; default: all */
export function endStream(sender: FrameSender, targets?: readonly UdpTarget[]): void {
  if (!sender.begun || targets?.length === 0) return;
  for (let i = 0; i < TERMINATIONS; ++i) sender.sendOnce(terminate, targets);
}
