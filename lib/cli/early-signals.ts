// Signals that would end the process, or do worse, before the rest of the program has been loaded.
import inspector from "node:inspector";
import { COMMANDS } from "./catalog.js";

/** Requests to reload, from the first moment on: a service manager or a script may send one at any time. */
class HangUps {
  #listener: (() => void) | undefined;
  #missed = false;
  #kept = false;
  readonly #note = () => {
    if (this.#listener === undefined) this.#missed = true;
    else this.#listener();
  };

  /** Keeps them from now on. */
  keep(): void {
    if (!this.#kept) process.on("SIGHUP", this.#note);
    this.#kept = true;
  }

  /** Passes them to a listener, beginning with one that has come before. */
  pass(listener: () => void): void {
    this.keep();
    this.#listener = listener;
    const missed = this.#missed;
    this.#missed = false;
    if (missed) listener();
  }
}

export const hangUps = new HangUps();

// Only where a router may run: the other commands end with their terminal.
const others = [...Object.keys(COMMANDS), "__complete"];
if (!process.argv.slice(2).some((argument) => others.includes(argument))) hangUps.keep();

// Node would listen for debuggers, to which every user of the machine can connect. `node --inspect` does so on purpose.
process.on("SIGUSR1", () => {});

/** Stops listening for debuggers if a SIGUSR1 came before this program. */
export function refuseDebuggers(): void {
  const isWanted = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].some((text) => text.includes("--inspect"));
  if (!isWanted && inspector.url() !== undefined) inspector.close();
}

refuseDebuggers();
