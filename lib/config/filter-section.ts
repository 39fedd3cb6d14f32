// The lines of a `[filter NAME]` section: chains, one after another.
import { filterNamed } from "../filters/index.js";
import { type FilterCall, parseFilterCalls, type Report, splitAtArrows } from "./filter-call.js";
import type { Located } from "./source.js";

export const FILTER_NAME = "the name of a filter is lower-case letters, digits and hyphens, and begins with a letter";

/** The reason why a name is not valid for a named filter, or undefined if it is. */
export function filterNameProblem(name: string): string | undefined {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return `'${name}' can't be the name of a filter`;
  if (filterNamed(name) !== undefined) return `there is already a filter '${name}': it is built in`;
  return undefined;
}

/** Parses one line. Returns undefined after reporting errors. */
export function parseFilterLine(line: Located, report: Report): FilterCall[] | undefined {
  const { parts, arrows } = splitAtArrows(line);
  const wrong = arrows.find(({ text }) => text !== ">");
  if (wrong !== undefined) {
    const help = ["a named filter is written from the source to the target; a mapping with < or <> may use it too"];
    report({
      message: `a named filter has only '>' between its filters, not '${wrong.text}'`,
      location: wrong.location,
      help,
    });
    return undefined;
  }
  const equals = line.text.indexOf("=");
  if (equals >= 0) {
    const help = ["write filters, as in: curve(2.2) > range(0.1, 1)"];
    report({ message: `'${line.text}' is not a chain of filters`, location: line.location, help });
    return undefined;
  }
  return parseFilterCalls(
    parts.map((text, i) => ({ text, arrow: arrows[i - 1] ?? arrows[i] })),
    report,
  );
}
