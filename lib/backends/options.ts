// The kinds of options that a backend can declare: the form and meaning of their values, and their description in
// documentation, completion and error messages.
import { existsSync } from "node:fs";
import path from "node:path";
import { didYouMean } from "../config/suggest.js";
import { type Address, type AddressForm, formOfAddress, parseAddress } from "./address.js";

export type { Address };

/** The reason why a text is not a valid value. */
export interface ValueProblem {
  /** The part of the message after the option's name: `is 0 to 255, not 300`. */
  readonly problem: string;
  readonly help?: readonly string[];
  /** The offending part, in UTF-16 code units from the start. Absent: all of it. */
  readonly span?: { readonly start: number; readonly length: number };
  /** For an option with a free name: whether the problem, and the span, is in its name. Default: `value`. */
  readonly in?: "name" | "value";
}

/** A value that is valid. */
export interface ValidValue<T> {
  readonly problem?: undefined;
  readonly value: T;
  /** What is odd about it, after the option's name: `is above 512, which few devices take`. The start goes on. */
  readonly warning?: string;
  readonly help?: readonly string[];
  /** As {@link ValueProblem.span}, of the warning. */
  readonly span?: { readonly start: number; readonly length: number };
  /** As {@link ValueProblem.in}, of the warning. */
  readonly in?: "name" | "value";
}

/** The value of a text, or the reason why it is invalid. */
export type Parsed<T> = ValidValue<T> | ValueProblem;

/**
 * An option, declared.
 *
 * @typeParam V type of the option's value: a list for a repeatable option, with `undefined` where there is no default
 */
export interface Option<V = unknown> {
  /** For tables and JSON: `text`, `number`, `flag`, ... */
  readonly kind: string;
  /** One line of documentation. */
  readonly doc: string;
  /** The form of a value: `on | off`, `HOST PORT`. */
  readonly form: string;
  /** The default, for people; absent if the option has none. */
  readonly defaultText?: string;
  readonly unit?: string;
  /** For people, with the unit: `50 ms or more`. */
  readonly range?: string;
  readonly example?: string;
  readonly required: boolean;
  /** Other names of the option: `destination` for `dest`. */
  readonly aliases?: readonly string[];
  /** Whether it may be given several times; otherwise the last one counts. */
  readonly repeatable: boolean;
  /** Whether it is an error to give it several times. */
  readonly once?: boolean;
  /** Whether an instance takes a changed value while it runs: always, or `append`: if values are only added at the end. */
  readonly live: boolean | "append";
  /** Values to complete and suggest, if they can be listed. */
  readonly words?: readonly string[];
  /** Whether an empty value is valid. */
  readonly takesEmpty?: boolean;
  /** The option's value if it is not given. */
  readonly fallback: V;
  /** A value as it may be shown: without passwords, and with as many characters. Absent: all of it may be. */
  readonly shown?: (text: string) => string;

  /**
   * Parses one value. Pure.
   *
   * @param folder the folder that relative paths start from
   */
  parse(text: string, folder: string): Parsed<unknown>;
}

/** Properties of options of any kind. */
interface Spec {
  readonly doc: string;
  readonly example?: string;
  readonly required?: boolean;
  readonly aliases?: readonly string[];
  readonly repeatable?: boolean;
  readonly once?: boolean;
  readonly live?: boolean | "append";
  readonly shown?: (text: string) => string;
}

interface SpecWithDefault<T> extends Spec {
  readonly default?: T;
}

type ValueOf<T, S> = S extends { readonly repeatable: true }
  ? readonly T[]
  : S extends { readonly required: true } | { readonly default: unknown }
    ? T
    : T | undefined;

interface Kind<T> {
  readonly kind: string;
  readonly form: string;
  readonly unit?: string;
  readonly range?: string;
  readonly words?: readonly string[];
  /** A default for people. */
  show?(value: T): string;
  parse(text: string, folder: string): Parsed<T>;
}

