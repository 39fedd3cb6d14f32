// Backends of MIDIMonster that this program does not have.
import assert from "node:assert/strict";
import { DeskBackend, Rig } from "./desk-backend.js";
import { mmpy } from "./helpers.js";

describe("a backend that only MIDIMonster has", () => {
  for (const name of "lua evdev rtpmidi visca openpixelcontrol jack ola maweb winmidi wininput".split(" ")) {
    it(`${name}: is an error that says so, and what serves instead`, async () => {
      const rig = new Rig(`[${name} x]\n`, []);
      const [error = ""] = await rig.errors(rig.router.load());
      const [first, , , help] = error.split("\n");
      assert.equal(first, `monster.cfg:1:2: error: MIDIMonster's backend '${name}' is not here`);
      assert.match(help ?? "", /^ {6}= \w.{20}/);
      assert.doesNotMatch(help ?? "", /did you mean|available backends/);
    });
  }

  it("can be added by a program under its name", async () => {
    const rig = new Rig("[jack x]\n", [new DeskBackend().declaration({ name: "jack" })]);
    await rig.router.load();
  });

  it("is told of by `mmpy backends` too", async () => {
    const asked = mmpy(["backends", "ola"]);
    assert.equal((await asked.exited).code, 2);
    assert.match(asked.stderr, /^mmpy: MIDIMonster's backend 'ola' is not here; instead: olad /);
  });
});
