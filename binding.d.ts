/**
 * The whole contract between `lib/` (TypeScript: policy) and `native/` (C++: libpython, interpreters, the event path).
 *
 * Everything here is called on the thread of the environment that loaded the addon. No function keeps the GIL beyond its
 * own return; those that enter Python say so. Wrong argument types throw a `TypeError`: a bug in `lib/`, never a user's
 * error. Values of events are finite numbers in 0..1; `lib/` ensures that. Times are milliseconds of libuv's clock
 * (`uv_now`), monotonic and unrelated to the time of day.
 *
 * This file describes the binding to this package only; it is not part of the public API.
 */

/** A configuration that is or will be running; opaque. Ended by {@link Binding.stop} or with its environment. */
export interface Core {
  readonly __core: unique symbol;
}

/** Why {@link Binding.startPython} failed. */
export interface PythonLoadError {
  readonly code:
    | "PYTHON_LOAD" // dlopen failed
    | "PYTHON_SYMBOL" // a function that every supported CPython has is missing
    | "PYTHON_IN_USE"; // this process already has a CPython, of another thread, addon or version
  readonly message: string;
}

export interface PythonOptions {
  /** Path of libpython, or a file name for the dynamic loader's own search. */
  readonly library: string;
  /** `sys.executable` of the chosen Python; a virtual environment's own, if it is one. */
  readonly programName: string;
  /** Path of `python/runtime/start.py`, which loads the files beside it. */
  readonly bootstrapPath: string;
  /** Whether Python's libraries prefer their own OpenSSL and zlib to Node's (RTLD_DEEPBIND). */
  readonly deepBind: boolean;
  /** Whether the environment variable PYTHONHOME refers to another Python; it is then removed from the environment. */
  readonly ignoreHome: boolean;
  /** Time in ms after which a function of user code that is still running is reported; 0: never. */
  readonly handlerWarn: number;
  /** Time in ms after which it is ended with an exception; 0: never. Per process: the last call takes effect. */
  readonly handlerTimeout: number;
}

/** A place in a traceback. */
export interface PythonPlace {
  readonly file: string;
  readonly line: number;
  /** `<module>` outside of functions; empty for the place of a SyntaxError. */
  readonly function: string;
}

/** An exception of Python code. Texts are at most 64 KiB of UTF-8; a longer one is shortened in its middle. */
export interface PythonException {
  /** Qualified as in a traceback: `ValueError`, `mymod.Error`. */
  readonly type: string;
  /** The text after the type in a traceback; may be empty. */
  readonly message: string;
  /** `ImportError.name`: the module that was not found, or that lacks a name. */
  readonly name?: string;
  /** `ImportError.path` or `SyntaxError.filename`. */
  readonly path?: string;
  /** Of an OSError while a module loads: the address that it last tried to bind or to connect, `host:port`. */
  readonly address?: string;
  /** The traceback's last places, at most 100, outermost first. Begins at user code; without those of causes. */
  readonly places: readonly PythonPlace[];
  /** The whole traceback, with its causes, for people. */
  readonly text: string;
}

