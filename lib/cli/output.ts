import { visible, visibleInJson } from "../visible.js";

/** Writes to standard output, with control characters escaped. A closed pipe, as in `mmpy check | head`, is not an error. */
export function print(text: string): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  process.stdout.write(visible(text));
}

/** Writes a value to standard output as JSON. */
export function printJson(value: unknown): void {
  print(visibleInJson(`${JSON.stringify(value, undefined, 2)}\n`));
}

/** Maximum width of text for people: the terminal's width, within limits. */
export function textWidth(): number {
  return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, process.stdout.columns ?? MAX_WIDTH));
}

const MAX_WIDTH = 100;
const MIN_WIDTH = 60;
