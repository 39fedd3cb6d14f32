import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { MidimonsterError, messageOf } from "../errors.js";
import { describeArchitecture, readElfArchitecture } from "./elf.js";

/** What a Python says of itself. */
export interface Probe {
  readonly version: readonly [number, number, number];
  /** `cpython`, `pypy`, … */
  readonly implementation: string;
  /** `sys.executable`: of a pyenv shim the interpreter behind it, of a virtual environment its own. */
  readonly executable: string;
  readonly prefix: string;
  readonly basePrefix: string;
  readonly bits: number;
  /** Built with a shared library; it may be missing on the machine all the same. */
  readonly shared: boolean;
  readonly freeThreaded: boolean;
  readonly debug: boolean;
  /** File names of its library, the most specific first. */
  readonly libraries: readonly string[];
  /** Folders where that library may be. */
  readonly folders: readonly string[];
}

const PROGRAM = `
import json, struct, sys, sysconfig
get = sysconfig.get_config_var
print(json.dumps({
    "version": sys.version_info[:3],
    "implementation": sys.implementation.name,
    "executable": sys.executable,
    "prefix": sys.prefix,
    "basePrefix": sys.base_prefix,
    "bits": struct.calcsize("P") * 8,
    "shared": bool(get("Py_ENABLE_SHARED")),
    "freeThreaded": bool(get("Py_GIL_DISABLED")),
    "debug": hasattr(sys, "gettotalrefcount"),
    "libraries": [name for name in (get("INSTSONAME"), get("LDLIBRARY")) if name],
    "folders": [folder for folder in (get("LIBDIR"), get("LIBPL"), get("srcdir")) if folder],
}))
`;

const PATIENCE = 30_000; // ms; a cold disk under a pyenv shim takes seconds

/**
 * Asks an interpreter what it is.
 *
 * @param command its path, or a command on PATH
 * @param reason who asked for this one, for messages
 * @throws {MidimonsterError} `PYTHON_NOT_FOUND`, `PYTHON_ARCHITECTURE` or `PYTHON_PROBE`
 */
export async function probe(command: string, reason: string): Promise<Probe> {
  let output: string;
  try {
    // -I: neither PYTHON* variables nor files in the working folder may change the answer.
    const { stdout } = await promisify(execFile)(command, ["-I", "-c", PROGRAM], { timeout: PATIENCE });
    output = stdout;
  } catch (error) {
    throw failure(command, reason, error);
  }
  try {
    return JSON.parse(output) as Probe;
  } catch (error) {
    throw new MidimonsterError("PYTHON_PROBE", `${command} (${reason}) does not answer as a Python does`, [], {
      cause: error,
    });
  }
}

function failure(command: string, reason: string, error: unknown): MidimonsterError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const architecture = readElfArchitecture(command);
  if (code === "ENOENT" && architecture === undefined) {
    const message = `there is no Python at ${command} (${reason})`;
    return new MidimonsterError("PYTHON_NOT_FOUND", message, [], { cause: error });
  }
  // How running it fails differs: without an emulator, or for want of the other architecture's loader.
  if (architecture !== undefined && architecture.name !== process.arch) {
    return new MidimonsterError(
      "PYTHON_ARCHITECTURE",
      `${command} (${reason}) is ${describeArchitecture(architecture)}, which this machine can't run; ` +
        `install a Python for ${process.arch}`,
      [],
      { cause: error },
    );
  }
  const said = messageOf(error).trim().split("\n").slice(-3).join(" ");
  const message = `${command} (${reason}) does not work as a Python 3: ${said}`;
  return new MidimonsterError("PYTHON_PROBE", message, [], { cause: error });
}
