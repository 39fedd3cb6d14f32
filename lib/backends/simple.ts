import { messageOf } from "../errors.js";
import type { Logger } from "../log/log.js";
import { atOnce } from "../user-code.js";
import type { BackendDeclaration, ChannelUse } from "./declare.js";
import type {
  BackendSetup,
  Channel,
  DeclaredInstance,
  EventBatch,
  InstanceSetup,
  InstanceStatus,
  OpenBackend,
  Refusal,
} from "./instance.js";
import { type OptionSet, option } from "./options.js";
import { checkInstance, doubtsAbout } from "./shapes.js";

export type { ChannelUse, EventBatch };

/**
 * A protocol, or another kind of source and destination of events. `[NAME INSTANCE]` sections create its instances.
 *
 * A backend object belongs to one router. The router calls, in this order: `configure` for every option of
 * `[backend NAME]`; for every instance `create`, then the instance's `configure` for its options and `channel` for the
 * channels that mappings use; `start`, then every instance's `start`; while running, `handle` on the instances; at the
 * end every instance's `stop`, then `stop`. Methods may be asynchronous where their type says so. An exception stops
 * the start with the error's message, at the place of the option, instance or channel in the configuration that it
 * concerns; from `handle` and `stop` it is logged.
 */
export interface Backend {
  /** As in the configuration, without whitespace. */
  readonly name: string;

  /** Options of `[backend NAME]`; others are errors. Absent: all are passed on. */
  readonly options?: readonly string[];

  /** Options of instances; others are errors. Absent: all are passed on. */
  readonly instanceOptions?: readonly string[];

  /** Takes an option of `[backend NAME]`. Absent: options are ignored. */
  configure?(option: string, value: string, context: BackendContext): void | Promise<void>;

  /** Creates an instance. */
  create(context: InstanceContext): Instance | Promise<Instance>;

  /** Opens resources that all instances share. @param signal aborted when the router is stopped in the meantime */
  start?(signal: AbortSignal): void | Promise<void>;

  /** Closes them. Called after every start(), also if that failed. Has two seconds. */
  stop?(): void | Promise<void>;
}

export interface Instance {
  /**
   * How events for this instance are handled: `handle` (the default) calls {@link Instance.handle}; `reflect` outputs them
   * again on the same channel, without a call into JavaScript.
   */
  readonly routing?: "handle" | "reflect";

  /** Takes an option of the instance, each time it is given. Absent: options are ignored. */
  configure?(option: string, value: string, context: BackendContext): void | Promise<void>;

  /**
   * Receives a channel that a mapping uses; throws if the channel is invalid. Called once per channel and use, when everything
   * else in the configuration is known to be right.
   *
   * @param name as in the configuration, with expressions expanded
   * @param index the number by which `handle` and `emit` know the channel: from 0, in order of creation
   * @param use `output` if events come from it, `input` if they go to it
   */
  channel?(name: string, index: number, use: ChannelUse): void;

  /** Opens the instance's resources. @param signal aborted when the router is stopped in the meantime */
  start?(signal: AbortSignal): void | Promise<void>;

  /**
   * Handles a batch of events for this instance, in order. The arrays are reused: copy data that is needed later. Events
   * emitted in the meantime are delivered after it returns.
   */
  handle?(batch: EventBatch): void;

  /** Closes them. Called after every start(), also if that failed. Has two seconds. */
  stop?(): void | Promise<void>;

  /** The state of the instance, for `Router.describe()`. */
  status?(): InstanceStatus;
}

export interface BackendContext {
  /** The folder of the file that contains the option; relative paths in it start from here. */
  readonly folder: string;
  readonly log: Logger;
}

export interface InstanceContext {
  /** The folder of the file that contains the instance's section. */
  readonly folder: string;
  readonly log: Logger;

  /** The instance's name in the configuration. */
  readonly name: string;

  /**
   * Outputs a value on a channel. Queued, and delivered to all channels it is mapped to: after `handle` returns if called
   * from there, otherwise before the current turn of the event loop ends. If called earlier, it is kept until `start()` has
   * been called for all instances. Never throws: a value that is not a number and an unknown channel are logged and counted.
   *
   * @param channel number of the channel, as given to {@link Instance.channel}
   * @param value clamped to 0..1
   */
  emit(channel: number, value: number): void;

  /** The core's time in ms: monotonic, unrelated to the time of day. */
  now(): number;
}

/** The declaration of a backend that is an object with `create()`. */
export function declarationOf(backend: Backend): BackendDeclaration {
  return {
    name: backend.name,
    summary: "a backend of this program",
    options: accepting(backend.options),
    instanceOptions: accepting(backend.instanceOptions),
    otherOptions: backend.options === undefined ? "accepted" : "error",
    otherInstanceOptions: backend.instanceOptions === undefined ? "accepted" : "error",
    channels: { forms: [] },
    load: () => ({ open: (setup) => openSimple(backend, setup) }),
  };
}

/** Options whose values the backend parses itself. */
function accepting(names: readonly string[] = []): OptionSet {
  const kind = { kind: "text", form: "TEXT", parse: (value: string) => ({ value }) };
  return Object.fromEntries(
    names.map((name) => [name, { ...option.custom({ doc: "", repeatable: true }, kind), takesEmpty: true }]),
  );
}

async function openSimple(backend: Backend, setup: BackendSetup): Promise<OpenBackend> {
  await configure(backend, backend.options, setup);
  return {
    instance: (instanceSetup) => createSimple(backend, instanceSetup),
    start: (signal) => backend.start?.(signal),
    stop: () => backend.stop?.(),
  };
}

async function createSimple(backend: Backend, setup: InstanceSetup): Promise<DeclaredInstance> {
  const { name, folder, log, emit, now } = setup;
  const instance = await backend.create({ name, folder, log, emit, now });
  checkInstance(instance, backend.name);
  for (const doubt of doubtsAbout("created instance", instance)) {
    setup.report({ severity: "warning", message: `instance '${name}' of backend '${backend.name}': its ${doubt}` });
  }
  await configure(instance, backend.instanceOptions, setup);
  const { binding, core } = setup.engine;
  return {
    ...(instance.routing === "reflect" && { native: { number: binding.addLoopback(core) } }),
    connect: (channels) => channels.flatMap((channel) => tell(instance, channel)),
    start: (signal) => instance.start?.(signal),
    // Looked up for every batch: a program may replace the function.
    handle: (batch) => instance.handle?.(batch),
    stop: () => instance.stop?.(),
    ...(instance.status && { status: () => instance.status?.() ?? { state: "ok", text: "" } }),
  };
}

/** Hands the settings that the backend declares to `configure()`, one by one. */
async function configure(
  target: Pick<Backend, "configure">,
  known: readonly string[] | undefined,
  { settings, log, report }: Pick<BackendSetup, "settings" | "log" | "report">,
): Promise<void> {
  const counts = new Map<string, number>();
  for (const { option: name, value, folder } of settings) {
    const index = counts.get(name) ?? 0;
    counts.set(name, index + 1);
    if (known !== undefined && !known.includes(name)) continue;
    try {
      await target.configure?.(name, value, { folder, log });
    } catch (error) {
      report({ message: messageOf(error), option: name, index });
    }
  }
}

function tell(instance: Instance, { name, index, use }: Channel): Refusal[] {
  try {
    atOnce("channel", () => instance.channel?.(name, index, use));
    return [];
  } catch (error) {
    return [{ channel: index, problem: messageOf(error) }];
  }
}
