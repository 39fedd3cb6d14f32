/** A datagram's round trip through two instances. */
import type { BenchCase } from "../case.js";
import { alternately, type Figures, folderWith, type Program, pick, programs, run, runConfig } from "../programs.js";

const FILES = {
  "monster.cfg": "[python a]\nmodule = near\n[python b]\nmodule = far\n[map]\na.out > b.far.into\n",
  "near.py": `
import json, os, socket, struct
import midimonster
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(os.environ["BENCH_PORT"])))
def receive(sock):
    midimonster.output("out", struct.unpack("d", sock.recv(64))[0])
midimonster.manage(receive, sock)
def ready():
    midimonster.interval(ready, 0)
    print("ready", flush=True)
midimonster.interval(ready, 100)
`,
  "far.py": `
import os, socket, struct
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.1", int(os.environ["BENCH_PORT"]) + 1))
def into(value):
    sock.send(struct.pack("d", value))
`,
  "client.py": `
import json, os, socket, struct, sys, time
port, trips = int(os.environ["BENCH_PORT"]), int(sys.argv[1])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", port + 1))
sock.settimeout(5)
times = []
for trip in range(trips):
    value = (trip % 1000) / 1000
    begun = time.perf_counter()
    sock.sendto(struct.pack("d", value), ("127.0.0.1", port))
    came = struct.unpack("d", sock.recv(64))[0]
    times.append(time.perf_counter() - begun)
    if came != value: sys.exit("sent %r, got %r" % (value, came))
times = sorted(times[trips // 10:])
print(json.dumps({"p50": times[len(times) // 2] * 1e6, "p99": times[len(times) * 99 // 100] * 1e6}))
`,
};

export const UDP_CASE: BenchCase = {
  name: "udp",
  what: "round trip of a datagram through two instances, one at a time",
  async run(bench) {
    const folder = folderWith(bench, FILES);
    let port = 20_000 + (process.pid % 20_000);
    const measure = async (program: Program): Promise<Figures> => {
      port += 2;
      const env = { BENCH_PORT: String(port) };
      let client: Promise<Figures> | undefined;
      const trips = bench.quick ? "500" : "10000";
      await new Promise<void>((resolve, reject) => {
        const router = runConfig(bench, program, folder, {
          env,
          started: (child) => {
            child.stdout?.on("data", (text: string) => {
              // The reference also prints messages there.
              if (client !== undefined || !text.includes("ready")) return;
              client = run(bench.python, [`${folder}/client.py`, trips], { env }).finally(() => child.kill("SIGKILL"));
              client.then(() => resolve(), reject);
            });
          },
        });
        // The router prints no figures and is killed; its end before the client's is an error.
        router.catch((error) => (client === undefined ? reject(error) : undefined));
      });
      if (client === undefined) throw new Error("no client was started");
      return client;
    };
    const figures = await alternately(
      bench,
      "udp",
      Object.fromEntries(programs(bench).map((program) => [program.name, () => measure(program)])),
    );
    return ["p50", "p99"].map((part) => ({
      name: `udp ${part}`,
      what: part === "p50" ? "round trip of a datagram through two instances, median" : "the same, 99th percentile",
      unit: "µs",
      ours: pick(figures.ours, part),
      reference: pick(figures.reference, part),
      floor: [],
    }));
  },
};
