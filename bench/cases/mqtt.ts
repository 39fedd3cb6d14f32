/** MQTT through mosquitto: messages a second of the processor, and what the backend adds to a start. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { BenchCase } from "../case.js";
import {
  alternately,
  type Figures,
  folderWith,
  ours,
  PROCESSOR_TIME,
  type Program,
  pick,
  programs,
  runConfig,
  runWithClient,
} from "../programs.js";

const BROKER = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((file) => existsSync(file)) ?? "mosquitto";

// Version 3.1.1, since MIDIMonster's messages of version 5 begin with two more bytes.
const configOf = (port: number) => `[mqtt m]
host = 127.0.0.1:${port}
protocol = 3.1.1
[map]
m.in/{1..32} > m.out/{1..32}
`;

const CLIENT = `
import json, socket, struct, sys, time
${PROCESSOR_TIME}
pid, port, windows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
deadline = time.monotonic() + 20
while True:
    try:
        sock = socket.create_connection(("127.0.0.1", port))
        break
    except OSError:
        if time.monotonic() > deadline: sys.exit("no broker")
        time.sleep(0.05)
def text(content): return struct.pack(">H", len(content)) + content.encode()
def packet(kind, body): return bytes([kind, len(body)]) + body
sock.sendall(packet(0x10, text("MQTT") + bytes([4, 2, 0, 0]) + text("bench")))
buffer = b""
# The bodies of all packets that have come, once there are any.
def packets():
    global buffer
    data = sock.recv(1 << 16)
    if not data: sys.exit("the broker has closed the connection")
    buffer += data
    found, at = [], 0
    while len(buffer) >= at + 2 and len(buffer) >= at + 2 + buffer[at + 1]:
        found.append((buffer[at], buffer[at + 2 : at + 2 + buffer[at + 1]]))
        at += 2 + buffer[at + 1]
    buffer = buffer[at:]
    return found
packets()
sock.sendall(packet(0x82, b"\\0\\1" + text("out/#") + b"\\0"))
packets()
turn = 0
def window(count):
    global turn
    parts = []
    for i in range(count):
        turn += 1
        parts.append(packet(0x30, text("in/%d" % (i % 32 + 1)) + ("%.6f" % (turn % 1000 / 1000)).encode()))
    last = turn % 1000 / 1000
    sock.sendall(b"".join(parts))
    came = 0
    while came < count:
        for kind, body in packets():
            if kind >> 4 != 3: continue
            came += 1
            value = float(body[2 + struct.unpack(">H", body[:2])[0] :])
    if abs(value - last) > 2e-6: sys.exit("the last value is %r, not %r" % (value, last))
# Until the program has subscribed.
sock.settimeout(0.2)
while True:
    try:
        window(1)
        break
    except socket.timeout:
        if time.monotonic() > deadline: sys.exit("no answer")
try:
    while True: packets()
except socket.timeout:
    pass
sock.settimeout(10)
for _ in range(windows): window(320)
before = processor_time(pid)
for _ in range(windows): window(320)
print(json.dumps({"rate": windows * 320 / (processor_time(pid) - before)}), flush=True)
`;

const START = `
import time
import midimonster
def first():
    print('{"ms": %f}' % (time.process_time() * 1000), flush=True)
    midimonster.interval(first, 0)
midimonster.interval(first, 10)
`;

export const MQTT_CASE: BenchCase = {
  name: "mqtt",
  what: "MQTT in and out through mosquitto: messages a second; what the backend adds to a start",
  async run(bench) {
    if (spawnSync(BROKER, ["-h"]).error !== undefined) {
      bench.skip("mqtt", "there is no mosquitto; on Debian: apt-get install mosquitto");
      return [];
    }
    const port = 20_000 + (process.pid % 20_000);
    const broker = startBroker(folderWith(bench, {}), port);
    try {
      const folder = folderWith(bench, { "monster.cfg": configOf(port), "client.py": CLIENT });
      const measure = (program: Program) => (): Promise<Figures> =>
        runWithClient(bench, program, folder, (pid) => [String(pid), String(port), bench.quick ? "5" : "100"]);
      const start = (more: string) => {
        const files = { "monster.cfg": `[python a]\nmodule = mod\n${more}`, "mod.py": START };
        const where = folderWith(bench, files);
        return (): Promise<Figures> => runConfig(bench, ours(bench), where);
      };
      const figures = await alternately(bench, "mqtt", {
        ...Object.fromEntries(programs(bench).map((program) => [program.name, measure(program)])),
        without: start("[loopback m]\n"),
        with: start(`[mqtt m]\nhost = 127.0.0.1:${port}\n[map]\na.x > m.x\n`),
      });
      const without = pick(figures.without, "ms");
      return [
        {
          name: "mqtt rate",
          what: "MQTT messages received and sent, for a second of the processor",
          unit: "per second",
          ours: pick(figures.ours, "rate"),
          reference: pick(figures.reference, "rate"),
          floor: [],
        },
        {
          name: "mqtt start",
          what: "command to first interval with an mqtt instance, beyond that without: processor",
          unit: "ms",
          ours: pick(figures.with, "ms").map((ms, i) => ms - (without[i] ?? Number.NaN)),
          reference: [],
          floor: [],
        },
      ];
    } finally {
      broker.kill("SIGKILL");
    }
  },
};

function startBroker(folder: string, port: number): ChildProcess {
  const file = path.join(folder, "mosquitto.conf");
  // Otherwise each window waits 40 ms for what TCP holds back in the broker, and the machine does nothing.
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "log_type error", "set_tcp_nodelay true"];
  writeFileSync(file, `${lines.join("\n")}\n`);
  return spawn(BROKER, ["-c", file], { stdio: "ignore" });
}
