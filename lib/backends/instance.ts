// What a backend's code provides, and what it is given.

import type { Setting } from "../config/definition.js";
import type { Engine } from "../engine/engine.js";
import type { Logger } from "../log/log.js";
import type { Channels } from "../mapping/channel-set.js";
import type { ChannelUse } from "./declare.js";
import type { OptionSet, Values } from "./options.js";
import type { PythonChoice } from "./python/locate/discovery.js";
import type { PatternValue } from "./read-options.js";

/** What the `load()` of a declaration imports. */
export interface BackendModule<B extends OptionSet = OptionSet, I extends OptionSet = OptionSet, C = unknown> {
  /**
   * Called once a router, when its configuration first uses the backend. Opens nothing yet: a configuration that is only
   * checked comes this far.
   */
  open(context: BackendSetup<B>): OpenBackend<I, C> | Promise<OpenBackend<I, C>>;
}

/** A backend in a router. */
export interface OpenBackend<I extends OptionSet = OptionSet, C = unknown> {
  /** Makes an instance, which opens nothing before its `start()`. */
  instance(context: InstanceSetup<I>): DeclaredInstance<I, C> | Promise<DeclaredInstance<I, C>>;

  /** Opens what all instances share. @param signal aborted when the router is stopped meanwhile */
  start?(signal: AbortSignal): void | Promise<void>;

  /** Closes it. Called after every start() that began, also if it failed. Has two seconds. */
  stop?(): void | Promise<void>;

  /** Facts for the description of a router. */
  facts?(): BackendFacts;
}

/** What a backend adds to the description of its router. */
export interface BackendFacts {
  /** The Python in use. */
  readonly python?: PythonChoice;
}

export interface BackendSetup<B extends OptionSet = OptionSet> {
  /** The backend's name. */
  readonly name: string;
  readonly options: Values<B>;
  /** As they are written, in order. */
  readonly settings: readonly Setting[];
  readonly log: Logger;
  /** @internal */
  readonly engine: Engine;

  /** An error, at the place of an option if it names one. It prevents the start, and other errors are still looked for. */
  report(problem: Problem): void;
}

/** What is wrong, for a person. */
export interface Problem {
  readonly message: string;
  /** The option at whose place it is shown. Absent: the section's. */
  readonly option?: string;
  /** Which of the settings of a repeated option, counted from 0. Default: the last one. */
  readonly index?: number;
  readonly help?: readonly string[];
  /** More lines to show, like a traceback. */
  readonly detail?: string;
}

export interface InstanceSetup<I extends OptionSet = OptionSet> {
  /** The instance's name in the configuration. */
  readonly name: string;
  /** The folder of the file that holds the instance's section. */
  readonly folder: string;
  readonly options: Values<I>;
  /** Options with free names, in order: those of the declaration's patterns, parsed. */
  readonly patterns: readonly PatternValue[];
  /** As they are written, in order. */
  readonly settings: readonly Setting[];
  readonly log: Logger;
  /** @internal */
  readonly engine: Engine;

  /** As {@link BackendSetup.report}; while the instance is made. */
  report(problem: Problem): void;

  /**
   * Outputs a value on a channel. Queued, and delivered to all channels it is mapped to: after `handle` returns if called
   * from there, else before the current turn of the event loop ends. Before the router runs it is kept until then. Never
   * throws: a value that is not a number and an unknown channel are logged and counted.
   *
   * @param channel number of the channel, {@link Channel.index}
   * @param value clamped to 0..1
   */
  emit(channel: number, value: number): void;

  /** The core's time in ms: monotonic, unrelated to the time of day. */
  now(): number;
}

/** A channel that a mapping uses. */
export interface Channel<C = unknown> {
  /** The number by which `handle` and `emit` know it: from 0, in order of creation. */
  readonly index: number;
  /** Its one name. */
  readonly name: string;
  /** `input` if events go to it, `output` if they come from it. */
  readonly use: ChannelUse;
  /** What the name means, as the declaration's `parse` has read it. */
  readonly meaning: C;
}

/** Why an instance refuses a channel. */
export interface Refusal {
  readonly channel: number;
  readonly problem: string;
  readonly help?: readonly string[];
  readonly detail?: string;
}