/** A problem of user code or its environment that a user should know about. */
export interface Report {
  readonly kind:
    | "exception" // `subject` raised `exception`; `value` is the event's value or the descriptor
    | "unknown-channel" // output() on the channel `subject`, which does not exist; `file` says where
    | "clamped" // output() of `value`, outside of 0..1, on the channel `subject`, once a channel; `file` says where
    | "rounded" // the interval `subject` got the period `value`, and has that of `text` in ms; once a function; `file` says where
    | "socket-closed" // the descriptor `value`, managed by `subject`, was closed without unregistering it; or its object's fileno() raised `exception`
    | "socket-disabled" // `subject` raised too often in a row and was unregistered
    | "events-lost" // `value` events for the instance were lost: too many are queued, or no memory is left
    | "delays-lost" // `value` values that waited in `delay` filters were lost; of no particular instance
    | "slow" // `subject` has been running for `value` ms; `text` is its stack then
    | "watch-failed" // sockets, or tasks (`role`), can't be watched; `text` says why
    | "log" // user code says `text` through the logger `subject`, in line `value` of `file`; `role` is the level
    | "watch-restored" // user code had closed the descriptor by which sockets are watched, or tasks (`role`) wait; another serves them
    | "threads-left"; // `text` names threads that did not end, so their interpreter stays
  readonly instance: number;
  /**
   * The kind of function that `subject` is: `handler`, `batch handler`, `interval`, `delayed function`, `start function`,
   * `socket`, `cleanup handler`, or, for
   * functions not called by the core: `finalizer`, `callback`, `exit function`, `thread`. The level of a message: `error`,
   * `warn`, `info` or `debug`. Otherwise empty.
   */
  readonly role: string;
  /** The channel of a handler, the name of a thread, otherwise the function's name. */
  readonly subject: string;
  readonly text: string;
  readonly value?: number;
  readonly exception?: PythonException;
  /** Whether the instance has a process of its own, so that nothing outside of it waits for its code. */
  readonly apart?: boolean;
  /** The source file of a message. Of an unknown channel and the like: file and line, `desk.py:12`, or absent if unknown. */
  readonly file?: string;
}

/**
 * Callbacks of the core, which must not throw. All are called on the way out of the core, without the GIL: first `deliver`,
 * then `tap`, then the others. They may call any function of the binding, including stop(); events that they emit or cause
 * are queued, and delivered once all callbacks have returned, so none is called from within another.
 */
export interface CoreCallbacks {
  /**
   * All events for a JavaScript instance since the last call, in order: `0..count-1` of two arrays that are reused after the
   * return. Channels are indices within the instance. While the core looks for a feedback loop, one event per call.
   */
  deliver(instance: number, channels: Uint32Array, values: Float64Array, count: number): void;
  reports(reports: Report[]): void;
  /** Calls of interval(): rows of (instance, interval, period in ms or 0 to cancel, time of the call in ms). */
  intervals(rows: Float64Array): void;
  /** A feedback loop: each channel's event caused the next one's. Channels are global indices. */
  loop(channels: Uint32Array): void;
  /** An instance has ended what {@link Binding.beginStop} or {@link Binding.beginRetire} made it end. */
  tasksEnded(instance: number): void;
  /** All events emitted since the last call, if {@link Binding.tap} is on. Global indices; arrays are reused. */
  tap(channels: Uint32Array, values: Float64Array, count: number): void;
}

/** The arrays into which JavaScript writes events before {@link Binding.emit}. Channels are indices within their instance. */
export interface Outbox {
  /**
   * Numbers of the instances that emit. With 2^31 added, the event goes to the channel itself, instead of to those that it
   * is mapped to.
   */
  readonly instances: Uint32Array;
  readonly channels: Uint32Array;
  readonly values: Float64Array;
}

/** A mapped channel of a python instance whose name does not lead to a function. */
export interface ResolveError {
  /** Index within the instance; -1 for the default handler. */
  readonly channel: number;
  /** Empty if there is only a hint: its name has no dot and calls nothing, but functions have that name. */
  readonly problem: string;
  /** Names that may have been meant. */
  readonly candidates: string[];
  /** What to do, in lines. */
  readonly advice: string[];
}

/** A module that no other one uses. */
export interface IdleModule {
  readonly name: string;
  readonly file: string;
  /** The line of its `if __name__ == "__main__":`, or 0. */
  readonly guard: number;
}

/** The instance that uses CPython's main interpreter. */
export interface MainHolder {
  readonly name: string;
  /** Whether it belongs to this core. */
  readonly isHere: boolean;
}

/** File descriptors for an instance's own process; those of the router have close-on-exec. */
export interface ProcessDescriptors {
  /** A socket for requests; to be closed by the caller, as are the next and `crash`. */
  readonly requests: number;
  /** Its other end, for the process. */
  readonly processRequests: number;
  /** A file in memory into which the process writes its Python stack when it crashes. */
  readonly crash: number;
  readonly memory: number;
  readonly wake: number;
  readonly routerWake: number;
}

