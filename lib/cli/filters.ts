// `mmpy filters`: all about the filters of mappings, from their declarations.
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError } from "../errors.js";
import type { FilterDeclaration } from "../filters/declare.js";
import { describeFilter, limitsOf } from "../filters/describe.js";
import { FILTERS, filterNamed } from "../filters/index.js";
import type { CommandLine } from "./options.js";
import { print, printJson, textWidth } from "./output.js";
import { table, wrap } from "./table.js";

export function filters({ operand, json }: CommandLine): number {
  const width = textWidth();
  if (operand === undefined) {
    if (json) printJson(FILTERS.map(describeFilter));
    else print(formatFilters(width));
  } else {
    const found = filterNamed(operand);
    if (found === undefined) {
      const [help] = didYouMean(
        operand,
        FILTERS.map(({ name }) => name),
        "available filters",
      );
      throw new MidimonsterError("USAGE", `unknown filter '${operand}'; ${help}`);
    }
    if (json) printJson(describeFilter(found));
    else print(formatFilter(found, width));
  }
  return 0;
}

function formatFilters(width: number): string {
  const rows = FILTERS.map(({ name, summary, forms }) => [name, forms.at(-1)?.example ?? "", summary]);
  const lines = table(["FILTER", "EXAMPLE", "SUMMARY"], rows, width);
  return `${[...lines, "", "Between two arrows of a mapping: a.x > curve(2.2) > b.y", "Arguments of one: mmpy filters NAME"].join("\n")}\n`;
}

function formatFilter({ name, summary, forms, reversible }: FilterDeclaration, width: number): string {
  const lines = [...wrap(`${name}: ${summary}`, width)];
  for (const { form, doc, example, parameters } of forms) {
    lines.push("", form, ...wrap(doc, width - 2).map((line) => `  ${line}`), `  example: a.x > ${example} > b.y`);
    const rows = parameters.map((parameter) => [parameter.name, limitsOf(parameter), parameter.doc]);
    if (rows.length > 0)
      lines.push(...table(["ARGUMENT", "VALUE", "MEANING"], rows, width - 2).map((line) => `  ${line}`));
  }
  lines.push("", ...wrap(`The way back with <>: ${reversible.replaceAll("`", "")}`, width));
  return `${lines.join("\n")}\n`;
}
