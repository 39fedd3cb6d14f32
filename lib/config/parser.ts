import { realpathSync } from "node:fs";
import path from "node:path";
import { MidimonsterError, messageOf } from "../errors.js";
import { type ChannelPattern, parsePattern } from "./channel-pattern.js";
import type { Diagnostic } from "./diagnostic.js";
import { FILES, INCLUDES, LINES, MOST_ERRORS } from "./limits.js";
import {
  type Located,
  type Location,
  locate,
  makeSource,
  part,
  readText,
  type Source,
  TooManyBytes,
} from "./source.js";
import type { ChannelSpec, ConfigTree, Direction, Mapping, Section } from "./syntax.js";

/** A tree as far as it could be read, and everything that is wrong with the text. */
export interface ParseResult {
  readonly tree: ConfigTree;
  readonly diagnostics: readonly Diagnostic[];
  /** Absolute paths of the files that were read, the first one first. */
  readonly files: readonly string[];
}

/**
 * Reads a configuration file and all that it includes.
 *
 * @param file path of the file, also its name in messages
 * @throws {MidimonsterError} `CONFIG` if the file itself can't be read
 */
export function parseFile(file: string): ParseResult {
  let read: { text: string; size: number };
  try {
    read = readText(file);
  } catch (error) {
    throw MidimonsterError.fromDiagnostics([
      {
        message: `can't read the configuration: ${messageOf(error)}`,
        help: isMissing(error) ? ["name a configuration file, as in: mmpy monster.cfg"] : [],
      },
    ]);
  }
  return parseSource(makeSource(file, path.dirname(path.resolve(file)), read.text), read.size);
}

/**
 * Reads configuration text.
 *
 * @param text the configuration
 * @param file its name in messages; relative paths start from its folder
 */
export function parseText(text: string, file = "<text>"): ParseResult {
  return parseSource(makeSource(file, path.dirname(path.resolve(file)), text));
}

function parseSource(source: Source, bytes = 0): ParseResult {
  const parser = new Parser(bytes);
  parser.read(source, []);
  return { tree: { source, sections: parser.sections }, diagnostics: parser.diagnostics, files: parser.files };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** A file being read, to notice one that includes itself. */
interface OpenFile {
  readonly real: string;
  readonly shown: string;
}

class Parser {
  readonly sections: Section[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly files: string[] = [];
  // What following lines belong to. An include leaves it as the included file's end does: it is as if that text stood
  // in its place. `skip` follows a header that could not be read; its lines would only give errors that mean nothing.
  #section: Section | "none" | "skip" = "none";
  #bytes: number;
  #lines = 0;
  #stopped = false;

  /** @param bytes of what is read first */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  read(source: Source, open: readonly OpenFile[]): void {
    const inside = [
      ...open,
      { real: realPathOf(path.join(source.folder, path.basename(source.file))), shown: source.file },
    ];
    this.files.push(path.join(source.folder, path.basename(source.file)));
    for (let line = 1; line <= source.lines.length && !this.#stopped; ++line) {
      const content = locate(source, line, 0, Number.POSITIVE_INFINITY);
      if (content.text === "" || content.text.startsWith(";")) continue;
      if (++this.#lines > LINES.most) {
        this.#stop("too many lines", content.location, LINES.help);
        return;
      }
      if (content.text.startsWith("[")) {
        this.#header(content, inside);
      } else if (this.#section === "none") {
        this.#outside(content);
      } else if (this.#section !== "skip") {
        if (this.#section.kind === "map") {
          const mapping = parseMapping(content, (diagnostic) => this.#report(diagnostic));
          if (mapping !== undefined) this.#section.mappings.push(mapping);
        } else {
          this.#assignment(content, this.#section);
        }
      }
    }
  }

  #error(message: string, location: Location, help: readonly string[] = []): void {
    this.#report({ message, location, help });
  }

  #report(diagnostic: Diagnostic): void {
    if (this.diagnostics.length < MOST_ERRORS) this.diagnostics.push(diagnostic);
    else if (diagnostic.location !== undefined) {
      this.#stop("too many errors", diagnostic.location, "what comes after this is not read");
    }
  }

  /** Gives up reading. */
  #stop(message: string, location: Location, help: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.diagnostics.push({ message, location, help: [help] });
  }

  #outside(content: Located): void {
    this.#error("this line belongs to no section", content.location, [
      "begin a section before it: [backend NAME], [BACKEND INSTANCE] or [map]",
    ]);
    this.#section = "skip";
  }

  #assignment(content: Located, section: Exclude<Section, { kind: "map" }>): void {
    const equals = content.text.indexOf("=");
    if (equals < 0) {
      const looksLikeMapping = /[<>]/.test(content.text);
      this.#error(`'${content.text}' is not an assignment`, content.location, [
        looksLikeMapping ? "mappings belong into a [map] section" : "write option = value",
      ]);
      return;
    }
    const { source, line, column } = content.location;
    const start = column - 1;
    const option = locate(source, line, start, start + equals);
    const value = locate(source, line, start + equals + 1, start + content.text.length);
    if (option.text === "") {
      this.#error("the option's name is missing", content.location, ["write option = value"]);
      return;
    }
    section.assignments.push({ option, value });
  }

  #header(content: Located, open: readonly OpenFile[]): void {
    const before = this.#section;
    this.#section = "skip";
    if (!content.text.endsWith("]")) {
      this.#error("a section's header needs a ']' at the end of its line", content.location);
      return;
    }
    const header = trimmed(part(content, 1, content.text.length - 1));
    if (header.text === "map") {
      this.#begin({ kind: "map", mappings: [] });
      return;
    }
    if (header.text === "" || header.text.toLowerCase() === "map") {
      this.#error(header.text === "" ? "an empty header" : `'${header.text}' is no section`, content.location, [
        header.text === "" ? "write [backend NAME], [BACKEND INSTANCE] or [map]" : "did you mean [map]?",
      ]);
      return;
    }
    const blank = header.text.search(/\s/);
    const word = blank < 0 ? header : part(header, 0, blank);
    const rest = trimmed(part(header, blank < 0 ? header.text.length : blank + 1));
    if (word.text === "include") {
      this.#section = before;
      this.#include(rest, content, open);
    } else if (word.text === "backend") {
      this.#backendHeader(rest, content);
    } else {
      this.#instanceHeader(word, rest, content);
    }
  }

  #begin(section: Section): void {
    this.sections.push(section);
    this.#section = section;
  }

  #backendHeader(backend: Located, content: Located): void {
    if (backend.text === "") {
      this.#error("the backend's name is missing", content.location, ["write [backend NAME]"]);
      return;
    }
    this.#begin({ kind: "backend", backend, assignments: [] });
  }

  #instanceHeader(backend: Located, name: Located, content: Located): void {
    if (name.text === "") {
      this.#error(`no name for an instance of '${backend.text}'`, content.location, [
        `write [${backend.text} NAME], or [backend ${backend.text}] for options of the backend itself`,
      ]);
      return;
    }
    const problem = instanceNameProblem(name.text);
    if (problem !== undefined) {
      this.#error(problem, name.location);
      return;
    }
    this.#begin({ kind: "instance", backend, name, assignments: [] });
  }

  #include(target: Located, content: Located, open: readonly OpenFile[]): void {
    if (target.text === "") {
      this.#error("the included file's name is missing", content.location, ["write [include FILE]"]);
      return;
    }
    const including = content.location.source;
    const resolved = path.resolve(including.folder, target.text);
    const shown = path.isAbsolute(target.text) ? target.text : path.join(path.dirname(including.file), target.text);
    if (this.files.length >= FILES.most) {
      this.#stop("too many files are included", target.location, FILES.help);
      return;
    }
    const real = realPathOf(resolved);
    const again = open.findIndex((file) => file.real === real);
    if (again >= 0) {
      const chain = [...open.slice(again).map((file) => file.shown), shown].join(" includes ");
      this.#error(`a file includes itself: ${chain}`, target.location);
      return;
    }
    if (open.length >= INCLUDES.most) {
      this.#error("files include files too deeply", target.location, [INCLUDES.help]);
      return;
    }
    let text: string;
    try {
      const read = readText(resolved, this.#bytes);
      text = read.text;
      this.#bytes += read.size;
    } catch (error) {
      const message = `can't read the included file: ${messageOf(error)}`;
      // It would be as much again each time.
      if (error instanceof TooManyBytes) this.#stop(message, target.location, "what comes after this is not read");
      else this.#error(message, target.location);
      return;
    }
    this.read(makeSource(shown, path.dirname(resolved), text), open);
  }
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // text that is in no file, or a file that is not there
  }
}

