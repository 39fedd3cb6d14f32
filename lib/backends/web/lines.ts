// The lines of a page: a line that names a kind begins a widget, its properties follow.
import { type ChannelPattern, parsePattern } from "../../config/channel-pattern.js";
import { didYouMean } from "../../config/suggest.js";
import type { OptionPattern } from "../declare.js";
import { type Option, option, type Parsed } from "../options.js";
import { colourOf, namedColours } from "./colours.js";
import type { Kind, Look } from "./wire.js";

export const KINDS = ["fader", "knob", "button", "toggle", "xy", "meter", "text"] as const satisfies readonly Kind[];

/** What a line says. */
export type Line =
  | { readonly type: "page" | "group"; readonly title: string }
  | { readonly type: "widget"; readonly kind: Kind; readonly pattern: ChannelPattern }
  | { readonly type: "property"; readonly name: PropertyName; readonly value: unknown };

/** What can be set of a widget. */
export interface Properties extends Look {
  readonly label?: ChannelPattern;
}

export type PropertyName = keyof Properties;

interface Property {
  /** The kinds that have it. */
  readonly kinds: readonly Kind[];
  readonly option: Pick<Option, "doc" | "form" | "example" | "parse">;
}

const SLIDING: readonly Kind[] = ["fader", "knob", "xy"];
const SHOWN: readonly Kind[] = [...SLIDING, "meter", "text"];

export const PROPERTIES: Readonly<Record<PropertyName, Property>> = {
  label: {
    kinds: KINDS,
    option: {
      doc: "the text on the widget; braces stand for as many texts as there are widgets; by default the channel's name",
      form: "TEXT",
      example: "Dim {1..8}",
      parse: parseBraces,
    },
  },
  colour: {
    kinds: KINDS,
    option: { doc: "a name of CSS or amber, or `#rrggbb`", form: "COLOUR", example: "amber", parse: parseColour },
  },
  min: { kinds: SHOWN, option: option.number({ doc: "what is shown for 0; default 0", example: "-60" }) },
  max: { kinds: SHOWN, option: option.number({ doc: "what is shown for 1; default 1", example: "255" }) },
  unit: { kinds: SHOWN, option: option.text({ doc: "what is shown after the number", example: "%" }) },
  decimals: {
    kinds: SHOWN,
    option: option.integer({ doc: "the number of decimals shown; default 2", min: 0, max: 6, example: "0" }),
  },
  width: {
    kinds: KINDS,
    option: option.integer({ doc: "the number of columns it takes, 1 to 8; default 1", min: 1, max: 8, example: "2" }),
  },
  horizontal: {
    kinds: ["fader", "meter"],
    option: option.flag({ doc: "whether it is horizontal; default off", example: "on" }),
  },
  response: {
    kinds: SLIDING,
    option: option.choice(["relative", "jump"], {
      doc: "`relative` moves from where it is, `jump` to where it is touched; default relative",
      example: "jump",
    }),
  },
  steps: {
    kinds: SLIDING,
    option: option.integer({ doc: "the number of values it can have, 2 or more", min: 2, max: 1000, example: "5" }),
  },
  spring: {
    kinds: SLIDING,
    option: option.flag({ doc: "whether it goes to `default`, or 0, when it is released; default off", example: "on" }),
  },
  default: {
    kinds: SLIDING,
    option: option.number({
      doc: "the value, 0 to 1, for a double tap and the Delete key; for `spring` too",
      min: 0,
      max: 1,
      example: "0.5",
    }),
  },
  hold: {
    kinds: ["button", "toggle"],
    option: option.integer({
      doc: "the time in ms that it has to be held before it counts; default 0",
      min: 0,
      max: 10_000,
      example: "500",
    }),
  },
};

const DOCS: Readonly<Record<Kind, string>> = {
  fader: "a fader",
  knob: "a knob",
  button: "a button: 1 while it is held, then 0",
  toggle: "a switch: each tap changes it between 0 and 1",
  xy: "a pad for two channels, NAME.x and NAME.y",
  meter: "a bar that shows a value",
  text: "a number",
};

/** The declaration of all lines. */
export const lines: readonly OptionPattern<Line>[] = [
  line("page", { doc: "begins a tab", form: "TITLE", example: "Lights" }, (title) => ({
    value: { type: "page", title },
  })),
  line("group", { doc: "begins a group with a heading", form: "TITLE", example: "Front" }, (title) => ({
    value: { type: "group", title },
  })),
  ...KINDS.map((kind) =>
    line(kind, { doc: DOCS[kind], form: "CHANNEL", example: kind === "fader" ? "dim{1..8}" : "name" }, (text) =>
      changed(parseBraces(text), (pattern) => ({ type: "widget", kind, pattern })),
    ),
  ),
  ...Object.entries(PROPERTIES).map(([name, { option: declared, kinds }]) => {
    const whose = kinds === KINDS ? "" : ` (${kinds.join(", ")})`;
    return line(name, { ...declared, doc: `${declared.doc}${whose}` }, (text, folder) =>
      changed(declared.parse(text, folder), (value) => ({ type: "property", name: name as PropertyName, value })),
    );
  }),
];

function line(
  form: string,
  { doc, form: valueForm, example }: Pick<Option, "doc" | "form" | "example">,
  parse: (text: string, folder: string) => Parsed<Line>,
): OptionPattern<Line> {
  return {
    form,
    doc,
    valueForm,
    ...(example !== undefined && { example }),
    live: true,
    parse: (name, text, folder) => (name === form ? parse(text, folder) : undefined),
  };
}

function changed<T>(parsed: Parsed<T>, change: (value: T) => Line): Parsed<Line> {
  return parsed.problem === undefined ? { ...parsed, value: change(parsed.value) } : parsed;
}

/** A text with expressions in braces, as channels of mappings have them. */
function parseBraces(text: string): Parsed<ChannelPattern> {
  let problem: Parsed<ChannelPattern> | undefined;
  const source = { file: "", folder: "", lines: [text] };
  const pattern = parsePattern(
    { text, location: { source, line: 1, column: 1, length: text.length } },
    ({ message, help, location }) => {
      const span = location && { span: { start: location.column - 1, length: location.length } };
      problem ??= { problem: `can't be read: ${message}`, ...(help && { help }), ...span };
    },
  );
  return pattern === undefined ? (problem ?? { problem: "can't be read" }) : { value: pattern };
}

function parseColour(text: string): Parsed<string> {
  const value = colourOf(text);
  if (value !== undefined) return { value };
  const help = text.startsWith("#")
    ? ["write # and six hexadecimal digits, as in #ffbf00"]
    : didYouMean(text, namedColours().keys(), "available colours");
  return { problem: `is not a colour: '${text}'`, help };
}
