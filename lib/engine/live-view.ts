// A view of a running router for pages that show it: last values of all channels, while anyone looks, and what is counted.
// Everything is read from the core a few times a second, in typed arrays; nothing is called per event.
import type { Binding, Core } from "../binding.js";
import type { MappingDefinition } from "../config/definition.js";
import type { LogHistory } from "../log/log-history.js";
import { describeMapping, type InstanceState, pythonOf, type RouterDescription, statesOf } from "./description.js";
import type { Instances, LiveBackend } from "./instances.js";

/** How often changes are read, in ms. */
const PERIOD = 50;
const MAX_WATCHED = 64;

/** Columns of {@link Binding.counters}. */
const COLUMNS = 10;

/** Channels that have changed since the last frame. The arrays are reused: the first `count` elements count. */
export interface LiveFrame {
  readonly count: number;
  /** Numbers of {@link LiveView.channels}, ascending. */
  readonly channels: Uint32Array;
  /** Last values, in 0..1. */
  readonly values: Float64Array;
  /** Events since the table was opened, those of output and those of input. */
  readonly counts: Uint32Array;
  /** The sum of all changes since the last frame. */
  readonly moved: Float32Array;
}

/** An event of a watched channel. */
export interface Sample {
  readonly channel: number;
  /** In ms of a monotonic clock. */
  readonly time: number;
  readonly value: number;
}

export interface LiveListener {
  /** At most twenty times a second, if anything has changed. */
  changed(frame: LiveFrame): void;
  /** Events of channels watched by anyone. */
  sampled(samples: readonly Sample[]): void;
  /** The configuration has changed: channels have other numbers, and none is watched. */
  renumbered(): void;
}

/** A channel that events were seen on or could be. */
export interface LiveChannel {
  /** `instance.channel` */
  readonly name: string;
  /** Whether events come from it, go to it, or both; neither for one that no mapping uses. */
  readonly uses: readonly ("input" | "output")[];
}

/** What is counted of an instance, since its start. */
export interface InstanceCounters {
  readonly name: string;
  /** Events delivered to it, that it has output, and that were lost on the way to it. */
  readonly in: number;
  readonly out: number;
  readonly lost: number;
  /** Events that wait for it. */
  readonly queue: number;
  /** Exceptions, by what raised them. */
  readonly exceptions: {
    readonly handler: number;
    readonly interval: number;
    readonly socket: number;
    readonly other: number;
  };
  /** Calls that were reported as slow. */
  readonly slow: number;
  /** The time in its code, in seconds, since anything looked at it. */
  readonly seconds: number;
}

/** A page of a web server, for metrics. */
export interface PageCounters {
  readonly name: string;
  /** The instance that it belongs to, if it does: what is moved there is not learnt. */
  readonly owner?: string;
  readonly clients: { readonly size: number };
  readonly counters: { readonly dropped: number; readonly received: number; readonly sent: number };
}

/** The parts of a session that a view needs. */
export interface LiveHost {
  readonly binding: Binding;
  readonly core: Core;
  readonly history: LogHistory;
  instances(): Instances;
  backends(): Iterable<LiveBackend>;
  mappings(): readonly MappingDefinition[];
  /** As `Router.send()`. */
  send(channel: string, value: number): void;
  /** Whether events are routed. */
  isRunning(): boolean;
  failed(error: unknown): void;
}

