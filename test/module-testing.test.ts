// The stand-in for tests of modules (python/testing) does what the module in a router does.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import { folderWith, projectFolder } from "./helpers.js";
import { start } from "./session.js";

const read = (name: string) => readFileSync(path.join(projectFolder, "test", "stand-in", name), "utf8");

const CONFIG = `
[python py]
module = calls
module = inside
default-handler = calls.default
[map]
probe.events > py.inside.events
py.e1 > py.calls.handler
py.e2 > py.in
py.e3 > py.b4
py.e4 > py.b3
py.e5 > py.b4
py.e6 > py.calls.handler
py.level > probe.level
py.{b1,mapped} > probe.{b1,mapped}
py.{events_done,done} > probe.{events_done,done}
`;

/** In the router: the same as outside.py does, without the channels that drive it. */
const INSIDE = `
import calls
OWN = ["events_done", "done"] + ["e%d" % n for n in range(1, 7)]
say(sorted(name for name in vars(midimonster) if name[0] != "_" and callable(getattr(midimonster, name))))
batch = midimonster.batch(["e%d" % n for n in range(1, 7)])
`;

/** Runs Python code with the stand-in on its path, in a folder with these files; returns what it prints. */
async function outside(files: Record<string, string>, script: string, folder = "python/testing"): Promise<string> {
  const { executable } = await choosePython(undefined, silentLogger);
  return execFileSync(executable, [script], {
    cwd: folderWith(files),
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: `${path.join(projectFolder, folder)}:.`, PYTHONDONTWRITEBYTECODE: "1" },
  });
}

describe("the stand-in for the midimonster module", () => {
  it("returns, raises and warns as the module in a router does", async () => {
    const session = await start(CONFIG, {
      "calls.py": read("calls.py"),
      "inside.py": `${INSIDE}
own = lambda names: [name for name in names if name not in OWN and not name.startswith("inside.")]
loading = calls.run(calls.LOADING)
say([[call, repr(own(eval(result))) if result.startswith("['") else result] for call, result in loading])
def runs():
    running = calls.run(calls.RUNNING)
    say([[call, repr(own(eval(result))) if result.startswith("['") else result] for call, result in running])
    calls.log.clear()
    batch.output([value for _, value in calls.EVENTS])
    midimonster.after(handled, 50)
def handled():
    say(list(calls.log))
    calls.schedule(done)
def done():
    say(list(calls.log))
    midimonster.output("done", 1)
def events(value): pass
midimonster.started(runs)
`.replace("import midimonster\nfrom say import say\n", ""),
    });
    await session.probe.until("done");
    const [functions, loading, running, events, calls, warnings] = JSON.parse(
      await outside({ "calls.py": read("calls.py") }, path.join(projectFolder, "test", "stand-in", "outside.py")),
    ) as [string[], unknown, unknown, unknown, unknown, string[]];
    const said = session.said();
    assert.deepEqual(said[0], functions);
    assert.deepEqual(said[1], loading);
    assert.deepEqual(said[2], running);
    assert.deepEqual(said[3], events);
    assert.deepEqual(said[4], calls);
    const logged = session.log.entries
      .filter(({ level }) => level === "warn")
      .map(({ message }) =>
        message.replace(/^py: [\w.]+:\d+: /, "").replace(/; (divide|interval\().*$| \(logged.*$/, ""),
      );
    assert.deepEqual(logged.filter((message) => !message.includes("inside.")).sort(), warnings.sort());
  });
});

describe("midimonster.testing", () => {
  // The folder with the type stubs leads there too.
  for (const folder of ["python/testing", "python"]) {
    it(`sends events, moves the clock and reloads modules, from the folder ${folder}`, async () => {
      const said = await outside({}, path.join(projectFolder, "test", "stand-in", "router.py"), folder);
      assert.equal(said, "all of it holds, of midimonster\n");
    });
  }
});
