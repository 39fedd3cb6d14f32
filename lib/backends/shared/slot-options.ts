// Options that backends of DMX universes have in common.
import { option } from "../options.js";
import { DEFAULT_RATE } from "./frame-limiter.js";
import type { Fallback } from "./slot-input.js";
import { MERGES, type Merge } from "./slot-sources.js";

const MAX_RATE = 1000;
const MAX_TIMEOUT = 86_400; // s

/** @param merge the default */
export function slotOptions(merge: Merge) {
  return {
    realtime: option.flag({
      doc: "sends a frame for each batch of events that changes a level, without a limit",
      default: false,
    }),
    rate: option.number({
      doc: "the most frames that are sent in a second; changes in between are sent as soon as it allows",
      default: DEFAULT_RATE,
      min: 1,
      max: MAX_RATE,
    }),
    start: option.choice(["zero", "event"], {
      doc: "what is sent at first: levels of 0 from the start on, or nothing until the first event",
      default: "zero",
    }),
    merge: option.choice(MERGES, {
      doc: "how levels from several sources are combined: the last frame counts, the highest level of each slot, or the level that changed last",
      default: merge,
    }),
    timeout: option.number({
      doc: "time without data after which the channels go to `timeout-value`; 0: never",
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

function parseFallback(text: string) {
  if (text === "hold") return { value: text } as const;
  if (text === "zero") return { value: 0 };
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= 0 && value <= 1) return { value };
  return { problem: `is hold, zero or a value from 0 to 1, not '${text}'` };
}

/** How much a backend tells of what arrives. */
export type Detect = "off" | "on" | "verbose";

export function detectOption() {
  return option.custom<Detect, { readonly doc: string; readonly default: Detect }>(
    { doc: "logs what arrives: senders and universes, with `verbose` also values", default: "off" },
    {
      kind: "detect",
      form: "off | on | verbose",
      words: ["off", "on", "verbose"],
      parse(text) {
        if (text === "on" || text === "verbose" || text === "off") return { value: text };
        // As in MIDIMonster.
        return { value: "off", warning: `is off, on or verbose; '${text}' means off` };
      },
    },
  );
}
