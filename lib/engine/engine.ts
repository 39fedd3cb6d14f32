import type { NativePart } from "../backends/instance.js";
import type { Binding, Core, Report } from "../binding.js";
import type { LiveView } from "./live-view.js";

/** The native core of a router, for backends with a native part. */
export type CheckMode = "load" | "read";

export interface Engine {
  readonly binding: Binding;
  readonly core: Core;
  /** For what shows the router to people and programs. */
  readonly view: LiveView;
  /** See {@link RouterOptions.check}. */
  readonly check?: CheckMode | undefined;
  /** `sys.argv[0]` of python instances: the configuration's path, or the folder of a router without one. */
  readonly argument: string;
  /** Logs what an instance reports that the core does not know of. */
  report(report: Report): void;
  /** The instance that is being created does the same as {@link NativePart.advise} until that is known. */
  advises(advise: NonNullable<NativePart["advise"]>): void;
  /** Aborted when the router is being stopped: from then on, no instances may be added to the core. */
  readonly stopping: AbortSignal;
}
