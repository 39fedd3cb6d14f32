import type { PythonException, ResolveError } from "../../binding.js";
import type { Setting } from "../../config/definition.js";
import { MAX_ERRORS } from "../../config/limits.js";
import { didYouMean, nearest } from "../../config/suggest.js";
import type { Engine } from "../../engine/engine.js";
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
import type { instanceOptions } from "./index.js";
import { importAdvice } from "./locate/import-advice.js";

type Setup = InstanceSetup<typeof instanceOptions>;
type Report = (problem: Problem) => void;

/** What an instance runs in. */
export interface Surroundings {
  readonly executable: string;
  readonly interpreter: "main" | "own";
}

/** An interpreter with user code. The core delivers its events; this part serves configurations and reloads. */
export class PythonInstance implements DeclaredInstance<typeof instanceOptions> {
  readonly native: NativePart;
  readonly #name: string;
  readonly #folder: string;
  readonly #engine: Engine;
  readonly #number: number;
  readonly #executable: string;
  readonly #interpreter: "main" | "own";
  /** The number of `module` options that have been loaded. */
  #loaded = 0;
  #defaultHandler: string | undefined;

  constructor(
    { name, folder, engine, settings, options, report }: Setup,
    number: number,
    { executable, interpreter }: Surroundings,
  ) {
    this.#name = name;
    this.#folder = folder;
    this.#engine = engine;
    this.#number = number;
    this.#executable = executable;
    this.#interpreter = interpreter;
    const { binding, core } = engine;
    this.native = {
      number,
      // Not kept here too: there may be a million names.
      channels: {
        get size() {
          return binding.channelCount(core, number);
        },
        add: (names) => binding.addChannels(core, number, names),
        names: (first, count) => binding.channelNames(core, number, first, count),
      },
      fixChannels: () => binding.fixChannels(core, number),
      resolve: (inputs) => this.#resolve(inputs),
    };
    this.#defaultHandler = options["default-handler"];
    this.#loadModules(settings, report);
  }

  prepare({ report }: NextOptions<typeof instanceOptions>): void {
    const exception = this.#engine.binding.parseChanged(this.#engine.core, this.#number);
    if (exception !== null) this.#reportChanged(exception, report);
  }

  change({ options, settings, report }: NextOptions<typeof instanceOptions>): Change {
    const { binding, core } = this.#engine;
    const [loaded, defaultHandler] = [this.#loaded, this.#defaultHandler];
    const undo = () => {
      binding.endReload(core, this.#number, false);
      [this.#loaded, this.#defaultHandler] = [loaded, defaultHandler];
    };
    this.#defaultHandler = options["default-handler"];
    binding.beginReload(core, this.#number);
    try {
      const { modules, exception, missing } = binding.reloadChanged(core, this.#number);
      for (const { module, file } of missing) {
        const message = `module '${module}' of instance '${this.#name}' can't be reloaded: ${file} is missing`;
        report({ severity: "warning", message, help: ["the version that has been loaded stays in use"] });
      }
      if (exception === null) this.#loadModules(settings, report);
      else this.#reportChanged(exception, report);
      const names = modules.map((module) => `${this.#name}.${module}`);
      return { modules: names, keep: () => binding.endReload(core, this.#number, true), undo };
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

  /** Source files of its modules. */
  files(): readonly string[] {
    return this.#engine.binding.sourceFiles(this.#engine.core, this.#number);
  }

  #reportChanged(exception: PythonException, report: Report): void {
    const help = importAdvice(exception, "", this.#folder, this.#executable, this.#interpreter);
    const message = `a changed module of instance '${this.#name}' can't be imported`;
    report({ message, help, detail: exception.text });
  }

  /** Loads the modules of `module` options that have not been loaded, in order. */
  #loadModules(settings: readonly Setting[], report: Report): void {
    const { binding, core } = this.#engine;
    const modules = settings.filter(({ option }) => option === "module");
    for (const [index, { value, folder }] of modules.entries()) {
      if (index < this.#loaded || value === "") continue; // an empty value has already been reported
      const exception = binding.loadModule(core, this.#number, value, folder);
      if (exception === null) continue;
      const help = importAdvice(exception, value, folder, this.#executable, this.#interpreter);
      const message = `module '${value}' of instance '${this.#name}' can't be imported`;
      report({ message, option: "module", index, help, detail: exception.text });
    }
    this.#loaded = modules.length;
  }

  #resolve(inputs: Uint32Array): Unresolved {
    const { binding, core } = this.#engine;
    const found = binding.resolve(core, this.#number, inputs, this.#defaultHandler ?? "");
    const errors = found.filter(({ problem }) => problem !== "");
    return {
      channels: errors.filter(({ channel }) => channel >= 0).map((error) => this.#asRefusal(error)),
      hasMore: errors.length > MAX_ERRORS,
      hints: found.filter(({ problem }) => problem === "").map((hint) => this.#asHint(hint)),
      options: errors
        .filter(({ channel }) => channel < 0)
        .map(({ problem, candidates, advice }) => ({
          message: `no default handler: ${problem}`,
          option: "default-handler",
          help: helpWith(this.#defaultHandler ?? "", candidates, advice),
        })),
    };
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
    const { binding, core } = this.#engine;
    return binding.channelNames(core, this.#number, channel, 1)[0] ?? "";
  }
}

/** The path that was probably meant, or a few of those available and what else there is to say. */
function helpWith(written: string, candidates: readonly string[], advice: readonly string[]): string[] {
  // Whatever was written in front of the function's name, or left out.
  const last = written.slice(written.lastIndexOf(".") + 1);
  const meant = candidates.find((path) => path.endsWith(`.${last}`)) ?? nearest(written, candidates);
  if (meant !== undefined) return [`did you mean '${meant}'?`];
  return [...didYouMean(written, candidates, "available functions"), ...advice];
}
