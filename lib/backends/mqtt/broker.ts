// The option `host`: `[mqtt[s]://][user[:password]@]host[:port]`.
import { isIPv6 } from "node:net";
import type { Parsed, ValueProblem } from "../options.js";

export interface Broker {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
}

const PORT = 1883;
const TLS_PORT = 8883;
/** The names of these ports in /etc/services. */
const SERVICES: Readonly<Record<string, number>> = { mqtt: PORT, "secure-mqtt": TLS_PORT };
const HELP = ["write mqtt://HOST:PORT or HOST:PORT, and an IPv6 address in brackets: [::1]:1883"];

interface Parts {
  readonly scheme: string;
  /** What stands before the last @: no host contains one, but a password may. */
  readonly credentials: string | undefined;
  /** Where the host begins. */
  readonly hostAt: number;
}

function split(text: string): Parts {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? "";
  const at = text.lastIndexOf("@");
  if (at < scheme.length) return { scheme, credentials: undefined, hostAt: scheme.length };
  return { scheme, credentials: text.slice(scheme.length, at), hostAt: at + 1 };
}

export function parseBroker(text: string): Parsed<Broker> {
  const { scheme, credentials, hostAt } = split(text);
  const protocol = scheme.slice(0, -"://".length).toLowerCase();
  if (scheme !== "" && protocol !== "mqtt" && protocol !== "mqtts") {
    const span = { start: 0, length: scheme.length };
    return { problem: `begins with mqtt:// or mqtts://, or with the host, not with '${scheme}'`, span };
  }
  const tls = protocol === "mqtts";
  const address = parseAddress(text.slice(hostAt).replace(/\/$/, ""), hostAt, tls ? TLS_PORT : PORT);
  if (address.problem !== undefined) return address;
  return { value: { tls, ...address.value, ...credentialsOf(credentials) } };
}

/** The text without the password, each of whose characters becomes a star. */
export function withoutPassword(text: string): string {
  const { scheme, credentials } = split(text);
  const colon = credentials?.indexOf(":") ?? -1;
  if (credentials === undefined || colon < 0) return text;
  const [start, end] = [scheme.length + colon + 1, scheme.length + credentials.length];
  return text.slice(0, start) + "*".repeat(end - start) + text.slice(end);
}

/** As in MIDIMonster, nothing in them is decoded: `%40` is these three characters. */
function credentialsOf(text: string | undefined): Pick<Broker, "user" | "password"> {
  if (text === undefined) return {};
  const colon = text.indexOf(":");
  return colon < 0 ? { user: text } : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function parseAddress(text: string, offset: number, defaultPort: number): Parsed<Pick<Broker, "host" | "port">> {
  const whole = { start: offset, length: Math.max(text.length, 1) };
  if (isIPv6(text)) return { value: { host: text, port: defaultPort } };
  const [, bracketed, plain = "", colon, port = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(:([^:]*))?$/s.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === "" || /[\s/]/.test(host) || (bracketed !== undefined && !isIPv6(bracketed))) {
    return {
      problem: text === "" ? "needs a host" : `needs a host and a port, not '${text}'`,
      help: HELP,
      span: whole,
    };
  }
  if (colon === undefined) return { value: { host, port: defaultPort } };
  const number = /^\d+$/.test(port) ? Number(port) : (SERVICES[port] ?? 0);
  if (number >= 1 && number <= 65535) return { value: { host, port: number } };
  return portProblem(port, offset + text.length - port.length);
}

function portProblem(port: string, start: number): ValueProblem {
  return { problem: `needs a port from 1 to 65535, not '${port}'`, span: { start, length: Math.max(port.length, 1) } };
}
