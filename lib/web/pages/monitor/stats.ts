// The table of instances: what they do, and what goes wrong.
import { element } from "../shared/dom.js";

export interface Stats {
  readonly time: number;
  readonly instances: readonly InstanceStats[];
}

interface InstanceStats {
  readonly name: string;
  readonly in: number;
  readonly out: number;
  readonly lost: number;
  readonly queue: number;
  readonly exceptions: Readonly<Record<string, number>>;
  readonly slow: number;
  readonly seconds: number;
  readonly status: {
    readonly state: string;
    readonly text: string;
    readonly peers?: readonly string[];
  } | null;
}

export class StatsTable {
  readonly #body: HTMLElement;
  readonly #cells = new Map<string, HTMLElement[]>();
  #before: Stats | undefined;

  constructor(body: HTMLElement) {
    this.#body = body;
  }

  /** Begins with another configuration, or another run of the router. */
  clear(): void {
    this.#before = undefined;
    this.#cells.clear();
    this.#body.replaceChildren();
  }

  show(stats: Stats): void {
    const before = new Map(this.#before?.instances.map((one) => [one.name, one]));
    const seconds = (stats.time - (this.#before?.time ?? stats.time)) / 1000;
    this.#before = stats;
    const rate = (now: number, then: number | undefined) =>
      then === undefined || seconds <= 0 ? 0 : Math.max(0, (now - then) / seconds);
    for (const one of stats.instances) {
      const then = before.get(one.name);
      const exceptions = Object.values(one.exceptions).reduce((sum, count) => sum + count, 0);
      const { status } = one;
      const peers = status?.peers === undefined || status.peers.length === 0 ? "" : ` (${status.peers.join(", ")})`;
      this.#row(one.name, [
        [one.name, false],
        [status === null ? "" : `${status.text}${peers}`, status !== null && status.state !== "ok"],
        [Math.round(rate(one.in, then?.in)).toString(), false],
        [Math.round(rate(one.out, then?.out)).toString(), false],
        [one.queue.toString(), one.queue > 10_000],
        [one.lost.toString(), one.lost > 0],
        [exceptions.toString(), exceptions > 0],
        [one.slow.toString(), one.slow > 0],
        [`${(100 * rate(one.seconds, then?.seconds)).toFixed(1)} %`, rate(one.seconds, then?.seconds) > 0.5],
      ]);
    }
  }

  #row(name: string, texts: readonly (readonly [string, boolean])[]): void {
    let cells = this.#cells.get(name);
    if (cells === undefined) {
      cells = texts.map((_, i) => (i === 0 ? element("th", { scope: "row" }) : element("td")));
      this.#cells.set(name, cells);
      this.#body.append(element("tr", {}, ...cells));
    }
    for (const [i, [text, isBad]] of texts.entries()) {
      const cell = cells[i] as HTMLElement;
      if (cell.textContent !== text) cell.textContent = text;
      cell.classList.toggle("bad", isBad);
    }
  }
}
