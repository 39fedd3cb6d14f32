// What is wrong with a configuration of artnet instances is said at its place, before anything runs.
import assert from "node:assert/strict";
import { address, DmxRig } from "./dmx-network.js";

const BACKEND = `[backend artnet]\nbind = ${address(1)}\n`;
const SENDER = `${BACKEND}[artnet a]\ndestination = ${address(2)}\n[map]\n`;

describe("a configuration with artnet", () => {
  const errors: [what: string, config: string, ...messages: RegExp[]][] = [
    ["no bind", "[artnet a]\n", /^monster.cfg:1:9: error: backend 'artnet' has no address to use/],
    ["a universe out of range", `${BACKEND}[artnet a]\nuniverse = 300\n`, /:4:12: .*'universe' is 0 to 255, not 300/],
    ["a universe that is no number", `${BACKEND}[artnet a]\nuni = abc\n`, /:4:7: .*'uni' is a whole number, not 'abc'/],
    [
      "a net out of range",
      "[backend artnet]\nnet = 200\nbind = 0.0.0.0\n[artnet a]\n",
      /:2:7: .*'net' is 0 to 127, not 200/,
    ],
    ["a bind that does not exist", `${BACKEND}[artnet a]\ninterface = 1\n`, /:4:13: .*is 1, but .* has 1 'bind'/],
    [
      "one universe twice",
      `${BACKEND}net = 3\n[artnet a]\n[artnet b]\nnet = 3\n`,
      /:5:9: .*net 3, universe 0 is that of instance 'a' too/,
    ],
    [
      "something else than an address to announce",
      "[backend artnet]\nbind = 0.0.0.0 announce=here\nbind = 10.0.0.1\n[artnet a]\n",
      /:2:25: .*'bind' can announce an IPv4 address, not 'here'/,
    ],
    ...["0", "513", "-5", "1+", "1+1", "12x", "12.5", "0w", "257w", "x", "1+513"].map(
      (slot): [string, string, RegExp] => [`'${slot}' as a channel`, `${SENDER}probe.x > a.${slot}\n`, /:6:13: error/],
    ),
    [
      "a slot that is single and coarse",
      `${SENDER}probe.x > a.1\nprobe.y > a.1+2\n`,
      /:7:13: .*'a.1\+2': slot 1 is used as '1' too/,
    ],
    [
      "a slot that is fine and single",
      `${SENDER}probe.x > a.1+2\na.2 > probe.y\n`,
      /:7:3: .*'a.2': slot 2 is used as '1\+2' too/,
    ],
    [
      "a fallback that does not exist",
      `${BACKEND}[artnet a]\ntimeout-value = 2\n`,
      /hold, zero or a value from 0 to 1/,
    ],
  ];
  for (const [what, config, ...messages] of errors) {
    it(`refuses ${what}`, async () => {
      const rig = new DmxRig(config);
      const shown = await rig.errors(rig.router.load());
      assert.equal(shown.length, messages.length, shown.join("\n"));
      for (const [i, message] of messages.entries()) assert.match(shown[i] ?? "", message);
    });
  }

  it("accepts every way to write a number and a slot that MIDIMonster reads as one", async () => {
    const rig = new DmxRig(
      `${BACKEND}net = 0x7f\ndetect = of\n[artnet a]\nuni = 017\niface = 0\ndest = ${address(2)} 6454\n` +
        "[map]\nprobe.x > a.010\nprobe.y > a.10\nprobe.z > a.+5\na.{1+2,511+3} > probe.{p,q}\na.{100..102}w > probe.{100..102}\n",
    );
    await rig.router.load();
    const [a] = rig.router.describe().instances;
    const names = a?.channels.map(({ name }) => name) ?? [];
    assert.deepEqual(names, ["10", "5", "1+2", "511+3", "199+200", "201+202", "203+204"]);
    await rig.log.seen(/'detect' is off, on or verbose; 'of' means off/);
  });

  it("takes no port after a colon for a part of the host", async () => {
    const rig = new DmxRig(`${BACKEND}[artnet a]\ndestination = 127.0.0.1:6454\n`);
    await assert.rejects(rig.router.load(), /'destination' needs a host, not '127\.0\.0\.1:6454'/);
  });

  it("warns of channels that nothing is sent to, at their mapping", async () => {
    const rig = new DmxRig(`${BACKEND}[artnet a]\n[map]\nprobe.{1..100} > a.{1..100}\n`);
    await rig.router.load();
    const [warning] = rig.log.matching(/not sent/);
    assert.match(warning?.message ?? "", /monster\.cfg:5:20: warning: 'a\.1': events that go there are not sent/);
    assert.equal(rig.log.matching(/not sent/).length, 1);
  });
});
