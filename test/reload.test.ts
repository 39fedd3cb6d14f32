// Reading configuration and modules again while events flow.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";
import { type Session, start } from "./session.js";

/** One python instance `py`, asked by the probe and answering it. */
const CONFIG = `
[python py]
module = mod
[map]
probe.ask > py.mod.ask
py.answer > probe.answer
`;

/** A module that answers with `value` plus the number of questions so far, in hundredths. */
const answering = (value: number, more = "") => `
asked = 0
def ask(value):
    global asked
    asked += 1
    midimonster.output("answer", ${value} + asked / 100)
${more}`;

async function ask(session: Session): Promise<number | undefined> {
  const before = session.probe.values("answer").length;
  session.probe.emit("ask", 1);
  const answer = (await session.probe.until("answer", before + 1)).at(-1) ?? Number.NaN;
  return Math.round(answer * 100) / 100;
}

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
      "[python other]\nmodule = counter\n[map]\nprobe.ask > py.counter.count\nprobe.ask > other.counter.count",
    );
    const counter = "n = 0\ndef count(value):\n    global n\n    n += 1\n    say(n)\n";
    const session = await start(config, { "mod.py": answering(0.1), "counter.py": counter });
    await ask(session);
    session.write("mod.py", answering(0.5));
    await session.router.reload();
    await ask(session);
    await ask(session);
    assert.deepEqual(session.said(), [1, 1, 2, 2, 3, 3]);
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

describe("reload() of a configuration with other instances", () => {
  const OTHER = "[python second]\nmodule = second\n[map]\nprobe.ask > second.second.hear\nsecond.heard > probe.heard\n";
  const HEAR = "def hear(value): midimonster.output('heard', value)\n";

  it("starts those that are new", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1), "second.py": HEAR });
    await ask(session);
    session.write("monster.cfg", CONFIG + OTHER);
    assert.deepEqual(await session.router.reload(), { modules: [], added: ["second"], removed: [] });
    assert.equal(await ask(session), 0.12);
    assert.deepEqual(await session.probe.until("heard"), [1]);
  });

  it("stops those that are gone: the cleanup handler runs, sockets close, nothing of them goes on", async () => {
    const session = await start(CONFIG + OTHER, {
      "mod.py": answering(0.1),
      "second.py": `${HEAR}
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
say(sock.getsockname()[1])
midimonster.manage(print, sock)
midimonster.interval(lambda: midimonster.output("heard", 0.5), 10)
def end(): say("end"); midimonster.output("heard", 1)
midimonster.cleanup_handler(end)
`,
    });
    await session.probe.until("heard");
    session.write("monster.cfg", CONFIG);
    assert.deepEqual(await session.router.reload(), { modules: [], added: [], removed: ["second"] });
    const heard = session.probe.values("heard").length;
    const [port, end] = session.said();
    assert.equal(end, "end");
    const socket = createSocket("udp4").bind(port as number, "127.0.0.1");
    await once(socket, "listening"); // its number can be used again
    socket.close();
    await ask(session);
    assert.equal(session.probe.values("heard").length, heard);
  });

  it("replaces one whose modules have changed otherwise than by more of them", async () => {
    const session = await start(CONFIG + OTHER, {
      "mod.py": answering(0.1),
      "second.py": `${HEAR}midimonster.cleanup_handler(lambda: say("end"))\n`,
      "third.py": "def hear(value): midimonster.output('heard', value / 2)\n",
    });
    session.write(
      "monster.cfg",
      CONFIG + OTHER.replace("module = second", "module = third").replace("second.second.", "second.third."),
    );
    assert.deepEqual(await session.router.reload(), { modules: [], added: ["second"], removed: ["second"] });
    assert.equal(await ask(session), 0.11);
    assert.deepEqual(await session.probe.until("heard"), [0.5]);
    assert.deepEqual(session.said(), ["end"]);
  });

  it("can come and go many times", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0), "second.py": HEAR });
    for (let i = 0; i < 5; ++i) {
      session.write("monster.cfg", CONFIG + OTHER);
      await session.router.reload();
      session.write("monster.cfg", CONFIG);
      await session.router.reload();
    }
    assert.equal(await ask(session), 0.01);
    session.write("monster.cfg", CONFIG + OTHER);
    await session.router.reload();
    await ask(session);
    assert.deepEqual(await session.probe.until("heard"), [1]);
  });

  it("warns that a backend's options take effect with the next start", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("monster.cfg", `[backend python]\nhandler-warn = 500\n${CONFIG}`);
    await session.router.reload();
    await session.log.seen(/options of backend 'python' have changed; they take effect with the next start/);
  });
});

