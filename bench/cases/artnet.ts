/** Art-Net through the program: 64 universes in and out, and the time to load their mappings. */
import { readFileSync } from "node:fs";
import type { BenchCase } from "../case.js";
import { alternately, type Figures, folderWith, type Program, pick, programs, runWithClient } from "../programs.js";

const UNIVERSES = 64;
const PORT = 6454;

function config(universes: number, slots: number): string {
  const parts = [`[backend artnet]\nbind = 127.0.0.1 ${PORT}\n`];
  for (let i = 0; i < universes; ++i) {
    parts.push(`[artnet in${i}]\nuniverse = ${i}\n`);
    parts.push(`[artnet out${i}]\nnet = 1\nuniverse = ${i}\ndestination = 127.0.0.2 ${PORT}\n`);
  }
  parts.push("[map]\n");
  for (let i = 0; i < universes; ++i) parts.push(`in${i}.{1..${slots}} > out${i}.{1..${slots}}\n`);
  return parts.join("");
}

const CLIENT = `
import json, os, select, socket, struct, sys, time
mode, pid, seconds, universes = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
sink.bind(("127.0.0.2", ${PORT}))
sink.setblocking(False)
def cpu():
    fields = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
def drain():
    count = 0
    try:
        while True:
            sink.recv(1024)
            count += 1
    except BlockingIOError:
        return count
print("bound", flush=True)
select.select([sink], [], [], 60)
first = time.time()
if mode == "load":
    print(json.dumps({"first": first}), flush=True)
    sys.exit()
time.sleep(1)
drain()
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heads = [b"Art-Net\\0" + struct.pack("<H", 0x5000) + struct.pack(">HBBBBH", 14, 0, 0, i, 0, 512) for i in range(universes)]
frames = [bytes((slot * 7 + step * 13) % 256 for slot in range(512)) for step in range(251)]
before, begun, sent, received, step = cpu(), time.perf_counter(), 0, 0, 0
while True:
    now = time.perf_counter() - begun
    if now >= seconds: break
    # Universes one after the other, as desks send them, and not all in one moment.
    due = int(now * 44 * universes)
    while sent < due:
        sender.sendto(heads[sent % universes] + frames[sent // universes % 251], ("127.0.0.1", ${PORT}))
        sent += 1
    received += drain()
    time.sleep(0.001)
used = cpu() - before
time.sleep(0.1)
received += drain()
print(json.dumps({"percent": 100 * used / now, "delivered": 100 * received / sent}), flush=True)
`;

export const ARTNET_CASE: BenchCase = {
  name: "artnet",
  what: "Art-Net: processor for 64 universes at 44 frames a second, and the time to load 32768 mappings",
  async run(bench) {
    if (!hasProc()) {
      bench.skip("artnet", "it reads /proc, which only Linux has");
      return [];
    }
    const large = folderWith(bench, { "monster.cfg": config(UNIVERSES, 512), "client.py": CLIENT });
    const small = folderWith(bench, { "monster.cfg": config(UNIVERSES, 1), "client.py": CLIENT });
    const seconds = bench.quick ? "0.5" : "5";

    /** Runs a program with a client, which prints the figures. */
    const measure = async (program: Program, folder: string, mode: "traffic" | "load"): Promise<Figures> => {
      let started = 0;
      const figures = await runWithClient(bench, program, folder, (pid) => {
        started = Date.now() / 1000;
        return [mode, String(pid), seconds, String(UNIVERSES)];
      });
      return mode === "load" ? { seconds: (figures.first ?? Number.NaN) - started } : figures;
    };

    const all = await alternately(
      bench,
      "artnet",
      Object.fromEntries(
        programs(bench).flatMap((program) => [
          [`${program.name} traffic`, () => measure(program, large, "traffic")],
          [`${program.name} large`, () => measure(program, large, "load")],
          [`${program.name} small`, () => measure(program, small, "load")],
        ]),
      ),
    );
    const loads = (name: string) => {
      const [with512, with1] = [pick(all[`${name} large`], "seconds"), pick(all[`${name} small`], "seconds")];
      return with512.map((time, i) => time - (with1[i] ?? Number.NaN));
    };
    const rows = [
      ["artnet cpu", "64 universes × 512 slots × 44 Hz, in and out, all slots changing: processor", "%", "percent"],
      ["artnet delivered", "the same: frames that come out", "%", "delivered"],
    ] as const;
    return [
      ...rows.map(([name, what, unit, figure]) => ({
        name,
        what,
        unit,
        ours: pick(all["ours traffic"], figure),
        reference: pick(all["reference traffic"], figure),
        floor: [],
      })),
      {
        name: "artnet load",
        what: "64 × 512 mappings between universes: time until the first frame, beyond that of 64 × 1",
        unit: "s",
        ours: loads("ours"),
        reference: loads("reference"),
        floor: [],
      },
    ];
  },
};

function hasProc(): boolean {
  try {
    return readFileSync("/proc/self/stat", "utf8") !== "";
  } catch {
    return false;
  }
}
