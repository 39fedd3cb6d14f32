import { statSync } from "node:fs";
import path from "node:path";
import { MidimonsterError } from "../../../errors.js";
import type { Logger } from "../../../log/log.js";
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
  /** For example `3.11.2`. */
  readonly version: string;
  /** `sys.executable`; in a virtual environment, its own. */
  readonly executable: string;
  /** `sys.prefix`: a virtual environment's folder, or where this Python is installed. */
  readonly prefix: string;
  /** `sys.base_prefix`: as `prefix`, but in a virtual environment that of the underlying Python. */
  readonly basePrefix: string;
  /** `sys.base_exec_prefix`: differs from `basePrefix` only if platform-specific files are installed separately. */
  readonly baseExecPrefix: string;
  /** The path of libpython, or its file name if only the dynamic loader can find it. */
  readonly library: string;
  /** Why this Python was chosen. */
  readonly reason: string;
}

/** A Python on this machine, usable or not. */
export interface PythonFound {
  readonly command: string;
  /** Where it was found. */
  readonly where: string;
  readonly choice?: PythonChoice;
  readonly problem?: MidimonsterError;
}

/** A choice, and the candidates rejected before it. */
interface Chosen {
  readonly choice: PythonChoice;
  readonly rejected: readonly { readonly command: string; readonly problem: MidimonsterError }[];
}

/** A request on its way, for all who have made it. */
class Choice {
  readonly chosen: Promise<Chosen>;
  /** The Python that is being asked, and why it. */
  asked: Candidate | undefined;
  /** Which file it was that is run as a program. */
  file: string | undefined;
  readonly #abort = new AbortController();
  #waiting = 0;

