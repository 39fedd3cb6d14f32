// Memory that runs out: said, and never a hang.
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith, mmpyScript, run } from "./helpers.js";

/** limit(n) leaves n MiB of address space to the process; free() ends that. */
const LIMIT = `
import midimonster, resource
def limit(mebibytes):
    with open("/proc/self/statm") as file: pages = int(file.read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (mebibytes << 20), resource.RLIM_INFINITY))
def free(): resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
`;

const OTHER = `
import midimonster
ticks = 0
def tick():
    global ticks
    ticks += 1
    print("other", ticks)
midimonster.interval(tick, 20)
`;

/** V8 ends a process where a collection, or compilation, gets no memory: neither is to fall into that time. */
const V8_AT_REST = ["--lite-mode", "--no-lazy", "--no-flush-bytecode", "--single-threaded", "--min-semi-space-size=16"];

function start(module: string, mappings: string, flags: readonly string[] = []) {
  const folder = folderWith({
    "monster.cfg": `[python py]\nmodule = mod\n[python other]\nmodule = other\n[map]\n${mappings}`,
    "mod.py": LIMIT + module,
    "other.py": OTHER,
  });
  return run(process.execPath, [...flags, mmpyScript, path.join(folder, "monster.cfg")]);
}

describe("when memory runs out", () => {
  before(function () {
    if (process.platform === "linux") return;
    console.log("SKIPPED: only Linux limits a process's address space");
    this.skip();
  });

  it("in user code, that is a MemoryError like any exception, and everything goes on", async () => {
    const running = start(
      `
ticks = 0
def tick():
    global ticks
    ticks += 1
    if ticks == 1: limit(1024)
    bytes(2 << 30)
    print("had enough")
    midimonster.interval(tick, 0)
def later():
    if ticks < 10: return
    free()
    midimonster.interval(later, 0)
midimonster.interval(tick, 20)
midimonster.interval(later, 20)
`,
      "",
    );
    await running.sees(/had enough/);
    const [, ticks] = await running.sees(/other (\d+)/);
    await running.sees(new RegExp(`other ${Number(ticks) + 10}`));
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(
      running.stderr,
      /py: the interval function mod\.tick raised\nTraceback[\s\S]*in tick\n[\s\S]*MemoryError$/m,
    );
    assert.match(running.stderr, /ERROR: \d+ more times: py: the interval function mod\.tick raised: MemoryError/);
  });

  // For 25 calls of an interval, no longer: V8 ends a process whose heap can't grow (NewSpace::EnsureCurrentCapacity with
  // Node 24, "Committing semi space failed" with Node 20, both seen after two seconds).
  it("in the event queue, events are lost with an error, and everything goes on", async () => {
    const running = start(
      `
calls = 0
def on(value):
    if calls > 25: return
    midimonster.output("out", value)
    midimonster.output("out", value)
def begin():
    midimonster.interval(begin, 0)
    limit(120)
    midimonster.output("out", 1)
    midimonster.interval(without, 20)
def without():
    global calls
    if calls == 0:
        try:
            bytes(4 << 20)
            return
        except MemoryError:
            pass
    calls += 1
    if calls > 25:
        midimonster.interval(without, 0)
        free()
        print("free again")
midimonster.interval(begin, 20)
`,
      "py.out > py.mod.on\n",
      V8_AT_REST,
    );
    await running.sees(/ERROR: py: events are lost/);
    const ticks = Number(/other (\d+)\n$/.exec(running.stdout)?.[1] ?? 0);
    await running.sees(new RegExp(`other ${ticks + 20}`));
    // A stop without any memory is not asked for: V8 ends a process that has none for it.
    await running.sees(/free again/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stderr, /ERROR: py: \d+ more events were lost/);
  });

  it("down to the last byte, the process goes on, or V8 ends it; it never hangs", async () => {
    const running = start(
      `
kept = []
def begin():
    midimonster.interval(begin, 0)
    limit(8)
    amount = 1 << 24
    while amount >= 16:
        try: kept.append(bytearray(amount))
        except MemoryError: amount //= 2
    midimonster.interval(fail, 20)
    midimonster.interval(recover, 1000)
def fail(): list(range(1000000))
def recover():
    free()
    del kept[:]
    midimonster.interval(fail, 0)
    print("recovered")
midimonster.interval(begin, 20)
`,
      "",
    );
    const ended = await Promise.race([running.exited, running.sees(/recovered/).catch(() => running.exited)]);
    if ("signal" in ended) {
      // V8 ends the process where it gets none: it aborts with a message, or writes through the null it got, as those of
      // Node 24 and 26 do in ReusableUnoptimizedCompileState. A stack that can't grow is a SIGSEGV as well.
      const message = /bad_alloc|out of memory|allocation failed/i.test(running.stderr);
      assert.ok(message || ended.signal === "SIGSEGV", `ended by ${ended.signal}:\n${running.stderr}`);
      return;
    }
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stderr, /MemoryError/);
  });
});
