import type { BackendSetup, OpenBackend } from "../instance.js";
import { DetectLog } from "../shared/detect-log.js";
import type { instanceOptions, options } from "./index.js";
import { MidiInstance } from "./instance.js";
import { Sequencer } from "./sequencer.js";

export function open({
  options: { name, detect },
  log,
  engine,
  report,
}: BackendSetup<typeof options>): OpenBackend<typeof instanceOptions, number> {
  if (process.platform !== "linux") {
    report({ message: "there is MIDI on Linux only, so far: nothing is received or sent", severity: "warning" });
  }
  const sequencer = new Sequencer(engine, name, log);
  const detected = detect ? new DetectLog(log, "midi") : undefined;
  return {
    instance: (setup) => new MidiInstance(setup, sequencer, detected),
    start: () => sequencer.start(),
    stop: () => sequencer.stop(),
  };
}
