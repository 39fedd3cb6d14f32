// Options for what happens when nothing arrives any more.
import { option, type Parsed } from "../options.js";

const MAX_TIMEOUT = 86_400; // s

/** What channels go to when nothing arrives any more: `hold` keeps their values. */
export type Fallback = "hold" | number;

/** @param what arrives otherwise: `data` */
export function timeoutOptions(what: string) {
  return {
    timeout: option.number({
      doc: `time without ${what} after which the channels go to \`timeout-value\`; 0: never`,
      default: 0,
      min: 0,
      max: MAX_TIMEOUT,
      unit: "s",
    }),
    "timeout-value": option.custom<Fallback, { readonly doc: string; readonly default: Fallback }>(
      { doc: "what the channels go to then: they keep their values, or all get this one", default: "hold" },
      { kind: "fallback", form: "hold | zero | 0..1", words: ["hold", "zero"], parse: parseFallback },
    ),
  };
}

function parseFallback(text: string): Parsed<Fallback> {
  if (text === "hold") return { value: text };
  const value = text === "zero" ? 0 : text.trim() === "" ? Number.NaN : Number(text);
  return value >= 0 && value <= 1 ? { value } : { problem: `is hold, zero or a value from 0 to 1, not '${text}'` };
}
