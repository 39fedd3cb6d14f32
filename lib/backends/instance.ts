// The contract between the engine and the code of backends.

import type { PythonException } from "../binding.js";
import type { InstanceDefinition, Setting } from "../config/definition.js";
import type { Engine } from "../engine/engine.js";
import type { Logger } from "../log/log.js";
import type { Channels } from "../mapping/channel-set.js";
import type { ChannelUse, InstanceOptions } from "./declare.js";
import type { OptionSet, Values } from "./options.js";
import type { PythonChoice } from "./python/locate/discovery.js";

/** The module that `load()` of a declaration imports. */
export interface BackendModule<
  B extends OptionSet = OptionSet,
  I extends OptionSet = OptionSet,
  C = unknown,
  P = unknown,
> {
  /**
   * Called when a router's configuration first uses the backend; again only if that configuration fails in a reload. Must not
   * open resources: it is also called for configurations that are only checked.
   */
  open(context: BackendSetup<B>): OpenBackend<I, C, P> | Promise<OpenBackend<I, C, P>>;

  /**
   * Looks for errors that the options do not show, in files that an instance uses, without running anything of them. Called
   * instead of `open()` and `instance()` where a configuration is only read.
   */
  inspect?(instance: InstanceSetup<I, P>, backend: BackendSetup<B>): void | Promise<void>;
}

/** A backend in a router. */
export interface OpenBackend<I extends OptionSet = OptionSet, C = unknown, P = unknown> {
  /**
   * Instances that are to be created next, in this order: what takes time for each of them can begin for all at once.
   *
   * @returns a function that ends what was begun for instances that were not created after all; called once `instance()` was
   *   called for each, or will not be
   * @internal
   */
  announce?(instances: readonly AnnouncedInstance<I>[]): (() => void) | Promise<() => void>;

  /** Creates an instance, which must not open resources before its `start()`. */
  instance(context: InstanceSetup<I, P>): DeclaredInstance<I, C, P> | Promise<DeclaredInstance<I, C, P>>;

  /** Opens resources that all instances share. @param signal aborted when the router is stopped in the meantime */
  start?(signal: AbortSignal): void | Promise<void>;

  /** Closes them. Called after every start(), also if that failed. Has two seconds. */
  stop?(): void | Promise<void>;

  /** Facts for the description of a router. */
  facts?(): BackendFacts;
}

/** @internal */
export type AnnouncedInstance<I extends OptionSet = OptionSet> = Pick<InstanceSetup<I>, "name" | "folder" | "options">;

/** A backend's part of the description of its router. */
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

  /** Reports a problem, at the place of an option if it names one. An error prevents the start; checking continues. */
  report(problem: Problem): void;
}

/** An error or a warning, for people. */
export interface Problem {
  readonly message: string;
  /** `warning`: it is shown, and everything goes on. Absent: an error. */
  readonly severity?: "warning";
  /** The option at whose place it is shown. Absent: the section's. */
  readonly option?: string;
  /** Index of the setting, for a repeated option. Default: the last one. */
  readonly index?: number;
  /** Whether it is shown at the option's name. Default: `value`. */
  readonly in?: "name" | "value";
  readonly help?: readonly string[];
  /** More lines to show, such as a traceback. */
  readonly detail?: string;
}

export interface InstanceSetup<I extends OptionSet = OptionSet, P = unknown> extends InstanceOptions<I, P> {
  /** The instance's name in the configuration. */
  readonly name: string;
  /** The folder of the file that holds the instance's section. */
  readonly folder: string;
  /** As they are written, in order. */
  readonly settings: readonly Setting[];
  readonly log: Logger;
  /** @internal */
  readonly engine: Engine;
  /** All instances of the backend in the configuration, as they are written. @internal */
  readonly siblings: readonly InstanceDefinition[];

  /** As {@link BackendSetup.report}; until the instance has been created. */
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

