import { fstatSync } from "node:fs";
import type { Binding } from "../binding.js";
import type { LogFormat } from "../log/names.js";

/**
 * Lets what Python code writes to standard error have the log's format, a line each, where programs read the log; and what it
 * prints, where that leads to the same place. Elsewhere standard output is the program's own. None of it waits for a reader.
 */
export function formatStreams(addon: Binding, format: LogFormat): void {
  addon.formatStreams(format !== "text" && isSameFile(1, 2) ? format : "text", format);
}

function isSameFile(one: number, other: number): boolean {
  try {
    const [first, second] = [fstatSync(one, { bigint: true }), fstatSync(other, { bigint: true })];
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false; // one is closed
  }
}
