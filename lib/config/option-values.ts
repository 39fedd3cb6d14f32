import { MidimonsterError } from "../errors.js";
import type { Setting } from "./definition.js";

/** Options of a backend or an instance; a list sets the option once per element. */
export type OptionValues = Readonly<Record<string, string | readonly string[]>>;

/** @throws {MidimonsterError} `VALUE` for values that are not strings */
export function settings(options: OptionValues, folder: string): Setting[] {
  for (const [option, value] of Object.entries(options)) {
    if ([value].flat().every((one) => typeof one === "string")) continue;
    throw new MidimonsterError("VALUE", `option '${option}' takes a string or a list of strings`);
  }
  return Object.entries(options).flatMap(([option, value]) =>
    (typeof value === "string" ? [value] : value).map((one) => ({ option, value: one, folder })),
  );
}
