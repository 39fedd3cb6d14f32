// From settings, as they are written, to the values of declared options; every mistake is found at its own place.
import type { Setting } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import type { Location } from "../config/source.js";
import { didYouMean } from "../config/suggest.js";
import type { OptionPattern, SectionProblem } from "./declare.js";
import type { Option, OptionSet, ValueProblem, Values } from "./options.js";

/** What a section may hold. */
export interface DeclaredSection<O extends OptionSet = OptionSet> {
  readonly options: O;
  readonly patterns?: readonly OptionPattern[] | undefined;
  /** Whether options that are not declared are accepted. */
  readonly open: boolean;
  check?: ((values: Values<O>) => readonly SectionProblem[]) | undefined;
}

export interface ReadOptions {
  readonly values: Values<OptionSet>;
  readonly patterns: readonly { readonly name: string; readonly value: unknown }[];
  /** Whether everything was right. */
  readonly sound: boolean;
  /** A required option is missing: there can be no instance. */
  readonly missing: boolean;
}

/**
 * Reads the settings of one section.
 *
 * @param owner for messages: `backend 'python'`
 * @param location of the section, for what has no other place
 */
export function readOptions(
  section: DeclaredSection,
  settings: readonly Setting[],
  owner: string,
  location: Location | undefined,
  findings: Findings,
): ReadOptions {
  const before = findings.errors.length;
  const given = new Map<string, unknown[]>();
  const patterns: { name: string; value: unknown }[] = [];
  for (const setting of settings) {
    const { option: name, optionLocation } = setting;
    if (findings.hasManyErrors(optionLocation)) break;
    const declared = Object.hasOwn(section.options, name) ? section.options[name] : undefined;
    const pattern = declared === undefined ? section.patterns?.find(({ matches }) => matches(name)) : undefined;
    const option = declared ?? pattern?.option;
    if (option === undefined) {
      if (!section.open)
        findings.error(`${owner} has no option '${name}'`, optionLocation, { help: helpWith(section, name) });
      continue;
    }
    const parsed = parse(option, setting);
    if ("problem" in parsed) {
      const { message, place } = describe(parsed, setting, owner);
      findings.error(message, place, parsed.help && { help: parsed.help });
    } else if (pattern === undefined) {
      given.set(name, [...(given.get(name) ?? []), parsed.value]);
    } else {
      patterns.push({ name, value: parsed.value });
    }
  }
  const values: Record<string, unknown> = {};
  let missing = false;
  for (const [name, option] of Object.entries(section.options)) {
    const found = given.get(name);
    values[name] = found === undefined ? option.fallback : option.repeatable ? found : found.at(-1);
    if (!option.required || found !== undefined) continue;
    missing = true;
    if (settings.some((setting) => setting.option === name)) continue; // it is there, and wrong
    findings.error(`${owner} needs the option '${name}'`, location, {
      help: [`write ${name} = ${option.example ?? option.form}`],
    });
  }
  if (findings.errors.length === before) {
    for (const { problem, option, help } of section.check?.(values) ?? []) {
      const place = placeOf(settings, option) ?? location;
      findings.error(problem, place, help && { help });
    }
  }
  return { values, patterns, sound: findings.errors.length === before, missing };
}

/** The place of a setting: of the last one of an option, or of its n-th. */
export function placeOf(
  settings: readonly Setting[],
  option: string | undefined,
  index?: number,
): Location | undefined {
  const all = settings.filter((setting) => setting.option === option);
  return (index === undefined ? all.at(-1) : all[index])?.valueLocation;
}

function parse(option: Option, { option: name, value, folder }: Setting) {
  if (value !== "" || option.takesEmpty) return option.parse(value, folder);
  return { problem: "needs a value", help: [`write ${name} = ${option.example ?? option.form}`] };
}

function describe({ problem, span }: ValueProblem, { option, valueLocation }: Setting, owner: string) {
  // Without a place, as for options that the API gives, the message has to say whose option it is.
  if (valueLocation === undefined) return { message: `option '${option}' of ${owner} ${problem}`, place: undefined };
  const message = `'${option}' ${problem}`;
  if (span === undefined) return { message, place: valueLocation };
  const column = valueLocation.column + span.start;
  return { message, place: { ...valueLocation, column, length: span.length } };
}

function helpWith({ options, patterns = [] }: DeclaredSection, name: string): readonly string[] {
  const known = [...Object.keys(options), ...patterns.map(({ form }) => form)];
  return known.length > 0 ? didYouMean(name, known, "available options") : ["it has no options"];
}
