/** Writes to standard output, which may have been closed: with `mmpy check | head` that is no error. */
export function print(text: string): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  process.stdout.write(text);
}

/** How wide text for people may be: the terminal's width, within limits. */
export function textWidth(): number {
  return Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, process.stdout.columns ?? MAX_WIDTH));
}

const MAX_WIDTH = 100;
const MIN_WIDTH = 60;
