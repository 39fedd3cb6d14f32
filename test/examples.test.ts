import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { appendFileSync, cpSync, readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { networkInterfaces } from "node:os";
import path from "node:path";
import { Router } from "../lib/index.js";
import { folderWith, MemoryLog, mmpy, projectFolder, run } from "./helpers.js";
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

  /** An OSC message as it is sent: texts end with NUL, and take multiples of four bytes. */
  const message = (address: string, types?: string, ...args: Buffer[]) =>
    Buffer.concat([...[address, types].flatMap((text) => (text === undefined ? [] : [padded(text)])), ...args]);
  const padded = (text: string) => Buffer.from(text + "\0".repeat(4 - (text.length % 4)));
  const float = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatBE(value);
    return bytes;
  };

  it("osc: prints address and value of every message, also without arguments", async () => {
    const running = mmpy([path.join(examples, "osc.cfg")], { env: { ...process.env, OSC_PORT: "0" } });
    const [, port = ""] = await running.sees(/listening for OSC on port (\d+)/);
    const socket = createSocket("udp4");
    const cases: [packet: Buffer, printed: RegExp][] = [
      [message("/fader/1", ",f", float(0.75)), /^\/fader\/1 0\.750$/m],
      [message("/fader/8", ",i", Buffer.from([0, 0, 0, 1])), /^\/fader\/8 1\.000$/m],
      [message("/fader/2", ",d", Buffer.from("3fc0000000000000", "hex")), /^\/fader\/2 0\.125$/m],
      [message("/fader/3", ",T"), /^\/fader\/3 1\.000$/m],
      [message("/fader/4", ","), /^\/fader\/4 1\.000$/m],
      [message("/fader/5"), /^\/fader\/5 1\.000$/m],
      [Buffer.from("nonsense"), /not an OSC message from /],
      [message("/fader/6", ",f", float(0.5)), /^\/fader\/6 0\.500$/m],
    ];
    for (const [packet, printed] of cases) {
      socket.send(packet, Number(port), "127.0.0.1");
      await running.sees(printed);
    }
    // From another machine: through an address that is not the loopback's.
    const own = Object.values(networkInterfaces())
      .flat()
      .find((address) => address?.family === "IPv4" && !address.internal)?.address;
    if (own !== undefined) {
      socket.send(message("/fader/7", ",f", float(0.25)), Number(port), own);
      await running.sees(/^\/fader\/7 0\.250$/m);
    }
    socket.close();
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

  it("fade: goes on from where it was after a reload", async () => {
    const folder = folderWith({ "fade.py": readFileSync(path.join(examples, "fade.py"), "utf8") });
    const backend = new ProbeBackend();
    const router = new Router({ folder, logger: new MemoryLog(), backends: [backend] });
    router.instance("python", "fade", { module: "fade" }).instance("probe", "probe");
    router.map("probe.target", "fade.fade.target").map("fade.level", "probe.level");
    await router.start();
    const probe = backend.instances.get("probe");
    probe?.emit("target", 1);
    const before = (await probe?.until("level", 3))?.at(-1) ?? 0;
    appendFileSync(path.join(folder, "fade.py"), "FADE_TIME = 100\n");
    const { modules } = await router.reload();
    assert.deepEqual(modules, ["fade.fade"]);
    const reached = new Promise<void>((resolve) => router.tap((events) => events.at(-1)?.value === 1 && resolve()));
    await reached;
    assert.deepEqual(
      probe?.values("level").filter((level) => level < before).length,
      2, // those that were there before it
    );
    await router.stop();
  });

  /** What an example needs of the world, and the environment that it runs in. */
  const needs: Record<string, () => Promise<() => void>> = {
    "specification.cfg": async () => {
      const server = net.createServer();
      await new Promise<void>((resolve) => server.listen(8990, "127.0.0.1", resolve));
      return () => server.close();
    },
  };
  const env = { ...process.env, OSC_PORT: "0" };

  const configurations = readdirSync(examples).filter((name) => name.endsWith(".cfg"));
  assert.ok(configurations.length >= 6);
  for (const name of configurations) {
    it(`${name} passes mmpy check, runs under --watch, and is reloaded at a change of each of its modules`, async () => {
      const end = await needs[name]?.();
      const folder = folderWith({});
      cpSync(examples, folder, { recursive: true });
      const checked = mmpy(["check", name], { cwd: folder, env });
      assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
      const running = mmpy(["--watch", name], { cwd: folder, env });
      await running.sees(/INFO: watching \d+ files/);
      const modules = readFileSync(path.join(folder, name), "utf8").matchAll(/^\[python (\w+)\]\nmodule = (\w+)/gm);
      for (const [, instance, module = ""] of modules) {
        appendFileSync(path.join(folder, `${module.replace(/\.py$/, "")}.py`), "\n# a change\n");
        await running.sees(new RegExp(`INFO: reloaded: .*module ${instance}\\.${module}`));
      }
      running.child.kill("SIGINT");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
      assert.doesNotMatch(running.stderr, /ERROR/);
      end?.();
    });
  }
});
