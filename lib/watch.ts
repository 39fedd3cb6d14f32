import { type FSWatcher, watch } from "node:fs";
import path from "node:path";

/** Events on a file within this time are one change, in ms: editors write, rename and touch. */
const SETTLING = 100;

/**
 * Watches files for changes. Watches their folders instead of the files: most editors replace the file by a new one, and a
 * watch on the old file would get no more events.
 */
export class FileWatch {
  readonly #changed: () => void;
  readonly #report: (message: string) => void;
  readonly #folders = new Map<string, FSWatcher>();
  #files: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param changed called once after any of the files has changed
   * @param report called for a folder that can't be watched
   */
  constructor(changed: () => void, report: (message: string) => void) {
    this.#changed = changed;
    this.#report = report;
  }

  /** Watches exactly these files from now on; none once closed. */
  set(files: readonly string[]): void {
    if (this.#closed) return;
    this.#files = new Set(files);
    const folders = new Set(files.map((file) => path.dirname(file)));
    for (const [folder, watcher] of this.#folders) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of folders) if (!this.#folders.has(folder)) this.#watch(folder);
  }

  #watch(folder: string): void {
    const failed = (error: Error) => {
      this.#folders.delete(folder);
      this.#report(`folder ${folder} can't be watched: ${error.message}`);
    };
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null && !this.#files.has(path.join(folder, name))) return;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(this.#changed, SETTLING);
      });
      watcher.on("error", failed);
      this.#folders.set(folder, watcher);
    } catch (error) {
      failed(error as Error);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.set([]);
    this.#closed = true;
  }
}
