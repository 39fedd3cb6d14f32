/** The command `npm run soak`; README.md beside this file says what it does. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const mmpy = path.resolve(here, "..", "dist", "cli", "mmpy.js");

const HELP = `Usage: npm run soak -- [--minutes N]

  --minutes N   for how long (default 5)
`;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, help: { type: "boolean", short: "h", default: false } },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes ${values.minutes} is no time`);
  process.exit(2);
}

const QUIET = 0;
const STATS = 2 ** 32 - 1;
/** Numbers begin anew behind this one: they travel as parts of 2^20 in a value from 0 to 1. */
const HIGHEST = 2 ** 20;
/** How many datagrams may be under way: a socket's buffer holds some hundreds, and what does not fit is lost by the kernel. */
const WINDOW = 64;
/** In ms. */
const BURST_EVERY = 20;
const RELOAD_EVERY = 5000;

/** What `faulty` does on purpose; the log says nothing else at these levels. */
const EXPECTED = [
  /^faulty/,
  /^\d+ times more: faulty/,
  /^once more: faulty/,
];

const problems: string[] = [];
const problem = (text: string) => {
  if (problems.length < 20) problems.push(text);
};

/** Sends numbers and gets them back: each once, in order. */
class Ping {
  sent = 0;
  received = 0;
  #sending = true;
  #port = 0;

  constructor(readonly socket: Socket) {
    socket.on("message", (message, { port }) => {
      if (message.toString() === "ready") {
        this.#port = port;
      } else {
        const expected = (this.received % HIGHEST) + 1;
        const number = message.readUInt32BE(0);
        if (number !== expected) problem(`datagram ${number} came back where ${expected} was to come`);
        ++this.received;
      }
    });
  }

  /** As many as may be under way. */
  fill(): void {
    while (this.#sending && this.#port !== 0 && this.sent - this.received < WINDOW) {
      this.send((this.sent % HIGHEST) + 1);
      ++this.sent;
    }
  }

  send(number: number): void {
    const message = Buffer.alloc(4);
    message.writeUInt32BE(number);
    this.socket.send(message, this.#port, "127.0.0.1");
  }

  stop(): void {
    this.#sending = false;
  }
}

/** What mmpy says: its modules' statistics on standard output, its log as JSON on standard error. */
class Router {
  reloads = 0;
  readonly stats = new Map<string, number>();
  readonly ended: Promise<unknown>;
  #rest = "";

