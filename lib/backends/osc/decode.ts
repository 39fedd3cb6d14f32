// From datagrams to messages. Nothing in here throws, whatever a datagram contains.

/** Why a datagram, or a part of one, is not read. */
export type Fault = "address" | "types" | "arguments" | "unknown-type" | "bundle" | "depth";

export const FAULTS: Readonly<Record<Fault, string>> = {
  address: "its address does not start with a slash, or has no end",
  types: "it has no types of its arguments",
  arguments: "it ends before its last argument does",
  "unknown-type": "it has an argument of an unknown type, which is not read, nor are those after it",
  bundle: "a bundle's parts are longer than the bundle",
  depth: "bundles are nested too deeply",
};

/** Gets what is in a datagram, in order. */
export interface Receiver {
  /** A message, which is in the decoder until the next. */
  message(): void;
  fault(fault: Fault): void;
}

/** Deeper than any program nests them; a datagram has room for thousands. */
const MAX_DEPTH = 32;

const BUNDLE = 0x2362756e; // "#bun"
const [SLASH, COMMA] = [47, 44];
const TWO_32 = 2 ** 32;

/** By character: whether it makes an address a pattern. */
const IS_WILD = Uint8Array.from({ length: 256 }, (_, code) => ("?*[]{}".includes(String.fromCharCode(code)) ? 1 : 0));
/** How many bytes of an unreadable datagram are shown. */
const SHOWN = 32;
const NO_DATA = Buffer.alloc(0);

/** A number for an address, by which {@link Decoder.hash} finds it. */
export function hashOf(address: Uint8Array): number {
  return address.reduce(mix, 0);
}

