import { MidimonsterError } from "../errors.js";
import { define, type MappingDefinition } from "./definition.js";
import type { Diagnostic } from "./diagnostic.js";
import { parseMapping } from "./mapping-line.js";
import { locate, makeSource } from "./source.js";

/**
 * Parses the arguments of `Router.map()`.
 *
 * @throws {MidimonsterError} `CONFIG` if they are not a mapping, `VALUE` for more than one line
 */
export function mappingsOf(from: string, to: string | undefined, folder: string): readonly MappingDefinition[] {
  const line = to === undefined ? from : `${from} > ${to}`;
  if (typeof from !== "string" || /[\n\r]/.test(line) || (to !== undefined && /[<>]/.test(from + to))) {
    throw new MidimonsterError("VALUE", "map() takes one line of a [map] section, or two channels");
  }
  const problems: Diagnostic[] = [];
  const source = makeSource("<map()>", folder, line);
  const mapping = parseMapping(locate(source, 1, 0, line.length), (diagnostic) => problems.push(diagnostic));
  if (mapping === undefined) throw MidimonsterError.fromDiagnostics(problems);
  const tree = { source, sections: [{ kind: "map" as const, mappings: [mapping] }] };
  return define(tree, [], () => {}).mappings;
}
