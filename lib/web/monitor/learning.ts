// Which channel is being moved: the one whose values have changed most in the last half second.
import type { LiveChannel, LiveFrame } from "../../engine/live-view.js";

const WINDOW = 500; // ms
/** Noise of a sensor is less. */
const LEAST = 0.02;

interface Moved {
  readonly time: number;
  readonly channels: Uint32Array;
  readonly by: Float32Array;
}

export class Learning {
  readonly #frames: Moved[] = [];
  /** By channel, of all frames. */
  #sums = new Float64Array(0);

  /** @param counts by channel: whether it is of interest */
  add({ count, channels, moved }: LiveFrame, time: number, counts: Uint8Array): void {
    const isMoved = (channel: number, i: number) => counts[channel] === 1 && (moved[i] as number) > 0;
    const shown = channels.subarray(0, count);
    const frame = {
      time,
      channels: shown.filter(isMoved),
      by: moved.filter((_, i) => i < count && isMoved(channels[i] as number, i)),
    };
    if (this.#sums.length < counts.length) this.#grow(counts.length);
    this.#sum(frame, 1);
    this.#frames.push(frame);
    for (;;) {
      const [oldest] = this.#frames;
      if (oldest === undefined || time - oldest.time <= WINDOW) return;
      this.#frames.shift();
      this.#sum(oldest, -1);
    }
  }

  /** The channel that has moved most, if any has. */
  most(): number | undefined {
    let found: number | undefined;
    let most = LEAST;
    for (const { channels } of this.#frames) {
      for (const channel of channels) {
        const by = this.#sums[channel] as number;
        if (by <= most) continue;
        most = by;
        found = channel;
      }
    }
    return found;
  }

  clear(): void {
    this.#frames.length = 0;
    this.#sums.fill(0);
  }

  /** Adds a frame, or takes it away: what rounding then leaves is far below {@link LEAST}. */
  #sum({ channels, by }: Moved, sign: 1 | -1): void {
    for (let i = 0; i < channels.length; ++i) {
      const channel = channels[i] as number;
      this.#sums[channel] = (this.#sums[channel] as number) + sign * (by[i] as number);
    }
  }

  #grow(size: number): void {
    const grown = new Float64Array(size);
    grown.set(this.#sums);
    this.#sums = grown;
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
