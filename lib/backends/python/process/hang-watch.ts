import { readFileSync } from "node:fs";

/** How patient the router is, in ms; tests are less. */
export const limits = {
  /** How long code may go on after handler-timeout has raised. */
  grace: 5000,
  /** How often that is checked. */
  period: 1000,
  /**
   * How long the end may take: longer than a process gives its own code, which is 11 s with asyncio tasks that have to be
   * cancelled, and less than the router waits for all.
   */
  end: 11_500,
  /** How long an answer that runs no code of users may take. */
  answer: 5000,
};

/** Finds a process that is stuck: its code does not return, although handler-timeout has raised an exception in it. */
export class HangWatch {
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param timeout handler-timeout, in ms
   * @param busy for how long it has been at work, in ms; 0: it waits for something to do
   * @param stuck called once
   */
  start(pid: number, timeout: number, busy: () => number, stuck: (after: number) => void): void {
    const { grace, period } = limits;
    let seen = 0;
    let looked = performance.now();
    this.stop();
    this.#timer = setInterval(() => {
      const now = performance.now();
      const [time, passed] = [busy(), now - looked];
      looked = now;
      // What passed while the router was suspended, too, does not count, nor while a debugger holds the process.
      if (time === 0 || isSuspended(pid)) seen = 0;
      else if (time < passed) seen = Math.min(time, 2 * period);
      else seen += Math.min(passed, 2 * period);
      if (seen < timeout + grace) return;
      this.stop();
      stuck(grace);
    }, period);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** By SIGSTOP, or by a debugger. */
export function isSuspended(pid: number): boolean {
  try {
    return /\) [Tt] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false; // it has ended
  }
}
