// A declaration as data, for people, programs and documentation. Runs and imports no code of the backend.
import path from "node:path";
import { packageFolder } from "../binding.js";
import type { BackendDeclaration, ChannelForm, OptionPattern } from "./declare.js";
import type { Option } from "./options.js";

/** An option as `mmpy backends --json` prints it; docs/configuration.md explains the fields. */
export interface OptionDescription {
  readonly name: string;
  readonly kind: string;
  readonly form: string;
  readonly doc: string;
  readonly default?: string;
  readonly unit?: string;
  readonly range?: string;
  readonly words?: readonly string[];
  readonly example?: string;
  /** Other names of the option. */
  readonly aliases?: readonly string[];
  readonly required: boolean;
  readonly repeatable: boolean;
  /** Present if it is an error to give it several times. */
  readonly once?: true;
  /** Absent for options of backends, which take effect at a start only. */
  readonly live?: boolean | "append";
}

/** A backend as `mmpy backends --json` prints it. */
export interface BackendDescription {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionDescription[];
  /** Whether options that are not listed are accepted. */
  readonly otherOptions: boolean;
  readonly instanceOptions: readonly OptionDescription[];
  readonly otherInstanceOptions: boolean;
  /** Instance options with names chosen by the user; `name` is the pattern. */
  readonly optionPatterns: readonly OptionDescription[];
  readonly channels: readonly ChannelForm[];
  /** Absolute paths of example configurations. */
  readonly examples: readonly string[];
}

export function describeBackend(declaration: BackendDeclaration): BackendDescription {
  const { name, summary, options, instanceOptions, optionPatterns = [], channels, examples = [] } = declaration;
  return {
    name,
    summary,
    options: Object.entries(options).map(([option, declared]) => describeOption(option, declared)),
    otherOptions: declaration.otherOptions === "accepted",
    instanceOptions: Object.entries(instanceOptions).map(([option, declared]) =>
      describeInstanceOption(option, declared),
    ),
    otherInstanceOptions: declaration.otherInstanceOptions === "accepted",
    optionPatterns: optionPatterns.map(describePattern),
    channels: channels.forms.map(({ form, doc, example }) => ({ form, doc, example })),
    examples: examples.map((file) => path.join(packageFolder, "python", "examples", file)),
  };
}

function describeOption(name: string, option: Option): OptionDescription {
  const { kind, form, doc, defaultText, unit, range, words, example, aliases, required, repeatable, once } = option;
  return {
    name,
    kind,
    form,
    doc,
    ...(defaultText !== undefined && { default: defaultText }),
    ...(unit !== undefined && { unit }),
    ...(range !== undefined && { range }),
    ...(words !== undefined && { words }),
    ...(example !== undefined && { example }),
    ...(aliases !== undefined && { aliases }),
    required,
    repeatable,
    ...(once && { once }),
  };
}

function describeInstanceOption(name: string, option: Option): OptionDescription {
  return { ...describeOption(name, option), live: option.live };
}

function describePattern({ form, valueForm = "TEXT", doc, example, live = false }: OptionPattern): OptionDescription {
  const more = { ...(example !== undefined && { example }), required: false, repeatable: true, live };
  return { name: form, kind: "pattern", form: valueForm, doc, ...more };
}

/** Range and unit for people. */
export function limitsOf({ range, unit }: OptionDescription): string | undefined {
  return range ?? (unit === undefined ? undefined : `in ${unit}`);
}
