import type { Logger } from "../../log/log.js";
import type { Fallback } from "./timeout-options.js";

/** Notices that nothing has arrived for a time. What arrives costs a comparison; the timer is set again when it ends. */
export class Silence {
  readonly #timeout: number;
  readonly #now: () => number;
  readonly #changed: (isSilent: boolean) => void;
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSilent = false;

  /**
   * @param timeout in ms; 0: never
   * @param changed called when there is silence, and when it ends; not before the first data
   */
  constructor(timeout: number, now: () => number, changed: (isSilent: boolean) => void) {
    this.#timeout = timeout;
    this.#now = now;
    this.#changed = changed;
  }

  /** Something has arrived. */
  end(): void {
    if (this.#timeout === 0) return;
    this.#heardAt = this.#now();
    if (this.#timer !== undefined) return;
    this.#wait(this.#timeout);
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#changed(false);
  }

  /** Goes on for another instance, whose channels have values of data that has come before. */
  adopt(before: Silence): void {
    if (this.#timeout === 0 || (before.#timer === undefined && !before.#isSilent)) return;
    before.close();
    this.#heardAt = before.#heardAt;
    this.#wait(Math.max(0, this.#heardAt + this.#timeout - this.#now()));
  }

  /** The peer has said that nothing more will arrive. */
  begin(): void {
    if (this.#timeout === 0 || this.#isSilent) return;
    this.close();
    this.#isSilent = true;
    this.#changed(true);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(time: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const left = this.#heardAt + this.#timeout - this.#now();
      if (left > 0) this.#wait(left);
      else this.begin();
    }, Math.ceil(time)).unref();
  }
}

/** What an instance with the options of {@link timeoutOptions} has to offer. */
interface Listening {
  readonly name: string;
  readonly log: Logger;
  readonly options: { readonly timeout: number; readonly "timeout-value": Fallback };
  emit(channel: number, value: number): void;
  now(): number;
}

/**
 * Does what the options say when no messages arrive any more.
 *
 * @param channels the numbers of those that events come from
 */
export function silenceOf({ name, log, options, emit, now }: Listening, channels: () => Iterable<number>): Silence {
  const { timeout, "timeout-value": value } = options;
  return new Silence(timeout * 1000, now, (isSilent) => {
    if (!isSilent) {
      log.info({ instance: name }, `${name}: messages arrive again`);
      return;
    }
    const what = value === "hold" ? "keep their values" : `go to ${value}`;
    log.warn({ instance: name }, `${name}: no message for ${timeout} s; its channels ${what}`);
    if (value !== "hold") for (const channel of channels()) emit(channel, value);
  });
}
