// The kinds of options that a backend can declare: the form of a value, its meaning, and how documentation, completion and
// error messages describe it.
import { existsSync } from "node:fs";
import path from "node:path";
import { didYouMean } from "../config/suggest.js";

/** Why a text is not a valid value. */
export interface ValueProblem {
  /** The part of the message after the option's name: `is 0 to 255, not 300`. */
  readonly problem: string;
  readonly help?: readonly string[];
  /** The offending part of the value, in UTF-16 code units from its start. Absent: all of it. */
  readonly span?: { readonly start: number; readonly length: number };
}

/** The value of a text, or why it is invalid. */
export type Parsed<T> = { readonly problem?: undefined; readonly value: T } | ValueProblem;

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
  /** The default for people; absent if there is none. */
  readonly defaultText?: string;
  readonly unit?: string;
  readonly range?: string;
  readonly example?: string;
  readonly required: boolean;
  /** Whether it may be given several times; otherwise the last one takes effect. */
  readonly repeatable: boolean;
  /** Whether a running instance accepts a changed value: always, or, with `append`, if values are only added at the end. */
  readonly live: boolean | "append";
  /** Values to complete and suggest, if they can be listed. */
  readonly words?: readonly string[];
  /** Whether a value may be empty. */
  readonly takesEmpty?: boolean;
  /** The value if the option is not given. */
  readonly fallback: V;

  /**
   * Reads one value. Pure.
   *
   * @param folder the folder that relative paths start from
   */
  parse(text: string, folder: string): Parsed<unknown>;
}

/** Properties of every kind of option. */
interface Spec {
  readonly doc: string;
  readonly example?: string;
  readonly required?: boolean;
  readonly repeatable?: boolean;
  readonly live?: boolean | "append";
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
    ...(spec.repeatable !== undefined && { repeatable: spec.repeatable }),
    ...(spec.live !== undefined && { live: spec.live }),
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

function rangeOf({ min, max }: Limits): string | undefined {
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `${min} or more`;
  return max === undefined ? undefined : `${max} or less`;
}

function parseNumber(text: string, limits: Limits, whole: boolean): Parsed<number> {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) {
    return { problem: `is a ${whole ? "whole number" : "number"}, not '${text}'` };
  }
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = limits;
  if (value >= min && value <= max) return { value };
  return { problem: `is ${rangeOf(limits)}${limits.unit === undefined ? "" : ` ${limits.unit}`}, not ${text}` };
}

function numeric<S extends SpecWithDefault<number> & Limits>(spec: S, whole: boolean): Option<ValueOf<number, S>> {
  const range = rangeOf(spec);
  return declare<number, S>(spec, {
    kind: whole ? "integer" : "number",
    form: "NUMBER",
    ...(spec.unit !== undefined && { unit: spec.unit }),
    ...(range !== undefined && { range }),
    parse: (text) => parseNumber(text, spec, whole),
  });
}

const YES = ["on", "yes", "true"];
const NO = ["off", "no", "false"];

/** `host port`, optionally followed by words. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly words: readonly string[];
}

const MAX_PORT = 65535;

function parseAddress(text: string, defaultPort: number | undefined): Parsed<Address> {
  const pieces = [...text.matchAll(/\S+/g)];
  const [host, port, ...words] = pieces.map(([piece]) => piece);
  if (host === undefined) return { problem: "needs a host and a port", help: ["write HOST PORT, as in 0.0.0.0 8000"] };
  if (port === undefined) {
    if (defaultPort !== undefined) return { value: { host, port: defaultPort, words: [] } };
    return { problem: `needs a port after '${text}'`, help: ["write HOST PORT, as in 0.0.0.0 8000"] };
  }
  const number = Number(port);
  if (/^\d+$/.test(port) && number >= 1 && number <= MAX_PORT) return { value: { host, port: number, words } };
  const start = pieces[1]?.index ?? 0;
  return { problem: `needs a port from 1 to ${MAX_PORT}, not '${port}'`, span: { start, length: port.length } };
}

/** The kinds of options. Only a text's value may be empty: otherwise `option =` is an error. */
export const option = {
  /** Any text that is not empty. */
  text<const S extends SpecWithDefault<string> & { readonly form?: string }>(spec: S): Option<ValueOf<string, S>> {
    return declare<string, S>(spec, { kind: "text", form: spec.form ?? "TEXT", parse: (value) => ({ value }) });
  },

  number<const S extends SpecWithDefault<number> & Limits>(spec: S): Option<ValueOf<number, S>> {
    return numeric(spec, false);
  },

  integer<const S extends SpecWithDefault<number> & Limits>(spec: S): Option<ValueOf<number, S>> {
    return numeric(spec, true);
  },

  /** A time in whole milliseconds, or `off`, which means 0. */
  milliseconds<const S extends SpecWithDefault<number> & { readonly min: number }>(
    spec: S,
  ): Option<ValueOf<number, S>> {
    return declare<number, S>(spec, {
      kind: "milliseconds",
      form: "NUMBER | off",
      unit: "ms",
      range: `${spec.min} or more`,
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

  /** `HOST PORT`, followed by words if the backend accepts any. */
  address<const S extends SpecWithDefault<Address> & { readonly defaultPort?: number; readonly form?: string }>(
    spec: S,
  ): Option<ValueOf<Address, S>> {
    return declare<Address, S>(spec, {
      kind: "address",
      form: spec.form ?? (spec.defaultPort === undefined ? "HOST PORT" : "HOST [PORT]"),
      show: ({ host, port }) => `${host} ${port}`,
      parse: (text) => parseAddress(text, spec.defaultPort),
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
