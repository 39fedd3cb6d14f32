import type { DeclaredInstance, InstanceSetup, OpenBackend } from "../instance.js";

export function open(): OpenBackend {
  return {
    instance: ({ engine: { binding, core } }: InstanceSetup): DeclaredInstance => ({
      native: { number: binding.addLoopback(core) },
    }),
  };
}
