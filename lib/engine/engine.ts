import type { Binding, Core } from "../binding.js";

/** The native core of one router, for backends that have a part in it. */
export interface Engine {
  readonly binding: Binding;
  readonly core: Core;
  /** `sys.argv[0]` of python instances: the configuration's path, or the folder if there is none. */
  readonly argument: string;
  /** Aborted when the router is to stop: the core takes no more instances. */
  readonly stopping: AbortSignal;
}
