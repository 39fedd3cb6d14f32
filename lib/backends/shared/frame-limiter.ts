// When frames are sent: soon after a change, but at a limited rate, and now and then without one.

/** The time, and one timer; replaced in tests. */
export interface FrameClock {
  /** In ms. */
  now(): number;
  /** Calls a function once; a later call replaces it. */
  wake(at: number, call: () => void): void;
  cancel(): void;
}

function systemClock(): FrameClock {
  let timer: NodeJS.Timeout | undefined;
  return {
    now: () => performance.now(),
    wake(at, call) {
      clearTimeout(timer);
      // Timers count whole ms.
      timer = setTimeout(call, Math.max(1, Math.ceil(at - performance.now())));
    },
    cancel: () => clearTimeout(timer),
  };
}

/** Frames a second that DMX lines carry, and therefore the default of what is sent. */
export const DEFAULT_RATE = 44;
/** The time between frames without changes, in ms: below a second by more than timers are late. */
const REFRESH = 980;
/** The first refreshes of different streams are spread over this many ms. */
const SPREAD = 150;

export interface StreamSpec {
  /** Frames a second; 0: as many as there are batches with changes. */
  readonly rate: number;
  /** How often a frame is sent again after a change before only refreshes follow. */
  readonly repeats?: number;
  /** @returns whether it was taken; otherwise it is tried again in a moment */
  send(): boolean;
}

/** A series of frames. */
export interface FrameStream {
  /** There is something new to send. */
  changed(): void;
  end(): void;
}

/** The least time between attempts, for streams without a limit of their own, in ms. */
const SHORTEST_GAP = 1000 / DEFAULT_RATE;

/** Sends the frames of many streams in time, with one timer. */
export class FrameLimiter {
  readonly #clock: FrameClock;
  readonly #streams = new Set<Stream>();
  #wakesAt = Number.POSITIVE_INFINITY;
  #created = 0;

  constructor(clock: FrameClock = systemClock()) {
    this.#clock = clock;
  }

  /** @param silent until the first change; otherwise a frame is sent at once */
  add(spec: StreamSpec, silent: boolean): FrameStream {
    const stream = new Stream(spec, this.#created++);
    this.#streams.add(stream);
    const attempt = () => {
      stream.attempt(this.#clock.now());
      this.#wakeBy(stream.due);
    };
    if (!silent) {
      stream.dirty = true;
      attempt();
    }
    return {
      changed: () => {
        if (!this.#streams.has(stream)) return;
        stream.dirty = true;
        if (stream.mayFrom <= this.#clock.now()) attempt();
        else {
          stream.due = stream.mayFrom;
          this.#wakeBy(stream.due);
        }
      },
      end: () => {
        this.#streams.delete(stream);
        if (this.#streams.size > 0) return;
        this.#clock.cancel();
        this.#wakesAt = Number.POSITIVE_INFINITY;
      },
    };
  }

  #wakeBy(due: number): void {
    if (due >= this.#wakesAt) return;
    this.#wakesAt = due;
    this.#clock.wake(due, () => this.#run());
  }

  #run(): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams) {
      if (stream.due <= now) stream.attempt(now);
      if (stream.due < next) next = stream.due;
    }
    this.#wakeBy(next);
  }
}

class Stream {
  dirty = false;
  /** When the next frame is sent, at the latest. */
  due = Number.POSITIVE_INFINITY;
  /** The next frame may be sent from then on. */
  mayFrom = 0;
  #repeats = 0;
  readonly #spec: StreamSpec;
  readonly #gap: number;
  /** Shortens the first time without changes, so that not all streams are refreshed in the same moment. */
  #advance: number;

  constructor(spec: StreamSpec, index: number) {
    this.#spec = spec;
    this.#gap = spec.rate === 0 ? 0 : 1000 / spec.rate;
    // Multiples of the golden ratio: any number of streams is spread evenly.
    this.#advance = SPREAD * ((index * 0.618034) % 1);
  }

  attempt(now: number): void {
    if (!this.#spec.send()) {
      this.dirty = true;
      this.mayFrom = now + SHORTEST_GAP;
      this.due = this.mayFrom;
      return;
    }
    this.mayFrom = now + this.#gap;
    if (this.dirty) this.#repeats = this.#spec.repeats ?? 0;
    else if (this.#repeats > 0) this.#repeats--;
    this.dirty = false;
    if (this.#repeats > 0) {
      this.due = now + Math.max(this.#gap, SHORTEST_GAP);
    } else {
      this.due = now + REFRESH - this.#advance;
      this.#advance = 0;
    }
  }
}