describe("a reload that fails", () => {
  const SIDE_EFFECTS = `
import builtins
midimonster.output("answer", 1)
midimonster.interval(lambda: say("interval of the new version"), 10)
midimonster.cleanup_handler(lambda: say("cleanup of the new version"))
midimonster.manage(lambda sock: say("function of the new version"), builtins.shared)
`;
  const OLD = `
import builtins, socket
builtins.shared, builtins.other_end = socket.socketpair()
def read(sock): sock.recv(64); midimonster.output("read", 0.5)
midimonster.manage(read, builtins.shared)
def tick(): midimonster.output("tick", 0.5)
midimonster.interval(tick, 10)
midimonster.cleanup_handler(lambda: say("cleanup of the old version"))
def poke(value): builtins.other_end.send(b"x")
`;
  const config = `${CONFIG}probe.poke > py.mod.poke\npy.read > probe.read\npy.tick > probe.tick\n`;
  const failures: [what: string, file: string, text: string, message: RegExp][] = [
    ["does not parse", "mod.py", `${SIDE_EFFECTS}\ndef ask(value:\n`, /mod\.py", line \d+[\s\S]*SyntaxError/],
    [
      "raises",
      "mod.py",
      `${SIDE_EFFECTS}\nraise RuntimeError("no")`,
      /a changed module of instance 'py' does not import[\s\S]*RuntimeError: no/,
    ],
    ["exits", "mod.py", `${SIDE_EFFECTS}\nraise SystemExit`, /SystemExit/],
    [
      "imports what there is not",
      "mod.py",
      `${SIDE_EFFECTS}\nimport nowhere_to_be_found`,
      /No module named 'nowhere_to_be_found'/,
    ],
    [
      "lacks a handler",
      "mod.py",
      `${SIDE_EFFECTS}\ndef ask_(value): pass`,
      /no handler for 'py\.mod\.ask': 'mod' has no 'ask'[\s\S]*did you mean/,
    ],
  ];
  for (const [what, file, text, message] of failures) {
    it(`since a module ${what}: the old version goes on as if nothing had been`, async () => {
      const session = await start(config, { "mod.py": answering(0.1, OLD) });
      assert.equal(await ask(session), 0.11);
      session.write(file, text);
      await assert.rejects(session.router.reload(), message);
      assert.equal(await ask(session), 0.12);
      session.probe.emit("poke", 1);
      await session.probe.until("read");
      await session.probe.until("tick", session.probe.values("tick").length + 3);
      assert.equal(session.probe.values("answer").length, 2);
      // Mended, it is loaded.
      session.write(file, answering(0.5, "def poke(value): pass"));
      await session.router.reload();
      assert.equal(await ask(session), 0.51);
      await session.router.stop();
      assert.deepEqual(session.said(), []);
    });
  }

  it("keeps the cleanup handler of the old version", async () => {
    const session = await start(config, { "mod.py": answering(0.1, OLD) });
    session.write("mod.py", `${SIDE_EFFECTS}\nraise RuntimeError`);
    await assert.rejects(session.router.reload());
    await session.router.stop();
    assert.deepEqual(session.said(), ["cleanup of the old version"]);
  });

  const mistakes: [what: string, config: string, message: RegExp][] = [
    ["does not parse", `${config}\nprobe.x >\n`, /monster\.cfg:\d+:\d+: error/],
    ["maps to an unknown instance", `${config}\nprobe.x > nobody.y\n`, /no instance 'nobody'/],
    ["has an unknown option", config.replace("module = mod", "module = mod\nmodul = x"), /has no option 'modul'/],
    ["has an unknown backend", `[nope n]\n${config}`, /unknown backend 'nope'/],
    [
      "has a new instance whose module does not import",
      `[python n]\nmodule = nowhere\n${config}`,
      /module 'nowhere' of instance 'n' does not import/,
    ],
    [
      "adds a module that does not import",
      config.replace("module = mod", "module = mod\nmodule = nowhere"),
      /'nowhere' of instance 'py' does not import/,
    ],
    [
      "has a default handler that there is not",
      config.replace("module = mod", "module = mod\ndefault-handler = mod.nope"),
      /no default handler/,
    ],
  ];
  for (const [what, text, message] of mistakes) {
    it(`since the configuration ${what}: everything goes on, and changed modules stay as they are`, async () => {
      const session = await start(config, { "mod.py": answering(0.1, OLD) });
      await ask(session);
      session.write("monster.cfg", text);
      session.write("mod.py", answering(0.5, OLD));
      await assert.rejects(session.router.reload(), message);
      assert.equal(await ask(session), 0.12);
      session.write("monster.cfg", config);
      assert.deepEqual((await session.router.reload()).modules, ["py.mod"]);
      assert.equal(await ask(session), 0.51);
    });
  }

  it("in one instance leaves the changed modules of others as they were", async () => {
    const two = `${CONFIG}[python q]\nmodule = other\n`;
    const session = await start(two, { "mod.py": answering(0.1), "other.py": "" });
    session.write("mod.py", answering(0.5));
    session.write("other.py", "raise RuntimeError");
    await assert.rejects(session.router.reload(), /instance 'q'/);
    assert.equal(await ask(session), 0.11);
  });
});

describe("channels that only a new configuration maps", () => {
  // Whatever has a wrong number reaches `l.x`, whose number follows those of `py`.
  const config = `
[python py]
module = mod
module = slow
[loopback l]
[map]
probe.ask > py.mod.ask
py.answer > probe.answer
l.x > py.mod.astray
`;
  const module = `
import threading
def ask(value):
    for i in range(20): midimonster.output("ghost%d" % i, 0.77)
    batch.output([0.25, 0.5])
    midimonster.output("answer", value)
def astray(value): say(value)
`;
  const more = `${config}py.ghost{0..19} > l.y\npy.late > l.x\n`;

  it("are unknown while and after it fails, also to batches that were made meanwhile", async () => {
    const session = await start(config, {
      "mod.py": `${module}batch = midimonster.batch(["answer", "answer2"])\n`,
      "slow.py": "",
    });
    session.probe.emit("ask", 1);
    await session.probe.until("answer", 2);
    session.write("monster.cfg", `${more}l.x > py.mod.nope\n`);
    session.write("slow.py", 'keep = midimonster.batch(["late", "later"])\nkeep.output([1, 1])\n');
    await assert.rejects(session.router.reload(), /no handler for 'py\.mod\.nope'/);
    session.probe.emit("ask", 0.75);
    await session.probe.until("answer", 4);
    assert.deepEqual(session.probe.values("answer"), [0.25, 1, 0.25, 0.75]);
    assert.deepEqual(session.said(), []);
    session.write("monster.cfg", more);
    session.write("slow.py", 'midimonster.output("late", 0.125)\n');
    await session.router.reload();
    session.probe.emit("ask", 0.5);
    await session.probe.until("answer", 6);
    assert.deepEqual(session.said(), [0.125]);
  });

  it("are unknown to threads until it is there", async () => {
    const threads = `
ended = threading.Event()
def work():
    i = 0
    while not ended.is_set():
        i += 1
        midimonster.output("ghost%d" % (i % 3000), 0.5)
threading.Thread(target=work).start()
midimonster.cleanup_handler(ended.set)
batch = midimonster.batch(["answer"])
`;
    const session = await start(config, {
      "mod.py": (module + threads).replace("[0.25, 0.5]", "[0.25]"),
      "slow.py": "",
    });
    for (const turn of [1, 2, 3]) {
      session.write("slow.py", `import time\ntime.sleep(0.1)\nturn = ${turn}\n`);
      session.write("monster.cfg", turn % 2 === 0 ? config : more);
      await session.router.reload();
    }
    const before = session.probe.values("answer").length;
    session.probe.emit("ask", 1);
    await session.probe.until("answer", before + 2);
    assert.deepEqual(session.said(), []);
    await session.router.stop();
  });
});

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

describe("the time of a reload", () => {
  it("is not before the start and not after the stop", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    const stopping = session.router.stop();
    await assert.rejects(session.router.reload(), { code: "STATE" });
    await stopping;
    await assert.rejects(session.router.reload(), { code: "STATE" });
  });

  it("can overlap with that of another one, which then comes after it", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5));
    const [first, second] = await Promise.all([session.router.reload(), session.router.reload()]);
    assert.deepEqual([first.modules, second.modules], [["py.mod"], []]);
  });

  it("can overlap with the stop, which gives it up", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5, "say('loaded')"));
    const reload = session.router.reload();
    await Promise.all([session.router.stop(), assert.rejects(reload, { code: "STATE" })]);
    assert.deepEqual(session.said(), []);
  });

  it("can be inside a backend's handle()", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5));
    const handle = session.probe.handle.bind(session.probe);
    const reloaded = new Promise((resolve, reject) => {
      session.probe.handle = (batch) => {
        session.probe.handle = handle;
        handle(batch);
        session.router.reload().then(resolve, reject);
      };
    });
    await ask(session);
    await reloaded;
    assert.equal(await ask(session), 0.51);
  });
});

