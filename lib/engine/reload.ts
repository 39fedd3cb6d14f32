// A reload: plan and prepare beside the running configuration, then commit in one synchronous step, or leave everything as it
// was.
//
// Plan: the new configuration is compared with the running one. Prepare, asynchronous: new instances are created, changed
// modules compiled. Commit, without an `await`: the core is held, changed modules are loaded, channels and handlers are
// resolved, the tables are exchanged, the core continues. Events queued in the meantime keep their place, under their channels'
// new numbers.
import type { Change, NextOptions, Problem } from "../backends/instance.js";
import { reportTo } from "../backends/read-options.js";
import type { Definition } from "../config/definition.js";
import { inReadingOrder } from "../config/diagnostic.js";
import { MidimonsterError, messageOf } from "../errors.js";
import { atOnce, callOnly, untilAborted } from "../user-code.js";
import { Assembly } from "./assembly.js";
import { type BuildHost, build, ownerOf } from "./build.js";
import { connect } from "./connect.js";
import type { InstanceEntry } from "./instances.js";

export class Reload {
  readonly next = new Assembly();
  /** Reloaded modules, as `instance.module`. */
  modules: readonly string[] = [];
  readonly #before: Assembly;
  readonly #definition: Definition;
  readonly #host: BuildHost;
  readonly #backendsBefore: ReadonlySet<string>;

  constructor(before: Assembly, definition: Definition, host: BuildHost) {
    this.#before = before;
    this.#definition = definition;
    this.#host = host;
    this.#backendsBefore = new Set(host.backends.keys());
    if (definition.instances.length > 0 || before.entries.size === 0) return;
    // More likely a file that an editor is still writing than the intention to stop everything.
    const { location } = definition;
    const help = ["it may be half written; to end everything, stop instead of reloading"];
    throw MidimonsterError.fromDiagnostics([
      { message: "no instances are left in the configuration", help, ...(location && { location }) },
    ]);
  }

  get mappings(): Definition["mappings"] {
    return this.#definition.mappings;
  }

  /** Instances that do not continue. */
  get gone(): InstanceEntry[] {
    return [...this.#before.entries.values()].filter(({ live }) => !this.next.entries.has(live.number));
  }

  /** @throws {MidimonsterError} with all errors found; {@link abandon} must follow */
  async prepare(): Promise<void> {
    await build(this.next, this.#definition, this.#host, this.#before);
    for (const entry of this.next.staying) await this.#prepare(entry);
    this.#throwErrors();
  }

  /**
   * Switches to the new configuration. Synchronous; must not be called from within the core.
   *
   * @param installed called when the core has the new tables, with the core still held
   * @throws {MidimonsterError} with all errors found and everything as before; {@link abandon} must follow
   */
  commit(installed: () => void): void {
    const { binding, core } = this.#host.engine;
    const changes: { readonly name: string; readonly change: Change }[] = [];
    let kept = false;
    binding.hold(core, true);
    try {
      for (const entry of this.next.staying) changes.push({ name: entry.name, change: this.#change(entry) });
      kept = connect(this.next, this.#definition.mappings, this.#host.engine);
      if (kept) {
        this.modules = changes.flatMap(({ change }) => change.modules ?? []);
        installed();
        this.#takeOver();
      }
    } finally {
      for (const { name, change } of changes) this.#quietly(name, () => (kept ? change.keep?.() : change.undo?.()));
      binding.hold(core, false);
    }
    if (!kept) this.#throwErrors();
  }

  /** Removes everything that {@link prepare} created. Must not be called from within the core. */
  abandon(): void {
    const { backends, retire } = this.#host;
    retire(this.next.created.map(({ live }) => live));
    for (const name of backends.keys()) if (!this.#backendsBefore.has(name)) backends.delete(name);
  }

  /** The new options of an instance that stays. */
  #optionsOf({ live, read, definition }: InstanceEntry): NextOptions {
    const { findings } = this.next;
    const owner = ownerOf(live.backend.declaration, definition);
    const { settings, nameLocation } = definition;
    const report = (problem: Problem) => reportTo(findings, problem, owner, settings, nameLocation);
    return { options: read.options, patterns: read.patterns, settings, report };
  }

  async #prepare(entry: InstanceEntry): Promise<void> {
    const { live, definition } = entry;
    try {
      await untilAborted(() => live.instance.prepare?.(this.#optionsOf(entry)), this.#host.engine.stopping);
    } catch (error) {
      const message = `instance '${live.name}' could not prepare for its change: ${messageOf(error)}`;
      this.next.findings.error(message, definition.nameLocation);
    }
  }

  #change(entry: InstanceEntry): Change {
    const { live, definition } = entry;
    const { findings } = this.next;
    const errors = findings.errors.length;
    const { nameLocation } = definition;
    let change: Change | undefined;
    try {
      change = atOnce("change", () => live.instance.change?.(this.#optionsOf(entry)));
    } catch (error) {
      findings.error(`instance '${live.name}' could not be changed: ${messageOf(error)}`, nameLocation);
    }
    entry.incomplete ||= findings.errors.length > errors;
    return change ?? {};
  }

  /** Lets new instances take over from those they replace. */
  #takeOver(): void {
    for (const { live } of this.next.created) {
      const predecessor = this.#before.byName.get(live.name)?.live;
      if (predecessor === undefined || predecessor.backend !== live.backend) continue;
      this.#quietly(live.name, () => live.instance.takeOver?.(predecessor.instance));
    }
  }

  /** Reports an exception, or a rejection, where none is allowed, and continues the reload. */
  #quietly(name: string, work: () => unknown): void {
    callOnly(work, (error) => {
      this.#host.log.error({ err: error }, `instance '${name}' threw in the middle of a reload: ${messageOf(error)}`);
    });
  }

  #throwErrors(): void {
    const { errors } = this.next.findings;
    if (errors.length > 0) throw MidimonsterError.fromDiagnostics(inReadingOrder(errors));
  }
}
