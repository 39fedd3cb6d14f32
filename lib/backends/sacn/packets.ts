// The packets of ANSI E1.31-2018, as bytes. Nothing is read past a datagram.
import { SLOTS } from "../shared/slots.js";
import { readText } from "../shared/texts.js";

/** Bytes of a source's name, with the 0 that ends it. */
export const NAME_LENGTH = 64;
export const CID_LENGTH = 16;

const ROOT_DATA = 4;
const ROOT_EXTENDED = 8;
const FRAMING_DATA = 2;
const FRAMING_DISCOVERY = 2;
const DMP_SET_PROPERTY = 2;
const DISCOVERY_LIST = 1;
/** A type for 16-bit addresses with one increment and a list of values. */
const ADDRESSES = 0xa1;

const CID_AT = 22;
const NAME_AT = 44;
const PRIORITY_AT = 108;
export const SEQUENCE_AT = 111;
const OPTIONS_AT = 112;
const UNIVERSE_AT = 113;
const COUNT_AT = 123;
const START_CODE_AT = 125;
export const LEVELS_AT = 126;
const LENGTH = LEVELS_AT + SLOTS;

const PREVIEW = 0x80;
const TERMINATED = 0x40;

/** Everything up to the length of the first part. */
const PREAMBLE = Buffer.from("00100000 4153432d45312e3137000000".replaceAll(" ", ""), "hex");

/** Universes in one packet of discovery. */
const PAGE_SIZE = 512;
const DISCOVERY_LIST_AT = 120;

export interface Origin {
  readonly cid: Buffer;
  readonly name: string;
}

/** Flags, and the length from there to the end. */
function writeLength(data: Buffer, at: number): void {
  data.writeUInt16BE(0x7000 | (data.length - at), at);
}

function begin(length: number, rootVector: number, framingVector: number, { cid, name }: Origin): Buffer {
  const data = Buffer.alloc(length);
  PREAMBLE.copy(data);
  writeLength(data, 16);
  data.writeUInt32BE(rootVector, 18);
  cid.copy(data, CID_AT);
  writeLength(data, 38);
  data.writeUInt32BE(framingVector, 40);
  data.write(name, NAME_AT, NAME_LENGTH - 1, "utf8");
  return data;
}

/** A packet of levels, without them and without its sequence. */
export function createData(origin: Origin, universe: number, priority: number): Buffer {
  const data = begin(LENGTH, ROOT_DATA, FRAMING_DATA, origin);
  data.writeUInt8(priority, PRIORITY_AT);
  data.writeUInt16BE(universe, UNIVERSE_AT);
  writeLength(data, 115);
  data.writeUInt8(DMP_SET_PROPERTY, 117);
  data.writeUInt8(ADDRESSES, 118);
  data.writeUInt16BE(1, 121);
  data.writeUInt16BE(SLOTS + 1, COUNT_AT);
  return data;
}

/** Turns a packet of levels into one that says that no more will come. */
export function terminate(data: Buffer): void {
  data.writeUInt8(TERMINATED, OPTIONS_AT);
}

/** The packets that announce which universes are sent: at least one, with the universes in order. */
export function createDiscovery(origin: Origin, universes: readonly number[]): Buffer[] {
  const sorted = [...new Set(universes)].sort((a, b) => a - b);
  const last = Math.max(0, Math.ceil(sorted.length / PAGE_SIZE) - 1);
  return Array.from({ length: last + 1 }, (_, page) => {
    const list = sorted.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    const data = begin(DISCOVERY_LIST_AT + 2 * list.length, ROOT_EXTENDED, FRAMING_DISCOVERY, origin);
    writeLength(data, 112);
    data.writeUInt32BE(DISCOVERY_LIST, 114);
    data.writeUInt8(page, 118);
    data.writeUInt8(last, 119);
    for (const [i, universe] of list.entries()) data.writeUInt16BE(universe, DISCOVERY_LIST_AT + 2 * i);
    return data;
  });
}

/** What a datagram is. Numbers, since it is asked for each. */
export const Kind = { data: 0, otherData: 1, extended: 2, malformed: 3, notSacn: 4 } as const;

/** What a datagram is; of data, whether it holds levels. */
export function kindOf(data: Buffer): (typeof Kind)[keyof typeof Kind] {
  if (data.length < CID_AT + CID_LENGTH) return Kind.notSacn;
  for (let i = 0; i < PREAMBLE.length; ++i) if (data[i] !== PREAMBLE[i]) return Kind.notSacn;
  const root = data.readUInt32BE(18);
  if (root === ROOT_EXTENDED) return Kind.extended;
  if (root !== ROOT_DATA || data.length < LEVELS_AT) return Kind.malformed;
  const count = data.readUInt16BE(COUNT_AT);
  const isSound =
    data.readUInt32BE(40) === FRAMING_DATA &&
    data[117] === DMP_SET_PROPERTY &&
    data[118] === ADDRESSES &&
    data.readUInt16BE(119) === 0 &&
    data.readUInt16BE(121) === 1 &&
    count >= 1 &&
    count <= SLOTS + 1 &&
    (data[PRIORITY_AT] as number) <= 200;
  if (!isSound) return Kind.malformed;
  return data[START_CODE_AT] === 0 && ((data[OPTIONS_AT] as number) & PREVIEW) === 0 ? Kind.data : Kind.otherData;
}

// Of packets that are data.

export function universeOf(data: Buffer): number {
  return data.readUInt16BE(UNIVERSE_AT);
}

export function priorityOf(data: Buffer): number {
  return data[PRIORITY_AT] as number;
}

export function isTerminated(data: Buffer): boolean {
  return ((data[OPTIONS_AT] as number) & TERMINATED) !== 0;
}

/** The number of levels. */
export function countOf(data: Buffer): number {
  return Math.min(data.readUInt16BE(COUNT_AT) - 1, data.length - LEVELS_AT);
}

export function hasCid(data: Buffer, cid: Buffer): boolean {
  return data.compare(cid, 0, CID_LENGTH, CID_AT, CID_AT + CID_LENGTH) === 0;
}

export function cidOf(data: Buffer): Buffer {
  return Buffer.from(data.subarray(CID_AT, CID_AT + CID_LENGTH));
}

/** The source's name, for people. */
export function nameOf(data: Buffer): string {
  return readText(data, NAME_AT, NAME_LENGTH);
}
