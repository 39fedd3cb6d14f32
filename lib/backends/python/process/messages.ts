// Messages to and from an instance's own process; native/child/messages.h has their form.
import { readSync, writeSync } from "node:fs";

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

/** Longer than any message: what claims to be is none. */
const MAX_LENGTH = 2 ** 28;

/** What arrived is no message: other code of the process has written it. */
export class Nonsense extends Error {}

/** @throws {Nonsense} */
export function decode(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    throw new Nonsense("not a message");
  }
}

/** Collects pieces of a stream into messages. */
export class Decoder {
  #pending: Buffer = Buffer.alloc(0);

  /** @returns the messages that this piece has completed. @throws {Nonsense} */
  take(piece: Buffer): string[] {
    this.#pending = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    const messages: string[] = [];
    let at = 0;
    while (this.#pending.length - at >= 4) {
      const length = this.#pending.readUInt32LE(at);
      if (length > MAX_LENGTH) throw new Nonsense("not a message");
      if (this.#pending.length - at - 4 < length) break;
      messages.push(this.#pending.toString("utf8", at + 4, at + 4 + length));
      at += 4 + length;
    }
    this.#pending = this.#pending.subarray(at);
    return messages;
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
    if (answer !== undefined) return decode(answer);
  }
}

function patiently(call: () => number, goesOn: () => void): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE" || code === "ECONNRESET") throw new Disconnected("the process has ended");
      if (code !== "EAGAIN" && code !== "EINTR") throw error;
      goesOn();
    }
  }
}
