import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { besideOther, isAlive, OTHER, patience, pidOf } from "./own-process.js";
import { ASK, ask, problems, start, stopSessions } from "./session.js";

const CONFIG = besideOther();
const ECHO = `${ASK}\ndef go(value): midimonster.output("out", value)`;

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i / count);

describe("a fault in a process of an instance", () => {
  const { less, asUsual } = patience();

  it("that is suspended holds up nothing else, and loses nothing", async () => {
    const session = await start(CONFIG, { "mod.py": ECHO, "other.py": OTHER });
    const pid = pidOf(session);
    await ask(session);
    process.kill(pid, "SIGSTOP");
    const values = upTo(30_000); // the ring takes 8192
    for (const value of values) session.probe.emit("go", value);
    session.probe.emit("there", 0.5);
    await session.probe.until("here");
    assert.ok(session.probe.values("out").length < values.length, "it was not suspended");
    process.kill(pid, "SIGCONT");
    await session.probe.until("out", values.length);
    assert.deepEqual(session.probe.values("out"), values);
    assert.deepEqual(problems(session), []);
  });

  it("that outputs more than the ring holds, while the router is busy, keeps the order", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}
def go(value):
    open(__file__ + ".begun", "w").close()
    midimonster.interval(done, 10)
    for i in range(20_000): midimonster.output("out", i / 20_000)
def done():
    midimonster.interval(done, 0)
    open(__file__ + ".done", "w").close()  # what it has output is in the ring, or waits for room
`,
      "other.py": OTHER,
    });
    session.probe.emit("go", 1);
    const file = (name: string) => existsSync(path.join(session.folder, `mod.py.${name}`));
    while (!file("begun")) await setImmediate();
    // The router reads nothing meanwhile: JavaScript does not return to its loop.
    const end = performance.now() + 60_000;
    while (!file("done")) {
      assert.ok(performance.now() < end, "it never comes to its interval");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
    await session.probe.until("out", 20_000);
    assert.deepEqual(session.probe.values("out"), upTo(20_000));
  });

  it("that is killed with events on their way: what arrives is in order, and the log counts the rest", async () => {
    const session = await start(CONFIG, { "mod.py": ECHO, "other.py": OTHER });
    const values = upTo(30_000);
    for (const value of values) session.probe.emit("go", value);
    await session.probe.until("out", 1);
    process.kill(pidOf(session), "SIGKILL");
    await session.log.seen(/was ended by SIGKILL/);
    await session.log.seen(/runs again/);
    await ask(session);
    const [ending] = session.log.matching(/was ended by SIGKILL/);
    const lost = Number(/(\d+) events? for it lost/.exec(ending?.message ?? "")?.[1] ?? 0);
    const arrived = session.probe.values("out");
    assert.deepEqual(arrived, values.slice(0, arrived.length));
    assert.ok(arrived.length + lost >= values.length, `${arrived.length} arrived, ${lost} lost`);
  });

  it("that is killed while a reload loads its module fails the reload, and is started again", async () => {
    const session = await start(CONFIG, { "mod.py": ECHO, "other.py": OTHER });
    session.write(
      "mod.py",
      `${ECHO}
import os
if not os.path.exists(__file__ + ".seen"):
    open(__file__ + ".seen", "w").close()
    os.kill(os.getpid(), 9)
`,
    );
    await assert.rejects(session.router.reload(), /process/);
    await session.log.seen(/runs again/);
    session.probe.emit("go", 0.5);
    await session.probe.until("out");
    assert.deepEqual(session.probe.values("out"), [0.5]);
  });

  it("that is killed by its cleanup handler does not hold up the stop", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ECHO}
import os
midimonster.cleanup_handler(lambda: os.kill(os.getpid(), 9))`,
      "other.py": OTHER,
    });
    const pid = pidOf(session);
    await stopSessions();
    assert.ok(!isAlive(pid));
    assert.deepEqual(problems(session), []);
  });

  it("whose code forks: the child can't output, and the instance goes on", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}
import os
def go(value):
    pid = os.fork()
    if pid == 0:
        try: midimonster.output("out", value)
        except RuntimeError: os._exit(7)
        os._exit(0)
    say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    midimonster.output("out", 1)
`,
      "other.py": OTHER,
    });
    session.probe.emit("go", 0.25);
    await session.probe.until("out");
    await ask(session);
    assert.deepEqual(session.said(), [7]);
    assert.deepEqual(session.probe.values("out"), [1]);
  });

  for (const [what, code, says] of [
    ["starts a session of its own", "try: os.setsid()\n    except PermissionError: say('it has one')", ["it has one"]],
    ["blocks all signals", "say(len(signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))))", [0]],
    ["runs a program", "say(subprocess.run(['cat'], stdin=0).returncode)", [0]],
    ["ignores the signals that it is sent", "os.kill(os.getpid(), signal.SIGTERM); say('still here')", ["still here"]],
  ] as const) {
    it(`whose code ${what} goes on, and ends at a stop`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `${ASK}import os, signal, subprocess\ndef go(value):\n    ${code}\n`,
        "other.py": OTHER,
      });
      const pid = pidOf(session);
      session.probe.emit("go", 1);
      await ask(session);
      assert.deepEqual(session.said(), says);
      await stopSessions();
      assert.ok(!isAlive(pid));
      assert.deepEqual(problems(session), []);
    });
  }

  it("that becomes another program is ended, and started again", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ECHO}\nimport os\ndef go(value): os.execvp("sleep", ["sleep", "1000"])`,
      "other.py": OTHER,
    });
    const pid = pidOf(session);
    less({ answer: 100 });
    session.probe.emit("go", 1);
    await session.log.seen(/was ended since it had closed its connection to the router/);
    asUsual();
    await session.log.seen(/runs again/);
    assert.ok(!isAlive(pid));
    await ask(session);
  });

  for (const [how, code] of [
    ["closes", "os.close(3)"],
    ["puts another file in the place of", "os.dup2(os.open('/dev/null', os.O_RDWR), 3)"],
  ] as const) {
    it(`whose code ${how} the connection for reloads is ended by one, and started again`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `${ECHO}\nimport os\ndef go(value): ${code}`,
        "other.py": OTHER,
      });
      session.probe.emit("go", 1);
      await ask(session);
      less({ answer: 100 });
      await assert.rejects(session.router.reload(), /process/);
      await session.log.seen(/was ended since it had closed its connection to the router/);
      asUsual();
      await session.log.seen(/runs again/);
      await session.router.reload();
    });
  }

  it("that waits for room in its ring, while the router waits for room in the other one, loses nothing", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${ASK}
def go(value):
    for _ in range(8): midimonster.output("out", value)
`,
      "other.py": OTHER,
    });
    const values = upTo(20_000);
    process.kill(pidOf(session), "SIGSTOP");
    for (const value of values) session.probe.emit("go", value);
    session.probe.emit("there", 1);
    await session.probe.until("here");
    process.kill(pidOf(session), "SIGCONT");
    await session.probe.until("out", 8 * values.length);
    assert.deepEqual(
      session.probe.values("out"),
      values.flatMap((value) => Array<number>(8).fill(value)),
    );
    assert.deepEqual(problems(session), []);
  });
});
