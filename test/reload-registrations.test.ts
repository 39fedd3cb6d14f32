// What modules have registered, across reloads that succeed and that fail; and what a removed instance leaves behind.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { binding } from "../lib/binding.js";
import { skipWithSanitizers } from "./helpers.js";
import { type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.ask > py.mod.ask
py.answer > probe.answer
py.tick > probe.tick
`;

const ASK = 'def ask(value): midimonster.output("answer", value)\n';

async function ask(session: Session): Promise<void> {
  const before = session.probe.values("answer").length;
  session.probe.emit("ask", 0.5);
  await session.probe.until("answer", before + 1);
}

/** Waits for the running module's intervals to be called so often. */
async function ticks(session: Session, count: number): Promise<void> {
  await session.probe.until("tick", session.probe.values("tick").length + count);
}

describe("values that a module outputs while it loads", () => {
  it("are sent at the start, and again with every reload", async () => {
    const loading = (value: number) => `${ASK}midimonster.output("answer", ${value})\n`;
    const session = await start(CONFIG, { "mod.py": loading(0.125) });
    for (const value of [0.25, 0.375, 0.5]) {
      session.write("mod.py", loading(value));
      await session.router.reload();
    }
    assert.deepEqual(session.probe.values("answer"), [0.125, 0.25, 0.375, 0.5]);
  });
});

describe("a reload", () => {
  it("gives channels whose batch the new version drops the default handler", async () => {
    const config =
      "[python py]\nmodule = mod\ndefault-handler = mod.any\n[map]\nprobe.x > py.x\npy.answer > probe.answer\n";
    const any = 'def any(value): midimonster.output("answer", value)\n';
    const batched = `${any}batch = midimonster.batch(["x"], lambda batch: midimonster.output("answer", 1))\n`;
    const session = await start(config, { "mod.py": batched });
    const expect = async (value: number) => {
      session.probe.emit("x", 0.25);
      assert.equal((await session.probe.until("answer", session.probe.values("answer").length + 1)).at(-1), value);
    };
    await expect(1);
    session.write("mod.py", any);
    await session.router.reload();
    await expect(0.25);
    session.write("mod.py", batched);
    await session.router.reload();
    await expect(1);
    session.write("mod.py", `${any}raise RuntimeError`);
    await assert.rejects(session.router.reload(), /RuntimeError/);
    await expect(1);
  });

  // What a thread of the old version does while the new version loads and then fails.
  const meanwhile: [what: string, prepare: string, act: string, check: (session: Session) => Promise<void>][] = [
    [
      "an interval",
      "",
      'midimonster.interval(lambda: midimonster.output("tick", 0.75), 10)',
      async (session) => {
        await ticks(session, 3);
      },
    ],
    [
      "an interval, that the new version has registered too",
      'def tick(): midimonster.output("tick", 0.75)\nbuiltins.tick = tick\n',
      "midimonster.interval(builtins.tick, 20)",
      async (session) => {
        await ticks(session, 3);
      },
    ],
    [
      "the end of an interval",
      'def tick(): say("tick")\nmidimonster.interval(tick, 10)\n',
      "midimonster.interval(tick, 0)",
      async (session) => {
        const before = session.said().length;
        session.write("mod.py", `${ASK}midimonster.interval(lambda: midimonster.output("tick", 1), 10)\n`);
        await session.router.reload();
        await ticks(session, 5);
        assert.ok(session.said().length <= before + 1);
      },
    ],
    [
      "a cleanup handler",
      'midimonster.cleanup_handler(lambda: say("the first"))\n',
      'midimonster.cleanup_handler(lambda: say("that of the thread"))',
      async (session) => {
        await session.router.stop();
        assert.deepEqual(session.said(), ["that of the thread"]);
      },
    ],
    [
      "a batch",
      "",
      'builtins.batch = midimonster.batch(["answer"], print); builtins.batch.output([0.75])',
      async (session) => {
        assert.deepEqual((await session.probe.until("answer", 2)).slice(0, 2), [0.5, 0.75]);
      },
    ],
  ];
  for (const [what, prepare, act, check] of meanwhile) {
    it(`that fails keeps what a thread has registered meanwhile: ${what}`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `
import builtins, threading
${ASK}${prepare}
builtins.go, builtins.gone = threading.Event(), threading.Event()
def act():
    go.wait()
    ${act}
    gone.set()
threading.Thread(target=act).start()
`,
      });
      await ask(session);
      session.write(
        "mod.py",
        `
import builtins
if hasattr(builtins, "tick"): midimonster.interval(builtins.tick, 10)
midimonster.interval(lambda: say("of the new version"), 10)
midimonster.cleanup_handler(lambda: say("of the new version"))
builtins.go.set()
builtins.gone.wait()
raise RuntimeError("fails")
`,
      );
      await assert.rejects(session.router.reload(), /RuntimeError: fails/);
      await check(session);
      await session.router.stop();
      assert.ok(!session.said().includes("of the new version"));
    });
  }

  it("that fails puts back what the new version cancelled and replaced", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import builtins
${ASK}
def tick(): midimonster.output("tick", 1)
builtins.tick = tick
midimonster.interval(tick, 10)
`,
    });
    await ticks(session, 2);
    session.write("mod.py", "import builtins\nmidimonster.interval(builtins.tick, 0)\nraise RuntimeError\n");
    await assert.rejects(session.router.reload(), /RuntimeError/);
    await ticks(session, 3);
    session.write("mod.py", `import builtins\n${ASK}midimonster.interval(builtins.tick, 0)\nsay("cancelled")\n`);
    await session.router.reload();
    const before = session.probe.values("tick").length;
    for (let i = 0; i < 10; ++i) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(session.probe.values("tick").length, before);
  });
});

