// What a program passes when it creates a router, checked: JavaScript has no compiler to do it.
import type { BackendDeclaration } from "../backends/declare.js";
import { BACKENDS } from "../backends/index.js";
import { checkBackend } from "../backends/shapes.js";
import { type Backend, declarationOf } from "../backends/simple.js";
import { MAX_QUEUE_LIMIT } from "../config/limits.js";
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError, textOf } from "../errors.js";
import type { Logger } from "../log/log.js";
import { kindOf } from "../user-code.js";
import type { CheckMode } from "./engine.js";

export interface RouterOptions {
  /** The log. Default: warnings and errors as text to standard error. */
  readonly logger?: Logger;
  /** Additional backends: objects with `create()`, or declarations. */
  readonly backends?: readonly (Backend | BackendDeclaration)[];
  /**
   * The memory that waiting events may take, all together, in MiB; default 256. Events beyond are lost, and the log says how
   * many.
   */
  readonly queueLimit?: number;
  /**
   * For a router that is only to be checked, and can't be started: `load` lets Python modules know that
   * (`midimonster.checking()`); with `read` no code of modules and backends runs, and modules are only checked for errors of
   * syntax. Default: it can be started.
   */
  readonly check?: CheckMode;
  /** The folder of relative paths and Python modules, for options set by the API. Default: the current folder. */
  readonly folder?: string;
}

export interface FileOptions extends Omit<RouterOptions, "folder"> {
  /** `backend.option=value`, like `-b` on the command line. */
  readonly backendOverrides?: readonly string[];
  /** `instance.option=value`, like `-i` on the command line. */
  readonly instanceOverrides?: readonly string[];
}

const OF_ROUTERS: Readonly<Record<keyof RouterOptions, true>> = {
  logger: true,
  backends: true,
  queueLimit: true,
  check: true,
  folder: true,
};
const { folder: _, ...OF_BOTH } = OF_ROUTERS;
const OF_FILES: Readonly<Record<keyof FileOptions, true>> = {
  ...OF_BOTH,
  backendOverrides: true,
  instanceOverrides: true,
};

const KNOWN: Readonly<Record<"new Router()" | "Router.fromFile()" | "map()", readonly string[]>> = {
  "new Router()": Object.keys(OF_ROUTERS),
  "Router.fromFile()": Object.keys(OF_FILES),
  "map()": ["filters"],
};

/**
 * Options, if all of them exist: JavaScript would ignore others.
 *
 * @throws {MidimonsterError} `VALUE`
 */
export function known<T extends object>(of: keyof typeof KNOWN, options: T): T {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new MidimonsterError("VALUE", `the options of ${of} are an object, not ${kindOf(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || KNOWN[of].includes(name)) continue;
    const help = didYouMean(name, KNOWN[of], "its options");
    throw new MidimonsterError("VALUE", [`${of} has no option '${name}'`, ...help].join("; "));
  }
  return options;
}

/** @throws {MidimonsterError} `VALUE` */
export function checkedQueueLimit(limit: number | undefined): number | undefined {
  if (limit === undefined || (Number.isInteger(limit) && limit >= 1 && limit <= MAX_QUEUE_LIMIT)) return limit;
  throw new MidimonsterError("VALUE", `queueLimit is a whole number of MiB from 1 to ${MAX_QUEUE_LIMIT}, not ${limit}`);
}

/** @throws {MidimonsterError} `VALUE` */
export function checkedMode(mode: CheckMode | undefined): CheckMode | undefined {
  if (mode === undefined || mode === "load" || mode === "read") return mode;
  throw new MidimonsterError("VALUE", `check is 'load' or 'read', not ${textOf(mode)}`);
}

/** @throws {MidimonsterError} `STATE` for a router that is only to be checked */
export function refuseChecking(mode: CheckMode | undefined): void {
  if (mode === undefined) return;
  throw new MidimonsterError("STATE", "this router is only for checking; to start one, leave the option 'check' out");
}

/**
 * The declarations of all backends, by name: those of this package, and a program's own.
 *
 * @throws {MidimonsterError} `VALUE`
 */
export function declarationsWith(own: RouterOptions["backends"] = []): ReadonlyMap<string, BackendDeclaration> {
  if (!Array.isArray(own)) throw new MidimonsterError("VALUE", `backends is a list, not ${kindOf(own)}`);
  const declarations = new Map(BACKENDS.map((declaration) => [declaration.name, declaration]));
  for (const backend of own as readonly (Backend | BackendDeclaration)[]) {
    checkBackend(backend);
    const { name } = backend;
    if (declarations.has(name)) throw new MidimonsterError("VALUE", `backend '${name}' already exists`);
    declarations.set(name, "create" in backend ? declarationOf(backend) : backend);
  }
  return declarations;
}
