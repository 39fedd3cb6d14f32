import { MidimonsterError } from "../errors.js";
import type { Reload } from "./reload.js";
/** What `Router.reload()` changed. */
export interface ReloadSummary {
  /** Reloaded Python modules, as `instance.module`. */
  readonly modules: readonly string[];
  /** Instances that were started. A replaced instance is in both lists. */
  readonly added: readonly string[];
  /** Instances that were stopped. */
  readonly removed: readonly string[];
}

/**
 * For the log.
 *
 * @param others whether mappings or options have changed
 */
export function describeReload({ modules, added, removed }: ReloadSummary, others: boolean): string {
  const parts = [
    ...modules.map((name) => `module ${name}`),
    ...added.map((name) => `${removed.includes(name) ? "replaced" : "new"} instance ${name}`),
    ...removed.filter((name) => !added.includes(name)).map((name) => `removed instance ${name}`),
  ];
  if (others) parts.push("mappings or options");
  return parts.length > 0 ? parts.join(", ") : "nothing has changed";
}

export function summaryOf({ modules, next, gone }: Reload): ReloadSummary {
  return { modules, added: next.created.map(({ name }) => name), removed: gone.map(({ name }) => name) };
}

/** @throws {MidimonsterError} `BACKEND` with all failures, if there are any */
export function throwFailures(failures: readonly MidimonsterError[]): void {
  const [cause] = failures;
  if (cause === undefined) return;
  throw new MidimonsterError("BACKEND", failures.map(({ message }) => message).join("\n"), [], { cause });
}
