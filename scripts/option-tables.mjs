// Writes the tables of options in README.md and docs/ from the declarations of the backends, between
// `<!-- options: NAME -->` (options of instances) or `<!-- options: backend NAME -->` and `<!-- /options -->`; and those of
// filters between `<!-- filters: GROUP -->` and `<!-- /filters -->`.
//
// usage: node scripts/option-tables.mjs [--check]
//
// With --check it writes nothing, and fails if a table is not what it would write, or a backend's options have no table.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { tsImport } from "tsx/esm/api";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { BACKENDS } = await tsImport("../lib/backends/index.ts", import.meta.url);
const { describeBackend, limitsOf } = await tsImport("../lib/backends/describe.ts", import.meta.url);

const { FILTERS } = await tsImport("../lib/filters/index.ts", import.meta.url);
const { limitsOf: filterLimitsOf } = await tsImport("../lib/filters/describe.ts", import.meta.url);

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });

/** What a marker names -> the table. */
const tables = new Map();
for (const { name, options, instanceOptions, optionPatterns } of BACKENDS.map(describeBackend)) {
  if (options.length > 0) tables.set(`backend ${name}`, table(options));
  const ofInstances = [...instanceOptions, ...optionPatterns];
  if (ofInstances.length > 0) tables.set(name, table(ofInstances));
}

const filterTables = new Map(
  ["stateless", "state", "time"].map((group) => [
    group,
    filterTable(FILTERS.filter((filter) => filter.group === group)),
  ]),
);

const missing = new Set(tables.keys());
const problems = [];
const documents = [
  "README.md",
  ...readdirSync(path.join(project, "docs"), { recursive: true })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
for (const document of documents) {
  const file = path.join(project, document);
  const before = readFileSync(file, "utf8");
  const withFilters = before.replace(/^<!-- filters: (.+) -->\n[\s\S]*?^<!-- \/filters -->$/gm, (found, group) => {
    if (filterTables.has(group)) return `<!-- filters: ${group} -->\n${filterTables.get(group)}\n<!-- /filters -->`;
    problems.push(`${document}: there is no 'filters: ${group}'`);
    return found;
  });
  const after = withFilters.replace(/^<!-- options: (.+) -->\n[\s\S]*?^<!-- \/options -->$/gm, (found, name) => {
    missing.delete(name);
    if (tables.has(name)) return `<!-- options: ${name} -->\n${tables.get(name)}\n<!-- /options -->`;
    problems.push(`${document}: no backend has 'options: ${name}'`);
    return found;
  });
  if (after === before) continue;
  if (values.check) problems.push(`${document}: a table of options is not what the declarations say`);
  else writeFileSync(file, after);
}
for (const name of missing) problems.push(`no document has <!-- options: ${name} --> and <!-- /options -->`);
if (problems.length > 0) {
  console.error([...problems, "To write the tables: node scripts/option-tables.mjs"].join("\n"));
  process.exitCode = 1;
}

function filterTable(filters) {
  const rows = filters.flatMap(({ name, forms, reversible }) =>
    forms.map(({ form, doc, example, parameters }) => [
      code(form),
      escaped(doc),
      parameters.map((parameter) => `${parameter.name}: ${filterLimitsOf(parameter)}`).join("; "),
      example === name ? "" : code(example),
      reversible,
    ]),
  );
  return markdown([["filter", "what it does", "arguments", "example", "the way back in `<>`"], ...rows]);
}

function table(options) {
  const rows = options.map((option) => [
    code(option.name),
    describeValue(option),
    describeDefault(option),
    meaning(option),
  ]);
  return markdown([["option", "value", "default", "meaning"], ...rows]);
}

function markdown([head, ...rows]) {
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `|${cells.map((cell) => (cell === "" ? " " : ` ${cell} `)).join("|")}|`)
    .join("\n");
}

function describeValue(option) {
  return [code(option.form), limitsOf(option)].filter((text) => text !== undefined).join(", ");
}

function describeDefault(option) {
  if (option.default !== undefined) return code(option.default);
  return option.required ? "required" : "";
}

function meaning(option) {
  const notes = [escaped(option.doc)];
  for (const alias of option.aliases ?? []) notes.push(`also written ${code(alias)}`);
  if (option.once) notes.push("only once");
  if (option.repeatable) notes.push("repeatable");
  if (option.live === true) notes.push("can change at a reload");
  if (option.live === "append") notes.push("more can be added at a reload");
  if (option.example !== undefined) notes.push(`example: ${code(option.example)}`);
  return notes.join("; ");
}

function code(text) {
  return `\`${escaped(text)}\``;
}

/** In a table a bar ends the cell, in code too. */
function escaped(text) {
  return text.replaceAll("|", "\\|");
}
