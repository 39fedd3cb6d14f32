/** A process's use of resources, as the kernel reports it. */
import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Usage {
  /** Resident memory, in MiB. */
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
}

export function usageOf(pid: number): Usage {
  const [, pages = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return {
    rss: (Number(pages) * 4096) / 2 ** 20,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
  };
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Of this process, without what V8 has reserved or not collected yet, which changes by megabytes. */
export function ownUsage(): Usage {
  collect();
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return { ...usageOf(process.pid), rss: (rss - heapTotal + heapUsed) / 2 ** 20 };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/**
 * The growth of memory in MiB, from the median of the first third of the samples to that of the last third, so that the state
 * of garbage collection has no influence.
 */
export function growth(samples: readonly Usage[]): number {
  const third = Math.ceil(samples.length / 3);
  const rss = samples.map((sample) => sample.rss);
  return median(rss.slice(-third)) - median(rss.slice(0, third));
}
