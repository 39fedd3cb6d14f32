import { statSync } from "node:fs";

/**
 * For files that are read whole: opening a FIFO waits for a writer, forever if need be, and devices may have no end.
 *
 * @throws {Error} if something else than a regular file is there, or nothing
 */
export function requireRegular(file: string): void {
  const found = statSync(file);
  if (found.isFile()) return;
  const what = found.isFIFO() ? "a FIFO (a named pipe)" : found.isDirectory() ? "a folder" : "a device or a socket";
  throw new Error(`it is ${what}, not a regular file`);
}
