// Before a reload exchanges the mapping, or a router stops, instances may output what only the former mapping leads on.
import type { Definition } from "../config/definition.js";
import { messageOf } from "../errors.js";
import type { Logger } from "../log/log.js";
import { targetsOf } from "../mapping/targets.js";
import { callOnly } from "../user-code.js";
import type { LiveInstance } from "./instances.js";

type Mappings = Definition["mappings"];

/** Calls `leave()` of all instances, with what stays of their mappings; nothing stays of those that are `gone`. */
export function leave(
  instances: readonly LiveInstance[],
  gone: ReadonlySet<LiveInstance>,
  before: Mappings,
  after: Mappings,
  log: Logger,
): void {
  for (const live of instances) {
    const { name, instance } = live;
    const stays = (channel: string) => {
      if (gone.has(live)) return false;
      const later = targetsOf(after, name, channel);
      return [...targetsOf(before, name, channel)].every((target) => later.has(target));
    };
    callOnly(
      () => instance.leave?.(stays),
      (error) => log.error({ err: error }, `instance '${name}' threw in leave(): ${messageOf(error)}`),
    );
  }
}

/** The same before the router stops, of those that run. @returns whether there are any */
export function leaveAll(instances: readonly LiveInstance[], log: Logger): boolean {
  const running = instances.filter(({ state, instance }) => state === "running" && instance.leave !== undefined);
  leave(running, new Set(running), [], [], log);
  return running.length > 0;
}
