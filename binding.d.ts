/**
 * The whole contract between `lib/` (TypeScript: policy) and `native/` (C++: libpython, interpreters, the event path).
 *
 * Everything here is called on the thread of the environment that loaded the addon. No function takes or keeps the GIL
 * beyond its own return; those that enter Python say so. Wrong argument types throw a `TypeError`: a defect of `lib/`,
 * never of a user. Values of events are finite numbers in 0..1; `lib/` sees to that. Times are milliseconds of libuv's
 * clock (`uv_now`), monotonic and unrelated to the time of day.
 *
 * This file describes the binding to this package only; it is not part of the public API.
 */

/** A running or not yet running configuration; opaque. Ended by {@link Binding.stop} or with its environment. */
export interface Core {
  readonly __core: unique symbol;
}

/** Why {@link Binding.startPython} failed. */
export interface PythonLoadError {
  readonly code:
    | "PYTHON_LOAD" // dlopen failed
    | "PYTHON_SYMBOL" // a function that every supported CPython has is missing
    | "PYTHON_IN_USE"; // this process has a CPython already, of another thread, addon or version
  readonly message: string;
}

export interface PythonOptions {
  /** Path of libpython, or a file name for the dynamic loader's own search. */
  readonly library: string;
  /** `sys.executable` of the chosen Python; a virtual environment's own, if it is one. */
  readonly programName: string;
  /** Path of `python/runtime/start.py`, which loads its neighbours. */
  readonly bootstrapPath: string;
  /** Whether Python's libraries prefer their own OpenSSL and zlib to Node's (RTLD_DEEPBIND). */
  readonly deepBind: boolean;
  /** Whether the environment variable PYTHONHOME means another Python; it is removed from the environment then. */
  readonly ignoreHome: boolean;
  /** After how many ms a function of user code that still runs is reported; 0: never. */
  readonly handlerWarn: number;
  /** After how many ms it is ended with an exception; 0: never. For the process: the last call counts. */
  readonly handlerTimeout: number;
}

/** A place in a traceback. */
export interface PythonPlace {
  readonly file: string;
  readonly line: number;
  /** `<module>` outside of functions; empty for the place that a SyntaxError is about. */
  readonly function: string;
}

/** What Python code raised. Texts are at most 64 KiB of UTF-8; of a longer one it says how much is left out in its middle. */
export interface PythonException {
  /** Qualified as in a traceback: `ValueError`, `mymod.Error`. */
  readonly type: string;
  /** What follows the type in a traceback; may be empty. */
  readonly message: string;
  /** `ImportError.name`: the module that was not found, or that something is missing from. */
  readonly name?: string;
  /** `ImportError.path` or `SyntaxError.filename`. */
  readonly path?: string;
  /** The traceback's last places, at most 100, outermost first. From where user code begins; not those of causes. */
  readonly places: readonly PythonPlace[];
  /** The whole traceback, with its causes, for people. */
  readonly text: string;
}

/** Something user code or the world did that a user should know of. */
export interface Report {
  readonly kind:
    | "exception" // `subject` raised `exception`; `value` is the event's value or the descriptor
    | "unknown-channel" // output() on the channel `subject`, which does not exist
    | "socket-closed" // the descriptor `value`, managed by `subject`, was closed without unregistering it; or its object's fileno() raised `exception`
    | "socket-disabled" // `subject` raised too often in a row and was unregistered
    | "events-lost" // `value` events for the instance were thrown away: too many wait, or memory is used up
    | "slow" // `subject` has been running for `value` ms; `text` is its stack then
    | "watch-failed" // sockets can't be watched; `text` says why
    | "threads-left"; // `text` names threads that would not end, so their interpreter stays
  readonly instance: number;
  /**
   * What kind of function `subject` is: `handler`, `batch handler`, `interval`, `socket`, `cleanup handler`, or what runs
   * without being called by the core: `finalizer`, `callback`, `exit function`, `thread`; else empty.
   */
  readonly role: string;
  /** The channel for a handler, the name of a thread, else the function's name. */
  readonly subject: string;
  readonly text: string;
  readonly value?: number;
  readonly exception?: PythonException;
}

