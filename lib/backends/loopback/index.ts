import { declareBackend } from "../declare.js";

export default declareBackend({
  name: "loopback",
  summary: "groups channels under names of your choice: every event that arrives goes out again on the same channel",
  options: {},
  instanceOptions: {},
  // As in MIDIMonster, which accepts and ignores any option.
  otherOptions: "accepted",
  otherInstanceOptions: "accepted",
  channels: { forms: [{ form: "NAME", doc: "any name", example: "dimmer.1" }] },
  load: () => import("./loopback.js"),
});