function declare<T, S extends SpecWithDefault<T>>(spec: S, { show, ...kind }: Kind<T>): Option<ValueOf<T, S>> {
  const fallback = spec.repeatable ? (spec.default === undefined ? [] : [spec.default]) : spec.default;
  return {
    required: false,
    repeatable: false,
    live: false,
    ...kind,
    doc: spec.doc,
    ...(spec.example !== undefined && { example: spec.example }),
    ...(spec.required !== undefined && { required: spec.required }),
    ...(spec.aliases !== undefined && { aliases: spec.aliases }),
    ...(spec.once !== undefined && { once: spec.once }),
    ...(spec.repeatable !== undefined && { repeatable: spec.repeatable }),
    ...(spec.live !== undefined && { live: spec.live }),
    ...(spec.shown !== undefined && { shown: spec.shown }),
    ...(spec.default !== undefined && { defaultText: (show ?? String)(spec.default) }),
    // Equivalent to the conditional type, which the compiler can't verify.
    fallback: fallback as ValueOf<T, S>,
  };
}

interface Limits {
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
}

/** The range for people, with the unit: `50 ms or more`. */
function rangeOf({ min, max, unit }: Limits): string | undefined {
  const measure = unit === undefined ? "" : ` ${unit}`;
  if (min !== undefined && max !== undefined) return `${min} to ${max}${measure}`;
  if (min !== undefined) return `${min}${measure} or more`;
  return max === undefined ? undefined : `${max}${measure} or less`;
}

function withinLimits(value: number, text: string, limits: Limits): Parsed<number> {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = limits;
  if (value >= min && value <= max) return { value };
  return { problem: `is ${rangeOf(limits)}, not ${text}` };
}

function parseNumber(text: string, limits: Limits): Parsed<number> {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) return { problem: `is a number, not '${text}'` };
  return withinLimits(value, text, limits);
}

/** @param base 0: as C's strtol() takes it, `0x1f` and `017` besides decimal digits */
function parseInteger(text: string, limits: Limits, base: 0 | 10): Parsed<number> {
  const [, sign, digits = ""] = /^([+-]?)(.+)$/.exec(text.trim()) ?? [];
  const value = (sign === "-" ? -1 : 1) * (base === 0 ? strtol(digits) : decimal(digits));
  if (!Number.isSafeInteger(value)) return { problem: `is a whole number, not '${text}'` };
  return withinLimits(value === 0 ? 0 : value, text, limits);
}

function decimal(digits: string): number {
  return /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
}

function strtol(digits: string): number {
  if (/^0x[0-9a-f]+$/i.test(digits)) return Number(digits);
  return /^0[0-7]+$/.test(digits)
    ? Number.parseInt(digits, 8)
    : /^(0|[1-9]\d*)$/.test(digits)
      ? Number(digits)
      : Number.NaN;
}

function numeric<S extends SpecWithDefault<number> & Limits>(
  spec: S,
  kind: "number" | "integer",
  parse: (text: string) => Parsed<number>,
): Option<ValueOf<number, S>> {
  const range = rangeOf(spec);
  return declare<number, S>(spec, {
    kind,
    form: "NUMBER",
    ...(spec.unit !== undefined && { unit: spec.unit }),
    ...(range !== undefined && { range }),
    parse,
  });
}

const YES = ["on", "yes", "true"];
const NO = ["off", "no", "false"];

