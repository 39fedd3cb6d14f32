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
    seen.append(round(value * 1e6))
    midimonster.output("answer", value)
VERSION = ${version}
def show(value): say(seen)
`;
    const config = `${CONFIG}probe.show > py.mod.show\n`;
    const session = await start(config, { "mod.py": counting(0) });
    const total = 20_000;
    let sent = 0;
    let reloads = 0;
    const sending = (async () => {
      while (sent < total) {
        for (let i = 0; i < 100; ++i) session.probe.emit("ask", ++sent / 1e6);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    while (sent < total) {
      session.write("mod.py", counting(++reloads));
      // Other channels in front of those that are in use change every number.
      session.write("monster.cfg", `${config}probe.new{1..${reloads}} > py.new{1..${reloads}}\n`);
      assert.deepEqual((await session.router.reload()).modules, ["py.mod"]);
    }
    await sending;
    const answers = await session.probe.until("answer", total);
    assert.deepEqual(
      answers.map((value) => Math.round(value * 1e6)),
      Array.from({ length: total }, (_, i) => i + 1),
    );
    assert.ok(reloads > 5, `${reloads} reloads`);
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
