import { type ChannelPattern, parsePattern } from "./channel-pattern.js";
import type { Diagnostic } from "./diagnostic.js";
import { commentHelp, hasComment, withBraces } from "./meant.js";
import { type Located, locate, part } from "./source.js";
import type { ChannelSpec, Direction, Mapping } from "./syntax.js";

/**
 * Parses a line of a `[map]` section.
 *
 * @returns the mapping, or undefined after reporting errors to `report`
 */
export function parseMapping(line: Located, report: (diagnostic: Diagnostic) => void): Mapping | undefined {
  const operator = /<>|><|<|>/.exec(line.text);
  if (operator === null) {
    const comment = commentHelp(line.text);
    report({
      message: `'${line.text}' is not a mapping`,
      location: line.location,
      help: comment.length > 0 ? comment : ["write a.x > b.y, a.x < b.y or a.x <> b.y"],
    });
    return undefined;
  }
  const arrow = arrowAt(line, operator.index);
  if (arrow !== undefined) {
    const meant = arrow.text.startsWith("<") ? (arrow.text.endsWith(">") ? "<>" : "<") : ">";
    report({
      message: `'${arrow.text}' is not an operator of mappings`,
      location: arrow.location,
      help: [`did you mean '${meant}'?`],
    });
    return undefined;
  }
  const direction: Direction = operator[0] === "<" || operator[0] === ">" ? operator[0] : "<>";
  const { source, line: number, column } = line.location;
  const start = column - 1;
  const end = start + operator.index;
  const left = parseSpec(locate(source, number, start, end), line, report);
  const right = parseSpec(locate(source, number, end + operator[0].length, start + line.text.length), line, report);
  if (left === undefined || right === undefined) return undefined;
  const sizes = [left.pattern.size, right.pattern.size];
  if (sizes[0] !== sizes[1] && !sizes.includes(1)) {
    report({
      message: `${sizes[0]} channels on the left, ${sizes[1]} on the right`,
      location: line.location,
      help: ["both sides of a mapping need the same number of channels, or one side a single channel"],
    });
    return undefined;
  }
  return { left, direction, right, location: line.location };
}

/** An operator of another notation around the place of the first `<` or `>`. */
function arrowAt(line: Located, place: number): Located | undefined {
  for (const { 0: text, index } of line.text.matchAll(/<[-=]+>|[-=]+>|<[-=]+|>{2,}|<{2,}/g)) {
    if (index <= place && place < index + text.length) return part(line, index, index + text.length);
  }
  return undefined;
}

function parseSpec(text: Located, whole: Located, report: (diagnostic: Diagnostic) => void): ChannelSpec | undefined {
  const help = ["write instance.channel"];
  if (text.text === "") {
    report({ message: "one side of the mapping is missing", location: whole.location, help });
    return undefined;
  }
  const dot = text.text.indexOf(".");
  if (dot < 0) {
    report({ message: `'${text.text}' does not name a channel`, location: text.location, help });
    return undefined;
  }
  const instance = part(text, 0, dot);
  const channel = part(text, dot + 1);
  if (instance.text === "" || channel.text === "") {
    const missing = instance.text === "" ? "an instance" : "a channel";
    report({ message: `'${text.text}' does not name ${missing}`, location: text.location, help });
    return undefined;
  }
  const pattern: ChannelPattern | undefined = parsePattern(channel, report);
  if (pattern !== undefined) warnOf(channel, report);
  return pattern === undefined ? undefined : { instance, channel, pattern };
}

/** Names that any backend may accept, but that probably mean something else. */
function warnOf(channel: Located, report: (diagnostic: Diagnostic) => void): void {
  const severity = "warning";
  const { location } = channel;
  const meant = withBraces(channel.text);
  if (meant !== undefined) {
    const message = `'${channel.text}' is one channel: a range needs braces`;
    report({ severity, message, location, help: [`did you mean '${meant}'?`] });
  }
  if (hasComment(channel.text)) {
    const message = `'${channel.text}' is the name of the channel, with all that stands there`;
    report({ severity, message, location, help: commentHelp(channel.text) });
  }
}
