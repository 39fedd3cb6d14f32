// Reports to the service manager that started mmpy, if any, by systemd's protocol, sd_notify(3).
import { type Binding, binding } from "../binding.js";
import type { Logger } from "../log/log.js";

/** Settings that a service manager passes to its services. */
export interface ServiceVariables {
  /** The socket that takes messages. */
  readonly socket?: string;
  /** Period of keep-alives in ms: half the service manager's time-out. */
  readonly pingPeriod?: number;
}

const NAMES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Removes a service manager's variables from an environment, so that child processes don't inherit them.
 *
 * @param environment usually `process.env`
 * @param pid this process
 */
export function takeServiceVariables(environment: NodeJS.ProcessEnv, pid: number): ServiceVariables {
  const [socket, watchdog, watched = String(pid)] = NAMES.map((name) => environment[name]);
  for (const name of NAMES) delete environment[name];
  if (!socket) return {};
  const isOurs = watched === String(pid) && /^[1-9]\d*$/.test(watchdog ?? "");
  const pingPeriod = Math.min(Math.max(1, Math.floor(Number(watchdog) / 2000)), MAX_DELAY);
  return { socket, ...(isOurs && { pingPeriod }) };
}

/** Removed as soon as this file is loaded: before a Python is probed, and long before user code runs. */
export const serviceVariables = takeServiceVariables(process.env, process.pid);

/** Delay before a message that the socket refused is sent again, in ms. */
const RETRY_DELAY = 1000;

/** Time allowed for a reload, in µs: systemd's default time-out for a start. */
const RELOAD_TIMEOUT = 90_000_000;

/**
 * Reports the router's state to a service manager; without one, does nothing. A failing socket causes a single warning and
 * has no other effect.
 */
export class ServiceManager {
  readonly #variables: ServiceVariables;
  readonly #logger: Logger;
  readonly #native: () => Pick<Binding, "notifyService" | "stopSignalSeen">;
  #pings: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #warned = false;
  #stopping = false;

  /** @param native loads the native functions needed, on first use */
  constructor(
    variables: ServiceVariables,
    logger: Logger,
    native: () => Pick<Binding, "notifyService" | "stopSignalSeen"> = binding,
  ) {
    this.#variables = variables;
    this.#logger = logger;
    this.#native = native;
  }

  /**
   * Reports that the router runs, for the first time or after a reload. From here on a timer of the loop sends keep-alives: a
   * loop that hangs sends none.
   *
   * @param status a line for the service manager's status display
   */
  ready(status: string): void {
    this.#notify("READY=1", `STATUS=${status}`);
    const { socket, pingPeriod } = this.#variables;
    if (socket === undefined || pingPeriod === undefined || this.#stopping) return;
    clearInterval(this.#pings);
    const ping = () => {
      // After a stop signal systemd expects none, and a keep-alive would start its watchdog again.
      if (!this.#native().stopSignalSeen()) this.#send(socket, "WATCHDOG=1");
    };
    ping(); // at once, since it ends the extended time-out of a reload
    this.#pings = setInterval(ping, pingPeriod).unref();
  }

  /**
   * Reports the start of a reload; {@link ready} reports its end, successful or not. Modules may take as long to load as at
   * start, so keep-alives pause until then.
   */
  reloading(): void {
    clearInterval(this.#pings);
    const now = process.hrtime.bigint() / 1000n; // on the clock that systemd compares it with
    this.#notify("RELOADING=1", `MONOTONIC_USEC=${now}`, `EXTEND_TIMEOUT_USEC=${RELOAD_TIMEOUT}`, "STATUS=reloading");
  }

  /**
   * Reports that the router stops. Nothing is sent afterwards, not even the end of a reload in progress: the duration of a stop
   * has a time-out of its own.
   */
  stopping(): void {
    clearInterval(this.#pings);
    this.#notify("STOPPING=1", "STATUS=stopping");
    this.#stopping = true;
  }

  #notify(...lines: string[]): void {
    const { socket } = this.#variables;
    if (socket !== undefined && !this.#stopping) this.#sendReliably(socket, lines.join("\n"));
  }

  /** Sends a state, repeatedly if necessary: a state that does not arrive may get the service killed. */
  #sendReliably(socket: string, text: string): void {
    clearTimeout(this.#retry);
    if (!this.#send(socket, text))
      this.#retry = setTimeout(() => this.#sendReliably(socket, text), RETRY_DELAY).unref();
  }

  #send(socket: string, text: string): boolean {
    const problem = this.#native().notifyService(socket, text);
    if (problem === null) return true;
    if (!this.#warned) {
      const [state = ""] = text.split("\n");
      this.#logger.warn(
        { socket, problem },
        `can't send ${state} to the service manager: NOTIFY_SOCKET=${socket}: ${problem}`,
      );
    }
    this.#warned = true;
    return false;
  }
}