/**
 * What the core calls back. None may throw. All are called on the way out of the core, without the GIL: first `deliver`, then
 * `tap`, then the others. They may call everything of the binding, stop() included; what they emit or cause is queued, and
 * delivered once all of them have returned, so none is called from within another.
 */
export interface CoreCallbacks {
  /**
   * All events for a JavaScript instance since the last call, in order: `0..count-1` of two arrays that are reused after the
   * return. Channels are indices within the instance. While the core looks for a feedback loop, one event a call.
   */
  deliver(instance: number, channels: Uint32Array, values: Float64Array, count: number): void;
  reports(reports: Report[]): void;
  /** Calls of interval(): rows of (instance, interval, period in ms with 0 to cancel, time of the call in ms). */
  intervals(rows: Float64Array): void;
  /** A feedback loop: each channel's event led to the next one's. Channels are global indices. */
  loop(channels: Uint32Array): void;
  /** Everything that was emitted since the last call, if {@link Binding.tap} is on. Global indices; arrays are reused. */
  tap(channels: Uint32Array, values: Float64Array, count: number): void;
}

/** Where JavaScript puts events that it emits, before {@link Binding.emit}. Channels are indices within their instance. */
export interface Outbox {
  /** Numbers of the instances that emit. */
  readonly instances: Uint32Array;
  readonly channels: Uint32Array;
  readonly values: Float64Array;
}

/** A channel of a python instance that is mapped to, and whose name leads to no function. */
export interface ResolveError {
  /** Index within the instance; -1 for the default handler. */
  readonly channel: number;
  readonly problem: string;
  /** Names that may have been meant. */
  readonly candidates: string[];
}

/** What {@link Binding.reloadChanged} did. */
export interface ModulesReloaded {
  /** Names of the modules that have changed, or use one that has. */
  readonly modules: string[];
  /** Of the one that failed; the others were not loaded then. */
  readonly exception: PythonException | null;
}

export interface Binding {
  /** Loads and initialises CPython, once per process; later calls with the same options do nothing. */
  startPython(options: PythonOptions): PythonLoadError | null;
  /** `Py_GetVersion()`, or "" before `startPython`. */
  pythonVersion(): string;

  createCore(callbacks: CoreCallbacks, outbox: Outbox): Core;
  /** How many instances have been added, those included that are retired. */
  instanceCount(core: Core): number;

  /** Instances are numbered from 0 in order of addition, whatever their kind. Each returns its number. */
  addLoopback(core: Core): number;
  addJavascript(core: Core): number;
  /**
   * Creates an interpreter. `name` is the instance's, for messages; `sys.path` begins with `folder`; `sys.argv[0]` is
   * `argument`. Enters Python. Returns an error text instead of a number if CPython could not; the instance then exists but
   * is unusable.
   */
  addPython(core: Core, name: string, folder: string, argument: string): number | string;
  /** Loads what a `module` option names. Enters Python. Returns what it raised, or null. */
  loadModule(core: Core, instance: number, value: string, folder: string): PythonException | null;
  /** Makes channels of a python instance, unless it has them already. Returns their indices within the instance. */
  addChannels(core: Core, instance: number, names: readonly string[]): Uint32Array;
  /** From here on `output()` creates no channels in a python instance, only {@link addChannels} does. */
  fixChannels(core: Core, instance: number): void;
  channelCount(core: Core, instance: number): number;
  /** Names of up to `count` channels of a python instance, from index `first` on. */
  channelNames(core: Core, instance: number, first: number, count: number): string[];
  /**
   * Finds the handlers of these channels of a python instance; gives up once more than a thousand have none. `defaultHandler` serves
   * those without a dot; empty for none. Enters Python.
   */
  resolve(core: Core, instance: number, channels: Uint32Array, defaultHandler: string): ResolveError[];
  /**
   * Installs the mapping, with the handlers that {@link resolve} has found last. Global channel indices run through all instances: instance i has those from
   * `firstChannels[i]` up to the next instance's. The targets of channel c are `targets[offsets[c]]` up to, not
   * including, `targets[offsets[c + 1]]`; `offsets` has one element more than there are channels. In place of another
   * mapping: events that are queued stay so, those for an instance without channels go.
   */
  connect(core: Core, firstChannels: Uint32Array, offsets: Uint32Array, targets: Uint32Array): void;

