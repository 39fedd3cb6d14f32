/** Art-Net and sACN through the program: 64 universes in and out, and the time to load their mappings. */
import { existsSync } from "node:fs";
import type { Bench, BenchCase, Measurement } from "../case.js";
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

const UNIVERSES = 64;

/** Addresses of this machine alone, which no other program uses. */
const NETWORK = `127.${1 + (process.pid % 250)}.${Math.floor(process.pid / 250) % 256}`;
const [HERE, THERE] = [`${NETWORK}.1`, `${NETWORK}.2`];

interface Protocol {
  readonly port: number;
  /** An instance that receives the universe number i. */
  input(i: number): string;
  /** An instance that sends to the client. */
  output(i: number): string;
  /** Python: the beginning of the datagram of universe i with the sequence number s. */
  readonly head: string;
}

const ARTNET: Protocol = {
  port: 6454,
  input: (i) => `universe = ${i}`,
  output: (i) => `net = 1\nuniverse = ${i}\ndestination = ${THERE}`,
  head: 'b"Art-Net\\0" + struct.pack("<H", 0x5000) + struct.pack(">HBBBBH", 14, s, 0, i, 0, 512)',
};

const SACN: Protocol = {
  port: 5568,
  input: (i) => `universe = ${i + 1}\nunicast = 1`,
  output: (i) => `universe = ${i + 1001}\npriority = 100\ndestination = ${THERE}`,
  head:
    'struct.pack(">HH12sHI16s", 16, 0, b"ASC-E1.17\\0\\0\\0", 0x726e, 4, b"bench") + ' +
    'struct.pack(">HI64sBHBBH", 0x7258, 2, b"bench", 100, 0, s, 0, i + 1) + ' +
    'struct.pack(">HBBHHHB", 0x720b, 2, 0xa1, 0, 1, 513, 0)',
};

function config(name: string, protocol: Protocol, slots: number, to: "network" | "loopback"): string {
  const parts = [`[backend ${name}]\nbind = ${HERE}\n`];
  for (let i = 0; i < UNIVERSES; ++i) {
    parts.push(`[${name} in${i}]\n${protocol.input(i)}\n`);
    parts.push(to === "network" ? `[${name} out${i}]\n${protocol.output(i)}\n` : `[loopback out${i}]\n`);
  }
  // What tells the client that the program has started.
  if (to === "loopback") parts.push(`[${name} ready]\n${protocol.output(100)}\n`);
  parts.push("[map]\n");
  for (let i = 0; i < UNIVERSES; ++i) parts.push(`in${i}.{1..${slots}} > out${i}.{1..${slots}}\n`);
  return parts.join("");
}

const clientOf = ({ port, head }: Protocol) => `
import json, select, socket, struct, sys, time
${PROCESSOR_TIME}
mode, pid, seconds, universes = sys.argv[1], sys.argv[2], float(sys.argv[3]), ${UNIVERSES}
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
sink.bind(("${THERE}", ${port}))
sink.setblocking(False)
def drain():
    count = 0
    try:
        while True:
            sink.recv(1024)
            count += 1
    except BlockingIOError:
        return count
# Datagrams for which the program's sockets had no room.
local = "%08X:%04X" % (int.from_bytes(socket.inet_aton("${HERE}"), "little"), ${port})
def dropped():
    return sum(int(line.split()[-1]) for line in open("/proc/net/udp") if line.split()[1] == local)
print("bound", flush=True)
select.select([sink], [], [], 60)
if mode == "load":
    print(json.dumps({"seconds": main_thread_time(pid)}), flush=True)
    sys.exit()
time.sleep(0.5)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heads = [[${head} for i in range(universes)] for s in range(256)]
frames = [bytes((slot * 7 + step * 13) % 256 for slot in range(512)) for step in range(251)]
def traffic(seconds, sent):
    begun, received, first = time.perf_counter(), 0, sent
    while True:
        now = time.perf_counter() - begun
        if now >= seconds: return now, sent, received
        # Universes one after the other, as desks send them, and not all in one moment.
        due = first + int(now * 44 * universes)
        while sent < due:
            turn = sent // universes
            sender.sendto(heads[turn % 255 + 1][sent % universes] + frames[turn % 251], ("${HERE}", ${port}))
            sent += 1
        received += drain()
        time.sleep(0.001)
# A show lasts for hours: what is compiled in the first seconds does not count.
_, begun, _ = traffic(seconds, 0)
drain()
before, lost = processor_time(pid), dropped()
passed, sent, received = traffic(seconds, begun)
used = processor_time(pid) - before
time.sleep(0.1)
received += drain()
sent -= begun
lost = dropped() - lost
print(json.dumps({
    "percent": 100 * used / passed, "delivered": 100 * received / sent,
    "lost": lost, "each": 1e6 * used / max(1, sent - lost),
}), flush=True)
`;

