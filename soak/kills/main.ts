/** Kills processes of instances, one after the other, while events go through all of them. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Router } from "../../lib/index.js";
import { isAlive } from "../../test/own-process.js";
import { minutes, printHeading, total, warmUp } from "../arguments.js";
import { Crowd, type Worker } from "./crowd.js";
import { verdict } from "./verdict.js";
import { KillsLog, type Sample, sampleOf } from "./watch.js";

/** Each is killed every 80 s in the middle: most restarts are immediate, some wait. */
const NAMES = Array.from({ length: 8 }, (_, i) => `w${i + 1}`);
const BETWEEN = 10_000; // ms
/** Events for one instance that are on their way. */
const MOST = 40_000;
/** In ms: the longest wait before a restart is a minute. */
const PATIENCE = 120_000;

const below = (limit: number) => Math.floor(Math.random() * limit);

const folder = mkdtempSync(path.join(tmpdir(), "mmpy-soak-"));
cpSync(fileURLToPath(new URL("worker.py", import.meta.url)), path.join(folder, "worker.py"));
const crowd = new Crowd(NAMES);
writeFileSync(path.join(folder, "monster.cfg"), crowd.text);
const log = new KillsLog();
const router = Router.fromFile(path.join(folder, "monster.cfg"), { backends: [crowd], logger: log });
const samples: Sample[] = [];
let kills = 0;
let failure = "";

/** The processes of instances that run, by name, as the router describes them. */
function running(): Map<string, number> {
  const pids = new Map<string, number>();
  for (const { name, status } of router.describe().instances) {
    const pid = status?.state === "ok" ? /^process (\d+)/.exec(status.text)?.[1] : undefined;
    if (pid !== undefined) pids.set(name, Number(pid));
  }
  return pids;
}

function lostOf({ name }: Worker): number {
  return router.describe().instances.find((one) => one.name === name)?.status?.lost ?? 0;
}

/** Events for some of those that run: what comes for others is kept by channel, and so not counted. */
function traffic(): void {
  const pids = running();
  for (const worker of crowd.workers) {
    if (!pids.has(worker.name) || Math.random() < 0.5) continue;
    if (worker.sent - worker.received - lostOf(worker) > MOST) continue;
    crowd.send(worker, Math.random() < 0.01 ? below(2000) : 1 + below(64));
  }
  crowd.sendRound();
}

/** Half of them in the middle of a burst that the ring does not hold. */
function kill(): void {
  const pids = running();
  const worker = crowd.workers[below(crowd.workers.length)];
  const pid = worker && pids.get(worker.name);
  if (worker === undefined || pid === undefined) return; // it is being started again
  if (Math.random() < 0.5) crowd.send(worker, 12_000);
  process.kill(pid, "SIGKILL");
  ++kills;
}

function sample(pids: ReadonlyMap<string, number>): void {
  samples.push(sampleOf([...pids.values()]));
}

function progress(seconds: number): void {
  const sent = crowd.workers.reduce((sum, worker) => sum + worker.sent, 0);
  const rss = samples.at(-1)?.router.rss ?? Number.NaN;
  const text = `${seconds} of ${total / 1000} s: ${sent} events, ${kills} kills, ${log.lost} events lost, ${rss.toFixed(1)} MiB`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (seconds % 60 === 0) console.error(text);
}

/** Everything has arrived, but for what was lost. */
async function settle(): Promise<void> {
  const allRun = () => running().size === NAMES.length;
  const end = performance.now() + PATIENCE;
  while (!allRun()) {
    if (performance.now() > end) throw new Error(`${running().size} of ${NAMES.length} instances run at the end`);
    await sleep(100);
  }
  // What is sent to one arrives in order: these are the last.
  for (const worker of crowd.workers) crowd.send(worker, worker.answers.length);
  const answered = () => crowd.workers.every(({ answers }) => answers.every(({ isComplete }) => isComplete));
  await crowd.until(answered, "the last answers", PATIENCE);
  const { received } = crowd.round;
  crowd.sendRound();
  await crowd.until(() => crowd.round.received > received, "the last event through all instances", PATIENCE);
}

try {
  await router.start();
  const begun = performance.now();
  let nextKill = BETWEEN;
  let seconds = 0;
  for (let elapsed = 0; elapsed < total; elapsed = performance.now() - begun) {
    traffic();
    if (crowd.wrong !== undefined) throw new Error(crowd.wrong);
    if (elapsed > 1000 * seconds) {
      ++seconds;
      const pids = running();
      if (elapsed > warmUp && pids.size === NAMES.length && [...pids.values()].every(isAlive)) sample(pids);
      progress(seconds);
    }
    if (elapsed > nextKill) {
      kill();
      nextKill += BETWEEN;
    }
    await sleep(below(10));
  }
  await settle();
  sample(running());
} catch (error) {
  failure = error instanceof Error ? error.message : String(error);
}
const lost = crowd.workers.map(lostOf);
const atTheEnd = [...running().values()];
await router.stop();
rmSync(folder, { recursive: true, force: true });

if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
const checks = verdict({ crowd, log, samples, kills, lost, pids: atTheEnd });
printHeading();
for (const { what, found, ok } of checks) console.log(`${ok ? "ok    " : "FAILED"}  ${what}: ${found}`);
if (failure !== "") console.log(`FAILED  ${failure}`);
for (const line of log.unexpected.slice(0, 10)) console.log(`        ${line}`);
const failed = failure !== "" || checks.some(({ ok }) => !ok);
console.log(failed ? "\nFAILED" : `\npassed, after ${minutes} minutes`);
process.exitCode = failed ? 1 : 0;
