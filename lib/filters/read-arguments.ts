// From the texts of a filter's arguments to values.
import type { FilterDeclaration, FilterForm, Parameter } from "./declare.js";
import { timeText } from "./describe.js";
import { GRID_MS } from "./stateful.js";

/** A problem with one argument, or with the filter as a whole. */
export interface ArgumentProblem {
  /** Its index; absent for the whole. */
  readonly argument?: number;
  readonly message: string;
  readonly help: readonly string[];
}

export interface ReadArguments {
  readonly form: FilterForm;
  readonly values: readonly number[];
  /** As written, in one form: what a table shows. */
  readonly text: string;
}

/** Reads the arguments of a filter as its declaration says. */
export function readArguments(
  declaration: FilterDeclaration,
  args: readonly string[],
): ReadArguments | ArgumentProblem {
  const form = formFor(declaration, args);
  const given = form.word === undefined ? args : args.slice(1);
  const before = args.length - given.length;
  const empty = given.indexOf("");
  if (empty >= 0) {
    return { argument: empty + before, message: "an argument is missing", help: [`write ${form.form}`] };
  }
  const read = form.points === undefined ? readValues(declaration, form, given) : readPoints(form, given);
  if ("message" in read) {
    return read.argument === undefined ? read : { ...read, argument: read.argument + before };
  }
  const wrong = form.check?.(read.values);
  if (wrong !== undefined) return { message: `'${declaration.name}': ${wrong.problem}`, help: [wrong.help] };
  const shown = [...(form.word === undefined ? [] : [form.word]), ...read.texts];
  const text = shown.length === 0 ? declaration.name : `${declaration.name}(${shown.join(", ")})`;
  return { form, values: read.values, text };
}

function formFor({ forms }: FilterDeclaration, args: readonly string[]): FilterForm {
  const [first = ""] = args;
  const selected = forms.find(
    ({ word, points }) =>
      (word !== undefined && first === word) || (points !== undefined && args.some((one) => one.includes(":"))),
  );
  return selected ?? (forms.at(-1) as FilterForm);
}

interface Read {
  readonly values: readonly number[];
  readonly texts: readonly string[];
}

function readValues(
  declaration: FilterDeclaration,
  form: FilterForm,
  given: readonly string[],
): Read | ArgumentProblem {
  const { parameters } = form;
  const required = parameters.filter((parameter) => parameter.default === undefined).length;
  if (given.length > parameters.length || given.length < required) {
    const most = counted(parameters.length);
    const allowed =
      required === parameters.length ? most : required === 0 ? `at most ${most}` : `${required} to ${most}`;
    // A comma in a number, as several languages write it.
    const comma = given.length > parameters.length && given.every((text) => /^\d+$/.test(text));
    return {
      message: `'${declaration.name}' takes ${parameters.length === 0 ? "no arguments" : allowed}, not ${given.length}`,
      help: [...formsOf(declaration), ...(comma ? ["decimals have a point: 2.2"] : [])],
    };
  }
  const values: number[] = [];
  const texts: string[] = [];
  for (const [i, parameter] of parameters.entries()) {
    const text = given[i];
    if (text === undefined) {
      const standard = parameter.default;
      const other = parameters.findIndex(({ name }) => name === standard);
      values.push(typeof standard === "number" ? standard : (values[other] as number));
      continue;
    }
    const value = readValue(text, parameter);
    if (typeof value !== "number") {
      return { argument: i, message: `'${declaration.name}': ${value.message}`, help: value.help };
    }
    values.push(value);
    texts.push(shown(value, parameter));
  }
  return { values, texts };
}

function readPoints({ points, parameters, form }: FilterForm, given: readonly string[]): Read | ArgumentProblem {
  const { min, max } = points as NonNullable<FilterForm["points"]>;
  if (given.length < min || given.length > max) {
    return { message: `a curve has ${min} to ${max} points, not ${given.length}`, help: [`write ${form}`] };
  }
  const values: number[] = [];
  const texts: string[] = [];
  for (const [i, text] of given.entries()) {
    const coordinates = text.split(":").map((one) => one.trim());
    if (coordinates.length !== 2) {
      return { argument: i, message: `'${text}' is not a point`, help: ["a point is x:y, as 0.5:0.2"] };
    }
    for (const [axis, coordinate] of coordinates.entries()) {
      const value = readValue(coordinate, parameters[axis] as Parameter);
      if (typeof value !== "number") return { argument: i, message: `'${text}': ${value.message}`, help: value.help };
      values.push(value);
    }
    texts.push(values.slice(-2).join(":"));
  }
  return { values, texts };
}

type ValueProblem = Pick<ArgumentProblem, "message" | "help">;

const FORMS = {
  number: "numbers are written 0.5, .5 or 50%",
  whole: "write digits only, as 5",
  time: "times are written 300, 300ms or 1.5s; without a unit they are milliseconds",
  frequency: "write how many a second, as 10 or 0.5",
} as const;

function readValue(text: string, parameter: Parameter): number | ValueProblem {
  const { kind, name, min, max, above, below } = parameter;
  const pattern = {
    number: /^(\d+\.?\d*|\.\d+)(%?)$/,
    whole: /^(\d+)()$/,
    time: /^(\d+\.?\d*|\.\d+)\s*(ms|s|)$/,
    frequency: /^(\d+\.?\d*|\.\d+)()$/,
  }[kind];
  const [, digits, unit] = pattern.exec(text) ?? [];
  if (digits === undefined) {
    const message = `'${text}' is not a ${kind === "number" || kind === "frequency" ? "number" : kind === "whole" ? "whole number" : "time"}`;
    return { message, help: [FORMS[kind]] };
  }
  const value = unit === "%" ? Number(digits) / 100 : unit === "s" ? Number(digits) * 1000 : Number(digits);
  const fits = (above ? value > min : value >= min) && (below ? value < max : value <= max);
  if (fits) return value;
  const borders = [above ? `more than ${shown(min, parameter)}` : `from ${shown(min, parameter)}`];
  borders.push(below ? `less than ${shown(max, parameter)}` : `${above ? "at most" : "to"} ${shown(max, parameter)}`);
  const help = [`${name} is ${borders.join(above || below ? " and " : " ")}`];
  // fade(2) nearly always means seconds.
  if (kind === "time" && unit === "" && value > 0 && value < GRID_MS && value * 1000 <= max) {
    help.unshift(`${text} without a unit are milliseconds; did you mean ${text}s?`);
  }
  if (kind === "number" && unit === "" && max === 1 && value > 1 && value <= 100) {
    help.unshift(`values go from 0 to 1; did you mean ${text}%?`);
  }
  return { message: `${text} is out of range`, help };
}

function shown(value: number, { kind }: Parameter): string {
  return kind === "time" ? timeText(value) : String(value);
}

function counted(count: number): string {
  return count === 1 ? "one argument" : `${count} arguments`;
}

function formsOf({ forms }: FilterDeclaration): string[] {
  return [`write ${forms.map(({ form }) => form).join(" or ")}`];
}
