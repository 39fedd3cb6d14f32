/** Instances in processes of their own (own-process = on). */
import type { BenchCase, Measurement } from "../case.js";
import { idleClient } from "../idle.js";
import { alternately, type Figures, folderWith, ours, pick, run, runConfig, runWithClient } from "../programs.js";

const OWN = "[backend python]\nown-process = on\n";
/** The instance that measures is in the router's process, whatever the others are in. */
const CLOCK = "[python clock]\nown-process = off\nmodule = clock\n";

/** Two instances that compute at the same time. */
const compute = (loops: number, mode: string) => ({
  "monster.cfg": `${mode}[python a]\nmodule = work\n[python b]\nmodule = work\n${CLOCK}[map]
clock.go > a.work.go\nclock.go > b.work.go\na.done > clock.clock.a\nb.done > clock.clock.b\n`,
  "work.py": `
import midimonster
def go(value):
    total = 0
    for i in range(${loops}): total += i
    midimonster.output("done", 1)
`,
  "clock.py": `
import json, time
import midimonster
def start():
    global begun
    midimonster.interval(start, 0)
    begun = time.perf_counter()
    midimonster.output("go", 1)
seen = 0
def a(value):
    global seen
    seen += 1
    if seen == 2: print(json.dumps({"seconds": time.perf_counter() - begun}), flush=True)
b = a
midimonster.interval(start, 100)
`,
});

const ECHO = `
import midimonster
def echo(value): midimonster.output("back", value)
`;

/** One event at a time; the next one leaves when the last has come back. */
const single = (count: number) => ({
  "monster.cfg": `[python b]\nown-process = on\nmodule = echo\n${CLOCK}[map]\nclock.out > b.echo.echo\nb.back > clock.clock.back\n`,
  "echo.py": ECHO,
  "clock.py": `
import json, time
import midimonster
times = []
def start():
    midimonster.interval(start, 0)
    back(0)
def back(value):
    now = time.perf_counter_ns()
    times.append(now)
    if len(times) < ${count}: midimonster.output("out", 0.5)
    else:
        took = sorted(after - before for before, after in zip(times[len(times) // 10:], times[len(times) // 10 + 1:]))
        print(json.dumps({"p50": took[len(took) // 2] / 1e3, "p99": took[len(took) * 99 // 100] / 1e3}), flush=True)
midimonster.interval(start, 100)
`,
  // The same with nothing between the two.
  "socketpair.py": `
import json, os, socket, time
near, far = socket.socketpair()
if os.fork() == 0:
    near.close()
    while data := far.recv(16): far.sendall(data)
    os._exit(0)
far.close()
times = []
for _ in range(${count}):
    times.append(time.perf_counter_ns())
    near.sendall(b"0123456789abcdef")
    near.recv(16)
took = sorted(after - before for before, after in zip(times[len(times) // 10:], times[len(times) // 10 + 1:]))
near.close()
print(json.dumps({"p50": took[len(took) // 2] / 1e3, "p99": took[len(took) * 99 // 100] / 1e3}), flush=True)
`,
});

const BURST = 512;
/**
 * Many at once, of which one event in the router's process is the source, and which a loopback takes; the next ones leave when the
 * last of them has come back.
 */
const burst = (rounds: number) => ({
  "monster.cfg": `[python b]\nown-process = on\nmodule = echo\n[loopback end]\n${CLOCK}[map]
clock.out > b.echo.echo{1..${BURST}}\nb.back > end.back\nb.last > clock.clock.last\n`,
  "echo.py": `${ECHO}
def last(value):
    midimonster.output("back", value)
    midimonster.output("last", value)
globals().update({"echo%d" % number: echo for number in range(1, ${BURST})}, echo${BURST}=last)
`,
  "clock.py": `
import json, time
import midimonster
rounds = -${rounds} // 10
def start():
    midimonster.interval(start, 0)
    midimonster.output("out", 0.5)
def last(value):
    global rounds, begun
    if rounds == 0: begun = time.perf_counter()
    rounds += 1
    if rounds <= ${rounds}: return midimonster.output("out", 0.5)
    print(json.dumps({"ns": (time.perf_counter() - begun) / (${BURST} * ${rounds}) * 1e9}), flush=True)
midimonster.interval(start, 100)
`,
});

const idle = (settling: number, seconds: number, mode: string) => ({
  "monster.cfg": `${mode}[python a]\nmodule = quiet\n[loopback l]\n[map]\nl.x > a.x\n`,
  "quiet.py": "import midimonster\nmidimonster.started(lambda: None)\n",
  "client.py": idleClient({ settling, seconds, of: "all" }),
});

