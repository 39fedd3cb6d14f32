import path from "node:path";
import { MidimonsterError } from "../errors.js";
import type { Logger } from "../log.js";
import {
  type Candidate,
  type Environment,
  everyPython,
  python3OnPath,
  pythonsOfVersion,
  requestOf,
  requestOfEnvironment,
} from "./candidates.js";
import { describeArchitecture, readElfArchitecture } from "./elf.js";
import { HOW_TO_CHOOSE, installAdvice, libraryAdvice, OLDEST, versionAdvice } from "./install-advice.js";
import { findLibrary, libraryNames } from "./library.js";
import { type Probe, probe } from "./probe.js";

/** A CPython that can be loaded into this process. */
export interface PythonChoice {
  /** As in `3.11.2`. */
  readonly version: string;
  /** `sys.executable`; a virtual environment's own. */
  readonly executable: string;
  /** `sys.prefix`: a virtual environment's folder, or where this Python is installed. */
  readonly prefix: string;
  /** `sys.base_prefix`: as `prefix`, of a virtual environment that of the Python it was made from. */
  readonly basePrefix: string;
  /** `sys.base_exec_prefix`: the same but where files for one platform are apart. */
  readonly baseExecPrefix: string;
  /** Path of libpython, or its file name if only the loader can find it. */
  readonly library: string;
  /** Why this Python and not another. */
  readonly reason: string;
}

/** A Python on this machine, and whether it can be used. */
export interface PythonFound {
  readonly command: string;
  /** Where it was found. */
  readonly where: string;
  readonly choice?: PythonChoice;
  readonly problem?: MidimonsterError;
}

/** A choice, and what was said on the way to it. */
interface Chosen {
  readonly choice: PythonChoice;
  /** Why not those before it. */
  readonly rejected: readonly { readonly command: string; readonly problem: MidimonsterError }[];
}

// A process loads one Python, and asking it costs a process of its own: ask once for each way of naming one.
const choices = new Map<string, Promise<Chosen>>();

/**
 * Finds the Python to load: the one the configuration names, else that of MMPY_PYTHON, VIRTUAL_ENV or CONDA_PREFIX, else
 * the first usable `python3` on PATH.
 *
 * @param configured `python` option: an interpreter, the folder of a virtual environment, a command, or a version
 * @throws {MidimonsterError} with a `PYTHON_*` code
 */
export async function choosePython(configured: string | undefined, log: Logger): Promise<PythonChoice> {
  const { choice, rejected } = await chosen(configured);
  for (const { command, problem } of rejected) log.debug({ command }, `not usable: ${problem.message}`);
  log.debug({ python: choice }, `chose ${choice.executable} (${choice.reason}), library ${choice.library}`);
  return choice;
}

/** Begins to ask the Python that is to be expected where the configuration names none, so that the answer is there early. */
export function expectPython(): void {
  chosen(undefined).catch(() => {}); // whoever asks for it gets the error
}

function chosen(configured: string | undefined): Promise<Chosen> {
  const { MMPY_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, PATH, PYENV_VERSION } = process.env;
  const key = JSON.stringify([configured, process.cwd(), MMPY_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, PATH, PYENV_VERSION]);
  let choice = choices.get(key);
  if (choice === undefined) {
    choice = choose(configured);
    choices.set(key, choice);
    choice.catch(() => choices.delete(key)); // what was wrong may be mended by the next time
  }
  return choice;
}

/**
 * Looks at every Python on this machine, usable or not, in the order in which they would be taken.
 *
 * @param configured as of {@link choosePython}
 */
export async function findPythons(env: Environment = process.env, configured?: string): Promise<PythonFound[]> {
  const requested = requestedBy(configured, env);
  const request = requested && requestOf(requested.value);
  const asked = requested && request && "command" in request ? [{ ...request, reason: requested.reason }] : [];
  const found = await Promise.all(
    [...asked, ...everyPython(env)].map(async ({ command, reason }): Promise<PythonFound> => {
      try {
        return { command, where: reason, choice: await examine({ command, reason }) };
      } catch (error) {
        if (!(error instanceof MidimonsterError)) throw error;
        return { command, where: reason, problem: error };
      }
    }),
  );
  // A pyenv shim and the interpreter behind it are one.
  const seen = new Set<string>();
  return found.filter(({ command, choice }) => {
    const identity = choice?.executable ?? command;
    return !seen.has(identity) && seen.add(identity);
  });
}

/** Who asks for a Python, and for which, if somebody does. */
function requestedBy(configured: string | undefined, env: Environment) {
  return configured === undefined
    ? requestOfEnvironment(env)
    : { reason: "option 'python' of [backend python]", value: configured };
}

