// Events while modules and configurations are loaded again.
import assert from "node:assert/strict";
import { CONFIG } from "./asking.js";
import { start } from "./session.js";

describe("reload() under load", () => {
  it("loses no event, delivers none twice, and keeps their order", async () => {
    const counting = (version: number) => `
old = midimonster.previous()
seen = old.seen if old else []
def ask(value):
    seen.append(round(value * 2 ** 24))
    midimonster.output("answer", value)
VERSION = ${version}
def show(value): say(seen)
`;
    const config = `${CONFIG}probe.show > py.mod.show\n`;
    const session = await start(config, { "mod.py": counting(0) });
    let sent = 0;
    let goesOn = true;
    const sending = (async () => {
      while (goesOn) {
        const waiting = sent - session.probe.values("answer").length;
        for (let i = waiting; i < 1000 && i < waiting + 100; ++i) session.probe.emit("ask", ++sent / 2 ** 24);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let version = 1; version <= 10; ++version) {
      session.write("mod.py", counting(version));
      // Other channels in front of those that are in use change every number.
      session.write("monster.cfg", `${config}probe.new{1..${version}} > py.new{1..${version}}\n`);
      const before = sent;
      assert.deepEqual((await session.router.reload()).modules, ["py.mod"]);
      await session.probe.until("answer", before + 1000);
    }
    goesOn = false;
    await sending;
    const answers = await session.probe.until("answer", sent);
    assert.deepEqual(
      answers.map((value) => Math.round(value * 2 ** 24)),
      Array.from({ length: sent }, (_, i) => i + 1),
    );
  });

  it("keeps the events of a feedback loop going round, through modules that change", async () => {
    const round = (version: number) => `
def go(value):
    midimonster.output("out", value)
def start(value):
    for name in range(8): midimonster.output("out", (name + 1) / 16)
VERSION = ${version}
`;
    const config = (channels: number) => `
[python first]
module = other
[python py]
module = mod
[map]
py.out > py.mod.go
py.out > probe.out
probe.start > py.mod.start
probe.x{1..${channels}} > first.x{1..${channels}}
`;
    const session = await start(config(1), { "mod.py": round(0), "other.py": "" });
    session.probe.emit("start", 1);
    await session.probe.until("out", 1000);
    for (let version = 1; version <= 5; ++version) {
      session.write("mod.py", round(version));
      session.write("monster.cfg", config(10 * version));
      await session.router.reload();
      const before = session.probe.values("out").length;
      await session.probe.until("out", before + 1000);
    }
    const values = session.probe.values("out");
    const expected = Array.from({ length: values.length }, (_, i) => ((i % 8) + 1) / 16);
    assert.deepEqual(values, expected);
  });
});
