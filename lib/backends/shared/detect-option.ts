import { option } from "../options.js";

const OFF = ["off", "no", "false", "0"];

/** Option `detect` of backends for which every other word means on, as in MIDIMonster. */
export function detectOption(doc: string) {
  return option.custom(
    { doc, default: false },
    {
      kind: "flag",
      form: "on | off",
      words: ["on", "off"],
      show: (value) => (value ? "on" : "off"),
      parse: (text: string) => ({ value: !OFF.includes(text) }),
    },
  );
}
