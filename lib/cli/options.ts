import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { MAX_QUEUE_LIMIT } from "../config/limits.js";
import { parseOverride } from "../config/override.js";
import { nearest } from "../config/suggest.js";
import { MidimonsterError, messageOf } from "../errors.js";
import { isJournal } from "../log/journal.js";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../log/names.js";
import { COMMANDS, type Command, OPTION_LIST, SHELLS, written } from "./catalog.js";

export interface CommandLine {
  readonly command: Command | "help" | "version";
  /** The configuration, backend, filter or shell; absent if none is named. */
  readonly operand?: string;
  readonly backendOverrides: readonly string[];
  readonly instanceOverrides: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Output for programs, of `check`, `doctor`, `backends` and `filters`. */
  readonly json: boolean;
  /** Whether `check` reads modules without running them. */
  readonly noRun: boolean;
  /** The memory that waiting events may take, in MiB. */
  readonly queueLimit?: number;
  /** Whether to reload when a file changes. */
  readonly watch: boolean;
  /** Where the monitor is served, as `[HOST:]PORT`. */
  readonly monitor?: WebPlace;
  /** Whether the monitor can set values. */
  readonly control: boolean;
}

export interface WebPlace {
  readonly host: string;
  readonly port: number;
}

/** The default format for standard error: the journal's, or text. */
export function defaultLogFormat(): LogFormat {
  return isJournal(2) ? "journal" : "text";
}

/** @throws {MidimonsterError} `USAGE` */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  try {
    const { values, positionals } = parse(argv);
    const isCommand = positionals[0] !== undefined && Object.hasOwn(COMMANDS, positionals[0]);
    const command = isCommand ? (positionals[0] as Command) : "run";
    const information = values.help ? "help" : values.version ? "version" : undefined;
    if (values.control && values.monitor === undefined && information === undefined && command === "run") {
      throw new Error("--control goes with --monitor: it lets the monitor set values");
    }
    if (information === undefined) {
      checkOptions(command, values);
      checkOperands(command, isCommand ? positionals.slice(1) : positionals);
    }
    const [operand] = isCommand ? positionals.slice(1) : positionals;
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
      command: information ?? command,
      ...(operand !== undefined && { operand }),
      backendOverrides: values.b,
      instanceOverrides: values.i,
      logLevel: oneOf("--log-level", values["log-level"], LOG_LEVELS),
      logFormat: oneOf("--log-format", values["log-format"], LOG_FORMATS),
      ...(values["queue-limit"] !== undefined && { queueLimit: mebibytes("--queue-limit", values["queue-limit"]) }),
      json: values.json,
      noRun: values["no-run"],
      watch: values.watch,
      ...(values.monitor !== undefined && { monitor: placeOf("--monitor", values.monitor) }),
      control: values.control,
    };
  } catch (error) {
    throw new MidimonsterError("USAGE", messageOf(error), [], { cause: error });
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        i: { type: "string", short: "i", multiple: true, default: [] },
        b: { type: "string", short: "b", multiple: true, default: [] },
        "log-level": { type: "string", default: "info" },
        "log-format": { type: "string", default: defaultLogFormat() },
        "queue-limit": { type: "string" },
        json: { type: "boolean", default: false },
        "no-run": { type: "boolean", default: false },
        watch: { type: "boolean", default: false },
        monitor: { type: "string" },
        control: { type: "boolean", default: false },
        version: { type: "boolean", short: "v", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    const option = /^Unknown option '(-.*?)'/.exec(messageOf(error))?.[1];
    if (option === undefined) throw error;
    const known = OPTION_LIST.filter(([, { onlyShort }]) => !onlyShort).map(written);
    const commands = new Map(Object.keys(COMMANDS).map((name) => [`--${name}`, name]));
    const meant = commands.has(option) ? option : nearest(option, [...known, ...commands.keys()]);
    const said = suggestion(known.includes(meant ?? "") ? meant : commands.get(meant ?? ""));
    throw new Error(`unknown option '${option}'${said}`, { cause: error });
  }
}

function checkOptions(command: Command, values: Readonly<Record<string, unknown>>): void {
  for (const [name, facts] of OPTION_LIST) {
    const value = values[name];
    const { goesWith } = facts;
    if (goesWith === undefined || goesWith.includes(command)) continue;
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    if (!isGiven) continue;
    const option = written([name, facts]);
    const named = goesWith.filter((other) => other !== "run");
    if (command === "run") throw new Error(`${option} goes with ${listed(named)}`);
    throw new Error(`${option} does not go with ${command}`);
  }
}

function checkOperands(command: Command, operands: readonly string[]): void {
  const [first, ...more] = operands;
  if (command === "run" && first !== undefined) {
    const meant = nearest(first, Object.keys(COMMANDS));
    // A configuration may have any name.
    if (meant !== undefined && !existsSync(first)) {
      throw new Error(`'${first}' is neither a command nor a file${suggestion(meant)}`);
    }
  }
  if (command === "run" && (first === "run" || first === "start") && !existsSync(first)) {
    throw new Error(`there is no command '${first}': to run a configuration, write mmpy ${more[0] ?? "monster.cfg"}`);
  }
  if (command === "run" && (first === "help" || first === "version") && !existsSync(first)) {
    throw new Error(`there is no command '${first}': write mmpy --${first}`);
  }
  if (command === "completion" && (first === undefined || !SHELLS.some((shell) => shell === first))) {
    const found = first === undefined ? "" : `, not '${first}'`;
    throw new Error(`completion is for one of ${SHELLS.join(", ")}${found}; write mmpy completion bash`);
  }
  if (more.length === 0) return;
  const kind =
    command === "backends"
      ? "backend"
      : command === "filters"
        ? "filter"
        : command === "monitor"
          ? "URL"
          : command === "completion"
            ? "shell"
            : "configuration";
  throw new Error(`more than one ${kind}: ${operands.join(", ")}`);
}

function listed(words: readonly string[]): string {
  const [last = "", ...others] = words.toReversed();
  return others.length === 0 ? last : `${others.toReversed().join(", ")} and ${last}`;
}

function suggestion(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean '${meant}'?`;
}

function mebibytes(option: string, value: string): number {
  const found = /^[0-9]+$/.test(value) ? Number(value) : 0;
  if (found < 1 || found > MAX_QUEUE_LIMIT) {
    throw new Error(`${option} is a whole number of MiB from 1 to ${MAX_QUEUE_LIMIT}, not '${value}'`);
  }
  return found;
}

/** `8099`, `127.0.0.1:8099`, `[::1]:8099`, `*:8099`. */
function placeOf(option: string, value: string): WebPlace {
  const [, bracketed, plain, digits = ""] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(value) ?? [];
  const port = digits === "" ? Number.NaN : Number(digits);
  if (!(port <= 65_535)) {
    throw new Error(`${option} is [HOST:]PORT, such as 8099 or 0.0.0.0:8099, not '${value}'`);
  }
  return { host: bracketed ?? plain ?? "127.0.0.1", port };
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new Error(`${option} is one of ${allowed.join(", ")}, not '${value}'${suggestion(nearest(value, allowed))}`);
  }
  return found;
}
