/** Asyncio in a router, beside the same program in plain Python. */
import type { Bench, BenchCase, Measurement } from "../case.js";
import { idleClient } from "../idle.js";
import { alternately, folderWith, ours, pick, run, runConfig, runWithClient } from "../programs.js";

/** What both run: `main()` prints the figures. */
const WORK = (scale: number) => `
import asyncio, json, statistics, time

async def spin(rounds):
    for _ in range(rounds):
        await asyncio.sleep(0)

async def switches():
    rounds = ${Math.ceil(200 * scale)}
    took = []
    for _ in range(5):  # the median, since another program may take the processor for a while
        begun = time.perf_counter()
        await asyncio.gather(*[spin(rounds) for _ in range(200)])
        took.append((time.perf_counter() - begun) / rounds / 200 * 1e9)
    return statistics.median(took)

async def echo():
    async def answer(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    count = ${Math.ceil(10_000 * scale)}
    begun = time.process_time()
    for _ in range(count):
        writer.write(b"hello\\n")
        await reader.readline()
    used = time.process_time() - begun
    writer.close()
    server.close()
    return used / count * 1e6

async def lateness():
    late = []
    for _ in range(${Math.ceil(200 * scale)}):
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        late.append((time.perf_counter() - due) * 1e6)
    return statistics.median(late)

async def main():
    print(json.dumps({"switch": await switches(), "echo": await echo(), "late": await lateness()}), flush=True)
`;

const compared = (scale: number) => ({
  "monster.cfg": "[python a]\nmodule = ours\n",
  "ours.py": "import midimonster, work\nmidimonster.task(work.main())\n",
  "plain.py": "import asyncio, work\nasyncio.run(work.main())\n",
  "work.py": WORK(scale),
});

/**
 * Asyncio's streams receive into 256 KiB. By default malloc maps each of these by itself in plain Python, which doubles the time of
 * an echo, but no longer once a process has freed a larger one, as Node does when it starts.
 */
const SAME_MALLOC = { MALLOC_MMAP_THRESHOLD_: "16777216", MALLOC_TRIM_THRESHOLD_: "67108864" };

/** Events to a handler that returns at once. */
const handlers = (count: number) => ({
  "monster.cfg": "[python a]\nmodule = a\n[map]\na.{go,plain,async,end} > a.a.{go,plain,async_,end}\n",
  "a.py": `
import asyncio, json, statistics, time
import midimonster
figures = {"plain": [], "async": []}
waiting = ["plain", "async"] * 6
def go(value):
    global begun, name
    name = waiting.pop()
    begun = time.perf_counter()
    for _ in range(${count}):
        midimonster.output(name, 0.5)
    midimonster.output("end", 0.5)
def plain(value):
    pass
async def async_(value):
    pass
def end(value):
    figures[name].append((time.perf_counter() - begun) / ${count} * 1e9)
    if waiting: midimonster.output("go", 1)
    # Without the first time, when nothing is warm.
    else: print(json.dumps({name: statistics.median(each[1:]) for name, each in figures.items()}), flush=True)
midimonster.output("go", 1)
`,
});

/** What measures how late a timer and a socket are, in a router as in plain Python. */
const LATE = (seconds: number) => `
import asyncio, json, socket, time
late = {"timer": [], "socket": []}
async def timer():
    while True:
        due = time.perf_counter() + 0.01
        await asyncio.sleep(0.01)
        late["timer"].append(time.perf_counter() - due)
async def reads():
    near, far = socket.socketpair()
    near.setblocking(False)
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0.01)
        far.send(b"x")
        begun = time.perf_counter()
        await readable(loop, near)
        late["socket"].append(time.perf_counter() - begun)
async def readable(loop, sock):
    future = loop.create_future()
    loop.add_reader(sock, future.set_result, None)
    await future
    loop.remove_reader(sock)
    sock.recv(9)
async def report():
    await asyncio.sleep(${seconds})
    figures = {name: sorted(values)[len(values) * 99 // 100] * 1e3 for name, values in late.items()}
    print(json.dumps(figures), flush=True)
async def spin():
    while True: await asyncio.sleep(0)
async def main():
    await asyncio.gather(timer(), reads(), report())
async def beside_spin():
    await asyncio.gather(main(), spin())
`;

