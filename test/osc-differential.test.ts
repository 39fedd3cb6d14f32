// The same OSC messages into this program and into MIDIMonster: both have to send the same bytes.
import assert from "node:assert/strict";
import path from "node:path";
import { freePort } from "./free-port.js";
import { folderWith, mmpyScript, type Running, run } from "./helpers.js";
import { double, OscPeer } from "./osc-peer.js";

const { MIDIMONSTER_REF } = process.env;

/** By path: the format, and the values in whose bytes the programs agree on purpose. */
const PATHS: Readonly<Record<string, readonly [format: string, values: readonly number[]]>> = {
  "/fader1": ["f 0 2", [0.5, 1, 0.1, 0.3333]],
  "/pan": ["f -1 1", [0.25, 0, 1]],
  "/seven": ["i 0 127", Array.from({ length: 127 }, (_, i) => (i + 1) / 127)],
  "/eight": ["i 0 255", Array.from({ length: 255 }, (_, i) => (i + 1) / 255)],
  "/wide": ["h 0 1024", [0.5, 1, 0.25]],
  "/double": ["d -5 10", [0.1, 0.7, 1]],
  "/xy": ["ff 0 1 -1 1", [1, 0.5]],
  "/xy:1": ["", [0.75, 1]],
};

/** What a program sends for all values, one after the other. */
async function answers(start: (config: string) => Running): Promise<string[]> {
  const [peer, port] = [await OscPeer.open(), await freePort()];
  const names = Object.keys(PATHS);
  const formats = Object.entries(PATHS).filter(([, [format]]) => format !== "");
  const config = [
    `[osc in]\nbind = 127.0.0.1 ${port}`,
    `[osc out]\nbind = 127.0.0.1 ${await freePort()}\ndestination = 127.0.0.1 ${peer.port}\n/ready = f 0 1`,
    ...formats.map(([name, [format]]) => `${name} = ${format}`),
    "[map]\nin./ready > out./ready",
    ...names.map((name, i) => `in./in${i} > out.${name}`),
  ].join("\n");
  const running = start(path.join(folderWith({ "monster.cfg": config }), "monster.cfg"));
  // It may bind after it was started: one message must have come through before others count.
  let turn = 0;
  const asking = setInterval(() => peer.send(double("/ready", (++turn % 100) / 100 + 0.005), port), 50);
  await Promise.race([peer.until(1), running.exited]);
  clearInterval(asking);
  peer.send(double("/ready", 0.999), port);
  const all: string[] = [];
  for (const [i, name] of names.entries()) {
    for (const value of PATHS[name]?.[1] ?? []) {
      peer.send(double(`/in${i}`, value), port);
      const sent = () => peer.received.filter((hex) => !hex.startsWith("2f7265616479")); // those not to /ready
      const before = all.length;
      while (sent().length <= before) {
        await Promise.race([peer.until(peer.received.length + 1), running.exited]);
        assert.equal(running.child.exitCode, null, running.stderr + running.stdout);
      }
      all.push(sent()[before] ?? "");
    }
  }
  running.child.kill("SIGKILL");
  await running.exited;
  await peer.close();
  return all;
}

describe("OSC beside MIDIMonster", () => {
  it("sends the same bytes", async function () {
    if (!MIDIMONSTER_REF) {
      console.log("SKIPPED: MIDIMONSTER_REF does not name a binary of MIDIMonster with its osc backend");
      this.skip();
    }
    const reference = path.resolve(MIDIMONSTER_REF);
    const ours = await answers((config) => run(process.execPath, [mmpyScript, config]));
    const theirs = await answers((config) => run(reference, [config], { cwd: path.dirname(reference) }));
    assert.ok(ours.length > 390);
    assert.deepEqual(ours, theirs);
  });
});
