import path from "node:path";
import type { IdleModule, PythonException, ResolveError } from "../../binding.js";
import type { Setting } from "../../config/definition.js";
import { MAX_ERRORS } from "../../config/limits.js";
import { didYouMean, nearest } from "../../config/suggest.js";
import type { ChannelUse } from "../declare.js";
import type {
  Change,
  DeclaredInstance,
  InstanceSetup,
  NativePart,
  NextOptions,
  Problem,
  Unresolved,
} from "../instance.js";
import type { Code } from "./code.js";
import type { instanceOptions } from "./index.js";
import type { PythonChoice } from "./locate/discovery.js";
import { type ImportSurroundings, importAdvice, lateImportAdvice } from "./locate/import-advice.js";
import { otherWithMain } from "./main-interpreter.js";

export type Setup = InstanceSetup<typeof instanceOptions>;
type Report = (problem: Problem) => void;

/** What an instance runs in. */
export interface Surroundings {
  readonly python: PythonChoice;
  readonly interpreter: "main" | "own" | "process";
}

/** An interpreter with user code. The core delivers its events; this part serves configurations and reloads. */
export class PythonInstance implements DeclaredInstance<typeof instanceOptions> {
  readonly native: NativePart;
  readonly #name: string;
  readonly #code: Code;
  readonly #setup: Setup;
  readonly #around: Omit<ImportSurroundings, "holder">;
  /** The number of `module` options that have been loaded. */
  #loaded = 0;
  #defaultHandler: string | undefined;
  /** Indices of `module` options whose modules registered and output nothing while they were loaded. */
  readonly #quiet = new Set<number>();
  #modules: readonly Setting[] = [];
  readonly #failed = new Set<string>();

