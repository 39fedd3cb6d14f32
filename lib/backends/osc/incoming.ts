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
/** How many characters of paths are compared with new patterns in a second: about a tenth of it on a slow machine. */
const WORK_PER_SECOND = 2 ** 22;
/** One pattern may cost as much besides; those that devices send cost a hundredth. */
const MAX_WORK = 2 ** 20;
/** As many characters can be compared in the time that it takes to follow a state of a pattern. */
const WORK_OF_STATE = 8;
/** How many paths the patterns of one datagram may stand for together: each message of a large bundle could mean all of them. */
export const MAX_MATCHES = 131_072;
/** Addresses that are longer are not read as patterns. */
const MAX_PATTERN_LENGTH = 256;

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
  /** When {@link #work} began to be counted. */
  #workSince = 0;
  #work = 0;
  /** How many paths those of this datagram stand for. */
  #matched = 0;
  /** By hash of their addresses; undefined after a change. */
  #index: Map<number, Indexed[]> | undefined;
  readonly #now: () => number;

  /** @param now in ms */
  constructor(now: () => number) {
    this.#now = now;
  }

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
    this.#matched = 0;
  }

  /** All paths that an address with pattern characters stands for, or why they are not looked for. */
  matching(pattern: string): readonly IncomingPath[] | string {
    const found = this.#find(pattern);
    if (found === undefined) return "there are more new address patterns than are compared in a second";
    this.#matched += found.length;
    return this.#matched > MAX_MATCHES ? `its datagram has address patterns for more than ${MAX_MATCHES} paths` : found;
  }

  #find(pattern: string): readonly IncomingPath[] | undefined {
    const known = this.#matches.get(pattern);
    if (known !== undefined) {
      // To the end of the map, as the last that would be forgotten.
      this.#matches.delete(pattern);
      this.#matches.set(pattern, known);
      return known;
    }
    if (pattern.length > MAX_PATTERN_LENGTH) return [];
    const now = this.#now();
    if (now - this.#workSince >= 1000) [this.#workSince, this.#work] = [now, 0];
    if (this.#work >= WORK_PER_SECOND) return undefined;
    const found = this.#compare(pattern);
    const [oldest] = this.#matches.keys();
    if (oldest !== undefined && this.#matches.size >= MAX_PATTERNS) this.#matches.delete(oldest);
    this.#matches.set(pattern, found);
    return found;
  }

  #compare(text: string): IncomingPath[] {
    const compiled = compilePattern(text);
    this.#work += text.length * WORK_OF_STATE;
    if (compiled.problem !== undefined) return [];
    const { pattern } = compiled;
    const found: IncomingPath[] = [];
    for (const [path, entry] of this.#paths) {
      this.#work += path.length;
      if (pattern.match(path) === "all") found.push(entry);
      if (pattern.visited * WORK_OF_STATE > MAX_WORK) return [];
    }
    this.#work += pattern.visited * WORK_OF_STATE;
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
