import { readdirSync } from "node:fs";
import type { PythonException } from "../../../binding.js";
import { didYouMean, nearest } from "../../../config/suggest.js";

/**
 * What to do about a module that can't be imported, depending on the exception.
 *
 * @param module its name in the configuration
 * @param folder the folder that is searched first
 * @param executable the Python in use
 * @param interpreter that of the instance
 * @returns lines of help; none if the traceback is sufficient
 */
export function importAdvice(
  { type, message, name, path, places, text }: PythonException,
  module: string,
  folder: string,
  executable: string,
  interpreter: "main" | "own",
): string[] {
  if (REFUSES_INTERPRETER.some((words) => words.test(message)) || CPU_DISPATCHER.test(text)) {
    const extension = extensionIn(message, places);
    return interpreter === "own"
      ? [
          `${extension} only works in CPython's main interpreter: give this instance 'interpreter = main', which one instance of a`,
          "process can have, from its start on; see 'only one interpreter' in docs/troubleshooting.md",
        ]
      : [
          `${extension} only works in one interpreter of a process, and another instance has already imported it: import it in`,
          "one instance only, and start again; see 'only one interpreter' in docs/troubleshooting.md",
        ];
  }
  // With a path, the file named by an option is missing.
  if (type !== "ModuleNotFoundError" || name === undefined || path !== undefined) return [];
  const [missing = name] = name.split(".", 1);
  if (missing === module.split(".", 1)[0]) return didYouMean(module, modulesIn(folder), "available modules");
  // A package whose name is a misspelling of another may be malicious: no advice to install it.
  if (nearest(missing, ["midimonster"]) !== undefined) return ["did you mean 'midimonster'?"];
  return [`is it installed for the Python in use? ${executable} -m pip install ${missing}`];
}

function modulesIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => /^(\w+)\.py$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** The package that refuses: named in the message, or the innermost one in the traceback. */
function extensionIn(message: string, places: PythonException["places"]): string {
  const [, named] = /\bmodule '?([\w.]+)'? (?:can only|does not support)/.exec(message) ?? [];
  if (named !== undefined) return named;
  const packages = places.flatMap(({ file }) => /[/\\](?:site|dist)-packages[/\\]([\w-]+)/.exec(file)?.[1] ?? []);
  return packages.at(-1) ?? "this extension module";
}

const REFUSES_INTERPRETER = [
  // numpy up to 1.24 and other users of Cython; later ones; modules that CPython itself rejects.
  /can only be loaded (?:into one interpreter|once) per process|cannot load module more than once per process/,
  /does not support loading in subinterpreters/,
  // PyO3, as in cryptography.
  /PyO3 modules (?:may only be initialized once|do not yet support subinterpreters)/,
  // pandas, when numpy does not load.
  /^Unable to import required dependencies/,
];

// CPython 3.13 and later initialise a module of the old kind in the main interpreter first; numpy is then initialised twice.
const CPU_DISPATCHER = /CPU dispatcher tracer already init/;
