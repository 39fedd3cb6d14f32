// The service manager that started mmpy, if one did: what it is told, by systemd's protocol sd_notify(3).
import { type Binding, binding } from "../binding.js";
import type { Logger } from "../log.js";

/** What a service manager says to the programs that it starts. */
export interface ServiceVariables {
  /** The socket that takes messages. */
  readonly socket?: string;
  /** How often it wants to hear of a life, in ms: half the time after which it gives up. */
  readonly pingPeriod?: number;
}

const NAMES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Takes a service manager's variables out of an environment, so that nothing that is started later takes them for its own.
 *
 * @param environment usually `process.env`
 * @param pid this process
 */
export function takeServiceVariables(environment: NodeJS.ProcessEnv, pid: number): ServiceVariables {
  const [socket, watchdog, watched = String(pid)] = NAMES.map((name) => environment[name]);
  for (const name of NAMES) delete environment[name];
  if (!socket) return {};
  const isOurs = watched === String(pid) && /^[1-9]\d*$/.test(watchdog ?? "");
  const pingPeriod = Math.min(Math.max(1, Math.floor(Number(watchdog) / 2000)), LONGEST_TIMER);
  return { socket, ...(isOurs && { pingPeriod }) };
}

/** Taken as soon as this is loaded: before Python is asked what it is, and long before user code runs. */
export const serviceVariables = takeServiceVariables(process.env, process.pid);

/** How long a message that the socket did not take waits to be sent again, in ms. */
const PATIENCE = 1000;

/** How long reading the configuration again may take, in µs: systemd's own limit for a start. */
const RELOAD_PATIENCE = 90_000_000;

/**
 * Tells a service manager how the router goes; without one does nothing. A socket that fails disturbs nothing: it is warned of
 * once.
 */
export class ServiceManager {
  readonly #variables: ServiceVariables;
  readonly #logger: Logger;
  readonly #native: () => Pick<Binding, "notifyService" | "stopSignalSeen">;
  #pings: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #warned = false;
  #stopping = false;

  /** @param native what is used of the native part, loaded when there is something to tell */
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
   * The router routes, from now on or again. From here the loop gives signs of life, from a timer of its own: a loop that
   * hangs gives none.
   *
   * @param status a line for those who ask the service manager
   */
  ready(status: string): void {
    this.#tell("READY=1", `STATUS=${status}`);
    const { socket, pingPeriod } = this.#variables;
    if (socket === undefined || pingPeriod === undefined || this.#stopping) return;
    clearInterval(this.#pings);
    const ping = () => {
      // systemd, which no longer waits for one then, would take it for the begin of new ones.
      if (!this.#native().stopSignalSeen()) this.#send(socket, "WATCHDOG=1");
    };
    ping(); // now, since it ends the time that a reload was given
    this.#pings = setInterval(ping, pingPeriod).unref();
  }

  /**
   * The router reads its configuration again; {@link ready} says that it routes, whatever came of it. Modules may load for as
   * long as at a start, so there are no signs of life until then.
   */
  reloading(): void {
    clearInterval(this.#pings);
    const now = process.hrtime.bigint() / 1000n; // by the clock of systemd's, which looks at it
    this.#tell("RELOADING=1", `MONOTONIC_USEC=${now}`, `EXTEND_TIMEOUT_USEC=${RELOAD_PATIENCE}`, "STATUS=reloading");
  }

  /**
   * The router stops, and nothing else is told from now on, as of a reload that is under way. How long a stop may take is
   * another matter than whether the loop hangs.
   */
  stopping(): void {
    clearInterval(this.#pings);
    this.#tell("STOPPING=1", "STATUS=stopping");
    this.#stopping = true;
  }

  #tell(...lines: string[]): void {
    const { socket } = this.#variables;
    if (socket !== undefined && !this.#stopping) this.#insist(socket, lines.join("\n"));
  }

  /** Tells of a state, again and again if it must be: one that is not heard of may get the service killed. */
  #insist(socket: string, text: string): void {
    clearTimeout(this.#again);
    if (!this.#send(socket, text)) this.#again = setTimeout(() => this.#insist(socket, text), PATIENCE).unref();
  }

  #send(socket: string, text: string): boolean {
    const problem = this.#native().notifyService(socket, text);
    if (problem === null) return true;
    if (!this.#warned) {
      const [what = ""] = text.split("\n");
      this.#logger.warn(
        { socket, problem },
        `the service manager can't be told ${what}: NOTIFY_SOCKET=${socket}: ${problem}`,
      );
    }
    this.#warned = true;
    return false;
  }
}
