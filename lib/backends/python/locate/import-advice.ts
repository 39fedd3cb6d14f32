import { readdirSync } from "node:fs";
import type { PythonException } from "../../../binding.js";
import { didYouMean } from "../../../config/suggest.js";

/**
 * What to do about a module that can't be imported, depending on the exception.
 *
 * @param module its name in the configuration
 * @param folder the folder that is searched first
 * @param executable the Python in use
 * @returns lines of help; none if the traceback is sufficient
 */
export function importAdvice(
  { type, message, name, path }: PythonException,
  module: string,
  folder: string,
  executable: string,
): string[] {
  if (type === "ImportError" && REFUSES_SECOND_INTERPRETER.test(message)) {
    return [
      "an extension module may refuse a second interpreter in a process, and every instance is one:",
      "import it in one instance only, and see 'only one interpreter' in docs/troubleshooting.md",
    ];
  }
  if (NUMPY_BEFORE_2_4.test(message)) {
    return [
      "with CPython 3.13 or later, numpy before 2.4 works in no instance: install numpy 2.4 or later in a virtual environment,",
      "and see 'CPU dispatcher tracer' in docs/troubleshooting.md",
    ];
  }
  // With a path, the file named by an option is missing.
  if (type !== "ModuleNotFoundError" || name === undefined || path !== undefined) return [];
  const [missing = name] = name.split(".", 1);
  if (missing === module.split(".", 1)[0]) return didYouMean(module, modulesIn(folder), "available modules");
  return [`is it installed for the Python in use? ${executable} -m pip install ${missing}`];
}

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => /^(\w+)\.py$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}

// numpy up to 1.24 and other users of Cython; later ones; modules that CPython itself rejects.
const REFUSES_SECOND_INTERPRETER =
  /can only be loaded (?:into one interpreter|once) per process|cannot load module more than once per process|does not support loading in subinterpreters/;

// CPython 3.13 and later initialise a module of this kind in the main interpreter first; numpy is then initialised twice.
const NUMPY_BEFORE_2_4 = /^CPU dispatcher tracer already init/;
