// `mmpy __complete`, called by the completion scripts of completion.ts. It loads only declarations and the configuration's
// text, and prints nothing if it can't help: a shell waits for it at every key.
import { statSync } from "node:fs";
import type { BackendDeclaration } from "../backends/declare.js";
import { BACKENDS } from "../backends/index.js";
import type { Option, OptionSet } from "../backends/options.js";
import { parseFile } from "../config/parser.js";
import { FILTERS } from "../filters/index.js";
import { COMMANDS, type Command, OPTION_LIST, type OptionFacts, SHELLS, written } from "./catalog.js";
import { print } from "./output.js";

/** Completions at the cursor. */
export interface Completions {
  /** Whole words; one that ends with `=` or `.` is to be continued. */
  readonly words: readonly { readonly word: string; readonly doc?: string }[];
  /** Files beside the words: configurations and folders, or, after the word's `=`, any. */
  readonly files?: "config" | "any";
}

/** Words that a shell takes as they are. Names of a configuration that is not one's own may be commands to it. */
const PLAIN = /^[\p{L}\p{N}@%+:,./=_-]*$/u;

const NOTHING: Completions = { words: [] };
/** A larger configuration takes too long to read, in bytes. */
const MAX_SIZE = 2 ** 20;

/**
 * Prints the completions of a command line, one per line: `WORD`, or `WORD`, a tab and an explanation; `:config` and
 * `:files` request files.
 *
 * @param argv the index of the word with the cursor, then all words after the command's name; the word with the cursor
 *   ends there
 */
export function printCompletions([cursor, ...words]: readonly string[]): void {
  try {
    const { words: found, files } = complete(words, Number(cursor));
    const lines = found
      .filter(({ word }) => PLAIN.test(word))
      .map(({ word, doc }) => (doc === undefined ? word : `${word}\t${doc}`));
    if (files !== undefined) lines.push(files === "config" ? ":config" : ":files");
    print(lines.map((line) => `${line}\n`).join(""));
  } catch {
    // No completions: an error has no place at a shell's prompt.
  }
}

/** The completions of the word at the cursor. */
export function complete(
  words: readonly string[],
  cursor: number,
  backends: readonly BackendDeclaration[] = BACKENDS,
): Completions {
  const current = words[cursor] ?? "";
  const { operands, pending, onlyOperands } = read(words.slice(0, cursor));
  if (pending !== undefined) return valuesOf(pending, current, words, cursor, backends);
  const [first, ...rest] = operands;
  const command = first !== undefined && Object.hasOwn(COMMANDS, first) ? (first as Command) : "run";
  if (current.startsWith("-") && !onlyOperands) {
    const attached = attachedValue(current);
    if (attached !== undefined) {
      const { option, text, before } = attached;
      return prefixed(before, valuesOf(option, text, words, cursor, backends));
    }
    const options = OPTION_LIST.filter(([, { goesWith }]) => goesWith === undefined || goesWith.includes(command));
    return startingWith(
      current,
      options.map(([name, facts]) => ({ word: written([name, facts]), doc: facts.brief })),
    );
  }
  if (first === undefined) {
    const commands = Object.entries(COMMANDS).map(([word, { brief }]) => ({ word, doc: brief }));
    return { ...startingWith(current, onlyOperands ? [] : commands), files: "config" };
  }
  if (command === "run" || command === "monitor" || rest.length > 0) return NOTHING;
  if (command === "backends") {
    return startingWith(
      current,
      backends.map(({ name, summary }) => ({ word: name, doc: summary })),
    );
  }
  if (command === "filters") {
    return startingWith(
      current,
      FILTERS.map(({ name, summary }) => ({ word: name, doc: summary })),
    );
  }
  if (command === "completion") {
    return startingWith(
      current,
      SHELLS.map((word) => ({ word })),
    );
  }
  return { words: [], files: "config" };
}

/** Parses words as the command does. */
function read(words: readonly string[]) {
  const operands: string[] = [];
  let pending: OptionFacts | undefined;
  let onlyOperands = false;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (onlyOperands || !word.startsWith("-") || word === "-") operands.push(word);
    else if (word === "--") onlyOperands = true;
    else pending = optionNamed(word);
  }
  return { operands, pending, onlyOperands };
}

