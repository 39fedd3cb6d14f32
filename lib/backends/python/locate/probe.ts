import { type ExecFileException, execFile } from "node:child_process";
import { lstatSync, readlinkSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { MidimonsterError } from "../../../errors.js";
import { describeArchitecture, readElfArchitecture } from "./elf.js";
import { HOW_TO_CHOOSE, installAdvice } from "./install-advice.js";

/** What an interpreter reports about itself. */
export interface Probe {
  readonly version: readonly [number, number, number];
  /** `cpython`, `pypy`, … */
  readonly implementation: string;
  /** `sys.executable`: for a pyenv shim the interpreter behind it, for a virtual environment its own. */
  readonly executable: string;
  readonly prefix: string;
  readonly basePrefix: string;
  readonly baseExecPrefix: string;
  readonly bits: number;
  /** Built with a shared library, which may still be missing on this machine. */
  readonly shared: boolean;
  /** On macOS, the framework's name for a framework build; else empty. */
  readonly framework: string;
  readonly freeThreaded: boolean;
  readonly debug: boolean;
  /** File names of the library, the most specific first. */
  readonly libraries: readonly string[];
  /** Folders where the library may be. */
  readonly folders: readonly string[];
}

// Start-up waits for the answer, so this imports as little as possible: `json` and `sysconfig` would take longer than Python's
// own start. `site`, whose .pth files may take any amount of time, does not run; its detection of a virtual environment is
// repeated here.
const PROGRAM = String.raw`
import os, sys

def text(value):
    units = value.encode("utf-16-be", "surrogatepass")
    return '"%s"' % "".join("\\u" + units[i : i + 2].hex() for i in range(0, len(units), 2))

def texts(values):
    return "[%s]" % ", ".join(text(value) for value in values if value)

def truth(value):
    return "true" if value else "false"

abi, multiarch = getattr(sys, "abiflags", ""), getattr(sys.implementation, "_multiarch", "")
try:
    variables = __import__("_sysconfigdata_%s_%s_%s" % (abi, sys.platform, multiarch)).build_time_vars
except Exception:
    import sysconfig
    variables = sysconfig.get_config_vars()
library = os.path.dirname(os.__file__)
config = "config-%d.%d%s" % (sys.version_info[0], sys.version_info[1], abi)
configs = [os.path.join(library, name) for name in (config + "-" + multiarch, config)]

prefix = sys.prefix
here = os.path.dirname(os.path.abspath(sys.executable))
if any(os.path.isfile(os.path.join(folder, "pyvenv.cfg")) for folder in (here, os.path.dirname(here))):
    prefix = os.path.dirname(here)

print("{%s}" % ", ".join('"%s": %s' % item for item in {
    "version": "[%d, %d, %d]" % sys.version_info[:3],
    "implementation": text(sys.implementation.name),
    "executable": text(sys.executable),
    "prefix": text(prefix),
    "basePrefix": text(sys.base_prefix),
    "baseExecPrefix": text(sys.base_exec_prefix),
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "shared": truth(variables.get("Py_ENABLE_SHARED")),
    "framework": text(variables.get("PYTHONFRAMEWORK") or ""),
    "freeThreaded": truth(variables.get("Py_GIL_DISABLED")),
    "debug": truth(hasattr(sys, "gettotalrefcount")),
    "libraries": texts([variables.get("INSTSONAME"), variables.get("LDLIBRARY")]),
    "folders": texts([variables.get("LIBDIR"), variables.get("LIBPL")] + [each for each in configs if os.path.isdir(each)]),
}.items()))
`;

const TIMEOUT = 30_000; // ms; a pyenv shim on a cold disk takes seconds

/**
 * Runs an interpreter to find out about it.
 *
 * @param command the interpreter's path, or a command on PATH
 * @param reason the setting that requests it, or where it was found; for messages
 * @param signal ends the wait for its answer
 * @throws {MidimonsterError} `PYTHON_NOT_FOUND`, `PYTHON_ARCHITECTURE` or `PYTHON_PROBE`
 */
export async function probe(command: string, reason: string, signal?: AbortSignal): Promise<Probe> {
  let output: string;
  try {
    // -I: PYTHON* variables and files in the working folder must not affect the answer. -S: see above.
    const { stdout } = await promisify(execFile)(command, ["-I", "-S", "-c", PROGRAM], {
      timeout: TIMEOUT,
      killSignal: "SIGKILL",
      ...(signal && { signal }),
    });
    output = stdout;
  } catch (error) {
    throw failure(command, reason, error);
  }
  try {
    return JSON.parse(output) as Probe;
  } catch (error) {
    throw new MidimonsterError(
      "PYTHON_PROBE",
      `${command} (${reason}) does not respond like a Python interpreter`,
      [],
      {
        cause: error,
      },
    );
  }
}

function failure(command: string, reason: string, error: unknown): MidimonsterError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const architecture = readElfArchitecture(command);
  if (code === "ENOENT" && architecture === undefined) {
    return new MidimonsterError("PYTHON_NOT_FOUND", explainMissing(command, reason), [], { cause: error });
  }
  // The error varies with the machine: no emulator, or an emulator without the other architecture's loader.
  if (architecture !== undefined && architecture.name !== process.arch) {
    return new MidimonsterError(
      "PYTHON_ARCHITECTURE",
      `${command} (${reason}) is ${describeArchitecture(architecture)}, which this machine can't run; ` +
        `a Python for ${process.arch} is needed\n${installAdvice()}\n${HOW_TO_CHOOSE}`,
      [],
      { cause: error },
    );
  }
  const output = outputOf(error);
  const message =
    explainShim(command, reason, output) ??
    `${command} (${reason}) is not a working Python 3: ${shortened(output)}\n${HOW_TO_CHOOSE}`;
  return new MidimonsterError("PYTHON_PROBE", message, [], { cause: error });
}

