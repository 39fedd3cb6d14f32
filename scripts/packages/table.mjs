// The table of packages in a document, between `<!-- packages -->` and `<!-- /packages -->`.
import { readFileSync, writeFileSync } from "node:fs";

const TABLE = /^<!-- packages -->\n[\s\S]*?^<!-- \/packages -->$/m;

/** Replaces a system's columns, or adds them; those of other systems stay. */
export function writeColumn(file, { system, results }, order) {
  const text = readFileSync(file, "utf8");
  const found = TABLE.exec(text)?.[0];
  if (found === undefined) throw new Error(`${file} has no <!-- packages --> and <!-- /packages -->`);
  const columns = read(found);
  const rows = columns.get(system) ?? new Map();
  for (const [name, { version, one, two }] of Object.entries(results)) {
    rows.set(name, [version === undefined ? one : `${version}: ${one}`, two]);
  }
  columns.set(system, rows);
  writeFileSync(
    file,
    text.replace(TABLE, () => write(columns, order)),
  );
}

/** System -> package -> the cells of one and of two instances. */
function read(table) {
  const lines = table.split("\n").filter((line) => line.startsWith("|"));
  const cells = (line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
  const [head = "|", , ...rows] = lines;
  const systems = cells(head)
    .filter((_, i) => i % 2 === 1)
    .map((cell) => cell.replace(/: one instance$/, ""));
  return new Map(
    systems.map((system, i) => [
      system,
      new Map(rows.map(cells).map((row) => [row[0], [row[1 + 2 * i] ?? "", row[2 + 2 * i] ?? ""]])),
    ]),
  );
}

function write(columns, order) {
  const systems = [...columns.keys()].sort();
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const lines = [
    line(["", ...systems.flatMap((system) => [`${system}: one instance`, "two instances"])]),
    line(["---", ...systems.flatMap(() => ["---", "---"])]),
    ...order.map((name) => line([name, ...systems.flatMap((system) => columns.get(system).get(name) ?? ["", ""])])),
  ];
  return `<!-- packages -->\n${lines.join("\n")}\n<!-- /packages -->`;
}
