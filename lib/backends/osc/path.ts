// Names of channels and paths: `/1/fader1`, `/xy:1`.
import type { ParsedChannel } from "../declare.js";
import type { ValueProblem } from "../options.js";
import type { OscFormat } from "./format.js";
import { type AddressPattern, PATTERN_CHARACTERS } from "./pattern.js";

/** What a channel stands for. */
export interface OscChannel {
  /** With the instance's root. */
  readonly path: string;
  /** Counts the arguments that follow channels. */
  readonly argument: number;
  /** Absent if no option gives one. */
  readonly format?: OscFormat;
}

/** An option `/pattern = FORMAT`. */
export interface PathFormat {
  readonly pattern: AddressPattern;
  readonly format: OscFormat;
}

/** More arguments than the largest datagram has room for. */
const MAX_ARGUMENTS = 16384;

/** What is wrong with a path, or with a pattern of paths. */
export function pathProblem(text: string, patterns: "with-patterns" | "plain"): ValueProblem | undefined {
  if (!text.startsWith("/")) return { problem: "has to start with a slash" };
  // The comma is only allowed in patterns, between alternatives.
  const outside = patterns === "with-patterns" ? text.replace(/\{[^}]*\}/g, (part) => "x".repeat(part.length)) : text;
  const illegal = /[^!-~]|,/.exec(outside);
  if (illegal !== null) {
    const what = illegal[0] === " " ? "a space" : `'${illegal[0]}'`;
    return { problem: `can't contain ${what}`, span: { start: illegal.index, length: illegal[0].length } };
  }
  const special = patterns === "plain" ? PATTERN_CHARACTERS.exec(text) : null;
  if (special === null) return undefined;
  return { problem: `can't contain '${special[0]}'`, span: { start: special.index, length: 1 } };
}

/** Splits a name at its last colon, as MIDIMonster does: what follows is a number, or counts as 0. */
function split(name: string): { readonly path: string; readonly argument: number; readonly junk?: string } {
  const colon = name.lastIndexOf(":");
  if (colon < 0) return { path: name, argument: 0 };
  const [path, index] = [name.slice(0, colon), name.slice(colon + 1)];
  return /^\d+$/.test(index) ? { path, argument: Number(index) } : { path, argument: 0, junk: index };
}

/** Reads a channel's name. */
export function parseChannel(
  name: string,
  root: string,
  formats: readonly { readonly name: string; readonly value: PathFormat }[],
): ParsedChannel<OscChannel> {
  const { path, argument, junk } = split(name);
  const wrong = pathProblem(path, "plain");
  if (wrong !== undefined)
    return {
      problem: `the path ${wrong.problem}`,
      help: ["write a path as in: /1/fader1, or /xy:1 for its second argument"],
    };
  if (argument >= MAX_ARGUMENTS)
    return { problem: `an argument's index is 0 to ${MAX_ARGUMENTS - 1}, not ${argument}` };
  const { found, loose } = find(path, formats);
  const format = found?.value.format;
  const warning =
    junk !== undefined
      ? `':${junk}' is not the index of an argument, and counts as ':0'`
      : loose
        ? `only the start of '${found?.name}' matches the path; it is used, as in MIDIMonster`
        : undefined;
  return {
    name: argument === 0 ? path : `${path}:${argument}`,
    meaning: { path: root + path, argument, ...(format && { format }) },
    ...(warning !== undefined && { warning }),
  };
}

/** The format of a path: the first that matches, or else the first that the path is the start of. */
function find<F extends { readonly value: PathFormat }>(path: string, formats: readonly F[]) {
  let start: F | undefined;
  for (const format of formats) {
    const match = format.value.pattern.match(path);
    if (match === "all") return { found: format, loose: false };
    if (match === "start") start ??= format;
  }
  return { found: start, loose: start !== undefined };
}
