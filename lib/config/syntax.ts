import type { ChannelPattern } from "./channel-pattern.js";
import type { FilterCall } from "./filter-call.js";
import type { Located, Location, Source } from "./source.js";

/** `option = value` */
export interface Assignment {
  readonly option: Located;
  readonly value: Located;
}

/** `[backend NAME]` */
export interface BackendSection {
  readonly kind: "backend";
  readonly backend: Located;
  readonly assignments: Assignment[];
}

/** `[BACKEND NAME]` */
export interface InstanceSection {
  readonly kind: "instance";
  readonly backend: Located;
  readonly name: Located;
  readonly assignments: Assignment[];
}

/** `[map]` */
export interface MapSection {
  readonly kind: "map";
  readonly mappings: Mapping[];
}

/** `[filter NAME]` */
export interface FilterSection {
  readonly kind: "filter";
  readonly name: Located;
  /** Those of all its lines, in order. */
  readonly filters: FilterCall[];
  /** Whether there was an error in one of its lines. */
  failed: boolean;
}

/** A section of `option = value`. */
export type AssignmentSection = BackendSection | InstanceSection;

export type Section = AssignmentSection | MapSection | FilterSection;

/** One side of a mapping: `instance.channel`, where the channel may stand for several. */
export interface ChannelSpec {
  readonly instance: Located;
  readonly channel: Located;
  readonly pattern: ChannelPattern;
}

export type Direction = "<" | ">" | "<>";

/** `left < right`, `left > right` or `left <> right`, with filters between further arrows. */
export interface Mapping {
  readonly left: ChannelSpec;
  readonly direction: Direction;
  readonly right: ChannelSpec;
  /** What stands between the first arrow and the last, not parsed yet: many lines have the same. Absent with one arrow. */
  readonly filters?: string | undefined;
  readonly location: Location;
}

/** A configuration as written, with includes expanded in place. */
export interface ConfigTree {
  /** The main file; included ones are found through the locations of their sections. */
  readonly source: Source;
  readonly sections: readonly Section[];
}
