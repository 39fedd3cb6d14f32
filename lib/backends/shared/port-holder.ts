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
 */
export function portHolders(port: number, proc = "/proc"): readonly PortHolder[] {
  const sockets = new Map<string, PortHolder["protocol"]>();
  for (const [table, protocol] of TABLES) {
    for (const inode of inodesIn(path.join(proc, "net", table), port, protocol)) sockets.set(inode, protocol);
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

function inodesIn(table: string, port: number, protocol: PortHolder["protocol"]): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = read(table).split("\n").slice(1);
  return rows.flatMap((row) => {
    const [, local = "", , state, , , , , , inode] = row.trim().split(/\s+/);
    if (!local.endsWith(`:${wanted}`) || inode === undefined || inode === "0") return [];
    return protocol === "UDP" || state === LISTENS ? [inode] : [];
  });
}

function protocolOf(folder: string, sockets: ReadonlyMap<string, PortHolder["protocol"]>) {
  for (const descriptor of list(folder)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(path.join(folder, descriptor)))?.[1];
      const protocol = inode === undefined ? undefined : sockets.get(inode);
      if (protocol !== undefined) return protocol;
    } catch {
      // It was closed meanwhile.
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
