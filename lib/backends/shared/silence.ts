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