/** The result of {@link Binding.reloadChanged}. */
export interface ModulesReloaded {
  /** Names of the modules that have changed, and of those that use them. */
  readonly modules: string[];
  /** Of the module that failed; the remaining ones were not loaded then. */
  readonly exception: PythonException | null;
  /** Modules in use whose source files are gone; they stay as they are. */
  readonly missing: readonly { readonly module: string; readonly file: string }[];
}

/**
 * Pairs of channels with filters between them. A pair's filters run where an event is emitted, in the same call; values that wait
 * (`rate`, `smooth`, `fade`, `delay`, `debounce`) are queued from a timer. Times are milliseconds of libuv's clock.
 */
export interface FilterTable {
  /**
   * Rows of four: source, target, number of the chain, and the cell that notes the pair's events, from 1, or 0 for none. The
   * target is 0xffffffff where a channel's own output is only noted. Pairs that are due at the same time are output in this order.
   */
  readonly pairs: Uint32Array;
  /** A key for each chain: equal keys mean equal operations. */
  readonly chains: readonly string[];
  /** Where each chain begins in `steps`, in rows; one more than chains. */
  readonly chainOffsets: Uint32Array;
  /**
   * Rows of four: the operation (an index in `OPERATIONS` of lib/filters/declare.ts), its first argument in `args` and their
   * number, and for `toggle` and `pickup` the number, plus 1, of the chain that takes the target's value back; 0 for none.
   */
  readonly steps: Uint32Array;
  readonly args: Float64Array;
  /** The channel of each cell, in ascending order. */
  readonly watched: Uint32Array;
}

/** Callbacks of {@link Binding.openMidi}, which must not throw. They may call any function of the binding. */
export interface MidiCallbacks {
  /**
   * Events of ALSA's sequencer in rows of eight numbers, in a new array: type (snd_seq_event_type), port that it is for, client
   * and port that it comes from, and up to four of its data. Of notes and controllers: channel, note or parameter, velocity or
   * value. Of announcements: client and port, or, of connections, client and port of the sender and of the receiver. Type -1:
   * events were lost, since they came faster than they were read.
   */
  events(rows: Int32Array, count: number): void;
  /** No events will come any more, for a reason with this `errno`; to be closed. */
  ended(error: number): void;
}

/** Why {@link Binding.openMidi} failed. */
export interface MidiFailure {
  /** What is missing of ALSA's library, as the dynamic loader says. */
  readonly library?: string;
  /** Otherwise an `errno`. */
  readonly error: number;
}

/** A port of ALSA's sequencer. */
export interface MidiDevice {
  readonly client: number;
  readonly port: number;
  /** SND_SEQ_PORT_CAP_* as bits. */
  readonly capabilities: number;
  readonly clientName: string;
  readonly portName: string;
}

/** Callbacks of {@link Binding.openUdp}, which must not throw. They may call any function of the binding. Errors are `errno`s. */
export interface UdpCallbacks {
  /** The places of {@link Binding.datagrams} from `first` to before `end` hold what has arrived, until this returns. */
  received(first: number, end: number): void;
  /** Receiving has failed. It goes on, unless something else has closed the socket's descriptor. */
  failed(error: number): void;
  /** So many datagrams that had to wait could not be sent after all, the last for this reason. */
  unsent(error: number, count: number): void;
}

/** Where datagrams arrive, for all UDP sockets of an environment. */
export interface Datagrams {
  /** Must not be transferred. */
  readonly memory: ArrayBuffer;
  /** How many there are at most at a time. */
  readonly places: number;
  /** The distance from one to the next, in bytes; the first is at the beginning. Each begins at a multiple of 8. */
  readonly stride: number;
  /**
   * Where rows of eight 32-bit numbers are, one for each place: the datagram's length; of its sender the family, 4 or 6, the
   * port, the address (of IPv4 as a number, of IPv6 its bytes) in four, and the scope of IPv6.
   */
  readonly rowsAt: number;
}

