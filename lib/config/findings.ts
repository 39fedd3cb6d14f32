import type { Diagnostic } from "./diagnostic.js";
import { MAX_ERRORS } from "./limits.js";
import type { Location } from "./source.js";

/** Errors and warnings in a configuration, as they are found. */
export class Findings {
  readonly errors: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  #gaveUp = false;

  error(message: string, location: Location | undefined, extra: Partial<Diagnostic> = {}): void {
    this.errors.push({ message, ...(location && { location }), ...extra });
  }

  warn(message: string, location: Location | undefined, extra: Partial<Diagnostic> = {}): void {
    this.warnings.push({ severity: "warning", message, ...(location && { location }), ...extra });
  }

  /** Whether to stop looking for errors; says so at a place, once. */
  hasManyErrors(location: Location | undefined): boolean {
    if (this.errors.length < MAX_ERRORS) return false;
    if (!this.#gaveUp) this.error("too many errors", location, { help: ["the rest is not checked"] });
    this.#gaveUp = true;
    return true;
  }
}
