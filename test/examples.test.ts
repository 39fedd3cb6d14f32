import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { Router } from "../lib/index.js";
import { MemoryLog, mmpy, projectFolder, run } from "./helpers.js";
import { ProbeBackend } from "./probe-backend.js";

const examples = path.join(projectFolder, "python", "examples");

describe("the examples", () => {
  it("quickstart: writes plain lines where there is no terminal, with values that belong together", async () => {
    const running = mmpy([path.join(examples, "quickstart.cfg")]);
    const match = await running.sees(/wave (\d\.\d+) {2}curved (\d\.\d+) {2}inverted (\d\.\d+)/);
    const [wave = 0, curved = 0, inverted = 0] = match.slice(1).map(Number);
    // Each of them is rounded to two decimals, and the curve is steeper than what goes into it: 2.2 times at its end.
    const rounding = 0.005 + 1e-9;
    assert.ok(Math.abs(inverted - (1 - wave)) <= 2 * rounding, match[0]);
    assert.ok(Math.abs(curved - wave ** 2.2) <= (1 + 2.2) * rounding, match[0]);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("quickstart: draws moving bars on a terminal", async function () {
    if (spawnSync("script", ["--version"]).error !== undefined) {
      console.log("SKIPPED: no script(1); on Debian: apt-get install bsdutils");
      this.skip();
    }
    // exec: script(1) runs this in a shell, and a shell that stays would itself end at Ctrl-C, whatever mmpy does.
    const command = `exec ${process.execPath} dist/cli/mmpy.cjs python/examples/quickstart.cfg`;
    const running = run("script", ["-qefc", command, "/dev/null"], { cwd: projectFolder });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequence that moves the cursor up
    await running.sees(/wave #*-* \d\.\d\d[\s\S]*\x1b\[3A/);
    running.child.stdin?.write("\x03");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("specification: the documentation's own module talks to a TCP server", async () => {
    // The module says port 8990.
    const server = net.createServer();
    const listening = once(server, "listening");
    server.listen(8990, "127.0.0.1");
    await listening;
    const connected = once(server, "connection") as Promise<[net.Socket]>;
    const running = mmpy([path.join(examples, "specification.cfg")]);
    const [socket] = await connected;
    socket.write("hello");
    await running.sees(/Received 5 bytes from socket: b'hello'/);
    await running.sees(/^\d+$/m); // ping() prints the time
    socket.end();
    await running.sees(/Received 0 bytes from socket: b''/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.doesNotMatch(running.stderr, /WARN|ERROR/);
    server.close();
  });

  it("osc: hears what oscsend sends over UDP", async function () {
    if (spawnSync("oscsend", []).error !== undefined) {
      console.log("SKIPPED: no oscsend; on Debian: apt-get install liblo-tools");
      this.skip();
    }
    const running = mmpy([path.join(examples, "osc.cfg")], { env: { ...process.env, OSC_PORT: "0" } });
    const [, port = ""] = await running.sees(/listening for OSC on port (\d+)/);
    const send = (...args: string[]) => spawnSync("oscsend", ["127.0.0.1", port, ...args]);
    send("/fader/1", "f", "0.75");
    await running.sees(/printer\.show 0\.750\n/);
    send("/fader/8", "i", "1");
    await running.sees(/printer\.show 1\.000\n/);
    send("/fader/2", "d", "0.125");
    await running.sees(/printer\.show 0\.125\n/);
    send("/fader/3", "T");
    await running.sees(/1\.000\n[\s\S]*1\.000\n/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  /** An example's instances, with a probe in place of its loopback. */
  async function withProbe(name: string, mappings: readonly [string, string][]) {
    const backend = new ProbeBackend();
    const router = new Router({ folder: examples, logger: new MemoryLog(), backends: [backend] });
    router.instance("python", name, { module: name }).instance("probe", "probe");
    for (const [from, to] of mappings) router.map(from, to);
    await router.start();
    const probe = backend.instances.get("probe");
    if (probe === undefined) throw new Error("no probe");
    return { router, probe };
  }

  it("latch: switches at every press", async () => {
    const { router, probe } = await withProbe("latch", [
      ["probe.button", "latch.latch.button"],
      ["latch.lamp", "probe.lamp"],
    ]);
    for (const value of [1, 1, 0, 0.2, 0.8, 0, 1]) probe.emit("button", value);
    assert.deepEqual(await probe.until("lamp", 3), [1, 0, 1]);
    await router.stop();
  });

  it("fade: glides to its target and stops there", async () => {
    const { router, probe } = await withProbe("fade", [
      ["probe.target", "fade.fade.target"],
      ["fade.level", "probe.level"],
    ]);
    probe.emit("target", 0.05);
    const levels = await probe.until("level", 5);
    assert.deepEqual(
      levels.map((level) => level.toFixed(2)),
      ["0.01", "0.02", "0.03", "0.04", "0.05"],
    );
    await router.stop();
  });

  for (const name of ["latch", "fade", "osc", "quickstart"]) {
    it(`${name}.cfg passes mmpy check`, async () => {
      const checked = mmpy(["check", path.join(examples, `${name}.cfg`)], { env: { ...process.env, OSC_PORT: "0" } });
      assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
    });
  }
});