/** What `sendOsc` sends. It keeps the arrays, which must stay as they are but for what it writes itself. */
export interface OscOutput {
  /** The messages of all paths, one after the other, with the present values of their arguments; those are written. */
  readonly bytes: Uint8Array;
  /** Where each of them ends. */
  readonly ends: Uint32Array;
  /**
   * Five numbers for each argument that follows a channel: the number of its path, its first byte, its type as a character's code, what
   * the values 0 and 1 stand for. Type 0: no argument; the message is sent for each value above 0.5.
   */
  readonly rows: Float64Array;
  /** By the instance's channel: the number of a row, or one that no row has. */
  readonly sources: Uint32Array;
  /** By row: the argument as it was last sent, NaN for one that never was; written. What makes the same again is not sent. */
  readonly last: Float64Array;
  /**
   * Messages of a batch could not be sent to a target: called once for each target and batch, with its number, an `errno` and how many
   * messages. May call `sendOsc`. Must not throw.
   */
  unsent(target: number, errno: number, count: number): void;
}

export interface Binding {
  /** Loads and initialises CPython, once per process; later calls with the same options do nothing. */
  startPython(options: PythonOptions): PythonLoadError | null;
  /** `Py_GetVersion()`, or "" before `startPython`. */
  pythonVersion(): string;
  /**
   * Whether C code on the loop's thread that calls Python back gets the thread state of the instance that it runs in. If not,
   * it hangs (native/python/gil_state.h).
   */
  callsBackIntoInstances(): boolean;

  createCore(callbacks: CoreCallbacks, outbox: Outbox): Core;
  /** Tells modules that are loaded from now on that they are only being checked (`midimonster.checking()`). */
  onlyCheck(core: Core): void;
  /** Limits the memory of all queues together, in MiB; 256 otherwise. Events beyond are lost, and reported. */
  limitQueues(core: Core, mebibytes: number): void;
  /** The number of instances that have been added, including retired ones. */
  instanceCount(core: Core): number;

  /** Instances are numbered from 0 in order of addition, whatever their kind. Each returns its number. */
  addLoopback(core: Core): number;
  addJavascript(core: Core): number;
  /**
   * Creates an interpreter, or takes CPython's main one, which must be free. `name` is the instance's, for messages;
   * `sys.path` begins with `folder`; `sys.argv[0]` is `argument`. Enters Python. Returns an error text instead of a number if that fails; the instance then exists but is
   * unusable.
   */
  addPython(core: Core, name: string, folder: string, argument: string, main: boolean): number | string;
  /** The instance that uses CPython's main interpreter, of any core of the process; null if it is free. */
  mainHolder(core: Core): MainHolder | null;
  /** Loads the module named by a `module` option. Enters Python. Returns its exception, or null. */
  loadModule(core: Core, instance: number, value: string, folder: string): PythonException | null;
  /** A number that changes whenever code of a python instance registers something, or outputs before the start. */
  activity(core: Core, instance: number): number;
  /**
   * Facts about a module named by a `module` option that seems to have nothing to do. Null if it was not loaded, has started a
   * thread while it loaded, or is used by other modules. Enters Python, reads the module's file.
   */
  idleModule(core: Core, instance: number, value: string): IdleModule | null;
  /** Creates channels of a python instance, unless it already has them. Returns their indices within the instance. */
  addChannels(core: Core, instance: number, names: readonly string[]): Uint32Array;
  /** From now on `output()` creates no channels in a python instance, only {@link addChannels} does. */
  fixChannels(core: Core, instance: number): void;
  channelCount(core: Core, instance: number): number;
  /** Names of up to `count` channels of a python instance, from index `first` on. */
  channelNames(core: Core, instance: number, first: number, count: number): string[];
  /**
   * Finds the handlers of these channels of a python instance; stops once more than a thousand have none. `defaultHandler`
   * handles those without a dot; empty for none. Enters Python.
   */
  resolve(core: Core, instance: number, channels: Uint32Array, defaultHandler: string): ResolveError[];
  /**
   * Installs the mapping, with the handlers most recently found by {@link resolve}. Global channel indices run through all
   * instances: instance i has those from `firstChannels[i]` up to the next instance's. The targets of channel c are
   * `targets[offsets[c]]` up to, not including, `targets[offsets[c + 1]]`; the length of `offsets` is the number of channels
   * plus one. A target with bit 31 is the number of a pair in `filters`. If it replaces another mapping, a pair whose chain has
   * the same key keeps its state and what waits in it; of one whose chain has changed, the newest waiting value is queued for its
   * target; of one that is gone, it is dropped. Queued events stay queued, except those for an instance without channels.
   */
  connect(
    core: Core,
    firstChannels: Uint32Array,
    offsets: Uint32Array,
    targets: Uint32Array,
    filters?: FilterTable,
  ): void;

