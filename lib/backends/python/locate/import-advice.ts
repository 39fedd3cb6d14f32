import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { MainHolder, PythonException } from "../../../binding.js";
import { quotesHelp } from "../../../config/meant.js";
import { didYouMean, nearest } from "../../../config/suggest.js";
import { portHolders } from "../../shared/port-holder.js";
import type { PythonChoice } from "./discovery.js";
import { howToInstall, libraryNamed } from "./packages.js";

/** Where a module was to be imported. */
export interface ImportSurroundings {
  /** The folder that is searched first. */
  readonly folder: string;
  readonly python: PythonChoice;
  /** That of the instance. */
  readonly interpreter: "main" | "own" | "process";
  /** Another instance that has CPython's main interpreter; whether it belongs to the same router. */
  readonly holder?: MainHolder;
}

/**
 * What to do about a module that can't be imported, depending on the exception.
 *
 * @param module its name in the configuration
 * @returns lines of help; none if the traceback is sufficient
 */
export function importAdvice(exception: PythonException, module: string, surroundings: ImportSurroundings): string[] {
  const { type, message, name, path: file, places } = exception;
  const { folder, python } = surroundings;
  if (refusesInterpreter(exception)) {
    return adviceOnInterpreter(extensionIn(message, places), surroundings);
  }
  const [, parent] = /; '([\w.]+)' is not a package$/.exec(message) ?? [];
  if (parent !== undefined && `${module}.`.startsWith(`${name}.`)) {
    return [`'${parent}' is a module: write module = ${parent}; mappings name its functions, as in INSTANCE.${module}`];
  }
  const hiding = hidingLibrary(message, surroundings);
  if (hiding !== undefined) return [hiding];
  if (/^OSError$/.test(type) && IN_USE.test(message)) return adviceOnPort(exception);
  if (NOT_UTF8.test(message)) return ["this module, or one that it imports, is not UTF-8 text: save it as UTF-8"];
  if (type === "ConnectionRefusedError") return [adviceOnRefusal(exception)];
  // With a path, the file named by an option is missing.
  if (type !== "ModuleNotFoundError" || name === undefined || file !== undefined) return [];
  const [missing = name] = name.split(".", 1);
  const quoted = quotesHelp(module);
  if (quoted.length > 0) return quoted;
  if (missing === module.split(".", 1)[0]) {
    const help = didYouMean(module, modulesIn(folder), "available modules");
    return help.length > 0 ? help : [`there is no module in ${folder}`];
  }
  // A package whose name is a misspelling of another may be malicious: no advice to install it.
  if (nearest(missing, ["midimonster"]) !== undefined) return ["did you mean 'midimonster'?"];
  return howToInstall(missing, python);
}

/** The same while user code runs, of whatever it raises: what to do if that is about an import. */
export function lateImportAdvice(exception: PythonException, surroundings: ImportSurroundings): string[] {
  const isImport = exception.type === "ImportError" || exception.type === "ModuleNotFoundError";
  return isImport || refusesInterpreter(exception) ? importAdvice(exception, "", surroundings) : [];
}

function refusesInterpreter({ message, text }: PythonException): boolean {
  return REFUSES_INTERPRETER.some((words) => words.test(message)) || CPU_DISPATCHER.test(text);
}

/** Where an extension module can be imported that refuses the instance's interpreter. */
function adviceOnInterpreter(extension: string, surroundings: ImportSurroundings): string[] {
  if (surroundings.interpreter === "process") return []; // it would not import in plain Python either
  const advice = adviceWithinProcess(extension, surroundings);
  return process.platform === "linux" ? [...advice, OWN_PROCESS] : advice;
}

function adviceWithinProcess(extension: string, { interpreter, holder }: ImportSurroundings): string[] {
  if (interpreter === "main") {
    return [
      `${extension} only works in one interpreter of a process, and another instance has already imported it: import it in`,
      `one instance only, and start again; ${SEE}`,
    ];
  }
  if (holder === undefined) {
    return [
      `${extension} only works in CPython's main interpreter: give this instance 'interpreter = main', which one instance of a`,
      `process can have, from its start on; ${SEE}`,
    ];
  }
  if (!holder.isHere) {
    return [
      `${extension} only works in CPython's main interpreter, which instance '${holder.name}' of another router in this process`,
      `has: stop that router first, or use two processes; ${SEE}`,
    ];
  }
  return [
    `${extension} only works in CPython's main interpreter, which instance '${holder.name}' has: give this instance`,
    `'interpreter = main' and '${holder.name}' 'interpreter = own', and start again; if '${holder.name}' imports ${extension} too,`,
    `run the two in two processes; ${SEE}`,
  ];
}

