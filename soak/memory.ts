/** What a process holds, as the kernel sees it. */
import { readdirSync, readFileSync } from "node:fs";

export interface Held {
  /** Resident memory, in MiB. */
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
}

export function heldBy(pid: number): Held {
  const [, pages = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return {
    rss: (Number(pages) * 4096) / 2 ** 20,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/**
 * By how many MiB memory has grown between the first and the last third of these samples, by their medians: so that
 * neither a collection that is due nor one that has just been is taken for growth.
 */
export function growth(samples: readonly Held[]): number {
  const third = Math.ceil(samples.length / 3);
  const rss = samples.map((sample) => sample.rss);
  return median(rss.slice(-third)) - median(rss.slice(0, third));
}
