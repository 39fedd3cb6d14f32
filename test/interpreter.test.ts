import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Router } from "../lib/index.js";
import { folderWith, mmpy } from "./helpers.js";
import { ProbeBackend } from "./probe-backend.js";
import { Session, start } from "./session.js";

describe("a module's surroundings", () => {
  it("sys.path begins with the configuration's folder; sys.argv, __main__ and sys.executable are sane", async () => {
    const session = await start("[python py]\nmodule = mod\n", {
      "mod.py": `
import os, subprocess, sys
say(sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
say([os.path.basename(argument) for argument in sys.argv])
say(sys.modules["__main__"].__name__)
say(subprocess.run([sys.executable, "-c", "import sys; print(sys.version_info[:2])"], stdout=subprocess.PIPE).stdout.decode().strip() == str(sys.version_info[:2]))
`,
    });
    assert.deepEqual(session.said(), [true, ["monster.cfg"], "__main__", true]);
  });

  it("sees environment variables, also those set late, and its children have standard streams", async () => {
    process.env.MMPY_TEST_LATE = "set by node";
    const session = await start("[python py]\nmodule = mod\n", {
      "mod.py": `
import os, subprocess
say(os.environ.get("MMPY_TEST_LATE"), "PATH" in os.environ)
os.environ["MMPY_TEST_CHILD"] = "set by python"
say(subprocess.run("echo $MMPY_TEST_CHILD", shell=True, stdout=subprocess.PIPE).stdout.decode().strip())
say(os.system("test -e /dev/fd/1 && test -e /dev/fd/2"))
`,
    });
    delete process.env.MMPY_TEST_LATE;
    assert.deepEqual(session.said(), ["set by node", true, "set by python", 0]);
  });

  it("is the configuration's folder while it loads; the process's own folder afterwards", async () => {
    const session = await start("[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.done > probe.done\n", {
      "mod.py": `
import os
say(os.path.samefile(os.getcwd(), os.path.dirname(os.path.abspath(__file__))), os.path.exists("say.py"))
def go(value):
    say(os.getcwd())
    midimonster.output("done", 1)
`,
    });
    session.probe.emit("go", 1);
    await session.probe.until("done");
    assert.deepEqual(session.said(), [true, true, process.cwd()]);
  });

  it("is its own: globals of one instance are invisible to another, even in the same module", async () => {
    const session = await start(
      "[python one]\nmodule = mod\n[python two]\nmodule = mod\n[map]\nprobe.{a,b} > one.mod.{add,tell}\nprobe.c > two.mod.tell\n{one,two}.x > probe.x\n".replace(
        "{one,two}.x > probe.x",
        "one.done > probe.done\ntwo.done > probe.done",
      ),
      {
        "mod.py": `
import sys
count = 0
def add(value):
    global count
    count += 1
    sys.leaked = True
def tell(value):
    say([count, hasattr(sys, "leaked")])
    midimonster.output("done", 1)
`,
      },
    );
    session.probe.emit("a", 1);
    session.probe.emit("b", 1);
    session.probe.emit("c", 1);
    await session.probe.until("done", 2);
    assert.deepEqual(session.said(), [
      [1, true],
      [0, false],
    ]);
  });
});

describe("option module", () => {
  const SAY_NAME = "say(__name__)\n";
  const forms: [value: string, file: string, channel: string][] = [
    ["my_handlers", "my_handlers.py", "my_handlers.go"],
    ["my_handlers.py", "my_handlers.py", "my_handlers.go"],
    ["./my_handlers.py", "my_handlers.py", "my_handlers.go"],
    ["sub/dir/my_handlers.py", "sub/dir/my_handlers.py", "my_handlers.go"],
    ["sub/dir/my_handlers", "sub/dir/my_handlers.py", "my_handlers.go"],
    ["pkg", "pkg/__init__.py", "pkg.go"],
    ["pkg/", "pkg/__init__.py", "pkg.go"],
    ["pkg.mod", "pkg/mod.py", "pkg.mod.go"],
    ["deep/pkg", "deep/pkg/__init__.py", "pkg.go"],
  ];
  for (const [value, file, channel] of forms) {
    it(`= ${value} loads ${file}; its function is ${channel}`, async () => {
      const session = new Session(
        `[python py]\nmodule = ${value}\n[map]\nprobe.go > py.${channel}\npy.done > probe.done\n`,
        { [file]: `${SAY_NAME}def go(value):\n    midimonster.output("done", value)\n` },
      );
      await session.router.start();
      session.probe.emit("go", 0.5);
      assert.deepEqual(await session.probe.until("done"), [0.5]);
      assert.deepEqual(session.said(), [channel.slice(0, -".go".length)]);
    });
  }

  it("can be given several times, and neighbours of a module in a sub-folder can be imported", async () => {
    const session = await start("[python py]\nmodule = sub/one.py\nmodule = two\n", {
      "sub/one.py": "import neighbour\nsay(neighbour.NAME)\n",
      "sub/neighbour.py": 'NAME = "next door"\n',
      "two.py": 'say("two")\n',
    });
    assert.deepEqual(session.said(), ["next door", "two"]);
  });

  it("in an included file starts from that file's folder", async () => {
    const folder = folderWith({
      "monster.cfg": "[include sub/part.cfg]\n",
      "sub/part.cfg": "[python py]\nmodule = here\n",
      "sub/here.py": 'print("loaded from sub")\n',
    });
    const checked = mmpy(["check", `${folder}/monster.cfg`]);
    assert.deepEqual(await checked.exited, { code: 0, signal: null });
    assert.match(checked.stdout, /^loaded from sub$/m);
  });

  for (const value of ["here", "here.py"]) {
    it(`= ${value} in an included file that continues a section starts from that file's folder`, async () => {
      const session = new Session("[python py]\n[include sub/part.inc]\n", { "sub/here.py": 'say("from sub")\n' });
      writeFileSync(`${session.folder}/sub/part.inc`, `module = ${value}\n`);
      const router = Router.fromFile(`${session.folder}/monster.cfg`, {
        logger: session.log,
        backends: [new ProbeBackend()],
      });
      await router.load();
      await router.stop();
      assert.deepEqual(session.said(), ["from sub"]);
    });
  }

  it("refuses two files of the same name in one instance", async () => {
    const session = new Session("[python py]\nmodule = a/mod.py\nmodule = b/mod.py\n", {
      "a/mod.py": "",
      "b/mod.py": "",
    });
    await assert.rejects(session.router.start(), /the name 'mod' is already taken in this instance by .*a\/mod\.py/);
  });
});

describe("a channel without a dot", () => {
  it("is handled by a function of __main__, as in the reference, where there is one", async () => {
    const session = await start("[python py]\nmodule = mod\n[map]\nprobe.x > py.fader\npy.done > probe.done\n", {
      "mod.py": 'import __main__\n__main__.fader = lambda value: midimonster.output("done", value)\n',
    });
    session.probe.emit("x", 0.5);
    assert.deepEqual(await session.probe.until("done"), [0.5]);
  });

  it("keeps its value without any handler", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\nprobe.x > py.level\nprobe.go > py.mod.go\npy.done > probe.done\n",
      {
        "mod.py": 'def go(value): midimonster.output("done", midimonster.inputvalue("level"))\n',
      },
    );
    session.probe.emit("x", 0.5);
    session.probe.emit("go", 1);
    assert.deepEqual(await session.probe.until("done"), [0.5]);
  });
});
