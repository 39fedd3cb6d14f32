import { declareBackend } from "../declare.js";
import { option } from "../options.js";
import { detectOption } from "../shared/detect-option.js";
import { parseChannel } from "./channels.js";
import { bytes, device, type Message, parseTransmission } from "./options.js";

export const options = {
  name: option.text({ doc: "the name of this program among MIDI devices", form: "NAME", default: "MIDIMonster" }),
  detect: detectOption(
    "whether incoming values are logged, also those that no mapping uses: the first of a channel, then at most one per channel and second",
  ),
};

export const instanceOptions = {
  read: option.custom<string, { doc: string; example: string; aliases: readonly string[]; repeatable: true }>(
    {
      doc: "a device to receive from: its number as aconnect -l lists it, or its name or the beginning of that",
      example: "nanoKONTROL2",
      aliases: ["source"],
      repeatable: true,
    },
    device,
  ),
  write: option.custom<string, { doc: string; example: string; aliases: readonly string[]; repeatable: true }>(
    { doc: "a device to send to", example: "20:0", aliases: ["target"], repeatable: true },
    device,
  ),
  "epn-tx": option.custom<"full" | "short">(
    {
      doc: "whether the number of a parameter is cleared after its value (rpn and nrpn): full; short: it stays active",
      default: "full",
    },
    { kind: "choice", form: "full | short", words: ["full", "short"], parse: parseTransmission },
  ),
  "epn-rx": option.choice(["full", "msb"], {
    doc: "whether values of parameters that arrive have a fine part, controller 38; msb: they have only controller 6",
    default: "full",
  }),
  "note-off": option.flag({ doc: "whether a note that gets 0 is sent as a note-off", default: false }),
  init: option.custom<readonly Message[], { doc: string; example: string; repeatable: true }>(
    {
      doc: "messages in hexadecimal that a device gets whenever it is connected, such as system exclusive ones",
      example: "F0 00 20 29 02 0C 0E 01 F7",
      repeatable: true,
    },
    bytes,
  ),
  resend: option.flag({
    doc: "whether a device that is connected, at first or again, gets the last values of all channels",
    default: false,
  }),
  "all-notes-off": option.flag({
    doc: "whether all notes off (controller 123) is sent at the end, on MIDI channels with notes that sound",
    default: false,
  }),
};

export default declareBackend<typeof options, typeof instanceOptions, number>({
  name: "midi",
  summary: "MIDI devices and programs, by ALSA's sequencer",
  options,
  instanceOptions,
  channels: {
    forms: [
      { form: "ch<0..15>.note<0..127>", doc: "a note, with its velocity", example: "ch0.note60" },
      { form: "ch<0..15>.cc<0..127>", doc: "a controller", example: "ch0.cc7" },
      { form: "ch<0..15>.cc14.<0..31>", doc: "a controller and its fine part, N + 32", example: "ch0.cc14.1" },
      { form: "ch<0..15>.pressure<0..127>", doc: "the pressure on a key", example: "ch0.pressure60" },
      { form: "ch<0..15>.aftertouch", doc: "the pressure on all keys", example: "ch0.aftertouch" },
      { form: "ch<0..15>.pitch", doc: "the pitch wheel, 0.5 in its centre", example: "ch0.pitch" },
      { form: "ch<0..15>.program", doc: "a program", example: "ch0.program" },
      { form: "ch<0..15>.nrpn<0..16383>", doc: "a parameter of the device's own (NRPN)", example: "ch0.nrpn900" },
      { form: "ch<0..15>.rpn<0..16383>", doc: "a registered parameter (RPN)", example: "ch0.rpn0" },
      { form: "clock", doc: "a tick of a clock, 24 in a beat; above 0.5 sends it", example: "clock" },
      { form: "start", doc: "the start of a sequencer; above 0.5 sends it", example: "start" },
      { form: "continue", doc: "a sequencer goes on where it stopped; above 0.5 sends it", example: "continue" },
      { form: "stop", doc: "the stop of a sequencer; above 0.5 sends it", example: "stop" },
    ],
    parse: parseChannel,
  },
  examples: ["midi.cfg"],
  load: () => import("./midi.js"),
});