/** A file of the user's that was imported in place of a library: the library's user then misses something in it. */
function hidingLibrary(message: string, { folder, python }: ImportSurroundings): string | undefined {
  const [, named] = MISSES.map((words) => words.exec(message)).find((match) => match !== null) ?? [];
  const name = named?.split(".", 1)[0];
  if (name === undefined) return undefined;
  const file = [`${name}.py`, path.join(name, "__init__.py")].find((each) => existsSync(path.join(folder, each)));
  if (file === undefined) return undefined;
  const library = libraryNamed(name, python);
  if (library !== undefined) {
    const hidden = library === "Python's" ? "Python's" : `${library} of that name`;
    return `${file} beside the configuration hides ${hidden}; rename it`;
  }
  if (!IMPORTS_ITSELF.test(message)) return undefined;
  return `${file} imports itself: it is found before any library of that name; rename it`;
}

function adviceOnPort({ address, message }: PythonException): string[] {
  const port = portIn(address ?? "") ?? portIn(message);
  const holders = port === undefined ? [] : portHolders(port).filter(({ pid }) => pid !== process.pid);
  const [first] = holders;
  const what = port === undefined ? "another program has this port" : `port ${port} is in use`;
  const by = first === undefined ? "" : ` by process ${first.pid} (${first.protocol}): ${shortened(first.command)}`;
  return [
    `${what}${by}; stop that program, or use another port`,
    "to check a configuration beside a running show: mmpy check --no-run, or open no port if midimonster.checking()",
  ];
}

function shortened(command: string): string {
  return command.length > MAX_COMMAND ? `${command.slice(0, MAX_COMMAND)} …` : command;
}

function adviceOnRefusal({ address }: PythonException): string {
  const at = address === undefined ? "there" : `at ${address}`;
  return `no program listens ${at}: start it first, or connect in a function of interval() until that succeeds`;
}

/** The number after a colon or a comma at the end of an address. */
function portIn(text: string): number | undefined {
  const [, digits] = /:(\d+)$/.exec(text) ?? /\('[^']*', (\d+)[),]/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
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
  if (message.includes("NumPy was imported")) return "numpy";
  const packages = places.flatMap(({ file }) => /[/\\](?:site|dist)-packages[/\\]([\w-]+)/.exec(file)?.[1] ?? []);
  return packages.at(-1) ?? "this extension module";
}

const REFUSES_INTERPRETER = [
  // numpy up to 1.24 and other users of Cython; later ones; modules that CPython itself rejects.
  /can only be loaded (?:into one interpreter|once) per process|cannot load module more than once per process/,
  /does not support loading in subinterpreters/,
  // PyO3, as in cryptography; older ones are "compiled for CPython 3.8 or older".
  /PyO3 modules .*\bonly be initialized once|PyO3 modules do not yet support subinterpreters/,
  // pandas, when numpy does not load; GLib's bindings.
  /^Unable to import required dependencies/,
  /^Unable to register enum 'Py/,
  // A warning of numpy up to 1.26.
  /NumPy was imported from a Python sub-interpreter/,
];

// CPython 3.13 and later initialise a module of the old kind in the main interpreter first; numpy is then initialised twice.
const CPU_DISPATCHER = /CPU dispatcher tracer already init/;

/** What is said of a module that lacks something. */
const MISSES = [
  /module '([\w.]+)' has no attribute/,
  /cannot import name '[^']*' from (?:partially initialized module )?'([\w.]+)'/,
  /'([\w.]+)' is not a package/,
];
const IMPORTS_ITSELF = /partially initialized module|is not a package|consider renaming/;

/** What Python says of source text in Latin-1 or a code page, and in UTF-16. */
const NOT_UTF8 = /^\(unicode error\) 'utf-8' codec can't decode|^source code .*cannot contain null bytes/;

const MAX_COMMAND = 80;

const OWN_PROCESS =
  "or give this instance 'own-process = on', where every extension module works: see docs/processes.md";

const SEE = "see 'only one interpreter' in docs/troubleshooting.md";

const IN_USE = /address already in use/i;