function trimmed(text: Located): Located {
  const { source, line, column, length } = text.location;
  return locate(source, line, column - 1, column - 1 + length);
}

/** Why this can't be the name of an instance, or undefined if it can. */
export function instanceNameProblem(name: string): string | undefined {
  if (name === "") return "an instance's name can't be empty";
  if (/\s/.test(name)) return `the instance's name '${name}' holds a blank`;
  if (name.includes(".")) return `the instance's name '${name}' holds a dot, which begins a channel's name`;
  return undefined;
}

/**
 * Reads a line of a `[map]` section.
 *
 * @returns the mapping, or undefined if there were errors, which went to `report`
 */
export function parseMapping(line: Located, report: (diagnostic: Diagnostic) => void): Mapping | undefined {
  const operator = /<>|><|<|>/.exec(line.text);
  if (operator === null) {
    report({
      message: `'${line.text}' is not a mapping`,
      location: line.location,
      help: ["write a.x > b.y, a.x < b.y or a.x <> b.y"],
    });
    return undefined;
  }
  const direction: Direction = operator[0] === "<" || operator[0] === ">" ? operator[0] : "<>";
  const { source, line: number, column } = line.location;
  const start = column - 1;
  const end = start + operator.index;
  const left = parseSpec(locate(source, number, start, end), line, report);
  const right = parseSpec(locate(source, number, end + operator[0].length, start + line.text.length), line, report);
  if (left === undefined || right === undefined) return undefined;
  const sizes = [left.pattern.size, right.pattern.size];
  if (sizes[0] !== sizes[1] && !sizes.includes(1)) {
    report({
      message: `${sizes[0]} channels on the left, ${sizes[1]} on the right`,
      location: line.location,
      help: ["both sides of a mapping stand for equally many channels, or one of them for a single one"],
    });
    return undefined;
  }
  return { left, direction, right, location: line.location };
}

function parseSpec(text: Located, whole: Located, report: (diagnostic: Diagnostic) => void): ChannelSpec | undefined {
  const help = ["write instance.channel"];
  if (text.text === "") {
    report({ message: "a side of the mapping is missing", location: whole.location, help });
    return undefined;
  }
  const dot = text.text.indexOf(".");
  if (dot < 0) {
    report({ message: `'${text.text}' names no channel`, location: text.location, help });
    return undefined;
  }
  const instance = part(text, 0, dot);
  const channel = part(text, dot + 1);
  if (instance.text === "" || channel.text === "") {
    const missing = instance.text === "" ? "instance" : "channel";
    report({ message: `'${text.text}' names no ${missing}`, location: text.location, help });
    return undefined;
  }
  const pattern: ChannelPattern | undefined = parsePattern(channel, report);
  return pattern === undefined ? undefined : { instance, channel, pattern };
}
