// The interface between a backend's code and the engine.

import type { Setting } from "../config/definition.js";
import type { Engine } from "../engine/engine.js";
import type { Logger } from "../log/log.js";
import type { Channels } from "../mapping/channel-set.js";
import type { ChannelUse } from "./declare.js";
import type { OptionSet, Values } from "./options.js";
import type { PythonChoice } from "./python/locate/discovery.js";
import type { PatternValue } from "./read-options.js";

/** The module imported by the `load()` of a declaration. */
export interface BackendModule<B extends OptionSet = OptionSet, I extends OptionSet = OptionSet, C = unknown> {
  /**
   * Called once per router, when its configuration first uses the backend. Must not open anything yet: this is also called
   * for a configuration that is only checked.
   */
  open(context: BackendSetup<B>): OpenBackend<I, C> | Promise<OpenBackend<I, C>>;
}

/** A backend in a router. */
export interface OpenBackend<I extends OptionSet = OptionSet, C = unknown> {
  /** Creates an instance, which opens nothing before its `start()`. */
  instance(context: InstanceSetup<I>): DeclaredInstance<I, C> | Promise<DeclaredInstance<I, C>>;

  /** Opens resources shared by all instances. @param signal aborted when the router is stopped meanwhile */
  start?(signal: AbortSignal): void | Promise<void>;

  /** Closes it. Called after every start() that began, even if it failed. Gets two seconds. */
  stop?(): void | Promise<void>;

  /** Facts for the description of a router. */
  facts?(): BackendFacts;
}

/** Facts that a backend adds to the description of its router. */
export interface BackendFacts {
  /** The Python in use. */
  readonly python?: PythonChoice;
}

export interface BackendSetup<B extends OptionSet = OptionSet> {
  /** The backend's name. */
  readonly name: string;
  readonly options: Values<B>;
  /** As written, in order. */
  readonly settings: readonly Setting[];
  readonly log: Logger;
  /** @internal */
  readonly engine: Engine;

  /** Reports an error, at the place of an option if it names one. It prevents the start; the search for errors continues. */
  report(problem: Problem): void;
}

/** A problem, described for people. */
export interface Problem {
  readonly message: string;
  /** The option at whose place it is shown. Absent: the section's place. */
  readonly option?: string;
  /** Index of the setting, for a repeated option. Default: the last one. */
  readonly index?: number;
  readonly help?: readonly string[];
  /** More lines to show, such as a traceback. */
  readonly detail?: string;
}

export interface InstanceSetup<I extends OptionSet = OptionSet> {
  /** The instance's name in the configuration. */
  readonly name: string;
  /** The folder of the file that holds the instance's section. */
  readonly folder: string;
  readonly options: Values<I>;
  /** Options with free names, in order, parsed by the declaration's patterns. */
  readonly patterns: readonly PatternValue[];
  /** As written, in order. */
  readonly settings: readonly Setting[];
  readonly log: Logger;
  /** @internal */
  readonly engine: Engine;

  /** As {@link BackendSetup.report}; while the instance is being created. */
  report(problem: Problem): void;

  /**
   * Outputs a value on a channel. Queued, and delivered to all channels it is mapped to: after `handle` returns if called
   * from there, otherwise before the current turn of the event loop ends. Kept until the router runs if called earlier.
   * Never throws: a value that is not a number and an unknown channel are logged and counted.
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
  /** Its canonical name. */
  readonly name: string;
  /** `input` if events go to it, `output` if they come from it. */
  readonly use: ChannelUse;
  /** The name's meaning, as parsed by the declaration's `parse`. */
  readonly meaning: C;
}

/** Why an instance refuses a channel. */
export interface Refusal {
  readonly channel: number;
  readonly problem: string;
  readonly help?: readonly string[];
  readonly detail?: string;
}