describe("mmpy", () => {
  const files = {
    "monster.cfg": "[python py]\nmodule = mod\n",
    "mod.py": "print('first', flush=True)\n",
  };

  it("reloads at SIGHUP, and goes on where that fails", async () => {
    const folder = folderWith(files);
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/routing/);
    writeFileSync(path.join(folder, "mod.py"), "print('second', flush=True)\n");
    running.child.kill("SIGHUP");
    await running.sees(/second/);
    await running.sees(/INFO: reloaded: module py\.mod/);
    writeFileSync(path.join(folder, "mod.py"), "print(\n");
    running.child.kill("SIGHUP");
    await running.sees(/ERROR: not reloaded, everything goes on as before:\n[\s\S]*mod\.py", line 1/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("--watch reloads when a module, an included file or the configuration changes, replaced or written to", async () => {
    const folder = folderWith({
      ...files,
      "monster.cfg": "[include more.cfg]\n[python py]\nmodule = mod\n",
      "more.cfg": "",
    });
    const running = mmpy(["--watch", path.join(folder, "monster.cfg")]);
    await running.sees(/INFO: watching 3 files/);
    writeFileSync(path.join(folder, "new"), "print('second', flush=True)\n");
    renameSync(path.join(folder, "new"), path.join(folder, "mod.py"));
    await running.sees(/second/);
    await running.sees(/reloaded: module py\.mod/);
    writeFileSync(path.join(folder, "more.cfg"), "[loopback l]\n");
    await running.sees(/reloaded: new instance l/);
    writeFileSync(path.join(folder, "monster.cfg"), "[python py]\nmodule = mod\n");
    await running.sees(/reloaded: without instance l/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("--watch goes with a run only", async () => {
    const running = mmpy(["check", "--watch"]);
    assert.deepEqual(await running.exited, { code: 2, signal: null });
    assert.match(running.stderr, /--watch does not go with check/);
  });
});
