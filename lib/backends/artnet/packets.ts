// The packets of Art-Net, as bytes. Lengths and offsets are those of the specification; nothing is read past a datagram.

import { readText } from "../shared/texts.js";

/** Operation codes. */
export const OP_POLL = 0x2000;
export const OP_POLL_REPLY = 0x2100;
export const OP_DMX = 0x5000;

const MAGIC = Buffer.from("Art-Net\0", "latin1");
const OP_AT = 8;
const VERSION = 14;

const DMX_HEADER = 18;
const POLL_LENGTH = 14;
const REPLY_LENGTH = 239;
/** Up to the universes: what older nodes leave out is not needed. */
const LEAST_REPLY = 194;

const DMX_SLOTS = 512;
export const DMX_LEVELS_AT = DMX_HEADER;
export const DMX_SEQUENCE_AT = 12;

/** @returns undefined if a datagram is not Art-Net */
export function operationOf(data: Uint8Array): number | undefined {
  if (data.length < OP_AT + 2) return undefined;
  for (let i = 0; i < MAGIC.length; ++i) if (data[i] !== MAGIC[i]) return undefined;
  return ((data[OP_AT + 1] as number) << 8) | (data[OP_AT] as number);
}

/** The number of levels in an ArtDmx; undefined if it is malformed. */
export function dmxCount(data: Uint8Array): number | undefined {
  if (data.length < DMX_HEADER) return undefined;
  const length = ((data[16] as number) << 8) | (data[17] as number);
  if (length > DMX_SLOTS) return undefined;
  return Math.min(length, data.length - DMX_HEADER);
}

/** Net and universe of an ArtDmx, in 15 bits. */
export function dmxPortAddress(data: Uint8Array): number {
  return ((data[15] as number) << 8) | (data[14] as number);
}

export function isPoll(data: Uint8Array): boolean {
  return data.length >= POLL_LENGTH;
}

/** Whether the sender of an ArtPoll wants a reply whenever something changes. */
export function wantsChanges(poll: Uint8Array): boolean {
  return ((poll[12] as number) & 0x02) !== 0;
}

function packet(length: number, operation: number): Buffer {
  const data = Buffer.alloc(length);
  MAGIC.copy(data);
  data.writeUInt16LE(operation, OP_AT);
  return data;
}

/** An ArtDmx without levels and sequence. */
export function createDmx(portAddress: number): Buffer {
  const data = packet(DMX_HEADER + DMX_SLOTS, OP_DMX);
  data.writeUInt16BE(VERSION, 10);
  data.writeUInt8(portAddress & 0xff, 14);
  data.writeUInt8(portAddress >> 8, 15);
  data.writeUInt16BE(DMX_SLOTS, 16);
  return data;
}

/** An ArtPoll that asks for replies at changes too. */
export function createPoll(): Buffer {
  const data = packet(POLL_LENGTH, OP_POLL);
  data.writeUInt16BE(VERSION, 10);
  data.writeUInt8(0x02, 12);
  return data;
}

/** What an instance says of itself. */
export interface NodeFacts {
  /** IPv4. */
  readonly address: string;
  readonly port: number;
  /** Of the network interface: `02:00:00:00:00:01`. */
  readonly mac: string;
  readonly portAddress: number;
  readonly shortName: string;
  readonly longName: string;
  /** The number of replies so far. */
  readonly counter: number;
  /** From 1: one for each instance. */
  readonly bindIndex: number;
  /** Whether it takes levels from the network; if so, whether any have come lately, and how they are combined. */
  readonly receives?: { readonly active: boolean; readonly merging: boolean; readonly latest: boolean } | undefined;
  /** Whether it sends levels to the network; if so, whether it has begun. */
  readonly sends?: { readonly active: boolean } | undefined;
}

/** A number for prototypes and experiments: this program has none of its own. */
const ESTA = 0x7ff0;
const OEM_UNKNOWN = 0x00ff;
/** Indicators in normal mode, universes set by its own configuration. */
const STATUS_1 = 0xd0;
/** Universes of 15 bits. */
const STATUS_2 = 0x08;
/** No RDM, frames without a pause. */
const GOOD_OUTPUT_B = 0xc0;

export function createPollReply(facts: NodeFacts): Buffer {
  const { address, port, mac, portAddress, shortName, longName, counter, bindIndex, receives, sends } = facts;
  const data = packet(REPLY_LENGTH, OP_POLL_REPLY);
  const ip = address.split(".").map(Number);
  data.set(ip, 10);
  data.writeUInt16LE(port, 14);
  data.writeUInt8(portAddress >> 8, 18);
  data.writeUInt8((portAddress >> 4) & 0x0f, 19);
  data.writeUInt16BE(OEM_UNKNOWN, 20);
  data.writeUInt8(STATUS_1, 23);
  data.writeUInt16LE(ESTA, 24);
  writeText(data, 26, 18, shortName);
  writeText(data, 44, 64, longName);
  writeText(data, 108, 64, `#0001 [${String(counter % 10_000).padStart(4, "0")}] running`);
  data.writeUInt16BE(1, 172);
  data.writeUInt8((receives ? 0x80 : 0) | (sends ? 0x40 : 0), 174);
  data.writeUInt8(sends ? (sends.active ? 0x80 : 0) : 0x08, 178);
  if (receives) {
    const { active, merging, latest } = receives;
    data.writeUInt8((active ? 0x80 : 0) | (merging ? 0x08 : 0) | (latest ? 0x02 : 0), 182);
  }
  data.writeUInt8(portAddress & 0x0f, 186);
  data.writeUInt8(portAddress & 0x0f, 190);
  data.set(
    mac.split(":").map((part) => Number.parseInt(part, 16)),
    201,
  );
  data.set(ip, 207);
  data.writeUInt8(bindIndex, 211);
  data.writeUInt8(STATUS_2, 212);
  data.writeUInt8(GOOD_OUTPUT_B, 213);
  return data;
}

/** What a node says of itself. */
export interface NodeReply {
  readonly port: number;
  readonly shortName: string;
  readonly bindIndex: number;
  /** The universes that it takes from the network. */
  readonly outputs: readonly number[];
}

/** @returns undefined if it is malformed */
export function readPollReply(data: Buffer): NodeReply | undefined {
  if (data.length < LEAST_REPLY) return undefined;
  const base = ((data[18] as number) << 8) | (((data[19] as number) & 0x0f) << 4);
  const ports = Math.min(4, data.readUInt16BE(172));
  const outputs: number[] = [];
  for (let port = 0; port < ports; ++port) {
    if (((data[174 + port] as number) & 0x80) === 0) continue;
    outputs.push((base & 0x7fff) | ((data[190 + port] as number) & 0x0f));
  }
  return { port: data.readUInt16LE(14), shortName: readText(data, 26, 18), bindIndex: data[211] ?? 0, outputs };
}

/** As much of a text as fits, with a 0 after it; whole characters. */
function writeText(data: Buffer, at: number, length: number, text: string): void {
  data.write(text, at, length - 1, "utf8");
}
