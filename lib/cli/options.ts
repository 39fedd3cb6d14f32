import { parseArgs } from "node:util";
import { parseOverride } from "../config/override.js";
import { MidimonsterError, messageOf } from "../errors.js";
import { LOG_LEVELS, type LogLevel } from "../log.js";

export interface CommandLine {
  readonly command: "run" | "check" | "help" | "version";
  readonly config: string;
  readonly backendOverrides: readonly string[];
  readonly instanceOverrides: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
}

export const HELP = `Usage: mmpy [options] [config]
       mmpy check [options] [config]

Runs a MIDIMonster configuration made of python and loopback instances.

Commands:
  check                          do everything but run: read the configuration, load modules,
                                 find every handler, print instances, channels and mappings

Arguments:
  config                         the configuration file (default: monster.cfg)

Options:
  -i instance.option=value       set an option of an instance, before those of its section (repeatable)
  -b backend.option=value        set an option of a backend, likewise (repeatable)
      --log-level LEVEL          ${LOG_LEVELS.join(", ")} (default: info)
      --log-format FORMAT        text or json (default: text)
  -v, --version                  print the version
  -h, --help                     print this help

The log goes to standard error; what modules print goes to standard output. SIGINT (Ctrl-C) and
SIGTERM stop cleanly, with exit status 0; a second one ends at once. Exit status 1 means that the
configuration or a module has errors, 2 that the command line has.

Environment:
  MMPY_PYTHON                    the Python to use: an interpreter or a virtual environment's folder
  NO_COLOR                       no colours in the log

Example:
  mmpy -i lfo.module=slow_lfo monster.cfg
`;

/** @throws {MidimonsterError} `USAGE` */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        i: { type: "string", short: "i", multiple: true, default: [] },
        b: { type: "string", short: "b", multiple: true, default: [] },
        "log-level": { type: "string", default: "info" },
        "log-format": { type: "string", default: "text" },
        version: { type: "boolean", short: "v", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const checks = positionals[0] === "check";
    const files = checks ? positionals.slice(1) : positionals;
    if (files.length > 1) throw new Error(`more than one configuration: ${files.join(", ")}`);
    for (const [kind, texts] of [
      ["instance", values.i],
      ["backend", values.b],
    ] as const) {
      for (const text of texts) {
        const override = parseOverride(kind, text);
        if (typeof override === "string") throw new Error(override);
      }
    }
    return {
      command: values.help ? "help" : values.version ? "version" : checks ? "check" : "run",
      config: files[0] ?? "monster.cfg",
      backendOverrides: values.b,
      instanceOverrides: values.i,
      logLevel: oneOf("--log-level", values["log-level"], LOG_LEVELS),
      logFormat: oneOf("--log-format", values["log-format"], ["text", "json"]),
    };
  } catch (error) {
    throw new MidimonsterError("USAGE", messageOf(error), [], { cause: error });
  }
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${option} is one of ${allowed.join(", ")}, not '${value}'`);
  return found;
}
