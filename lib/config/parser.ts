import { realpathSync } from "node:fs";
import path from "node:path";
import { MidimonsterError } from "../errors.js";
import type { Diagnostic } from "./diagnostic.js";
import { FILTER_NAME, filterNameProblem, parseFilterLine } from "./filter-section.js";
import { FILES, INCLUDES, LINES, MAX_ERRORS, MAX_WARNINGS } from "./limits.js";
import { parseMapping } from "./mapping-line.js";
import { commentHelp } from "./meant.js";
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
import type { AssignmentSection, ConfigTree, Section } from "./syntax.js";
import { unreadableHelp, whyUnreadable } from "./unreadable.js";

/** The part of a configuration that could be parsed, and all errors found in it. */
export interface ParseResult {
  readonly tree: ConfigTree;
  readonly diagnostics: readonly Diagnostic[];
  /** Absolute paths of the files that were read, starting with the main file. */
  readonly files: readonly string[];
}

/**
 * Parses a configuration file and the files it includes.
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
        message: `can't read the configuration: ${whyUnreadable(file, error)}`,
        help: unreadableHelp(file, error),
      },
    ]);
  }
  return parseSource(makeSource(file, path.dirname(path.resolve(file)), read.text), read.size);
}

/**
 * Parses configuration text.
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

/** A file being read; used to detect a file that includes itself. */
interface OpenFile {
  readonly real: string;
  readonly shown: string;
}

const REST_SKIPPED = "the rest of the configuration was not read";

class Parser {
  readonly sections: Section[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly files: string[] = [];
  // The section that the next lines belong to. It carries over from the end of an included file, whose text is treated as if
  // it stood in place of the include. `skip` follows an invalid header, whose lines would only produce spurious errors.
  #section: Section | "none" | "skip" = "none";
  #bytes: number;
  #lines = 0;
  #warnings = 0;
  #stopped = false;

  /** @param bytes size of the main file */
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
      if (++this.#lines > LINES.max) {
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
        } else if (this.#section.kind === "filter") {
          const filters = parseFilterLine(content, (diagnostic) => this.#report(diagnostic));
          if (filters === undefined) this.#section.failed = true;
          else this.#section.filters.push(...filters);
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
    if (diagnostic.severity === "warning") {
      if (++this.#warnings <= MAX_WARNINGS) this.diagnostics.push(diagnostic);
    } else if (this.diagnostics.length - Math.min(this.#warnings, MAX_WARNINGS) < MAX_ERRORS) {
      this.diagnostics.push(diagnostic);
    } else if (diagnostic.location !== undefined) {
      this.#stop("too many errors", diagnostic.location, REST_SKIPPED);
    }
  }

  /** Reports an error and abandons the rest of the text. */
  #stop(message: string, location: Location, help: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.diagnostics.push({ message, location, help: [help] });
  }

  #outside(content: Located): void {
    const comment = commentHelp(content.text);
    const isModule = content.location.source.file.endsWith(".py");
    if (comment.length > 0 && !isModule) {
      this.#error("this line is outside any section", content.location, comment);
      return;
    }
    this.#error("this line is outside any section", content.location, [
      isModule
        ? "this is a Python module; a configuration loads it, by module = NAME in a [python INSTANCE] section"
        : "start a section before it: [backend NAME], [BACKEND INSTANCE] or [map]",
    ]);
    this.#section = "skip";
  }