export class LiveView {
  /** Pages that exist, in no order. */
  readonly pages = new Set<PageCounters>();
  readonly reloads = { succeeded: 0, failed: 0, lastSucceeded: true };
  /** In ms since 1970. */
  readonly started = Date.now();
  readonly #host: LiveHost;
  readonly #listeners = new Map<LiveListener, readonly number[]>();
  #channels: LiveChannel[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #measured = 0;
  #closed = false;
  #arrays = {
    channels: new Uint32Array(0),
    values: new Float64Array(0),
    counts: new Uint32Array(0),
    moved: new Float32Array(0),
  };
  readonly #samples = new Float64Array(3 * 10 * MAX_WATCHED);

  constructor(host: LiveHost) {
    this.#host = host;
  }

  get history(): LogHistory {
    return this.#host.history;
  }

  get isRunning(): boolean {
    return !this.#closed && this.#host.isRunning();
  }

  /** All channels by their numbers, which hold until {@link LiveListener.renumbered}. */
  get channels(): readonly LiveChannel[] {
    this.#channels ??= this.#namedChannels();
    return this.#channels;
  }

  /** As `Router.describe()` has them. */
  mappings(): RouterDescription["mappings"] {
    return this.#host.mappings().map(describeMapping);
  }

  /** In the order of the configuration. */
  states(): InstanceState[] {
    return this.#closed ? [] : statesOf(this.#host.instances());
  }

  /** The version of the Python in use; empty if there is no python instance. */
  pythonVersion(): string {
    return pythonOf(this.#host.backends()).python?.version ?? "";
  }

  /** @throws {MidimonsterError} `VALUE` for a channel that no mapping uses */
  send(channel: string, value: number): void {
    this.#host.send(channel, value);
  }

  /**
   * Opens the table of last values, if it is the first one; the last one's end closes it.
   *
   * @returns a function that ends it
   */
  listen(listener: LiveListener): () => void {
    if (this.#closed) return () => {};
    this.#listeners.set(listener, []);
    if (this.#listeners.size === 1) {
      this.#host.binding.live(this.#host.core, true);
      this.#resize();
      this.#timer = setInterval(() => this.#tick(), PERIOD).unref();
    }
    return () => {
      if (!this.#listeners.delete(listener) || this.#closed) return;
      if (this.#listeners.size === 0) this.#end();
      else this.#applyWatched();
    };
  }

  /** Has every event of these channels passed to all listeners, instead of those that this listener has named before. */
  watch(listener: LiveListener, channels: readonly number[]): void {
    if (this.#closed || !this.#listeners.has(listener)) return;
    this.#listeners.set(listener, channels);
    this.#applyWatched();
  }

  /**
   * Measures the time in Python and the loop's delays from now on.
   *
   * @returns a function that ends it
   */
  measure(): () => void {
    if (this.#closed) return () => {};
    if (this.#measured++ === 0) this.#host.binding.measure(this.#host.core, true);
    let ended = false;
    return () => {
      if (ended || this.#closed) return;
      ended = true;
      if (--this.#measured === 0) this.#host.binding.measure(this.#host.core, false);
    };
  }

  /** In the order of the configuration. */
  counters(): InstanceCounters[] {
    if (this.#closed) return [];
    const { binding, core } = this.#host;
    const rows = new Float64Array(COLUMNS * binding.instanceCount(core));
    binding.counters(core, rows);
    return [...this.#host.instances().values()].map(({ name, live }) => {
      const row = rows.subarray(COLUMNS * live.number, COLUMNS * (live.number + 1));
      const [delivered = 0, out = 0, lost = 0, queue = 0, handler = 0, interval = 0, socket = 0, other = 0] = row;
      const [slow = 0, seconds = 0] = row.subarray(8);
      const exceptions = { handler, interval, socket, other };
      return { name, in: delivered, out, lost, queue, exceptions, slow, seconds };
    });
  }

  /** How many events each operation of filters has dropped, by the operations' numbers. */
  filterDrops(): Float64Array {
    return this.#closed ? new Float64Array(0) : this.#host.binding.filterDrops(this.#host.core);
  }

  /** As {@link Binding.loopDelays}. */
  loopDelays(): Float64Array {
    return this.#closed ? new Float64Array(0) : this.#host.binding.loopDelays(this.#host.core);
  }

  /** The core has another mapping. @internal */
  connected(): void {
    this.#channels = undefined;
    if (this.#closed || this.#listeners.size === 0) return;
    this.#resize();
    for (const listener of this.#listeners.keys()) {
      this.#listeners.set(listener, []);
      this.#guarded(() => listener.renumbered());
    }
  }

  /** Before the core is stopped: it is not to be asked any more. @internal */
  close(): void {
    if (this.#closed) return;
    if (this.#listeners.size > 0) this.#end();
    if (this.#measured > 0) this.#host.binding.measure(this.#host.core, false);
    this.#closed = true;
    this.#listeners.clear();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#host.binding.live(this.#host.core, false);
    const none = new Float32Array(0);
    this.#arrays = {
      channels: new Uint32Array(0),
      values: new Float64Array(0),
      counts: new Uint32Array(0),
      moved: none,
    };
  }

  #namedChannels(): LiveChannel[] {
    const channels: LiveChannel[] = [];
    for (const entry of this.#host.instances().values()) {
      const first = entry.firstChannel ?? 0;
      for (const [i, name] of entry.channels.names(0, entry.channels.size).entries()) {
        channels[first + i] = { name: `${entry.name}.${name}`, uses: entry.uses(i) };
      }
    }
    return Array.from(channels, (channel) => channel ?? { name: "?", uses: [] });
  }

  #resize(): void {
    const size = this.channels.length;
    if (size === this.#arrays.channels.length) return;
    this.#arrays = {
      channels: new Uint32Array(size),
      values: new Float64Array(size),
      counts: new Uint32Array(size),
      moved: new Float32Array(size),
    };
  }

  #applyWatched(): void {
    const wanted = new Set([...this.#listeners.values()].flat());
    this.#host.binding.watchLive(this.#host.core, Uint32Array.from([...wanted].slice(0, MAX_WATCHED)));
  }

  #tick(): void {
    const { binding, core } = this.#host;
    const { channels, values, counts, moved } = this.#arrays;
    const count = binding.takeLive(core, channels, values, counts, moved);
    if (count > 0) {
      const frame = { count, channels, values, counts, moved };
      for (const listener of this.#listeners.keys()) this.#guarded(() => listener.changed(frame));
    }
    if (this.#closed || ![...this.#listeners.values()].some((watched) => watched.length > 0)) return;
    const rows = binding.takeSamples(core, this.#samples);
    if (rows === 0) return;
    const samples = Array.from({ length: rows }, (_, i): Sample => {
      const [channel = 0, time = 0, value = 0] = this.#samples.subarray(3 * i, 3 * i + 3);
      return { channel, time, value };
    });
    for (const listener of this.#listeners.keys()) this.#guarded(() => listener.sampled(samples));
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#host.failed(error);
    }
  }
}
