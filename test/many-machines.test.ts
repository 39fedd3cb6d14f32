// Two programs joined as docs/many-machines.md says: the configurations are those of the page, on addresses of tests.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Router } from "../lib/engine/router.js";
import { Rig } from "./desk-backend.js";
import { address, universe } from "./dmx-network.js";
import { freePort } from "./free-port.js";
import { folderWith, projectFolder, run } from "./helpers.js";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";
import { ProbeBackend, type ProbeInstance } from "./probe-backend.js";

const PAGE = readFileSync(path.join(projectFolder, "docs", "many-machines.md"), "utf8");
const { MIDIMONSTER_REF } = process.env;

/** A configuration of the page. */
function recipe(name: string, places: Readonly<Record<string, string>>): string {
  const [, block] = PAGE.split(`<!-- file: ${name} -->\n\`\`\`ini\n`);
  assert.ok(block !== undefined, `the page has no ${name}`);
  const text = block.slice(0, block.indexOf("```"));
  // All at once: a universe of this run may begin with the digits of one of the page.
  const any = new RegExp(Object.keys(places).join("|").replaceAll(".", "\\."), "g");
  return text.replace(any, (place) => places[place] ?? place);
}

/** Runs a configuration, with a probe in place of its loopback instance. */
async function start(config: string): Promise<{ readonly router: Router; readonly probe: ProbeInstance }> {
  const probes = new ProbeBackend();
  const { router } = new Rig(config.replace("[loopback ", "[probe "), [probes]);
  await router.start();
  const [probe] = probes.instances.values();
  assert.ok(probe !== undefined);
  return { router, probe };
}

afterEach(endBrokers);

const NUMBERS = Array.from({ length: 8 }, (_, i) => i + 1);

/** Resolves once the last value of each channel is that which was sent last. */
async function agree(sent: ReadonlyMap<string, number>, to: ProbeInstance, precision: number): Promise<void> {
  for (const [name, value] of sent) {
    for (let count = 1; ; ++count) {
      const values = await to.until(name, count);
      if (Math.abs((values.at(-1) ?? Number.NaN) - value) <= precision) break;
      count = values.length;
    }
  }
}

interface Way {
  readonly name: "sacn" | "osc" | "mqtt";
  readonly precision: number;
  places(): Promise<Readonly<Record<string, string>>>;
  /** Whether a side that starts again gets all values without further events. */
  readonly heals: boolean;
}

const MACHINES = { "10.0.0.1": address(1), "10.0.0.2": address(2) };
const WAYS: readonly Way[] = [
  {
    name: "sacn",
    precision: 1 / 65_535,
    places: async () => ({ ...MACHINES, "= 101": `= ${universe(1)}`, "= 102": `= ${universe(2)}` }),
    heals: true,
  },
  { name: "osc", precision: 0, places: async () => MACHINES, heals: false },
  {
    name: "mqtt",
    precision: 1e-6,
    places: async () => ({ "10.0.0.3": `127.0.0.1:${(await Broker.start()).port}` }),
    heals: true,
  },
];

describe("two machines", () => {
  for (const { name, precision, places, heals } of WAYS) {
    it(`joined by ${name} agree on every last value after a burst of changes, and after one was started again`, async function () {
      if (name === "mqtt") needMosquitto(this);
      const here = await places();
      const desk = await start(recipe(`${name}-desk/monster.cfg`, here));
      const stageConfig = recipe(`${name}-stage/monster.cfg`, here);
      const stage = await start(stageConfig);
      const [faders, levels] = [new Map<string, number>(), new Map<string, number>()];
      const change = (steps: number) => {
        for (const number of NUMBERS) {
          faders.set(`fader${number}`, ((steps * 37 + number * 101) % 997) / 997);
          levels.set(`level${number}`, ((steps * 53 + number * 211) % 991) / 991);
        }
        for (const [channel, value] of faders) desk.probe.emit(channel, value);
        for (const [channel, value] of levels) stage.probe.emit(channel, value);
      };
      for (let step = 1; step <= 200; ++step) {
        change(step);
        await turn();
      }
      await Promise.all([agree(faders, stage.probe, precision), agree(levels, desk.probe, precision)]);
      await stage.router.stop();
      const again = await start(stageConfig);
      if (!heals)
        for (const [channel, value] of faders)
          desk.probe.emit(channel, faders.set(channel, value / 2).get(channel) ?? 0);
      await agree(faders, again.probe, precision);
    });
  }
});

describe("this program beside MIDIMonster", () => {
  it("is joined with it by OSC, there and back", async function () {
    if (!MIDIMONSTER_REF || !existsSync(MIDIMONSTER_REF)) {
      console.log("SKIPPED: MIDIMONSTER_REF does not name a binary of MIDIMonster with its osc backend");
      this.skip();
    }
    const places = {
      "127.0.0.1 9000": `127.0.0.1 ${await freePort()}`,
      "127.0.0.1 9001": `127.0.0.1 ${await freePort()}`,
    };
    const folder = folderWith({ "midimonster.cfg": recipe("monster/midimonster.cfg", places) });
    const reference = path.resolve(MIDIMONSTER_REF);
    const monster = run(reference, [path.join(folder, "midimonster.cfg")], { cwd: path.dirname(reference) });
    const { probe } = await start(recipe("beside/monster.cfg", places));
    // It may bind after it was started, and sends no first value of 0.
    let turns = 0;
    const asking = setInterval(() => probe.emit("out1", (++turns % 100) / 200 + 0.25), 20);
    await Promise.race([probe.until("in1"), monster.exited.then(() => assert.fail(monster.stderr))]);
    clearInterval(asking);
    const sent = new Map(NUMBERS.map((number) => [`in${number}`, Math.fround(number / 9)]));
    for (const [channel, value] of sent) probe.emit(channel.replace("in", "out"), value);
    await agree(sent, probe, 1e-7);
    monster.child.kill("SIGKILL");
    await monster.exited;
  });
});
