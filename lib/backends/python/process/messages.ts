// Messages to and from an instance's own process; native/child/messages.h has their form.
import { readSync, writeSync } from "node:fs";
import { codeOf } from "../../shared/error-codes.js";

/** A request: what it is about, and its arguments. */
export type Request = readonly [string, ...string[]];

export function encode(request: Request): Buffer {
  const fields = request.map((field) => Buffer.from(field, "utf8"));
  const size = fields.reduce((sum, field) => sum + 4 + field.length, 0);
  const message = Buffer.alloc(4 + size);
  writeLength(message, size, 0);
  let at = 4;
  for (const field of fields) {
    writeLength(message, field.length, at);
    field.copy(message, at + 4);
    at += 4 + field.length;
  }
  return message;
}

// In the machine's order, which is little-endian on all processors that there are addons for.
const writeLength = (message: Buffer, length: number, at: number) => message.writeUInt32LE(length, at);

/** Longer than any message: a million names fit. */
const MAX_LENGTH = 2 ** 28;

/** What was sent is no message: user code can write to any descriptor of its process. */
export class Nonsense extends Error {}

/** Collects pieces of a stream into messages. */
export class Decoder {
  /** Pieces of a message that is incomplete; joined once it is complete, since that copies all of them. */
  #pieces: Buffer[] = [];
  #size = 0;
  /** How much there has to be to go on. */
  #needed = 4;

  /** @returns the messages that this piece has completed @throws {Nonsense} */
  take(piece: Buffer): unknown[] {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size < this.#needed) return [];
    const pending = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#size);
    const messages: unknown[] = [];
    let at = 0;
    this.#needed = 4;
    while (pending.length - at >= this.#needed) {
      const length = pending.readUInt32LE(at);
      if (length > MAX_LENGTH) throw new Nonsense(`a message of ${length} bytes`);
      this.#needed = 4 + length;
      if (pending.length - at < this.#needed) break;
      messages.push(parsed(pending.toString("utf8", at + 4, at + this.#needed)));
      at += this.#needed;
      this.#needed = 4;
    }
    this.#size = pending.length - at;
    this.#pieces = this.#size > 0 ? [pending.subarray(at)] : [];
    return messages;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Nonsense("a message that is not JSON", { cause: error });
  }
}

/** The other side is gone. */
export class Disconnected extends Error {}

/**
 * Sends a request and waits for its answer.
 *
 * @param goesOn called now and then while it waits; it may throw
 * @throws {Disconnected} if the process has ended
 * @throws {Nonsense}
 */
export function askAndWait(fd: number, request: Request, goesOn: () => void): unknown {
  const message = encode(request);
  for (let sent = 0; sent < message.length; ) sent += patiently(() => writeSync(fd, message, sent), goesOn);
  const decoder = new Decoder();
  const piece = Buffer.alloc(65536);
  for (;;) {
    const count = patiently(() => readSync(fd, piece), goesOn);
    if (count === 0) throw new Disconnected("the process has ended");
    const [answer] = decoder.take(Buffer.from(piece.subarray(0, count)));
    if (answer !== undefined) return answer;
  }
}

function patiently(call: () => number, goesOn: () => void): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const code = codeOf(error);
      if (code === "EPIPE" || code === "ECONNRESET") throw new Disconnected("the process has ended");
      if (code !== "EAGAIN" && code !== "EINTR") throw error;
      goesOn();
    }
  }
}
