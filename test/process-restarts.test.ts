// A thousand restarts of instances' processes leave nothing behind.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { growth, ownUsage, type Usage } from "../soak/memory.js";
import { skipWithSanitizers } from "./helpers.js";
import { ownProcess } from "./own-process.js";
import { ASK, ask, type Session, start } from "./session.js";

/** Restarts of each of two instances. Over the first few hundred, what V8 and malloc() keep grows by megabytes. */
const WARM_UP = 250;
const MEASURED = 400;
/** Memory is measured so often meanwhile, since single measurements differ by a megabyte. */
const SAMPLES = 20;
/** In MiB, from the first third to the last one: a page for each restart would be two. */
const MAX_GROWTH = 1.8;

const CONFIG = ownProcess(`
[python two]
own-process = on
module = mod
[map]
probe.{go,ask} > py.mod.{go,ask}
py.done > probe.done
`);

function numbers(session: Session): number[] {
  return session.router
    .describe()
    .instances.flatMap(({ status }) => (status?.state === "ok" ? (/^process (\d+)/.exec(status.text)?.[1] ?? []) : []))
    .map(Number);
}

/** Kills both processes, and resolves once two others run. */
async function restartBoth(session: Session): Promise<void> {
  const before = numbers(session);
  for (const pid of before) process.kill(pid, "SIGKILL");
  for (let now = before; now.length < 2 || now.some((pid) => before.includes(pid)); now = numbers(session)) {
    await setImmediate();
  }
}

/** What this process has, by kind: `anon_inode:[eventfd]`, `socket`. */
function descriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, "");
    } catch {
      return []; // that of the folder itself
    }
  });
}

async function measure(session: Session) {
  await ask(session);
  await setImmediate();
  const threads = readdirSync("/proc/self/task");
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8")
      .split(" ")
      .filter((pid) => pid !== ""),
  );
  return {
    descriptors: descriptors().sort(),
    children: children.length,
    threads: threads.length,
  };
}

describe("a thousand restarts of instances' processes", () => {
  const { now } = performance;
  afterEach(() => {
    performance.now = now;
  });

  it("leave no descriptor, process, thread or memory behind", async function () {
    this.timeout(20 * 60_000);
    skipWithSanitizers(this, "memory is not what it is otherwise");
    // Restarts are immediate after a minute: this clock is a minute further with each.
    let minutes = 0;
    performance.now = () => now.call(performance) + minutes * 60_000;
    const session = await start(CONFIG, { "mod.py": `${ASK}\ndef go(value): pass\n` });
    const restart = async (times: number) => {
      for (let i = 0; i < times; ++i) {
        ++minutes;
        await restartBoth(session);
        session.log.entries.length = 0;
      }
    };
    await restart(WARM_UP);
    const before = await measure(session);
    const samples: Usage[] = [];
    for (let i = 0; i < SAMPLES; ++i) {
      await restart(MEASURED / SAMPLES);
      samples.push(ownUsage());
    }
    const after = await measure(session);
    const grown = growth(samples);
    assert.deepEqual(after.descriptors, before.descriptors);
    assert.equal(after.children, before.children);
    assert.ok(after.threads <= before.threads, `${after.threads} threads, ${before.threads} before`);
    assert.ok(grown < MAX_GROWTH, `${grown.toFixed(2)} MiB more after ${2 * MEASURED} restarts`);
    console.log(`      ${2 * MEASURED} restarts: ${grown.toFixed(2)} MiB, ${after.descriptors.length} descriptors`);
  });
});
