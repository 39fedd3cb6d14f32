/** The multicast group of a universe. */
export function groupOf(universe: number): string {
  return `239.255.${universe >> 8}.${universe & 0xff}`;
}

/** The group of discovery, which is that of a universe that cannot be used. */
export const DISCOVERY_GROUP = groupOf(64_214);
