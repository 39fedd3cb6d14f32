/** The longest delay setTimeout supports; a longer one fires at once. */
const MAX_DELAY = 2 ** 31 - 1;

interface Interval {
  readonly instance: number;
  readonly interval: number;
  /** In ms, a multiple of 10. */
  period: number;
  /** The n-th call is due at start + n * period. */
  start: number;
  next: number;
}

export interface SchedulerHost {
  /** The core's time in ms. */
  now(): number;
  /** Calls intervals, given as pairs of (instance, interval). */
  run(pairs: Uint32Array, count: number): void;
  /** Told what `run()` throws, for lack of memory say; calls go on at their next times. */
  failed(error: unknown): void;
}

/**
 * Calls intervals when they are due. A single timer is armed, for the earliest one. Calls keep their phase: each due time is
 * computed from the interval's start, not from the previous call, so nothing drifts. Calls missed while the core was busy
 * are skipped.
 */
export class Scheduler {
  readonly #host: SchedulerHost;
  // In order of registration: calls due at the same time are made in this order.
  readonly #intervals = new Map<string, Interval>();
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  constructor(host: SchedulerHost) {
    this.#host = host;
  }

  /**
   * Registers intervals, changes their periods, or cancels them.
   *
   * @param rows for each the number of the instance, that of the interval within it, its period in ms (a multiple of 10; 0
   *   cancels it), and the time of this registration in ms
   */
  set(rows: ArrayLike<number>): void {
    for (let i = 0; i < rows.length; i += 4) {
      this.#change(rows[i] as number, rows[i + 1] as number, rows[i + 2] as number, rows[i + 3] as number);
    }
    this.#arm();
  }

  #change(instance: number, interval: number, period: number, now: number): void {
    const key = `${instance}.${interval}`;
    const known = this.#intervals.get(key);
    if (period === 0) {
      this.#intervals.delete(key);
    } else if (known === undefined) {
      this.#intervals.set(key, { instance, interval, period, start: now, next: now + period });
    } else if (known.period !== period) {
      // The new period counts from the last call, or from the start if there was none yet.
      known.start = known.next - known.period;
      known.period = period;
      known.next = nextAfter(known, now);
    }
  }

  /** Removes the intervals of an instance. */
  forget(instance: number): void {
    for (const [key, interval] of this.#intervals) if (interval.instance === instance) this.#intervals.delete(key);
    this.#arm();
  }

  /** Starts calling. Intervals registered earlier start now. */
  start(): void {
    const now = this.#host.now();
    for (const interval of this.#intervals.values()) {
      interval.start = now;
      interval.next = now + interval.period;
    }
    this.#running = true;
    this.#arm();
  }

  stop(): void {
    this.#running = false;
    this.#intervals.clear();
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#running || this.#intervals.size === 0) return;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { next } of this.#intervals.values()) earliest = Math.min(earliest, next);
    const delay = Math.max(1, Math.min(earliest - this.#host.now(), MAX_DELAY));
    this.#timer = setTimeout(() => this.#fire(), delay);
  }

  #fire(): void {
    const now = this.#host.now();
    const due: number[] = [];
    for (const interval of this.#intervals.values()) {
      if (interval.next > now) continue;
      due.push(interval.instance, interval.interval);
      interval.next = nextAfter(interval, now);
    }
    try {
      if (due.length > 0) this.#host.run(Uint32Array.from(due), due.length / 2);
    } catch (error) {
      this.#host.failed(error);
    }
    this.#arm();
  }
}

/** The first due time after `now`. */
function nextAfter({ start, period }: Interval, now: number): number {
  return start + (Math.floor((now - start) / period) + 1) * period;
}
