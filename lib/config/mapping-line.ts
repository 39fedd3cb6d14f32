// A line of a `[map]` section: a channel, filters, a channel, with arrows between them.
import { type ChannelPattern, parsePattern } from "./channel-pattern.js";
import type { Diagnostic } from "./diagnostic.js";
import { filtersBetween, parseFilterCalls, splitAtArrows } from "./filter-call.js";
import { commentHelp, hasComment, paddedRanges, withBraces } from "./meant.js";
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
  const direction = directionOf(operator[0]);
  const end = operator.index + operator[0].length;
  const last = lastArrow(line, operator[0], { start: operator.index, end }, report);
  if (last === undefined) return undefined;
  const hasFilters = last.end > end;
  const left = parseSpec(located(line, 0, operator.index), line, hasFilters, report);
  const right = parseSpec(located(line, last.end), line, hasFilters, report);
  if (left === undefined || right === undefined) {
    // What is wrong with them is told with the rest of the line.
    if (hasFilters) parseFilterCalls(filtersBetween(splitAtArrows(line)), report);
    return undefined;
  }
  const sizes = [left.pattern.size, right.pattern.size];
  if (sizes[0] !== sizes[1] && !sizes.includes(1)) {
    report({
      message: `${sizes[0]} channels on the left, ${sizes[1]} on the right`,
      location: line.location,
      help: ["both sides of a mapping need the same number of channels, or one side a single channel"],
    });
    return undefined;
  }
  const filters = hasFilters ? line.text.slice(end, last.start) : undefined;
  return { left, direction, right, filters, location: line.location };
}

/** An operator of another notation around the first `<` or `>`. */
function arrowAt(line: Located, place: number): Located | undefined {
  // Step by step: a regular expression takes quadratic time on long runs of hyphens.
  const { text } = line;
  const isShaft = (at: number) => text[at] === "-" || text[at] === "=";
  let start = place;
  let end = place + 1;
  if (text[place] === "<") {
    while (isShaft(end)) ++end;
    if (end > place + 1) return part(line, place, text[end] === ">" ? end + 1 : end);
  } else {
    while (isShaft(start - 1)) --start;
    if (start < place) return part(line, start, end);
  }
  while (text[end] === text[place]) ++end;
  return end > place + 1 ? part(line, place, end) : undefined;
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where the last arrow of a line stands, as offsets; undefined after reporting one that differs from the first. */
function lastArrow(
  line: Located,
  arrow: string,
  first: Place,
  report: (diagnostic: Diagnostic) => void,
): Place | undefined {
  const { text } = line;
  const rest = text.slice(first.end);
  if (!/[<>]/.test(rest)) return first;
  // Most lines need no look at each arrow, which would make objects for them all.
  if (arrow.length === 1 && !rest.includes(arrow === ">" ? "<" : ">")) {
    const start = text.lastIndexOf(arrow);
    return { start, end: start + 1 };
  }
  const { arrows } = splitAtArrows(line);
  const other = arrows.find((one) => directionOf(one.text) !== directionOf(arrow));
  if (other !== undefined) {
    report({
      message: `'${other.text}' after '${arrow}': the arrows of a mapping must be the same`,
      location: other.location,
      help: ["write one line for each direction; the name of a channel can't contain < or >"],
    });
    return undefined;
  }
  const { column, length } = (arrows.at(-1) as (typeof arrows)[number]).location;
  const start = column - line.location.column;
  return { start, end: start + length };
}

/** A part by offsets, trimmed. */
function located({ text, location: { source, line, column } }: Located, start: number, end = text.length): Located {
  return locate(source, line, column - 1 + start, column - 1 + end);
}

function directionOf(text: string): Direction {
  return text === "<" || text === ">" ? text : "<>";
}

/** @param inChain whether there are filters, or what would be filters if it is a channel's name that contains arrows */
function parseSpec(
  text: Located,
  whole: Located,
  inChain: boolean,
  report: (diagnostic: Diagnostic) => void,
): ChannelSpec | undefined {
  const help = ["write instance.channel"];
  if (inChain) help.push("a line begins and ends with a channel, whose name can't contain < or >");
  if (text.text === "") {
    report({ message: "one side of the mapping is missing", location: whole.location, help });
    return undefined;
  }
  const dot = text.text.indexOf(".");
  if (dot < 0) {
    // Paths of OSC and topics of MQTT are the names that are most often written without the dot.
    const slash = text.text.indexOf("/");
    if (slash > 0) help.unshift(`did you mean '${text.text.slice(0, slash)}.${text.text.slice(slash)}'?`);
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
  for (const { range, meant } of channel.text.includes("..") ? paddedRanges(channel.text) : []) {
    const message = `'${range}' stands for numbers without leading zeros`;
    const lines = meant.length > 1 ? ", each in a mapping of its own" : "";
    report({ severity, message, location, help: [`to keep the zeros, write ${meant.join(" and ")}${lines}`] });
  }
  if (hasComment(channel.text)) {
    const message = `'${channel.text}' is the name of the channel, with all that stands there`;
    report({ severity, message, location, help: commentHelp(channel.text) });
  }
}
