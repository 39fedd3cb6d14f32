// Values of the form `HOST PORT WORD KEY=VALUE`.
import { didYouMean } from "../config/suggest.js";
import type { Parsed, ValueProblem } from "./options.js";
import { portOfService } from "./shared/services.js";

export interface Address {
  readonly host: string;
  /** Of a service's name, the number that the system has for it. */
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

const MAX_PORT = 65535;
const HELP = ["write HOST PORT, as in 0.0.0.0 8000"];

export function formOfAddress({ defaultPort, words = [], keys = [] }: AddressForm): string {
  const more = [...words.map((word) => `[${word}]`), ...keys.map((key) => `[${key}=VALUE]`)];
  return [defaultPort === undefined ? "HOST PORT" : "HOST [PORT]", ...more].join(" ");
}

export function parseAddress(text: string, form: AddressForm): Parsed<Address> {
  const [host, ...pieces] = [...text.matchAll(/\S+/g)];
  if (host === undefined) return { problem: "needs a host and a port", help: HELP };
  const { defaultPort } = form;
  const [second] = pieces;
  let port = defaultPort;
  if (second === undefined) {
    if (port === undefined) return { problem: `needs a port after '${text}'`, help: HELP };
  } else if (port === undefined || !isExtra(second[0], form)) {
    port = /^\d+$/.test(second[0]) ? Number(second[0]) : (portOfService(second[0]) ?? 0);
    if (port < 1 || port > MAX_PORT) {
      return { problem: `needs a port from 1 to ${MAX_PORT}, not '${second[0]}'`, span: spanOf(second) };
    }
    pieces.shift();
  }
  const words: string[] = [];
  const keys = new Map<string, string>();
  for (const piece of pieces) {
    const [key, value] = split(piece[0]);
    const problem = problemOf(piece, key, value, keys, form);
    if (problem !== undefined) return problem;
    if (value === undefined) words.push(key);
    else keys.set(key, value);
  }
  return { value: { host: host[0], port: port ?? 0, words, keys: Object.fromEntries(keys) } };
}

function problemOf(
  piece: RegExpExecArray,
  key: string,
  value: string | undefined,
  given: ReadonlyMap<string, string>,
  { words = [], keys = [] }: AddressForm,
): ValueProblem | undefined {
  const span = spanOf(piece);
  if (!(value === undefined ? words : keys).includes(key)) {
    const known = [...words, ...keys.map((each) => `${each}=`)];
    const help = didYouMean(value === undefined ? key : `${key}=`, known, "available words");
    return { problem: `can't have '${piece[0]}' after host and port`, help, span };
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

function spanOf({ 0: piece, index }: RegExpExecArray) {
  return { start: index, length: piece.length };
}
