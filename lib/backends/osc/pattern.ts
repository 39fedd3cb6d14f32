// Address patterns of OSC 1.0: `?`, `*`, `[a-c]`, `[!a-c]`, `{one,two}`; none of them matches a slash.
import type { ValueProblem } from "../options.js";

interface Step {
  readonly to: number;
  accepts(character: number): boolean;
}

/** A state of the automaton: what characters lead from it, and which states it leads to without one. */
interface State {
  readonly steps: Step[];
  readonly jumps: number[];
}

const SLASH = 47;

/** Characters that make an address a pattern. */
export const PATTERN_CHARACTERS = /[?*[\]{}]/;

/**
 * A pattern, compiled to an automaton whose states are followed all at once: matching takes time in proportion to the lengths of
 * pattern and address, whatever a peer sends.
 */
export class AddressPattern {
  readonly #states: readonly State[];
  readonly #end: number;
  /** By state: the step at which it was last added. */
  readonly #added: Uint32Array;

  constructor(states: readonly State[], end: number) {
    this.#states = states;
    this.#end = end;
    this.#added = new Uint32Array(states.length);
  }

  /** `start` if the address could be continued to match: `/x` for the pattern `/x?`. */
  match(address: string): "all" | "start" | "no" {
    this.#added.fill(0);
    let now: number[] = [];
    this.#add(0, 1, now);
    for (let i = 0; i < address.length && now.length > 0; ++i) {
      const character = address.charCodeAt(i);
      const next: number[] = [];
      for (const state of now) {
        for (const step of this.#states[state]?.steps ?? [])
          if (step.accepts(character)) this.#add(step.to, i + 2, next);
      }
      now = next;
    }
    if (now.includes(this.#end)) return "all";
    return now.length > 0 ? "start" : "no";
  }

  #add(state: number, turn: number, list: number[]): void {
    const open = [state];
    for (let each = open.pop(); each !== undefined; each = open.pop()) {
      if (this.#added[each] === turn) continue;
      this.#added[each] = turn;
      list.push(each);
      open.push(...(this.#states[each]?.jumps ?? []));
    }
  }
}

/** A pattern, or what is wrong with it. */
export type CompiledPattern = { readonly problem?: undefined; readonly pattern: AddressPattern } | ValueProblem;

export function compilePattern(text: string): CompiledPattern {
  const states: State[] = [{ steps: [], jumps: [] }];
  let end = 0;
  const grow = (from: number, accepts?: (character: number) => boolean): number => {
    const to = states.push({ steps: [], jumps: [] }) - 1;
    if (accepts === undefined) states[from]?.jumps.push(to);
    else states[from]?.steps.push({ to, accepts });
    return to;
  };
  for (let i = 0; i < text.length; ++i) {
    const character = text[i] as string;
    if (character === "?") {
      end = grow(end, inPart);
    } else if (character === "*") {
      end = grow(end);
      states[end]?.steps.push({ to: end, accepts: inPart });
    } else if (character === "[" || character === "{") {
      const close = text.indexOf(character === "[" ? "]" : "}", i);
      const content = text.slice(i + 1, close);
      const problem = problemOf(content, close, { start: i, text });
      if (problem !== undefined) return problem;
      if (character === "[") {
        end = grow(end, setOf(content));
      } else {
        const begin = end;
        const after = states.push({ steps: [], jumps: [] }) - 1;
        for (const alternative of content.split(",")) {
          let at = begin;
          for (const one of alternative) at = grow(at, equals(one));
          states[at]?.jumps.push(after);
        }
        end = after;
      }
      i = close;
    } else {
      end = grow(end, equals(character));
    }
  }
  return { pattern: new AddressPattern(states, end) };
}

function problemOf(content: string, close: number, { start, text }: { start: number; text: string }) {
  const span = { start, length: (close < 0 ? text.length : close + 1) - start };
  const bracket = text[start] as string;
  if (close < 0) return { problem: `has a '${bracket}' that is not closed`, span };
  const wrong = /[/[{]/.exec(content)?.[0];
  return wrong === undefined ? undefined : { problem: `has a '${wrong}' within '${bracket}'`, span };
}

function inPart(character: number): boolean {
  return character !== SLASH;
}

function equals(wanted: string): (character: number) => boolean {
  const code = wanted.charCodeAt(0);
  return (character) => character === code;
}

/** The content of brackets: `a-cx`, `!a-c`. */
function setOf(content: string): (character: number) => boolean {
  const inverted = content.startsWith("!");
  const ranges: [low: number, high: number][] = [];
  const list = inverted ? content.slice(1) : content;
  for (let i = 0; i < list.length; ++i) {
    const first = list.charCodeAt(i);
    const isRange = list[i + 1] === "-" && i + 2 < list.length;
    const last = isRange ? list.charCodeAt(i + 2) : first;
    ranges.push([Math.min(first, last), Math.max(first, last)]);
    if (isRange) i += 2;
  }
  return (character) =>
    character !== SLASH && ranges.some(([low, high]) => character >= low && character <= high) !== inverted;
}
