// The IPv4 networks that this machine is in.
import type { NetworkInterfaceInfo } from "node:os";
import { interfaces } from "../../interfaces.js";

export interface Network {
  /** Of this machine. */
  readonly address: string;
  /** Undefined for a network without room for one. */
  readonly broadcast: string | undefined;
  readonly mac: string;
  /** Whether it is that of this machine alone. */
  readonly internal: boolean;
  readonly first: number;
  readonly mask: number;
}

/** How long the list is good, in ms: it is needed for each poll, and there may be any number of those. */
const FRESH = 1000;

/** Networks of 31 and 32 bits, such as those of tunnels, have one or two addresses. */
const MIN_HOSTS = 3;

let known: { readonly at: number; readonly networks: readonly Network[] } | undefined;

export function networks(): readonly Network[] {
  const now = performance.now();
  if (known === undefined || now - known.at > FRESH) known = { at: now, networks: read() };
  return known.networks;
}

/** The network that an address is in. */
export function networkOf(address: string): Network | undefined {
  const all = networks();
  const number = toNumber(address);
  return all.find((each) => each.address === address) ?? all.find(({ first, mask }) => (number & mask) === (first | 0));
}

function read(): Network[] {
  const infos = Object.values(interfaces()).flatMap((list = []) => list);
  return infos.filter(isIPv4).map(({ address, netmask, mac, internal }) => {
    const mask = toNumber(netmask);
    const first = toNumber(address) & mask;
    const broadcast = ~mask >>> 0 < MIN_HOSTS ? undefined : toText(first | ~mask);
    return { address, mac, internal, first, mask, broadcast };
  });
}

function isIPv4({ family }: NetworkInterfaceInfo): boolean {
  return (family as string | number) === "IPv4" || (family as string | number) === 4;
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => (sum << 8) | Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join(".");
}
