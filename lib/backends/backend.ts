import type { Logger } from "../log.js";

/**
 * A protocol, or another kind of source and destination of events: what `[NAME INSTANCE]` sections make instances of.
 *
 * A backend object belongs to one router. The router calls, in this order: `configure` for every option of
 * `[backend NAME]`; for every instance `create`, then the instance's `configure` for its options and `channel` for the
 * channels that mappings use; `start`, then every instance's `start`; while running, `handle` on the instances; at the
 * end every instance's `stop`, then `stop`. Methods may be asynchronous where their type says so. What they throw stops
 * the start with the error's message, at the option's, instance's or channel's place in the configuration if it was there
 * that it was thrown; from `handle` and `stop` it is logged.
 */
export interface Backend {
  /** As in the configuration; no blanks. */
  readonly name: string;

  /** Options of `[backend NAME]`: others are errors. Absent: all are passed on. */
  readonly options?: readonly string[];

  /** Options of instances: others are errors. Absent: all are passed on. */
  readonly instanceOptions?: readonly string[];

  /** Takes an option of `[backend NAME]`. Absent: options are ignored. */
  configure?(option: string, value: string, context: BackendContext): void | Promise<void>;

  /** Makes an instance. */
  create(context: InstanceContext): Instance | Promise<Instance>;

  /** Opens what all instances share. */
  start?(): void | Promise<void>;

  /** Closes it. Called after every start() that was begun, also if it failed. */
  stop?(): void | Promise<void>;
}

export interface Instance {
  /**
   * What becomes of events for this instance: `handle` (the default) calls {@link Instance.handle}; `reflect` outputs them
   * again on the same channel without a call into JavaScript.
   */
  readonly routing?: "handle" | "reflect";

  /** Takes an option of the instance, as often as it is given. Absent: options are ignored. */
  configure?(option: string, value: string, context: BackendContext): void | Promise<void>;

  /**
   * Learns that a mapping uses a channel; throws if there can be no such channel. Called once per channel and use.
   *
   * @param name as in the configuration, expressions expanded
   * @param index the number by which `handle` and `emit` know the channel: from 0, in order of creation
   * @param use `output` if events come from it, `input` if they go to it
   */
  channel?(name: string, index: number, use: ChannelUse): void;

  start?(): void | Promise<void>;

  /**
   * Handles a batch: all events of one round for this instance, in order. The batch is reused: copy what is needed later.
   * What it emits is delivered after it returns.
   */
  handle?(batch: EventBatch): void;

  /** Closes it. Called after every start() that was begun, also if it failed. */
  stop?(): void | Promise<void>;
}

export type ChannelUse = "input" | "output";

/** Events as two parallel arrays; the first `length` elements count. */
export interface EventBatch {
  readonly length: number;
  /** Channel numbers, as given to {@link Instance.channel}. */
  readonly channels: Uint32Array;
  /** 0..1 */
  readonly values: Float64Array;
}

export interface BackendContext {
  /** Relative paths in the option start from here: the folder of the file that holds it. */
  readonly folder: string;
  readonly log: Logger;
}

export interface InstanceContext {
  /** The folder of the file that holds the instance's section. */
  readonly folder: string;
  readonly log: Logger;

  /** The instance's name in the configuration. */
  readonly name: string;

  /**
   * Outputs a value on a channel. Queued, and delivered to all channels it is mapped to: after `handle` returns if called
   * from there, else before the current turn of the event loop ends. Before `start()` has been called for all instances it
   * is kept until then.
   *
   * @param channel number of the channel, as given to {@link Instance.channel}
   * @param value clamped to 0..1
   * @throws {MidimonsterError} `VALUE` for NaN or an unknown channel
   */
  emit(channel: number, value: number): void;

  /** The core's time in ms: monotonic, unrelated to the time of day. */
  now(): number;
}
