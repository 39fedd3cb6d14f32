import type { ChannelPattern } from "./channel-pattern.js";
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

export type Section = BackendSection | InstanceSection | MapSection;

/** One side of a mapping: `instance.channel`, where the channel may stand for several. */
export interface ChannelSpec {
  readonly instance: Located;
  readonly channel: Located;
  readonly pattern: ChannelPattern;
}

export type Direction = "<" | ">" | "<>";

/** `left < right`, `left > right` or `left <> right`. */
export interface Mapping {
  readonly left: ChannelSpec;
  readonly direction: Direction;
  readonly right: ChannelSpec;
  readonly location: Location;
}

/** A configuration as written, with includes expanded in place. */
export interface ConfigTree {
  /** The main file; included ones are found through the locations of their sections. */
  readonly source: Source;
  readonly sections: readonly Section[];
}
