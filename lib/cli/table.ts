import { visible } from "../visible.js";

const GAP = "  ";
const MIN_COLUMN = 8;

/**
 * Rows under a head, in aligned columns. Cells may have several lines.
 *
 * @param width how wide the table may be; text is wrapped where that is not enough
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string[] {
  if (rows.length === 0) return [`${head[0]}: none`];
  return columns([head, ...rows], width);
}

/** Rows in aligned columns. */
export function columns(rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY): string[] {
  const shown = rows.map((row) => row.map(visible));
  const widths = fitted(naturalWidths(shown), width);
  return shown.flatMap((row) => {
    const cells = row.map((cell, column) => wrap(cell, widths[column] ?? 0));
    const height = cells.reduce((max, lines) => Math.max(max, lines.length), 0);
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, column) => (lines[line] ?? "").padEnd(widths[column] ?? 0))
        .join(GAP)
        .trimEnd(),
    );
  });
}

function naturalWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      const needed = cell.split("\n").reduce((max, line) => Math.max(max, line.length), 0);
      widths[column] = Math.max(widths[column] ?? 0, needed);
    }
  }
  return widths;
}

/** Shrinks the widest columns to fit. */
function fitted(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  while (total() > width) {
    const widest = Math.max(...widths);
    if (widest <= MIN_COLUMN) break;
    widths[widths.lastIndexOf(widest)] = widest - 1;
  }
  return widths;
}

/** Breaks text into lines at spaces, and inside words that are longer than a line. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    if (line.length <= width) return [line];
    const lines: string[] = [];
    let current = "";
    for (const word of line.split(" ")) {
      if (current !== "" && current.length + 1 + word.length > width) {
        lines.push(current);
        current = "";
      }
      current += (current === "" ? "" : " ") + word;
      while (current.length > width) {
        lines.push(current.slice(0, width));
        current = current.slice(width);
      }
    }
    return [...lines, current];
  });
}
