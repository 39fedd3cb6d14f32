// From settings, as written, to the values of declared options; every error is reported at its own place.
import type { Setting } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import type { Location } from "../config/source.js";
import { didYouMean } from "../config/suggest.js";
import { messageOf } from "../errors.js";
import type { OptionPattern, SectionProblem } from "./declare.js";
import type { Problem } from "./instance.js";
import type { Option, OptionSet, Parsed, ValueProblem, Values } from "./options.js";

/** The options that a section may contain. */
export interface DeclaredSection<O extends OptionSet = OptionSet> {
  /** For messages: `backend 'python'`. */
  readonly owner: string;
  readonly options: O;
  readonly patterns?: readonly OptionPattern[] | undefined;
  /** Whether undeclared options are accepted. */
  readonly open: boolean;
  check?(values: Values<O>): readonly SectionProblem[];
}

/** The value of an option with a free name. */
export interface PatternValue {
  readonly name: string;
  readonly value: unknown;
}

export interface ReadOptions {
  readonly values: Values<OptionSet>;
  readonly patterns: readonly PatternValue[];
  /** Whether everything was right. */
  readonly sound: boolean;
  /** Whether a required option is missing: nothing can be created then. */
  readonly missing: boolean;
}

/**
 * Reads the settings of one section.
 *
 * @param location of the section, for errors without a place of their own
 */
export function readOptions(
  section: DeclaredSection,
  settings: readonly Setting[],
  location: Location | undefined,
  findings: Findings,
): ReadOptions {
  const before = findings.errors.length;
  const { given, patterns } = readSettings(section, settings, findings);
  const declared = Object.entries(section.options);
  // Not by assignment: an option may be named `__proto__`.
  const values = Object.fromEntries(declared.map(([name, option]) => [name, valueFrom(option, given.get(name))]));
  let missing = false;
  for (const [name, option] of declared) {
    if (!option.required || given.has(name)) continue;
    missing = true;
    if (settings.some((setting) => setting.option === name)) continue; // it is present but invalid
    findings.error(`${section.owner} needs the option '${name}'`, location, {
      help: [`write ${name} = ${option.example ?? option.form}`],
    });
  }
  if (findings.errors.length === before) {
    for (const { problem, ...more } of check(section, values)) {
      reportTo(findings, { message: problem, ...more }, section.owner, settings, location);
    }
  }
  return { values, patterns, sound: findings.errors.length === before, missing };
}

/** The option that a section declares under a name. */
export function optionNamed(
  options: OptionSet,
  patterns: readonly OptionPattern[] | undefined,
  name: string,
): { readonly option: Option; readonly isPattern: boolean } | undefined {
  const declared = Object.hasOwn(options, name) ? options[name] : undefined;
  if (declared !== undefined) return { option: declared, isPattern: false };
  const pattern = patterns?.find((one) => one.matches(name));
  return pattern && { option: pattern.option, isPattern: true };
}

/** Adds a problem reported by a backend as an error at its place. */
export function reportTo(
  findings: Findings,
  { message, option, index, help, detail }: Problem,
  owner: string,
  settings: readonly Setting[],
  section: Location | undefined,
): void {
  if (findings.hasManyErrors(section)) return;
  const place = option === undefined ? undefined : placeOf(settings, option, index);
  // Without a place, as for options set by the API, the message has to say which option it is.
  const prefix = option === undefined || place !== undefined ? "" : `option '${option}' of ${owner}: `;
  findings.error(prefix + message, place ?? section, {
    ...(help && { help }),
    ...(detail !== undefined && { detail }),
  });
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

/** The valid values; the others are reported as errors. */
function readSettings(section: DeclaredSection, settings: readonly Setting[], findings: Findings) {
  const given = new Map<string, unknown[]>();
  const patterns: PatternValue[] = [];
  for (const setting of settings) {
    const { option: name, optionLocation } = setting;
    if (findings.hasManyErrors(optionLocation)) break;
    const known = optionNamed(section.options, section.patterns, name);
    if (known === undefined) {
      if (section.open) continue;
      findings.error(`${section.owner} has no option '${name}'`, optionLocation, { help: helpWith(section, name) });
      continue;
    }
    const parsed = parse(known.option, setting);
    if (parsed.problem !== undefined) {
      const { message, place } = describe(parsed, setting, section.owner);
      findings.error(message, place, parsed.help && { help: parsed.help });
    } else if (known.isPattern) {
      patterns.push({ name, value: parsed.value });
    } else {
      const values = given.get(name);
      if (values === undefined) given.set(name, [parsed.value]);
      else values.push(parsed.value);
    }
  }
  return { given, patterns };
}

function valueFrom(option: Option, given: readonly unknown[] | undefined): unknown {
  if (given === undefined) return option.fallback;
  return option.repeatable ? given : given.at(-1);
}

function check(section: DeclaredSection, values: Values<OptionSet>): readonly SectionProblem[] {
  try {
    return section.check?.(values) ?? [];
  } catch (error) {
    return [{ problem: `the options of ${section.owner} could not be checked: ${messageOf(error)}` }];
  }
}

function parse(option: Option, { option: name, value, folder }: Setting): Parsed<unknown> {
  if (value === "" && !option.takesEmpty) {
    return { problem: "needs a value", help: [`write ${name} = ${option.example ?? option.form}`] };
  }
  try {
    return option.parse(value, folder);
  } catch (error) {
    return { problem: `could not be read: ${messageOf(error)}` };
  }
}

function describe({ problem, span }: ValueProblem, { option, valueLocation }: Setting, owner: string) {
  // Without a place, as for options set by the API, the message has to say whose option it is.
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
