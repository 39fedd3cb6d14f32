// What `mmpy monitor` knows of a router's channels.
import { visible } from "../../visible.js";

export interface ShownChannel {
  /** As the router has it. */
  readonly name: string;
  /** For people: control characters as escapes, in one line. */
  readonly shown: string;
  value: number | undefined;
  /** When it last changed, in ms of `performance.now()`. */
  changed: number;
}

export class ShownChannels {
  #all: ShownChannel[] = [];

  get all(): readonly ShownChannel[] {
    return this.#all;
  }

  /** Takes the list of `hello` or `layout`; values of channels that are still there stay until new ones come. */
  take(channels: unknown): void {
    const known = new Map(this.#all.map((channel) => [channel.name, channel]));
    const list = Array.isArray(channels) ? (channels as { readonly id: number; readonly name: string }[]) : [];
    this.#all = [];
    for (const { id, name } of list) {
      this.#all[id] = known.get(name) ?? { name, shown: inOneLine(name), value: undefined, changed: -Infinity };
    }
  }

  /** Takes pairs of numbers and values. @returns the channels that have got one */
  set(v: unknown, now: number): ShownChannel[] {
    const pairs = Array.isArray(v) ? (v as number[]) : [];
    const changed: ShownChannel[] = [];
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const channel = this.#all[pairs[i] as number];
      if (channel === undefined) continue;
      channel.value = pairs[i + 1] as number;
      channel.changed = now;
      changed.push(channel);
    }
    return changed;
  }
}

/** A text of others as part of a line: names may hold anything. */
export function inOneLine(text: string): string {
  return visible(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** As the page shows it: five places at most. */
export function valueText(value: number | undefined): string {
  return value === undefined ? "-" : String(Math.round(value * 1e5) / 1e5);
}
