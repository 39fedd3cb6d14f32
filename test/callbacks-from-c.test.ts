// C code that calls Python back: it asks CPython for the GIL by itself, and must get that of the instance it was called from.
import assert from "node:assert/strict";
import { ASK, ask, CONFIG, start } from "./session.js";

/** `api` is libpython itself: a function that takes the GIL, by PyGILState_Ensure(), though it is already held. */
const TAKES_THE_GIL = `
import ctypes
api = ctypes.PyDLL(None)
api.PyGILState_Ensure.restype = ctypes.c_int
api.PyGILState_Release.argtypes = [ctypes.c_int]
Called = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.POINTER(ctypes.c_short))
sort = ctypes.CDLL(None).qsort
sort_with_gil = api.qsort
def ordered(by, comparing, values):
    array = (ctypes.c_short * len(values))(*values)
    by(array, len(array), ctypes.sizeof(ctypes.c_short), comparing(lambda a, b: a[0] - b[0]))
    return list(array)
`;

/** Expressions for a handler or a module. */
const CALLS: Record<string, { setup?: string; expression: string; value: unknown }> = {
  "a function that takes the GIL though it has it": {
    expression: "[api.PyGILState_Release(api.PyGILState_Ensure()) and None, 5][1]",
    value: 5,
  },
  "a callback out of a function that keeps the GIL": {
    expression: "ordered(sort_with_gil, Called, [4, -2, 9])",
    value: [-2, 4, 9],
  },
  "a callback out of a function that releases the GIL": {
    expression: "ordered(sort, Called, [7, 1, -3, 0])",
    value: [-3, 0, 1, 7],
  },
  "a callback that calls C code, which calls back again": {
    setup: `
def nested(a, b):
    return ordered(sort, Called, [a[0], b[0]]).index(a[0]) - ordered(sort_with_gil, Called, [a[0], b[0]]).index(b[0])
def twice():
    array = (ctypes.c_short * 3)(3, 2, 1)
    sort_with_gil(array, 3, ctypes.sizeof(ctypes.c_short), Called(nested))
    return list(array)
`,
    expression: "twice()",
    value: [1, 2, 3],
  },
};

const module = (setup: string, expression: string) => `${TAKES_THE_GIL}${setup}
say(["load", ${expression}])
def go(value):
    say(["event", ${expression}])
    midimonster.output("out", value)
${ASK}`;

describe("C code that calls Python back", () => {
  for (const [what, { setup = "", expression, value }] of Object.entries(CALLS)) {
    it(`${what}: works while a module loads, and in handlers, in every instance`, async () => {
      const session = await start(
        `${CONFIG}[python other]\nmodule = mod\n[map]\nprobe.go > other.mod.go\nother.out > probe.out\n`,
        { "mod.py": module(setup, expression) },
      );
      for (let i = 1; i <= 3; ++i) {
        session.probe.emit("go", 1);
        await session.probe.until("out", 2 * i);
      }
      const both = (moment: string) => [
        [moment, value],
        [moment, value],
      ];
      assert.deepEqual(session.said(), [...both("load"), ...both("event"), ...both("event"), ...both("event")]);
    });
  }

  it("works in intervals, socket functions, batches, finalizers and the cleanup handler", async () => {
    const session = await start("[python py]\nmodule = mod\n[map]\nprobe.go > py.in\npy.out > probe.out\n", {
      "mod.py": `${TAKES_THE_GIL}
import socket
def call(role):
    say([role, ordered(sort_with_gil, Called, [2, 1])])
class Finalized:
    def __del__(self): call("finalizer")
ours, theirs = socket.socketpair()
def readable(sock):
    sock.recv(1)
    call("socket")
    midimonster.output("out", 0.5)
midimonster.manage(readable, ours)
def tick():
    midimonster.interval(tick, 0)
    call("interval")
    Finalized()
    theirs.send(b"x")
midimonster.interval(tick, 10)
def batch(batch):
    call("batch")
    midimonster.output("out", 1)
midimonster.batch(["in"], batch)
midimonster.cleanup_handler(lambda: call("cleanup"))
`,
    });
    await session.probe.until("out", 1);
    session.probe.emit("go", 1);
    await session.probe.until("out", 2);
    await session.router.stop();
    const roles = ["interval", "finalizer", "socket", "batch", "cleanup"];
    assert.deepEqual(
      session.said(),
      roles.map((role) => [role, [1, 2]]),
    );
  });

  it("works in threads, also while handlers call it", async () => {
    const session = await start(CONFIG.replaceAll("{go,ask}", "go"), {
      "mod.py": `${TAKES_THE_GIL}
import threading
def work():
    for i in range(200):
        if ordered(sort, Called, [2, 3, 1]) != [1, 2, 3]: say("wrong")
        if ordered(sort_with_gil, Called, [2, 3, 1]) != [1, 2, 3]: say("wrong")
    midimonster.output("out", 1)
def go(value):
    if value == 1: threading.Thread(target=work).start()
    if ordered(sort, Called, [6, 5]) != [5, 6]: say("wrong")
    midimonster.output("done", value)
`,
    });
    for (let i = 0; i < 3; ++i) session.probe.emit("go", 1);
    for (let i = 0; i < 100; ++i) await ask(session, "go", 0);
    await session.probe.until("out", 3);
    assert.deepEqual(session.said(), []);
  });

  it("works after another instance has ended, and in the next router of the process", async () => {
    const files = { "mod.py": module("", "ordered(sort_with_gil, Called, [1, 0])") };
    for (let round = 0; round < 2; ++round) {
      const session = await start(`${CONFIG}[python gone]\nmodule = mod\n`, files);
      session.write("monster.cfg", CONFIG);
      await session.router.reload();
      session.probe.emit("go", 1);
      await session.probe.until("out");
      session.write("monster.cfg", `${CONFIG}[python added]\nmodule = mod\n[map]\nprobe.go > added.mod.go\n`);
      await session.router.reload();
      session.probe.emit("go", 1);
      await session.probe.until("out", 2);
      await ask(session);
      assert.equal(session.said().length, 3 + 1 + 2);
      await session.router.stop();
    }
  });

  describe("tracemalloc", () => {
    const TRACES = `
import tracemalloc
tracemalloc.start()
def go(value):
    kept = [bytearray(4096 + i) for i in range(50)]
    traced = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__)])
    say(sum(trace.size for trace in traced.traces) > 50 * 4096)
    midimonster.output("out", 1)
${ASK}`;

    it("traces an instance while others start, end and run", async () => {
      const config = `${CONFIG}[python other]\nmodule = plain\n[map]\nprobe.go > other.plain.go\nother.out > probe.out\n`;
      const plain = `def go(value): midimonster.output("out", len(bytearray(100000)) / 100000)\n`;
      const session = await start(config, { "mod.py": TRACES, "plain.py": plain });
      session.probe.emit("go", 1);
      await session.probe.until("out", 2);
      session.write("monster.cfg", `${config}[python third]\nmodule = plain\n`);
      await session.router.reload();
      session.write("monster.cfg", config);
      await session.router.reload();
      session.probe.emit("go", 1);
      await session.probe.until("out", 4);
      assert.deepEqual(session.said(), [true, true]);
    });

    it("that is still tracing does not disturb the next router", async () => {
      for (let round = 0; round < 2; ++round) {
        const session = await start(CONFIG, { "mod.py": TRACES });
        session.probe.emit("go", 1);
        await session.probe.until("out");
        assert.deepEqual(session.said(), [true]);
        await session.router.stop();
      }
    });
  });
});
