import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../../binding.js";
import { MidimonsterError } from "../../errors.js";
import type { AnnouncedInstance, BackendFacts, BackendSetup, InstanceSetup, OpenBackend } from "../instance.js";
import { codeHere } from "./code.js";
import type { instanceOptions, options } from "./index.js";
import { PythonInstance } from "./instance.js";
import { chooseOrAdvise } from "./locate/alternatives.js";
import { choosePythonProgram, type PythonChoice } from "./locate/discovery.js";
import { getsMain } from "./main-interpreter.js";
import { ProcessInstance } from "./process/instance.js";
import { RemoteCode } from "./process/remote-code.js";

/** Options of instances that have a meaning in a process of their own only. */
const ONLY_IN_PROCESS = ["python", "memory-limit", "restart"];

interface Begun {
  readonly python: PythonChoice;
  readonly code: RemoteCode;
}

/** Runs Python modules, each instance in an interpreter of its own. Events for its instances never pass through JavaScript. */
class PythonBackend implements OpenBackend<typeof instanceOptions> {
  readonly #setup: BackendSetup<typeof options>;
  #choice: PythonChoice | undefined;
  /** Processes that have been started for instances that are still to be created. */
  readonly #begun = new Map<string, Begun>();

  constructor(setup: BackendSetup<typeof options>) {
    this.#setup = setup;
  }

  facts(): BackendFacts {
    return this.#choice === undefined ? {} : { python: this.#choice };
  }

  /** Starts all processes, so that their Pythons start side by side. */
  async announce(instances: readonly AnnouncedInstance<typeof instanceOptions>[]): Promise<() => void> {
    const { binding, stopping } = this.#setup.engine;
    const apart = instances.filter((instance) => this.#isApart(instance));
    const end = () => {
      for (const { code } of this.#begun.values()) code.discard();
      this.#begun.clear();
    };
    const asked = new Map<string | undefined, Promise<PythonChoice>>();
    const ask = ({ options }: AnnouncedInstance<typeof instanceOptions>) => {
      const configured = options.python ?? this.#setup.options.python;
      const answer = asked.get(configured) ?? choosePythonProgram(configured, this.#setup.log, stopping);
      asked.set(configured, answer);
      return answer;
    };
    const pythons = await Promise.allSettled(apart.map(ask));
    try {
      for (const [i, instance] of apart.entries()) {
        stopping.throwIfAborted();
        // While modules load, JavaScript does not come to see a signal.
        if (binding.stopSignalSeen()) throw new Error("a signal to stop has arrived");
        const python = pythons[i];
        if (python?.status !== "fulfilled") throw aboutInstance(instance.name, python?.reason);
        this.#begun.set(instance.name, { python: python.value, code: this.#begin(instance, python.value) });
      }
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  async instance(setup: InstanceSetup<typeof instanceOptions>): Promise<PythonInstance> {
    if (this.#isApart(setup)) return this.#inProcess(setup);
    for (const option of ONLY_IN_PROCESS) {
      if (!setup.settings.some((setting) => setting.option === option)) continue;
      setup.report({ message: `'${option}' needs 'own-process = on'`, option });
    }
    const python = await this.#load();
    const { binding, core, argument, stopping } = setup.engine;
    stopping.throwIfAborted();
    const main = getsMain(setup);
    if (binding.stopSignalSeen()) throw new Error("a signal to stop has arrived");
    const number = binding.addPython(core, setup.name, setup.folder, argument, main);
    if (typeof number === "string") {
      throw new MidimonsterError("PYTHON_LOAD", `no interpreter for instance '${setup.name}': ${number}`);
    }
    return new PythonInstance(setup, codeHere(setup.engine, number), { python, interpreter: main ? "main" : "own" });
  }

  #isApart({ options }: AnnouncedInstance<typeof instanceOptions>): boolean {
    return options["own-process"] ?? this.#setup.options["own-process"];
  }

  #begin({ name, folder, options }: AnnouncedInstance<typeof instanceOptions>, python: PythonChoice): RemoteCode {
    const { engine, log, options: backend } = this.#setup;
    return new RemoteCode(
      {
        engine,
        number: engine.binding.addProcess(engine.core),
        name,
        folder,
        executable: python.executable,
        ignoreHome: pointsElsewhere(process.env.PYTHONHOME, python),
        handlerWarn: backend["handler-warn"],
        handlerTimeout: backend["handler-timeout"],
        memoryLimit: options["memory-limit"] ?? 0,
      },
      log,
      options.restart,
    );
  }

  async #inProcess(setup: InstanceSetup<typeof instanceOptions>): Promise<PythonInstance> {
    const { name, log, engine } = setup;
    const begun = this.#begun.get(name);
    if (begun === undefined) throw new Error("its process was not started");
    this.#begun.delete(name);
    const { code, python } = begun;
    if (engine.binding.stopSignalSeen()) {
      code.discard();
      throw new Error("a signal to stop has arrived");
    }
    await code.started();
    log.info(
      { python, instance: name, pid: code.pid },
      `instance '${name}' in process ${code.pid}: Python ${python.version} from ${python.executable}`,
    );
    return new ProcessInstance(setup, code, { python, interpreter: "process" });
  }

  /** Loads CPython, for the first instance. */
  async #load(): Promise<PythonChoice> {
    if (this.#choice !== undefined) return this.#choice;
    const { options, log, engine } = this.#setup;
    const choice = await chooseOrAdvise(options.python, log, engine.stopping);
    const ignoreHome = pointsElsewhere(process.env.PYTHONHOME, choice);
    if (ignoreHome) {
      log.warn(
        { PYTHONHOME: process.env.PYTHONHOME },
        `environment variable PYTHONHOME is ignored: it is ${process.env.PYTHONHOME}, and the Python in use is that of ${choice.prefix}`,
      );
    }
    const error = engine.binding.startPython({
      library: choice.library,
      programName: choice.executable,
      bootstrapPath: path.join(packageFolder, "python", "runtime", "start.py"),
      deepBind: options.deepbind,
      ignoreHome,
      handlerWarn: options["handler-warn"],
      handlerTimeout: options["handler-timeout"],
    });
    if (error !== null) {
      throw new MidimonsterError(error.code, `${choice.executable} can't be used: ${error.message}`);
    }
    this.#choice = choice;
    if (!engine.binding.callsBackIntoInstances()) {
      log.debug(
        { python: choice },
        "CPython's key for thread states was not found: C code that calls Python back may hang (docs/shared-process.md)",
      );
    }
    log.info({ python: choice }, `Python ${choice.version} from ${choice.executable}`);
    return choice;
  }
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

/** An error of one of several instances that start together. */
function aboutInstance(name: string, error: unknown): unknown {
  if (!(error instanceof MidimonsterError)) return error;
  return new MidimonsterError(error.code, `instance '${name}': ${error.message}`, [], { cause: error });
}

export { inspect } from "./inspect.js";

export function open(setup: BackendSetup<typeof options>): OpenBackend<typeof instanceOptions> {
  return new PythonBackend(setup);
}
