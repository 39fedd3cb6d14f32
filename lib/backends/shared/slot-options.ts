// Options that backends of DMX universes have in common.
import { option } from "../options.js";
import { DEFAULT_RATE } from "./frame-limiter.js";
import { MERGES, type Merge } from "./slot-sources.js";
import { timeoutOptions } from "./timeout-options.js";

const MAX_RATE = 1000;

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
    ...timeoutOptions("data"),
  };
}

/** How much a backend logs of what arrives. */
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
