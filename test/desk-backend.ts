import { writeFileSync } from "node:fs";
import path from "node:path";
import type { BackendDeclaration, ChannelUse } from "../lib/backends/declare.js";
import type {
  Change,
  Channel,
  DeclaredInstance,
  EventBatch,
  InstanceSetup,
  InstanceStatus,
  NextOptions,
  Refusal,
} from "../lib/backends/instance.js";
import { option } from "../lib/backends/options.js";
import type { Backend } from "../lib/backends/simple.js";
import { formatDiagnostic } from "../lib/config/diagnostic.js";
import { Router } from "../lib/engine/router.js";
import { MidimonsterError } from "../lib/errors.js";
import type { Logger } from "../lib/log/log.js";
import { folderWith, MemoryLog } from "./helpers.js";
import { Waiting } from "./waiting.js";

/** A declared backend `desk`. Everything that its router calls is in the diary, and can be made to go wrong there. */
export class DeskBackend {
  readonly diary: string[] = [];
  /** All that were ever made. */
  readonly desks: Desk[] = [];
  readonly #hooks = new Map<string, () => unknown>();

  declaration(over: Partial<BackendDeclaration> = {}): BackendDeclaration {
    return {
      name: "desk",
      summary: "a backend of tests",
      options: {},
      instanceOptions: {
        fixed: option.text({ doc: "replaces the instance where it changes" }),
        level: option.text({ doc: "can change", live: true }),
        step: option.text({ doc: "more can be added", live: "append", repeatable: true }),
      },
      channels: { forms: [{ form: "NAME", doc: "any name", example: "fader" }] },
      load: () => {
        this.enter("load");
        return {
          open: () => {
            const replaced = this.enter("open");
            if (replaced !== undefined) return replaced as never;
            return {
              instance: (setup) => {
                const made = this.enter(`${setup.name} instance`);
                if (made !== undefined) return made as never;
                const desk = new Desk(setup, this);
                this.desks.push(desk);
                return desk;
              },
              start: () => this.enter("start") as undefined,
              stop: () => this.enter("stop") as undefined,
            };
          },
        };
      },
      ...over,
    };
  }

  /** Replaces what is done at an entry: it returns what the hook does, or throws. Without a hook, all goes well. */
  at(entry: string, hook: (() => unknown) | undefined): void {
    if (hook === undefined) this.#hooks.delete(entry);
    else this.#hooks.set(entry, hook);
  }

  enter(entry: string): unknown {
    this.diary.push(entry);
    return this.#hooks.get(entry)?.();
  }

  /** The newest instance of a name. */
  desk(name: string): Desk {
    const found = this.desks.findLast(({ setup }) => setup.name === name);
    if (found === undefined) throw new Error(`there is no desk '${name}'`);
    return found;
  }

  /** The diary's entries since the last call, or some of them. */
  news(only = /./): string[] {
    return this.diary.splice(0).filter((entry) => only.test(entry));
  }
}

export class Desk implements DeclaredInstance {
  readonly channels: Channel[] = [];
  readonly received: [channel: string, value: number][] = [];
  readonly changes: NextOptions[] = [];
  predecessor: DeclaredInstance | undefined;
  currentStatus: InstanceStatus = { state: "ok", text: "fine" };
  readonly #waiting = new Waiting();

  constructor(
    readonly setup: InstanceSetup,
    readonly backend: DeskBackend,
  ) {}

  #enter(what: string): unknown {
    return this.backend.enter(`${this.setup.name} ${what}`);
  }

  connect(channels: readonly Channel[]): readonly Refusal[] {
    const refusals = this.#enter(`connect ${channels.map(({ name, use }) => `${name}:${use}`).join(" ")}`);
    for (const channel of channels) this.channels.push(channel);
    return (refusals ?? this.backend.enter(`${this.setup.name} connects`) ?? []) as readonly Refusal[];
  }

  start(): void | Promise<void> {
    return this.#enter("start") as undefined;
  }

  handle({ length, channels, values }: EventBatch): void {
    this.#enter("handle");
    for (let i = 0; i < length; ++i) this.received.push([this.nameOf(channels[i] ?? -1), values[i] ?? Number.NaN]);
    this.#waiting.changed();
  }

  change(next: NextOptions): Change {
    this.changes.push(next);
    const change = this.#enter("change");
    if (change !== undefined) return change as Change;
    return { keep: () => this.#enter("keep"), undo: () => this.#enter("undo") };
  }

  takeOver(predecessor: DeclaredInstance): void {
    this.predecessor = predecessor;
    this.#enter("takeOver");
  }

  stop(): void | Promise<void> {
    return this.#enter("stop") as undefined;
  }

  status(): InstanceStatus {
    this.#enter("status");
    return this.currentStatus;
  }

  /** What the router said a number means. */
  nameOf(index: number): string {
    return this.channels.find((channel) => channel.index === index)?.name ?? `unknown channel ${index}`;
  }

  numberOf(name: string, use: ChannelUse = "output"): number {
    const found = this.channels.find((channel) => channel.name === name && channel.use === use);
    if (found === undefined) throw new Error(`${this.setup.name} was not told of '${name}'`);
    return found.index;
  }

  emit(name: string, value: number): void {
    this.setup.emit(this.numberOf(name), value);
  }

  /** Resolves once so many events have arrived, with all that have. */
  until(count: number): Promise<[channel: string, value: number][]> {
    return this.#waiting.until(() => (this.received.length >= count ? this.received : undefined));
  }
}

const routers: Router[] = [];

/** A router that is stopped when the test ends. */
export function track(router: Router): Router {
  routers.push(router);
  return router;
}

afterEach(async () => {
  for (const router of routers.splice(0)) await router.stop();
});

/** A router on a configuration file in a folder of its own. */
export class Rig {
  readonly log = new MemoryLog();
  readonly folder: string;
  readonly router: Router;

  constructor(
    config: string,
    backends: readonly (Backend | BackendDeclaration)[],
    files: Record<string, string> = {},
    logger: Logger = this.log,
  ) {
    this.folder = folderWith({ "monster.cfg": config, ...files });
    this.router = track(Router.fromFile(path.join(this.folder, "monster.cfg"), { logger, backends }));
  }

  write(name: string, text: string): void {
    writeFileSync(path.join(this.folder, name), text);
  }

  /** Reloads another configuration. */
  reload(config: string) {
    this.write("monster.cfg", config);
    return this.router.reload();
  }

  /** The errors that work ends with, as a user sees them, without the folder. */
  async errors(work: Promise<unknown>): Promise<string[]> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof MidimonsterError)) throw error;
      const shown = error.diagnostics.length > 0 ? error.diagnostics.map(formatDiagnostic) : [error.message];
      return shown.map((text) => text.replaceAll(`${this.folder}/`, ""));
    }
    return [];
  }
}

/** A turn of the loop: what was emitted has been delivered. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
