/** The mmpy that is soaked: a process of its own, what it tells, and its log. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LogCheck } from "./log-check.js";

/** A line of JSON that a module of the show prints. */
export type Told = Readonly<Record<string, unknown>>;

const mmpy = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "dist", "cli", "mmpy.cjs");

export class Program {
  readonly log = new LogCheck();
  readonly lines: string[] = [];
  readonly told: Told[] = [];
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];
  #end: string | undefined;

  /** @param folder with a monster.cfg */
  constructor(folder: string) {
    const child = spawn(process.execPath, [mmpy, "--log-format", "json", "monster.cfg"], { cwd: folder });
    this.#child = child;
    createInterface(child.stderr).on("line", (line) => {
      this.log.read(line);
      this.#look();
    });
    createInterface(child.stdout).on("line", (line) => {
      if (line.startsWith("{")) this.told.push(JSON.parse(line) as Told);
      else this.lines.push(line);
      this.#look();
    });
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#end = signal ?? `exit status ${code}`;
        resolve(this.#end);
        this.#look();
      });
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** How it has ended; undefined while it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Resolves with the lines that have a key, once there are so many.
   *
   * @throws if the process ends before, or takes longer than a minute
   */
  async tells(key: string, count = 1): Promise<Told[]> {
    const found = () => this.told.filter((line) => key in line);
    await this.#until(() => found().length >= count, `'${key}'`);
    return found();
  }

  /** Resolves once the log is as wanted; likewise. */
  logs(isThere: () => boolean, what: string): Promise<void> {
    return this.#until(isThere, what);
  }

  #until(isThere: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`mmpy did not tell of ${what} within a minute`)), 60_000);
      const look = () => {
        if (!isThere() && this.#end === undefined) return;
        clearTimeout(late);
        this.#waiting = this.#waiting.filter((other) => other !== look);
        if (isThere()) resolve();
        else reject(new Error(`mmpy ended by itself (${this.#end}) before it told of ${what}`));
      };
      this.#waiting.push(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
