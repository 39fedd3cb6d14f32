// What asyncio leaves behind over a long time: descriptors, objects and memory.
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";
import { PATIENT_CONFIG, problems, type Session, start } from "./session.js";

/** Each version has a server with a connection to it, a program, a thread, a generator and a timeout, all in use when it ends. */
const VERSION = (number: number) => `
import asyncio, gc, sys, time
VERSION = ${number}
def go(value): pass
async def numbers():
    while True:
        yield 1
async def answer(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"line\\n")
    await reader.readline()
    program = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    program.stdin.write(b"line\\n")
    await program.stdout.readline()
    await asyncio.get_running_loop().run_in_executor(None, time.monotonic)
    generator = numbers()
    await generator.__anext__()
    midimonster.output("out", 1)
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 1000)
    finally:
        program.stdin.close()
        await program.wait()
        writer.close()
        server.close()
midimonster.task(main())
async def short(value):
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.sleep(0), 5)
    midimonster.output("done", 1)
async def ask(value):
    # A thread of the executor, or a child's end, may need another moment.
    for _ in range(3):
        await asyncio.sleep(0.01)
        gc.collect()
    kinds = ("Task", "Future", "coroutine", "async_generator", "Handle", "TimerHandle", "module", "socket", "Process", "_Record")
    objects = gc.get_objects()
    found = {kind: sum(type(each).__name__ == kind for each in objects) for kind in kinds}
    del objects
    say({"found": found, "timers": len(asyncio.get_running_loop()._scheduled), "blocks": sys.getallocatedblocks()})
    midimonster.output("done", 1)
`;

const CONFIG = PATIENT_CONFIG.replace("probe.{go,ask} > py.mod.{go,ask}", "probe.{go,ask} > py.mod.{short,ask}");

interface Counted {
  readonly found: Readonly<Record<string, number>>;
  readonly timers: number;
  readonly blocks: number;
}

/** The kinds of all open descriptors of this process that are no files: sockets, pipes, epoll sets, processes, timers. */
function descriptors(): string[] {
  const kinds = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, "")];
    } catch {
      return []; // that of the folder
    }
  });
  return kinds.filter((kind) => /^\w+:/.test(kind)).sort();
}

async function emit(session: Session, channel: string, count = 1): Promise<void> {
  const before = session.probe.values("done").length;
  for (let i = 0; i < count; ++i) session.probe.emit(channel, 1);
  await session.probe.until("done", before + count);
}

async function count(session: Session): Promise<Counted> {
  await emit(session, "ask");
  return session.said().at(-1) as Counted;
}

describe("asyncio over a long time", function () {
  this.timeout(300_000);

  it("leaves no descriptor, object or memory of Python's behind after 100 reloads", async () => {
    const session = await start(CONFIG, { "mod.py": VERSION(0) });
    let version = 0;
    const reload = async (times: number) => {
      for (let i = 0; i < times; ++i) {
        const before = session.probe.values("out").length;
        session.write("mod.py", VERSION(++version));
        await session.router.reload();
        await session.probe.until("out", before + 1);
      }
    };
    await session.probe.until("out");
    await reload(40); // the executor has as many threads as it will have
    const open = descriptors();
    const before = await count(session);
    await reload(100);
    const after = await count(session);
    assert.deepEqual(descriptors(), open);
    assert.deepEqual({ ...after, blocks: 0 }, { ...before, blocks: 0 });
    // One has some dozens of bytes; a version has thousands of them, and CPython's caches some.
    assert.ok(after.blocks - before.blocks < 2000, `${after.blocks - before.blocks} blocks more`);
    assert.deepEqual(problems(session), []);
  });

  it("leaves no descriptor or memory behind after 100,000 tasks, a thousand at a time", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n[map]\npy.go > py.mod.go\n",
      "mod.py": `
import asyncio, ctypes, gc, json, os, sys
import midimonster
class Allocated(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]
mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
if mallinfo is not None:
    mallinfo.restype = Allocated
ended = 0
async def go(value):
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.sleep(0.001), 5)
    global ended
    ended += 1
def measure():
    gc.collect()
    # Resident memory would be no measure: V8's heap comes and goes by megabytes.
    now = mallinfo() if mallinfo is not None else None
    links = ["/proc/self/fd/" + name for name in os.listdir("/proc/self/fd")]
    kinds = sorted(os.readlink(link).rstrip("0123456789]") for link in links if os.path.lexists(link))
    memory = None if now is None else now.uordblks + now.hblkhd
    print(json.dumps({"descriptors": kinds, "blocks": sys.getallocatedblocks(), "memory": memory}), flush=True)
async def main():
    # For each of these a descriptor is opened.
    print('begins', flush=True)
    await asyncio.sleep(0.01)
    begun = 0
    for thousands in (30, 100):
        for _ in range(thousands):
            for _ in range(999): midimonster.output("go", 1)
            begun += 999
            while ended < begun or len(asyncio.all_tasks()) > 1: await asyncio.sleep(0.001)
        measure()
midimonster.task(main())
`,
    });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/\}\n\{.*\}\n/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    const [before, after] = running.stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line)) as { descriptors: string[]; blocks: number; memory: number | null }[];
    assert.deepEqual(after?.descriptors, before?.descriptors);
    // Fewer than one for ten tasks: CPython's caches come and go by thousands.
    const blocks = (after?.blocks ?? Number.NaN) - (before?.blocks ?? 0);
    assert.ok(blocks < 10_000, `${blocks} blocks more`);
    if (after?.memory === null) return console.log("SKIPPED: malloc's memory, since the C library has no mallinfo2()");
    const grown = (after?.memory ?? Number.NaN) - (before?.memory ?? 0);
    assert.ok(grown < 1_000_000, `${grown} bytes more`);
  });
});
