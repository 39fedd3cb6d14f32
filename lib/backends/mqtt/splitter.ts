// Splits what a broker sends: values of the instance's topics are read in place, everything else goes on to the library.
import type { Reader } from "./intake.js";
import type { TopicTable } from "./topic-table.js";

/** How much is read at once. Larger packets go to the library in pieces. */
const SIZE = 2 ** 16; // bytes
const PUBLISH = 3;
/** The first byte of a message that needs no acknowledgement, without the bit that says that it was retained. */
const PLAIN = 0x30;
/** The first bytes of all other packets that a broker may send, besides messages. */
const OTHERS = new Set([0x20, 0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0, 0xe0, 0xf0]);

export interface SplitterTarget<T> {
  /** A message of a known topic: its payload is in `bytes` from `start` to `end`, until this returns. */
  value(topic: T, bytes: Buffer, start: number, end: number, marked: boolean): void;
  /** What was read at once has been passed on. */
  end(): void;
  /**
   * Whole packets and pieces of packets for the library, in order; a copy.
   *
   * @returns whether it wants more at the moment
   */
  forward(bytes: Buffer): boolean;
  /** Whether the library has handled the first `packets` that were forwarded: otherwise later ones have to queue up behind. */
  hasHandled(packets: number): boolean;
}

const NOTHING: SplitterTarget<unknown> = {
  value: () => {},
  end: () => {},
  forward: () => true,
  hasHandled: () => true,
};

/** What the properties of a message say. */
const properties = { marked: false, alias: 0 };

export class Splitter<T extends { readonly topic: string }> implements Reader {
  readonly #topics: TopicTable<T>;
  readonly #version5: boolean;
  #target: SplitterTarget<T> = NOTHING;
  readonly #bytes = Buffer.allocUnsafeSlow(SIZE);
  /** What has been read, but not passed on: the beginning of a packet. */
  #length = 0;
  /** The number of bytes still missing of a packet that is forwarded in pieces. */
  #missing = 0;
  #forwarded = 0;
  #goOn = true;
  #state: "library only" | "on" | "not MQTT" = "library only";
  readonly #aliases: Aliases<T>;

  constructor(topics: TopicTable<T>, version5: boolean) {
    this.#topics = topics;
    this.#version5 = version5;
    this.#aliases = new Aliases(topics);
  }

  /** Before that, there must be nothing to read. */
  attach(target: SplitterTarget<T>): void {
    this.#target = target;
  }

