import assert from "node:assert/strict";
import { Decoder, encode, Nonsense } from "../lib/backends/python/process/messages.js";

/** As a process sends it. */
function message(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}

describe("messages of a process", () => {
  const values = [{ reports: [] }, null, "é".repeat(50), 1];
  const bytes = Buffer.concat(values.map(message));

  it("are understood in pieces of any size", () => {
    for (let size = 1; size <= bytes.length; ++size) {
      const decoder = new Decoder();
      const taken: unknown[] = [];
      for (let at = 0; at < bytes.length; at += size) taken.push(...decoder.take(bytes.subarray(at, at + size)));
      assert.deepEqual(taken, values);
    }
  });

  it("that are long and come in many pieces take time in proportion: no piece is copied for each that follows", () => {
    const long = message("x".repeat(1_000_000));
    const concat = Buffer.concat;
    let copied = 0;
    const taken: unknown[] = [];
    Buffer.concat = (list, size) => {
      const joined = concat(list, size);
      copied += joined.length;
      return joined;
    };
    try {
      const decoder = new Decoder();
      for (let at = 0; at < long.length; at += 1000) taken.push(...decoder.take(long.subarray(at, at + 1000)));
    } finally {
      Buffer.concat = concat;
    }
    assert.equal(taken.length, 1);
    assert.ok(copied <= 2 * long.length, `${copied} bytes were copied`);
  });

  it("are refused if they are too long, or no JSON", () => {
    assert.throws(() => new Decoder().take(Buffer.from([255, 255, 255, 255])), Nonsense);
    assert.throws(() => new Decoder().take(encode(["names"]).subarray(4)), Nonsense);
  });
});
