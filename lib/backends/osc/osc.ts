import type { BackendSetup, OpenBackend } from "../instance.js";
import { DetectLog } from "../shared/detect-log.js";
import type { instanceOptions, options } from "./index.js";
import { OscInstance } from "./instance.js";
import type { OscChannel, PathFormat } from "./path.js";

export function open({
  options: { detect },
  log,
}: BackendSetup<typeof options>): OpenBackend<typeof instanceOptions, OscChannel, PathFormat> {
  const detected = detect ? new DetectLog(log, "osc") : undefined;
  return { instance: (setup) => new OscInstance(setup, detected) };
}
