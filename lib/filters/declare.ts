// A filter as data. Errors, `mmpy filters`, the tables in the documentation and completion all come from the declarations.

/** The operations of the native part, by their numbers there (`native/routing/filter_table.h`). */
export const OPERATIONS = [
  "invert",
  "range",
  "window",
  "power",
  "ease",
  "unease",
  "points",
  "steps",
  "clamp",
  "within",
  "threshold",
  "press",
  "toggle",
  "dedup",
  "deadband",
  "rate",
  "smooth",
  "fade",
  "delay",
  "debounce",
  "pickup",
] as const;

export type OperationName = (typeof OPERATIONS)[number];

/** What a filter does to a value, for the native part. Times are in milliseconds. */
export interface Operation {
  readonly name: OperationName;
  readonly args: readonly number[];
}

/** The kind of a parameter's text: a plain number or a percentage, a whole number, a time, events per second. */
export type ParameterKind = "number" | "whole" | "time" | "frequency";

export interface Parameter {
  readonly name: string;
  readonly doc: string;
  readonly kind: ParameterKind;
  readonly min: number;
  readonly max: number;
  /** Whether `min` or `max` themselves are excluded. */
  readonly above?: boolean;
  readonly below?: boolean;
  /** A value, or the name of an earlier parameter whose value is used. Absent: it must be given. */
  readonly default?: number | string;
}

/** Why there is no operation. */
export interface Impossible {
  readonly why: string;
}

/** One way to write the arguments of a filter. */
export interface FilterForm {
  /** For people: `curve(gamma)`. */
  readonly form: string;
  readonly example: string;
  readonly doc: string;
  readonly parameters: readonly Parameter[];
  /** A first argument that selects this form. */
  readonly word?: string;
  /** Whether the arguments are points, `x:y`. Their coordinates are the values then. */
  readonly points?: { readonly min: number; readonly max: number };
  /** @returns what is wrong with values that are each in their range */
  readonly check?: (values: readonly number[]) => { readonly problem: string; readonly help: string } | undefined;
  readonly operation: (values: readonly number[]) => Operation;
  /** The operation for the way back in a mapping with `<>`. */
  readonly reverse: (values: readonly number[]) => Operation | Impossible;
}

export interface FilterDeclaration {
  readonly name: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** Whether it drops some of the values, for good; its operation has its name then. */
  readonly drops?: true;
  /** Whether it remembers something, and whether time passes in it. */
  readonly group: "stateless" | "state" | "time";
  /** Those that are selected by their arguments come first. */
  readonly forms: readonly FilterForm[];
  /** For people: the way back in `<>`. */
  readonly reversible: string;
  /**
   * How the value that the target has is taken back through it, which `toggle` and `pickup` in front of it need: by the
   * operation for the way back, unchanged, or not at all.
   */
  readonly takesBack: "reverse" | "unchanged" | "no";
  /** Whether it looks at the value that the target has. */
  readonly looksAtTarget?: "if-possible" | "always";
}

export function operation(name: OperationName, ...args: readonly number[]): Operation {
  return { name, args };
}
