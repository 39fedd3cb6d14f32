import { type FSWatcher, realpathSync, watch } from "node:fs";
import path from "node:path";

/** Not any file: modules may write some. */
const SOURCE = /\.(py|cfg)$/;

/** What happens to a file within this time is one change, in ms: editors write, rename and touch. */
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
  #all = false;

  /**
   * @param changed called once after any of the files has changed
   * @param report called for a folder that can't be watched
   */
  constructor(changed: () => void, report: (message: string) => void) {
    this.#changed = changed;
    this.#report = report;
  }

  /**
   * Watches these files from now on, and no others; none once it is closed. Of a symbolic link, its target is watched too.
   *
   * @param all whether any other configuration or module in their folders counts as well: the one that is missing may appear
   */
  set(files: readonly string[], all = false): void {
    if (this.#closed) return;
    this.#all = all;
    this.#files = new Set(files.flatMap((file) => [file, targetOf(file)]));
    const folders = new Set([...this.#files].map((file) => path.dirname(file)));
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
        if (name !== null && !this.#files.has(path.join(folder, name)) && !(this.#all && SOURCE.test(name))) return;
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

/** The file behind a symbolic link, or the file itself. */
function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // it is missing
  }
}