  /**
   * Starts delivering: first the values that modules output while they loaded. Once more after instances were added to a
   * running core: starts those. Enters Python.
   */
  run(core: Core): void;

  /**
   * While held, events are queued and not delivered. A reload holds the core, begins with every python instance that stays,
   * loads, resolves and connects, ends with every one, and lets go, all in one turn of the loop: so no event finds half of
   * it. Letting go delivers. Enters Python.
   */
  hold(core: Core, hold: boolean): void;
  /**
   * Compiles the modules of a python instance whose sources have changed, so that {@link reloadChanged} need not. Enters Python; nothing of
   * the instance changes. Returns what one raised, or null.
   */
  parseChanged(core: Core, instance: number): PythonException | null;
  /**
   * From here until {@link endReload}, what a python instance's modules do while they are loaded - output, register - has no
   * effect or can be undone, and output() creates channels until {@link fixChannels}.
   */
  beginReload(core: Core, instance: number): void;
  /** Loads the modules whose sources have changed, and those that use them. Enters Python. */
  reloadChanged(core: Core, instance: number): ModulesReloaded;
  /** Either the new versions stay or the old ones. Enters Python: what goes is released. */
  endReload(core: Core, instance: number, keep: boolean): void;
  /** The source files of a python instance's modules, without those of the standard library and of packages. */
  sourceFiles(core: Core, instance: number): string[];
  /**
   * Takes an instance out for good: a python instance runs its cleanup handler, then lets go of sockets, modules and threads;
   * its interpreter ends with the core. The mapping must not know it any more. Enters Python; may wait for Python threads,
   * bounded.
   */
  retire(core: Core, instance: number): void;
  /**
   * Queues the outbox's first `count` events and, unless called from a callback, delivers; in the next turn of the loop
   * where turns do not end, since what is delivered leads to more calls of this. May enter Python.
   */
  emit(core: Core, count: number): void;
  /** Calls interval functions: pairs of (instance, interval), `count` of them. Enters Python. */
  runIntervals(core: Core, pairs: Uint32Array, count: number): void;
  /** The loop's current time in ms; updates the loop's clock first. */
  now(core: Core): number;
  /** Switches {@link CoreCallbacks.tap} on or off. */
  tap(core: Core, on: boolean): void;
  /**
   * Runs cleanup handlers, ends interpreters, closes every handle, then calls back. Enters Python; may wait for Python
   * threads, bounded. The core is unusable afterwards.
   */
  stop(core: Core, stopped: () => void): void;

  /**
   * Makes a second SIGINT or SIGTERM end the process at once, also while Python code keeps this thread busy. To be called
   * after Node's own handlers for them are registered; those get the first.
   */
  endOnSecondSignal(): void;
  /** Whether the first has come since then; JavaScript may not have heard of it yet. */
  stopSignalSeen(): boolean;
  /**
   * What to write to standard error of user code that does not return for a second, since no report arrives then: lines in
   * one of the log's formats; null for nothing, as it is at first.
   */
  printStuckCode(format: "text" | "json" | "journal" | null): void;

  /**
   * Sends a datagram of sd_notify(3)'s lines to the service manager's socket: a path, or a name of the abstract kind with a
   * leading `@`. Never waits. Returns what went wrong, or null. Needs neither Python nor a core.
   */
  notifyService(socket: string, text: string): string | null;
}
