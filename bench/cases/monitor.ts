/** The price of a monitor that is open. */
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import type { BenchCase } from "../case.js";
import { alternately, folderWith, pick, run } from "../programs.js";

const CHANNELS = 5000; // of each of two instances
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

/** Events circulate on all channels, as fast as they can; the first channel's handler counts rounds. */
function files(rounds: number): Record<string, string> {
  return {
    "monster.cfg": `[python a]\nmodule = ping\ndefault-handler = ping.f\n[python b]\nmodule = pong\ndefault-handler = pong.f\n[map]\na.c{1..${CHANNELS}} <> b.c{1..${CHANNELS}}\n`,
    "pong.py": "from midimonster import current, output\ndef f(value): output(current(), value)\n",
    "ping.py": `
import json, os, time
import midimonster
from midimonster import current, output
passed = started = 0
def f(value):
    global passed, started
    name = current()
    if name == "c1":
        passed += 1
        if passed == ${Math.ceil(rounds / 10)}: started = time.perf_counter()
        if passed == ${rounds}:
            elapsed = time.perf_counter() - started
            print(json.dumps({"value": elapsed / (${rounds - Math.ceil(rounds / 10)} * 2 * ${CHANNELS}) * 1e9}), flush=True)
            os._exit(0)
    output(name, 1.0 - value)
def start():
    midimonster.interval(start, 0)
    for i in range(1, ${CHANNELS + 1}): output("c%d" % i, 0.25)
midimonster.interval(start, 1000)
`,
  };
}

export const MONITOR_CASE: BenchCase = {
  name: "monitor",
  what: "events between Python handlers on 10,000 channels with the monitor's page open, and without",
  async run(bench) {
    const folder = folderWith(bench, files(bench.quick ? 20 : 1000));
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
    const one = (name: string, what: string, unit: string, ours: number[]) => ({
      name,
      what,
      unit,
      ours,
      reference: [],
      floor: [],
    });
    return [
      one("monitor closed", "10,000 channels, Python to Python", "ns per event", closed),
      one("monitor open", "the same, with a page that gets all values 20 times a second", "ns per event", open),
      one(
        "monitor",
        "open to closed",
        "times",
        open.map((value, i) => value / (closed[i] ?? Number.NaN)),
      ),
    ];
  },
};
