import type { Channel } from "../instance.js";
import { type Decoder, hashOf } from "./decode.js";
import type { OscFormat } from "./format.js";
import { isVariable } from "./format.js";
import type { OscChannel } from "./path.js";
import { compilePattern } from "./pattern.js";

/** A channel that an argument of a message goes to. */
export interface Slot {
  /** The argument's position in messages. */
  readonly position: number;
  /** The limits that the configuration gives; absent: those of the argument's type. */
  readonly limits?: { readonly min: number; readonly max: number };
  readonly channel: number;
}

/** A path that channels listen to. */
export interface IncomingPath {
  /** Absent: messages may have any arguments. */
  readonly format: OscFormat | undefined;
  /** In order of their positions. */
  readonly slots: readonly Slot[];
}

interface Indexed {
  readonly address: Uint8Array;
  readonly path: IncomingPath;
}

const NONE: readonly Indexed[] = [];

/** How many address patterns are remembered with the paths they match. */
const MAX_PATTERNS = 256;
/** How many patterns of one datagram are compared with all paths: it has room for thousands, which could take seconds. */
export const MAX_NEW_PATTERNS = 64;
/** How many paths the patterns of one datagram may stand for together: each message of a large bundle could mean all of them. */
export const MAX_MATCHES = 131_072;
/** Addresses that are longer, or have more pattern characters, are not read as patterns: they could take seconds. */
const MAX_PATTERN_LENGTH = 256;
const MAX_WILDCARDS = 16;

/** What the addon's `readOsc` takes. */
export interface PlainPaths {
  readonly addresses: readonly string[];
  readonly rows: Float64Array;
}

/** The paths that an instance listens to. */
export class IncomingPaths {
  readonly #paths = new Map<string, IncomingPath>();
  /** By channel number. */
  readonly #pathOf = new Map<number, string>();
  readonly #matches = new Map<string, readonly IncomingPath[]>();
  /** How many patterns of this datagram were not remembered. */
  #newPatterns = 0;
  /** How many paths those of this datagram stand for. */
  #matched = 0;
  /** By hash of their addresses; undefined after a change. */
  #index: Map<number, Indexed[]> | undefined;

  connect({ index, meaning }: Channel<OscChannel>): void {
    this.disconnect(index);
    const { path, argument, format } = meaning;
    const position = format?.variables[argument] ?? argument;
    const part = format?.arguments[position];
    const limits = part !== undefined && isVariable(part) ? { min: part.min, max: part.max } : undefined;
    const known = this.#paths.get(path)?.slots ?? [];
    const slots = [...known, { position, channel: index, ...(limits && { limits }) }];
    this.#paths.set(path, { format, slots: slots.sort((a, b) => a.position - b.position) });
    this.#pathOf.set(index, path);
    this.#changed();
  }

  disconnect(channel: number): void {
    const path = this.#pathOf.get(channel);
    const known = path === undefined ? undefined : this.#paths.get(path);
    if (path === undefined || known === undefined) return;
    const slots = known.slots.filter((slot) => slot.channel !== channel);
    if (slots.length === 0) this.#paths.delete(path);
    else this.#paths.set(path, { format: known.format, slots });
    this.#pathOf.delete(channel);
    this.#changed();
  }

  /** The numbers of all channels. */
  channels(): Iterable<number> {
    return this.#pathOf.keys();
  }

  /** The path that a message is addressed to, if it is not a pattern. */
  of(message: Decoder): IncomingPath | undefined {
    this.#index ??= this.#makeIndex();
    for (const { address, path } of this.#index.get(message.hash) ?? NONE)
      if (message.isAddressedTo(address)) return path;
    return undefined;
  }

  /** All but those whose messages count by their arrival alone. */
  plain(): PlainPaths {
    const addresses: string[] = [];
    const rows: number[] = [];
    for (const [name, { format, slots }] of this.#paths) {
      if (format?.variables.length === 0) continue;
      for (const { position, channel, limits } of slots) {
        const { min = 0, max = 0 } = limits ?? {};
        const limited = limits === undefined ? 0 : 1;
        rows.push(addresses.length, position, channel, limited, min, max, format?.arguments.length ?? 0);
      }
      addresses.push(name);
    }
    return { addresses, rows: Float64Array.from(rows) };
  }

  /** Another datagram follows. */
  nextDatagram(): void {
    this.#newPatterns = 0;
    this.#matched = 0;
  }

  /** All paths that an address with pattern characters stands for, or why they are not looked for: what its datagram has too many of. */
  matching(pattern: string): readonly IncomingPath[] | string {
    const found = this.#find(pattern);
    if (found === undefined) return `more than ${MAX_NEW_PATTERNS} address patterns that are new`;
    this.#matched += found.length;
    return this.#matched > MAX_MATCHES ? `address patterns for more than ${MAX_MATCHES} paths` : found;
  }

  #find(pattern: string): readonly IncomingPath[] | undefined {
    const known = this.#matches.get(pattern);
    if (known !== undefined) {
      // To the end of the map, as the last that would be forgotten.
      this.#matches.delete(pattern);
      this.#matches.set(pattern, known);
      return known;
    }
    if (!isReasonable(pattern)) return [];
    if (this.#newPatterns >= MAX_NEW_PATTERNS) return undefined;
    this.#newPatterns++;
    const compiled = compilePattern(pattern);
    const found =
      compiled.problem !== undefined
        ? []
        : [...this.#paths].flatMap(([path, entry]) => (compiled.pattern.match(path) === "all" ? [entry] : []));
    const [oldest] = this.#matches.keys();
    if (oldest !== undefined && this.#matches.size >= MAX_PATTERNS) this.#matches.delete(oldest);
    this.#matches.set(pattern, found);
    return found;
  }

  #changed(): void {
    this.#matches.clear();
    this.#index = undefined;
  }

  #makeIndex(): Map<number, Indexed[]> {
    const index = new Map<number, Indexed[]>();
    for (const [name, path] of this.#paths) {
      const address = Buffer.from(name, "latin1");
      const hash = hashOf(address);
      index.set(hash, [...(index.get(hash) ?? NONE), { address, path }]);
    }
    return index;
  }
}

function isReasonable(pattern: string): boolean {
  return pattern.length <= MAX_PATTERN_LENGTH && (pattern.match(/[?*[{]/g)?.length ?? 0) <= MAX_WILDCARDS;
}
