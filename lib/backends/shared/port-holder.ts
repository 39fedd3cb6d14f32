// Which process has a port of this machine.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";

export interface PortHolder {
  readonly protocol: "UDP" | "TCP";
  readonly pid: number;
  /** Its program and arguments, as they were given. */
  readonly command: string;
}

/**
 * Processes whose sockets are bound to a local port; of TCP, those that listen. Only on Linux, and without those of other users,
 * into which only root can look.
 *
 * @param proc replaces `/proc` in tests
 * @param address only sockets bound to this one; `::` and `0.0.0.0` count as the same, other addresses of IPv6 are not found
 */
export function portHolders(port: number, proc = "/proc", address?: string): readonly PortHolder[] {
  const sockets = new Map<string, PortHolder["protocol"]>();
  for (const [table, protocol] of TABLES) {
    for (const inode of inodesIn(path.join(proc, "net", table), port, protocol, address)) sockets.set(inode, protocol);
  }
  if (sockets.size === 0) return [];
  const holders: PortHolder[] = [];
  for (const pid of list(proc).filter((name) => /^\d+$/.test(name))) {
    const protocol = protocolOf(path.join(proc, pid, "fd"), sockets);
    if (protocol === undefined) continue;
    const command = read(path.join(proc, pid, "cmdline"))
      .split("\0")
      .join(" ")
      .trim();
    holders.push({ protocol, pid: Number(pid), command });
  }
  return holders;
}

const TABLES = [
  ["udp", "UDP"],
  ["udp6", "UDP"],
  ["tcp", "TCP"],
  ["tcp6", "TCP"],
] as const;

const LISTENS = "0A";

function inodesIn(table: string, port: number, protocol: PortHolder["protocol"], address?: string): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = read(table).split("\n").slice(1);
  return rows.flatMap((row) => {
    const [, local = "", , state, , , , , , inode] = row.trim().split(/\s+/);
    if (address !== undefined && addressIn(local) !== withoutFamily(address)) return [];
    if (!local.endsWith(`:${wanted}`) || inode === undefined || inode === "0") return [];
    return protocol === "UDP" || state === LISTENS ? [inode] : [];
  });
}

const ALL = "0.0.0.0";

function withoutFamily(address: string): string {
  return address === "::" ? ALL : address;
}

/** The address before the colon in such a table: 32-bit numbers in the order of bytes of the machine, all of which are little-endian. */
function addressIn(local: string): string | undefined {
  const [digits = ""] = local.split(":");
  if (/^0+$/.test(digits)) return ALL;
  return digits.length === 8 ? [...Buffer.from(digits, "hex").reverse()].join(".") : undefined;
}

function protocolOf(folder: string, sockets: ReadonlyMap<string, PortHolder["protocol"]>) {
  for (const descriptor of list(folder)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(path.join(folder, descriptor)))?.[1];
      const protocol = inode === undefined ? undefined : sockets.get(inode);
      if (protocol !== undefined) return protocol;
    } catch {
      // It has been closed in the meantime.
    }
  }
  return undefined;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
