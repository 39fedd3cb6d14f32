import { MidimonsterError } from "../errors.js";
import type { Setting } from "./definition.js";

/** A value of an option. A number stands for its digits, true and false for `on` and `off`. */
export type OptionValue = string | number | boolean;

/** Options of a backend or an instance; a list sets the option once per element. */
export type OptionValues = Readonly<Record<string, OptionValue | readonly OptionValue[]>>;

/** @throws {MidimonsterError} `VALUE` for values that are not of these types, and for numbers without digits */
export function settings(options: OptionValues, folder: string): Setting[] {
  return Object.entries(options).flatMap(([option, value]) =>
    [value].flat().map((one) => ({ option, value: textOf(option, one), folder })),
  );
}

function textOf(option: string, value: OptionValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  throw new MidimonsterError(
    "VALUE",
    `option '${option}' takes a string, a finite number, a boolean, or a list of these`,
  );
}
