/** Runs mmpy with everything at once, for minutes or days, and says whether it has lost, leaked or delayed anything. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Held, heldBy } from "./memory.js";
import { Program, type Told } from "./program.js";
import { reload } from "./reload.js";
import { Traffic } from "./traffic.js";
import { verdict } from "./verdict.js";

const HELP = `Usage: npm run soak -- [options]

Runs mmpy with six python instances (soak/show/): datagrams, TCP, loopbacks, batches, intervals, threads, sockets that come
and go, exceptions at random. Checks that what went in came out, that memory stays flat after a warm-up, that intervals are
punctual and that the log has nothing else. Exit status 1 if not.

Options:
  --minutes N   how long (default 5)
  --reloads     has mmpy load a changed module anew every five seconds or so
  -h, --help    this text

Environment:
  MMPY_PYTHON   the Python to use
`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    reloads: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const minutes = Number(values.minutes);
if (!(minutes > 0)) fail(`--minutes ${values.minutes} is not a positive number`);
if (process.platform !== "linux") fail("memory is read from /proc, which only Linux has");

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

const total = minutes * 60_000;
const warmUp = Math.min(total / 3, Math.max(60_000, total / 10));

const folder = mkdtempSync(path.join(tmpdir(), "mmpy-soak-"));
cpSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "show"), folder, { recursive: true });
const program = new Program(folder);
const begun = Date.now();
const elapsed = () => Date.now() - begun;
const samples: Held[] = [];
const watch = setInterval(look, 1000);
let failure = "";
let traffic: Traffic | undefined;
const counts = new Map<string, Told>();
try {
  const [ports] = await program.tells("ports");
  traffic = await Traffic.open(ports as { udp: number; tcp: number } & Told);
  let nextReload = 5000;
  let reloading: Promise<void> | undefined;
  let wrong: unknown;
  while (elapsed() < total) {
    if (program.end !== undefined) throw new Error(`mmpy ended by itself: ${program.end}`);
    if (wrong !== undefined) throw wrong;
    await traffic.something();
    if (!values.reloads || reloading !== undefined || elapsed() < nextReload) continue;
    // Everything else goes on meanwhile.
    reloading = reload(program, folder).then(
      () => {
        nextReload = elapsed() + Math.random() * 10_000;
        reloading = undefined;
      },
      (error) => {
        wrong = error;
      },
    );
  }
  await reloading;
  if (wrong !== undefined) throw wrong;
  await traffic.settle();
  traffic.say("stop");
  await program.tells("stopped", 3);
  traffic.say("tell");
  for (const line of await program.tells("counts", 6)) counts.set(String(line.counts), line);
} catch (error) {
  failure = error instanceof Error ? error.message : String(error);
}
clearInterval(watch);
traffic?.close();
program.kill("SIGTERM");
const killed = setTimeout(() => program.kill("SIGKILL"), 60_000);
await program.ended;
clearTimeout(killed);
rmSync(folder, { recursive: true, force: true });
summarise();

/** Takes a sample after the warm-up, and shows how it goes. */
function look(): void {
  if (program.end !== undefined) return;
  let held: Held;
  try {
    held = heldBy(program.pid);
  } catch {
    return; // it has just ended, which is about to be told
  }
  if (elapsed() > warmUp) samples.push(held);
  const seconds = Math.round(elapsed() / 1000);
  const { datagrams = 0, lines = 0 } = traffic ?? {};
  const text = `${seconds} of ${total / 1000} s: ${datagrams} datagrams, ${lines} lines, ${program.log.raised} exceptions, ${held.rss.toFixed(1)} MiB`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (seconds % 60 === 0) console.error(text);
}

function summarise(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const checks = traffic === undefined || counts.size === 0 ? [] : verdict(program, traffic, samples, counts);
  console.log(`npm run soak${process.argv.slice(2).length > 0 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}\n`,
  );
  for (const { what, found, ok } of checks) console.log(`${ok ? "ok    " : "FAILED"}  ${what}: ${found}`);
  if (failure !== "") console.log(`FAILED  ${failure}`);
  const failed = failure !== "" || checks.some(({ ok }) => !ok);
  console.log(failed ? "\nFAILED" : `\npassed, after ${minutes} minutes`);
  process.exitCode = failed ? 1 : 0;
}
