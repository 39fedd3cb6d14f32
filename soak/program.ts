/** The mmpy under test: its process, its reports, and its log. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LogCheck } from "./log-check.js";

/** A line of JSON that a module of the show prints. */
export type Report = Readonly<Record<string, unknown>>;

const mmpy = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "dist", "cli", "mmpy.cjs");

export class Program {
  readonly log = new LogCheck();
  readonly lines: string[] = [];
  readonly reports: Report[] = [];
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #waiting: (() => void)[] = [];
  #end: string | undefined;

  /** @param folder a folder with a monster.cfg @param environment variables beside those of this process */
  constructor(folder: string, environment: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [mmpy, "--log-format", "json", "monster.cfg"], {
      cwd: folder,
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    createInterface(child.stderr).on("line", (line) => {
      this.log.read(line);
      this.#look();
    });
    createInterface(child.stdout).on("line", (line) => {
      if (line.startsWith("{")) this.reports.push(JSON.parse(line) as Report);
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

  /** How the process ended; undefined while it runs. */
  get end(): string | undefined {
    return this.#end;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Resolves with the reports that have a key, once there are `count` of them.
   *
   * @throws if the process ends first, or it takes longer than a minute
   */
  async waitFor(key: string, count = 1): Promise<Report[]> {
    const found = () => this.reports.filter((line) => key in line);
    await this.#until(() => found().length >= count, `'${key}'`);
    return found();
  }

  /** Resolves once a condition on the log is met; throws likewise. */
  waitForLog(isThere: () => boolean, what: string): Promise<void> {
    return this.#until(isThere, what);
  }

  #until(isThere: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no report of ${what} from mmpy within a minute`)), 60_000);
      const look = () => {
        if (!isThere() && this.#end === undefined) return;
        clearTimeout(late);
        this.#waiting = this.#waiting.filter((other) => other !== look);
        if (isThere()) resolve();
        else reject(new Error(`mmpy ended by itself (${this.#end}) before reporting ${what}`));
      };
      this.#waiting.push(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
