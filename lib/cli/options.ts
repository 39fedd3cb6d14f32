import { parseArgs } from "node:util";
import { parseOverride } from "../config/override.js";
import { MidimonsterError, messageOf } from "../errors.js";
import { isJournal } from "../journal.js";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../log.js";

export interface CommandLine {
  readonly command: "run" | "check" | "doctor" | "help" | "version";
  /** Absent if none is named. */
  readonly config?: string;
  readonly backendOverrides: readonly string[];
  readonly instanceOverrides: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Output for programs, of `doctor`. */
  readonly json: boolean;
  /** Whether to reload when a file changes. */
  readonly watch: boolean;
}

export const HELP = `Usage: mmpy [options] [config]
       mmpy check [options] [config]
       mmpy doctor [--json] [-b backend.option=value] [config]

Runs a MIDIMonster configuration made of python and loopback instances.

Commands:
  check                          do everything but run: read the configuration, load modules,
                                 find every handler, print instances, channels and mappings
  doctor                         look at Node, the native part and every Python on this machine; tell
                                 which one is used and why, or what is missing (exit status 1)

Arguments:
  config                         the configuration file (default: monster.cfg)

Options:
  -i instance.option=value       set an option of an instance, before those of its section (repeatable)
  -b backend.option=value        set an option of a backend, likewise (repeatable)
      --log-level LEVEL          ${LOG_LEVELS.join(", ")} (default: info)
      --log-format FORMAT        text, json or journal (default: journal where standard error is systemd's
                                 journal, else text)
      --watch                    reload when a file of the configuration or of its modules changes
      --json                     with doctor: print the report as JSON
  -v, --version                  print the version
  -h, --help                     print this help

The log goes to standard error; what modules print goes to standard output. SIGINT (Ctrl-C) and
SIGTERM stop cleanly, with exit status 0; a second one ends at once. SIGHUP reads the configuration
and changed modules again; if there is an error in them, everything goes on as before. Exit status
1 means that the configuration or a module has errors, 2 that the command line has.

Environment:
  MMPY_PYTHON                    the Python to use: an interpreter, a virtual environment's folder, or a
                                 version (3.12)
  NO_COLOR                       no colours in the log

Example:
  mmpy -i lfo.module=slow_lfo monster.cfg
`;

/** The format for a person who reads standard error: in the journal, or anywhere else. */
export function defaultLogFormat(): LogFormat {
  return isJournal(2) ? "journal" : "text";
}

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
        "log-format": { type: "string", default: defaultLogFormat() },
        json: { type: "boolean", default: false },
        watch: { type: "boolean", default: false },
        version: { type: "boolean", short: "v", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const command = positionals[0] === "check" || positionals[0] === "doctor" ? positionals[0] : "run";
    const files = command === "run" ? positionals : positionals.slice(1);
    if (files.length > 1) throw new Error(`more than one configuration: ${files.join(", ")}`);
    if (values.json && command !== "doctor" && !values.help) throw new Error("--json goes with doctor");
    if (values.watch && command !== "run" && !values.help) throw new Error(`--watch does not go with ${command}`);
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
      command: values.help ? "help" : values.version ? "version" : command,
      ...(files[0] !== undefined && { config: files[0] }),
      backendOverrides: values.b,
      instanceOverrides: values.i,
      logLevel: oneOf("--log-level", values["log-level"], LOG_LEVELS),
      logFormat: oneOf("--log-format", values["log-format"], LOG_FORMATS),
      json: values.json,
      watch: values.watch,
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