/** An instance that stays over a reload takes over what has changed. Everything happens in one turn of the event loop. */
export interface Change {
  /** What was loaded again, for the summary. */
  readonly modules?: readonly string[];
  /** All went well: the change counts from now on. Must not throw. */
  keep?(): void;
  /** Something went wrong, here or elsewhere: everything is as before. Must not throw. */
  undo?(): void;
}

/** Events as two parallel arrays; the first `length` elements count. */
export interface EventBatch {
  readonly length: number;
  /** Channel numbers, {@link Channel.index}. */
  readonly channels: Uint32Array;
  /** 0..1 */
  readonly values: Float64Array;
}

/** How an instance does, for `Router.describe()` and for the log. */
export interface InstanceStatus {
  readonly state: "ok" | "waiting" | "failed";
  /** For people: `connected to 10.0.0.2:9000`. */
  readonly text: string;
  /** Those it is connected to. */
  readonly peers?: readonly string[];
  /** When data last arrived, in ms since 1970. */
  readonly lastData?: number;
  /** How much was lost, in the units of the protocol. */
  readonly lost?: number;
}

/**
 * An instance. The router calls, in this order: `connect` with the channels that mappings use; `start`; while it runs,
 * `handle`; at a reload `change`, then `connect` with channels that are new to it; at the end `stop`. Events that come
 * between `connect` and the end of `start` wait for it, those that come after `stop` was called are dropped.
 */
export interface DeclaredInstance<I extends OptionSet = OptionSet, C = unknown> {
  /**
   * Learns of channels that mappings use: of each once for each use, when everything else is known to be right.
   * Synchronous, and not a moment to open anything.
   *
   * @returns channels that there can't be, which is an error at their places; what a pure look at a name can tell belongs into the
   *   declaration's `parse`
   */
  connect?(channels: readonly Channel<C>[]): readonly Refusal[];

  /** Opens what the instance needs. @param signal aborted when the router is stopped meanwhile */
  start?(signal: AbortSignal): void | Promise<void>;

  /**
   * Handles a batch: events for this instance, in order. The batch is reused: copy what is needed later. What it emits is
   * delivered after it returns.
   */
  handle?(batch: EventBatch): void;

  /**
   * The instance is about to stay over a reload, and can do beforehand what takes time: read files, look names up. Nothing of what it does may
   * show before {@link change}, which may never come.
   */
  prepare?(next: NextOptions<I>): void | Promise<void>;

  /**
   * The instance stays over a reload. Options that may change while it runs have their new values; the others are the
   * same. Synchronous.
   *
   * @returns how to go on once it is known whether the reload succeeds
   */
  change?(next: NextOptions<I>): Change;

  /** This instance is about to take the place of another one, of the same name and backend, whose `stop()` comes after this. */
  takeOver?(predecessor: DeclaredInstance<I, C>): void;

  /** Closes everything. Called after every start() that began, also if it failed. Has two seconds. */
  stop?(): void | Promise<void>;

  /** How it does. */
  status?(): InstanceStatus;

  /** What a channel is, for tables: `calls the function`. */
  note?(channel: { readonly name: string; readonly uses: readonly ChannelUse[] }): string | undefined;

  /** Files besides the configuration whose change calls for a reload. Absolute paths. */
  files?(): readonly string[];

  /** What the core does for this instance without JavaScript. Absent: `handle` gets its events. */
  readonly native?: NativePart;
}

export interface NextOptions<I extends OptionSet = OptionSet> {
  readonly options: Values<I>;
  readonly patterns: readonly PatternValue[];
  readonly settings: readonly Setting[];
  /** As {@link BackendSetup.report}; it undoes the reload. */
  report(problem: Problem): void;
}

/** What the core does for an instance itself. */
export interface NativePart {
  /** The instance's number in the core. */
  readonly number: number;
  /** Its channels, where the core keeps their names; otherwise TypeScript does. */
  readonly channels?: Channels;
  /** From here on only mappings create channels, until the next reload. */
  fixChannels?(): void;
  /** Finds what handles the events of these channels, before the mapping is exchanged. */
  resolve?(inputs: Uint32Array): Unresolved;
}

/** What the core can't find. */
export interface Unresolved {
  /** In order of the channels; there may be more than are listed if there are many. */
  readonly channels: readonly Refusal[];
  readonly hasMore: boolean;
  readonly options: readonly Problem[];
}