  /** Messages are read here from now on. */
  begin(): void {
    if (this.#state === "library only") this.#state = "on";
  }

  get space(): Buffer {
    return this.#length === 0 ? this.#bytes : this.#bytes.subarray(this.#length);
  }

  read(count: number): boolean {
    this.#goOn = true;
    const bytes = this.#bytes;
    const length = this.#length + count;
    let at = Math.min(this.#missing, length);
    this.#missing -= at;
    /** Where that begins which is for the library, up to `at`. */
    let start = 0;
    while (at < length && this.#state !== "not MQTT") {
      const first = bytes[at] as number;
      const body = bodyOf(bytes, at, length);
      if (!isPossible(first) || body < 0) {
        this.#state = "not MQTT";
        break;
      }
      if (body === 0) break;
      const end = body + remaining;
      const quick = this.#state === "on" && (first & 0xfe) === PLAIN;
      if (end > length) {
        if (quick && end - at <= SIZE) break;
        // Without it, nothing is known of what comes with it.
        if (first >> 4 === PUBLISH) this.#aliases.giveUp();
        this.#forwarded++;
        this.#missing = end - length;
        at = length;
        break;
      }
      if (quick) {
        const found = this.#find(body, end);
        if (found !== undefined) {
          if (start < at) this.#forward(start, at);
          if (this.#target.hasHandled(this.#forwarded)) {
            this.#target.value(found, bytes, payload, end, properties.marked);
            start = end;
          } else {
            start = at;
            this.#forwarded++;
          }
          at = end;
          continue;
        }
      } else if (first >> 4 === PUBLISH && this.#version5) this.#noteAlias(first, body, end);
      this.#forwarded++;
      at = end;
    }
    if (this.#state === "not MQTT") at = length;
    if (start < at) this.#forward(start, at);
    if (at > 0 && at < length) bytes.copyWithin(0, at, length);
    this.#length = length - at;
    this.#target.end();
    return this.#goOn;
  }

  #forward(start: number, end: number): void {
    if (!this.#target.forward(Buffer.from(this.#bytes.subarray(start, end)))) this.#goOn = false;
  }

  /** The topic of a message, if it is a known one and nothing is wrong; sets `payload` and `properties`. */
  #find(body: number, end: number): T | undefined {
    const bytes = this.#bytes;
    if (end - body < 2) return undefined;
    const topic = body + 2;
    const topicEnd = topic + (((bytes[body] as number) << 8) | (bytes[body + 1] as number));
    if (topicEnd > end) return undefined;
    properties.marked = false;
    if (!this.#version5) {
      payload = topicEnd;
      return this.#topics.find(bytes, topic, topicEnd);
    }
    properties.alias = 0;
    payload = readProperties(bytes, topicEnd, end);
    if (payload < 0) {
      this.#aliases.giveUp();
      return undefined;
    }
    if (properties.alias === 0) return this.#topics.find(bytes, topic, topicEnd);
    if (topic === topicEnd) return this.#aliases.find(properties.alias);
    // The library has to learn it too.
    this.#aliases.set(properties.alias, bytes.toString("utf8", topic, topicEnd));
    return undefined;
  }

  /** What a message that is for the library says about aliases of topics, which may be used by one that is not. */
  #noteAlias(first: number, body: number, end: number): void {
    if (end - body < 2) return;
    const bytes = this.#bytes;
    const topicEnd = body + 2 + bytes.readUInt16BE(body);
    const at = topicEnd + ((first & 6) === 0 ? 0 : 2);
    if (at > end) return;
    properties.alias = 0;
    if (readProperties(bytes, at, end) < 0) this.#aliases.giveUp();
    else if (properties.alias !== 0 && topicEnd > body + 2) {
      this.#aliases.set(properties.alias, bytes.toString("utf8", body + 2, topicEnd));
    }
  }
}

/** Where the payload begins of the message that was found. */
let payload = 0;
/** The length of the packet's body. */
let remaining = 0;

/**
 * Where the body of the packet at `at` begins; sets `remaining`.
 *
 * @returns 0 if its header is not complete, -1 if that is wrong
 */
function bodyOf(bytes: Uint8Array, at: number, length: number): number {
  remaining = 0;
  for (let i = 1; i <= 4; i++) {
    if (at + i >= length) return 0;
    const byte = bytes[at + i] as number;
    remaining += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) return at + i + 1;
  }
  return -1;
}

function isPossible(first: number): boolean {
  return first >> 4 === PUBLISH ? (first & 6) !== 6 : OTHERS.has(first);
}

/**
 * Reads the properties of a message, from their length on, into `properties`.
 *
 * @returns where they end; -1 if something is wrong, which the library can tell
 */
function readProperties(bytes: Uint8Array, start: number, limit: number): number {
  if (start >= limit) return -1;
  // The length, and that of an identifier of a subscription, has up to four bytes.
  const length = bytes[start] as number;
  if (length === 0) return start + 1;
  const first = bodyOf(bytes, start - 1, limit);
  const end = first + remaining;
  if (first <= 0 || end > limit) return -1;
  let at = first;
  while (at < end) {
    switch (bytes[at++]) {
      case 0x01: // the payload is text
        properties.marked = bytes[at] === 1;
        at += 1;
        break;
      case 0x02: // when it expires
        at += 4;
        break;
      case 0x23: // alias of the topic
        properties.alias = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
        if (properties.alias === 0) return -1;
        at += 2;
        break;
      case 0x03: // type of the content
      case 0x08: // topic for answers
      case 0x09: // data for answers
        at = afterText(bytes, at);
        break;
      case 0x26: // name and value
        at = afterText(bytes, afterText(bytes, at));
        break;
      default:
        return -1;
    }
  }
  return at === end ? end : -1;
}

function afterText(bytes: Uint8Array, at: number): number {
  return at + 2 + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
}

/** Numbers that the broker has given to topics. */
class Aliases<T extends { readonly topic: string }> {
  readonly #topics: TopicTable<T>;
  #names: (string | undefined)[] = [];
  #known: (T | undefined)[] = [];
  #version = 0;
  #givenUp = false;

  constructor(topics: TopicTable<T>) {
    this.#topics = topics;
  }

  set(alias: number, topic: string): void {
    this.#names[alias] = topic;
    this.#known[alias] = undefined;
  }

  find(alias: number): T | undefined {
    if (this.#givenUp) return undefined;
    if (this.#version !== this.#topics.version) {
      this.#version = this.#topics.version;
      this.#known = [];
    }
    const known = this.#known[alias];
    if (known !== undefined) return known;
    const name = this.#names[alias];
    const found = name === undefined ? undefined : this.#topics.get(name);
    this.#known[alias] = found;
    return found;
  }

  /** One was not seen: only the library knows what they mean now. */
  giveUp(): void {
    this.#givenUp = true;
  }
}