  /**
   * Outputs the first `length` events of a batch, in order, as {@link emit} does with one: for sources of hundreds of events at
   * a time. The arrays can be used again once it returns. It goes into the core at once, so for a few events `emit`, which
   * collects, costs less.
   */
  emitBatch(batch: EventBatch): void;

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

/** How an instance that stays ends a reload. Everything happens in one turn of the event loop. */
export interface Change {
  /** Reloaded modules, for the summary. */
  readonly modules?: readonly string[];
  /** The reload has succeeded: makes the change final. Must not throw. */
  keep?(): void;
  /** The reload has failed, here or elsewhere: restores the state before it. Must not throw. */
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

/** The state of an instance, for `Router.describe()`. */
export interface InstanceStatus {
  readonly state: "ok" | "waiting" | "failed";
  /** For people: `connected to 10.0.0.2:9000`. */
  readonly text: string;
  /** The peers it is connected to. */
  readonly peers?: readonly string[];
  /** When data last arrived, in ms since 1970. */
  readonly lastData?: number;
  /** The number of lost units of the protocol, like packets. */
  readonly lost?: number;
}

/**
 * An instance. The router calls, in this order: `connect` with the channels that mappings use; `start`; while it runs,
 * `handle`; at a reload `leave` and `change`, then `connect` with channels that are new to it or mean something else, then
 * `disconnect` with those that are not used any more; at the end `stop`. Events that come between `connect` and the end of
 * `start` wait for it, those that come after `stop` was called are dropped.
 */
export interface DeclaredInstance<I extends OptionSet = OptionSet, C = unknown, P = unknown> {
  /**
   * Takes the channels that mappings use: each once per use, when everything else is known to be valid. A channel whose
   * meaning has changed, by `isDeepStrictEqual` of `node:util`, comes again: also with its former meaning, if the reload fails
   * after that. Synchronous; must not open resources.
   *
   * @param unused channels of which `disconnect` comes next if the reload succeeds: those that are new may conflict with them
   * @returns channels that the instance refuses, which are errors at their places; checks of the name alone belong in `parse`
   *   of the declaration
   */
  connect?(channels: readonly Channel<C>[], unused: readonly Channel<C>[]): readonly Refusal[];

  /**
   * Called before a reload exchanges the mapping, also for an instance that is to be stopped then, and before a router stops: what it
   * outputs here still takes the former mapping. The reload may yet fail.
   *
   * @param stays whether everything that one of its channels is mapped to, by name, stays so
   */
  leave?(stays: (channel: string) => boolean): void;

  /**
   * Learns, at a reload, which channels no mapping uses any more, each per use: also those that `connect` has just got for a
   * reload that then fails. Their numbers stay theirs; if a mapping uses one again, `connect` gets it again. (An instance
   * without this function is not told of a channel again.) Synchronous.
   */
  disconnect?(channels: readonly Channel<C>[]): void;

  /** Opens the instance's resources. @param signal aborted when the router is stopped in the meantime */
  start?(signal: AbortSignal): void | Promise<void>;

  /**
   * Handles a batch of events for this instance, in order. The arrays are reused: copy data that is needed later. Events
   * emitted in the meantime are delivered after it returns.
   */
  handle?(batch: EventBatch): void;

  /**
   * Called before a reload that the instance is to outlive, for slow preparations: reading files, resolving names. Must have no
   * visible effect: {@link change} may never follow.
   */
  prepare?(next: NextOptions<I, P>): void | Promise<void>;

  /**
   * Called in a reload that the instance outlives. Live options have their new values; the others are the same. Synchronous.
   * If it throws, the reload fails, and it must itself have undone what it had begun.
   *
   * @returns how to continue once it is known whether the reload succeeds
   */
  change?(next: NextOptions<I, P>): Change;

  /** Called when this instance replaces another one of the same name and backend, whose `stop()` comes next. */
  takeOver?(predecessor: DeclaredInstance<I, C, P>): void;

  /** Closes everything. Called after every start(), also if that failed. Has two seconds. */
  stop?(): void | Promise<void>;

  /** The state of the instance. */
  status?(): InstanceStatus;

  /** Describes a channel, for tables: `calls the function`. */
  note?(channel: { readonly name: string; readonly uses: readonly ChannelUse[] }): string | undefined;

  /** Absolute paths of files besides the configuration that a reload reads. */
  files?(): readonly string[];

  /** The instance's part in the core. Absent: `handle` gets its events. */
  readonly native?: NativePart;
}

export interface NextOptions<I extends OptionSet = OptionSet, P = unknown> extends InstanceOptions<I, P> {
  readonly settings: readonly Setting[];
  /** As {@link BackendSetup.report}; an error undoes the reload. */
  report(problem: Problem): void;
}

/** An instance's part in the core, which handles its events without JavaScript. */
export interface NativePart {
  /** The instance's number in the core. */
  readonly number: number;
  /** Its channels, if the core keeps their names; otherwise TypeScript does. */
  readonly channels?: Channels;
  /** Lets only mappings create channels, until the next reload. */
  fixChannels?(): void;
  /** Finds the handlers of these channels, before the mapping is exchanged. */
  resolve?(inputs: Uint32Array): Unresolved;
  /** What to do about an exception of its code, or a warning in its log, that is about to be logged: lines of help. */
  advise?(raised: PythonException): readonly string[];
  /** It is about to be removed from the core, whether it was ever started or not. */
  retired?(): void;
}

/** Handlers that the core could not find. */
export interface Unresolved {
  /** In order of the channels; long lists are incomplete. */
  readonly channels: readonly Refusal[];
  readonly hasMore: boolean;
  /** Warnings about channels that need no handler, but probably should have one. */
  readonly hints: readonly Refusal[];
  readonly options: readonly Problem[];
}