  /**
   * Starts delivering: first the values that modules output while they loaded. Called again after instances were added to a
   * running core: starts those. Enters Python.
   */
  run(core: Core): void;

  /**
   * While the core is held, events are queued and not delivered. A reload holds the core, calls {@link beginReload} for every
   * python instance that stays, loads, resolves and connects, calls {@link endReload} for each, and releases the core, all in
   * one turn of the loop: so no event meets an intermediate state. Releasing delivers. Enters Python.
   */
  hold(core: Core, hold: boolean): void;
  /**
   * Compiles the modules of a python instance whose sources have changed, in advance of {@link reloadChanged}. Enters Python;
   * does not change the instance. Returns the exception of a module that can't be compiled, or null.
   */
  parseChanged(core: Core, instance: number): PythonException | null;
  /**
   * From now until {@link endReload}, actions of a python instance's modules while they are loaded - output, registration -
   * have no effect or can be undone, and output() creates channels until {@link fixChannels}.
   */
  beginReload(core: Core, instance: number): void;
  /** Reloads the modules whose sources have changed, and those that use them. Enters Python. */
  reloadChanged(core: Core, instance: number): ModulesReloaded;
  /** Keeps the new versions, or restores the old ones. Enters Python, to release the others. */
  endReload(core: Core, instance: number, keep: boolean): void;
  /** The source files of a python instance's modules, without those of the standard library and of packages. */
  sourceFiles(core: Core, instance: number): string[];
  /**
   * Runs the cleanup handler of an instance that is about to be retired, and begins to end its asyncio tasks, which takes some
   * seconds at most. Enters Python. Returns whether there is anything to wait for: {@link CoreCallbacks.tasksEnded} follows.
   * The mapping must no longer contain it.
   */
  beginRetire(core: Core, instance: number): boolean;
  /**
   * Removes instances permanently: a python instance runs its cleanup handler, then releases sockets, modules and threads;
   * its interpreter ends with the core. The mapping must no longer contain them. Enters Python; may wait for Python threads,
   * up to a limit for all together.
   */
  retire(core: Core, instances: Uint32Array): void;
  /**
   * Queues the outbox's first `count` events and, unless called from a callback, delivers them; but in the next turn of the
   * loop if deliveries keep causing further calls within one turn, which would never end. May enter Python.
   */
  emit(core: Core, count: number): void;
  /**
   * As {@link emit}, for the first `count` events of arrays with channels and values of one instance. Values are clamped to 0..1.
   *
   * @param channels indices within the instance
   * @returns the number of events that were left out: those with NaN, and those on channels that the mapping does not have
   */
  emitBatch(core: Core, instance: number, channels: Uint32Array, values: Float64Array, count: number): number;
  /** Calls interval functions: pairs of (instance, interval), `count` of them. Enters Python. */
  runIntervals(core: Core, pairs: Uint32Array, count: number): void;
  /** The loop's current time in ms; updates the loop's clock first. */
  now(core: Core): number;
  /** Switches {@link CoreCallbacks.tap} on or off. */
  tap(core: Core, on: boolean): void;
  /**
   * Opens or closes the table of last values and counters of all channels. Open, an event costs a store, an increment and a bit
   * in it; closed, nothing, and it has no memory. Opened again, it begins empty.
   */
  live(core: Core, on: boolean): void;
  /**
   * Reads rows of that table that have changed since the last call, in ascending order of channels, which are global indices.
   * A {@link connect} renumbers them and makes all that are known count as changed.
   *
   * @param values last values
   * @param counts events since the table was opened, modulo 2^32; both those that were output and those that were delivered
   * @param moved the sum of all changes of the value since the row was read last
   * @returns the number of rows, at most the shortest array's length: what has no room is left to the next call
   */
  takeLive(core: Core, channels: Uint32Array, values: Float64Array, counts: Uint32Array, moved: Float32Array): number;
  /** Of these channels, at most 64, every event is kept for {@link takeSamples}, until the next {@link connect}. */
  watchLive(core: Core, channels: Uint32Array): void;
  /**
   * Reads the events of watched channels since the last call: rows of (channel, time in ms of `performance.now()`'s kind of
   * clock, `uv_hrtime`, and value). Of each channel the first nine and the last one.
   *
   * @returns the number of rows; those without room are lost
   */
  takeSamples(core: Core, rows: Float64Array): number;
  /**
   * Switches on or off what costs two readings of the clock per call of Python code and one per turn of the loop: the time
   * in code of {@link counters} and the delays of {@link loopDelays}.
   */
  measure(core: Core, on: boolean): void;
  /**
   * Writes rows of ten for instances, from number 0 on, as far as there is room: events delivered to it, events that it has
   * output (with a process of its own: on mapped channels), events for it that were lost, events that wait for it, exceptions of
   * handlers, of intervals, of socket functions, other exceptions, calls reported as slow, seconds in its code on the loop's
   * thread.
   */
  counters(core: Core, rows: Float64Array): void;
  /** How many events each operation of filters has dropped, by the operations' numbers. */
  filterDrops(core: Core): Float64Array;
  /**
   * For how long the loop was busy in each of its turns: how many turns up to 1, 2.5, 5, 10, 25, 50, 100, 250 and 1000 ms
   * (each without those before), how many longer ones, and the sum in seconds.
   */
  loopDelays(core: Core): Float64Array;
  /**
   * Before {@link stop}: from now on no event is routed; runs cleanup handlers, and begins to end the asyncio tasks of all
   * instances, which takes some seconds at most, of all together. Enters Python. Returns for how many instances there is
   * anything to wait for: {@link CoreCallbacks.tasksEnded} follows for each.
   */
  beginStop(core: Core): number;
  /**
   * Runs cleanup handlers that have not run, ends interpreters, closes every handle, then calls back. Enters Python; may wait for Python code
   * and for threads, up to limits for all instances together. The core is unusable afterwards.
   */
  stop(core: Core, stopped: () => void): void;

