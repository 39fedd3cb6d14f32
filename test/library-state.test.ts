// The standard library's extension modules: what one instance does with them must not be seen by another, even in threads.
import assert from "node:assert/strict";
import { binding } from "../lib/binding.js";
import { start } from "./session.js";

/** Each defines `once()`, which raises if anything is not as in a process of its own. */
const LIBRARIES: Record<string, string> = {
  asyncio: `
import asyncio
async def main():
    async def pause(): await asyncio.sleep(0.001); return asyncio.get_running_loop()
    assert await asyncio.gather(pause(), pause()) == [asyncio.get_running_loop()] * 2
    assert asyncio.all_tasks() == {asyncio.current_task()}
    waiting = asyncio.ensure_future(asyncio.sleep(60))
    try: await asyncio.wait_for(waiting, 0.002)
    except asyncio.TimeoutError: pass
    assert waiting.cancelled()
    inner = pause()
    try: asyncio.run(inner)
    except RuntimeError: inner.close()
    else: raise AssertionError("a loop within a loop")
def once(): asyncio.run(main())
`,
  decimal: `
import decimal, numbers
def once():
    assert isinstance(decimal.Decimal(1), numbers.Number)
    with decimal.localcontext() as context:
        context.prec = 4
        context.traps[decimal.Inexact] = True
        try: decimal.Decimal(2) / 3
        except decimal.Inexact: pass
    assert str(decimal.Decimal(2) / 3) == "0.6666666666666666666666666667"
    try: decimal.Decimal("?")
    except decimal.InvalidOperation: pass
`,
  json: `
import json
def once():
    for text in ("{", "[1,", '"'):
        try: json.loads(text)
        except json.JSONDecodeError: pass
    assert json.loads(json.dumps({"fader": [0.5, None]})) == {"fader": [0.5, None]}
`,
  zoneinfo: `
import datetime, zoneinfo
def once():
    try: zoneinfo.ZoneInfo("Atlantis/Capital")
    except zoneinfo.ZoneInfoNotFoundError: pass
    zone = zoneinfo.ZoneInfo("UTC")
    assert zone is zoneinfo.ZoneInfo("UTC")
    assert datetime.datetime(2026, 5, 1, tzinfo=zone).utcoffset() == datetime.timedelta(0)
    zoneinfo.ZoneInfo.clear_cache()
`,
  datetime: `
import datetime, time
def once():
    assert datetime.datetime.strptime("7.9.2026", "%d.%m.%Y") == datetime.datetime(2026, 9, 7)
    assert time.strptime("12", "%M").tm_min == 12
    assert datetime.datetime.now(datetime.timezone.utc).tzinfo is datetime.timezone.utc
`,
  sqlite3: `
import sqlite3
class Cue:
    def __init__(self, number): self.number = number
sqlite3.register_adapter(Cue, lambda cue: cue.number)
sqlite3.register_converter("cue", lambda text: Cue(int(text)))
def once():
    base = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    base.create_function("double", 1, lambda number: 2 * number)
    base.execute("create table show (cue cue primary key)")
    base.execute("insert into show values (?)", (Cue(4),))
    try: base.execute("insert into show values (4)")
    except sqlite3.IntegrityError: pass
    cue, double = base.execute("select cue, double(cue) from show").fetchone()
    assert type(cue) is Cue and cue.number == 4 and double == 8
    base.close()
`,
  pickle: `
import pickle
class Scene:
    def __init__(self): self.levels = {1: 0.5}
def once():
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        scene = pickle.loads(pickle.dumps(Scene(), protocol))
        assert type(scene) is Scene and scene.levels == {1: 0.5}
    try: pickle.loads(b"?")
    except pickle.UnpicklingError: pass
`,
  ctypes: `
import ctypes
class Pair(ctypes.Structure): _fields_ = [("key", ctypes.c_int), ("value", ctypes.c_double)]
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Pair), ctypes.POINTER(Pair))
libc = ctypes.CDLL(None, use_errno=True)
def once():
    pairs = (Pair * 3)(Pair(2, 0.2), Pair(3, 0.3), Pair(1, 0.1))
    libc.qsort(pairs, 3, ctypes.sizeof(Pair), Compare(lambda a, b: a[0].key - b[0].key))
    assert [pair.value for pair in pairs] == [0.1, 0.2, 0.3]
    assert libc.close(-1) == -1 and ctypes.get_errno() == 9
    try: libc.abs("x", object())
    except ctypes.ArgumentError: pass
`,
  "xml.etree": `
import xml.etree.ElementTree as ElementTree
def once():
    tree = ElementTree.fromstring("<show><cue n='1'/><cue n='2'/></show>")
    assert [cue.get("n") for cue in tree.iter("cue")] == ["1", "2"]
    try: ElementTree.fromstring("<show>")
    except ElementTree.ParseError: pass
`,
  csv: `
import csv
csv.register_dialect("cues", delimiter="|")
def once():
    assert list(csv.reader(["a|b"], "cues")) == [["a", "b"]]
    try: csv.get_dialect("?")
    except csv.Error: pass
`,
  "ssl and socket": `
import socket, ssl
def once():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="desk")
    try: client.do_handshake()
    except ssl.SSLWantReadError: pass
    incoming.write(b"not what a server says")
    try: client.do_handshake()
    except ssl.SSLError: pass
    ours, theirs = socket.socketpair()
    ours.settimeout(0.001)
    try: ours.recv(1)
    except socket.timeout: pass
    ours.close(), theirs.close()
`,
};

