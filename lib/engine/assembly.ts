import { Findings } from "../config/findings.js";
import type { InstanceEntry } from "./instances.js";

/** One configuration made real: its instances, and what was found to be wrong with it. */
export class Assembly {
  /** By number in the core. */
  readonly entries = new Map<number, InstanceEntry>();
  readonly byName = new Map<string, InstanceEntry>();
  /** Names of instances that could not be made: mappings to them are no errors of their own. */
  readonly failed = new Set<string>();
  readonly findings = new Findings();

  add(entry: InstanceEntry): void {
    this.entries.set(entry.live.number, entry);
    this.byName.set(entry.name, entry);
  }

  /** Those that were made for this configuration, in order. */
  get created(): InstanceEntry[] {
    return [...this.entries.values()].filter(({ stays }) => !stays);
  }

  /** Those that ran under the configuration before. */
  get staying(): InstanceEntry[] {
    return [...this.entries.values()].filter(({ stays }) => stays);
  }
}