  constructor(configured: string | undefined, judged: Judge) {
    const ask: Ask = (candidate) => {
      this.asked = candidate;
      return probe(candidate.command, candidate.reason, this.#abort.signal);
    };
    this.chosen = choose(configured, ask, judged);
  }

  /** Waits for it. The search ends when all who wait for it have been aborted. */
  async wait(signal: AbortSignal | undefined): Promise<Chosen> {
    const abort = () => {
      if (--this.#waiting > 0) return;
      forget(this); // the next caller asks again
      this.#abort.abort();
    };
    ++this.#waiting;
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await this.chosen;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}

// Probing a Python takes a process, and only one Python can be loaded: each request is probed once.
const choices = new Map<string, Choice>();
// Those that run as programs may change: they are probed again if their file has changed.
const programs = new Map<string, Choice>();

/** The time after which the log says which Python has not answered, in ms. */
const SLOW = 1000;

/**
 * Finds the Python to load: the one named in the configuration, else in MMPY_PYTHON, VIRTUAL_ENV or CONDA_PREFIX, else
 * the first usable `python3` on PATH.
 *
 * @param configured `python` option: an interpreter, the folder of a virtual environment, a command, or a version
 * @param signal ends the search
 * @throws {MidimonsterError} with a `PYTHON_*` code
 */
export async function choosePython(
  configured: string | undefined,
  log: Logger,
  signal?: AbortSignal,
): Promise<PythonChoice> {
  const request = choiceFor(configured);
  const { choice, rejected } = await answerOf(request, log, signal);
  for (const { command, problem } of rejected) log.debug({ command }, `not usable: ${problem.message}`);
  log.debug({ python: choice }, `chose ${choice.executable} (${choice.reason}), library ${choice.library}`);
  return choice;
}

/** Says what everything waits for if that takes long. */
function answerOf(request: Choice, log: Logger, signal: AbortSignal | undefined): Promise<Chosen> {
  const slow = setTimeout(() => {
    if (request.asked === undefined) return;
    const { command, reason } = request.asked;
    log.warn({ command }, `still waiting for ${command} (${reason}) to answer; nothing starts until it does`);
  }, SLOW);
  return request.wait(signal).finally(() => clearTimeout(slow));
}

/** Starts probing the Python that is used unless the configuration names one, to have the answer early. */
export function expectPython(): void {
  choiceFor(undefined).chosen.catch(() => {}); // choosePython() reports the error
}

function choiceFor(configured: string | undefined, all = choices, judged = judge): Choice {
  const { MMPY_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, PATH, PYENV_VERSION } = process.env;
  const key = JSON.stringify([configured, process.cwd(), MMPY_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, PATH, PYENV_VERSION]);
  const known = all.get(key);
  if (known !== undefined) return known;
  const choice = new Choice(configured, judged);
  all.set(key, choice);
  choice.chosen.catch(() => forget(choice)); // the problem may be fixed by the next attempt
  return choice;
}

function forget(choice: Choice): void {
  for (const all of [choices, programs]) for (const [key, known] of all) if (known === choice) all.delete(key);
}

/**
 * Finds every Python on this machine, usable or not, in order of preference.
 *
 * @param configured as in {@link choosePython}
 */
export async function findPythons(env: Environment = process.env, configured?: string): Promise<PythonFound[]> {
  const requested = requestedBy(configured, env);
  const request = requested && requestOf(requested.value);
  const asked = requested && request && "command" in request ? [{ ...request, reason: requested.reason }] : [];
  const found = await Promise.all(
    [...asked, ...everyPython(env)].map(async ({ command, reason }): Promise<PythonFound> => {
      try {
        return { command, where: reason, choice: await examine({ command, reason }, askFreely) };
      } catch (error) {
        if (!(error instanceof MidimonsterError)) throw error;
        return { command, where: reason, problem: error };
      }
    }),
  );
  // A pyenv shim and the interpreter behind it are the same Python.
  const seen = new Set<string>();
  return found.filter(({ command, choice }) => {
    const identity = choice?.executable ?? command;
    return !seen.has(identity) && seen.add(identity);
  });
}

/** The Python that the configuration or the environment requests, if any. */
function requestedBy(configured: string | undefined, env: Environment) {
  return configured === undefined ? requestOfEnvironment(env) : { reason: "option 'python'", value: configured };
}

/** Asks a Python about itself. */
type Ask = (candidate: Candidate) => Promise<Probe>;

const askFreely: Ask = ({ command, reason }) => probe(command, reason);

/** Whether, and as what, a Python can be used. @throws {MidimonsterError} explaining why not, and what to do */
type Judge = (probed: Probe, reason: string) => PythonChoice;

/**
 * Finds a Python as {@link choosePython} does, to run it as the program of an instance's own process: it needs no library that can be
 * loaded into this process.
 *
 * @throws {MidimonsterError} with a `PYTHON_*` code
 */
export async function choosePythonProgram(
  configured: string | undefined,
  log: Logger,
  signal?: AbortSignal,
): Promise<PythonChoice> {
  if (process.platform !== "linux") throw new MidimonsterError("PYTHON_LOAD", "own-process = on works on Linux only");
  const request = choiceFor(configured, programs, judgeProgram);
  const { choice } = await answerOf(request, log, signal);
  const file = versionOf(choice.executable);
  request.file ??= file;
  if (request.file === file) return choice;
  forget(request);
  return choosePythonProgram(configured, log, signal);
}

/** Differs if the file is another one, or has been written. */
function versionOf(file: string): string {
  const { ino, mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${ino} ${mtimeMs}`;
}

async function choose(configured: string | undefined, ask: Ask, judged: Judge = judge): Promise<Chosen> {
  const requested = requestedBy(configured, process.env);
  if (requested === undefined) {
    const choice = await firstUsable(python3OnPath(process.env), ask, undefined, judged);
    if (choice !== undefined) return choice;
    throw new MidimonsterError(
      "PYTHON_NOT_FOUND",
      `no Python found: there is no python3 on PATH\n${installAdvice()}, or name one in the configuration:\n` +
        "  [backend python]\n  python = /path/to/python3",
    );
  }
  const { reason, value } = requested;
  const request = requestOf(value);
  // An explicitly requested Python is not replaced by another one if it is unusable.
  if ("command" in request)
    return { choice: await examine({ command: request.command, reason }, ask, judged), rejected: [] };
  const isRequested = ({ version }: Probe) => `${version.join(".")}.`.startsWith(`${request.version}.`);
  const candidates = pythonsOfVersion(request.version, process.env);
  const choice = await firstUsable(
    candidates.map(({ command, reason: where }) => ({ command, reason: `${reason}, ${where}` })),
    ask,
    isRequested,
    judged,
  );
  if (choice !== undefined) return choice;
  const installed = (await findPythons()).flatMap((python) => (python.choice ? [python.choice.version] : []));
  throw new MidimonsterError(
    "PYTHON_NOT_FOUND",
    `no Python ${request.version} found (${reason}); ` +
      (installed.length > 0
        ? `available: ${[...new Set(installed)].join(", ")}`
        : "no other usable Python found either") +
      `\n${versionAdvice(request.version)}`,
  );
}

/** The first usable candidate. Throws the problem of the first one if all are unusable: it is the Python the user expects. */
async function firstUsable(
  candidates: readonly Candidate[],
  ask: Ask,
  isRequested?: (probe: Probe) => boolean,
  judged: Judge = judge,
): Promise<Chosen | undefined> {
  const rejected: { command: string; problem: MidimonsterError }[] = [];
  let first: MidimonsterError | undefined;
  for (const candidate of candidates) {
    let probed: Probe | undefined;
    try {
      probed = await ask(candidate);
      if (isRequested === undefined || isRequested(probed))
        return { choice: judged(probed, candidate.reason), rejected };
    } catch (error) {
      if (!(error instanceof MidimonsterError)) throw error;
      rejected.push({ command: candidate.command, problem: error });
      // When searching for a version, an interpreter that does not run may be of any version: not worth reporting.
      if (isRequested === undefined || probed !== undefined) first ??= error;
    }
  }
  if (first !== undefined) throw first;
  return undefined;
}

async function examine(candidate: Candidate, ask: Ask, judged: Judge = judge): Promise<PythonChoice> {
  return judged(await ask(candidate), candidate.reason);
}

/** For a Python that runs as a program of its own. */
function judgeProgram(probed: Probe, reason: string): PythonChoice {
  refuseOthers(probed, reason);
  const { executable, prefix, basePrefix, baseExecPrefix } = probed;
  return { version: probed.version.join("."), executable, prefix, basePrefix, baseExecPrefix, library: "", reason };
}

/** What can't run this package's native part in any way. */
function refuseOthers(probed: Probe, reason: string): void {
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
      `${who} is a ${probed.bits}-bit build, but Node is 64-bit (${process.arch}); one process can't run both\n` +
        `${installAdvice()}\n${HOW_TO_CHOOSE}`,
    );
  }
}

/** @throws {MidimonsterError} explaining why this Python can't be loaded into this process, and what to do */
function judge(probed: Probe, reason: string): PythonChoice {
  refuseOthers(probed, reason);
  const version = probed.version.join(".");
  const [major, minor] = probed.version;
  const who = `${probed.executable} (Python ${version}, ${reason})`;
  if (probed.freeThreaded) {
    throw new MidimonsterError(
      "PYTHON_FREE_THREADED",
      `${who} is a free-threaded build, which is not supported; a regular build is needed\n` +
        `${installAdvice(version)}\n${HOW_TO_CHOOSE}`,
    );
  }
  const library = findLibrary(probed);
  if (library === undefined) {
    const [name = `libpython${major}.${minor}.so`] = libraryNames(probed);
    throw new MidimonsterError(
      "PYTHON_STATIC",
      `${who} has no shared library (${name}) to load\n${libraryAdvice(probed)}\n${HOW_TO_CHOOSE}`,
    );
  }
  const architecture = path.isAbsolute(library) ? readElfArchitecture(library) : undefined;
  if (architecture !== undefined && architecture.name !== process.arch) {
    throw new MidimonsterError(
      "PYTHON_ARCHITECTURE",
      `the library of ${who}, ${library}, is ${describeArchitecture(architecture)}, but Node is ${process.arch}\n` +
        `${installAdvice()}\n${HOW_TO_CHOOSE}`,
    );
  }
  const { executable, prefix, basePrefix, baseExecPrefix } = probed;
  return { version, executable, prefix, basePrefix, baseExecPrefix, library, reason };
}
