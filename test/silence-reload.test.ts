// Peers that fall silent where a reload replaces the instance that listens to them.
import assert from "node:assert/strict";
import { address, Peer } from "./dmx-network.js";
import { freePort } from "./free-port.js";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";
import { double } from "./osc-peer.js";
import { start } from "./session.js";

/** The options of an instance `in`, its channel, and what makes that 1. */
type Listening = readonly [options: string, channel: string, send: () => Promise<unknown>];

const kinds: Record<string, (test: Mocha.Context) => Promise<Listening>> = {
  async artnet() {
    const [own, desk] = [address(1), await Peer.at(address(2), 6454)];
    const frame = "4172742d4e657400 0050 000e 00 00 00 00 0001 ff";
    return [`[backend artnet]\nbind = ${own}\n[artnet in]\n`, "1", () => desk.send(frame, own, 6454)];
  },
  async osc() {
    const [port, desk] = [await freePort(), await Peer.at(address(2), 0)];
    return [`[osc in]\nbind = 127.0.0.1 ${port}\n`, "/a", () => desk.send(double("/a", 1), "127.0.0.1", port)];
  },
  async mqtt(test) {
    needMosquitto(test);
    const broker = await Broker.start();
    const peer = await broker.peer();
    const send = async () => {
      await broker.subscribed("MM-in");
      await peer.send("a", "1");
    };
    return [`[mqtt in]\nhost = 127.0.0.1:${broker.port}\n`, "a", send];
  },
};

describe("an instance that a reload replaces while its peer is silent", () => {
  afterEach(endBrokers);

  for (const [kind, listening] of Object.entries(kinds)) {
    it(`goes to 'timeout-value': ${kind}`, async function () {
      const [options, channel, send] = await listening(this);
      const config = (timeout: number) =>
        `${options}timeout = ${timeout}\ntimeout-value = zero\n[map]\nin.${channel} > probe.x\n`;
      const session = await start(config(600));
      await send();
      await session.probe.until("x");
      session.write("monster.cfg", config(0.1));
      await session.router.reload();
      assert.deepEqual(await session.probe.until("x", 2), [1, 0]);
    });
  }
});
