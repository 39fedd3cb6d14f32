import { isDeepStrictEqual } from "node:util";
import type { OscOutput } from "../../../binding.js";
import type { Channel, EventBatch } from "../instance.js";
import { OutgoingPath } from "./encode.js";
import type { OscChannel } from "./path.js";

/** Of {@link OscOutput.rows}. */
const COLUMNS = 5;
const NO_ROW = 2 ** 32 - 1;

/** A channel that can be sent. */
interface Source {
  readonly name: string;
  readonly path: OutgoingPath;
  readonly argument: number;
}

/** The paths that an instance sends to, with their last values. */
export class OutgoingPaths {
  readonly #paths = new Map<string, OutgoingPath>();
  /** By channel number; those that can't be sent are absent. */
  readonly #sources: (Source | undefined)[] = [];
  /** Those that wait to be sent, in the order in which they first changed. */
  #marked: OutgoingPath[] = [];

  connect({ index, meaning: { path, argument, format } }: Channel<OscChannel>): void {
    this.disconnect(index);
    // The place of the mapping has a warning about a channel without a format, or beyond it.
    if (format === undefined || argument >= Math.max(format.variables.length, 1)) return;
    let known = this.#paths.get(path);
    if (known === undefined || !isDeepStrictEqual(known.format, format)) {
      known = new OutgoingPath(path, format);
      this.#paths.set(path, known);
    }
    known.channels++;
    this.#sources[index] = { name: path, path: known, argument };
  }

  disconnect(channel: number): void {
    const source = this.#sources[channel];
    if (source === undefined) return;
    this.#sources[channel] = undefined;
    const { name, path } = source;
    if (--path.channels === 0 && this.#paths.get(name) === path) this.#paths.delete(name);
  }

  /** Takes over the last values of an instance that this one replaces. */
  adopt(predecessor: OutgoingPaths): void {
    for (const [name, path] of this.#paths) {
      const before = predecessor.#paths.get(name);
      if (before !== undefined && isDeepStrictEqual(before.format, path.format)) path.adopt(before);
    }
  }

  /** Notes the values of a batch. */
  take({ length, channels, values }: EventBatch): void {
    for (let i = 0; i < length; ++i) {
      const source = this.#sources[channels[i] as number];
      if (source?.path.take(source.argument, values[i] as number) && !source.path.marked) {
        source.path.marked = true;
        this.#marked.push(source.path);
      }
    }
  }

  /** Passes on the messages of all paths that have changed since the last call: one for each. */
  sendChanged(send: (message: Buffer) => void): void {
    const marked = this.#marked;
    this.#marked = [];
    for (const path of marked) {
      path.marked = false;
      send(path.encode());
    }
  }

  /** All that can be sent, for the addon, which from now on keeps the last values up to date in the memory that it is given. */
  tables(): Omit<OscOutput, "unsent"> {
    const paths = new Map<OutgoingPath, number>();
    for (const source of this.#sources) if (source !== undefined && !paths.has(source.path)) paths.set(source.path, 0);
    const rows: number[] = [];
    const messages: Buffer[] = [];
    const ends = new Uint32Array(paths.size);
    let end = 0;
    for (const path of paths.keys()) {
      paths.set(path, rows.length / COLUMNS);
      for (const { at, type, min, max } of path.rows)
        rows.push(messages.length, end + at, type.charCodeAt(0), min, max);
      const message = path.encode();
      end += message.length;
      ends[messages.length] = end;
      messages.push(message);
    }
    const last = new Float64Array(rows.length / COLUMNS);
    for (const [path, first] of paths) path.keepIn(last.subarray(first));
    const sources = Uint32Array.from(this.#sources, (source) =>
      source === undefined ? NO_ROW : (paths.get(source.path) as number) + source.argument,
    );
    return { bytes: Buffer.concat(messages), ends, rows: Float64Array.from(rows), sources, last };
  }

  /** The messages of all paths that have had a value. */
  all(): Buffer[] {
    return [...this.#paths.values()].filter(({ hasValues }) => hasValues).map((path) => path.encode());
  }
}
