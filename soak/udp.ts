/** What the kernel says of datagram sockets. */
import { readFileSync } from "node:fs";

/** How many datagrams did not fit into the receive buffer of the socket that is bound to an IPv4 address and a port. */
export function droppedBy(address: string, port: number): number {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0").toUpperCase());
  // The bytes of an address stand in the order of the processor.
  const local = `${bytes.reverse().join("")}:${port.toString(16).padStart(4, "0").toUpperCase()}`;
  const sockets = ["/proc/net/udp", "/proc/net/udp6"].flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const found = sockets.map((line) => line.trim().split(/\s+/)).filter(([, bound = ""]) => bound.endsWith(local));
  if (found.length !== 1) throw new Error(`${found.length} sockets are bound to ${address}:${port}, and not 1`);
  return Number(found[0]?.at(-1));
}
