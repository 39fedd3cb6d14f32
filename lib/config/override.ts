import { MidimonsterError } from "../errors.js";
import { type Located, locate, makeSource } from "./source.js";

/** Stands for the name of a file in the locations of overrides. */
export const COMMAND_LINE = "<command line>";

/** `-b backend.option=value` or `-i instance.option=value`. */
export interface Override {
  readonly kind: "backend" | "instance";
  readonly target: Located;
  readonly option: Located;
  readonly value: Located;
}

/**
 * Parses an override from the command line.
 *
 * @param kind `backend` for `-b`, `instance` for `-i`
 * @param text `target.option=value`; the first dot ends the target, the first `=` the option
 * @returns the override, or an error message
 */
export function parseOverride(kind: Override["kind"], text: string): Override | string {
  const flag = kind === "backend" ? "-b" : "-i";
  const shown = `${flag} ${text}`;
  const source = makeSource(COMMAND_LINE, process.cwd(), shown);
  const start = flag.length + 1;
  const dot = shown.indexOf(".", start);
  const equals = shown.indexOf("=", start);
  if (dot < 0 || equals < dot) return `'${text}' is not an override; write ${flag} ${kind}.option=value`;
  const target = locate(source, 1, start, dot);
  const option = locate(source, 1, dot + 1, equals);
  const value = locate(source, 1, equals + 1, Number.POSITIVE_INFINITY);
  if (target.text === "" || option.text === "") {
    return `'${text}' does not name ${target.text === "" ? (kind === "backend" ? "a backend" : "an instance") : "an option"}; write ${flag} ${kind}.option=value`;
  }
  return { kind, target, option, value };
}

/** @throws {MidimonsterError} `VALUE` for a text that is not an override */
export function parseOverrides(kind: Override["kind"], texts: readonly string[]): Override[] {
  return texts.map((text) => {
    const override = parseOverride(kind, text);
    if (typeof override === "string") throw new MidimonsterError("VALUE", override);
    return override;
  });
}
