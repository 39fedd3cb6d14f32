// What is counted, as text for Prometheus (format 0.0.4). Labels are only what the configuration bounds: never channels, functions
// or peers.
import { readdirSync } from "node:fs";
import type { InstanceCounters, LiveView } from "../engine/live-view.js";
import { OPERATIONS, type OperationName } from "../filters/declare.js";
import { FILTERS } from "../filters/index.js";
import type { Answer } from "./answer.js";
import type { Site } from "./site.js";

/** Instances beyond are counted together, as `other`. */
const MAX_INSTANCES = 200;

/** Upper limits of the histogram, in seconds: those of the native part. */
const LIMITS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** How long times are measured after a request that asked for them, in ms: reading the clock costs a little with every call. */
const MEASURED = 600_000;

/** Serves `/metrics` until the returned function is called. Times are measured once they have been asked for. */
export function serveMetrics(site: Site, view: LiveView, version: string): () => void {
  let end: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    clearTimeout(timer);
    end?.();
    end = undefined;
  };
  const handle = () => {
    end ??= view.measure();
    clearTimeout(timer);
    timer = setTimeout(stop, MEASURED).unref();
    return metricsAnswer(view, version);
  };
  site.route("/metrics", { GET: { needs: "view", handle } });
  view.pages.add(site);
  return () => {
    view.pages.delete(site);
    stop();
  };
}

/** Serves `/healthz`: 200 while events are routed, otherwise 503. */
export function serveHealth(site: Site, view: LiveView): void {
  site.route("/healthz", { GET: { needs: "open", handle: () => ({ status: view.isRunning ? 200 : 503 }) } });
}

function metricsAnswer(view: LiveView, version: string): Answer {
  const body = metricsText(view, version);
  return { status: 200, headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }, body };
}

/** All metrics of a router and its process. */
function metricsText(view: LiveView, version: string): string {
  const text = new Exposition();
  processMetrics(text, view, version);
  instanceMetrics(text, view);
  text.add("mmpy_filter_dropped_events_total", "counter", "Events that filters of mappings have dropped.", drops(view));
  const { reloads } = view;
  text.add("mmpy_last_reload_successful", "gauge", "Whether the last reload succeeded; 1 before the first.", [
    [{}, Number(reloads.lastSucceeded)],
  ]);
  text.add("mmpy_reloads_total", "counter", "Reloads of the configuration.", [
    [{ result: "success" }, reloads.succeeded],
    [{ result: "failure" }, reloads.failed],
  ]);
  loopDelay(text, view.loopDelays());
  pageMetrics(text, view);
  return text.end();
}

/** The lines of the format. */
class Exposition {
  #text = "";

  add(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.head(name, type, help);
    for (const [labels, value] of samples) this.line(name, labels, value);
  }

  head(name: string, type: string, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  }

  line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    this.#text += `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
  }

  end(): string {
    return this.#text;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function processMetrics(text: Exposition, view: LiveView, version: string): void {
  const { user, system } = process.cpuUsage();
  const build = { version, node: process.versions.node, python: view.pythonVersion() };
  text.add("mmpy_build_info", "gauge", "The versions in use; always 1.", [[build, 1]]);
  text.add("mmpy_start_time_seconds", "gauge", "When the router was created, in seconds since 1970.", [
    [{}, view.started / 1000],
  ]);
  text.add("process_cpu_seconds_total", "counter", "CPU time of the process.", [[{}, (user + system) / 1e6]]);
  text.add("process_resident_memory_bytes", "gauge", "Memory of the process.", [[{}, process.memoryUsage.rss()]]);
  const descriptors = openDescriptors();
  if (descriptors !== undefined) {
    text.add("process_open_fds", "gauge", "Open file descriptors of the process.", [[{}, descriptors]]);
  }
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length - 1; // without that of reading it
  } catch {
    return undefined; // not Linux, or none is left
  }
}

const EXCEPTIONS = ["handler", "interval", "socket", "other"] as const;

