import type { Backend, Instance } from "./backend.js";

/** Logical channels: every event that comes in goes out again on the same channel. Takes and ignores any option. */
export class LoopbackBackend implements Backend {
  readonly name = "loopback";

  create(): Instance {
    return { routing: "reflect" };
  }
}
