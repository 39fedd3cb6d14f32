import { Findings } from "../config/findings.js";
import type { FilterPlaces } from "../mapping/filter-places.js";
import type { InstanceEntry } from "./instances.js";

/** The instances of one configuration, and the errors and warnings found in it. */
export class Assembly {
  /** By number in the core. */
  readonly entries = new Map<number, InstanceEntry>();
  readonly byName = new Map<string, InstanceEntry>();
  /** Names of instances that could not be created: mappings to them are not errors of their own. */
  readonly failed = new Set<string>();
  /** Names of backends that have a section or instances. */
  readonly backends = new Set<string>();
  readonly findings = new Findings();
  /** The filters of its mappings, once the core has its tables. */
  filters: FilterPlaces | undefined;

  add(entry: InstanceEntry): void {
    this.entries.set(entry.live.number, entry);
    this.byName.set(entry.name, entry);
  }

  /** Instances created for this configuration, in order. */
  get created(): InstanceEntry[] {
    return [...this.entries.values()].filter(({ stays }) => !stays);
  }

  /** Instances that already ran under the previous configuration. */
  get staying(): InstanceEntry[] {
    return [...this.entries.values()].filter(({ stays }) => stays);
  }
}