  constructor(setup: Setup, code: Code, surroundings: Surroundings) {
    const { name, folder, settings, options, report } = setup;
    this.#setup = setup;
    this.#name = name;
    this.#code = code;
    this.#around = { folder, ...surroundings };
    const advise = (raised: PythonException) => lateImportAdvice(raised, this.#surroundings);
    setup.engine.advises(advise); // modules may warn while they load
    this.native = {
      number: code.number,
      channels: code.channels,
      fixChannels: () => code.fixChannels(),
      resolve: (inputs) => this.#resolve(inputs),
      advise,
      retired: () => code.retired?.(),
    };
    this.#defaultHandler = options["default-handler"];
    this.#loadModules(settings, report);
  }

  async prepare({ report }: NextOptions<typeof instanceOptions>): Promise<void> {
    await this.#code.answers?.();
    const exception = this.#code.parseChanged();
    if (exception !== null) this.#reportChanged(exception, report);
  }

  change({ options, settings, report }: NextOptions<typeof instanceOptions>): Change {
    const [loaded, defaultHandler] = [this.#loaded, this.#defaultHandler];
    const undo = () => {
      this.#code.endReload(false);
      [this.#loaded, this.#defaultHandler] = [loaded, defaultHandler];
    };
    this.#code.beginReload();
    this.#defaultHandler = options["default-handler"];
    try {
      const { modules, exception, missing } = this.#code.reloadChanged();
      for (const { module, file } of missing) {
        const message = `module '${module}' of instance '${this.#name}' can't be reloaded: ${file} is missing`;
        const index = this.#modules.findIndex(({ value }) => path.basename(value, ".py") === module);
        const place = index < 0 ? {} : { option: "module", index };
        report({ severity: "warning", message, ...place, help: ["the version that has been loaded stays in use"] });
      }
      if (exception === null) this.#loadModules(settings, report);
      else this.#reportChanged(exception, report);
      if (modules.length > 0) this.#quiet.clear(); // it is not known which of them registers something now
      const names = modules.map((module) => `${this.#name}.${module}`);
      return { modules: names, keep: () => this.#code.endReload(true), undo };
    } catch (error) {
      undo();
      throw error;
    }
  }

  note({ name, uses }: { readonly name: string; readonly uses: readonly ChannelUse[] }): string | undefined {
    if (uses.length === 0) return "output by a module, not mapped";
    if (!uses.includes("input")) return undefined;
    if (name.includes(".")) return "calls the function";
    return this.#defaultHandler === undefined ? undefined : "calls the default handler";
  }

  /** Source files of its modules, and those that would be of modules that did not load. */
  files(): readonly string[] {
    return [...this.#code.sourceFiles(), ...this.#failed];
  }

  /** As of now: a reload can remove the instance that has the main interpreter. */
  get #surroundings(): ImportSurroundings {
    const holder = otherWithMain(this.#setup);
    return { ...this.#around, ...(holder && { holder }) };
  }

  #reportChanged(exception: PythonException, report: Report): void {
    const help = importAdvice(exception, "", this.#surroundings);
    const message = `a changed module of instance '${this.#name}' can't be imported`;
    report({ message, help, detail: exception.text });
  }

  /** Loads the modules of `module` options that have not been loaded, in order. */
  #loadModules(settings: readonly Setting[], report: Report): void {
    const modules = settings.filter(({ option }) => option === "module");
    this.#modules = modules;
    for (const [index, { value, folder }] of modules.entries()) {
      if (index < this.#loaded || value === "") continue; // an empty value has already been reported
      const before = this.#code.activity();
      const exception = this.#code.loadModule(value, folder);
      if (exception === null) {
        if (this.#code.activity() === before) this.#quiet.add(index);
        continue;
      }
      const file = value
        .replace(/\.py$/, "")
        .split(value.includes("/") ? "/" : ".")
        .join(path.sep);
      this.#failed.add(path.resolve(folder, `${file}.py`));
      const help = importAdvice(exception, value, { ...this.#surroundings, folder });
      const message = `module '${value}' of instance '${this.#name}' can't be imported`;
      report({ message, option: "module", index, help, detail: exception.text });
    }
    this.#loaded = modules.length;
  }

  #resolve(inputs: Uint32Array): Unresolved {
    const found = this.#code.resolve(inputs, this.#defaultHandler ?? "");
    const errors = found.filter(({ problem }) => problem !== "");
    return {
      channels: errors.filter(({ channel }) => channel >= 0).map((error) => this.#asRefusal(error)),
      hasMore: errors.length > MAX_ERRORS,
      hints: found.filter(({ problem }) => problem === "").map((hint) => this.#asHint(hint)),
      options: [
        ...errors
          .filter(({ channel }) => channel < 0)
          .map(({ problem, candidates, advice }) => ({
            message: `no default handler: ${problem}`,
            option: "default-handler",
            help: helpWith(this.#defaultHandler ?? "", candidates, advice),
          })),
        ...this.#idleModules(inputs),
      ],
    };
  }

  /** Warnings about modules that have nothing to do. */
  #idleModules(inputs: Uint32Array): Problem[] {
    if (this.#quiet.size === 0) return [];
    const names = this.#code.channels.names(0, this.#code.channels.size);
    const called = [...inputs].flatMap((channel) => names[channel] ?? []);
    if (this.#defaultHandler !== undefined) called.push(this.#defaultHandler);
    return [...this.#quiet].flatMap((index) => {
      const value = this.#modules[index]?.value ?? "";
      const module = this.#code.idleModule(value);
      if (module === null || called.some((name) => name.startsWith(`${module.name}.`))) return [];
      return [{ severity: "warning" as const, option: "module", index, ...describeIdle(module, value, this.#name) }];
    });
  }

  #asRefusal({ channel, problem, candidates, advice }: ResolveError) {
    const name = this.#nameOf(channel);
    const [message = "", ...detail] = problem.split("\n");
    return {
      channel,
      problem: `no handler for '${this.#name}.${name}': ${message}`,
      help: helpWith(name, candidates, advice),
      ...(detail.length > 0 && { detail: detail.join("\n") }),
    };
  }

  #asHint({ channel, candidates }: ResolveError) {
    const name = this.#nameOf(channel);
    return {
      channel,
      problem: `'${this.#name}.${name}' calls no function, since its name has no dot and the instance has no default handler`,
      help: candidates.map((candidate) => `to call ${candidate}(), write ${this.#name}.${candidate}`),
    };
  }

  #nameOf(channel: number): string {
    return this.#code.channels.names(channel, 1)[0] ?? "";
  }
}

function describeIdle({ file, guard }: IdleModule, value: string, instance: string) {
  const message = `module '${value}' of instance '${instance}' does nothing: no mapping calls a function of it, and while it was loaded it registered nothing and output nothing`;
  const guarded = `what follows if __name__ == "__main__": in line ${guard} of ${file} does not run here, since the module is imported: move it out of there`;
  return { message, ...(guard > 0 && { help: [guarded] }) };
}

/** The path that was probably meant, or a few of those available and what else there is to say. */
function helpWith(written: string, candidates: readonly string[], advice: readonly string[]): string[] {
  // Whatever was written in front of the function's name, or left out.
  const last = written.slice(written.lastIndexOf(".") + 1);
  const meant = candidates.find((path) => path.endsWith(`.${last}`)) ?? nearest(written, candidates);
  if (meant !== undefined) return [`did you mean '${meant}'?`];
  return [...didYouMean(written, candidates, "available functions"), ...advice];
}