function mix(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/**
 * Reads datagrams; holds one message at a time. Addresses and types are walked byte by byte: they are short, and a call of a
 * Buffer's own functions costs more than that.
 */
export class Decoder {
  /** Of the message's address. */
  hash = 0;
  /** Whether the address has characters that make it a pattern. */
  isPattern = false;
  #data: Buffer = NO_DATA;
  #addressStart = 0;
  #addressEnd = 0;
  /** The number of arguments of the message. */
  count = 0;
  /** How many of them could be read: none from the first of an unknown type on. */
  readable = 0;
  /** The types of its arguments, as characters' codes; only the first {@link count} elements are its own. */
  readonly types: number[] = [];
  /** Their numbers; NaN for those that are not numbers. */
  readonly numbers: number[] = [];

  /** The message's address; for the duration of {@link Receiver.message}. */
  get address(): string {
    return this.#data.toString("latin1", this.#addressStart, this.#addressEnd);
  }

  /** How the datagram begins, for people: text, with other bytes in hexadecimal. */
  get beginning(): string {
    const shown = this.#data.subarray(0, SHOWN);
    const text = Array.from(shown, (byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`,
    );
    return `'${text.join("")}'${this.#data.length > SHOWN ? "…" : ""}`;
  }

  /** Whether these bytes are the message's address. */
  isAddressedTo(address: Uint8Array): boolean {
    const start = this.#addressStart;
    if (address.length !== this.#addressEnd - start) return false;
    for (let i = 0; i < address.length; ++i) if (address[i] !== this.#data[start + i]) return false;
    return true;
  }

  read(data: Buffer, receiver: Receiver): void {
    this.#data = data;
    this.#packet(data, 0, data.length, receiver, 0);
  }

  #packet(data: Buffer, start: number, end: number, receiver: Receiver, depth: number): void {
    if (end - start >= 8 && data.readUInt32BE(start) === BUNDLE) this.#bundle(data, start, end, receiver, depth);
    else {
      const fault = this.#message(data, start, end);
      if (fault !== undefined) receiver.fault(fault);
      if (fault === undefined || fault === "unknown-type") receiver.message();
    }
  }

  #bundle(data: Buffer, start: number, end: number, receiver: Receiver, depth: number): void {
    if (depth >= MAX_DEPTH) {
      receiver.fault("depth");
      return;
    }
    if (end - start < 16 || data.toString("latin1", start + 4, start + 8) !== "dle\0") {
      receiver.fault("bundle");
      return;
    }
    let at = start + 16; // The time is ignored, as in MIDIMonster.
    while (at < end) {
      const size = end - at < 4 ? -1 : data.readInt32BE(at);
      at += 4;
      if (size < 0 || size > end - at) {
        receiver.fault("bundle");
        return;
      }
      if (size > 0) this.#packet(data, at, at + size, receiver, depth + 1);
      at += size;
    }
  }

  #message(data: Buffer, start: number, end: number): Fault | undefined {
    if (data[start] !== SLASH) return "address";
    let addressEnd = start;
    let hash = 0;
    let wild = 0;
    for (; addressEnd < end; ++addressEnd) {
      const byte = data[addressEnd] as number;
      if (byte === 0) break;
      hash = mix(hash, byte);
      wild |= IS_WILD[byte] as number;
    }
    if (addressEnd === end) return "address";
    const types = padded(addressEnd - start) + start;
    if (types >= end || data[types] !== COMMA) return "types";
    const typesEnd = endOfText(data, types, end);
    if (typesEnd < 0) return "types";
    this.#addressStart = start;
    this.#addressEnd = addressEnd;
    this.hash = hash;
    this.isPattern = wild !== 0;
    return this.#arguments(data, types + 1, typesEnd, end);
  }

  #arguments(data: Buffer, types: number, typesEnd: number, end: number): Fault | undefined {
    let at = types - 1 + padded(typesEnd - types + 1);
    let fault: Fault | undefined;
    this.count = 0;
    this.readable = 0;
    for (let i = types; i < typesEnd; ++i) {
      const type = data[i] as number;
      let number = Number.NaN;
      let size = 0;
      switch (type) {
        case 105: // i
          size = 4;
          if (at + size <= end) number = data.readInt32BE(at);
          break;
        case 102: // f
          size = 4;
          if (at + size <= end) number = data.readFloatBE(at);
          break;
        case 104: // h
          size = 8;
          if (at + size <= end) number = data.readInt32BE(at) * TWO_32 + data.readUInt32BE(at + 4);
          break;
        case 100: // d
          size = 8;
          if (at + size <= end) number = data.readDoubleBE(at);
          break;
        case 84: // T
        case 73: // I
          number = 1;
          break;
        case 70: // F
        case 78: // N
          number = 0;
          break;
        case 91: // [
        case 93: // ]
          continue; // Only groups arguments.
        case 99: // c
        case 114: // r
        case 109: // m
          size = 4;
          break;
        case 116: // t
          size = 8;
          break;
        case 115: // s
        case 83: // S
          size = fault === undefined ? textSize(data, at, end) : 0;
          break;
        case 98: // b
          size = fault === undefined ? blobSize(data, at, end) : 0;
          break;
        default:
          // The length of its data is unknown, so nothing after it can be found.
          fault = "unknown-type";
      }
      if (fault === undefined) {
        at += size;
        if (at > end) return "arguments";
        this.readable++;
      } else number = Number.NaN;
      this.types[this.count] = type;
      this.numbers[this.count++] = number;
    }
    return fault;
  }
}

/** Beyond all that fits: more than is left. */
const TOO_LONG = TWO_32;

function textSize(data: Buffer, at: number, end: number): number {
  const textEnd = endOfText(data, at, end);
  // Some senders leave out the padding at the end of a datagram.
  return textEnd < 0 ? TOO_LONG : Math.min(padded(textEnd - at), end - at);
}

function blobSize(data: Buffer, at: number, end: number): number {
  const length = end - at < 4 ? -1 : data.readInt32BE(at);
  if (length < 0 || length > end - at - 4) return TOO_LONG;
  return Math.min(4 + Math.ceil(length / 4) * 4, end - at);
}

/** Where a text ends, before its zero byte; -1 if it has none. */
function endOfText(data: Buffer, start: number, end: number): number {
  for (let at = start; at < end; ++at) if (data[at] === 0) return at;
  return -1;
}

/** The length of a text of this many bytes with its zero byte and padding. */
function padded(length: number): number {
  return (length & ~3) + 4;
}
