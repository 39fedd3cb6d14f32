// From filters as written to checked chains: built-in ones by their declarations, named ones by their sections.

import { chainOf, type FilterChain, type FilterStep, isPossible, MAX_STEPS, reversed } from "../filters/chain.js";
import type { FilterDeclaration } from "../filters/declare.js";
import { FILTERS, filterNamed } from "../filters/index.js";
import { readArguments } from "../filters/read-arguments.js";
import { type FilterCall, filtersBetween, parseFilterCalls, type Report, splitAtArrows } from "./filter-call.js";
import { MAX_ERRORS } from "./limits.js";
import { type Location, locate } from "./source.js";
import { didYouMean } from "./suggest.js";
import type { FilterSection, Mapping, Section } from "./syntax.js";

/** The filters of a mapping, one chain for each of its directions. */
export interface MappingFilters {
  readonly forward: FilterChain;
  /** Only of a mapping with `<>`. */
  readonly backward?: FilterChain;
}

/** A step, and where it stands in a mapping: a named filter has several at one place. */
interface PlacedStep extends FilterStep {
  readonly place: Location;
  /** The named filter that contains it. */
  readonly within: string | undefined;
}

type Resolution = readonly FilterStep[] | "failed";

export class FilterResolver {
  readonly #sections = new Map<string, FilterSection>();
  readonly #named = new Map<string, Resolution>();
  readonly #report: Report;
  /** Those beyond the limit, which are not reported, would each be compared with all names. */
  #errors = 0;
  /** What mappings have had so far, by their text: of thousands of lines, most have the same filters. */
  readonly #resolved = new Map<string, MappingFilters>();
  /** Chains by their keys and texts: those that are equal are one object. */
  readonly #chains = new Map<string, FilterChain>();

  constructor(sections: readonly Section[], report: Report) {
    this.#report = (diagnostic) => {
      if (++this.#errors <= MAX_ERRORS) report(diagnostic);
    };
    for (const section of sections) {
      if (section.kind !== "filter") continue;
      const { text, location } = section.name;
      const first = this.#sections.get(text)?.name.location;
      if (first !== undefined) {
        const help = [`the first one is at ${first.source.file}:${first.line}:${first.column}`];
        this.#report({ message: `filter '${text}' already exists`, location, help });
        continue;
      }
      this.#sections.set(text, section);
    }
  }