  #assignment(content: Located, section: AssignmentSection): void {
    const equals = content.text.indexOf("=");
    if (equals < 0) {
      const looksLikeMapping = /[<>]/.test(content.text);
      const comment = commentHelp(content.text);
      const help = [looksLikeMapping ? "mappings belong in a [map] section" : "write option = value"];
      this.#error(`'${content.text}' is not an assignment`, content.location, comment.length > 0 ? comment : help);
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

  #header(line: Located, open: readonly OpenFile[]): void {
    const before = this.#section;
    this.#section = "skip";
    let content = line;
    if (!line.text.endsWith("]")) {
      const [header] = /^\[[^\]]*\](?=\s*[;#])/.exec(line.text) ?? [];
      this.#error("a section header must end with ']'", line.location, commentHelp(line.text.replace("]", "] ")));
      if (header === undefined) return;
      content = part(line, 0, header.length); // what follows belongs to it
    }
    const header = trimmed(part(content, 1, content.text.length - 1));
    if (header.text === "map") {
      this.#begin({ kind: "map", mappings: [] });
      return;
    }
    if (header.text === "" || header.text.toLowerCase() === "map") {
      this.#error(header.text === "" ? "empty section header" : `'${header.text}' is not a section`, content.location, [
        header.text === "" ? "write [backend NAME], [BACKEND INSTANCE] or [map]" : "did you mean [map]?",
      ]);
      return;
    }
    const space = header.text.search(/\s/);
    const word = space < 0 ? header : part(header, 0, space);
    const rest = trimmed(part(header, space < 0 ? header.text.length : space + 1));
    if (word.text === "include") {
      this.#section = before;
      this.#include(rest, content, open);
    } else if (word.text === "backend") {
      this.#backendHeader(rest, content);
    } else if (word.text === "filter") {
      this.#filterHeader(rest, content);
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

  #filterHeader(name: Located, content: Located): void {
    if (name.text === "") {
      this.#error("this filter has no name", content.location, [
        "write [filter NAME], and its chain in the lines below",
      ]);
      return;
    }
    const problem = filterNameProblem(name.text);
    if (problem !== undefined) this.#error(problem, name.location, [FILTER_NAME]);
    else this.#begin({ kind: "filter", name, filters: [], failed: false });
  }

  #instanceHeader(backend: Located, name: Located, content: Located): void {
    if (name.text === "") {
      const help = `write [${backend.text} NAME], or [backend ${backend.text}] to set options of the backend`;
      this.#error(`this instance of '${backend.text}' has no name`, content.location, [
        /^map/i.test(backend.text) ? "did you mean [map]?" : help,
      ]);
      return;
    }
    const problem = instanceNameProblem(name.text);
    if (problem !== undefined) {
      this.#error(problem, name.location, [`did you mean [${backend.text} ${name.text.replace(/[\s.]+/g, "_")}]?`]);
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
    if (this.files.length >= FILES.max) {
      this.#stop("too many included files", target.location, FILES.help);
      return;
    }
    const real = realPathOf(resolved);
    const cycle = open.findIndex((file) => file.real === real);
    if (cycle >= 0) {
      const chain = [...open.slice(cycle).map((file) => file.shown), shown].join(" includes ");
      this.#error(`a file includes itself: ${chain}`, target.location);
      return;
    }
    if (open.length >= INCLUDES.max) {
      this.#error("includes are nested too deeply", target.location, [INCLUDES.help]);
      return;
    }
    let text: string;
    try {
      const read = readText(resolved, this.#bytes);
      text = read.text;
      this.#bytes += read.size;
    } catch (error) {
      const message = `can't read the included file: ${whyUnreadable(target.text, error)}`;
      const help = [`paths are relative to the folder of this file, so this is ${path.resolve(resolved)}`];
      // Each further include would read that much again.
      if (error instanceof TooManyBytes) this.#stop(message, target.location, REST_SKIPPED);
      else this.#error(message, target.location, path.isAbsolute(target.text) ? [] : help);
      return;
    }
    this.read(makeSource(shown, path.dirname(resolved), text), open);
  }
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // the text did not come from a file, or the file does not exist
  }
}

function trimmed(text: Located): Located {
  const { source, line, column, length } = text.location;
  return locate(source, line, column - 1, column - 1 + length);
}

/** The reason why a name is not valid for an instance, or undefined if it is. */
export function instanceNameProblem(name: string): string | undefined {
  if (name === "") return "an instance name can't be empty";
  if (/\s/.test(name)) return `the instance name '${name}' contains whitespace`;
  if (name.includes(".")) return `the instance name '${name}' contains a dot, which separates instance and channel`;
  return undefined;
}
