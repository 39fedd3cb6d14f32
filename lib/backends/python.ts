import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { type Binding, type Core, packageFolder, type ResolveError } from "../binding.js";
import type { Setting } from "../config/definition.js";
import { MidimonsterError } from "../errors.js";
import type { Logger } from "../log.js";
import type { Channels } from "../mapping/channel-set.js";
import { choosePython, type PythonChoice } from "../python/discovery.js";
import { importAdvice } from "../python/import-advice.js";
import type { Backend, BackendContext, Instance, InstanceContext } from "./backend.js";

/** What a python instance needs of its router beside the public context. */
export interface PythonContext extends InstanceContext {
  readonly binding: Binding;
  readonly core: Core;
  /** `sys.argv[0]`: the configuration's path, or the folder if there is none. */
  readonly argument: string;
}

/** A module that does not import; the traceback is the detail to show, and `help` what to do. */
export class ModuleError extends Error {
  constructor(
    message: string,
    readonly traceback: string,
    readonly help: readonly string[],
  ) {
    super(message);
  }
}

/** Runs Python modules in interpreters of their own. Events for its instances never touch JavaScript. */
export class PythonBackend implements Backend {
  readonly name = "python";
  readonly options = ["python", "deepbind", "handler-warn", "handler-timeout"];
  readonly instanceOptions = ["module", "default-handler"];
  #python: string | undefined;
  #deepBind = true;
  #handlerWarn = 100;
  #handlerTimeout = 0;
  #choice: PythonChoice | undefined;

  configure(option: string, value: string, { folder }: BackendContext): void {
    if (option === "python") {
      if (value === "") throw new Error("'python' needs an interpreter, a virtual environment's folder, or a version");
      this.#python = pythonNamed(value, folder);
    } else if (option === "handler-warn") {
      this.#handlerWarn = milliseconds(option, value);
    } else if (option === "handler-timeout") {
      this.#handlerTimeout = milliseconds(option, value);
    } else {
      if (value !== "on" && value !== "off") throw new Error(`'deepbind' is on or off, not '${value}'`);
      this.#deepBind = value === "on";
    }
  }

  /** The Python that runs, once there is an instance. */
  get choice(): PythonChoice | undefined {
    return this.#choice;
  }

  async create(context: PythonContext): Promise<PythonInstance> {
    const { executable } = await this.#load(context.binding, context.log);
    const number = context.binding.addPython(context.core, context.name, context.folder, context.argument);
    if (typeof number === "string") {
      throw new MidimonsterError("PYTHON_LOAD", `no interpreter for instance '${context.name}': ${number}`);
    }
    return new PythonInstance(context, number, executable);
  }

  async #load(binding: Binding, log: Logger): Promise<PythonChoice> {
    if (this.#choice !== undefined) return this.#choice;
    const choice = await choosePython(this.#python, log);
    const ignoreHome = pointsElsewhere(process.env.PYTHONHOME, choice);
    if (ignoreHome) {
      log.warn(
        { PYTHONHOME: process.env.PYTHONHOME },
        `environment variable PYTHONHOME is ignored: it is ${process.env.PYTHONHOME}, and the Python in use is that of ${choice.prefix}`,
      );
    }
    const error = binding.startPython({
      library: choice.library,
      programName: choice.executable,
      bootstrapPath: path.join(packageFolder, "python", "runtime", "start.py"),
      deepBind: this.#deepBind,
      ignoreHome,
      handlerWarn: this.#handlerWarn,
      handlerTimeout: this.#handlerTimeout,
    });
    if (error !== null) {
      throw new MidimonsterError(error.code, `${choice.executable} can't be used: ${error.message}`);
    }
    this.#choice = choice;
    log.info({ python: choice }, `Python ${choice.version} from ${choice.executable}`);
    return choice;
  }
}

/** What an option `python` means, wherever it is read: an absolute path, or a word that is a command or a version. */
export function pythonNamed(value: string, folder: string): string {
  // A bare word is a command or a version, unless there is a folder of that name here: a virtual environment.
  const file = path.resolve(folder, value);
  return value.includes(path.sep) || existsSync(file) ? file : value;
}

const SHORTEST = 50; // ms; the watchdog looks every 25

function milliseconds(option: string, value: string): number {
  const number = value === "off" ? 0 : Number(value);
  if (value.trim() !== "" && Number.isInteger(number) && (number === 0 || number >= SHORTEST) && number < 2 ** 31)
    return number;
  throw new Error(`'${option}' is a time in ms, ${SHORTEST} or more, or off; not '${value}'`);
}

/** Whether PYTHONHOME would make CPython take another standard library or other packages than the chosen one's. */
function pointsElsewhere(home: string | undefined, { prefix, basePrefix, baseExecPrefix }: PythonChoice): boolean {
  if (!home) return false;
  // With one, CPython does not look for a virtual environment at all.
  if (prefix !== basePrefix) return true;
  const colon = home.indexOf(path.delimiter);
  const folders = colon < 0 ? [home, home] : [home.slice(0, colon), home.slice(colon + 1)];
  const real = (folder: string | undefined = "") => (existsSync(folder) ? realpathSync(folder) : folder);
  return real(folders[0]) !== real(basePrefix) || real(folders[1]) !== real(baseExecPrefix);
}

export class PythonInstance implements Instance {
  readonly #context: PythonContext;
  /** The instance's number in the core. */
  readonly number: number;
  /** What the `module` options name that have been loaded, in order. */
  readonly modules: { readonly value: string; readonly folder: string }[] = [];
  /** How many of them the configuration that is being read has named so far. */
  #named = 0;
  /** The native part's: a million names would be too many to have twice. */
  readonly channels: Channels;
  readonly #executable: string;
  #defaultHandler = "";
  /** Before the reload that is under way. */
  #before: { readonly modules: number; readonly defaultHandler: string } | undefined;