/** The changes of an instance that stays over a reload. Everything happens in one turn of the event loop. */
export interface Change {
  /** Reloaded modules, for the summary. */
  readonly modules?: readonly string[];
  /** The reload succeeded: makes the change permanent. Must not throw. */
  keep?(): void;
  /** The reload failed, here or elsewhere: restores the previous state. Must not throw. */
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

/** An instance's state, for `Router.describe()` and for the log. */
export interface InstanceStatus {
  readonly state: "ok" | "waiting" | "failed";
  /** For people: `connected to 10.0.0.2:9000`. */
  readonly text: string;
  /** The peers it is connected to. */
  readonly peers?: readonly string[];
  /** When data last arrived, in ms since 1970. */
  readonly lastData?: number;
  /** The amount lost, in the units of the protocol. */
  readonly lost?: number;
}

/**
 * An instance. The router calls, in this order: `connect` with the channels that mappings use; `start`; while it runs,
 * `handle`; at a reload `change`, then `connect` with channels that are new to it; at the end `stop`. Events that arrive
 * between `connect` and the end of `start` wait for it, those that arrive after `stop` was called are dropped.
 */
export interface DeclaredInstance<I extends OptionSet = OptionSet, C = unknown> {
  /**
   * Receives the channels that mappings use: each once per use, when everything else is known to be right. Synchronous;
   * must not open anything.
   *
   * @returns invalid channels, which are errors at their places; a check that needs only the name belongs in the
   *   declaration's `parse`
   */
  connect?(channels: readonly Channel<C>[]): readonly Refusal[];

  /** Opens the instance's resources. @param signal aborted when the router is stopped meanwhile */
  start?(signal: AbortSignal): void | Promise<void>;

  /**
   * Handles a batch: events for this instance, in order. The batch is reused: copy data that is needed later. Events that
   * it emits are delivered after it returns.
   */
  handle?(batch: EventBatch): void;

  /**
   * Prepares for a {@link change}: does time-consuming work such as reading files or resolving names. It must not have any
   * visible effect before `change`, which may never be called.
   */
  prepare?(next: NextOptions<I>): void | Promise<void>;

  /**
   * Applies a reload to an instance that stays. Options that may change while it runs have their new values; the others are
   * the same. Synchronous.
   *
   * @returns how to proceed once it is known whether the reload succeeds
   */
  change?(next: NextOptions<I>): Change;

  /** Called before this instance replaces another one of the same name and backend, whose `stop()` is called afterwards. */
  takeOver?(predecessor: DeclaredInstance<I, C>): void;

  /** Closes everything. Called after every start() that began, even if it failed. Gets two seconds. */
  stop?(): void | Promise<void>;

  /** Its current state. */
  status?(): InstanceStatus;

  /** A note on a channel, for tables: `calls the function`. */
  note?(channel: { readonly name: string; readonly uses: readonly ChannelUse[] }): string | undefined;

  /** Files besides the configuration that require a reload when they change. Absolute paths. */
  files?(): readonly string[];

  /** The core's part of this instance. Absent: `handle` gets its events. */
  readonly native?: NativePart;
}

export interface NextOptions<I extends OptionSet = OptionSet> {
  readonly options: Values<I>;
  readonly patterns: readonly PatternValue[];
  readonly settings: readonly Setting[];
  /** As {@link BackendSetup.report}; makes the reload fail. */
  report(problem: Problem): void;
}

/** The core's part of an instance, which works without JavaScript. */
export interface NativePart {
  /** The instance's number in the core. */
  readonly number: number;
  /** Its channels, if the core keeps their names; otherwise TypeScript does. */
  readonly channels?: Channels;
  /** From now on only mappings create channels, until the next reload. */
  fixChannels?(): void;
  /** Finds the handlers of these channels, before the mapping is exchanged. */
  resolve?(inputs: Uint32Array): Unresolved;
}

/** Handlers that the core can't find. */
export interface Unresolved {
  /** In order of the channels; long lists are incomplete. */
  readonly channels: readonly Refusal[];
  readonly hasMore: boolean;
  readonly options: readonly Problem[];
}
