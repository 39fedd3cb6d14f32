// What the monitor sends besides values: the log, the graph of instances, counters.
import type { LiveView } from "../../engine/live-view.js";
import type { LogHistory, LogLine } from "../../log/log-history.js";
import type { Viewer } from "./viewer.js";

/** The most characters of older messages that a new client is sent. */
const MAX_OLD = 262_144;
/** How long messages are collected, in ms. */
const COLLECTED = 100;
/** The most messages in that time: a flood is cut here, the log itself has all of it. */
const MAX_NEW = 200;
/** Lines of a mapping between two instances that are shown. */
const MAX_LINES = 20;

/** Passes the log on to those who follow it. */
export class MonitorLog {
  readonly #history: LogHistory;
  readonly #viewers: () => readonly Viewer[];
  #end: (() => void) | undefined;
  #pending: LogLine[] = [];
  #left = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(history: LogHistory, viewers: () => readonly Viewer[]) {
    this.#history = history;
    this.#viewers = viewers;
  }

  /** The message for someone who begins to follow it. */
  all() {
    const lines: LogLine[] = [];
    let length = 0;
    for (const line of this.#history.lines.toReversed()) {
      length += line.text.length;
      if (length > MAX_OLD) break;
      lines.push(line);
    }
    return { type: "log", lines: lines.reverse() };
  }

  /** Begins or ends collecting messages. */
  follow(on: boolean): void {
    if (on) {
      this.#end ??= this.#history.follow((line) => this.#add(line));
      return;
    }
    this.#end?.();
    this.#end = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending = [];
  }

  #add(line: LogLine): void {
    if (this.#pending.length < MAX_NEW) this.#pending.push(line);
    else this.#left++;
    this.#timer ??= setTimeout(() => this.#flush(), COLLECTED).unref();
  }

  #flush(): void {
    this.#timer = undefined;
    const lines = this.#pending;
    this.#pending = [];
    if (this.#left > 0) lines.push({ time: Date.now(), level: "warn", text: `${this.#left} more messages` });
    this.#left = 0;
    const text = JSON.stringify({ type: "log", lines });
    for (const { client } of this.#viewers()) if (!client.lags) client.send(text);
  }
}

/** Instances, and what is mapped between them. */
export function graphOf(view: LiveView) {
  const edges = new Map<string, { from: string; to: string; count: number; lines: string[] }>();
  const add = (from: string, to: string, count: number, line: string) => {
    const [source, target] = [instanceOf(from), instanceOf(to)];
    const key = `${source} ${target}`; // names contain no spaces
    const edge = edges.get(key) ?? { from: source, to: target, count: 0, lines: [] };
    edges.set(key, edge);
    edge.count += count;
    if (edge.lines.length < MAX_LINES) edge.lines.push(line);
  };
  for (const { from, to, bidirectional, count, filters } of view.mappings()) {
    const line = [from, ...(filters ?? []), to].join(bidirectional ? " <> " : " > ");
    add(from, to, count, line);
    if (bidirectional) add(to, from, count, line);
  }
  return { type: "graph", instances: view.states(), edges: [...edges.values()] };
}

/** Counters of all instances. */
export function statsOf(view: LiveView) {
  const states = new Map(view.states().map(({ name, status }) => [name, status]));
  const instances = view.counters().map((one) => ({ ...one, status: states.get(one.name) ?? null }));
  return { type: "stats", time: Date.now(), running: view.isRunning, instances };
}

/** A mapping line to begin with. */
export function lineFor(view: LiveView, channel: string): string {
  const own = instanceOf(channel);
  const target = view.channels.find(({ name, uses }) => uses.includes("input") && instanceOf(name) !== own);
  return `${channel} > ${target === undefined ? "INSTANCE" : instanceOf(target.name)}.CHANNEL`;
}

/** Names of instances contain no dot. */
function instanceOf(channel: string): string {
  return channel.slice(0, channel.indexOf("."));
}
