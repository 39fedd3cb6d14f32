import type { Socket } from "node:net";

/** What a socket is told to do with what it reads, as `onread` of `net.connect()`. */
export interface OnRead {
  /** Where it reads to next. */
  buffer(): Buffer;
  /** @returns false if it has to stop reading until its `resume()` is called */
  callback(count: number): boolean;
}

/** Gets what was read. */
export interface Reader {
  /** Where to read to. */
  readonly space: Buffer;
  /**
   * @param count of bytes that have been read into {@link space}
   * @returns whether to go on: false if `wanted()` will say when
   */
  read(count: number): boolean;
}

/** A read this soon after the one before, or after a break, is one of many. */
const SOON = 0.5; // ms
/** After this many of those, a break follows each one. */
const MANY = 4;
/** When this much comes in one go, a break is of no use. */
const MUCH = 2 ** 14; // bytes
/** The shortest that a timer can be. */
const BREAK = 1; // ms

/**
 * Reads from a socket into the space that its reader has. A broker under load sends each message by itself, and each read, with
 * the write that follows, takes much longer than what is done with one message. So while reads follow each other without a
 * pause, what comes in a millisecond is collected.
 */
export class Intake {
  readonly #reader: Reader;
  readonly #now: () => number;
  #socket: Pick<Socket, "resume"> | undefined;
  #last = 0;
  #soon = 0;
  #timer: NodeJS.Timeout | undefined;
  #wanted = true;

  constructor(reader: Reader, now: () => number = () => performance.now()) {
    this.#reader = reader;
    this.#now = now;
  }

  readonly onread: OnRead = {
    buffer: () => this.#reader.space,
    callback: (count) => this.#read(count),
  };

  /** @param socket that was opened with {@link onread} */
  attach(socket: Pick<Socket, "resume">): void {
    this.#socket = socket;
  }

  /** The reader wants more. */
  wanted(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    if (this.#timer === undefined) this.#resume();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #read(count: number): boolean {
    const now = this.#now();
    this.#soon = now - this.#last < SOON ? this.#soon + 1 : 0;
    this.#last = now;
    this.#wanted = this.#reader.read(count);
    if (this.#soon < MANY || count >= MUCH) return this.#wanted;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#wanted) this.#resume();
    }, BREAK);
    return false;
  }

  #resume(): void {
    this.#last = this.#now();
    this.#socket?.resume();
  }
}