function instanceMetrics(text: Exposition, view: LiveView): void {
  const instances = view.counters();
  const perInstance = (samples: (one: InstanceCounters) => readonly Sample[]) =>
    summed(
      instances.map((one, i) =>
        samples({ ...one, name: i < MAX_INSTANCES || instances.length <= MAX_INSTANCES ? one.name : "other" }),
      ),
    );
  const add = (
    name: string,
    type: "counter" | "gauge",
    help: string,
    samples: (one: InstanceCounters) => readonly Sample[],
  ) => text.add(name, type, help, perInstance(samples));
  add("mmpy_events_total", "counter", "Events that an instance was given (in) and that it output (out).", (one) => [
    [{ instance: one.name, direction: "in" }, one.in],
    [{ instance: one.name, direction: "out" }, one.out],
  ]);
  add("mmpy_events_lost_total", "counter", "Events for an instance that were lost, as its queue was full.", (one) => [
    [{ instance: one.name }, one.lost],
  ]);
  add("mmpy_queue_events", "gauge", "Events that wait for an instance.", (one) => [
    [{ instance: one.name }, one.queue],
  ]);
  add("mmpy_exceptions_total", "counter", "Exceptions of Python code, by what raised them.", (one) =>
    EXCEPTIONS.map((kind) => [{ instance: one.name, kind }, one.exceptions[kind]]),
  );
  add("mmpy_slow_calls_total", "counter", "Calls of Python code that were reported as slow.", (one) => [
    [{ instance: one.name }, one.slow],
  ]);
  add("mmpy_python_seconds_total", "counter", "Time in Python code on the router's thread.", (one) => [
    [{ instance: one.name }, one.seconds],
  ]);
  const up = view.states().flatMap(({ name, status }, i): (readonly Sample[])[] => {
    if (status === undefined || i >= MAX_INSTANCES) return [];
    return [[[{ instance: name }, status.state === "ok" ? 1 : 0]]];
  });
  text.add("mmpy_peer_up", "gauge", "Whether an instance has what it connects to.", summed(up));
}

/** Samples with the same labels as one. */
function summed(all: readonly (readonly Sample[])[]): Sample[] {
  const sums = new Map<string, [Labels, number]>();
  for (const [labels, value] of all.flat()) {
    const key = JSON.stringify(labels);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, [labels, value]);
    else sum[1] += value;
  }
  return [...sums.values()];
}

/** Of those filters that may drop something, whose operations have their names. */
function drops(view: LiveView): Sample[] {
  const counts = view.filterDrops();
  return FILTERS.filter((filter) => filter.drops).map(({ name }) => {
    return [{ filter: name }, counts[OPERATIONS.indexOf(name as OperationName)] ?? 0];
  });
}

function loopDelay(text: Exposition, delays: Float64Array): void {
  const name = "mmpy_loop_delay_seconds";
  text.head(name, "histogram", "For how long the event loop was busy in one turn, in which everything else waits.");
  let count = 0;
  for (const [i, limit] of LIMITS.entries()) {
    count += delays[i] ?? 0;
    text.line(`${name}_bucket`, { le: String(limit) }, count);
  }
  count += delays[LIMITS.length] ?? 0;
  text.line(`${name}_bucket`, { le: "+Inf" }, count);
  text.line(`${name}_sum`, {}, delays[LIMITS.length + 1] ?? 0);
  text.line(`${name}_count`, {}, count);
}

function pageMetrics(text: Exposition, view: LiveView): void {
  const pages = [...view.pages];
  const each = (samples: (page: (typeof pages)[number]) => readonly Sample[]) => summed(pages.map(samples));
  text.add(
    "mmpy_web_clients",
    "gauge",
    "Open WebSockets of a page.",
    each((page) => [[{ page: page.name }, page.clients.size]]),
  );
  text.add(
    "mmpy_web_clients_dropped_total",
    "counter",
    "Clients that were disconnected because of a limit.",
    each((page) => [[{ page: page.name }, page.counters.dropped]]),
  );
  text.add(
    "mmpy_web_messages_total",
    "counter",
    "Messages of a page's WebSockets.",
    each((page) => [
      [{ page: page.name, direction: "in" }, page.counters.received],
      [{ page: page.name, direction: "out" }, page.counters.sent],
    ]),
  );
}
