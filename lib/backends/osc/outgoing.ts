import { isDeepStrictEqual } from "node:util";
import type { Channel, EventBatch } from "../instance.js";
import { OutgoingPath } from "./encode.js";
import type { OscChannel } from "./path.js";

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

  /** The messages of all paths that have had a value. */
  all(): Buffer[] {
    return [...this.#paths.values()].filter(({ hasValues }) => hasValues).map((path) => path.encode());
  }
}
