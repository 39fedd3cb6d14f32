import { MidimonsterError } from "../errors.js";
import { define, type MappingDefinition } from "./definition.js";
import type { Diagnostic } from "./diagnostic.js";
import { parseMapping } from "./mapping-line.js";
import { locate, makeSource } from "./source.js";

/** Further settings of {@link Router.map}. */
export interface MapOptions {
  /** Filters between the channels, from source to target, each as it is written in a configuration: `curve(2.2)`. */
  readonly filters?: readonly string[];
}

const NEEDED = "map() takes one line of a [map] section, or two channels";

/**
 * Parses the arguments of `Router.map()`.
 *
 * @throws {MidimonsterError} `CONFIG` if they are not a mapping, `VALUE` for more than one line
 */
export function mappingsOf(
  from: string,
  to: string | undefined,
  options: MapOptions,
  folder: string,
): readonly MappingDefinition[] {
  // JavaScript has no compiler that would have checked them.
  const areTexts = typeof from === "string" && (to === undefined || typeof to === "string");
  if (!areTexts) throw new MidimonsterError("VALUE", NEEDED);
  const { filters = [] } = options ?? {};
  const isList = Array.isArray(filters) && filters.every((filter) => typeof filter === "string");
  if (!isList || (to === undefined && filters.length > 0) || filters.some((filter) => /[<>\n\r]/.test(filter))) {
    const message = 'filters go with two channels, one text for each: { filters: ["curve(2.2)", "fade(300)"] }';
    throw new MidimonsterError("VALUE", message);
  }
  const line = to === undefined ? from : [from, ...filters, to].join(" > ");
  if (/[\n\r]/.test(line) || (to !== undefined && /[<>]/.test(from + to))) {
    throw new MidimonsterError("VALUE", NEEDED);
  }
  const problems: Diagnostic[] = [];
  const source = makeSource("<map()>", folder, line);
  const mapping = parseMapping(locate(source, 1, 0, line.length), (diagnostic) => problems.push(diagnostic));
  if (mapping === undefined) throw MidimonsterError.fromDiagnostics(problems);
  const tree = { source, sections: [{ kind: "map" as const, mappings: [mapping] }] };
  const { mappings } = define(tree, [], (diagnostic) => problems.push(diagnostic));
  const errors = problems.filter(({ severity }) => severity !== "warning");
  if (errors.length > 0) throw MidimonsterError.fromDiagnostics(errors);
  return mappings;
}