describe("two instances", () => {
  for (const [name, code] of Object.entries(LIBRARIES)) {
    it(`use ${name} in threads and handlers at once, and one goes on when the other has ended`, async () => {
      const module = `${code}
import threading, traceback
once()
def work():
    try:
        for _ in range(40): once()
    except BaseException: say(traceback.format_exc())
    midimonster.output("out", 1)
def go(value):
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads: thread.start()
    for _ in range(5): once()
`;
      const instance = (name: string) => `[python ${name}]\nmodule = user\n`;
      const mapped = (name: string) => `[map]\nprobe.go > ${name}.user.go\n${name}.out > probe.out\n`;
      const session = await start(instance("first") + instance("second") + mapped("first") + mapped("second"), {
        "user.py": module,
      });
      session.probe.emit("go", 1);
      await session.probe.until("out", 4);
      assert.deepEqual(session.said(), []);
      session.write("monster.cfg", instance("second") + mapped("second"));
      await session.router.reload();
      session.probe.emit("go", 1);
      await session.probe.until("out", 6);
      session.write("monster.cfg", instance("second") + instance("third") + mapped("second") + mapped("third"));
      await session.router.reload();
      session.probe.emit("go", 1);
      await session.probe.until("out", 10);
      assert.deepEqual(session.said(), []);
      assert.deepEqual(session.log.matching(/raised/), []);
    });
  }

  it("have the C version of asyncio each, unless memory can't be executed: then the one in Python", async () => {
    const session = await start("[python one]\nmodule = mod\n[python two]\nmodule = none\n", {
      "mod.py": "import asyncio\nsay([asyncio.Task.__module__, asyncio.run(asyncio.sleep(0, 5))])\n",
      "none.py": `
import os
def memfd_create(*arguments): raise PermissionError("memory is not for programs")
os.memfd_create = memfd_create
import asyncio, sys
say([asyncio.Task.__module__ in ("asyncio.tasks", "_asyncio"), sys.version_info >= (3, 12) or "_asyncio" not in sys.modules])
say(asyncio.run(asyncio.sleep(0, 6)))
`,
    });
    assert.deepEqual(session.said(), [["_asyncio", 5], [true, true], 6]);
  });

  it("that have asyncio end like others", async function () {
    await start("[python any]\nmodule = mod\n", { "mod.py": "" });
    if (binding().pythonVersion().startsWith("3.9.")) {
      console.log("SKIPPED: with CPython 3.9 other modules that asyncio imports keep the interpreter");
      this.skip();
    }
    const one = "[python stays]\nmodule = plain\n";
    const session = await start(`${one}[python goes]\nmodule = mod\n`, {
      "plain.py": "",
      "mod.py": `
import asyncio, sys, os
asyncio.run(asyncio.sleep(0))
class Last:
    def __init__(self, path): self.path, self.open, self.write = path, os.open, os.write
    def __del__(self): self.write(self.open(self.path, 0o101, 0o600), b'"ended"\\n')
sys.last_one = Last(os.path.join(os.path.dirname(__file__), "said.jsonl"))
`,
    });
    session.write("monster.cfg", one);
    await session.router.reload();
    assert.deepEqual(session.said(), ["ended"]);
  });
});
