import type { Outlet } from "./outlet.js";

/** The bits of a packet's first byte: a message without acknowledgement, which the broker keeps. */
const PUBLISH = 0x30;
const RETAIN = 0x01;
const TOPIC_ALIAS = 0x23;
const EXPIRY = 0x02;

export interface PublisherOptions {
  readonly version5: boolean;
  /** Whether the broker is to keep each topic's last value. */
  readonly retain: boolean;
  /** Channels below this number get an alias of their topic, one more than the number. */
  readonly maxAlias: number;
  /** The longest packet that the broker takes, in bytes. */
  readonly maxPacket: number;
}

/** Writes messages that are not acknowledged, without the library: a thousand times a frame of a show. */
export class Publisher {
  readonly #outlet: Outlet;
  readonly #options: PublisherOptions;
  /** What stands before the payload, after the packet's length, by the number of the channel; once it has been sent. */
  readonly #heads: (Uint8Array | undefined)[] = [];

  constructor(outlet: Outlet, options: PublisherOptions) {
    this.#outlet = outlet;
    this.#options = options;
  }

  /**
   * @param payload whose first `length` bytes are sent
   * @returns false if the packet is longer than the broker takes
   */
  publish(channel: number, topic: string, payload: Uint8Array, length: number): boolean {
    const head = this.#heads[channel];
    if (head !== undefined) return this.#write(head, payload, length, this.#options.retain);
    const { version5, retain, maxAlias } = this.#options;
    const alias = channel < maxAlias ? channel + 1 : undefined;
    const name = nameOf(topic);
    if (!version5) {
      this.#heads[channel] = name;
      return this.#write(name, payload, length, retain);
    }
    if (alias === undefined) {
      const plain = concat(name, [0]);
      this.#heads[channel] = plain;
      return this.#write(plain, payload, length, retain);
    }
    const properties = [3, TOPIC_ALIAS, alias >> 8, alias & 0xff];
    if (!this.#write(concat(name, properties), payload, length, retain)) return false;
    this.#heads[channel] = concat([0, 0], properties);
    return true;
  }

  /** Sends a value that the broker is to keep for so long, in s. Only in version 5. */
  publishBriefly(topic: string, payload: Uint8Array, length: number, seconds: number): boolean {
    const head = concat(nameOf(topic), [5, EXPIRY, 0, 0, seconds >> 8, seconds & 0xff]);
    return this.#write(head, payload, length, true);
  }

  #write(head: Uint8Array, payload: Uint8Array, length: number, retain: boolean): boolean {
    const remaining = head.length + length;
    const outlet = this.#outlet;
    const size = remaining < 128 ? 1 : remaining < 2 ** 14 ? 2 : remaining < 2 ** 21 ? 3 : 4;
    if (1 + size + remaining > this.#options.maxPacket) return false;
    outlet.reserve(1 + size + remaining);
    const bytes = outlet.bytes;
    let at = outlet.start;
    bytes[at++] = retain ? PUBLISH | RETAIN : PUBLISH;
    let rest = remaining;
    while (rest >= 128) {
      bytes[at++] = 0x80 | (rest & 0x7f);
      rest >>= 7;
    }
    bytes[at++] = rest;
    at = copy(bytes, at, head, head.length);
    outlet.put(copy(bytes, at, payload, length));
    return true;
  }
}

/** For so few bytes a loop is faster than set(). */
function copy(to: Uint8Array, at: number, from: Uint8Array, length: number): number {
  if (length > 48) to.set(from.subarray(0, length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[i] as number;
  return at + length;
}

function nameOf(topic: string): Uint8Array {
  const text = Buffer.from(topic);
  return concat([text.length >> 8, text.length & 0xff], text);
}

function concat(first: ArrayLike<number>, second: ArrayLike<number>): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
