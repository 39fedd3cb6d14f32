// The addon's UDP sockets: what arrives comes with one call for many datagrams, and is sent without a turn of the loop.
import { getSystemErrorName } from "node:util";
import { markAsUntransferable } from "node:worker_threads";
import { binding } from "../../binding.js";
import { type Endpoint, unmapped } from "./hosts.js";

/** An error of the system, with its name as `code`. */
export class SystemError extends Error {
  readonly code: string;

  /** @param errno positive or negative */
  constructor(errno: number) {
    const code = getSystemErrorName(-Math.abs(errno));
    super(code);
    this.name = "SystemError";
    this.code = code;
  }
}

export interface UdpReceiver {
  /** A datagram, which is there until this returns. Must not throw. */
  received(data: Buffer, from: Endpoint): void;
  failed(error: SystemError): void;
  /** This many datagrams that were kept to be sent later could not be sent. */
  unsent(error: SystemError, count: number): void;
}

/** 32-bit numbers that the addon writes for each datagram. */
const ROW = 8;
const [LENGTH, FAMILY, PORT, ADDRESS] = [0, 1, 2, 3];

/** How many peers are remembered, with the text of their addresses. */
const MAX_PEERS = 1024;

/** Where datagrams arrive. */
class Places {
  readonly rows: Uint32Array;
  readonly #memory: ArrayBuffer;
  readonly #stride: number;
  /** By place: the last datagram's bytes. Most have the same length as the one before, which needs no new object. */
  readonly #views: Buffer[];

  constructor() {
    const { memory, places, stride, rowsAt } = binding().datagrams();
    markAsUntransferable(memory);
    this.#memory = memory;
    this.#stride = stride;
    this.rows = new Uint32Array(memory, rowsAt, places * ROW);
    this.#views = Array.from({ length: places }, (_, place) => Buffer.from(memory, place * stride, 0));
  }

  bytes(place: number): Buffer {
    const length = this.rows[place * ROW + LENGTH] as number;
    const known = this.#views[place] as Buffer;
    if (known.length === length) return known;
    const view = Buffer.from(this.#memory, place * this.#stride, length);
    this.#views[place] = view;
    return view;
  }
}

let places: Places | undefined;

/** A bound socket. What fails throws a {@link SystemError}. */
export class NativeUdp {
  readonly port: number;
  readonly #receiver: UdpReceiver;
  readonly #places: Places;
  /** Peers of IPv4, by address and port. */
  readonly #peers = new Map<number, Endpoint>();
  /** -1 once it is closed. */
  #number: number;

  /** @param port 0: any that is free */
  constructor(address: string, port: number, receiver: UdpReceiver) {
    places ??= new Places();
    this.#places = places;
    this.#receiver = receiver;
    this.#number = checked(
      binding().openUdp(address, port, {
        received: (first, end) => this.#received(first, end),
        failed: (error) => receiver.failed(new SystemError(error)),
        unsent: (error, count) => receiver.unsent(new SystemError(error), count),
      }),
    );
    this.port = checked(binding().udpPort(this.#number));
  }

  /** For functions of the addon that take a socket; -1 once it is closed. */
  get number(): number {
    return this.#number;
  }

  setBroadcast(on: boolean): void {
    checked(binding().setUdpBroadcast(this.#number, on));
  }

  setMulticastLoop(on: boolean): void {
    checked(binding().setUdpMulticastLoop(this.#number, on));
  }

  /** @param all whether multicasts arrive, too, whose groups only other sockets have joined */
  setMulticastAll(all: boolean): void {
    checked(binding().setUdpMulticastAll(this.#number, all));
  }

  setReceiveBuffer(bytes: number): void {
    checked(binding().setUdpReceiveBuffer(this.#number, bytes));
  }

  /** @param by an interface: for IPv4 one of its addresses, for IPv6 its name; undefined: the system's choice */
  join(group: string, by: string | undefined): void {
    checked(binding().setUdpMembership(this.#number, group, by ?? "", true));
  }

  leave(group: string, by: string | undefined): void {
    checked(binding().setUdpMembership(this.#number, group, by ?? "", false));
  }

  /** @param by as in {@link join} */
  setMulticastInterface(by: string): void {
    checked(binding().setUdpMulticastInterface(this.#number, by));
  }

  /** @returns 0, or a negative `errno`: no exception, since this is called very often */
  sendToIPv4(data: Uint8Array, address: number, port: number): number {
    return binding().sendUdp(this.#number, data, data.length, address, port);
  }

  sendTo(data: Uint8Array, address: string, port: number): number {
    return binding().sendUdpTo(this.#number, data, data.length, address, port);
  }

  /** Nothing arrives any more, also of what has been read already. */
  close(): void {
    if (this.#number < 0) return;
    binding().closeUdp(this.#number);
    this.#number = -1;
  }

  #received(first: number, end: number): void {
    for (let place = first; place < end && this.#number >= 0; ++place) {
      this.#receiver.received(this.#places.bytes(place), this.#senderOf(place));
    }
  }

  #senderOf(place: number): Endpoint {
    const { rows } = this.#places;
    const at = place * ROW;
    const port = rows[at + PORT] as number;
    if (rows[at + FAMILY] !== 4) return { ...unmapped(binding().udpSender(place)), port };
    const key = (rows[at + ADDRESS] as number) * 0x10000 + port;
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    const peer: Endpoint = { address: binding().udpSender(place), family: 4, port };
    if (this.#peers.size >= MAX_PEERS) this.#peers.clear();
    this.#peers.set(key, peer);
    return peer;
  }
}

function checked(result: number): number {
  if (result < 0) throw new SystemError(result);
  return result;
}
