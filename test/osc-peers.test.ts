// OSC between programs: liblo's oscsend and oscdump, and two mmpy.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { freePort } from "./free-port.js";
import { folderWith, mmpy, run } from "./helpers.js";
import { OscPeer } from "./osc-peer.js";
import { start } from "./session.js";

function needs(test: Mocha.Context, program: string): void {
  if (spawnSync(program, ["--help"]).error === undefined) return;
  console.log(`SKIPPED: no ${program}; on Debian: apt-get install liblo-tools`);
  test.skip();
}

describe("OSC with other programs", () => {
  it("hears what oscsend sends", async function () {
    needs(this, "oscsend");
    const port = await freePort();
    const session = await start(
      `[osc desk]\nbind = * ${port}\n/xy = ff 0 10 0 10\n[map]\ndesk.{/xy,/xy:1,/i,/t} > probe.{x,y,i,t}\n`,
    );
    const send = async (...args: string[]) => {
      const sending = run("oscsend", ["127.0.0.1", String(port), ...args]);
      assert.deepEqual(await sending.exited, { code: 0, signal: null }, sending.stderr);
    };
    await send("/xy", "fd", "2.5", "7.5");
    await session.probe.until("y");
    await send("/i", "i", "255");
    await session.probe.until("i");
    await send("/t", "T");
    await session.probe.until("t");
    assert.deepEqual(session.probe.received, [
      ["x", 0.25],
      ["y", 0.75],
      ["i", 1],
      ["t", 1],
    ]);
  });

  it("sends what oscdump shows", async function () {
    needs(this, "oscdump");
    const port = await freePort();
    const dump = run("oscdump", ["-L", String(port)]);
    const session = await start(
      `[osc desk]\ndestination = 127.0.0.1 ${port}\n/xy = ff 0 10 0 10\n/n = sih "two words" 0 100 -5 5\n/go = -\n[map]\nprobe.{x,n,go} > desk.{/xy:1,/n,/go}\n`,
    );
    // oscdump says nothing when it is ready: messages go out until it shows one.
    const asking = setInterval(() => session.probe.emit("go", 1), 50);
    await dump.sees(/\/go/);
    clearInterval(asking);
    session.probe.emit("x", 0.5);
    session.probe.emit("n", 0.5);
    const lines = [/\/xy ff 0\.0+ 5\.0+\n/, /\/n sih "two words" 50 0\n/];
    for (const line of lines) await dump.sees(line);
    dump.child.kill();
    await dump.exited;
  });

  for (const [held, warned] of [
    ["0.0.0.0", true],
    ["127.0.0.2", false],
  ] as const) {
    it(`${warned ? "tells" : "does not tell"} of a program that shares the port on ${held}`, async () => {
      const port = await freePort();
      const hold =
        "import socket, sys, time; s = socket.socket(type=socket.SOCK_DGRAM); " +
        `s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("${held}", ${port})); print("bound", flush=True); ` +
        "sys.stdin.read()";
      const holder = run("python3", ["-c", hold]);
      await holder.sees(/bound/);
      const session = await start(`[osc desk]\nbind = * ${port}\n[map]\ndesk./x > probe.x\n`);
      holder.child.kill();
      await holder.exited;
      assert.deepEqual(
        session.log.matching(/is also bound/).map(({ level, message }) => [level, message.split(" (")[0]]),
        warned ? [["warn", `desk: port ${port} is also bound by process ${holder.child.pid}`]] : [],
      );
    });
  }

  it("goes from one mmpy to another, and back to where it came from", async () => {
    const port = await freePort();
    const peer = await OscPeer.open();
    const folder = folderWith({
      "near.cfg": `[osc out]\ndestination = 127.0.0.1 ${port}\n/v = f -1 1\n[python py]\nmodule = near\n[map]\npy.v > out./v\nout./v > py.near.answer\n`,
      "near.py": `
import midimonster

def send():
    midimonster.output("v", 0.25)
    midimonster.output("v", 0.75)

def answer(value):
    print("answer", value, flush=True)

midimonster.interval(send, 100)
`,
      "far.cfg": `[osc in]\nbind = 127.0.0.1 ${port}\ndestination = learn\n/v = f -1 1\n[loopback l]\n[map]\nin./v > l.a\nl.a > in./v\n`,
    });
    await peer.close();
    const far = mmpy([path.join(folder, "far.cfg")]);
    await far.sees(/routing/);
    const near = mmpy([path.join(folder, "near.cfg")]);
    await near.sees(/answer 0\.75/);
    for (const each of [near, far]) {
      each.child.kill("SIGINT");
      assert.deepEqual(await each.exited, { code: 0, signal: null });
    }
  });
});
