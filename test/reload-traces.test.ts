// What a reload leaves behind, and what is seen in the middle of one.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { ASK, ask, CONFIG, start } from "./session.js";

describe("a reload that fails", () => {
  it("leaves sys.path as it was", async () => {
    const reports = `import sys\n${ASK}\ndef go(value):\n    say(sys.path)\n`;
    const session = await start(CONFIG, { "mod.py": reports, "sub/other.py": "" });
    session.probe.emit("go", 1);
    await ask(session);
    session.write("mod.py", `${reports}\nsys.path.append("/nowhere")\nsys.path.insert(0, "/elsewhere")\n1 / 0\n`);
    await assert.rejects(session.router.reload(), { code: "CONFIG" });
    session.write("mod.py", reports);
    session.write(
      "monster.cfg",
      CONFIG.replace("module = mod", "module = mod\nmodule = sub/other.py\nmodule = nothing"),
    );
    await assert.rejects(session.router.reload(), { code: "CONFIG" });
    session.probe.emit("go", 1);
    await ask(session);
    const [before, after] = session.said();
    assert.deepEqual(after, before);
  });
});

describe("a module whose file is deleted", () => {
  const USER = `import helper\n${ASK}\ndef go(value): say(helper.text)\n`;

  it("is reported by a reload, once, and its loaded version goes on", async () => {
    const session = await start(CONFIG, { "mod.py": USER, "helper.py": 'text = "helps"\n' });
    rmSync(path.join(session.folder, "helper.py"));
    await session.router.reload();
    await session.router.reload();
    const warnings = session.log.matching(
      /module 'helper' of instance 'py' can't be reloaded: .*helper\.py is missing/,
    );
    assert.deepEqual(
      warnings.map(({ level }) => level),
      ["warn"],
    );
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(session.said(), ["helps"]);
  });

  it("is reported if the configuration loads it", async () => {
    const session = await start(CONFIG, { "mod.py": `${ASK}\ndef go(value): pass\n` });
    rmSync(path.join(session.folder, "mod.py"));
    await session.router.reload();
    assert.equal(session.log.matching(/module 'mod' of instance 'py' can't be reloaded/).length, 1);
  });

  it("is not, if no other module uses it any more", async () => {
    const session = await start(CONFIG, { "mod.py": USER, "helper.py": 'text = "helps"\n' });
    rmSync(path.join(session.folder, "helper.py"));
    session.write("mod.py", `${ASK}\ndef go(value): pass\n`);
    await session.router.reload();
    assert.deepEqual(session.log.matching(/helper/), []);
  });
});

describe("a tap in the middle of a reload", () => {
  it("shows events under their own names, whatever numbers channels have before and after", async () => {
    // Handlers are found anew, and old ones released, while the numbers change.
    const released = `
${ASK}
class Handler:
    def __call__(self, value): pass
    def __del__(self): midimonster.output("out", 0.5)
def __getattr__(name):
    if name != "go": raise AttributeError(name)
    return Handler()
`;
    const config = (names: string) => `
[python first]
module = mod
[python py]
module = mod
[map]
first.{${names}} > probe.{${names}}
probe.{go,ask} > py.mod.{go,ask}
py.{out,done} > probe.{out,done}
`;
    const session = await start(config("a,b"), { "mod.py": released });
    const seen = new Set<string>();
    session.router.tap((events) => {
      for (const { instance, channel } of events) seen.add(`${instance}.${channel}`);
    });
    await ask(session);
    for (const names of ["a,b,c,d", "a,b", "a,e,f"]) {
      session.write("monster.cfg", config(names));
      await session.router.reload();
    }
    await ask(session);
    assert.ok(session.probe.values("out").length > 0);
    assert.deepEqual([...seen].sort(), ["probe.ask", "py.done", "py.out"]);
  });
});