  /** Checks named filters, also those that no mapping uses. */
  checkAll(): void {
    for (const [name, section] of this.#sections) this.#stepsOfNamed(name, section, []);
  }

  /** The chains of a mapping's filters; undefined after reporting errors. */
  resolve({ filters, direction, location }: Mapping): MappingFilters | undefined {
    const key = `${direction}${filters}`;
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    if (this.#errors >= MAX_ERRORS) return undefined;
    const start = location.column - 1;
    const line = locate(location.source, location.line, start, start + location.length);
    const texts = filtersBetween(splitAtArrows(line));
    const calls = parseFilterCalls(direction === "<" ? texts.toReversed() : texts, this.#report);
    const resolved = calls && this.#resolveCalls(calls, direction === "<>");
    if (resolved !== undefined) this.#resolved.set(key, resolved);
    return resolved;
  }

  #resolveCalls(calls: readonly FilterCall[], both: boolean): MappingFilters | undefined {
    const placed: PlacedStep[] = [];
    let failed = false;
    for (const call of calls) {
      const steps = this.#stepsOf(call, []);
      if (steps === "failed") {
        failed = true;
        continue;
      }
      const named = this.#sections.has(call.name.text) ? call.name.text : undefined;
      for (const step of steps) placed.push({ ...step, place: call.location, within: named });
    }
    if (failed || !this.#isShort(placed.length, calls.at(-1)?.location) || !this.#allowed(placed)) return undefined;
    const forward = this.#chain(placed);
    if (!both) return { forward };
    for (const { reverse, text, place, within } of placed) {
      if (isPossible(reverse)) continue;
      const which = within === undefined ? text : `'${text}' of '${within}'`;
      const help = ["write two lines, one with > and one with <, each with its own filters"];
      this.#report({ message: `${which} can't be used with <>: ${reverse.why}`, location: place, help });
      failed = true;
    }
    return failed ? undefined : { forward, backward: this.#shared(reversed(forward)) };
  }

  #chain(steps: readonly FilterStep[]): FilterChain {
    const plain = steps.map(({ declaration, text, operation, reverse }) => ({ declaration, text, operation, reverse }));
    return this.#shared(chainOf(plain));
  }

  #shared(chain: FilterChain): FilterChain {
    const id = `${chain.key} ${chain.text}`;
    const known = this.#chains.get(id);
    if (known !== undefined) return known;
    this.#chains.set(id, chain);
    return chain;
  }

  /** @param open named filters that contain this one, outermost first */
  #stepsOf(call: FilterCall, open: readonly string[]): Resolution {
    const { text, location } = call.name;
    const declaration = filterNamed(text);
    if (declaration !== undefined) return this.#stepOf(declaration, call);
    const section = this.#sections.get(text);
    if (section === undefined) {
      const known = [...FILTERS.map(({ name }) => name), ...this.#sections.keys()];
      const help = [...didYouMean(text, known, "available filters"), "mmpy filters lists them"];
      this.#report({ message: `unknown filter '${text}'`, location, help });
      return "failed";
    }
    if (call.args !== undefined) {
      const help = [`write ${text}; the numbers stand in [filter ${text}]`];
      this.#report({ message: `'${text}' is a named filter, which takes no arguments`, location: call.location, help });
      return "failed";
    }
    const circle = open.indexOf(text);
    if (circle >= 0) {
      const way = [...open.slice(circle), text].join(" uses ");
      this.#report({ message: `a filter contains itself: ${way}`, location });
      return "failed";
    }
    return this.#stepsOfNamed(text, section, open);
  }

  #stepsOfNamed(name: string, section: FilterSection, open: readonly string[]): Resolution {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const { location } = section.name;
    if (open.length >= MAX_STEPS) {
      const help = [`the limit is ${MAX_STEPS} filters that contain each other`];
      this.#report({ message: "filters are nested too deeply", location, help });
      return "failed";
    }
    const steps: FilterStep[] = [];
    let failed = section.failed;
    if (section.filters.length === 0 && !failed) {
      const help = ["write filters in the lines below, as in: curve(2.2) > range(0.1, 1)"];
      this.#report({ message: `filter '${name}' is empty`, location, help });
      failed = true;
    }
    for (const call of section.filters) {
      const found = this.#stepsOf(call, [...open, name]);
      if (found === "failed") failed = true;
      else if (steps.length <= MAX_STEPS) steps.push(...found);
    }
    if (!failed && !this.#isShort(steps.length, location)) failed = true;
    const resolution = failed ? "failed" : steps;
    // Its errors have been reported. A part of a circle is reported once, wherever one begins.
    this.#named.set(name, resolution);
    return resolution;
  }

  #stepOf(declaration: FilterDeclaration, { args = [], location }: FilterCall): Resolution {
    const read = readArguments(
      declaration,
      args.map(({ text }) => text),
    );
    if ("message" in read) {
      const argument = read.argument === undefined ? undefined : args[read.argument];
      const place = argument === undefined || argument.text === "" ? location : argument.location;
      this.#report({ message: read.message, location: place, help: read.help });
      return "failed";
    }
    const { form, values, text } = read;
    return [{ declaration, text, operation: form.operation(values), reverse: form.reverse(values) }];
  }

  #isShort(length: number, location: Location | undefined): boolean {
    if (length <= MAX_STEPS) return true;
    this.#report({
      message: `more than ${MAX_STEPS} filters in one chain`,
      ...(location && { location }),
      help: ["filters of named filters count"],
    });
    return false;
  }

  /** `pickup` has to know what its target's value means where it stands. */
  #allowed(steps: readonly PlacedStep[]): boolean {
    let allowed = true;
    for (const [i, { declaration, text, place }] of steps.entries()) {
      if (declaration.looksAtTarget !== "always") continue;
      const obstacle = steps
        .slice(i + 1)
        .find(
          ({ declaration: { takesBack }, reverse }) =>
            takesBack === "no" || (takesBack === "reverse" && !isPossible(reverse)),
        );
      if (obstacle === undefined) continue;
      allowed = false;
      this.#report({
        message: `'${obstacle.text}' can't follow '${text}', which compares the fader with the target's value`,
        location: place,
        help: [`put ${obstacle.text} in front of ${text}, or leave it out`],
      });
    }
    return allowed;
  }
}
