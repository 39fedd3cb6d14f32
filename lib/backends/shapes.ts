// What the types of backends say, checked while the program runs: JavaScript has no compiler to do it.
import { nearest } from "../config/suggest.js";
import { MidimonsterError, textOf } from "../errors.js";
import { kindOf } from "../user-code.js";
import type { BackendDeclaration } from "./declare.js";
import type { Backend } from "./simple.js";

type Kind = "function" | "text" | "list" | "object";

/** The members of an object by name; `?` after the kind of one that may be absent. */
type Shape = Readonly<Record<string, Kind | `${Kind}?`>>;

const EXPECTED: Readonly<Record<Kind, string>> = {
  function: "a function",
  text: "a string",
  list: "a list",
  object: "an object",
};

const BACKEND: Shape = {
  create: "function",
  options: "list?",
  instanceOptions: "list?",
  configure: "function?",
  start: "function?",
  stop: "function?",
};

const INSTANCE: Shape = {
  configure: "function?",
  channel: "function?",
  start: "function?",
  handle: "function?",
  stop: "function?",
  status: "function?",
};

const DECLARATION: Shape = {
  summary: "text",
  options: "object",
  instanceOptions: "object",
  optionPatterns: "list?",
  channels: "object",
  checkOptions: "function?",
  checkInstanceOptions: "function?",
  checkInstances: "function?",
  load: "function",
};

const OPTION: Shape = { parse: "function", kind: "text", form: "text", aliases: "list?", shown: "function?" };
const PATTERN: Shape = { parse: "function", form: "text" };
const CHANNELS: Shape = { forms: "list", parse: "function?", named: "function?" };

const OPEN_BACKEND: Shape = {
  announce: "function?",
  instance: "function",
  start: "function?",
  stop: "function?",
  facts: "function?",
};

const DECLARED_INSTANCE: Shape = {
  connect: "function?",
  disconnect: "function?",
  leave: "function?",
  start: "function?",
  handle: "function?",
  prepare: "function?",
  change: "function?",
  takeOver: "function?",
  stop: "function?",
  status: "function?",
  note: "function?",
  files: "function?",
  native: "object?",
};

/**
 * Checks a backend that a program passes to a router.
 *
 * @throws {MidimonsterError} `VALUE`, with the member that is wrong or missing
 */
export function checkBackend(backend: Backend | BackendDeclaration): void {
  if (typeof backend !== "object" || backend === null) {
    throw new MidimonsterError("VALUE", `a backend is an object, not ${kindOf(backend)}`);
  }
  const { name } = backend;
  if (typeof name !== "string" || !/^\S+$/.test(name)) {
    throw new MidimonsterError("VALUE", "a backend needs a name without whitespace");
  }
  const problem = looksDeclared(backend) ? problemOfDeclaration(backend) : problemOf(backend, BACKEND);
  if (problem !== undefined) throw new MidimonsterError("VALUE", `backend '${name}': ${problem}`);
}

/** Whether it has what only declarations have. An object with neither that nor `create()` is more likely the simple kind. */
function looksDeclared(backend: Backend | BackendDeclaration): backend is BackendDeclaration {
  if ("create" in backend) return false;
  return Object.keys(DECLARATION).some((name) => !(name in BACKEND) && name in backend);
}

function problemOfDeclaration(declaration: BackendDeclaration): string | undefined {
  const { options, instanceOptions, channels, optionPatterns = [] } = declaration;
  return (
    problemOf(declaration, DECLARATION) ??
    problemOf(channels, CHANNELS, "channels.") ??
    problemOfAll("options", options, OPTION) ??
    problemOfAll("instanceOptions", instanceOptions, OPTION) ??
    problemOfAll("optionPatterns", optionPatterns, PATTERN)
  );
}

function problemOfAll(where: string, members: object, shape: Shape): string | undefined {
  for (const [name, member] of Object.entries(members)) {
    const path = `${where}.${name}`;
    const problem = isObject(member) ? problemOf(member, shape, `${path}.`) : wrong(path, member, "object");
    if (problem === undefined) continue;
    return shape === OPTION ? `${problem}; option.text() and its like declare options` : problem;
  }
  return undefined;
}

