// With other programs: two of this one, and OLA.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { address, DmxRig, universe } from "./dmx-network.js";
import { folderWith, mmpy, mmpyScript, projectFolder, run } from "./helpers.js";

describe("two programs", () => {
  it("pass levels on by Art-Net and sACN, there and back", async () => {
    const [here, there] = [address(1), address(2)];
    const [first, second] = [universe(1), universe(2)];
    const folder = folderWith({
      "monster.cfg":
        `[backend artnet]\nbind = ${there}\n[backend sacn]\nbind = ${there}\n` +
        `[artnet in]\nnet = 9\n[sacn through]\nuniverse = ${first}\npriority = 150\n` +
        `[sacn back]\nuniverse = ${second}\n[artnet out]\nnet = 8\ndestination = ${here}\n` +
        "[map]\nin.{1..512} > through.{1..512}\nback.{2..512} > out.{2..512}\n",
    });
    const other = mmpy(["monster.cfg"], { cwd: folder });
    await other.sees(/routing 2 mappings/);
    const rig = await DmxRig.started(
      `[backend artnet]\nbind = ${here}\n[backend sacn]\nbind = ${here}\n` +
        `[artnet desk]\nnet = 9\ndestination = ${there}\n[sacn half]\nuniverse = ${first}\n` +
        `[sacn way]\nuniverse = ${second}\npriority = 1\n[artnet stage]\nnet = 8\n` +
        "[map]\nprobe.{a,b} > desk.{1+2,512}\nhalf.1+2 <> way.511+512\nhalf.512 > way.2\n" +
        "stage.511+512 > probe.a\nstage.2 > probe.b\n",
    );
    rig.probe.emit("a", 0x1234 / 65535);
    rig.probe.emit("b", 0x56 / 255);
    await Promise.all([rig.probe.until("a"), rig.probe.until("b")]);
    assert.equal(rig.probe.values("a").at(-1), 0x1234 / 65535);
    assert.equal(rig.probe.values("b").at(-1), 0x56 / 255);
    other.child.kill("SIGINT");
    assert.deepEqual(await other.exited, { code: 0, signal: null });
  });
});

describe("programs on one machine", () => {
  it("send each other sACN by unicast, bound to addresses of their own", async () => {
    const [here, there] = [address(1), address(2)];
    const [first, second] = [universe(1), universe(2)];
    const instances = (sends: number, receives: number, to: string) =>
      `[sacn out]\nuniverse = ${sends}\npriority = 100\ndestination = ${to}\n[sacn in]\nuniverse = ${receives}\nunicast = 1\n`;
    const folder = folderWith({
      "monster.cfg": `[backend sacn]\nbind = ${there}\n${instances(second, first, here)}[map]\nin.{1..512} > out.{1..512}\n`,
    });
    const other = mmpy(["monster.cfg"], { cwd: folder });
    await other.sees(/routing 1 mapping/);
    const rig = await DmxRig.started(
      `[backend sacn]\nbind = ${here}\n${instances(first, second, there)}[map]\nprobe.a > out.3\nin.3 > probe.b\n`,
    );
    rig.probe.emit("a", 0.6);
    await rig.probe.until("b");
    assert.equal(rig.probe.values("b").at(-1), 0.6);
    other.child.kill("SIGKILL");
    await other.exited;
  });
});

const canUnshare = spawnSync("unshare", ["-n", "true"]).status === 0;

