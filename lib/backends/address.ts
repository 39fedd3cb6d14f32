// Values of the form `HOST PORT WORD KEY=VALUE`.
import { isIPv4, isIPv6 } from "node:net";
import { didYouMean } from "../config/suggest.js";
import type { Parsed, ValueProblem } from "./options.js";
import { portOfService } from "./shared/services.js";

export interface Address {
  readonly host: string;
  /** For a service's name, its number in the system's list. */
  readonly port: number;
  /** The words after them, in order. */
  readonly words: readonly string[];
  /** The values of keys after them: `announce=10.0.0.1`. */
  readonly keys: Readonly<Record<string, string>>;
}

/** The parts that an address can have. */
export interface AddressForm {
  /** Absent: a port has to be given. */
  readonly defaultPort?: number;
  /** Words that can follow. */
  readonly words?: readonly string[];
  /** Keys that can follow, as `KEY=VALUE`. */
  readonly keys?: readonly string[];
}

/** A word of the text, and where it begins. */
interface Piece {
  readonly text: string;
  readonly index: number;
}

const MAX_PORT = 65535;
const HELP = ["write HOST PORT, as in 0.0.0.0 8000"];

export function formOfAddress({ defaultPort, words = [], keys = [] }: AddressForm): string {
  const more = [...words.map((word) => `[${word}]`), ...keys.map((key) => `[${key}=VALUE]`)];
  return [defaultPort === undefined ? "HOST PORT" : "HOST [PORT]", ...more].join(" ");
}

export function parseAddress(text: string, form: AddressForm): Parsed<Address> {
  const [first, ...pieces] = [...text.matchAll(/\S+/g)].map(({ 0: piece, index }) => ({ text: piece, index }));
  if (first === undefined) return { problem: "needs a host and a port", help: HELP };
  const { host, port: attached, problem: hostProblem } = splitHost(first);
  if (hostProblem !== undefined) return hostProblem;
  let port = form.defaultPort;
  const [next] = pieces;
  const written =
    attached ?? (next !== undefined && (port === undefined || !isExtra(next.text, form)) ? next : undefined);
  if (written !== undefined) {
    port = /^\d+$/.test(written.text) ? Number(written.text) : (portOfService(written.text) ?? 0);
    if (port < 1 || port > MAX_PORT) {
      return { problem: `needs a port from 1 to ${MAX_PORT}, not '${written.text}'`, span: spanOf(written) };
    }
    if (written === next) pieces.shift();
  } else if (port === undefined) {
    return { problem: `needs a port after '${text}'`, help: HELP };
  }
  const words: string[] = [];
  const keys = new Map<string, string>();
  for (const piece of pieces) {
    const [key, value] = split(piece.text);
    const problem = problemOf(piece, key, value, keys, form);
    if (problem !== undefined) return problem;
    if (value === undefined) words.push(key);
    else keys.set(key, value);
  }
  return { value: { host, port: port ?? 0, words, keys: Object.fromEntries(keys) } };
}

/** A host, and the port that follows an IPv6 address in brackets, as in `[::1]:8000`. */
function splitHost(piece: Piece): { host: string; port?: Piece; problem?: ValueProblem } {
  const { text, index } = piece;
  if (!text.startsWith("[")) {
    const problem = problemOfHost(text);
    return problem === undefined ? { host: text } : { host: text, problem: { ...problem, span: spanOf(piece) } };
  }
  const [, host = "", rest = ""] = /^\[([^\]]*)\](.*)$/.exec(text) ?? [];
  if (!isIPv6(host) || !(rest === "" || rest.startsWith(":"))) {
    const problem = `needs an IPv6 address in the brackets, not '${text}'`;
    return { host, problem: { problem, help: ["write [::1]:8000, or ::1 8000"], span: spanOf(piece) } };
  }
  if (rest === "") return { host };
  return { host, port: { text: rest.slice(1), index: index + text.length - rest.length + 1 } };
}

/** A mistake in a host that no lookup could find; where the port is optional, nothing else would report it before the start. */
function problemOfHost(host: string): ValueProblem | undefined {
  if (host.includes(":") && !isIPv6(host)) {
    const [, name, port] = /^([^:]+):(\w+)$/.exec(host) ?? [];
    const example = name === undefined ? "" : `: ${name} ${port}`;
    return { problem: `needs a host, not '${host}'`, help: [`write HOST PORT, separated by a space${example}`] };
  }
  if (/^[\d.]+$/.test(host) && !isIPv4(host)) {
    const problem = `needs a host, but '${host}' is not an IPv4 address`;
    return host.includes(".") ? { problem } : { problem, help: [`write the host in front of the port: HOST ${host}`] };
  }
  return undefined;
}

function problemOf(
  piece: Piece,
  key: string,
  value: string | undefined,
  given: ReadonlyMap<string, string>,
  { words = [], keys = [] }: AddressForm,
): ValueProblem | undefined {
  const span = spanOf(piece);
  if (!(value === undefined ? words : keys).includes(key)) {
    const known = [...words, ...keys.map((each) => `${each}=`)];
    const help = didYouMean(value === undefined ? key : `${key}=`, known, "available words");
    return { problem: `can't have '${piece.text}' after host and port`, help, span };
  }
  if (value === "") return { problem: `needs a value after '${key}='`, span };
  return given.has(key) ? { problem: `has '${key}=' twice`, span } : undefined;
}

/** Whether a piece is meant as a word or key rather than as a port. */
function isExtra(piece: string, { words = [], keys = [] }: AddressForm): boolean {
  const [key, value] = split(piece);
  return value === undefined ? words.includes(key) : keys.length > 0;
}

function split(piece: string): readonly [key: string, value: string | undefined] {
  const at = piece.indexOf("=");
  return at < 0 ? [piece, undefined] : [piece.slice(0, at), piece.slice(at + 1)];
}

function spanOf({ text, index }: Piece) {
  return { start: index, length: Math.max(1, text.length) };
}
