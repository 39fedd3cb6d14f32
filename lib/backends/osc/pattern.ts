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

/** All states that the automaton is in after a part of an address, and what follows for each character, once that has been asked. */
interface Place {
  readonly states: readonly number[];
  readonly isEnd: boolean;
  readonly next: Map<number, Place>;
}

/** So many places are kept; a pattern can have any number. */
const MAX_PLACES = 1024;

/**
 * A pattern, compiled to an automaton whose states are followed all at once, whatever a peer sends. What follows is remembered, as
 * thousands of addresses are compared with one pattern: then each character is one look into a table.
 */
export class AddressPattern {
  readonly #states: readonly State[];
  readonly #end: number;
  #places = new Map<string, Place>();
  #start: Place;
  #visited = 0;

  constructor(states: readonly State[], end: number) {
    this.#states = states;
    this.#end = end;
    this.#start = this.#placeOf([0]);
  }

  /** How many states have been followed so far, which is what takes long. */
  get visited(): number {
    return this.#visited;
  }

  /** `start` if the address could be continued to match: `/x` for the pattern `/x?`. */
  match(address: string): "all" | "start" | "no" {
    let place = this.#start;
    for (let i = 0; i < address.length && place.states.length > 0; ++i) {
      const character = address.charCodeAt(i);
      place = place.next.get(character) ?? this.#follow(place, character);
    }
    if (place.isEnd) return "all";
    return place.states.length > 0 ? "start" : "no";
  }

  #follow(place: Place, character: number): Place {
    const reached: number[] = [];
    for (const state of place.states) {
      for (const step of this.#states[state]?.steps ?? []) if (step.accepts(character)) reached.push(step.to);
    }
    this.#visited += place.states.length;
    if (this.#places.size >= MAX_PLACES) {
      this.#places = new Map();
      this.#start = this.#placeOf([0]);
    }
    const next = this.#placeOf(reached);
    place.next.set(character, next);
    return next;
  }

  /** The place of these states, and of all that they lead to without a character. */
  #placeOf(reached: readonly number[]): Place {
    const all = new Set(reached);
    for (const state of all) for (const to of this.#states[state]?.jumps ?? []) all.add(to);
    this.#visited += all.size;
    const states = [...all].sort((a, b) => a - b);
    const key = states.join();
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = { states, isEnd: all.has(this.#end), next: new Map() };
    this.#places.set(key, place);
    return place;
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
