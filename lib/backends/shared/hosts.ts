// Hosts of addresses, as `option.address` parses them: numbers, names, `*`, network interfaces.
import { isIP } from "node:net";
import { interfaces } from "../../interfaces.js";
import { addressOf } from "./lookups.js";

export type Family = 4 | 6;

/** A numeric address. */
export interface ResolvedHost {
  readonly address: string;
  readonly family: Family;
}

/** Where datagrams go to or come from. */
export interface Endpoint extends ResolvedHost {
  readonly port: number;
}

/** The host that stands for all addresses of this machine, of both families. */
export const WILDCARD = "*";

/** What a host means if no name server has to be asked; undefined for names. */
export function numericHost(host: string): ResolvedHost | undefined {
  const family = isIP(host);
  return family === 4 || family === 6 ? { address: host, family } : undefined;
}

/**
 * Resolves a host. As in MIDIMonster the first address counts, of either family unless one is asked for.
 *
 * @throws {Error} if it has no address
 */
export async function resolveHost(host: string, family?: Family): Promise<ResolvedHost> {
  const found = numericHost(host) ?? (await addressOf(host, family ?? 0));
  return { address: found.address, family: found.family === 6 ? 6 : 4 };
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The address without the form that a socket of both families gives those of IPv4: `::ffff:10.0.0.1`. */
export function unmapped(address: string): ResolvedHost {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return { address: mapped, family: 4 };
  return { address, family: address.includes(":") ? 6 : 4 };
}

/** An address of IPv4, also in the form that it has on a socket of both families, as a number; undefined for others. */
export function ipv4Number(address: string): number | undefined {
  const { address: plain, family } = unmapped(address);
  return family === 4 ? plain.split(".").reduce((sum, part) => sum * 256 + Number(part), 0) : undefined;
}

/** For people: `10.0.0.1:9000`, `[::1]:9000`. */
export function showEndpoint({ host, port }: { readonly host: string; readonly port: number }): string {
  const address = unmapped(host).address;
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The same for a peer. */
export function showPeer({ address: host, port }: Pick<Endpoint, "address" | "port">): string {
  return showEndpoint({ host, port });
}

/** An address of a network interface, if it has one at the moment; those that are only valid on the link come last. */
export function addressOfInterface(name: string, family?: Family): ResolvedHost | undefined {
  const addresses = (interfaces()[name] ?? []).filter((each) => matches(each.family, family));
  const best = addresses.find(({ address }) => !/^(fe80:|169\.254\.)/i.test(address)) ?? addresses[0];
  return best && { address: best.address, family: isIP(best.address) === 6 ? 6 : 4 };
}

/** The network interface that has an address, at the moment. */
export function interfaceOf(address: string): string | undefined {
  const [plain, scope] = address.split("%");
  if (scope !== undefined) return scope;
  return Object.entries(interfaces()).find(([, list]) => list?.some((each) => each.address === plain))?.[0];
}

/** Whether this machine has an address at the moment. */
export function hasAddress(address: string): boolean {
  const [plain] = unmapped(address).address.split("%");
  if (plain?.startsWith("127.")) return true; // all of that network is local
  return Object.values(interfaces()).some((list) => list?.some((each) => each.address === plain));
}

/** How long a list of interfaces is good, in ms: dozens of sockets look at it in the same moment. */
const FRESH = 100;

let seen: { readonly at: number; readonly text: string } | undefined;

/** All interfaces as text, to notice changes: one that has been replaced has another hardware address or number. */
export function interfacesNow(): string {
  const now = performance.now();
  if (seen === undefined || now - seen.at > FRESH) seen = { at: now, text: JSON.stringify(interfaces()) };
  return seen.text;
}

function matches(found: string | number, wanted: Family | undefined): boolean {
  return wanted === undefined || found === `IPv${wanted}` || found === wanted;
}
