// `mmpy backends`: all about the backends, from their declarations alone.
import type { BackendDeclaration } from "../backends/declare.js";
import { type BackendDescription, describeBackend, limitsOf, type OptionDescription } from "../backends/describe.js";
import { insteadOf } from "../backends/elsewhere.js";
import { BACKENDS } from "../backends/index.js";
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError } from "../errors.js";
import type { CommandLine } from "./options.js";
import { print, printJson, textWidth } from "./output.js";
import { table, wrap } from "./table.js";

export function backends({ operand, json }: CommandLine): number {
  const width = textWidth();
  if (operand === undefined) {
    const all = BACKENDS.map(describeBackend);
    if (json) printJson(all);
    else print(formatBackends(all, width));
  } else {
    const one = describeBackend(backendNamed(operand));
    if (json) printJson(one);
    else print(formatBackend(one, width));
  }
  return 0;
}

function backendNamed(name: string): BackendDeclaration {
  const found = BACKENDS.find((declaration) => declaration.name === name);
  if (found !== undefined) return found;
  const instead = insteadOf(name);
  if (instead !== undefined) {
    throw new MidimonsterError("USAGE", `MIDIMonster's backend '${name}' is not here; instead: ${instead}`);
  }
  const known = BACKENDS.map((declaration) => declaration.name);
  const [help] = didYouMean(name, known, "available backends");
  throw new MidimonsterError("USAGE", `unknown backend '${name}'; ${help}`);
}

/** The list, for people. */
export function formatBackends(descriptions: readonly BackendDescription[], width: number): string {
  const rows = descriptions.map(({ name, summary }) => [name, summary]);
  const lines = [...table(["BACKEND", "SUMMARY"], rows, width), "", "Options and channels of one: mmpy backends NAME"];
  return `${lines.join("\n")}\n`;
}

/** One backend, for people. */
export function formatBackend(backend: BackendDescription, width: number): string {
  const { name, summary, options, instanceOptions, optionPatterns, channels, examples } = backend;
  const lines = [
    ...wrap(`${name}: ${summary}`, width),
    "",
    ...section(`Options of [backend ${name}]`, optionTable(options, width), backend.otherOptions),
    ...section(
      `Options of an instance, [${name} INSTANCE]`,
      optionTable([...instanceOptions, ...optionPatterns], width),
      backend.otherInstanceOptions,
    ),
  ];
  lines.push(...replacement([...instanceOptions, ...optionPatterns], width));
  if (channels.length > 0) {
    const rows = channels.map(({ form, doc, example }) => [form, doc, example]);
    lines.push("Channels", ...indented(table(["CHANNEL", "MEANING", "EXAMPLE"], rows, width - 2)), "");
  }
  if (examples.length > 0) lines.push("Examples", ...indented(examples), "");
  return `${lines.join("\n").trimEnd()}\n`;
}

/** What a reload does about options that can't change while an instance runs. */
function replacement(options: readonly OptionDescription[], width: number): string[] {
  const fixed = options.filter(({ live }) => live === false);
  if (fixed.length === 0) return [];
  const others = fixed.length === options.length ? "options" : "other options";
  return [...wrap(`A reload that changes ${others} of an instance replaces it with a new one.`, width), ""];
}

function section(title: string, rows: readonly string[], takesOthers: boolean): string[] {
  const others = takesOthers ? ["any option is accepted"] : [];
  const content = rows.length > 0 ? [...rows, ...others] : takesOthers ? others : ["none"];
  return [title, ...indented(content), ""];
}

function optionTable(options: readonly OptionDescription[], width: number): string[] {
  if (options.length === 0) return [];
  const rows = options.map((option) => [
    option.name,
    option.form,
    option.default ?? "",
    [option.doc, ...notesOf(option)].join("\n"),
  ]);
  return table(["OPTION", "VALUE", "DEFAULT", "MEANING"], rows, width - 2);
}

/** Further facts about an option, one per line. */
function notesOf(option: OptionDescription): string[] {
  const limits = limitsOf(option);
  return [
    ...(option.required ? ["required"] : []),
    ...(limits === undefined ? [] : [limits]),
    ...(option.aliases ?? []).map((alias) => `also written ${alias}`),
    ...(option.repeatable ? ["may be given several times"] : []),
    ...(option.once ? ["may be given only once"] : []),
    ...(option.live === true ? ["can change at a reload"] : []),
    ...(option.live === "append" ? ["more can be added at a reload"] : []),
    ...(option.example === undefined ? [] : [`example: ${option.name} = ${option.example}`]),
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}