/** The last lines; of a program that repeats what it was given, beginning and end. */
function shortened(output: string): string {
  const text = output.split("\n").slice(-3).join(" ");
  return text.length > 400 ? `${text.slice(0, 100)} … ${text.slice(-100)}` : text;
}

function explainMissing(command: string, reason: string): string {
  if (!command.includes(path.sep)) {
    const version = /^python(3\.\d+)$/.exec(command)?.[1];
    return `there is no ${command} on PATH (${reason})\nList the available Pythons: mmpy doctor\n${installAdvice(version)}`;
  }
  const isInterpreter = path.basename(command).startsWith("python");
  const bin = path.dirname(command);
  const environment = !isInterpreter ? command : path.basename(bin) === "bin" ? path.dirname(bin) : undefined;
  const isBroken = lstatSync(command, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  return [
    `there is no Python at ${command} (${reason})${isBroken ? `; it is a dangling link to ${readlinkSync(command)}` : ""}`,
    "List the available Pythons: mmpy doctor",
    ...(environment === undefined
      ? []
      : [
          isBroken
            ? `Recreate the virtual environment, then reinstall its packages: python3 -m venv --clear ${environment}`
            : `Create a virtual environment there: python3 -m venv ${environment}`,
        ]),
  ].join("\n");
}

/** The error output of a command that failed, or how it ended if it wrote nothing. */
function outputOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stderr, killed, signal, code } = error as ExecFileException & { stderr?: string };
  if (killed) return `no answer within ${TIMEOUT / 1000} s`;
  const output = stderr?.trim() ?? "";
  if (output !== "") return output;
  return signal ? `ended by ${signal}` : typeof code === "number" ? `exit status ${code}` : error.message;
}

/** A message for a pyenv shim whose command pyenv's current version does not provide; undefined for other failures. */
function explainShim(command: string, reason: string, output: string): string | undefined {
  if (!/^pyenv: .*command not found/.test(output)) return undefined;
  const versions = [...output.matchAll(/^ {2}(3[\w.-]*)$/gm)].map(([, version = ""]) => version);
  const version = /^python(3\.\d+)$/.exec(path.basename(command))?.[1] ?? versions.at(-1) ?? "3.12";
  const name = reason === "environment variable MMPY_PYTHON" ? `MMPY_PYTHON=${version}` : `python = ${version}`;
  const providers = versions.length > 0 ? `; available in ${versions.join(", ")}` : "";
  return (
    `${command} (${reason}) is a pyenv shim, but not for pyenv's current version${providers}\n` +
    `Give the version instead, to search pyenv's folders: ${name}`
  );
}
