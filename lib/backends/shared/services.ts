// Names of ports.
import { readFileSync } from "node:fs";

const FILE = "/etc/services";

let known: ReadonlyMap<string, number> | undefined;

/** The port that the system's list of services has under a name, as C programs accept it. */
export function portOfService(name: string): number | undefined {
  known ??= readServices();
  return known.get(name);
}

function readServices(): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const line of textOf(FILE).split("\n")) {
    const [name, where = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const port = Number.parseInt(where, 10);
    // Where the protocols differ, UDP's is the one: nearly all protocols here use it.
    for (const each of [name, ...aliases]) {
      if (each && port > 0 && (where.endsWith("/udp") || !ports.has(each))) ports.set(each, port);
    }
  }
  return ports;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // minimal containers have none
  }
}