function dmxCase(name: string, title: string, protocol: Protocol): BenchCase {
  return {
    name,
    what: `${title}: processor for 64 universes at 44 frames a second, and the time to load 32768 mappings`,
    async run(bench) {
      if (!existsSync("/proc/net/udp")) {
        bench.skip(name, "it reads /proc, which only Linux has");
        return [];
      }
      return measureAll(bench, name, title, protocol);
    },
  };
}

async function measureAll(bench: Bench, name: string, title: string, protocol: Protocol): Promise<Measurement[]> {
  const folder = (slots: number, to: "network" | "loopback") =>
    folderWith(bench, { "monster.cfg": config(name, protocol, slots, to), "client.py": clientOf(protocol) });
  const [through, inside, small] = [folder(512, "network"), folder(512, "loopback"), folder(1, "network")];
  const seconds = bench.quick ? "0.5" : "5";
  const measure = (program: Program, where: string, mode: "traffic" | "load") => (): Promise<Figures> =>
    runWithClient(bench, program, where, (pid) => [mode, String(pid), seconds]);
  const all = await alternately(
    bench,
    name,
    Object.fromEntries(
      programs(bench).flatMap((program) => [
        [`${program.name} through`, measure(program, through, "traffic")],
        [`${program.name} inside`, measure(program, inside, "traffic")],
        [`${program.name} large`, measure(program, through, "load")],
        [`${program.name} small`, measure(program, small, "load")],
      ]),
    ),
  );
  const row = (part: string, what: string, unit: string, values: (program: string) => number[]): Measurement => ({
    name: `${name} ${part}`,
    what,
    unit,
    ours: values("ours"),
    reference: all["reference through"] === undefined ? [] : values("reference"),
    floor: [],
  });
  const figure = (run: string, key: string) => (program: string) => pick(all[`${program} ${run}`], key);
  const load = (program: string) => {
    const small = figure("small", "seconds")(program);
    return figure("large", "seconds")(program).map((time, i) => time - (small[i] ?? Number.NaN));
  };
  const traffic = `${title}, 64 universes × 512 slots × 44 Hz, all slots changing`;
  return [
    row("cpu", `${traffic}, in and out: processor`, "%", figure("through", "percent")),
    row("loopback", `${traffic}, in and to loopback instances: processor`, "%", figure("inside", "percent")),
    row("each", "the same, for each datagram that is not lost", "µs", figure("inside", "each")),
    row("lost", "datagrams that did not fit into the receive buffer meanwhile", "", figure("through", "lost")),
    row(
      "frames",
      "frames out for frames in; changes of less than 1/44 s are sent together",
      "%",
      figure("through", "delivered"),
    ),
    row("load", "64 × 512 mappings: main thread until the first frame, beyond that of 64 × 1", "s", load),
  ];
}

export const DMX_CASES: readonly BenchCase[] = [dmxCase("artnet", "Art-Net", ARTNET), dmxCase("sacn", "sACN", SACN)];
