// The commands and options of mmpy, as data: what is parsed, what --help prints, and what a shell completes.
import { LOG_FORMATS, LOG_LEVELS } from "../log/names.js";

export type Command = "run" | "check" | "doctor" | "backends" | "filters" | "monitor" | "completion";

export interface CommandFacts {
  /** Its arguments, for the usage line. */
  readonly usage: string;
  /** For --help. */
  readonly doc: string;
  /** A short description, for completion. */
  readonly brief: string;
}

/** The commands named on the command line; without one, a configuration is run. */
export const COMMANDS: Readonly<Record<Exclude<Command, "run">, CommandFacts>> = {
  check: {
    usage: "[--no-run] [--json] [options] [config]",
    doc: "do everything except run: read the configuration, load modules, find every handler, print instances, channels and mappings",
    brief: "do everything except run",
  },
  doctor: {
    usage: "[--json] [-b backend.option=value] [config]",
    doc: "examine Node, the native part and every Python on this machine; show which one is used and why, or what is missing (exit status 1)",
    brief: "check that the machine has everything",
  },
  backends: {
    usage: "[--json] [name]",
    doc: "list the backends, or print the options and channels of one",
    brief: "list backends, their options and channels",
  },
  filters: {
    usage: "[--json] [name]",
    doc: "list the filters of mappings, or print the arguments of one",
    brief: "list filters of mappings, and their arguments",
  },
  monitor: {
    usage: "[URL]",
    doc: "show the values of a running router on this terminal, or print them line by line in a pipe (default: http://127.0.0.1:8099)",
    brief: "show the values of a running router",
  },
  completion: {
    usage: "bash|zsh|fish",
    doc: "print the script with which a shell completes commands, options and their values",
    brief: "print the completion script of a shell",
  },
};

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export interface OptionFacts {
  readonly short?: string;
  /** Whether it has no long name. */
  readonly onlyShort?: true;
  /** The name of its value; absent if it takes none. */
  readonly value?: string;
  /** The allowed values. */
  readonly words?: readonly string[];
  /** The commands that accept it; absent: all. */
  readonly goesWith?: readonly Command[];
  /** For --help. */
  readonly doc: string;
  /** A short description, for completion. */
  readonly brief: string;
}

export const OPTIONS = {
  i: {
    short: "i",
    onlyShort: true,
    value: "instance.option=value",
    goesWith: ["run", "check", "doctor"],
    doc: "set an option of an instance, before those of its section (repeatable)",
    brief: "set an option of an instance",
  },
  b: {
    short: "b",
    onlyShort: true,
    value: "backend.option=value",
    goesWith: ["run", "check", "doctor"],
    doc: "set an option of a backend, likewise (repeatable)",
    brief: "set an option of a backend",
  },
  "log-level": {
    value: "LEVEL",
    words: LOG_LEVELS,
    doc: `${LOG_LEVELS.join(", ")} (default: info)`,
    brief: "the least severe level to log",
  },
  "log-format": {
    value: "FORMAT",
    words: LOG_FORMATS,
    doc: "text, json or journal (default: journal where standard error is systemd's journal, else text)",
    brief: "the format of the log",
  },
  "queue-limit": {
    value: "MIB",
    goesWith: ["run"],
    doc: "the memory that waiting events may take, all together (default: 256)",
    brief: "the memory that waiting events may take",
  },
  watch: {
    goesWith: ["run"],
    doc: "reload when a file of the configuration or of its modules changes",
    brief: "reload when a file changes",
  },
  monitor: {
    value: "[HOST:]PORT",
    goesWith: ["run"],
    doc: "serve a page that shows instances, values, mappings and the log of the router, and metrics for Prometheus",
    brief: "serve a page that shows the router",
  },
  control: {
    goesWith: ["run"],
    doc: "with --monitor: let its page and programs set values",
    brief: "let the monitor set values",
  },
  "no-run": {
    goesWith: ["check"],
    doc: "with check: read modules for errors of syntax, without running them",
    brief: "check without running modules",
  },
  json: {
    goesWith: ["check", "doctor", "backends", "filters"],
    doc: "with check, doctor, backends and filters: print everything as JSON",
    brief: "print everything as JSON",
  },
  version: { short: "v", doc: "print the version", brief: "print the version" },
  help: { short: "h", doc: "print this help", brief: "print the help" },
} as const satisfies Record<string, OptionFacts>;

export type OptionName = keyof typeof OPTIONS;

/** Options by name. */
export const OPTION_LIST: readonly (readonly [OptionName, OptionFacts])[] = Object.entries(OPTIONS) as [
  OptionName,
  OptionFacts,
][];

/** An option as it is written: `--watch`, `-i`. */
export function written([name, { onlyShort }]: readonly [OptionName, OptionFacts]): string {
  return onlyShort ? `-${name}` : `--${name}`;
}