/** The option that takes the next word as its value. */
function optionNamed(word: string): OptionFacts | undefined {
  const [, facts] = OPTION_LIST.find((each) => written(each) === word) ?? [];
  return facts?.value === undefined ? undefined : facts;
}

/** `--log-level=in` and `-ipy.mod`: an option and its value in one word. */
function attachedValue(word: string) {
  const [, before = "", text = ""] = /^(--[^=]+=|-[^-])(.*)$/.exec(word) ?? [];
  const option = optionNamed(before.replace("=", ""));
  const hasValue = text !== "" || before.endsWith("=");
  return option !== undefined && hasValue ? { option, text, before } : undefined;
}

function valuesOf(
  option: OptionFacts,
  text: string,
  words: readonly string[],
  cursor: number,
  backends: readonly BackendDeclaration[],
): Completions {
  if (option.short === "b") return ofBackends(text, backends);
  if (option.short === "i") {
    // The configuration may be before or after the cursor.
    const { operands } = read(words.toSpliced(cursor, 1, "-"));
    const [file = "monster.cfg"] = operands.filter((word) => word !== "-" && !Object.hasOwn(COMMANDS, word));
    return ofInstances(text, file, backends);
  }
  return startingWith(
    text,
    (option.words ?? []).map((word) => ({ word })),
  );
}

/** `backend.option=value` */
function ofBackends(text: string, backends: readonly BackendDeclaration[]): Completions {
  const targets = backends.map(({ name, options, summary }) => ({ name, options, doc: summary }));
  return ofTargets(text, targets);
}

/** `instance.option=value` */
function ofInstances(text: string, file: string, backends: readonly BackendDeclaration[]): Completions {
  const status = statSync(file);
  if (!status.isFile() || status.size > MAX_SIZE) return NOTHING;
  const targets = parseFile(file).tree.sections.flatMap((section) => {
    if (section.kind !== "instance") return [];
    const declaration = backends.find(({ name }) => name === section.backend.text);
    if (declaration === undefined) return [];
    return { name: section.name.text, options: declaration.instanceOptions, doc: `an instance of ${declaration.name}` };
  });
  return ofTargets(text, targets);
}

interface Target {
  readonly name: string;
  readonly options: OptionSet;
  readonly doc: string;
}

function ofTargets(text: string, targets: readonly Target[]): Completions {
  const [, name, option, value] = /^([^.]*)\.([^=]*)(?:=(.*))?$/.exec(text) ?? [];
  if (name === undefined || option === undefined) {
    const known = targets.filter(({ options }) => Object.keys(options).length > 0);
    return startingWith(
      text,
      known.map(({ name: word, doc }) => ({ word: `${word}.`, doc })),
    );
  }
  const target = targets.find((each) => each.name === name);
  if (target === undefined) return NOTHING;
  const before = `${name}.${option}=`;
  if (value !== undefined) {
    const declared = named(target.options).find(([known]) => known === option)?.[1];
    return declared === undefined ? NOTHING : prefixed(before, ofOption(value, declared));
  }
  return startingWith(
    text,
    named(target.options).map(([word, { doc }]) => ({ word: `${name}.${word}=`, doc })),
  );
}

/** Options by all of their names. */
function named(options: OptionSet): (readonly [string, Option])[] {
  return Object.entries(options).flatMap(([name, option]) =>
    [name, ...(option.aliases ?? [])].map((word) => [word, option] as const),
  );
}

function ofOption(text: string, { words, form }: Option): Completions {
  const found = startingWith(
    text,
    (words ?? []).map((word) => ({ word })),
  );
  return /\bPATH\b/.test(form) ? { ...found, files: "any" } : found;
}

function startingWith(text: string, words: Completions["words"]): Completions {
  return { words: words.filter(({ word }) => word.startsWith(text)) };
}

function prefixed(before: string, { words, ...rest }: Completions): Completions {
  return { words: words.map(({ word, ...more }) => ({ word: before + word, ...more })), ...rest };
}
