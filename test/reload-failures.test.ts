// Reloads that fail: everything goes on as before.
import assert from "node:assert/strict";
import { binding } from "../lib/binding.js";
import { answering, ask, CONFIG } from "./asking.js";
import { start } from "./session.js";

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
      /a changed module of instance 'py' can't be imported[\s\S]*RuntimeError: no/,
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
      "has a new instance whose module can't be imported",
      `[python n]\nmodule = nowhere\n${config}`,
      /module 'nowhere' of instance 'n' can't be imported/,
    ],
    [
      "adds a module that can't be imported",
      config.replace("module = mod", "module = mod\nmodule = nowhere"),
      /'nowhere' of instance 'py' can't be imported/,
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

  it("in the middle of an instance's change, by a defect, leaves the instance as it was", async () => {
    const session = await start(config, { "mod.py": answering(0.1, OLD) });
    assert.equal(await ask(session), 0.11);
    const native = binding();
    const { reloadChanged } = native;
    native.reloadChanged = () => {
      throw new Error("not now");
    };
    try {
      await assert.rejects(session.router.reload(), /instance 'py' could not be changed: not now/);
    } finally {
      native.reloadChanged = reloadChanged;
    }
    assert.equal(await ask(session), 0.12);
    await session.router.reload();
    assert.equal(await ask(session), 0.13);
  });

  it("since a module does not parse is noticed before any module is loaded again", async () => {
    const config = `${CONFIG.replace("module = mod", "module = mod\nmodule = other")}probe.x > py.other.hear\n`;
    const session = await start(config, { "mod.py": answering(0.1), "other.py": "def hear(value): pass\n" });
    session.write("mod.py", answering(0.5, "say('loaded')"));
    session.write("other.py", "def hear(value):\n    return (\n");
    await assert.rejects(session.router.reload(), /can't be imported[\s\S]*other\.py", line 4/);
    assert.deepEqual(session.said(), []);
    assert.equal(await ask(session), 0.11);
  });

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