describe("networks", () => {
  it("get Art-Net with 'destination = broadcast', all or that of the address, when they come, go or get another address", async function () {
    if (!canUnshare) {
      console.log("SKIPPED: network namespaces can't be made here; run the tests as root");
      this.skip();
    }
    const script = path.join(projectFolder, "test", "fixtures", "broadcast-networks.ts");
    const running = run("unshare", ["-n", process.execPath, "--import", "tsx", script], { cwd: projectFolder });
    const { code: status } = await running.exited;
    assert.equal(status, 0, running.stdout + running.stderr);
    const none = "there is no network with a broadcast address; this is tried again every second";
    assert.deepEqual(running.stdout.trim().split("\n"), [
      `all: can't broadcast: ${none}`,
      `one: can't broadcast: ${none}`,
      "all: broadcasts to 10.7.0.255:6454 now",
      "1 by 10.7.0.255",
      "one: broadcasts to 10.8.255.255:6454 now",
      "1 by 10.7.0.255, 1 by 10.8.255.255, 2 by 10.8.255.255",
      "1 by 10.8.255.255, 2 by 10.8.255.255",
      "net 0, universe 1: sends to 10.8.255.255:6454",
      "1 by 10.10.0.255, 2 by 10.10.0.255",
      "one answers a poll to 10.10.255.255",
    ]);
  });
});

describe("IPv6", () => {
  it("carries sACN beside IPv4, out and in, by the interface in 'bind', also one that is replaced", async function () {
    if (!canUnshare) {
      console.log("SKIPPED: network namespaces can't be made here; run the tests as root");
      this.skip();
    }
    const script = path.join(projectFolder, "test", "fixtures", "sacn-ipv6.ts");
    const running = run("unshare", ["-n", process.execPath, "--import", "tsx", script], { cwd: projectFolder });
    const { code: status } = await running.exited;
    assert.equal(status, 0, running.stdout + running.stderr);
    assert.deepEqual(running.stdout.trim().split("\n"), [
      "joined before there is the interface: nothing",
      "ff18::8300:102 from fd00:7::1: universe 258, level 255",
      "239.255.1.2 from 10.7.0.1: universe 258, level 255",
      "ff18::8300:7 from fd00:7::1: universe 7, level 255",
      "lists: ff18::8300:fad6 0102",
      "lists: ff18::8300:fad6 0007",
      "lists: 239.255.250.214 0102",
      "both: universe 258: receives nothing; sends to 239.255.1.2:5568, [ff18::8300:102]:5568 with priority 100",
      "six: universe 7: receives nothing; sends to [ff18::8300:7]:5568, [fd00:7::2]:5569 with priority 100",
      "both: 10,20",
      "six: 30",
      "ff18::8300:102 again: universe 258, level 255",
      "ff18::8300:7 again: universe 7, level 255",
      "both: 40",
      "six: 50",
    ]);
  });
});

describe("OLA", () => {
  const missing = ["olad", "unshare", "nsenter", "ip", "curl"].filter(
    (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0,
  );

  for (const bind of ["10.7.0.2", "0.0.0.0", "* interface=vb"]) {
    it(`sends to this program and receives from it, by Art-Net and sACN, with 'bind = ${bind}'`, async function () {
      if (missing.length > 0 || !canUnshare) {
        const tools = `${missing.join(", ")} not found; on Debian: apt-get install ola iproute2 curl`;
        console.log(`SKIPPED: ${missing.length > 0 ? tools : "only root can make a network"}`);
        this.skip();
      }
      const folder = folderWith({
        "monster.cfg":
          `[backend artnet]\nbind = ${bind}\n[backend sacn]\nbind = ${bind}\n` +
          "[artnet from-ola]\nuniverse = 1\n[sacn to-ola]\nuniverse = 12\npriority = 100\n" +
          "[sacn second]\nuniverse = 3\n[artnet back]\nuniverse = 4\ndestination = auto\n" +
          "[map]\nfrom-ola.{1..512} > to-ola.{1..512}\nsecond.{1..512} > back.{1..512}\n",
      });
      const script = path.join(projectFolder, "test", "fixtures", "olad.sh");
      const command = [process.execPath, mmpyScript, path.join(folder, "monster.cfg")];
      const exchange = run("timeout", ["90", "unshare", "-n", script, folder, ...command]);
      const { code } = await exchange.exited;
      assert.equal(code, 0, exchange.stderr);
      assert.match(exchange.stdout, /^sACN: {"dmx":\[10,20,30,0,/m);
      assert.match(exchange.stdout, /^Art-Net: {"dmx":\[40,50,60,0,/m);
    });
  }
});
