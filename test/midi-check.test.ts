// What the check says about MIDI in a configuration.
import assert from "node:assert/strict";
import { parseChannel } from "../lib/backends/midi/channels.js";
import { bytes, device } from "../lib/backends/midi/options.js";
import { folderWith, mmpy } from "./helpers.js";

describe("a channel of MIDI", () => {
  const valid: [text: string, name: string][] = [
    ["ch0.cc1", "ch0.cc1"],
    ["channel15.note127", "ch15.note127"],
    ["ch.cc1", "ch0.cc1"],
    ["ch01.cc007", "ch1.cc7"],
    ["ch0.pitch", "ch0.pitch"],
    ["ch0.pitchbend", "ch0.pitch"],
    ["ch0.cc14", "ch0.cc14"],
    ["ch0.cc14.7", "ch0.cc14.7"],
    ["ch0.nrpn16383", "ch0.nrpn16383"],
    ["ch0.rpn0", "ch0.rpn0"],
    ["clock", "clock"],
    ["continue", "continue"],
  ];
  it("can be written in several ways", () => {
    for (const [text, name] of valid) {
      const parsed = parseChannel(text);
      assert.deepEqual(
        [parsed.problem, parsed.problem === undefined && [parsed.name, parsed.warning]],
        [undefined, [name, undefined]],
      );
    }
  });

  const odd: [text: string, name: string, warning: RegExp][] = [
    ["ch0.cc", "ch0.cc0", /^cc has no number: it is cc0$/],
    ["ch0.nrpn", "ch0.nrpn0", /^nrpn has no number/],
    ["ch0.cc14.", "ch0.cc14.0", /^cc14\. has no number/],
    ["ch0.program5", "ch0.program", /^program has no number, since a MIDI channel has only one: 5 is ignored$/],
    ["ch0.pitch0", "ch0.pitch", /0 is ignored/],
  ];
  it("is taken with a warning where MIDIMonster takes it and it may be meant otherwise", () => {
    for (const [text, name, warning] of odd) {
      const parsed = parseChannel(text);
      assert.ok(parsed.problem === undefined, text);
      assert.equal(parsed.name, name);
      assert.match(parsed.warning ?? "", warning);
    }
  });

  const wrong: [text: string, problem: string, help?: string][] = [
    ["ch16.cc1", "MIDI channels are 0 to 15, not 16: the first one is 0"],
    ["ch0.cc128", "cc is 0 to 127, not 128"],
    ["ch0.note200", "note is 0 to 127, not 200"],
    ["ch0.rpn16384", "rpn is 0 to 16383, not 16384"],
    ["ch0.cc14.32", "cc14. is 0 to 31, not 32", "it is a pair of controllers: number N, and N + 32 for the fine part"],
    ["ch0.note.5", "'.5' after 'note' is not a number", "write note5"],
    ["ch0.cc1x", "'1x' after 'cc' is not a number", "write cc0 to cc127"],
    ["ch0.pitchup", "there is no 'pitchup' on a MIDI channel", "did you mean 'pitch'?"],
    ["ch0.nots5", "there is no 'nots5' on a MIDI channel", "did you mean 'note'?"],
    ["ch0.CC5", "there is no 'CC5' on a MIDI channel", "did you mean 'cc'?"],
    ["ch3.clock", "'clock' is not on a MIDI channel", "write clock without ch3"],
    ["ch0.clocks", "there is no 'clocks' on a MIDI channel"],
    ["clock5", "'clock5' is not a channel of MIDI"],
    ["ch0", "'ch0' is a whole MIDI channel"],
    ["cc5", "'cc5' is not a channel of MIDI"],
    ["ch-1.cc5", "'ch-1.cc5' is not a channel of MIDI"],
    ["ch0.pitch!", "'!' after 'pitch' means nothing"],
  ];
  it("is an error that says what is wrong otherwise", () => {
    for (const [text, problem, help] of wrong) {
      const parsed = parseChannel(text);
      assert.equal(parsed.problem, problem);
      if (help !== undefined) assert.deepEqual(parsed.help, [help]);
    }
  });
});

describe("options of MIDI", () => {
  const devices: [text: string, problem?: RegExp][] = [
    ["20:0"],
    ["20"],
    ["20.1"],
    ["Launchpad Mini"],
    ["Synth: No. 5"],
    ["808 Drum"],
    ["20:x", /^needs a port's number after '20:'$/],
    ["20:", /^needs a port's number/],
    ["300:0", /^has the number 300 of a client; those of ALSA's sequencer are 0 to 255$/],
    ["20:256", /^has the number 256 of a port/],
  ];
  for (const [text, problem] of devices) {
    it(`device '${text}'`, () => {
      const parsed = device.parse(text);
      if (problem === undefined) assert.deepEqual(parsed, { value: text });
      else assert.match(parsed.problem ?? "", problem);
    });
  }

  const messages: [text: string, result: number | RegExp][] = [
    ["F0 7E 7F 09 01 F7", 1],
    ["f07e7f0901f7", 1],
    ["F0 F7, 90 3C 7F, c0 05", 3],
    ["", /^needs bytes/],
    ["F0 7E", /^has a system exclusive message without F7 at its end$/],
    ["F0 7E 90 3C 7F", /without F7/],
    ["3C 7F", /^has 3C where a message begins/],
    ["90 3C", /^has a message 90 with 1 data bytes \(00 to 7F\) instead of 2$/],
    ["C0 05 06", /^has a message C0 with 2 data bytes \(00 to 7F\) instead of 1$/],
    ["F8", /^has a message F8; it can have those of MIDI channels/],
    ["F7", /^has a message F7;/],
    ["F0 7 F7", /^needs bytes as two hexadecimal digits each, not '7'$/],
    ["0xF0", /not '0xF0'$/],
  ];
  for (const [text, result] of messages) {
    it(`init '${text}'`, () => {
      const parsed = bytes.parse(text);
      if (typeof result === "number") assert.equal(parsed.problem === undefined && parsed.value.length, result);
      else assert.match(parsed.problem ?? "", result);
    });
  }

  const checks: [what: string, config: string, code: number, lines: string[]][] = [
    [
      "what is wrong",
      "[midi desk]\nread = 20:0\n[loopback x]\n[map]\ndesk.ch0.cc{126..128} > x.{a,b,c}\nx.a > desk.ch16.note1\n",
      1,
      [
        "monster.cfg:5:6: error: 'desk.ch0.cc128': cc is 0 to 127, not 128",
        "monster.cfg:6:12: error: 'desk.ch16.note1': MIDI channels are 0 to 15, not 16: the first one is 0",
      ],
    ],
    [
      "what is odd",
      "[midi desk]\nepn-tx = brief\n[loopback x]\n[map]\ndesk.ch1.program3 > x.d\n",
      0,
      [
        "monster.cfg:2:10: warning: 'epn-tx' is full or short, not 'brief': full is used",
        "monster.cfg:5:6: warning: 'desk.ch1.program3': program has no number, since a MIDI channel has only one: 3 is ignored",
      ],
    ],
  ];
  for (const [what, config, code, lines] of checks) {
    it(`and channels are checked without a sequencer: ${what} is shown at its place`, async () => {
      const checked = mmpy(["check", "monster.cfg"], { cwd: folderWith({ "monster.cfg": config }) });
      assert.equal((await checked.exited).code, code);
      const found = [...checked.stderr.matchAll(/monster\.cfg:\d.*|.*sequencer.*/g)].map(([text]) => text);
      assert.deepEqual(found, lines);
    });
  }
});
