/** The price of a monitor that is open. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import type { BenchCase } from "../case.js";
import { alternately, folderWith, pick, run } from "../programs.js";

const CHANNELS = 10_000; // sources, and as many targets
const PORT = 18_099;

/** A client that asks for what the page asks for, and reads as fast as it can. */
function client(library: string): string {
  return `
const { WebSocket } = require(${JSON.stringify(library)});
const connect = () => {
  const socket = new WebSocket("ws://127.0.0.1:${PORT}/ws", ["mmpy.v1"]);
  socket.on("error", () => setTimeout(connect, 20));
  socket.on("open", () => {
    socket.send('{"type":"subscribe","names":"*","binary":true}');
    socket.send('{"type":"follow","topics":["log","stats","graph"]}');
  });
};
connect();
`;
}

/** 100,000 events a second, on all channels in turn. */
function files(seconds: number): Record<string, string> {
  return {
    "monster.cfg": `[python a]\nmodule = ping\n[python b]\nmodule = pong\ndefault-handler = pong.f\n[map]\na.c{1..${CHANNELS}} > b.c{1..${CHANNELS}}\n`,
    "pong.py": "def f(value): pass\n",
    "ping.py": `
import json, os, time
import midimonster
from midimonster import output
names = ["c%d" % i for i in range(1, ${CHANNELS + 1})]
PER_TICK = 1000
ticks = 0
begun = cpu = 0.0
def tick():
    global ticks, begun, cpu
    ticks += 1
    first = ticks * PER_TICK % ${CHANNELS}
    value = ticks % 100 / 100
    for name in names[first:first + PER_TICK]: output(name, value)
    if ticks == 200: begun, cpu = time.perf_counter(), time.thread_time()
    if ticks == 200 + ${seconds * 100}:
        elapsed = time.perf_counter() - begun
        print(json.dumps({"value": 100 * (time.thread_time() - cpu) / elapsed,
            "rate": PER_TICK * (ticks - 200) / elapsed}), flush=True)
        os._exit(0)
midimonster.interval(tick, 10)
`,
  };
}

export const MONITOR_CASE: BenchCase = {
  name: "monitor",
  what: "100,000 events a second on 10,000 channels with the monitor's page open, and without",
  async run(bench) {
    const folder = folderWith(bench, files(bench.quick ? 1 : 5));
    const script = path.join(bench.project, "dist", "cli", "mmpy.cjs");
    const args = [script, "--log-level", "error", "--monitor", String(PORT)];
    const measure = (isOpen: boolean) => async () => {
      let viewer: ChildProcess | undefined;
      const started = () => {
        if (!isOpen) return;
        const source = client(path.join(bench.project, "dist", "ws.cjs"));
        viewer = spawn(process.execPath, ["-e", source], { stdio: "ignore" });
      };
      try {
        return await run(process.execPath, args, { cwd: folder, env: { MMPY_PYTHON: bench.python }, started });
      } finally {
        viewer?.kill("SIGKILL");
      }
    };
    const figures = await alternately(bench, "monitor", { open: measure(true), closed: measure(false) });
    const [open, closed] = [pick(figures.open, "value"), pick(figures.closed, "value")];
    const one = (name: string, what: string, ours: number[]) => ({
      name,
      what,
      unit: "% of a core",
      ours,
      reference: [],
      floor: [],
    });
    const closedWhat = "100,000 events a second on 10,000 channels: processor time of the router's thread";
    return [
      one("monitor closed", closedWhat, closed),
      one("monitor open", "the same, with a page that gets all values 20 times a second", open),
      one(
        "monitor",
        "what that takes",
        open.map((value, i) => value - (closed[i] ?? Number.NaN)),
      ),
    ];
  },
};