  /**
   * Makes a second SIGINT or SIGTERM end the process at once, even while Python code keeps this thread busy; within half a
   * second it counts as the first one's copy. From the first on, what is running has some seconds to return; then the
   * process ends with status 3. To be called after Node's own handlers for them are registered, which get the first signal
   * and must stay.
   */
  endOnSecondSignal(): void;
  /** Whether the first signal has arrived since then; JavaScript may not have received it yet. */
  stopSignalSeen(): boolean;
  /**
   * The format of messages on standard error about code that does not return for a second, during which no report arrives,
   * and about the end of a process that does not stop: one of the log's formats; null, the default, for no messages.
   * `onlyErrors`: only of the latter.
   */
  printStuckCode(format: "text" | "json" | "journal" | null, onlyErrors: boolean): void;

  /**
   * The formats in which Python code writes to standard output and error, line by line; `text` for writing what it writes, but
   * without waiting for a reader; `errors` for writing to standard error what goes to standard output; null, the default,
   * for leaving the streams alone. For instances that are added from then on.
   */
  formatStreams(
    output: "text" | "json" | "journal" | "errors" | null,
    errors: "text" | "json" | "journal" | null,
  ): void;

  /**
   * What {@link formatStreams} and {@link printStuckCode} were given last, for an instance's own process: three formats, empty
   * for null, and `errors` for `onlyErrors`, otherwise empty.
   */
  formatsInUse(): string[];