const REPORT = `
import json, os
def rss():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"): return int(line.split()[1]) / 1024
`;

/** From the end of one process to the first event of the next, which is started at once. */
const start = {
  "monster.cfg": `[python b]\nown-process = on\nmodule = up\n${CLOCK}[map]\nclock.end > b.up.end\nb.{up,mib} > clock.clock.{up,mib}\n`,
  "up.py": `
import midimonster
from report import os, rss
def end(value): os._exit(0)
midimonster.output("mib", rss() / 1024)
midimonster.started(lambda: midimonster.output("up", 1))
`,
  "report.py": REPORT,
  "clock.py": `
import json, time
import midimonster
begun = None
def up(value):
    global begun
    if begun is not None:
        print(json.dumps({"ms": (time.perf_counter() - begun) * 1e3, "mib": size}), flush=True)
        return
    begun = time.perf_counter()
    midimonster.output("end", 1)
def mib(value):
    global size
    size = value * 1024
`,
  "bare.py": `
import json, subprocess, sys, time
from report import rss
begun = time.perf_counter()
subprocess.run([sys.executable, "-c", "pass"], stdin=subprocess.DEVNULL)
ms = (time.perf_counter() - begun) * 1e3
size = float(subprocess.check_output([sys.executable, "-c", "from report import rss; print(rss())"]))
print(json.dumps({"ms": ms, "mib": size}), flush=True)
`,
};

export const PROCESS_CASE: BenchCase = {
  name: "process",
  what: "instances in processes of their own: events there and back, start, memory",
  async run(bench) {
    if (process.platform !== "linux") {
      bench.skip("instances in processes of their own", "they are there on Linux only");
      return [];
    }
    const results: Measurement[] = [];
    const scale = bench.quick ? 0.01 : 1;
    const config = (files: Record<string, string>) => {
      const folder = folderWith(bench, files);
      return () => runConfig(bench, ours(bench), folder);
    };
    const python = (folder: string, program: string) => () => run(bench.python, [program], { cwd: folder });
    const measure = async (name: string, own: () => Promise<Figures>, floor?: () => Promise<Figures>) =>
      alternately(bench, `process, ${name}`, { ours: own, ...(floor && { floor }) });
    const add = (name: string, what: string, unit: string, own: number[], floor: number[] = []) =>
      results.push({ name: `process ${name}`, what, unit, ours: own, reference: [], floor });

    const loops = Math.ceil(5e6 * scale);
    const computed = await measure("compute", config(compute(loops, OWN)), config(compute(loops, "")));
    const seconds = [pick(computed.ours, "seconds"), pick(computed.floor, "seconds")] as const;
    add("compute", "two instances that compute; floor: in the router's process", "s", ...seconds);

    const bursts = await measure("burst", config(burst(Math.ceil(2000 * scale))));
    add("burst", `an event there and back, of ${BURST} at once`, "ns", pick(bursts.ours, "ns"));

    const one = single(Math.ceil(50_000 * scale));
    const alone = python(folderWith(bench, one), "socketpair.py");
    const singles = await measure("single", config(one), alone);
    for (const p of ["p50", "p99"]) {
      const what = `one event there and back, ${p}; floor: 16 bytes over a socketpair between two Pythons`;
      add(p, what, "µs", pick(singles.ours, p), pick(singles.floor, p));
    }

    const [settling, waited] = bench.quick ? [0, 1] : [10, 10];
    const quiet = (mode: string) => {
      const folder = folderWith(bench, idle(settling, waited, mode));
      return () => runWithClient(bench, ours(bench), folder, (pid) => [String(pid)]);
    };
    const wakings = await measure("idle", quiet(OWN), quiet(""));
    const idling = [pick(wakings.ours, "wakings"), pick(wakings.floor, "wakings")] as const;
    add("idle", "wake-ups of both processes while nothing happens; floor: of the router's alone", "1/s", ...idling);

    const bare = python(folderWith(bench, start), "bare.py");
    const starts = await measure("start", config(start), bare);
    const ms = [pick(starts.ours, "ms"), pick(starts.floor, "ms")] as const;
    add("start", "from the end of a process to the first event of the next; floor: python3 -c pass", "ms", ...ms);
    const mib = [pick(starts.ours, "mib"), pick(starts.floor, "mib")] as const;
    add("memory", "of a process; floor: of python3", "MiB", ...mib);
    return results;
  },
};