/** @throws {Error} with the member that is wrong or missing */
export function checkOpenBackend(open: unknown): void {
  if (!isObject(open) || typeof open.instance !== "function") {
    throw new Error("open() returned no object with an instance() method");
  }
  refuse(problemOf(open, OPEN_BACKEND));
}

/** @throws {Error} with the member that is wrong */
export function checkDeclaredInstance(instance: unknown): void {
  if (!isObject(instance)) throw new Error("instance() did not return an object");
  refuse(problemOf(instance, DECLARED_INSTANCE));
}

/**
 * Checks what `create()` returned.
 *
 * @throws {Error} with the member that is wrong
 */
export function checkInstance(instance: unknown, backend: string): void {
  if (!isObject(instance)) throw new Error(`create() of backend '${backend}' did not return an object`);
  refuse(problemOf(instance, INSTANCE));
  const { routing } = instance;
  if (routing === undefined || routing === "handle" || routing === "reflect") return;
  throw new Error(`its routing is '${textOf(routing)}'; it has to be 'handle' or 'reflect'`);
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new Error(`its ${problem}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The first member of another kind than declared. @param prefix of members' names in the message */
function problemOf(value: object, shape: Shape, prefix = ""): string | undefined {
  for (const [name, declared] of Object.entries(shape)) {
    const member: unknown = Reflect.get(value, name);
    if (member === undefined && declared.endsWith("?")) continue;
    const kind = declared.replace("?", "") as Kind;
    if (!isOf(kind, member)) {
      const meant = member === undefined ? misspelt(value, shape, name) : undefined;
      return meant === undefined ? wrong(prefix + name, member, kind) : notKnown(prefix + meant, name);
    }
  }
  // A declaration has no members of its own.
  const [doubt] = Object.hasOwn(value, "load") || prefix !== "" ? doubtsIn(value, shape, prefix) : [];
  return doubt;
}

/** Members that are called nearly like one that is missing. */
function doubtsIn(value: object, shape: Shape, prefix = ""): string[] {
  return Object.entries(shape).flatMap(([name, declared]) => {
    const written =
      declared.endsWith("?") && Reflect.get(value, name) === undefined ? misspelt(value, shape, name) : undefined;
    return written === undefined ? [] : [notKnown(prefix + written, name)];
  });
}

/**
 * Warnings about members of an instance or of what `open()` returns that are called nearly like known ones. No errors, since such
 * objects may have functions of their own.
 */
export function doubtsAbout(kind: "open backend" | "declared instance" | "created instance", value: object): string[] {
  const shapes = { "open backend": OPEN_BACKEND, "declared instance": DECLARED_INSTANCE, "created instance": INSTANCE };
  return doubtsIn(value, shapes[kind]);
}

/** A member that is probably meant to be `name`: nearly called so, of the same kind, and not called like another one. */
function misspelt(value: object, shape: Shape, name: string): string | undefined {
  const kind = shape[name]?.replace("?", "") as Kind;
  const candidates = membersOf(value).filter((other) => !(other in shape) && isOf(kind, Reflect.get(value, other)));
  const written = nearest(name, candidates);
  // The reverse, too: `starts` may be as near to `start` as to another.
  return written !== undefined && nearest(written, Object.keys(shape)) === name ? written : undefined;
}

/** Names of an object's own members and those of its classes. */
function membersOf(value: object): string[] {
  const names = new Set<string>();
  for (let at: object | null = value; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      // Getters may do anything.
      if (Object.getOwnPropertyDescriptor(at, name)?.get === undefined) names.add(name);
    }
  }
  names.delete("constructor");
  return [...names];
}

function notKnown(written: string, name: string): string {
  return `${written} is not known; did you mean '${name}'?`;
}

function isOf(kind: Kind, value: unknown): boolean {
  if (kind === "function") return typeof value === "function";
  if (kind === "text") return typeof value === "string";
  return kind === "list" ? Array.isArray(value) : isObject(value) && !Array.isArray(value);
}

function wrong(path: string, value: unknown, kind: Kind): string {
  const found = value === undefined ? "is missing" : `is ${kindOf(value)}`;
  return `${path} ${found}; it has to be ${EXPECTED[kind]}`;
}
