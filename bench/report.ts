/** The results as text, as tables for the documentation, and as a chart. */
import type { Measurement } from "./case.js";
import { format, formatSpread, median, ratioOfPairs } from "./stats.js";
import { draw } from "./svg.js";
import { verdicts } from "./targets.js";

export interface Summary {
  readonly command: string;
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly python: string;
}

/** A line for the terminal. `other` is the name of the program that ours is compared with. */
export function report({ name, unit, ours, reference, floor }: Measurement, other: string): string {
  const parts = [`${name.padEnd(30)}${formatSpread(ours)} ${unit}`];
  if (reference.length > 0) {
    parts.push(`${other} ${formatSpread(reference)}, ${format(ratioOfPairs(ours, reference))} times ours`);
  }
  if (floor.length > 0) parts.push(`floor ${formatSpread(floor)}`);
  return parts.join("; ");
}

export function tables(measurements: readonly Measurement[], summary: Summary) {
  const judged = verdicts(measurements).map(({ target: { what, bound, must, aim, unit }, figure, result }) => {
    const limit = (value: number) => `${bound} ${value}${unit && ` ${unit}`}`;
    return [what, limit(must), limit(aim), `${format(figure)}${unit && ` ${unit}`}`, result];
  });
  const rows = measurements
    .filter(({ name }) => !name.startsWith("channels "))
    .map(({ name, what, unit, ours, reference, floor }) => [
      name,
      what,
      unit,
      formatSpread(ours),
      formatSpread(reference),
      reference.length > 0 ? format(ratioOfPairs(ours, reference)) : "-",
      formatSpread(floor),
    ]);
  const compared = measurements
    .filter(({ reference }) => reference.length > 0)
    .map(({ name, unit, ours, reference }) => [
      name,
      unit,
      formatSpread(reference),
      formatSpread(ours),
      format(ratioOfPairs(ours, reference)),
      format(Math.min(...reference) / Math.min(...ours)),
    ]);
  const text = judged.map((cells) => cells.map((cell, i) => cell.padEnd([52, 12, 12, 12][i] ?? 0)).join("")).join("\n");
  const markdown = {
    machine: [
      `Printed by \`${summary.command}\` on ${summary.date}: ${summary.machine}, Node ${summary.node}, CPython ${summary.python}.`,
    ],
    targets: table(["figure", "must", "aim", "measured", ""], judged),
    measurements: table(["case", "description", "unit", "ours", "reference", "reference ÷ ours", "floor"], rows),
  };
  const comparison = [
    ...markdown.machine,
    "",
    ...table(["case", "unit", "before", "after", "before ÷ after", "fastest runs"], compared),
  ];
  return { text, markdown, comparison, chart: chart(measurements) };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

function chart(measurements: readonly Measurement[]): string | undefined {
  const curve = (name: string, colour: string, values: (one: Measurement) => readonly number[]) => ({
    name,
    colour,
    points: measurements.flatMap((one) => {
      const channels = /^channels (\d+)$/.exec(one.name)?.[1];
      return channels === undefined || values(one).length === 0
        ? []
        : [[Number(channels), median(values(one))] as const];
    }),
  });
  const curves = [
    curve("reference", "#c0392b", ({ reference }) => reference),
    curve("ours", "#2471a3", ({ ours }) => ours),
    curve("floor", "#7f8c8d", ({ floor }) => floor),
  ].filter(({ points }) => points.length > 1);
  return curves.length === 0 ? undefined : draw(curves, "channels, and so events per round", "ns per event");
}

/** Replaces the text between the comments `<!-- NAME -->` and `<!-- end NAME -->` of a document by lines. */
export function writeInto(document: string, blocks: Readonly<Record<string, readonly string[]>>): string {
  let text = document;
  for (const [name, lines] of Object.entries(blocks)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the document has no ${begin} … ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${lines.join("\n")}\n\n${text.slice(to)}`;
  }
  return text;
}
