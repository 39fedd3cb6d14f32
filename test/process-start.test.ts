import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { folderWith, mmpy } from "./helpers.js";
import { isAlive, processesHere } from "./own-process.js";
import { problems, Session, start } from "./session.js";

/** Instances `a`, `b` and so on, each with the module of its name. */
const apart = (...names: string[]) =>
  `[backend python]\nown-process = on\n${names.map((name) => `[python ${name}]\nmodule = ${name}\n`).join("")}`;

/** Says how many processes its router has while it is loaded. */
const COUNT = `
import os
midimonster.started(lambda: None)
def of_router(pid):
    try:
        with open("/proc/%s/stat" % pid) as stat, open("/proc/%s/cmdline" % pid) as command:
            return int(stat.read().rsplit(")", 1)[1].split()[1]) == os.getppid() and "start.py" in command.read()
    except OSError:
        return False
say([__name__, sum(of_router(pid) for pid in os.listdir("/proc") if pid.isdigit())])
`;

/** A module that is not warned of. */
const MODULE = "midimonster.started(lambda: None)";

const FAILURES: { what: string; config: string; files: Record<string, string>; says: RegExp }[] = [
  {
    what: "has a module that can't be imported",
    config: apart("a", "b", "c"),
    files: { "b.py": "import nothing_of_this_name" },
    says: /module 'b' of instance 'b' can't be imported/,
  },
  {
    what: "ends while its module is loaded",
    config: apart("a", "b", "c"),
    files: { "b.py": "import os\nos._exit(4)" },
    says: /process ended while module 'b' was loaded/,
  },
  {
    what: "has no Python",
    config: `${apart("a", "b")}[python c]\nmodule = c\npython = ./nowhere\n`,
    files: { "b.py": MODULE },
    says: /instance 'c': there is no Python at .*nowhere \(option 'python'\)/,
  },
];

describe("processes of instances", () => {
  it("are all there before the first module is loaded; modules are loaded in the instances' order", async () => {
    const session = await start(apart("a", "b", "c"), { "a.py": COUNT, "b.py": COUNT, "c.py": COUNT });
    assert.deepEqual(session.said(), [
      ["a", 3],
      ["b", 3],
      ["c", 3],
    ]);
    session.write("monster.cfg", apart("a", "b", "c", "d", "e"));
    for (const name of ["d", "e"]) session.write(`${name}.py`, COUNT);
    await session.router.reload();
    assert.deepEqual(session.said().slice(3), [
      ["d", 5],
      ["e", 5],
    ]);
    assert.deepEqual(problems(session), []);
  });

  for (const { what, config, files, says } of FAILURES) {
    it(`are all ended if one of them ${what}, at a start`, async () => {
      const session = new Session(config, { "a.py": MODULE, "c.py": MODULE, ...files });
      await assert.rejects(session.router.start(), says);
      while (processesHere().length > 0) await setImmediate();
      assert.deepEqual(session.log.matching(/was ended|runs again/), []);
    });

    it(`that a reload adds are all ended if one of them ${what}, and the others stay`, async () => {
      const session = await start(apart("z"), { "z.py": MODULE });
      const before = processesHere();
      session.write("monster.cfg", `${config}[python z]\nmodule = z\n`);
      for (const [name, text] of Object.entries({ "a.py": MODULE, "c.py": MODULE, ...files }))
        session.write(name, text);
      await assert.rejects(session.router.reload(), says);
      while (processesHere().length > 1) await setImmediate();
      assert.deepEqual(processesHere(), before);
      session.write("monster.cfg", apart("z"));
      await session.router.reload();
      assert.deepEqual(problems(session), []);
    });
  }

  it("are named if one of them takes long to start, and do not keep mmpy from stopping", async () => {
    const folder = folderWith({
      "monster.cfg": apart("py"),
      "py.py": MODULE,
      "sitecustomize.py": `import time
if b"start.py" in open("/proc/self/cmdline", "rb").read(): time.sleep(600)`,
    });
    const running = mmpy([], { cwd: folder, env: { ...process.env, PYTHONPATH: folder } });
    await running.sees(/WARN: still waiting for process \d+ of instance 'py' to answer\n/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("are all ended if the router is stopped while they start", async () => {
    const session = new Session(apart("a", "b", "c"), { "a.py": MODULE, "b.py": MODULE, "c.py": MODULE });
    const started = session.router.start().catch(() => {});
    while (processesHere().length < 3) await setImmediate();
    const pids = processesHere();
    await session.router.stop();
    await started;
    while (pids.some(isAlive)) await setImmediate();
    assert.deepEqual(processesHere(), []);
    assert.deepEqual(problems(session), []);
  });
});
