// What is written to a broker: by the library, and values, which don't go through it.
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** How much is collected while the socket is busy, at first. */
const SIZE = 2 ** 16; // bytes

/**
 * Collects packets and writes them in one go. One of two buffers is written while the other one is filled: what the
 * system does not take waits here, and values beyond that where only the last one of each topic has to be kept.
 */
export class Outlet {
  readonly #socket: Socket;
  readonly #ready: () => void;
  #buffer: Buffer = Buffer.allocUnsafeSlow(SIZE);
  #spare: Buffer | undefined;
  #length = 0;
  /** Whether the system has not yet taken what was written. */
  #busy = false;
  /** The number of writes not yet answered, which happens later even if the system took everything at once. */
  #unanswered = 0;
  /** Whether someone was told that this is full. */
  #full = false;
  readonly #callbacks: (() => void)[] = [];

  /** @param ready called when there is space again after {@link full} was true */
  constructor(socket: Socket, ready: () => void) {
    this.#socket = socket;
    this.#ready = ready;
  }

  /** Whether values should wait. */
  get full(): boolean {
    if (!this.#busy || this.#length < SIZE / 2) return false;
    this.#full = true;
    return true;
  }

  /** Makes space for a packet, which is written into `bytes` from `start` on. */
  reserve(length: number): void {
    if (this.#length + length <= this.#buffer.length) return;
    if (!this.#busy) this.flush();
    if (this.#length + length <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#length + length, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  get start(): number {
    return this.#length;
  }

  /** A packet has been written, up to here. */
  put(end: number): void {
    this.#length = end;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Calls back when everything that has been put has been taken by the system. */
  whenTaken(callback: () => void): void {
    this.flush();
    if (this.#length === 0 && !this.#busy) callback();
    else this.#callbacks.push(callback);
  }

  flush(): void {
    if (this.#busy || this.#length === 0) return;
    const written = this.#buffer;
    const bytes = written.subarray(0, this.#length);
    this.#length = 0;
    this.#unanswered++;
    this.#busy = true;
    // Not yet the spare one: mostly the system takes everything at once.
    this.#socket.write(bytes, this.#answered);
    if (this.#socket.writableLength === 0) {
      this.#busy = false;
      if (written.length > SIZE) this.#buffer = Buffer.allocUnsafeSlow(SIZE);
      return;
    }
    this.#buffer = this.#spare ?? Buffer.allocUnsafeSlow(SIZE);
    this.#spare = written.length > SIZE ? undefined : written;
  }

  readonly #answered = (): void => {
    if (--this.#unanswered > 0 || this.#socket.destroyed) return;
    this.#busy = false;
    this.flush();
    if (this.#busy) return;
    for (const callback of this.#callbacks.splice(0)) callback();
    if (!this.#full) return;
    this.#full = false;
    this.#ready();
  };
}

/** What the library takes for the socket. */
export class LibraryStream extends Duplex {
  readonly #outlet: Outlet;
  readonly #socket: Socket;
  readonly #wanted: () => void;

  /** @param wanted called when more can be pushed */
  constructor(socket: Socket, outlet: Outlet, wanted: () => void) {
    super();
    this.#wanted = wanted;
    this.#outlet = outlet;
    this.#socket = socket;
    socket.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#wanted();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#outlet.append(chunk);
    this.#outlet.whenTaken(callback);
  }

  /** The library holds back what it writes until its packets are complete: they come whole, and values go between them. */
  override _writev(chunks: { readonly chunk: Buffer }[], callback: () => void): void {
    for (const { chunk } of chunks) this.#outlet.append(chunk);
    this.#outlet.whenTaken(callback);
  }

  override _final(callback: () => void): void {
    this.#outlet.whenTaken(() => {
      this.#socket.end();
      callback();
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}
