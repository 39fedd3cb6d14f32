// A python instance that the probe asks, for tests of reloads.
import type { Session } from "./session.js";

/** One python instance `py`, asked by the probe and answering it. */
export const CONFIG = `
[python py]
module = mod
[map]
probe.ask > py.mod.ask
py.answer > probe.answer
`;

/** A module that answers with `value` plus the number of questions so far, in hundredths. */
export const answering = (value: number, more = "") => `
asked = 0
def ask(value):
    global asked
    asked += 1
    midimonster.output("answer", ${value} + asked / 100)
${more}`;

export async function ask(session: Session): Promise<number | undefined> {
  const before = session.probe.values("answer").length;
  session.probe.emit("ask", 1);
  const answer = (await session.probe.until("answer", before + 1)).at(-1) ?? Number.NaN;
  return Math.round(answer * 100) / 100;
}
