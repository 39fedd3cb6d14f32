import { readdirSync } from "node:fs";
import { didYouMean } from "../config/suggest.js";

/**
 * What to do about a module that does not import, going by its traceback.
 *
 * @param module what the configuration calls it
 * @param folder where it is looked for first
 * @param executable the Python in use
 * @returns lines of help; none where the traceback says it all
 */
export function importAdvice(traceback: string, module: string, folder: string, executable: string): string[] {
  const error = traceback.slice(traceback.lastIndexOf("\n") + 1);
  if (REFUSES_SECOND_INTERPRETER.test(error)) {
    return [
      "an extension module may refuse a second interpreter in a process, and every instance is one:",
      "import it in one instance only, and see 'only one interpreter' in docs/troubleshooting.md",
    ];
  }
  if (NUMPY_BEFORE_2_4.test(error)) {
    return [
      "with CPython 3.13 or later, numpy before 2.4 works in no instance: install numpy 2.4 or later in a virtual environment,",
      "and see 'CPU dispatcher tracer' in docs/troubleshooting.md",
    ];
  }
  const missing = /^ModuleNotFoundError: No module named '([^'.]+)/.exec(error)?.[1];
  if (missing === module.split(".")[0]) return didYouMean(module, modulesIn(folder), "there are the modules");
  if (missing !== undefined) return [`is it installed for the Python in use? ${executable} -m pip install ${missing}`];
  return [];
}

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => /^(\w+)\.py$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}

// numpy up to 1.24 and other users of Cython; later ones; modules that CPython itself keeps out.
const REFUSES_SECOND_INTERPRETER =
  /can only be loaded (?:into one interpreter|once) per process|cannot load module more than once per process|does not support loading in subinterpreters/;

// CPython 3.13 and later initialise a module of this kind in the main interpreter first; numpy is then initialised twice.
const NUMPY_BEFORE_2_4 = /^RuntimeError: CPU dispatcher tracer already init/;
