// Which channel is being moved: the one whose values have changed most in the last half second.
import type { LiveChannel, LiveFrame } from "../../engine/live-view.js";

const WINDOW = 500; // ms
/** Noise of a sensor is less. */
const LEAST = 0.02;

export class Learning {
  readonly #frames: { readonly time: number; readonly moved: ReadonlyMap<number, number> }[] = [];

  /** @param counts whether a channel is of interest */
  add(frame: LiveFrame, time: number, counts: (channel: number) => boolean): void {
    const moved = new Map<number, number>();
    for (let i = 0; i < frame.count; ++i) {
      const channel = frame.channels[i] as number;
      if ((frame.moved[i] as number) > 0 && counts(channel)) moved.set(channel, frame.moved[i] as number);
    }
    this.#frames.push({ time, moved });
    while (this.#frames[0] !== undefined && time - this.#frames[0].time > WINDOW) this.#frames.shift();
  }

  /** The channel that has moved most, if any has. */
  most(): number | undefined {
    const sums = new Map<number, number>();
    for (const { moved } of this.#frames) {
      for (const [channel, by] of moved) sums.set(channel, (sums.get(channel) ?? 0) + by);
    }
    let found: number | undefined;
    let most = LEAST;
    for (const [channel, by] of sums) {
      if (by <= most) continue;
      most = by;
      found = channel;
    }
    return found;
  }

  clear(): void {
    this.#frames.length = 0;
  }
}

/**
 * Channels that someone could have moved: those that events come from, of instances that are not pages. One that is only a target
 * follows what was moved.
 */
export function isLearnt({ name, uses }: LiveChannel, pages: ReadonlySet<string>): boolean {
  if (uses.length > 0 && !uses.includes("output")) return false;
  return !pages.has(name.slice(0, name.indexOf(".")));
}
