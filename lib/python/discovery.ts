import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { MidimonsterError, messageOf } from "../errors.js";
import type { Logger } from "../log.js";

/** A CPython that can be loaded into this process. */
export interface PythonChoice {
  /** As in `3.11.2`. */
  readonly version: string;
  /** `sys.executable`; a virtual environment's own. */
  readonly executable: string;
  /** Path of libpython, or its file name if only the loader can find it. */
  readonly library: string;
  /** Why this Python and not another. */
  readonly reason: string;
}

interface Candidate {
  readonly command: string;
  readonly reason: string;
  /** Somebody asked for this one: if it is not usable, no other is taken instead. */
  readonly explicit: boolean;
}

/** What a Python says of itself. */
interface Probe {
  readonly version: readonly [number, number, number];
  readonly implementation: string;
  readonly executable: string;
  readonly basePrefix: string;
  readonly shared: boolean;
  readonly freeThreaded: boolean;
  /** File names of its library, the most specific first. */
  readonly libraries: readonly string[];
  readonly folders: readonly string[];
}

const OLDEST = [3, 9] as const;

const PROBE = `
import json, sys, sysconfig
get = sysconfig.get_config_var
print(json.dumps({
    "version": sys.version_info[:3],
    "implementation": sys.implementation.name,
    "executable": sys.executable,
    "basePrefix": sys.base_prefix,
    "shared": bool(get("Py_ENABLE_SHARED")),
    "freeThreaded": bool(get("Py_GIL_DISABLED")),
    "libraries": [name for name in (get("INSTSONAME"), get("LDLIBRARY")) if name],
    "folders": [folder for folder in (get("LIBDIR"), get("LIBPL"), get("srcdir")) if folder],
}))
`;

// A process loads one Python, and asking it costs a process of its own: ask once for each way of naming one.
const choices = new Map<string, Promise<PythonChoice>>();

/**
 * Finds the Python to load: the one the configuration names, else that of MMPY_PYTHON, VIRTUAL_ENV or CONDA_PREFIX, else
 * the first usable `python3` on PATH.
 *
 * @param configured `python` option: an interpreter, the folder of a virtual environment, or a command
 * @throws {MidimonsterError} with a `PYTHON_*` code
 */
export function choosePython(configured: string | undefined, log: Logger): Promise<PythonChoice> {
  const { MMPY_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, PATH } = process.env;
  const key = JSON.stringify([configured, MMPY_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, PATH]);
  let choice = choices.get(key);
  if (choice === undefined) {
    choice = choose(configured, log);
    choices.set(key, choice);
    choice.catch(() => choices.delete(key)); // what was wrong may be mended by the next time
  }
  return choice;
}

async function choose(configured: string | undefined, log: Logger): Promise<PythonChoice> {
  const problems: MidimonsterError[] = [];
  for (const candidate of candidates(configured, process.env)) {
    try {
      const choice = await examine(candidate);
      log.debug({ python: choice }, `chose ${choice.executable} (${choice.reason}), library ${choice.library}`);
      return choice;
    } catch (error) {
      if (!(error instanceof MidimonsterError) || candidate.explicit) throw error;
      log.debug({ command: candidate.command }, `not usable: ${error.message}`);
      problems.push(error);
    }
  }
  // The first python3 on PATH is the one its user means by "my Python"; what is wrong with it is the thing to say.
  const [first] = problems;
  if (first !== undefined) throw first;
  throw new MidimonsterError(
    "PYTHON_NOT_FOUND",
    "no Python found: there is no python3 on PATH\n" +
      "Install one (on Debian: apt-get install python3 libpython3.11), or name one in the configuration:\n" +
      "  [backend python]\n  python = /path/to/python3",
  );
}

function candidates(configured: string | undefined, env: NodeJS.ProcessEnv): Candidate[] {
  if (configured !== undefined) {
    return [{ command: interpreterOf(configured), reason: "option 'python' of [backend python]", explicit: true }];
  }
  for (const name of ["MMPY_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"]) {
    const value = env[name];
    if (value) return [{ command: interpreterOf(value), reason: `environment variable ${name}`, explicit: true }];
  }
  return (env.PATH ?? "")
    .split(path.delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, "python3"))
    .filter(isExecutable)
    .map((command) => ({ command, reason: "python3 on PATH", explicit: false }));
}

/** The interpreter of a virtual environment's folder; anything else is an interpreter itself. */
function interpreterOf(command: string): string {
  const isFolder = statSync(command, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder ? path.join(command, "bin", "python3") : command;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function examine({ command, reason }: Candidate): Promise<PythonChoice> {
  const probe = await run(command, reason);
  const version = probe.version.join(".");
  const who = `${probe.executable} (Python ${version}, ${reason})`;
  if (probe.implementation !== "cpython") {
    throw new MidimonsterError("PYTHON_PROBE", `${who} is ${probe.implementation}; only CPython can be embedded`);
  }
  const [major, minor] = probe.version;
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new MidimonsterError(
      "PYTHON_TOO_OLD",
      `${who} is too old; ${OLDEST.join(".")} or later is needed\n${HOW_TO_CHOOSE}`,
    );
  }
  if (probe.freeThreaded) {
    throw new MidimonsterError(
      "PYTHON_FREE_THREADED",
      `${who} is a free-threaded build, which is not supported; use an ordinary one\n${HOW_TO_CHOOSE}`,
    );
  }
  const library = findLibrary(probe);
  if (library === undefined) {
    throw new MidimonsterError(
      "PYTHON_STATIC",
      `${who} has no shared library (libpython${major}.${minor}.so), which is what gets loaded\n` +
        `On Debian: apt-get install libpython${major}.${minor}\n` +
        `With pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force ${version}\n${HOW_TO_CHOOSE}`,
    );
  }
  return { version, executable: probe.executable, library, reason };
}

const HOW_TO_CHOOSE =
  "Another Python can be named by option 'python' of [backend python], or by the environment variable MMPY_PYTHON.";

async function run(command: string, reason: string): Promise<Probe> {
  let output: string;
  try {
    // -I: neither PYTHON* variables nor files in the working folder may change the answer.
    const { stdout } = await promisify(execFile)(command, ["-I", "-c", PROBE], { timeout: 30_000 });
    output = stdout;
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new MidimonsterError(
      missing ? "PYTHON_NOT_FOUND" : "PYTHON_PROBE",
      missing
        ? `there is no Python at ${command} (${reason})`
        : `${command} (${reason}) does not work as a Python 3: ${messageOf(error).trim().split("\n").slice(-3).join(" ")}`,
      [],
      { cause: error },
    );
  }
  try {
    return JSON.parse(output) as Probe;
  } catch (error) {
    throw new MidimonsterError("PYTHON_PROBE", `${command} (${reason}) does not answer as a Python does`, [], {
      cause: error,
    });
  }
}

function findLibrary({ libraries, folders, basePrefix, shared }: Probe): string | undefined {
  const names = libraries.filter((name) => /\.(so|dylib)(\.|$)/.test(name));
  for (const folder of [...folders, path.join(basePrefix, "lib")]) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (existsSync(file)) return file;
    }
  }
  // A shared build whose library lies elsewhere, as Debian's multi-arch folders: the loader knows those.
  const [name] = names;
  return shared && name !== undefined && inLoaderCache(name) ? name : undefined;
}

/** Whether the dynamic loader's cache lists a library. Its strings are NUL-terminated, so a plain search does. */
function inLoaderCache(name: string): boolean {
  try {
    return readFileSync("/etc/ld.so.cache", "latin1").includes(`/${name}\0`);
  } catch {
    return false;
  }
}