describe("an instance that a reload removes", () => {
  const SECOND = "[python second]\nmodule = second\n[map]\nsecond.out > probe.second\n";
  const TICKING = `${ASK}midimonster.interval(lambda: midimonster.output("tick", 1), 10)\n`;

  /** The instances whose intervals are called from now on. */
  function called(): { instances: Set<number>; end(): void } {
    const native = binding();
    const instances = new Set<number>();
    const before = native.runIntervals;
    native.runIntervals = (core, pairs, count) => {
      for (let i = 0; i < count; ++i) instances.add(pairs[2 * i] ?? -1);
      before(core, pairs, count);
    };
    return {
      instances,
      end: () => {
        native.runIntervals = before;
      },
    };
  }

  const second = {
    "whose cleanup handler registers intervals and sockets": `
import socket
pair = socket.socketpair()
def end():
    pair[1].send(b"x")
    midimonster.interval(end, 10)
    midimonster.interval(end, 0)
    midimonster.interval(lambda: None, 20)
    midimonster.manage(print, pair[0])
    midimonster.manage(None, pair[0])
    say("ended")
midimonster.cleanup_handler(end)
`,
    "whose intervals run": "midimonster.interval(lambda: None, 10)\n",
  };
  for (const [what, text] of Object.entries(second)) {
    it(`${what} does not wake the loop any more`, async () => {
      const session = await start(CONFIG + SECOND, { "mod.py": TICKING, "second.py": text });
      await ticks(session, 3);
      session.write("monster.cfg", CONFIG);
      await session.router.reload();
      const seen = called();
      try {
        await ticks(session, 5);
      } finally {
        seen.end();
      }
      assert.equal(seen.instances.size, 1);
      assert.deepEqual(session.log.matching(/exception|raised/i), []);
      if (text.includes("say(")) assert.deepEqual(session.said(), ["ended"]);
    });
  }

  it("since another new one does not load does not wake the loop either", async () => {
    const session = await start(CONFIG, { "mod.py": TICKING, "second.py": "midimonster.interval(print, 10)\n" });
    session.write("monster.cfg", `${CONFIG}${SECOND}[python third]\nmodule = nowhere\n`);
    await assert.rejects(session.router.reload(), /nowhere/);
    const seen = called();
    try {
      await ticks(session, 5);
    } finally {
      seen.end();
    }
    assert.equal(seen.instances.size, 1);
  });

  it("gives its memory back, however often that happens", async function () {
    skipWithSanitizers(this, "memory is not what it is otherwise");
    const session = await start(CONFIG, { "mod.py": ASK });
    // Without what write() puts in front: up to CPython 3.11, some extension modules keep the interpreter that has them.
    writeFileSync(path.join(session.folder, "second.py"), "import collections, dataclasses, enum, midimonster, re\n");
    const addAndRemove = async (times: number) => {
      for (let i = 0; i < times; ++i) {
        session.write("monster.cfg", CONFIG + SECOND);
        await session.router.reload();
        session.write("monster.cfg", CONFIG);
        await session.router.reload();
      }
    };
    await addAndRemove(5);
    const before = process.memoryUsage.rss();
    await addAndRemove(60);
    const grown = (process.memoryUsage.rss() - before) / 1024 / 1024;
    // An interpreter has more than 4 MiB; what CPython itself loses with each is up to a third of one.
    assert.ok(grown < 100, `60 instances that came and went left ${grown.toFixed(0)} MiB`);
    await ask(session);
  }).timeout(120_000);

  it("ends threads that finalizers of its user code start, and the others go on", async () => {
    const config = (names: string[]) =>
      `${names.map((name) => `[python ${name}]\nmodule = ${name}\n`).join("")}[map]\nprobe.ask > stays.stays.ask\nstays.answer > probe.answer\n`;
    const session = await start(config(["stays", "goes"]), {
      "stays.py": "def ask(value): midimonster.output('answer', value)\n",
      "goes.py": `
import threading, time
class Link:
    def __del__(self): threading.Thread(target=time.sleep, args=(0.05,)).start()
link = Link()
def holds(): return link
`,
    });
    session.write("monster.cfg", config(["stays"]));
    assert.deepEqual((await session.router.reload()).removed, ["goes"]);
    session.probe.emit("ask", 0.5);
    assert.deepEqual(await session.probe.until("answer"), [0.5]);
    await new Promise((resolve) => setTimeout(resolve, 200)); // for as long as such a thread would live
    session.probe.emit("ask", 0.25);
    assert.deepEqual(await session.probe.until("answer", 2), [0.5, 0.25]);
  });

  it("stays if a thread does not end, and the others go on", async () => {
    const session = await start(CONFIG + SECOND, {
      "mod.py": ASK,
      "second.py": `
import os, threading
ours, theirs = os.pipe()
__import__("builtins").end = theirs
def stuck():
    global ours
    os.read(ours, 1)
threading.Thread(target=stuck, name="the stuck one", daemon=True).start()
`,
    });
    session.write("monster.cfg", CONFIG);
    await session.router.reload();
    await session.log.seen(/the stuck one/);
    await ask(session);
  });

  // Extension modules of the standard library, which CPython keeps copies of for all interpreters.
  it("takes nothing of the standard library away from those that came later, or come yet", async function () {
    skipWithSanitizers(this, "its extension modules lose memory with each interpreter, and take minutes to import");
    const use = `
import array, asyncio, bz2, csv, ctypes, datetime, decimal, fractions, hashlib, heapq, json, lzma, math, pickle, random
import re, select, socket, sqlite3, ssl, statistics, struct, time, unicodedata, uuid, zlib
import xml.etree.ElementTree as ElementTree
def use():
    day = datetime.datetime(2020, 1, 2) + datetime.timedelta(days=1)
    assert pickle.loads(pickle.dumps(day)) == day
    assert str(decimal.Decimal("1.1") + decimal.Decimal("2.2")) == "3.3"
    try: decimal.Decimal(1) / 0
    except decimal.DivisionByZero: pass
    assert json.loads(json.dumps({"a": [1.5, None]})) == {"a": [1.5, None]}
    assert ElementTree.fromstring("<a><b/></a>").find("b") is not None
    assert zlib.decompress(zlib.compress(b"x")) == lzma.decompress(lzma.compress(b"x")) == bz2.decompress(bz2.compress(b"x"))
    connection = sqlite3.connect(":memory:")
    assert connection.execute("select 1 + 1").fetchone() == (2,)
    connection.close()
    assert hashlib.sha256(b"x").hexdigest().startswith("2d71")
    assert ctypes.sizeof(ctypes.c_double) == 8 and struct.pack("<d", 1.0)[-1] == 0x3F
    assert list(csv.reader(["a,b"])) == [["a", "b"]]
    try: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations("/nowhere")
    except OSError: pass
    async def nothing(): await asyncio.sleep(0)
    asyncio.run(nothing())
    assert unicodedata.name("a") and re.match("(a)|b", "a") and random.random() < 1 and uuid.uuid4()
    assert array.array("d", [1.0]).tobytes() and heapq.nsmallest(1, [2, 1]) == [1] and statistics.mean([1, 2]) == 1.5
use()
`;
    const one = (name: string) => `[python ${name}]\nmodule = user\n`;
    // It imports half of the library each time.
    const patient = "[backend python]\nhandler-warn = off\n";
    const session = await start(patient + one("first") + one("second") + CONFIG, {
      "mod.py": `import user\ndef ask(value):\n    user.use()\n    midimonster.output("answer", value)\n`,
      "user.py": use,
    });
    await ask(session);
    session.write("monster.cfg", patient + one("second") + CONFIG);
    await session.router.reload();
    await ask(session);
    session.write("monster.cfg", patient + one("third") + CONFIG);
    await session.router.reload();
    await ask(session);
    session.write("monster.cfg", patient + CONFIG);
    await session.router.reload();
    await ask(session);
    assert.deepEqual(session.log.matching(/Traceback/), []);
  });
});
