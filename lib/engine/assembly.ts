import { Findings } from "../config/findings.js";
import type { InstanceEntry } from "./instances.js";

/** The instances of one configuration, and the errors and warnings found in it. */
export class Assembly {
  /** By number in the core. */
  readonly entries = new Map<number, InstanceEntry>();
  readonly byName = new Map<string, InstanceEntry>();
  /** Names of instances that could not be created: mappings to them are not reported separately. */
  readonly failed = new Set<string>();
  readonly findings = new Findings();

  add(entry: InstanceEntry): void {
    this.entries.set(entry.live.number, entry);
    this.byName.set(entry.name, entry);
  }

  /** Instances created for this configuration, in order. */
  get created(): InstanceEntry[] {
    return [...this.entries.values()].filter(({ stays }) => !stays);
  }

  /** Instances that ran under the previous configuration. */
  get staying(): InstanceEntry[] {
    return [...this.entries.values()].filter(({ stays }) => stays);
  }
}
