// Parses settings into values of declared options. Every mistake is reported at its place.
import type { Setting } from "../config/definition.js";
import type { Findings } from "../config/findings.js";
import { commentHelp, hasComment, quotesHelp, trailingCommentHelp } from "../config/meant.js";
import { COMMAND_LINE } from "../config/override.js";
import { type Location, mask } from "../config/source.js";
import { didYouMean, nearest } from "../config/suggest.js";
import { messageOf } from "../errors.js";
import { atOnce } from "../user-code.js";
import type { InstanceOptions, OptionPattern, PatternValue, SectionProblem } from "./declare.js";
import type { Problem } from "./instance.js";
import type { Option, OptionSet, Parsed, ValueProblem } from "./options.js";

/** The options of a section. */
export interface DeclaredSection<O extends OptionSet = OptionSet> {
  /** For messages: `backend 'python'`. */
  readonly owner: string;
  readonly options: O;
  readonly patterns?: readonly OptionPattern[] | undefined;
  /** Whether undeclared options are accepted. */
  readonly open: boolean;
  /** The backend's other kind of section, where an option may have been meant to stand. */
  readonly other?: { readonly header: string; readonly options: OptionSet };
  check?(read: InstanceOptions<O>): readonly SectionProblem[];
}

export interface ReadOptions extends InstanceOptions {
  /** As they are written, in order, but with the main names of options. */
  readonly settings: readonly Setting[];
  /** Whether everything was right. */
  readonly sound: boolean;
  /** A required option is missing, so that the values do not have their declared types. */
  readonly missing: boolean;
}

/**
 * Reads the settings of one section.
 *
 * @param location of the section, for errors that have no other place
 */
export function readOptions(
  section: DeclaredSection,
  written: readonly Setting[],
  location: Location | undefined,
  findings: Findings,
): ReadOptions {
  const before = findings.errors.length;
  for (const setting of written) {
    const shown = shownValue(section.options, setting);
    if (shown !== setting.value && setting.valueLocation !== undefined) mask(setting.valueLocation, shown);
  }
  const { given, patterns } = readSettings(section, written, location, findings);
  const settings = withMainNames(section.options, written);
  const declared = Object.entries(section.options);
  // Not by assignment: an option may be called `__proto__`.
  const options = Object.fromEntries(declared.map(([name, option]) => [name, valueFrom(option, given.get(name))]));
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
    for (const { problem, ...more } of check(section, { options, patterns })) {
      reportTo(findings, { message: problem, ...more }, section.owner, settings, location);
    }
  }
  return { options, patterns, settings, sound: findings.errors.length === before, missing };
}

/** The option, or the pattern of options, that a setting is one of. */
export type Known =
  | { readonly name: string; readonly option: Option; readonly pattern?: undefined }
  | { readonly pattern: OptionPattern; readonly parsed: Parsed<unknown> };

/** Finds what a section declares for a setting. */
export function knownOption(
  { options, patterns = [] }: Pick<DeclaredSection, "options" | "patterns">,
  setting: Setting,
): Known | undefined {
  const name = mainName(options, setting.option);
  const option = name === undefined ? undefined : options[name];
  if (name !== undefined && option !== undefined) return { name, option };
  for (const pattern of patterns) {
    const parsed = attempt(() => pattern.parse(setting.option, setting.value, setting.folder));
    if (parsed === undefined) continue;
    return { pattern, parsed: isMissing(setting, pattern) ? missingValue(setting, pattern) : parsed };
  }
  return undefined;
}

/** The name under which an option is declared that is written by this name, or by this alias. */
function mainName(options: OptionSet, written: string): string | undefined {
  if (Object.hasOwn(options, written)) return written;
  return Object.keys(options).find((name) => options[name]?.aliases?.includes(written));
}

/** A setting's value as it may be shown. */
export function shownValue(options: OptionSet, { option, value }: Pick<Setting, "option" | "value">): string {
  // A misspelt option's value is as secret as that of the option that was meant.
  const name = mainName(options, option) ?? mainName(options, nearest(option, secretNames(options)) ?? "");
  const declared = name === undefined ? undefined : options[name];
  return declared?.shown === undefined ? value : maskedBy(declared.shown, value);
}

