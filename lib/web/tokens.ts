// Tokens: who has the one for control may set values, who has the one for viewing only sees them.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Role } from "./access.js";

/** The least number of characters of a token that someone has chosen. */
export const MIN_TOKEN = 16;

/** The tokens of a site. Only their hashes are kept. */
export class Tokens {
  readonly #hashes: readonly (readonly [Role, Buffer])[];

  constructor(tokens: { readonly control: string; readonly view?: string | undefined }) {
    this.#hashes = [
      ["control", hashOf(tokens.control)],
      ...(tokens.view === undefined ? [] : [["view", hashOf(tokens.view)] as const]),
    ];
  }

  /** The role that a token gives. All hashes are compared, in constant time. */
  roleOf(token: string): Role | undefined {
    const hash = hashOf(token);
    let found: Role | undefined;
    for (const [role, known] of this.#hashes) if (timingSafeEqual(hash, known)) found ??= role;
    return found;
  }

  /** Whether the same tokens are accepted. */
  equals(other: Tokens): boolean {
    const [mine, others] = [this.#hashes, other.#hashes];
    return mine.length === others.length && mine.every(([, hash], i) => hash.equals(others[i]?.[1] ?? Buffer.alloc(0)));
  }
}

/** A new token: 256 random bits. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** The token of an `Authorization: Bearer` header. */
export function bearerOf(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^Bearer +([\w.~+/=-]+) *$/i.exec(header)?.[1];
}

const MAX_WRONG = 10;
const MINUTE = 60_000; // ms
const MAX_ADDRESSES = 1024;

/** Counts wrong tokens by the address they come from: guessing many is refused. */
export class WrongTokens {
  readonly #recent = new Map<string, { count: number; readonly since: number }>();

  /** Whether an address has to wait before it may try another one. @param now in ms */
  blocks(address: string, now: number): boolean {
    const entry = this.#recent.get(address);
    if (entry !== undefined && now - entry.since >= MINUTE) this.#recent.delete(address);
    else if (entry !== undefined) return entry.count >= MAX_WRONG;
    return false;
  }

  add(address: string, now: number): void {
    const entry = this.#recent.get(address);
    if (entry !== undefined && now - entry.since < MINUTE) {
      entry.count++;
      return;
    }
    this.#recent.delete(address);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size >= MAX_ADDRESSES && oldest !== undefined) this.#recent.delete(oldest);
    this.#recent.set(address, { count: 1, since: now });
  }
}
