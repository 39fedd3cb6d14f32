// The same MIDI events into this program and into MIDIMonster, with a stand-in for ALSA's library: both have to send the same.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpyScript, type Running, run } from "./helpers.js";
import { BOTH, buildStandIn, StandIn } from "./midi-stand-in.js";
import { fc } from "./properties.js";

const { MIDIMONSTER_REF } = process.env;

const MAPPINGS = [
  "desk.ch0.note{0..127} > desk.ch1.note{0..127}",
  "desk.ch0.pressure{0..127} > desk.ch2.pressure{127..0}",
  "desk.ch0.cc{0..127} > desk.ch3.cc{0..127}",
  "desk.ch0.aftertouch > desk.ch4.program",
  "desk.ch0.program > desk.ch5.aftertouch",
  "desk.ch0.pitch > desk.ch6.pitchbend",
  "desk.ch0.rpn{0..255} > desk.ch7.nrpn{0..255}",
  "desk.ch0.nrpn{0..255} > desk.channel8.rpn{16128..16383}",
  "desk.ch15.cc127 > desk.ch15.cc126",
];

/** Events on MIDI channel 0: `TYPE CHANNEL PARAMETER VALUE`; of controllers, mostly those that make up parameters. */
function events(count: number): string[] {
  const seven = fc.nat(127);
  const few = fc.constantFrom(0, 1, 127);
  const arbitrary = fc.oneof(
    fc.tuple(fc.constantFrom(6, 7, 8, 10, 11, 12), fc.constant(0), seven, seven),
    fc.tuple(fc.constant(13), fc.constant(0), fc.constant(0), fc.integer({ min: -8192, max: 8191 })),
    fc.tuple(fc.constant(10), fc.constant(0), fc.constantFrom(6, 38, 98, 99, 100, 101), few),
    fc.tuple(fc.constant(10), fc.constant(0), fc.constantFrom(6, 38, 98, 99, 100, 101), few),
  );
  return fc.sample(arbitrary, { numRuns: count, seed: 1 }).map((event) => event.join(" "));
}

/** What a program sends after each event; in no order, since MIDIMonster may change it within a moment. */
async function answers(all: readonly string[], start: (config: string) => Running): Promise<string[][]> {
  const sequencer = await StandIn.open(`add 20:0 ${BOTH} Keys`);
  const config = `[midi desk]\nread = 20:0\nwrite = Keys\n[map]\n${MAPPINGS.join("\n")}\n`;
  const running = start(path.join(folderWith({ "monster.cfg": config }), "monster.cfg"));
  await Promise.race([sequencer.until(/^from/, 2), running.exited]);
  const found: string[][] = [];
  const mark = "15 126 0";
  for (const event of all) {
    sequencer.command(`event ${event.replace(" ", " to 0 from 20:0 ")}`);
    // Once the second one is answered, so is everything before the first.
    for (const count of [1, 2]) {
      sequencer.command("event 10 to 0 from 20:0 15 127 0");
      await Promise.race([sequencer.until(new RegExp(`^sent .*: ${mark}$`), count), running.exited]);
      assert.equal(running.child.exitCode ?? running.child.signalCode, null, running.stderr + running.stdout);
    }
    const sent = sequencer.matching(/^sent/).filter((call) => !call.endsWith(`: ${mark}`));
    sequencer.calls.splice(0);
    // Below the centre of the pitch, MIDIMonster's have no sign.
    found.push(
      sent.map((call) => call.replace(/(type 13: .*) (\d{5})$/, (_, rest, value) => `${rest} ${value - 65536}`)),
    );
  }
  running.child.kill("SIGKILL");
  await running.exited;
  await sequencer.close();
  return found.map((sent) => sent.sort());
}

describe("MIDI beside MIDIMonster", () => {
  it("sends the same", async function () {
    if (!MIDIMONSTER_REF || !existsSync(path.join(path.dirname(MIDIMONSTER_REF), "backends", "midi.so"))) {
      console.log("SKIPPED: MIDIMONSTER_REF does not name a binary of MIDIMonster with its midi backend");
      this.skip();
    }
    const folder = buildStandIn();
    if (folder === undefined) this.skip();
    const env = { ...process.env, LD_PRELOAD: path.join(folder, "libasound.so.2") };
    const reference = path.resolve(MIDIMONSTER_REF);
    const all = events(2000);
    const start = (command: string, args: string[], cwd: string) => {
      const { MMPY_TEST_MIDI, MMPY_TEST_MIDI_DEVICES } = process.env;
      return run(command, args, { cwd, env: { ...env, MMPY_TEST_MIDI, MMPY_TEST_MIDI_DEVICES } });
    };
    const ours = await answers(all, (config) => start(process.execPath, [mmpyScript, config], folder));
    const theirs = await answers(all, (config) => start(reference, [config], path.dirname(reference)));
    assert.ok(ours.flat().length > 1000);
    for (const [i, event] of all.entries()) assert.deepEqual(ours[i], theirs[i], `${i}: ${event}`);
  });
});
