// Under which addresses a page can be opened.
import { isIPv6 } from "node:net";
import { interfaces } from "../../interfaces.js";
import { WILDCARD } from "../shared/hosts.js";

/** Whether only this machine can connect to an address. Names count as others: what they mean can change. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const ALL = ["0.0.0.0", "::", WILDCARD];
/** More are of no help. */
const MAX = 4;

/** `http://10.0.0.5:8080/`; of all addresses those of this machine's networks. */
export function urlsOf(host: string, port: number): readonly string[] {
  const hosts = ALL.includes(host) ? addresses() : [host];
  const ends = port === 80 ? "/" : `:${port}/`;
  return hosts.map((each) => `http://${isIPv6(each) ? `[${each}]` : each}${ends}`);
}

function addresses(): readonly string[] {
  const all = Object.values(interfaces()).flatMap((entries = []) => entries);
  const found = all.filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address);
  return found.length === 0 ? ["127.0.0.1"] : found.slice(0, MAX);
}