/** How late an interval, a timer and a socket are while a task never waits, or a feedback loop never ends. */
const fairness = (seconds: number, load: "task" | "events") => ({
  "monster.cfg": `[python load]\nmodule = load\n[python a]\nmodule = a\n${load === "events" ? "[map]\nload.x > load.load.x\n" : ""}`,
  "load.py":
    load === "task"
      ? "import midimonster, measure\nmidimonster.task(measure.spin())\n"
      : 'import midimonster\ndef x(value): midimonster.output("x", value)\nmidimonster.output("x", 0.5)\n',
  "measure.py": LATE(seconds),
  "a.py": `
import midimonster, measure, time
late = measure.late["interval"] = []
last = None
def tick():
    global last
    now = time.perf_counter()
    if last is not None: late.append(abs(now - last - 0.01))
    last = now
midimonster.interval(tick, 10)
midimonster.task(measure.main())
`,
  "plain.py": "import asyncio, measure\nasyncio.run(measure.beside_spin())\n",
});

const IDLE = {
  with: `
import asyncio, midimonster
async def serve():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    asyncio.get_running_loop().call_later(3600, print)
    await asyncio.Event().wait()
midimonster.task(serve())
`,
  without: "import midimonster\n",
};

async function idle(bench: Bench): Promise<Measurement> {
  const [settling, seconds] = bench.quick ? [0, 1] : [10, 10];
  const measure = (module: string) => {
    const files = {
      "monster.cfg": "[python a]\nmodule = a\n",
      "a.py": module,
      "client.py": idleClient({ settling, seconds, of: "loop" }),
    };
    const folder = folderWith(bench, files);
    return () => runWithClient(bench, ours(bench), folder, (pid) => [String(pid)]);
  };
  const pairs = Math.min(bench.pairs, 2);
  const figures = await alternately(
    bench,
    "async, idle",
    {
      ours: measure(IDLE.with),
      floor: measure(IDLE.without),
    },
    pairs,
  );
  return {
    name: "async wakings",
    what: "wake-ups of an idle router with a server, a waiting task and an hour's timer; floor: without asyncio",
    unit: "1/s",
    ours: pick(figures.ours, "wakings"),
    reference: [],
    floor: pick(figures.floor, "wakings"),
  };
}

export const ASYNC_CASE: BenchCase = {
  name: "async",
  what: "asyncio: handlers, task switches, streams, timers, beside plain asyncio",
  async run(bench) {
    const results: Measurement[] = [];
    const add = (name: string, what: string, unit: string, own: number[], floor: number[] = []) =>
      results.push({ name: `async ${name}`, what, unit, ours: own, reference: [], floor });

    const events = folderWith(bench, handlers(bench.quick ? 1000 : 20_000));
    const handled = await alternately(bench, "async, handlers", { ours: () => runConfig(bench, ours(bench), events) });
    add("return", "an event to an `async def` that returns at once", "ns", pick(handled.ours, "async"));
    add("plain", "an event to a plain function, beside them", "ns", pick(handled.ours, "plain"));

    const folder = folderWith(bench, compared(bench.quick ? 0.02 : 1));
    const figures = await alternately(bench, "async", {
      ours: () => runConfig(bench, ours(bench), folder, { env: SAME_MALLOC }),
      floor: () => run(bench.python, ["plain.py"], { cwd: folder, env: SAME_MALLOC }),
    });
    for (const [figure, what, unit] of [
      ["switch", "`sleep(0)` in 200 tasks; floor: plain asyncio", "ns"],
      ["echo", "a line to a stream and back, processor time; floor: plain asyncio", "µs"],
      ["late", "`sleep(0.01)` is late, median; floor: plain asyncio", "µs"],
    ] as const)
      add(figure, what, unit, pick(figures.ours, figure), pick(figures.floor, figure));

    for (const load of ["task", "events"] as const) {
      const files = fairness(bench.quick ? 1 : 5, load);
      const own = folderWith(bench, files);
      const pairs = Math.min(bench.pairs, 3);
      const measures = { ours: () => runConfig(bench, ours(bench), own) };
      // Plain Python has no events.
      const floor = { floor: () => run(bench.python, ["plain.py"], { cwd: own }) };
      const late = await alternately(
        bench,
        "async, load",
        load === "task" ? { ...measures, ...floor } : measures,
        pairs,
      );
      const beside = load === "task" ? "a task that never waits" : "a feedback loop";
      for (const what of ["interval", "timer", "socket"] as const) {
        const plain = load === "task" && what !== "interval";
        add(
          `${what} beside ${load}`,
          `how late a ${what} is beside ${beside}, p99${plain ? "; floor: plain asyncio" : ""}`,
          "ms",
          pick(late.ours, what),
          plain ? pick(late.floor, what) : [],
        );
      }
    }
    results.push(await idle(bench));
    return results;
  },
};
