import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { folderWith } from "./helpers.js";
import { besideOther, OTHER, patience, pidOf, processesHere, statusOf } from "./own-process.js";
import { ASK, ask, type Session, start } from "./session.js";

const ECHO = `${ASK}\nimport os\ndef go(value): midimonster.output("out", value)\n`;

/** Once: its own process is told so by a file. */
const once = (code: string) => `
import os, signal
if not os.path.exists(__file__ + ".once"):
    open(__file__ + ".once", "w").close()
    ${code}
`;

async function until(session: Session, file: string): Promise<void> {
  while (!existsSync(path.join(session.folder, file))) await setImmediate();
}

const openFiles = () => readdirSync("/proc/self/fd").length;

describe("a reload with a process", () => {
  const { less, asUsual } = patience();

  it("whose code does not return fails, and holds up nothing else", async () => {
    const session = await start(besideOther(), {
      "mod.py": `${ASK}import os
def go(value):
    open(__file__ + ".begun", "w").close()
    while not os.path.exists(__file__ + ".end"): pass`,
      "other.py": OTHER,
    });
    session.probe.emit("go", 1);
    await until(session, "mod.py.begun");
    less({ answer: 500 });
    const reload = session.router.reload();
    session.probe.emit("there", 1);
    await session.probe.until("here");
    await assert.rejects(
      reload,
      /'py' could not prepare .* process \d+ does not answer: its code has been running for/,
    );
    asUsual();
    writeFileSync(path.join(session.folder, "mod.py.end"), "");
    await ask(session);
    await session.router.reload();
  });

  it("that is suspended fails; it goes on later", async () => {
    const session = await start(besideOther(), { "mod.py": ECHO, "other.py": OTHER });
    process.kill(pidOf(session), "SIGSTOP");
    less({ answer: 200 });
    await assert.rejects(session.router.reload(), /does not answer: it is suspended/);
    asUsual();
    process.kill(pidOf(session), "SIGCONT");
    await ask(session);
    await session.router.reload();
    assert.deepEqual(session.log.matching(/was ended/), []);
  });

  it("that is suspended while it loads a changed module fails, and it is started again", async () => {
    const session = await start(besideOther(), { "mod.py": ECHO, "other.py": OTHER });
    session.write("mod.py", `${ECHO}${once("os.kill(os.getpid(), signal.SIGSTOP)")}`);
    less({ answer: 2000 });
    await assert.rejects(session.router.reload(), /process/);
    asUsual();
    await session.log.seen(/runs again/);
    await ask(session);
  });

  it("that is suspended while it loads at a start is an error", async () => {
    less({ answer: 2000 });
    const files = { "mod.py": `${ECHO}${once("os.kill(os.getpid(), signal.SIGSTOP)")}`, "other.py": OTHER };
    await assert.rejects(start(besideOther(), files), /process ended while module 'mod' was loaded/);
    while (processesHere().length > 0) await setImmediate();
  });

  it("that is suspended before it is told of many channels ends it, and it is started again", async () => {
    const files = { "mod.py": `${ECHO}def handler(value): pass`, "other.py": OTHER };
    const session = await start(besideOther("default-handler = mod.handler"), files);
    const pid = pidOf(session);
    session.write("monster.cfg", `${besideOther("default-handler = mod.handler")}probe.c{1..50000} > py.c{1..50000}\n`);
    session.probe.channel = () => void process.kill(pid, "SIGSTOP");
    less({ answer: 1000 });
    await session.router.reload();
    await session.log.seen(/was ended by SIGKILL/);
    asUsual();
    await session.log.seen(/runs again/);
  });

  it("that adds a module which ends it fails, and it is started again", async () => {
    const files = { "mod.py": ECHO, "other.py": OTHER, "deadly.py": "import os; os._exit(3)" };
    const session = await start(besideOther(), files);
    session.write("monster.cfg", besideOther("module = deadly"));
    await assert.rejects(session.router.reload(), /process ended while module 'deadly' was loaded/);
    await session.log.seen(/was ended with status 3/);
    await session.log.seen(/runs again/);
    await ask(session);
    session.write("monster.cfg", besideOther());
    await session.router.reload();
  });

  it("that adds a module while it is away knows what the module does", async () => {
    const files = { "mod.py": ECHO, "other.py": OTHER, "clock.py": "midimonster.interval(print, 60_000)" };
    const session = await start(besideOther("restart = off"), files);
    process.kill(pidOf(session), "SIGKILL");
    await session.log.seen(/was ended by SIGKILL/);
    session.write("monster.cfg", besideOther("restart = off\nmodule = clock"));
    await session.router.reload();
    await session.log.seen(/runs again/);
    await session.router.reload();
    assert.deepEqual(session.log.matching(/does nothing/), []);
  });

  it("that waits for its next start starts it, with what has changed", async () => {
    const session = await start(besideOther(), { "mod.py": ECHO, "other.py": OTHER });
    session.write("mod.py", `${ECHO}raise ValueError('broken')`);
    process.kill(pidOf(session), "SIGKILL");
    await session.log.seen(/is started again in 1 s/);
    session.write("mod.py", `${ECHO}\ndef more(value): midimonster.output("out", 1 - value)`);
    session.write("monster.cfg", `${besideOther()}probe.more > py.mod.more\n`);
    await session.router.reload();
    await session.log.seen(/runs again/);
    session.probe.emit("more", 0.25);
    await session.probe.until("out");
    assert.deepEqual(session.probe.values("out"), [0.75]);
  });

  it("that has ended with restart = off starts it again", async () => {
    const session = await start(besideOther("restart = off"), { "mod.py": ECHO, "other.py": OTHER });
    process.kill(pidOf(session), "SIGKILL");
    await session.log.seen(/was ended by SIGKILL/);
    assert.equal(statusOf(session)?.state, "failed");
    await session.router.reload();
    await session.log.seen(/runs again/);
    await ask(session);
    assert.equal(statusOf(session)?.state, "ok");
  });

  it("that maps a channel without a handler while it is away: the log says so once it runs", async () => {
    const session = await start(besideOther("restart = off"), { "mod.py": ECHO, "other.py": OTHER });
    process.kill(pidOf(session), "SIGKILL");
    await session.log.seen(/was ended by SIGKILL/);
    session.write("mod.py", `${ASK}def renamed(value): pass`);
    session.write("monster.cfg", `${besideOther("restart = off")}probe.more > py.mod.more\n`);
    await session.router.reload();
    const { level, message } = await session.log.seen(/'py' lacks handlers/);
    assert.equal(level, "error");
    assert.match(message, /'py\.mod\.go': .*\n'py\.mod\.more': /);
    assert.doesNotMatch(message, /mod\.ask/);
    await ask(session);
  });

  it("whose Python was gone for a while starts it again", async () => {
    const python = spawnSync(process.env.MMPY_PYTHON || "python3", ["-c", "import sys; print(sys.executable)"], {
      encoding: "utf8",
    }).stdout.trim();
    const folder = folderWith({});
    const link = path.join(folder, "python3");
    symlinkSync(python, link);
    const session = await start(besideOther(`python = ${link}`), { "mod.py": ECHO, "other.py": OTHER });
    unlinkSync(link);
    process.kill(pidOf(session), "SIGKILL");
    await session.log.seen(/could not be started again: .*can't be started: there is no such file/);
    symlinkSync("python3", link); // a link to itself
    const descriptors: number[] = [];
    for (let i = 0; i < 3; ++i) {
      const said = session.log.matching(/can't be started: spawn ELOOP/).length;
      await session.router.reload();
      while (session.log.matching(/can't be started: spawn ELOOP/).length === said) await setImmediate();
      descriptors.push(openFiles());
    }
    assert.equal(new Set(descriptors).size, 1, `${descriptors} open files`);
    unlinkSync(link);
    symlinkSync(python, link);
    await session.router.reload();
    await session.log.seen(/runs again/);
    await ask(session);
  });
});
