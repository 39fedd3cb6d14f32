// What is wrong with a configuration of sacn instances is said at its place, before anything runs.
import assert from "node:assert/strict";
import { address, DmxRig } from "./dmx-network.js";

const BACKEND = `[backend sacn]\nbind = ${address(1)}\n`;
const CID = Array.from({ length: 16 }, (_, i) => `${i}`).join(" ");

describe("a configuration with sacn", () => {
  const errors: [what: string, config: string, message: RegExp][] = [
    ["no bind", "[sacn a]\nuniverse = 1\n", /^monster.cfg:1:7: error: backend 'sacn' has no address to use/],
    ["no universe", `${BACKEND}[sacn a]\n`, /:3:7: .*needs the option 'universe'/],
    ["universe 0", `${BACKEND}[sacn a]\nuniverse = 0\n`, /:4:12: .*'universe' is 1 to 63999, not 0/],
    ["a universe out of range", `${BACKEND}[sacn a]\nuniverse = 70000\n`, /is 1 to 63999, not 70000/],
    ["a hexadecimal universe", `${BACKEND}[sacn a]\nuniverse = 0x10\n`, /is a whole number, not '0x10'/],
    ["a short name of universe", `${BACKEND}[sacn a]\nuni = 1\nuniverse = 1\n`, /:4:1: .*no option 'uni'/],
    ["a priority out of range", `${BACKEND}[sacn a]\nuniverse = 1\npriority = 300\n`, /is 0 to 200, not 300/],
    ["a name that is too long", `[backend sacn]\nname = ${"ü".repeat(32)}\n`, /:2:8: .*has 64 bytes: 63 is the most/],
    ["a CID that is too long", `[backend sacn]\ncid = ${CID} 1\n`, /:2:7: .*has 17 numbers instead of 16/],
    [
      "a CID with a number that is no byte",
      `${BACKEND}[sacn a]\nuniverse = 1\nfrom = ${CID.replace("15", "300")}\n`,
      /:5:43: .*numbers from 0 to 255, not '300'/,
    ],
    [
      "a destination of the other family of addresses",
      "[backend sacn]\nbind = 0.0.0.0\n[sacn a]\nuniverse = 1\npriority = 1\ndestination = fd00::2\n",
      /:6:15: .*'destination' is an address of IPv6, but 'bind' is one of IPv4: 0\.0\.0\.0/,
    ],
    [
      "a further destination of the other family of addresses",
      "[backend sacn]\nbind = ::\nbind = fd00::1\n[sacn a]\nuniverse = 1\ninterface = 1\nalso = 10.0.0.2\n",
      /:7:8: .*'also' is an address of IPv4, but 'bind' is one of IPv6: fd00::1/,
    ],
    [
      "one universe twice",
      `${BACKEND}[sacn a]\nuniverse = 1\n[sacn b]\nuniverse = 1\n`,
      /:5:7: .*universe 1 is that of instance 'a' too/,
    ],
    [
      "a bind that does not exist",
      `${BACKEND}[sacn a]\nuniverse = 1\ninterface = 2\n`,
      /:5:13: .*is 2, but .* has 1 'bind'/,
    ],
  ];
  for (const [what, config, message] of errors) {
    it(`refuses ${what}`, async () => {
      const rig = new DmxRig(config);
      const shown = await rig.errors(rig.router.load());
      assert.equal(shown.length, 1, shown.join("\n"));
      assert.match(shown[0] ?? "", message);
    });
  }

  it("accepts the same universe on two addresses, and a CID as C writes numbers", async () => {
    const rig = new DmxRig(
      `[backend sacn]\ncid = ${CID.replace("1 2", "0x1f 017")}\nbind = ${address(1)}\nbind = * 5569 local\n` +
        "[sacn a]\nuniverse = 1\n[sacn b]\nuniverse = 1\ninterface = 1\n",
    );
    await rig.router.load();
  });

  it("takes a CID that is too short as MIDIMonster does, and says so", async () => {
    const rig = new DmxRig(`${BACKEND}[sacn a]\nuniverse = 1\nfrom = 0xaa 0xbb\n`);
    await rig.router.load();
    await rig.log.seen(/:5:8: warning: 'from' has 2 numbers instead of 16: the others are 0/);
  });

  it("warns of channels that nothing is sent to, at their mapping", async () => {
    const rig = new DmxRig(`${BACKEND}[sacn a]\nuniverse = 1\n[map]\nprobe.x > a.1\n`);
    await rig.router.load();
    assert.match(
      rig.log.matching(/not sent/)[0]?.message ?? "",
      /:6:13: warning: .* since the instance has no priority/,
    );
  });
});