async function choose(configured: string | undefined): Promise<Chosen> {
  const requested = requestedBy(configured, process.env);
  if (requested === undefined) {
    const choice = await firstUsable(python3OnPath(process.env));
    if (choice !== undefined) return choice;
    throw new MidimonsterError(
      "PYTHON_NOT_FOUND",
      `no Python found: there is no python3 on PATH\n${installAdvice()}, or name one in the configuration:\n` +
        "  [backend python]\n  python = /path/to/python3",
    );
  }
  const { reason, value } = requested;
  const request = requestOf(value);
  // Somebody asked for this one: if it is not usable, no other is taken instead.
  if ("command" in request) return { choice: await examine({ command: request.command, reason }), rejected: [] };
  const isAsked = ({ version }: Probe) => `${version.join(".")}.`.startsWith(`${request.version}.`);
  const candidates = pythonsOfVersion(request.version, process.env);
  const choice = await firstUsable(
    candidates.map(({ command, reason: where }) => ({ command, reason: `${reason}, ${where}` })),
    isAsked,
  );
  if (choice !== undefined) return choice;
  const installed = (await findPythons()).flatMap((python) => (python.choice ? [python.choice.version] : []));
  throw new MidimonsterError(
    "PYTHON_NOT_FOUND",
    `there is no Python ${request.version} (${reason}); ` +
      (installed.length > 0
        ? `there are ${[...new Set(installed)].join(", ")}`
        : "there is no other usable one either") +
      `\n${versionAdvice(request.version)}`,
  );
}

/** The first usable one. If there is none: throws what is wrong with the first, which its user means by "my Python". */
async function firstUsable(
  candidates: readonly Candidate[],
  isAsked?: (probe: Probe) => boolean,
): Promise<Chosen | undefined> {
  const rejected: { command: string; problem: MidimonsterError }[] = [];
  let first: MidimonsterError | undefined;
  for (const candidate of candidates) {
    let probed: Probe | undefined;
    try {
      probed = await probe(candidate.command, candidate.reason);
      if (isAsked === undefined || isAsked(probed)) return { choice: judge(probed, candidate.reason), rejected };
    } catch (error) {
      if (!(error instanceof MidimonsterError)) throw error;
      rejected.push({ command: candidate.command, problem: error });
      // Of those that were not asked for by name, one that does not even run says nothing of the one that was.
      if (isAsked === undefined || probed !== undefined) first ??= error;
    }
  }
  if (first !== undefined) throw first;
  return undefined;
}

async function examine({ command, reason }: Candidate): Promise<PythonChoice> {
  return judge(await probe(command, reason), reason);
}

/** @throws {MidimonsterError} that says why this Python can't be loaded into this process, and what to do */
function judge(probed: Probe, reason: string): PythonChoice {
  const version = probed.version.join(".");
  const [major, minor] = probed.version;
  const who = `${probed.executable} (Python ${version}, ${reason})`;
  if (probed.implementation !== "cpython") {
    throw new MidimonsterError("PYTHON_PROBE", `${who} is ${probed.implementation}; only CPython can be embedded`);
  }
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new MidimonsterError(
      "PYTHON_TOO_OLD",
      `${who} is too old; ${OLDEST.join(".")} or later is needed\n${installAdvice()}\n${HOW_TO_CHOOSE}`,
    );
  }
  if (probed.bits !== 64 && process.arch.endsWith("64")) {
    throw new MidimonsterError(
      "PYTHON_32_BIT",
      `${who} is a ${probed.bits}-bit build, and Node here is 64-bit (${process.arch}); one process can't hold both\n` +
        `${installAdvice()}\n${HOW_TO_CHOOSE}`,
    );
  }
  if (probed.freeThreaded) {
    throw new MidimonsterError(
      "PYTHON_FREE_THREADED",
      `${who} is a free-threaded build, which is not supported; an ordinary one is needed\n` +
        `${installAdvice(version)}\n${HOW_TO_CHOOSE}`,
    );
  }
  const library = findLibrary(probed);
  if (library === undefined) {
    const [name = `libpython${major}.${minor}.so`] = libraryNames(probed);
    throw new MidimonsterError(
      "PYTHON_STATIC",
      `${who} has no shared library (${name}), which is what gets loaded\n${libraryAdvice(probed)}\n${HOW_TO_CHOOSE}`,
    );
  }
  const architecture = path.isAbsolute(library) ? readElfArchitecture(library) : undefined;
  if (architecture !== undefined && architecture.name !== process.arch) {
    throw new MidimonsterError(
      "PYTHON_ARCHITECTURE",
      `the library of ${who}, ${library}, is ${describeArchitecture(architecture)}, and Node here is ${process.arch}\n` +
        `${installAdvice()}\n${HOW_TO_CHOOSE}`,
    );
  }
  const { executable, prefix, basePrefix, baseExecPrefix } = probed;
  return { version, executable, prefix, basePrefix, baseExecPrefix, library, reason };
}