  constructor(readonly child: ChildProcess) {
    this.ended = once(child, "close");
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n").filter((one) => one.startsWith("{"))) {
        for (const [name, value] of Object.entries(JSON.parse(line))) this.stats.set(name, value as number);
      }
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#log(line);
    });
  }

  #log(line: string): void {
    if (!line.startsWith("{")) {
      problem(`standard error: ${line}`);
      return;
    }
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    if (/^reloaded: module /.test(msg)) ++this.reloads;
    if (level >= 40 && !EXPECTED.some((pattern) => pattern.test(msg))) problem(`log: ${msg}`);
  }

  /** Resident memory in MiB. */
  memory(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const folder = mkdtempSync(path.join(tmpdir(), "mmpy-soak-"));
cpSync(path.join(here, "python"), folder, { recursive: true });
const socket = createSocket("udp4").bind(0, "127.0.0.1");
await once(socket, "listening");
const ping = new Ping(socket);
const filling = setInterval(() => ping.fill(), BURST_EVERY);
const child = spawn(process.execPath, [mmpy, "--log-format", "json", "-b", "python.handler-warn=1000", "monster.cfg"], {
  cwd: folder,
  env: { ...process.env, SOAK_PORT: String(socket.address().port) },
  stdio: ["ignore", "pipe", "pipe"],
});
const router = new Router(child);
let crashed = false;
router.ended.then(() => {
  crashed = true;
});

const began = Date.now();
const end = began + minutes * 60_000;
const memory: number[] = [];
let asked = 0;
let touched = 0;
let nextReload = began + RELOAD_EVERY;
while (Date.now() < end && !crashed && problems.length < 20) {
  await pause(1000);
  if (crashed) break;
  memory.push(router.memory());
  if (Date.now() > nextReload && router.reloads === asked) {
    nextReload = Date.now() + RELOAD_EVERY;
    appendFileSync(path.join(folder, ["worker.py", "net.py"][touched++ % 2] ?? ""), `# ${touched}\n`);
    child.kill("SIGHUP");
    ++asked;
  }
  if (process.stderr.isTTY) {
    const left = Math.round((end - Date.now()) / 1000);
    process.stderr.write(`\r\x1b[K${left} s left, ${ping.received} datagrams, ${router.reloads} reloads, ${memory.at(-1)?.toFixed(1)} MiB`);
  }
}
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

// Everything comes to rest, then counts must agree.
ping.stop();
clearInterval(filling);
const count = (name: string) => router.stats.get(name) ?? Number.NaN;
if (!crashed) {
  for (let i = 0; i < 50 && ping.received < ping.sent; ++i) await pause(100);
  ping.send(QUIET);
  await pause(500);
  ping.send(STATS);
  await pause(1000);
  if (ping.received !== ping.sent) problem(`${ping.sent} datagrams sent, ${ping.received} came back`);
  for (const what of ["batches", "thread events"]) {
    const [sent, received] = [count(`${what} sent`), count(`${what} received`)];
    if (sent !== received || !(sent > 0)) problem(`${what}: ${sent} sent, ${received} received`);
  }
  if (count("out of order") !== 0) problem(`${count("out of order")} events out of order`);
  if (router.reloads !== asked) problem(`${asked} reloads asked for, ${router.reloads} done`);
  // Each is late by a fraction of its period; a core that was busy for longer skips calls.
  const expected = (Date.now() - began) / 10;
  if (!(count("ticks") > 0.8 * expected)) problem(`${count("ticks")} calls of an interval where ${Math.round(expected)} belong`);
  if (!(count("late") < 5)) problem(`half of the calls of an interval are ${count("late")} ms off their period`);
  child.kill("SIGTERM");
}
const [code, signal] = (await router.ended) as [number | null, string | null];
if (code !== 0) problem(`mmpy ended with ${signal ?? code}`);
socket.close();
rmSync(folder, { recursive: true, force: true });

// The first fifth is warm-up: caches fill, V8's heap finds its size.
const fifth = Math.floor(memory.length / 5);
const [early, late] = [median(memory.slice(fifth, 2 * fifth)), median(memory.slice(-fifth))];
const growth = late - early;
if (fifth > 5 && growth > Math.max(4, 0.05 * early)) {
  problem(`memory grew from ${early.toFixed(1)} to ${late.toFixed(1)} MiB`);
}

const rows: [string, string][] = [
  ["time", `${((Date.now() - began) / 60_000).toFixed(1)} minutes`],
  ["machine", `${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}, Node ${process.version}`],
  ["datagrams, through three instances and a loopback", `${ping.sent} sent, ${ping.received} came back, in order`],
  ["batches of 64", `${count("batches sent")} sent, ${count("batches received")} received`],
  ["events of a thread", `${count("thread events sent")} sent, ${count("thread events received")} received`],
  ["reloads with a changed module", `${router.reloads}`],
  ["calls of an interval of 10 ms", `${count("ticks")}; half of the last 1000 within ${count("late")} ms of their period`],
  ["memory", `${early.toFixed(1)} MiB after warm-up, ${late.toFixed(1)} MiB at the end, ${Math.max(...memory).toFixed(1)} MiB at most`],
  ["result", problems.length === 0 ? "passed" : "FAILED"],
];
for (const [what, is] of rows) console.log(`${what.padEnd(52)}${is}`);
for (const text of problems) console.log(`PROBLEM: ${text}`);
process.exitCode = problems.length === 0 ? 0 : 1;
