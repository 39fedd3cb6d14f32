// Clocks that jump, processes that are suspended, machines that are busy: intervals keep their phase and never make up for
// missed calls in a burst.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import path from "node:path";
import { folderWith, mmpy, projectFolder, run } from "./helpers.js";
import { inPhase } from "./phase.js";
import { start } from "./session.js";

/** Tells the times of an interval's calls, in ms since it was registered: the n-th belongs at n * PERIOD. */
const TICKING = `
def begin(value=1):
    global began
    began = midimonster.timestamp()
    midimonster.interval(tick, PERIOD)
def tick(): tell(midimonster.timestamp() - began)
`;

/** mmpy with an interval of 50 ms that prints its times; `times` waits until so many have been printed. */
function ticking(code: string, env: NodeJS.ProcessEnv = {}) {
  const folder = folderWith({
    "monster.cfg": "[python py]\nmodule = mod\n",
    "mod.py": `
import midimonster
PERIOD = 50
count = 0
def tell(time):
    global count
    count += 1
    print("tick", count, time)
    each(count)
${TICKING}
${code}
def once():
    midimonster.interval(once, 0)
    begin()
midimonster.interval(once, 10)
`,
  });
  const args = ["--log-format", "json", path.join(folder, "monster.cfg")];
  const running = mmpy(args, { env: { ...process.env, ...env } });
  const times = async (count: number) => {
    await running.sees(new RegExp(`tick ${count} \\d+\n`));
    return [...running.stdout.matchAll(/tick \d+ (\d+)\n/g)].map(([, time]) => Number(time));
  };
  return { running, times };
}

describe("an interval", () => {
  it("skips the calls that it missed while the process was suspended for two seconds", async () => {
    const { running, times } = ticking("def each(count): pass");
    const before = await times(10);
    running.child.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    running.child.kill("SIGCONT");
    const after = await times(before.length + 25);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    inPhase(after, 50);
    // 40 were missed, and none of them made up for.
    const longest = Math.max(...after.slice(1).map((time, i) => time - (after[i] ?? 0)));
    assert.ok(longest >= 1900, `${after}`);
  });

  it("does not care for a clock that is put forward an hour, and back two", async function () {
    if (process.platform !== "linux" || spawnSync("cc", ["--version"]).error !== undefined) {
      console.log("SKIPPED: needs Linux and a C compiler; on Debian: apt-get install gcc");
      this.skip();
    }
    const library = path.join(folderWith({}), "clock-jump.so");
    const source = path.join(projectFolder, "test", "native", "clock-jump.c");
    const compiled = spawnSync("cc", ["-shared", "-fPIC", "-o", library, source], { encoding: "utf8" });
    assert.equal(compiled.status, 0, compiled.stderr);
    const { running, times } = ticking(
      `
import ctypes
def each(count):
    if count == 10: ctypes.CDLL(None).jump(ctypes.c_long(3600))
    if count == 20: ctypes.CDLL(None).jump(ctypes.c_long(-7200))
    if count in (5, 15, 25): midimonster.output("what time is it, %d" % count, 1) # the log has it
`,
      // After a sanitizer's own, where one is there: it insists on being the first.
      { LD_PRELOAD: [process.env.LD_PRELOAD, library].filter(Boolean).join(":") },
    );
    const all = await times(30);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    inPhase(all, 50);
    // The clock did jump: what is logged has its time.
    const logged = running.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { time: number; msg: string });
    const [first = 0, second = 0, third = 0] = logged
      .filter(({ msg }) => msg.includes("what time is it"))
      .map(({ time }) => time / 1000);
    assert.ok(second - first > 3500 && second - third > 7100, `${[first, second, third]}`);
  });

  it("of several instances keeps its phase on a machine that is busier than it can be", async () => {
    const load = Array.from({ length: 3 * cpus().length }, () => run("sh", ["-c", "while :; do :; done"]));
    try {
      const names = ["one", "two", "three"];
      const session = await start(
        `${names.map((name) => `[python ${name}]\nmodule = ${name}\n`).join("")}[map]\n${names.map((name) => `probe.begin > ${name}.${name}.begin\n${name}.tick > probe.${name}\n`).join("")}`,
        Object.fromEntries(
          names.map((name, i) => [
            `${name}.py`,
            `PERIOD = ${(i + 1) * 20}\ndef tell(time):\n    say(["${name}", time])\n    midimonster.output("tick", 1)\n${TICKING}`,
          ]),
        ),
      );
      session.probe.emit("begin", 1);
      for (const name of names) await session.probe.until(name, 40);
      for (const [i, name] of names.entries()) {
        const times = (session.said() as [string, number][]).filter(([who]) => who === name).map(([, time]) => time);
        inPhase(times, (i + 1) * 20);
      }
    } finally {
      for (const { child } of load) child.kill("SIGKILL");
    }
  });
});

describe("tasks and exact times", () => {
  it("of a process that was suspended for a second come once, and then at their pace", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import asyncio, midimonster, time
def tell(what): print(what, time.monotonic(), flush=True)
async def paced():
    while True:
        await asyncio.sleep(0.05)
        tell("paced")
async def waiting():
    try: await asyncio.wait_for(asyncio.Event().wait(), 0.4)
    except asyncio.TimeoutError: tell("timeout")
async def main():
    asyncio.get_running_loop().call_later(0.4, tell, "later")
    midimonster.after(lambda: tell("after"), 400)
    midimonster.interval(lambda: tell("exact"), 50, exact=True)
    tell("begin")
    both = asyncio.gather(paced(), waiting())
    await asyncio.sleep(0)
    tell("waits")
    await both
midimonster.task(main())
`,
    });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/waits/);
    running.child.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    running.child.kill("SIGCONT");
    await running.sees(/(exact[\s\S]*){6}/);
    await running.sees(/(paced[\s\S]*){6}/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    const times = (what: string) =>
      [...running.stdout.matchAll(new RegExp(`^${what} (.*)$`, "gm"))].map(([, time]) => Number(time) * 1000);
    for (const once of ["later", "after", "timeout"]) assert.equal(times(once).length, 1, running.stdout);
    // Each sleep begins when the last one has ended.
    const paced = times("paced");
    for (const [i, time] of paced.slice(1).entries()) assert.ok(time - (paced[i] ?? 0) >= 50, `${paced}`);
    // Each call has a place of its own in the period, and comes neither before it nor in that of the next one.
    const [begin = 0] = times("begin");
    const places = times("exact").map((time) => Math.floor((time - begin) / 50));
    assert.equal(new Set(places).size, places.length, `${places}`);
    assert.ok((places[0] ?? 0) >= 1);
  });
});
