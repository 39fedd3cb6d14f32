// From the lines of a page to its widgets.
import { expand } from "../../config/channel-pattern.js";
import type { InstanceOptions, PatternValue, SectionProblem } from "../declare.js";
import { type Line, PROPERTIES, type Properties } from "./lines.js";
import type * as wire from "./wire.js";

/** A widget, as pages get it. */
export interface Widget extends Omit<Properties, "label"> {
  readonly kind: wire.Kind;
  /** One; for `xy` two. */
  readonly channels: readonly string[];
  readonly label: string;
}

/** While it is read, its lists grow. */
interface Group extends wire.Group<Widget> {
  readonly widgets: Widget[];
}

export interface Page extends wire.Page<Widget> {
  readonly groups: Group[];
}

/** More of them are of no use to people, and browsers become slow. */
export const MAX_WIDGETS = 2000;

/** A widget's line with its properties. */
interface Block {
  readonly line: Line & { readonly type: "widget" };
  /** Which of the lines of its kind it is. */
  readonly index: number;
  readonly properties: Properties;
  /** Which of the lines of their names its properties are. */
  readonly places: ReadonlyMap<string, number>;
}

interface Walk {
  begins(type: "page" | "group", title: string): void;
  widget(block: Block): void;
}

/** Goes through the lines. @returns what is wrong with their order */
function walk(patterns: readonly PatternValue<Line>[], { begins, widget }: Walk): SectionProblem[] {
  const problems: SectionProblem[] = [];
  const counts = new Map<string, number>();
  let block:
    | { line: Block["line"]; index: number; properties: Record<string, unknown>; places: Map<string, number> }
    | undefined;
  const end = () => {
    if (block !== undefined) widget(block);
    block = undefined;
  };
  for (const { name: option, value: line } of patterns) {
    const index = counts.get(option) ?? 0;
    counts.set(option, index + 1);
    if (line.type === "widget") {
      end();
      block = { line, index, properties: {}, places: new Map() };
      continue;
    }
    if (line.type !== "property") {
      end();
      begins(line.type, line.title);
      continue;
    }
    const at = { option, index, in: "name" } as const;
    if (block === undefined) {
      const help = ["begin one with a line such as: fader = dim1"];
      problems.push({ ...at, problem: `'${option}' has to follow the line of a widget`, help });
    } else if (!PROPERTIES[line.name].kinds.includes(block.line.kind)) {
      const kinds = PROPERTIES[line.name].kinds.join(", ");
      problems.push({ ...at, problem: `a ${block.line.kind} has no '${option}'`, help: [`it is for: ${kinds}`] });
    } else if (line.name in block.properties) {
      problems.push({ ...at, problem: `'${option}' is given twice for this ${block.line.kind}` });
    } else {
      block.properties[line.name] = line.value;
      block.places.set(option, index);
    }
  }
  end();
  return problems;
}

/** What is wrong with the lines of a page together. */
export function checkLines(patterns: readonly PatternValue<Line>[]): readonly SectionProblem[] {
  const more: SectionProblem[] = [];
  let count = 0;
  const problems = walk(patterns, {
    begins() {},
    widget({ line: { kind, pattern }, index, properties: { label, min = 0, max = 1 }, places }) {
      const before = count;
      count += pattern.size;
      const at = { option: kind, index };
      const placeOf = (option: string) => ({ option, index: places.get(option) ?? 0 });
      if (count > MAX_WIDGETS && before <= MAX_WIDGETS) {
        more.push({ ...at, problem: `a page can have ${MAX_WIDGETS} widgets; with this line it has ${count}` });
      }
      if (label !== undefined && label.size > 1 && label.size !== pattern.size) {
        more.push({ ...placeOf("label"), problem: `the label has ${label.size} texts for ${widgets(pattern.size)}` });
      }
      const last = places.has("max") ? "max" : "min";
      if (min === max) more.push({ ...placeOf(last), problem: "'min' and 'max' are the same" });
    },
  });
  return [...problems, ...more];
}

function widgets(size: number): string {
  return size === 1 ? "one widget" : `${size} widgets`;
}

/** The pages that the lines describe. @param patterns in which {@link checkLines} finds nothing */
export function layoutOf({ patterns }: Pick<InstanceOptions<never, Line>, "patterns">): Page[] {
  const pages: Page[] = [];
  const page = (title?: string) => {
    pages.push({ ...(title !== undefined && { title }), groups: [] });
  };
  const group = (title?: string) => {
    if (pages.length === 0) page();
    pages.at(-1)?.groups.push({ ...(title !== undefined && { title }), widgets: [] });
  };
  walk(patterns, {
    begins: (type, title) => (type === "page" ? page(title) : group(title)),
    widget({ line: { kind, pattern }, properties: { label, ...properties } }) {
      if ((pages.at(-1)?.groups.length ?? 0) === 0) group();
      const into = pages.at(-1)?.groups.at(-1)?.widgets;
      const labels = label === undefined ? [] : [...expand(label)];
      let i = 0;
      for (const name of expand(pattern)) {
        const text = labels[i++ % Math.max(1, labels.length)] ?? name;
        const channels = kind === "xy" ? [`${name}.x`, `${name}.y`] : [name];
        into?.push({ kind, channels, label: text, ...properties });
      }
    },
  });
  return pages;
}

/** The channels that the lines name, each with the place of its widget. */
export function namedChannels(patterns: readonly PatternValue<Line>[]) {
  const named: { readonly name: string; readonly option: wire.Kind; readonly index: number }[] = [];
  walk(patterns, {
    begins() {},
    widget({ line: { kind: option, pattern }, index }) {
      for (const name of expand(pattern)) {
        const names = option === "xy" ? [`${name}.x`, `${name}.y`] : [name];
        named.push(...names.map((each) => ({ name: each, option, index })));
      }
    },
  });
  return named;
}