  constructor(context: PythonContext, number: number, executable: string) {
    this.#context = context;
    this.#executable = executable;
    this.number = number;
    const { binding, core } = context;
    this.channels = {
      get size() {
        return binding.channelCount(core, number);
      },
      add: (names) => binding.addChannels(core, number, names),
      names: (first, count) => binding.channelNames(core, number, first, count),
    };
  }

  get defaultHandler(): string {
    return this.#defaultHandler;
  }

  configure(option: string, value: string, { folder }: BackendContext): void {
    if (value === "") throw new Error(`'${option}' needs a value`);
    if (option === "default-handler") {
      this.#defaultHandler = value;
      return;
    }
    const known = this.modules[this.#named];
    if (known !== undefined && known.value === value && known.folder === folder) {
      ++this.#named;
      return;
    }
    const { binding, core } = this.#context;
    const exception = binding.loadModule(core, this.number, value, folder);
    if (exception !== null) {
      const help = importAdvice(exception, value, folder, this.#executable);
      const message = `module '${value}' of instance '${this.#context.name}' does not import`;
      throw new ModuleError(message, exception.text, help);
    }
    this.modules.push({ value, folder });
    ++this.#named;
  }

  /** Whether these settings can be had from this instance: they name its modules, and perhaps more behind them. */
  canTake(settings: readonly Setting[]): boolean {
    const modules = settings.filter(({ option }) => option === "module");
    return this.modules.every(({ value, folder }, i) => modules[i]?.value === value && modules[i].folder === folder);
  }

  /**
   * Begins to reload: loads changed modules anew; `configure` with all options, {@link fixChannels} and {@link resolve}
   * follow, then {@link endReload}. All in one turn of the loop, while the core is held.
   *
   * @returns names of the modules that were loaded anew
   * @throws {ModuleError}
   */
  beginReload(): string[] {
    const { binding, core, name, folder } = this.#context;
    this.#before = { modules: this.modules.length, defaultHandler: this.#defaultHandler };
    this.#named = 0;
    this.#defaultHandler = "";
    binding.beginReload(core, this.number);
    const { modules, exception } = binding.reloadChanged(core, this.number);
    if (exception !== null) {
      const help = importAdvice(exception, modules[0] ?? "", folder, this.#executable);
      throw new ModuleError(`a changed module of instance '${name}' does not import`, exception.text, help);
    }
    return modules;
  }

  /** @param keep whether the new versions of modules stay, and the new options; else all is as before */
  endReload(keep: boolean): void {
    this.#context.binding.endReload(this.#context.core, this.number, keep);
    if (!keep && this.#before !== undefined) {
      this.modules.length = this.#before.modules;
      this.#defaultHandler = this.#before.defaultHandler;
    }
    this.#named = this.modules.length;
    this.#before = undefined;
  }

  /** Source files of its modules. */
  sourceFiles(): string[] {
    return this.#context.binding.sourceFiles(this.#context.core, this.number);
  }

  /** Ends the time in which output() creates channels. */
  fixChannels(): void {
    this.#context.binding.fixChannels(this.#context.core, this.number);
  }

  resolve(channels: Uint32Array): ResolveError[] {
    return this.#context.binding.resolve(this.#context.core, this.number, channels, this.#defaultHandler);
  }
}