/** The kinds of options. Every value but a text's has to be given: `option =` is an error. */
export const option = {
  /** Any text that is not empty. */
  text<const S extends SpecWithDefault<string> & { readonly form?: string }>(spec: S): Option<ValueOf<string, S>> {
    return declare<string, S>(spec, { kind: "text", form: spec.form ?? "TEXT", parse: (value) => ({ value }) });
  },

  number<const S extends SpecWithDefault<number> & Limits>(spec: S): Option<ValueOf<number, S>> {
    return numeric(spec, "number", (text) => parseNumber(text, spec));
  },

  /** A whole number in decimal digits; with `base: 0` also `0x1f` and, with a leading 0, octal: `017`. */
  integer<const S extends SpecWithDefault<number> & Limits & { readonly base?: 0 | 10 }>(
    spec: S,
  ): Option<ValueOf<number, S>> {
    return numeric(spec, "integer", (text) => parseInteger(text, spec, spec.base ?? 10));
  },

  /** A time in whole milliseconds, or `off`, which means 0. */
  milliseconds<const S extends SpecWithDefault<number> & { readonly min: number }>(
    spec: S,
  ): Option<ValueOf<number, S>> {
    return declare<number, S>(spec, {
      kind: "milliseconds",
      form: "NUMBER | off",
      unit: "ms",
      range: `${spec.min} ms or more`,
      words: ["off"],
      show: (value) => (value === 0 ? "off" : String(value)),
      parse(text) {
        const value = text === "off" || text === "0" ? 0 : Number(text);
        const sound = text.trim() !== "" && Number.isInteger(value) && (value === 0 || value >= spec.min);
        if (sound && value < 2 ** 31) return { value };
        return { problem: `is a time in ms, ${spec.min} or more, or off; not '${text}'` };
      },
    });
  },

  /** `on` or `off`; also yes and no, true and false, and numbers as in MIDIMonster: 0 is off. */
  flag<const S extends SpecWithDefault<boolean>>(spec: S): Option<ValueOf<boolean, S>> {
    return declare<boolean, S>(spec, {
      kind: "flag",
      form: "on | off",
      words: ["on", "off"],
      show: (value) => (value ? "on" : "off"),
      parse(text) {
        if (YES.includes(text) || /^0*[1-9]\d*$/.test(text)) return { value: true };
        if (NO.includes(text) || /^0+$/.test(text)) return { value: false };
        return { problem: `is on or off, not '${text}'` };
      },
    });
  },

  /** One of several words. */
  choice<const W extends string, const S extends SpecWithDefault<NoInfer<W>>>(
    words: readonly W[],
    spec: S,
  ): Option<ValueOf<W, S>> {
    return declare<W, S>(spec, {
      kind: "choice",
      form: words.join(" | "),
      words,
      parse(text) {
        const value = words.find((word) => word === text);
        if (value !== undefined) return { value };
        const help = didYouMean(text, words, "available values");
        return { problem: `is one of ${words.join(", ")}, not '${text}'`, help };
      },
    });
  },

  /** A file or folder, as an absolute path: relative ones start from the folder of the configuration file. */
  path<const S extends SpecWithDefault<string> & { readonly mustExist?: boolean }>(
    spec: S,
  ): Option<ValueOf<string, S>> {
    return declare<string, S>(spec, {
      kind: "path",
      form: "PATH",
      parse(text, folder) {
        const value = path.resolve(folder, text);
        if (spec.mustExist !== true || existsSync(value)) return { value };
        return { problem: `names a file that does not exist: ${value}` };
      },
    });
  },

  /** `HOST PORT` and, where the declaration lists some, words and `key=value` after them. */
  address<const S extends SpecWithDefault<Address> & AddressForm & { readonly form?: string }>(
    spec: S,
  ): Option<ValueOf<Address, S>> {
    return declare<Address, S>(spec, {
      kind: "address",
      form: spec.form ?? formOfAddress(spec),
      show: ({ host, port }) => `${host} ${port}`,
      parse: (text) => parseAddress(text, spec),
    });
  },

  /** A kind defined by the backend. */
  custom<T, const S extends SpecWithDefault<T> = SpecWithDefault<T>>(
    spec: S,
    kind: { readonly kind: string; readonly form: string; parse(text: string, folder: string): Parsed<T> },
  ): Option<ValueOf<T, S>> {
    return declare<T, S>(spec, kind);
  },
};

/** Options by name. */
export type OptionSet = Readonly<Record<string, Option>>;

/** The values of options, by name. */
export type Values<O extends OptionSet> = {
  readonly [K in keyof O]: O[K] extends Option<infer V> ? V : never;
};
