import { isIPv6 } from "node:net";
import type { Address } from "../options.js";
import type { Family } from "../shared/hosts.js";

/** The address that stands for all of both families. */
const ALL = "::";

/** The multicast group of a universe. */
export function groupOf(universe: number, family: Family): string {
  if (family === 6) return `ff18::8300:${universe.toString(16)}`;
  return `239.255.${universe >> 8}.${universe & 0xff}`;
}

/** The universe of discovery, which can't be used otherwise. */
export const DISCOVERY_UNIVERSE = 64_214;

/** The families of a `bind`. */
export function familiesOf({ host }: Address): readonly Family[] {
  if (host === ALL) return [4, 6];
  return isIPv6(host) ? [6] : [4];
}

/** The host to bind to for one of the families. */
export function hostOf({ host }: Address, family: Family): string {
  return host === ALL && family === 4 ? "0.0.0.0" : host;
}
