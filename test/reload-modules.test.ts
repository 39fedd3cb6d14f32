// Loading changed Python modules again while events flow.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { answering, ask, CONFIG } from "./asking.js";
import { start } from "./session.js";

describe("reload()", () => {
  it("loads a changed module anew, which begins from nothing", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    assert.deepEqual([await ask(session), await ask(session)], [0.11, 0.12]);
    session.write("mod.py", answering(0.5));
    assert.deepEqual(await session.router.reload(), { modules: ["py.mod"], added: [], removed: [] });
    assert.equal(await ask(session), 0.51);
    assert.match(session.log.entries.at(-1)?.message ?? "", /^reloaded: module py\.mod$/);
  });

  it("does so however soon after the last change, though size and second are the same", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    for (const value of [0.2, 0.3, 0.4, 0.5]) {
      session.write("mod.py", answering(value));
      await session.router.reload();
      assert.equal(await ask(session), Math.round((value + 0.01) * 100) / 100);
    }
  });

  it("lets be what has not changed, though its file was written again", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    await ask(session);
    session.write("mod.py", answering(0.1));
    assert.deepEqual(await session.router.reload(), { modules: [], added: [], removed: [] });
    assert.equal(await ask(session), 0.12);
  });

  const kinds: [
    what: string,
    module: string,
    files: Record<string, string>,
    change: [string, string],
    names: string[],
  ][] = [
    [
      "a module that the changed one is imported by",
      "mod",
      {
        "mod.py": "import helper\ndef ask(value): midimonster.output('answer', helper.VALUE)\n",
        "helper.py": "VALUE = 0.1\n",
      },
      ["helper.py", "VALUE = 0.2\n"],
      ["py.helper", "py.mod"],
    ],
    [
      "a module that has a function of the changed one",
      "mod",
      {
        "mod.py": "from helper import value\ndef ask(_): midimonster.output('answer', value())\n",
        "helper.py": "def value(): return 0.1\n",
      },
      ["helper.py", "def value(): return 0.2\n"],
      ["py.helper", "py.mod"],
    ],
    [
      "a module in a folder of its own",
      "sub/mod.py",
      { "sub/mod.py": "def ask(value): midimonster.output('answer', 0.1)\n" },
      ["sub/mod.py", "def ask(value): midimonster.output('answer', 0.2)\n"],
      ["py.mod"],
    ],
    [
      "a package, whose submodule has changed",
      "mod",
      {
        "mod/__init__.py": "from .deep import ask\n",
        "mod/deep.py": "def ask(value): midimonster.output('answer', 0.1)\n",
      },
      ["mod/deep.py", "def ask(value): midimonster.output('answer', 0.2)\n"],
      ["py.mod", "py.mod.deep"],
    ],
  ];
  for (const [what, module, files, [file, text], names] of kinds) {
    it(`loads anew ${what}`, async () => {
      const session = await start(CONFIG.replace("module = mod", `module = ${module}`), files);
      assert.equal(await ask(session), 0.1);
      session.write(file, text);
      assert.deepEqual((await session.router.reload()).modules, names);
      assert.equal(await ask(session), 0.2);
    });
  }

  it("keeps other modules and other instances, with their state", async () => {
    const config = CONFIG.replace("module = mod", "module = counter\nmodule = mod").replace(
      "[map]",
      "[python other]\nmodule = counter\n[map]\nprobe.ask > py.counter.count\nprobe.ask > other.counter.count\npy.counted > probe.counted\nother.counted > probe.counted",
    );
    const counter =
      "n = 0\ndef count(value):\n    global n\n    n += 1\n    say(n)\n    midimonster.output('counted', 1)\n";
    const session = await start(config, { "mod.py": answering(0.1), "counter.py": counter });
    await ask(session);
    session.write("mod.py", answering(0.5));
    await session.router.reload();
    await ask(session);
    await ask(session);
    await session.probe.until("counted", 6);
    assert.deepEqual(session.said().sort(), [1, 1, 2, 2, 3, 3]);
  });

  const objects: [what: string, code: string][] = [
    ["answers any question with itself", "class Any:\n    def __getattr__(self, name): return self\nodd = Any()"],
    ["never answers", "class Any:\n    def __getattribute__(self, name):\n        while True: pass\nodd = Any()"],
    [
      "is a functools.partial that holds itself",
      "import functools\nodd = functools.partial(print)\nodd.__setstate__((odd, (), {}, None))",
    ],
  ];
  for (const [what, code] of objects) {
    it(`gets past an object that ${what}, and is registered as an interval function`, async () => {
      const odd = `${code}\nif not callable(odd): type(odd).__call__ = lambda self: None\nmidimonster.interval(odd, 3_600_000)\n`;
      const session = await start(CONFIG, { "mod.py": answering(0.1, odd) });
      session.write("mod.py", answering(0.5));
      assert.deepEqual((await session.router.reload()).modules, ["py.mod"]);
      assert.equal(await ask(session), 0.51);
    });
  }

  it("makes what a new version raises news, though the old one raised it at the same place", async () => {
    const raising = (text: string) => `def ask(value): raise ValueError("${text}")\n`;
    const session = await start(CONFIG, { "mod.py": raising("first") });
    for (let i = 0; i < 3; ++i) session.probe.emit("ask", 1);
    await session.log.seen(/ValueError: first/);
    session.write("mod.py", raising("second"));
    await session.router.reload();
    session.probe.emit("ask", 1);
    await session.log.seen(/Traceback[\s\S]*ValueError: second/);
  });

  it("hands a module its old version while it loads, and only then", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1, "say(midimonster.previous())") });
    await ask(session);
    session.write(
      "mod.py",
      `${answering(0.5)}
old = midimonster.previous()
asked = old.asked
say(old.__name__, old is not __import__("sys").modules["mod"])
del old
def other(value): say(midimonster.previous())
midimonster.interval(lambda: (say(midimonster.previous()), midimonster.output("answer", 1)), 10)
`,
    );
    await session.router.reload();
    assert.equal(await ask(session), 0.52);
    await session.probe.until("answer", 3);
    assert.deepEqual(session.said().slice(0, 4), [null, "mod", true, null]);
  });

  it("lets go of all but the last old version, though each keeps the one before it", async () => {
    const version = (number: number) => `
import builtins, weakref
previous = midimonster.previous()
class Version: pass
version = Version()
if previous is None: builtins.versions = []
builtins.versions.append(weakref.ref(version))
NUMBER = ${number}
def ask(value): midimonster.output("answer", sum(ref() is not None for ref in builtins.versions) / 100)
`;
    const session = await start(CONFIG, { "mod.py": version(0) });
    for (let number = 1; number <= 5; ++number) {
      session.write("mod.py", version(number));
      await session.router.reload();
    }
    // The objects of a module that is in a cycle go with the next collection.
    const alive = await ask(session);
    assert.ok(alive !== undefined && alive <= 0.03, `${alive}`);
  });

  it("ends the intervals of the old version and keeps those of other modules", async () => {
    const session = await start(`${CONFIG}py.tick > probe.tick\n`, {
      "mod.py": `
import helper
def old(): midimonster.output("tick", 0.1)
midimonster.interval(old, 10)
midimonster.interval(helper.kept, 10)
def ask(value): pass
`,
      "helper.py": "def kept(): midimonster.output('tick', 0.3)\n",
    });
    await session.probe.until("tick", 2);
    session.write(
      "mod.py",
      "import helper\ndef new(): midimonster.output('tick', 0.2)\nmidimonster.interval(new, 10)\ndef ask(value): pass\n",
    );
    await session.router.reload();
    session.probe.received.length = 0;
    const values = await session.probe.until("tick", 6);
    assert.deepEqual([...new Set(values)].sort(), [0.2, 0.3]);
  });

  it("leaves a socket that the new version takes over open: no datagram is lost, the new function gets them", async () => {
    const listening = (name: string) => `
import socket
old = midimonster.previous()
if old is None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    say(sock.getsockname()[1])
else:
    sock = old.sock
def read(sock): say("${name} " + sock.recv(64).decode()); midimonster.output("answer", 1)
midimonster.manage(read, sock)
def ask(value): midimonster.output("answer", 0)
`;
    const session = await start(CONFIG, { "mod.py": listening("first") });
    const [port] = session.said() as [number];
    const client = createSocket("udp4");
    const send = (text: string) => new Promise((resolve) => client.send(text, port, "127.0.0.1", resolve));
    await send("a");
    await session.probe.until("answer");
    session.write("mod.py", listening("second"));
    const reloaded = session.router.reload();
    await send("b");
    await reloaded;
    await send("c");
    await session.probe.until("answer", 3);
    client.close();
    const [, ...received] = session.said();
    assert.deepEqual(
      received.map(String).map((text) => text.slice(-1)),
      ["a", "b", "c"],
    );
    assert.equal(received.at(-1), "second c");
  });

  it("closes a socket that the new version does not take over", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import socket
ours, theirs = socket.socketpair()
midimonster.manage(lambda sock: say("old"), ours)
class Other: pass
Other.end = theirs.dup()
__import__("builtins").other_end = Other.end
def ask(value): pass
`,
    });
    session.write(
      "mod.py",
      "other = __import__('builtins').other_end\nother.settimeout(5)\ndel other\ndef ask(value):\n    import builtins, gc\n    gc.collect()\n    builtins.other_end.settimeout(5)\n    say(builtins.other_end.recv(1) == b'')\n    midimonster.output('answer', 1)\n",
    );
    await session.router.reload();
    await ask(session);
    assert.deepEqual(session.said(), [true]);
  });

  it("sends what the new version outputs while it loads once, the last value of each channel", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5, 'midimonster.output("answer", 0.7)\nmidimonster.output("answer", 0.8)'));
    await session.router.reload();
    assert.deepEqual(session.probe.values("answer"), [0.8]);
  });

  it("takes a new default handler, more modules and other mappings, and tells a backend of new channels only", async () => {
    const session = await start(CONFIG, {
      "mod.py":
        "def ask(value): midimonster.output('answer', 0.1)\ndef any(value): midimonster.output('answer', 0.9)\n",
      "more.py": "def ask(value): midimonster.output('answer', 0.2)\n",
    });
    const told: string[] = [];
    const channel = session.probe.channel.bind(session.probe);
    session.probe.channel = (name, index) => {
      told.push(name);
      channel(name, index);
    };
    session.write(
      "monster.cfg",
      "[python py]\nmodule = mod\nmodule = more\ndefault-handler = mod.any\n[map]\nprobe.ask > py.more.ask\npy.answer > probe.answer\nprobe.new > py.plain\n",
    );
    assert.deepEqual(await session.router.reload(), { modules: [], added: [], removed: [] });
    assert.equal(await ask(session), 0.2);
    session.probe.emit("new", 1);
    assert.deepEqual(await session.probe.until("answer", 2), [0.2, 0.9]);
    assert.deepEqual(told, ["new"]);
  });
});
