// Which MIDI device an option names.
import assert from "node:assert/strict";
import { describePort, describePorts, findPort } from "../lib/backends/midi/devices.js";
import type { MidiDevice } from "../lib/binding.js";

const OWN = 128;

const device = (client: number, clientName: string, capabilities = 0x63, port = 0): MidiDevice => {
  return { client, port, capabilities, clientName, portName: `${clientName} port` };
};
const LIST = [
  device(0, "System", 0x21, 1),
  device(14, "Midi Through"),
  device(20, "nanoKONTROL 2.1"),
  device(24, "Synth: No. 5", 0x42),
  device(OWN, "MIDIMonster"),
  device(130, "MIDIMonster other", 0xe3),
];

/** What ALSA's library finds: up to a dot or a colon, an exact name or else the first beginning. */
function library(text: string) {
  const [, name = "", port = "0"] = /^([^.:]*)[.:]?(\d*)/.exec(text) ?? [];
  if (name === "") return undefined;
  if (/^\d+$/.test(name)) return { client: Number(name), port: Number(port) };
  const names = LIST.filter(({ clientName }) => clientName.startsWith(name));
  const found = names.find(({ clientName }) => clientName === name) ?? names[0];
  return found === undefined ? undefined : { client: found.client, port: Number(port) };
}

describe("a MIDI device", () => {
  const cases: [text: string, port: string | undefined][] = [
    ["20:1", "20:1"],
    ["128:1", "128:1"],
    ["Midi", "14:0"],
    ["Midi Through:1", "14:1"],
    ["nano", "20:0"],
    ["nanoKONTROL 2.1", "20:0"],
    ["nanoKONTROL 2.1:3", "20:3"],
    ["Synth: No", "24:0"],
    ["Synth: No:2", "24:2"],
    ["MIDIMonster", "128:0"],
    ["MIDIMonster:1", "128:1"],
    ["MIDI", "130:0"],
    ["MIDIMonster oth", "130:0"],
    ["nano:x", "20:0"],
    ["Nothing", undefined],
    [":", undefined],
  ];
  for (const [text, port] of cases) {
    it(`'${text}' is ${port ?? "not there"}`, () => {
      const found = findPort(text, library(text), () => LIST, OWN);
      assert.equal(found && `${found.client}:${found.port}`, port);
    });
  }

  it("is what the library finds where it can't list devices", () => {
    assert.deepEqual(
      findPort("nano", { client: 20, port: 0 }, () => null, OWN),
      { client: 20, port: 0 },
    );
    assert.equal(
      findPort("nano", undefined, () => null, OWN),
      undefined,
    );
  });

  it("is shown by its client's name, and others that could be meant are listed", () => {
    assert.equal(describePort({ client: 24, port: 0 }, LIST), "'Synth: No. 5' (24:0)");
    assert.equal(describePort({ client: 99, port: 0 }, LIST), "99:0");
    assert.equal(describePort({ client: 24, port: 0 }, null), "24:0");
    assert.equal(describePorts(LIST, OWN, false), "there are 14:0 'Midi Through', 20:0 'nanoKONTROL 2.1'");
    assert.equal(
      describePorts(LIST, OWN, true),
      "there are 14:0 'Midi Through', 20:0 'nanoKONTROL 2.1', 24:0 'Synth: No. 5'",
    );
    assert.equal(describePorts([], OWN, true), "there is no other device to send to");
    assert.equal(describePorts(null, OWN, true), undefined);
    const many = Array.from({ length: 10 }, (_, i) => device(i + 20, "x"));
    assert.match(describePorts(many, OWN, true) ?? "", /27:0 'x', and 2 more$/);
  });
});
