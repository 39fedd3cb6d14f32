/** What the instances' processes take, and what the router says of them. */
import { readdirSync, readFileSync } from "node:fs";
import type { Logger } from "../../lib/index.js";
import { ownUsage, type Usage, usageOf } from "../memory.js";

/** All processes that this one has started, and are not waited for: those that have ended, too. */
function children(): { pid: number; isZombie: boolean }[] {
  return readdirSync("/proc/self/task")
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, "utf8").trim().split(" "))
    .filter((pid) => pid !== "")
    .map((pid) => ({ pid: Number(pid), isZombie: isZombie(Number(pid)) }));
}

function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // it was there a moment ago
  }
}

/** At a moment when all instances run. */
export interface Sample {
  readonly router: Usage;
  /** Of all instances together, in MiB. */
  readonly rss: number;
  /** Of the one that takes most. */
  readonly largest: number;
  /** In all of them. */
  readonly descriptors: number;
  readonly processes: number;
  readonly zombies: number;
}

export function sampleOf(pids: readonly number[]): Sample {
  const usages = pids.map(usageOf);
  const started = children();
  const rss = usages.map((usage) => usage.rss);
  return {
    router: ownUsage(),
    rss: rss.reduce((sum, each) => sum + each, 0),
    largest: Math.max(...rss),
    descriptors: usages.reduce((sum, { descriptors }) => sum + descriptors, 0),
    processes: started.length,
    zombies: started.filter((one) => one.isZombie).length,
  };
}

/** The router's log. */
export class KillsLog implements Logger {
  readonly unexpected: string[] = [];
  ended = 0;
  restarted = 0;
  lost = 0;

  error = (fields: object, message: string) => {
    if (!/^process \d+ of instance '\w+' was ended by SIGKILL(; \d+ events? for it lost)?$/.test(message))
      return this.#unexpected(message);
    ++this.ended;
    this.lost += Number(/; (\d+) event/.exec(message)?.[1] ?? 0);
    if ((fields as { lost?: number }).lost !== Number(/; (\d+) event/.exec(message)?.[1] ?? 0))
      this.#unexpected(message);
  };
  warn = (_: object, message: string) => {
    if (!/^instance '\w+' is started again in \d+ s$/.test(message)) this.#unexpected(message);
  };
  info = (_: object, message: string) => {
    const again = /^instance '\w+' runs again, in process \d+(?:; (\d+) events? for it lost to later ones)?/.exec(
      message,
    );
    if (again === null) return;
    ++this.restarted;
    this.lost += Number(again[1] ?? 0);
  };
  debug = () => {};

  #unexpected(message: string): void {
    this.unexpected.push(message);
  }
}
