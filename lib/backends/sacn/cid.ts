import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Of this program's names, as UUIDs of version 5 have one. */
const NAMESPACE = "6f6a1e0e-5d1c-4f5e-9a43-7d1f0a1c5568";

/**
 * A component identifier: the same at each start, a different one for each machine and configuration. Receivers
 * tell sources apart by it.
 *
 * @param configuration the path of the configuration
 */
export function derivedCid(configuration: string): Buffer {
  const hash = createHash("sha1");
  hash.update(Buffer.from(NAMESPACE.replaceAll("-", ""), "hex"));
  hash.update(`${machine()}\n${configuration}`);
  const cid = hash.digest().subarray(0, 16);
  cid[6] = ((cid[6] as number) & 0x0f) | 0x50;
  cid[8] = ((cid[8] as number) & 0x3f) | 0x80;
  return Buffer.from(cid);
}

function machine(): string {
  try {
    const id = readFileSync("/etc/machine-id", "utf8").trim();
    return id === "" ? hostname() : id;
  } catch {
    return hostname();
  }
}
