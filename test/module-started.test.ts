// started(): functions that are called once everything runs; and which way channels are mapped, which is known then.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";
import { ASK, ask, CONFIG, start } from "./session.js";

describe("a function given to started()", () => {
  it("is called once, in order, when channels() is complete, and before the first handler", async () => {
    const config = `
[python one]
module = one
[python two]
module = two
[map]
one.go > two.two.go
two.unused > one.x
two.done > probe.done
`;
    const session = await start(config, {
      "one.py": `
def first():
    say("first")
    midimonster.output("go", 1)
midimonster.started(first)
midimonster.started(lambda: say(midimonster.channels()))
say("one has loaded", midimonster.channels())
midimonster.output("go", 0.5)
`,
      "two.py": `
def go(value):
    say(value)
    if value == 1: midimonster.output("done", 1)
midimonster.started(lambda: say("two"))
say("two has loaded")
`,
    });
    await session.probe.until("done");
    assert.deepEqual(session.said(), [
      ...["one has loaded", [], "two has loaded"],
      ...["first", ["go", "x"], "two", 0.5, 1],
    ]);
  });

  it("that raises is reported, and the others are called", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}def go(value): pass
def fails(): raise ValueError("not ready")
midimonster.started(fails)
midimonster.started(lambda: say("called"))
`,
    });
    await ask(session);
    assert.deepEqual(session.said(), ["called"]);
    const [error] = session.log.matching(/^py: the start function mod\.fails raised\n[\s\S]*ValueError: not ready$/);
    assert.equal(error?.level, "error");
  });

  it("that does not return is ended by handler-timeout", async () => {
    const session = await start(`[backend python]\nhandler-timeout = 100\n${CONFIG}`, {
      "mod.py": `${ASK}def go(value): pass\ndef stuck():\n    while True: pass\nmidimonster.started(stuck)\n`,
    });
    await session.log.seen(
      /the start function mod\.stuck raised\n[\s\S]*start function ran for longer than handler-timeout/,
    );
    await ask(session);
  });

  it("is called as well if everything runs already, by a handler, a thread and one of its kind, once that returns", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import threading
def again():
    say("again")
    midimonster.output("out", 1)
def from_thread():
    say("from a thread, on " + threading.current_thread().name.split("-")[0])
    midimonster.started(again)
def from_handler():
    say("from a handler")
    threading.Thread(target=lambda: midimonster.started(from_thread)).start()
def ask(value): pass
def go(value):
    midimonster.started(from_handler)
    say("go returns")
`,
    });
    session.probe.emit("go", 1);
    await session.probe.until("out");
    assert.deepEqual(session.said(), ["go returns", "from a handler", "from a thread, on MainThread", "again"]);
  });

  it("is called even if others are registered all the time", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import asyncio
called = []
def ask(value): pass
async def go(value):
    for i in range(200_000):
        midimonster.started(lambda i=i: called.append(i))
        if called: break
        await asyncio.sleep(0)
    say(called[:1])
    midimonster.output("out", 1)
`,
    });
    session.probe.emit("go", 1);
    await session.probe.until("out");
    assert.deepEqual(session.said(), [[0]]);
  });

  it("is called once for each version of a module that is reloaded, but not for one that fails", async () => {
    const version = (name: string, rest = "") => `${ASK}def go(value): pass
midimonster.started(lambda: say("${name}", midimonster.channels("output")))
say("${name} loads")
${rest}`;
    const session = await start(CONFIG, { "mod.py": version("first") });
    session.write("mod.py", version("bad", "1/0\n"));
    await assert.rejects(session.router.reload());
    session.write("monster.cfg", `${CONFIG}py.more > probe.more\n`);
    session.write("mod.py", version("second"));
    await session.router.reload();
    session.write("monster.cfg", `${CONFIG}`);
    await session.router.reload();
    await ask(session);
    assert.deepEqual(session.said(), [
      ...["first loads", "first", ["out", "done"]],
      ...["bad loads", "second loads", "second", ["out", "done", "more"]],
    ]);
  });

  it("is called in an instance that a reload adds", async () => {
    const session = await start(CONFIG, { "mod.py": `${ASK}def go(value): pass\n` });
    session.write(
      "new.py",
      'def begin():\n    say(midimonster.channels("input"))\n    midimonster.output("begun", 1)\nmidimonster.started(begin)\n',
    );
    const added = "[python new]\nmodule = new\n[map]\npy.out > new.level\nnew.begun > probe.begun";
    session.write("monster.cfg", CONFIG.replace("[map]", added));
    await session.router.reload();
    await session.probe.until("begun");
    assert.deepEqual(session.said(), [["level"]]);
  });

  it("is not called by mmpy check", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": "import midimonster, os\nmidimonster.started(lambda: os.rmdir('kept'))\n",
    });
    mkdirSync(path.join(folder, "kept"));
    const { code } = await mmpy(["check"], { cwd: folder }).exited;
    assert.equal(code, 0);
    mkdirSync(path.join(folder, "other"));
    assert.throws(() => mkdirSync(path.join(folder, "kept")), /EEXIST/);
  });
});

describe("channels() with a direction", () => {
  const config = `
[python py]
module = mod
default-handler = mod.any
[map]
py.both > py.both
probe.in > py.in
probe.in > py.mod.go
py.out > probe.{out,out2}
py.done > probe.done
`;

  it("tells which are mapped to something, and to which something is mapped", async () => {
    const session = await start(config, {
      "mod.py": `
midimonster.output("unmapped", 1)
say(midimonster.channels("input"), midimonster.channels("output"))
def any(value): pass
def go(value):
    for direction in ("input", "output", None): say(sorted(midimonster.channels(direction)))
    say(sorted(midimonster.channels()) == sorted(midimonster.channels(None)))
    midimonster.output("done", 1)
`,
    });
    session.probe.emit("in", 1);
    await session.probe.until("done");
    assert.deepEqual(session.said(), [
      ...[[], [], ["both", "in", "mod.go"], ["both", "done", "out"]],
      ...[["both", "done", "in", "mod.go", "out", "unmapped"], true],
    ]);
  });

  const wrong: [argument: string, type: string, message: string][] = [
    ["'inputs'", "ValueError", "channels() takes 'input' or 'output', not 'inputs'"],
    ["''", "ValueError", "channels() takes 'input' or 'output', not ''"],
    ["1", "TypeError", "channels() takes 'input' or 'output', not 1"],
    ["'input', 'output'", "TypeError", "channels() takes at most 1 argument (2 given)"],
  ];
  it("refuses everything else", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
for arguments in ${JSON.stringify(wrong.map(([argument]) => argument))}:
    try: eval("midimonster.channels(%s)" % arguments)
    except Exception as error: say([arguments, type(error).__name__, str(error)])
def ask(value): pass
def go(value): pass
`,
    });
    assert.deepEqual(session.said(), wrong);
  });
});