  /**
   * Writes to standard error without waiting for a reader: up to 1 MiB is kept and written later, in order, also at the
   * end of the process while somebody reads. What exceeds that is left out, which a line tells afterwards, as `printStuckCode()`
   * has been told to print. From any thread.
   */
  writeLog(text: string): void;

  /** Adds an instance with a process of its own, which has none yet. Returns its number. */
  addProcess(core: Core): number;
  /**
   * Makes what a new process of the instance shares with the router, in place of what one that has ended has shared. Returns an
   * error text if the system refuses.
   */
  openProcess(core: Core, instance: number): ProcessDescriptors | string;
  /**
   * The process has been started, with this id: it is killed when the core ends before it. 0: it has ended, and
   * {@link processEnded} follows once its last reports were read.
   */
  processSpawned(core: Core, instance: number, pid: number): void;
  /**
   * The process has loaded everything: it follows the core, and gets events, first the last value of each channel of which some
   * came before it was ready. Returns how many others came, which those replace.
   */
  processReady(core: Core, instance: number): number;
  /** Counts a report of the process in {@link counters}, by its kind and role. */
  processReported(core: Core, instance: number, kind: Report["kind"], role: string): void;
  /** The process has ended. Returns how many events it has not handled. */
  processEnded(core: Core, instance: number): number;
  /** For how many ms the process has been at work; 0: it waits for something to do. */
  processBusy(core: Core, instance: number): number;
  /** Whether the process has written nonsense into the memory that it shares with the router, which has killed it for that. */
  processBroken(core: Core, instance: number): boolean;

  /** Ends the process at once, without waiting for libuv's threads, which may be in a lookup of a host's name. */
  endProcess(status: number): never;

  /**
   * Opens a client of ALSA's sequencer with this name, of which a core has one; closes the one before. Loads ALSA's library.
   * Needs no Python, as all functions for MIDI. Returns null, or why it failed. Those that follow return a number that is
   * not negative, or a negative `errno`; without a client -19, ENODEV.
   */
  openMidi(core: Core, name: string, callbacks: MidiCallbacks): MidiFailure | null;
  closeMidi(core: Core): void;
  /** Its number. */
  midiClient(core: Core): number;
  /** Adds a port for both directions, which others may connect. Returns its number: the lowest that is free. */
  addMidiPort(core: Core, name: string): number;
  removeMidiPort(core: Core, port: number): number;
  /** Finds a port by `CLIENT:PORT` or a client's name, as snd_seq_parse_address(3) does. Returns `client << 8 | port`. */
  findMidi(core: Core, text: string): number;
  /** Connects or disconnects a port and a peer's; `toPeer`: to send there, otherwise to receive from there. */
  linkMidi(core: Core, port: number, client: number, clientPort: number, toPeer: boolean, connect: boolean): number;
  /** All ports of the system; null if the library can't tell. */
  listMidi(core: Core): MidiDevice[] | null;
  /**
   * Sends `count` rows of seven numbers: port, client and port of the receiver (254 and 253: all that are connected), type,
   * channel, parameter or note, value or velocity. Where that fails, writes the negative `errno` into the place of the type.
   *
   * @returns how many have failed
   */
  sendMidi(core: Core, rows: Int32Array, count: number): number;
  /** Sends a system exclusive message. */
  sendMidiBytes(core: Core, port: number, client: number, clientPort: number, bytes: Uint8Array): number;

