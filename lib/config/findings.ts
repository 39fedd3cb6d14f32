import { textOf } from "../errors.js";
import { type Diagnostic, inReadingOrder } from "./diagnostic.js";
import { MAX_ERRORS } from "./limits.js";
import type { Location } from "./source.js";

/** Errors and warnings in a configuration, as they are found. */
export class Findings {
  readonly errors: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  readonly #sections = new Map<Diagnostic, Location>();
  #gaveUp = false;

  error(message: string, location: Location | undefined, extra: Partial<Diagnostic> = {}): void {
    this.errors.push(diagnostic(message, location, extra));
  }

  /** @param section that the message does not name: elsewhere the same message is another warning */
  warn(
    message: string,
    location: Location | undefined,
    extra: Partial<Diagnostic> = {},
    section: Location | undefined = undefined,
  ): void {
    const warning: Diagnostic = { severity: "warning", ...diagnostic(message, location, extra) };
    this.warnings.push(warning);
    if (section !== undefined) this.#sections.set(warning, section);
  }

  /** Adds errors and warnings that were found elsewhere. */
  addAll(diagnostics: readonly Diagnostic[]): void {
    // One by one: there may be more than a call takes arguments.
    for (const found of diagnostics) (found.severity === "warning" ? this.warnings : this.errors).push(found);
  }

  /**
   * The errors, in reading order; with warnings about the configuration's text, which may be their cause, where a line has no error.
   * Empty if there is no error.
   */
  errorsWith(text: readonly Diagnostic[]): readonly Diagnostic[] {
    if (this.errors.length === 0) return [];
    const lines = new Set(this.errors.map(lineOf));
    const more = text.filter((found) => found.severity === "warning" && !lines.has(lineOf(found)));
    return inReadingOrder([...this.errors, ...more]);
  }

  /** Warnings by what they say, and of what: one that has only moved to another line is the same. */
  get distinctWarnings(): ReadonlyMap<string, Diagnostic> {
    return new Map(
      this.warnings.map((warning) => {
        const section = this.#sections.get(warning);
        return [section === undefined ? warning.message : `${textAt(section)}: ${warning.message}`, warning];
      }),
    );
  }

  /** Whether to stop looking for errors; says so at a place, once. */
  hasManyErrors(location: Location | undefined): boolean {
    if (this.errors.length < MAX_ERRORS) return false;
    if (!this.#gaveUp) this.error("too many errors", location, { help: ["the rest is not checked"] });
    this.#gaveUp = true;
    return true;
  }
}

/** Texts may come from JavaScript, which no compiler has checked. */
function diagnostic(message: unknown, location: Location | undefined, extra: Partial<Diagnostic>): Diagnostic {
  const { help, detail, ...more } = extra;
  return {
    message: textOf(message),
    ...(location && { location }),
    ...more,
    ...(help !== undefined && { help: [help].flat().map(textOf) }),
    ...(detail !== undefined && { detail: textOf(detail) }),
  };
}

function lineOf({ location }: Diagnostic): string {
  return location === undefined ? "" : `${location.line} ${location.source.file}`;
}

function textAt({ source, line, column, length }: Location): string {
  return (source.lines[line - 1] ?? "").slice(column - 1, column - 1 + length);
}
