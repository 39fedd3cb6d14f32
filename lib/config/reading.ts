import { type Definition, define, withAdditions } from "./definition.js";
import type { Diagnostic } from "./diagnostic.js";
import type { Override } from "./override.js";
import { parseFile } from "./parser.js";

/** A configuration that was read. */
export interface Reading {
  readonly definition: Definition;
  readonly diagnostics: readonly Diagnostic[];
  /** Absolute paths of its files. */
  readonly files: readonly string[];
}

/**
 * Reads a configuration file and the files it includes.
 *
 * @throws {MidimonsterError} `CONFIG` if the file itself can't be read
 */
export function readConfiguration(file: string, overrides: readonly Override[]): Reading {
  const { tree, diagnostics, files } = parseFile(file);
  const found = [...diagnostics];
  return { definition: define(tree, overrides, (diagnostic) => found.push(diagnostic)), diagnostics: found, files };
}

/** What was read, with what a program has added. */
export function readingWith(reading: Reading, additions: Definition): Reading {
  return { ...reading, definition: withAdditions(reading.definition, additions) };
}
