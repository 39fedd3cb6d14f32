import type { FilterDeclaration, Parameter } from "./declare.js";

/** A declared filter as plain data: what `mmpy filters --json` prints. Times are in milliseconds. */
export interface FilterDescription {
  readonly name: string;
  readonly summary: string;
  /** Whether it only computes, remembers something, or lets time pass. */
  readonly group: "stateless" | "state" | "time";
  /** What it does on the way back in a mapping with `<>`. */
  readonly reversible: string;
  readonly forms: readonly {
    readonly form: string;
    readonly doc: string;
    readonly example: string;
    readonly parameters: readonly Parameter[];
  }[];
}

export function describeFilter({ name, summary, group, reversible, forms }: FilterDeclaration): FilterDescription {
  return {
    name,
    summary,
    group,
    reversible,
    forms: forms.map(({ form, doc, example, parameters }) => ({ form, doc, example, parameters })),
  };
}

/** A parameter's range and default, for people: `0.05 to 20, default 2`, `above 0 to 1`. */
export function limitsOf({ kind, min, max, above, below, default: standard }: Parameter): string {
  const shown = (value: number) => (kind === "time" ? timeText(value) : String(value));
  const range = [above ? `above ${shown(min)}` : shown(min), below ? `below ${shown(max)}` : shown(max)];
  const value = typeof standard === "number" ? shown(standard) : `that of ${standard}`;
  return range.join(" to ") + (standard === undefined ? "" : `, default ${value}`);
}

/** A time as it is written in arguments. */
export function timeText(ms: number): string {
  return ms >= 1000 && ms % 100 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
