/** Runs mmpy under a mixed load, for minutes or days, and checks that nothing is lost, leaked or delayed. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { minutes, printHeading, total, values, warmUp } from "./arguments.js";
import { startBroker } from "./broker.js";
import { type Usage, usageOf } from "./memory.js";
import { Pages, writePage } from "./pages.js";
import { Program, type Report } from "./program.js";
import { reload } from "./reload.js";
import { startSequencer } from "./sequencer.js";
import { Traffic } from "./traffic.js";
import { droppedBy } from "./udp.js";
import { verdict } from "./verdict.js";

const folder = mkdtempSync(path.join(tmpdir(), "mmpy-soak-"));
cpSync(path.join(path.dirname(fileURLToPath(import.meta.url)), "show"), folder, { recursive: true });
// Addresses of this machine that no other program uses.
const [here, there] = [1, 2].map(
  (host) => `127.${1 + (process.pid % 250)}.${Math.floor(process.pid / 250) % 256}.${host}`,
);
const configuration = path.join(folder, "monster.cfg");
const text = readFileSync(configuration, "utf8");
writeFileSync(configuration, text.replace(/\bHERE\b/g, `${here}`).replace(/\bTHERE\b/g, `${there}`));
const broker = startBroker(folder, `${here}`);
const sequencer = await startSequencer(folder);
if (values.pages) writePage(folder, `${here}`, "0");
else writeFileSync(path.join(folder, "web.cfg"), "");
const program = new Program(folder, sequencer?.environment);
const begun = Date.now();
const elapsed = () => Date.now() - begun;
const samples: Usage[] = [];
const watch = setInterval(sample, 1000);
let failure = "";
let traffic: Traffic | undefined;
let pages: Pages | undefined;
let left = Number.NaN;
const counts = new Map<string, Report>();
let dropped = Number.NaN;
try {
  const [ports] = await program.waitFor("ports");
  traffic = await Traffic.open(ports as { udp: number; tcp: number } & Report);
  await program.waitForLog(() => program.log.routes, "routing");
  if (values.pages) pages = new Pages(`${here}`);
  let nextReload = 5000;
  let reloading: Promise<void> | undefined;
  let wrong: unknown;
  while (elapsed() < total) {
    if (program.end !== undefined) throw new Error(`mmpy ended by itself: ${program.end}`);
    if (wrong !== undefined) throw wrong;
    if (pages?.wrong !== undefined) throw pages.wrong;
    await traffic.act();
    if (!values.reloads || reloading !== undefined || elapsed() < nextReload) continue;
    // Everything else goes on meanwhile.
    if (values.pages) writePage(folder, `${here}`, `${program.log.reloads + 1}`);
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
  left = (await pages?.stop()) ?? Number.NaN;
  if (pages?.wrong !== undefined) throw pages.wrong;
  await traffic.settle();
  traffic.send("stop");
  await program.waitFor("stopped", 4);
  traffic.send("report");
  for (const line of await program.waitFor("counts", 7)) counts.set(String(line.counts), line);
  dropped = droppedBy(`${here}`, 9000);
} catch (error) {
  failure = error instanceof Error ? error.message : String(error);
}
clearInterval(watch);
traffic?.close();
program.kill("SIGTERM");
const killed = setTimeout(() => program.kill("SIGKILL"), 60_000);
await program.ended;
clearTimeout(killed);
broker?.kill("SIGKILL");
sequencer?.close();
rmSync(folder, { recursive: true, force: true });
summarise();

/** Takes a sample after the warm-up, and shows progress. */
function sample(): void {
  if (program.end !== undefined) return;
  let usage: Usage;
  try {
    usage = usageOf(program.pid);
  } catch {
    return; // the process has just ended, which is reported elsewhere
  }
  if (elapsed() > warmUp) samples.push(usage);
  const seconds = Math.round(elapsed() / 1000);
  const { datagrams = 0, lines = 0 } = traffic ?? {};
  const text = `${seconds} of ${total / 1000} s: ${datagrams} datagrams, ${lines} lines, ${program.log.raised} exceptions, ${usage.rss.toFixed(1)} MiB`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (seconds % 60 === 0) console.error(text);
}

function summarise(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const checks = traffic === undefined || counts.size === 0 ? [] : verdict(program, traffic, samples, counts, dropped);
  if (pages !== undefined && checks.length > 0) {
    const { opened, messages, requests, seen, released } = pages;
    const found = `${opened} opened, ${messages} messages, ${requests} requests; ${seen} values came back, ${released} buttons were released; ${left} left`;
    checks.push({ what: "pages", found, ok: left === 0 && seen > 0 && released > 0 });
  }
  printHeading();
  for (const { what, found, ok } of checks) console.log(`${ok ? "ok    " : "FAILED"}  ${what}: ${found}`);
  if (failure !== "") console.log(`FAILED  ${failure}`);
  for (const line of program.log.unexpected.slice(0, 10)) console.log(`        ${line}`);
  const failed = failure !== "" || checks.some(({ ok }) => !ok);
  console.log(failed ? "\nFAILED" : `\npassed, after ${minutes} minutes`);
  process.exitCode = failed ? 1 : 0;
}