  datagrams(): Datagrams;
  /**
   * Opens a UDP socket of this environment, bound to a numeric address; port 0: any that is free. Others may bind it too, and one
   * of IPv6's `::` has IPv4 as well. It does not keep the process alive, and ends with its environment. Needs neither Python nor a
   * core. Returns its number, which is used again after `closeUdp`, or a negative `errno`. Those that follow take that number
   * and return 0 or a negative `errno`, -EBADF for a socket that is closed. From any callback.
   */
  openUdp(address: string, port: number, callbacks: UdpCallbacks): number;
  /** At once: nothing is received any more, and what waits to be sent is lost. */
  closeUdp(socket: number): void;
  /** The port that it is bound to. */
  udpPort(socket: number): number;
  setUdpBroadcast(socket: number, on: boolean): number;
  /** Whether multicasts that it sends come back to this machine. */
  setUdpMulticastLoop(socket: number, on: boolean): number;
  /** Whether multicasts arrive, too, whose groups only other sockets of this machine have joined: the system's default. */
  setUdpMulticastAll(socket: number, on: boolean): number;
  /** In bytes; the system may give less. */
  setUdpReceiveBuffer(socket: number, bytes: number): number;
  /**
   * Joins or leaves a multicast group on an interface, which is given for IPv4 by one of its addresses, for IPv6 by its name; "" for
   * the system's choice.
   */
  setUdpMembership(socket: number, group: string, interface_: string, joins: boolean): number;
  /** The interface by which multicasts leave, given in the same way, which also says of which family. */
  setUdpMulticastInterface(socket: number, interface_: string): number;
  /**
   * Sends the first `length` bytes of a Uint8Array to an address of IPv4, as a number; a socket of IPv6 maps it. Never blocks:
   * what the system has no room for is kept and sent later, in order; -EAGAIN means that too much is kept already. The data is
   * not needed afterwards.
   */
  sendUdp(socket: number, data: Uint8Array, length: number, address: number, port: number): number;
  /** The same to a numeric address of the socket's family. */
  sendUdpTo(socket: number, data: Uint8Array, length: number, address: string, port: number): number;
  /** The address, as text, from which the datagram in a place has come; of IPv4 without the form that IPv6 gives it. */
  udpSender(place: number): string;

  /**
   * Has OSC datagrams of a socket emit their events without JavaScript, as long as the core runs, the address of each message is one
   * of these, and its arguments are all of type i or f, in bundles that are not nested. All others go to `received`, and so do those
   * that arrive with them after such a one. Replaces what was set before.
   *
   * @param instance the source of the events
   * @param addresses of paths
   * @param rows of seven numbers for each channel: the index of its address, the position of its argument, the channel's number
   *   within the instance, 1 if limits follow or 0 for those of the type (i: 0 to 255, f: 0 to 1), minimum and maximum, and the
   *   number of arguments that messages to this path must have, 0 for any. No rows: everything goes to `received`
   * @returns 0, or -EBADF for a socket that is closed
   */
  readOsc(core: Core, socket: number, instance: number, addresses: readonly string[], rows: Float64Array): number;
  /**
   * Has an instance's events sent as OSC messages to all targets without JavaScript, as long as the socket stays open, and until this is
   * called again. After that, or with null as the socket, `deliver` gets them.
   *
   * @param addresses numeric, in a family that the socket can send to
   * @param ports as many
   * @returns 0; -EBADF for a socket that is closed, or another negative `errno` for an address that is not numeric: then `deliver` gets
   *   all events
   */
  sendOsc(
    core: Core,
    instance: number,
    socket: number,
    addresses: readonly string[],
    ports: Uint32Array,
    output: OscOutput,
  ): number;
  sendOsc(core: Core, instance: number, socket: null): number;
  /** How many ms ago an OSC datagram was read that way, -1 if none was. */
  oscAge(socket: number): number;

  /**
   * Sends a datagram of sd_notify(3)'s lines to the service manager's socket: a path, or an abstract name with a leading `@`.
   * Never blocks. Returns an error text, or null. Needs neither Python nor a core.
   */
  notifyService(socket: string, text: string): string | null;
}
