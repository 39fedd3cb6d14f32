/** OSC: one message at a time through the program, and as many as it can handle. */
import type { BenchCase } from "../case.js";
import {
  alternately,
  type Figures,
  folderWith,
  PROCESSOR_TIME,
  type Program,
  pick,
  programs,
  runWithClient,
} from "../programs.js";

/** Messages are decoded at `port`, and one of them comes back at `port` + 2. */
const configOf = (port: number) => `[osc in]
bind = 127.0.0.1 ${port}
[osc out]
bind = 127.0.0.1 ${port + 1}
destination = 127.0.0.1 ${port + 2}
/echo = f 0 1
[loopback sink]
[map]
in./echo > out./echo
in./fader{1..32} > sink.fader{1..32}
`;

const CLIENT = `
import json, socket, struct, sys, time
${PROCESSOR_TIME}
pid = sys.argv[1]
port, trips, windows = (int(arg) for arg in sys.argv[2:])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", port + 2))

def text(content):
    return content.encode() + b"\\0" * (4 - len(content) % 4)

def message(path, value):
    return text(path) + text(",f") + struct.pack(">f", value)

turn = 0
def ask():
    global turn
    turn += 1
    value = message("/echo", turn % 1000 / 1024 + 1 / 1024)
    sock.sendto(value, ("127.0.0.1", port))
    return value

def echo():
    value = ask()
    came = sock.recv(100)
    if came != value: sys.exit("sent %r, got %r" % (value, came))

sock.settimeout(0.2)
deadline = time.monotonic() + 20
while True:
    try:
        ask()
        sock.recv(100)  # may be the answer to an earlier one
        break
    except socket.timeout:
        if time.monotonic() > deadline: sys.exit("no answer")
# Late answers to the first attempts.
sock.settimeout(0.2)
try:
    while True: sock.recv(100)
except socket.timeout:
    pass

sock.settimeout(5)
times = []
for trip in range(trips):
    begun = time.perf_counter()
    echo()
    times.append(time.perf_counter() - begun)
times = sorted(times[trips // 10:])

# Bundles of 32 messages; after so many that the socket's buffer has room for, one message has to come back.
bundles = []
for k in range(50):
    parts = [message("/fader%d" % (i + 1), (k * 32 + i) / 1600) for i in range(32)]
    bundles.append(b"#bundle\\0" + struct.pack(">Q", 1) + b"".join(struct.pack(">i", len(p)) + p for p in parts))
def send(windows):
    for window in range(windows):
        for bundle in bundles: sock.sendto(bundle, ("127.0.0.1", port))
        echo()
send(windows // 2)
before = processor_time(pid)
send(windows)
rate = windows * 1600 / (processor_time(pid) - before)
print(json.dumps({"p50": times[len(times) // 2] * 1e6, "p99": times[len(times) * 99 // 100] * 1e6, "rate": rate}))
`;

const PARTS = [
  ["p50", "round trip of a message from OSC to OSC, median", "µs"],
  ["p99", "the same, 99th percentile", "µs"],
  ["rate", "OSC messages in bundles of 32, decoded and routed, for a second of the processor", "per second"],
] as const;

export const OSC_CASE: BenchCase = {
  name: "osc",
  what: "OSC in and out: round trip of a message, and messages a second",
  async run(bench) {
    let port = 20_000 + (process.pid % 20_000);
    const measure = async (program: Program): Promise<Figures> => {
      port += 3;
      const folder = folderWith(bench, { "monster.cfg": configOf(port), "client.py": CLIENT });
      const [trips, windows] = bench.quick ? ["500", "20"] : ["5000", "200"];
      return runWithClient(bench, program, folder, (pid) => [String(pid), String(port), trips, windows]);
    };
    const figures = await alternately(
      bench,
      "osc",
      Object.fromEntries(programs(bench).map((program) => [program.name, () => measure(program)])),
    );
    return PARTS.map(([part, what, unit]) => ({
      name: `osc ${part}`,
      what,
      unit,
      ours: pick(figures.ours, part),
      reference: pick(figures.reference, part),
      floor: [],
    }));
  },
};