/** What may be shown of a value; nothing of it if the backend's function fails. */
function maskedBy(shown: NonNullable<Option["shown"]>, value: string): string {
  try {
    const text: unknown = atOnce("shown", () => shown(value));
    if (typeof text === "string") return text;
  } catch {
    // There is no place for an error where a value is only shown.
  }
  return "*".repeat(value.length);
}

/** All names of the options whose values are not shown as they are. */
function secretNames(options: OptionSet): string[] {
  const secret = Object.entries(options).filter(([, { shown }]) => shown !== undefined);
  return secret.flatMap(([name, { aliases = [] }]) => [name, ...aliases]);
}

function withMainNames(options: OptionSet, settings: readonly Setting[]): readonly Setting[] {
  if (!Object.values(options).some(({ aliases = [] }) => aliases.length > 0)) return settings;
  return settings.map((setting) => {
    const option = mainName(options, setting.option) ?? setting.option;
    return option === setting.option ? setting : { ...setting, option };
  });
}

/** Adds a problem that a backend reports, at its place. */
export function reportTo(
  findings: Findings,
  { message, severity, option, index, in: part, help, detail }: Problem,
  owner: string,
  settings: readonly Setting[],
  section: Location | undefined,
): void {
  if (findings.hasManyErrors(section)) return;
  const setting = option === undefined ? undefined : settingOf(settings, option, index);
  const place = part === "name" ? setting?.optionLocation : setting?.valueLocation;
  // Options set through the API have no place: the message has to name them.
  const prefix = option === undefined || place !== undefined ? "" : `option '${option}' of ${owner}: `;
  const written = severity === "warning" ? undefined : setting?.value;
  const comment = written === undefined ? [] : trailingCommentHelp(written);
  const lines = comment.length > 0 ? comment : help;
  const extra = { ...(lines && { help: lines }), ...(detail !== undefined && { detail }) };
  if (severity === "warning") findings.warn(prefix + message, place ?? section, extra, section);
  else findings.error(prefix + message, place ?? section, extra);
}

/** An option's last setting, or its n-th. */
function settingOf(settings: readonly Setting[], option: string, index?: number): Setting | undefined {
  const all = settings.filter((setting) => setting.option === option);
  return index === undefined ? all.at(-1) : all[index];
}

/** Collects the valid values; the others become errors. */
function readSettings(
  section: DeclaredSection,
  settings: readonly Setting[],
  location: Location | undefined,
  findings: Findings,
) {
  const given = new Map<string, unknown[]>();
  const patterns: PatternValue[] = [];
  const first = new Map<string, Setting>();
  for (const setting of settings) {
    const { option: name, optionLocation } = setting;
    if (findings.hasManyErrors(optionLocation)) break;
    const known = knownOption(section, setting);
    if (known === undefined) {
      if (section.open) continue;
      const comment = commentHelp(name);
      const help = comment.length > 0 ? comment : helpWith(section, name);
      findings.error(`${section.owner} has no option '${name}'`, optionLocation, { help });
      continue;
    }
    if (known.pattern === undefined && !known.option.repeatable) {
      const earlier = first.get(known.name);
      if (earlier !== undefined && known.option.once) {
        tellTwice(findings, setting, earlier, section.owner);
        continue;
      }
      if (earlier !== undefined) warnOfOverride(findings, setting, earlier, location);
      first.set(known.name, setting);
    }
    const parsed = known.pattern ? known.parsed : parse(known.option, setting);
    const problem = parsed.problem ?? parsed.warning;
    if (problem !== undefined) {
      const { message, place } = describe({ ...parsed, problem }, setting, section.owner);
      const { value } = setting;
      const meant = parsed.problem === undefined ? [] : [...trailingCommentHelp(value), ...quotesHelp(value)];
      const help = meant.length > 0 ? meant : parsed.help;
      const extra = help && { help };
      if (parsed.problem === undefined) findings.warn(message, place, extra, place && (location ?? place));
      else findings.error(message, place, extra);
    }
    if (parsed.problem !== undefined) continue;
    warnOfComment(section, setting, findings, location);
    if (known.pattern) {
      patterns.push({ name, form: known.pattern.form, value: parsed.value });
    } else {
      const values = given.get(known.name);
      if (values === undefined) given.set(known.name, [parsed.value]);
      else values.push(parsed.value);
    }
  }
  return { given, patterns };
}

