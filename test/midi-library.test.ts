// ALSA's library: the one of this machine, others that lack something, and none.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy, projectFolder, run, skipWithSanitizers } from "./helpers.js";
import { BOTH, buildStandIn, StandIn } from "./midi-stand-in.js";
import { start, stopSessions } from "./session.js";

const SEQUENCER = "/dev/snd/seq";
const CONFIG = `
[midi desk]
read = nanoKONTROL2
write = nanoKONTROL2
[map]
desk.ch0.cc1 > desk.ch0.cc2
`;

const LINKED_TO_ALSA = ["-DFEW", "-Wl,--no-as-needed", "-l:libasound.so.2"];

const tsx = import.meta.resolve("tsx");

describe("ALSA's library", () => {
  before(function () {
    if (process.platform === "linux") return;
    console.log("SKIPPED: MIDI is there on Linux only");
    this.skip();
  });

  /** Runs CONFIG. */
  function midi(env: NodeJS.ProcessEnv = {}) {
    const folder = folderWith({ "monster.cfg": CONFIG });
    return mmpy(["monster.cfg"], { cwd: folder, env: { ...process.env, ...env } });
  }

  it("has what midi/alsa.h declares, as its headers and the library of this machine say", function () {
    const program = path.join(folderWith({}), "alsa-check");
    const sources = ["test/native/alsa-check.cc", "native/midi/alsa.cc"];
    const compiled = spawnSync(
      "c++",
      ["-std=c++17", "-Wno-attributes", "-Inative", ...sources, "-ldl", "-o", program],
      {
        cwd: projectFolder,
        encoding: "utf8",
      },
    );
    if (compiled.error !== undefined) {
      console.log("SKIPPED: no C++ compiler; on Debian: apt-get install g++");
      this.skip();
    }
    assert.equal(compiled.status, 0, compiled.stderr);
    const { status, stdout } = spawnSync(program, { encoding: "utf8" });
    assert.equal(status, 0, stdout);
    const missing = stdout.split("\n").filter((line) => line !== "");
    for (const what of missing) console.log(`SKIPPED: ${what} of ALSA; on Debian: apt-get install libasound2-dev`);
  });

  it("has no sequencer on some machines: the log says so once, and what to do", async function () {
    if (existsSync(SEQUENCER)) {
      console.log(`SKIPPED: this machine has ${SEQUENCER}`);
      this.skip();
    }
    const running = midi();
    await running.sees(/routing/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const lines = running.stderr.split("\n").filter((line) => /ALSA/.test(line));
    assert.equal(lines.length, 1, running.stderr);
    assert.match(lines[0] ?? "", /WARN: midi: ALSA's (sequencer can't be opened: ENOENT|library can't be loaded)/);
  });

  const broken: [what: string, file: string | readonly string[], message: RegExp][] = [
    [
      "can't be loaded",
      "no library\n",
      /midi: ALSA's library can't be loaded: .*libasound\.so\.2: .*; on Debian: apt-get install alsa-utils; trying again/,
    ],
    [
      "lacks a function",
      ["-Dsnd_seq_connect_to=other"],
      /midi: ALSA's library can't be loaded: libasound\.so\.2 has no function snd_seq_connect_to; /,
    ],
  ];
  for (const [what, library, message] of broken) {
    it(`that ${what} is no error`, async function () {
      const folder = typeof library === "string" ? folderWith({ "libasound.so.2": library }) : buildStandIn(library);
      if (folder === undefined) this.skip();
      const running = midi({ LD_LIBRARY_PATH: folder });
      await running.sees(message);
      await running.sees(/routing 1 mapping/);
      running.child.kill("SIGINT");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
    });
  }

  const replaced: [what: string, variable: string, flags: readonly string[]][] = [
    ["of another folder", "LD_LIBRARY_PATH", []],
    ["with few functions only", "LD_LIBRARY_PATH", ["-DFEW"]],
    ["that is preloaded", "LD_PRELOAD", []],
    ["with few functions only, which uses ALSA's own,", "LD_PRELOAD", LINKED_TO_ALSA],
  ];
  for (const [what, variable, flags] of replaced) {
    it(`${what} is used, and closed at the end`, async function () {
      if (variable === "LD_PRELOAD") skipWithSanitizers(this, "a sanitizer has to be preloaded first");
      const folder = buildStandIn(flags);
      if (folder === undefined) this.skip();
      const sequencer = await StandIn.open(`add 20:0 ${BOTH} nanoKONTROL2`);
      const running = midi({ [variable]: variable === "LD_PRELOAD" ? path.join(folder, "libasound.so.2") : folder });
      await sequencer.until(/^from/, 2);
      await running.sees(/routing/);
      sequencer.command("event 10 to 0 from 20:0 0 1 64");
      assert.deepEqual(await sequencer.sent(1), ["10: 0 2 64"]);
      running.child.kill("SIGINT");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
      await sequencer.until(/^close$/);
      await sequencer.close();
    });
  }

  it("is closed with a worker that is ended while events arrive", async function () {
    const folder = buildStandIn();
    if (folder === undefined) this.skip();
    const sequencer = await StandIn.open(`add 20:0 ${BOTH} nanoKONTROL2`);
    const router = JSON.stringify(path.join(projectFolder, "dist", "index.js"));
    const script = path.join(
      folderWith({
        "script.mjs": `
import { Worker, isMainThread, parentPort } from "node:worker_threads";
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  worker.on("message", async () => { await worker.terminate(); console.log("ended"); });
} else {
  const { Router } = await import(${router});
  const router = Router.fromFile(${JSON.stringify(path.join(folderWith({ "monster.cfg": CONFIG }), "monster.cfg"))});
  await router.start();
  parentPort.postMessage("started");
}
`,
      }),
      "script.mjs",
    );
    const running = run(process.execPath, ["--import", tsx, script], {
      env: { ...process.env, LD_LIBRARY_PATH: folder },
    });
    await sequencer.until(/^from/, 2);
    sequencer.command("flood 5000");
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    await sequencer.until(/^close$/);
    await sequencer.close();
  });

  it("carries events from one program to another, and tells when one goes", async function () {
    if (!existsSync(SEQUENCER)) {
      console.log(`SKIPPED: no ${SEQUENCER} on this machine; modprobe snd-seq, if its kernel has it`);
      this.skip();
    }
    const name = `mmpy test ${process.pid}`;
    const sender = await start(
      `[backend midi]\nname = ${name}\n[midi a]\n[map]\nprobe.{x,y} > a.{ch1.pitch,ch0.nrpn5}\n`,
    );
    const receiver = await start(`[midi b]\nread = ${name}\n[map]\nb.{ch1.pitch,ch0.nrpn5} > probe.{x,y}\n`);
    await receiver.log.seen(/^b: receives from/);
    sender.probe.emit("x", 0);
    sender.probe.emit("y", 1);
    assert.deepEqual([await receiver.probe.until("x"), await receiver.probe.until("y")], [[0], [1]]);
    await sender.router.stop();
    await receiver.log.seen(/^b: the MIDI device .* is gone; waiting for it$/);
    await stopSessions();
  });
});
