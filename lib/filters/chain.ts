// Filters in a row, read and checked.
import type { FilterDeclaration, Impossible, Operation } from "./declare.js";

/** One filter of a chain. */
export interface FilterStep {
  readonly declaration: FilterDeclaration;
  /** In one form, for people: `curve(2.2)`. */
  readonly text: string;
  readonly operation: Operation;
  readonly reverse: Operation | Impossible;
}

export interface FilterChain {
  readonly steps: readonly FilterStep[];
  /** For people: `curve(2.2) > fade(300ms)`. */
  readonly text: string;
  /** Chains of equal keys do the same. */
  readonly key: string;
}

/** Filters in one chain, those of named filters counted. */
export const MAX_STEPS = 64;

export function isPossible(operation: Operation | Impossible): operation is Operation {
  return "name" in operation;
}

export function chainOf(steps: readonly FilterStep[]): FilterChain {
  return {
    steps,
    text: steps.map(({ text }) => text).join(" > "),
    key: steps.map(({ operation: { name, args } }) => `${name}(${args.join()})`).join(),
  };
}

/** The way back: the opposite of each step, in reverse order. All must have one. */
export function reversed({ steps }: FilterChain): FilterChain {
  return chainOf(
    steps.toReversed().map((step) => {
      if (!isPossible(step.reverse)) throw new Error(`${step.text} has no way back`);
      const { declaration, text, operation, reverse } = step;
      return { declaration, text: `${text} reversed`, operation: reverse, reverse: operation };
    }),
  );
}

/**
 * The operations that take a target's value back to where step `index` has passed it on, in their order; undefined if a step
 * behind it does not allow that.
 */
export function operationsBack({ steps }: FilterChain, index: number): Operation[] | undefined {
  const back: Operation[] = [];
  for (const { declaration, reverse } of steps.slice(index + 1).reverse()) {
    if (declaration.takesBack === "no") return undefined;
    if (declaration.takesBack === "unchanged") continue;
    if (!isPossible(reverse)) return undefined;
    back.push(reverse);
  }
  return back;
}