function warnOfComment(
  { options }: DeclaredSection,
  setting: Setting,
  findings: Findings,
  section: Location | undefined,
): void {
  const { option, value, valueLocation } = setting;
  if (valueLocation === undefined || !hasComment(value) || shownValue(options, setting) !== value) return;
  const message = `'${value}' is the value of '${option}', with all that stands there`;
  findings.warn(message, valueLocation, { help: trailingCommentHelp(value) }, section ?? valueLocation);
}

/** An option of the command line, which comes before those of the section, does nothing if the section has it too. */
function warnOfOverride(findings: Findings, setting: Setting, earlier: Setting, section: Location | undefined): void {
  const { optionLocation: place } = setting;
  if (place === undefined || !isOverride(earlier) || isOverride(setting)) return;
  const message = `'${earlier.option}' has no effect: the section sets it too, at ${placeText(place)}, and the last value counts`;
  const help = ["remove the line there to set it on the command line"];
  findings.warn(message, earlier.optionLocation ?? place, { help }, section ?? place);
}

function isOverride({ optionLocation }: Setting): boolean {
  return optionLocation?.source.file === COMMAND_LINE;
}

function placeText({ source, line, column }: Location): string {
  return `${source.file}:${line}:${column}`;
}

function tellTwice(findings: Findings, { option, optionLocation }: Setting, earlier: Setting, owner: string): void {
  const place = earlier.optionLocation;
  const as = earlier.option === option ? "" : `, as '${earlier.option}'`;
  const help = place && [`the first one is at ${placeText(place)}${as}`];
  if (isOverride(earlier)) help?.push("remove this line to set it on the command line");
  const name = optionLocation === undefined ? `option '${option}' of ${owner}` : `'${option}'`;
  findings.error(`${name} can be given only once`, optionLocation, help ? { help } : {});
}

function valueFrom(option: Option, given: readonly unknown[] | undefined): unknown {
  if (given === undefined) return option.fallback;
  return option.repeatable ? given : given.at(-1);
}

function check(section: DeclaredSection, read: InstanceOptions): readonly SectionProblem[] {
  try {
    return section.check?.(read) ?? [];
  } catch (error) {
    return [{ problem: `the options of ${section.owner} could not be checked: ${messageOf(error)}` }];
  }
}

function parse(option: Option, setting: Setting): Parsed<unknown> {
  if (isMissing(setting, option)) return missingValue(setting, option);
  return attempt(() => option.parse(setting.value, setting.folder));
}

function isMissing({ value }: Setting, { takesEmpty }: Option | OptionPattern): boolean {
  return value === "" && takesEmpty !== true;
}

function missingValue({ option: name }: Setting, declared: Option | OptionPattern): ValueProblem {
  const form = "valueForm" in declared ? declared.valueForm : "kind" in declared ? declared.form : undefined;
  return { problem: "needs a value", help: [`write ${name} = ${declared.example ?? form ?? "VALUE"}`] };
}

function attempt<T>(parsing: () => T): T | ValueProblem {
  try {
    return atOnce("parse", parsing);
  } catch (error) {
    return { problem: `could not be read: ${messageOf(error)}` };
  }
}

function describe({ problem, span, in: part }: ValueProblem, setting: Setting, owner: string) {
  const { option, optionLocation, valueLocation } = setting;
  const location = part === "name" ? optionLocation : valueLocation;
  // Options set through the API have no place: the message has to name their owner.
  if (location === undefined) return { message: `option '${option}' of ${owner} ${problem}`, place: undefined };
  const message = `'${option}' ${problem}`;
  if (span === undefined) return { message, place: location };
  const column = location.column + span.start;
  return { message, place: { ...location, column, length: span.length } };
}

/** A widget that is not in the list would seem not to exist; pages have the most options. */
const MAX_SHOWN = 40;

function helpWith({ options, patterns = [], other }: DeclaredSection, name: string): readonly string[] {
  if (other !== undefined && mainName(other.options, name) !== undefined) return [`it is an option of ${other.header}`];
  const known = [...Object.keys(options), ...patterns.map(({ form }) => form)];
  if (known.length === 0) return ["it has no options"];
  const near = nearest(name, [...known, ...Object.values(options).flatMap(({ aliases = [] }) => aliases)]);
  return near === undefined ? didYouMean(name, known, "available options", MAX_SHOWN) : [`did you mean '${near}'?`];
}
