// The same configurations and events here and in MIDIMonster: what goes over the wire, and what handlers get. OSC brings the
// events, and takes those that come out as doubles, which keep every bit.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { address, Peer, universe } from "./dmx-network.js";
import { freePort } from "./free-port.js";
import { folderWith, mmpy, mmpyScript, type Running, run } from "./helpers.js";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";
import { double, OscPeer, readDouble } from "./osc-peer.js";

const { MIDIMONSTER_REF } = process.env;
const reference = path.resolve(MIDIMONSTER_REF ?? "");
const [PROGRAM, STAGE] = [address(1), address(2)];

/** Skips a test, loudly, without MIDIMonster and one of its backends. */
function needReference(test: Mocha.Context, backend: string): void {
  if (MIDIMONSTER_REF && existsSync(path.join(path.dirname(reference), "backends", `${backend}.so`))) return;
  console.log(`SKIPPED: MIDIMONSTER_REF does not name a binary of MIDIMonster with its ${backend} backend`);
  test.skip();
}

const PROGRAMS: readonly [name: string, start: (config: string) => Running][] = [
  ["ours", (config) => run(process.execPath, [mmpyScript, config])],
  ["theirs", (config) => run(reference, [config], { cwd: path.dirname(reference) })],
];

/** A program that runs, with OSC on both sides of what is tested. */
class Setup {
  private constructor(
    readonly osc: OscPeer,
    readonly running: Running,
    readonly port: number,
  ) {}

  /** @param paths that come out by OSC, besides `/ready`; `drive./X` is where events come in, `report./X` where they go out */
  static async of(start: (config: string) => Running, paths: readonly string[], config: string): Promise<Setup> {
    const [osc, port] = [await OscPeer.open(), await freePort()];
    const formats = ["/ready", ...paths].map((each) => `${each} = d 0 1`).join("\n");
    const text =
      `[osc drive]\nbind = 127.0.0.1 ${port}\n` +
      `[osc report]\nbind = 127.0.0.1 ${await freePort()}\ndestination = 127.0.0.1 ${osc.port}\n${formats}\n` +
      config.replace("[map]", "[map]\ndrive./ready > report./ready");
    const running = start(path.join(folderWith({ "monster.cfg": text }), "monster.cfg"));
    const made = new Setup(osc, running, port);
    let turn = 0;
    const asking = setInterval(() => osc.send(double("/ready", (++turn % 100) / 100 + 0.005), port), 20);
    await made.lives(osc.until(1));
    clearInterval(asking);
    return made;
  }

  event(name: string, value: number): void {
    this.osc.send(double(name, value), this.port);
  }

  /** What has come out by OSC, in order. */
  get events(): (readonly [string, number])[] {
    return this.osc.received.map(readDouble).filter(([name]) => name !== "/ready");
  }

  /** Resolves once so many events have come out. */
  async until(count: number): Promise<void> {
    while (this.events.length < count) await this.lives(this.osc.until(this.osc.received.length + 1));
  }

  /** Waits, unless the program ends. */
  async lives<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([
      answer,
      this.running.exited.then(() => assert.fail(`it has ended: ${this.running.stderr}${this.running.stdout}`)),
    ]) as Promise<T>;
  }

  async end(): Promise<void> {
    this.running.child.kill("SIGKILL");
    await this.running.exited;
    await this.osc.close();
  }
}

const codes = (step: number, from = 1) =>
  Array.from({ length: Math.ceil((256 - from) / step) }, (_, i) => from + i * step);

/** Events for slots 1 and 2, and for 3+4: all that both send alike. */
const SENT: readonly (readonly [string, number])[] = [
  ...codes(7).map((code) => ["/a", code / 255] as const),
  ...[0.5, 0.999, 0.3333, 1, 0.1, 0].map((value) => ["/b", value] as const),
  ...[0.5, 1, 0.25, 12_345 / 65_535, 1 / 65_535, 0].map((value) => ["/w", value] as const),
];

/** Levels of slots 1 to 4, one frame after the other; 7 stays at 0, which is no event. */
const RECEIVED: readonly (readonly number[])[] = [
  ...codes(13).map((code) => [code, 255 - code, code, code]),
  [255, 0, 0, 0],
  [0, 0, 0x7f, 0xff],
  [0, 0, 0x80, 0],
  [255, 255, 255, 255],
];

interface DmxProtocol {
  readonly name: "artnet" | "sacn";
  readonly port: number;
  readonly backend: string;
  readonly output: string;
  readonly input: string;
  /** The datagram with these levels. */
  frame(sequence: number, levels: readonly number[]): Buffer;
  /** What has to be equal of a datagram; undefined for others than levels. */
  content(data: Buffer): string | undefined;
}

const [IN, OUT] = [universe(1), universe(2)];

const PROTOCOLS: readonly DmxProtocol[] = [
  {
    name: "artnet",
    port: 6454,
    backend: `bind = ${PROGRAM}`,
    output: `net = 1\nuniverse = 3\ndestination = ${STAGE}`,
    input: "universe = 0x15",
    frame(sequence, levels) {
      const data = Buffer.alloc(18 + 512);
      data.write("Art-Net\0\0\x50\0\x0e", "latin1");
      data.set([sequence, 0, 0x15, 0, 2, 0, ...levels], 12);
      return data;
    },
    // Sequences begin with another number.
    content: (data) => (data[9] === 0x50 ? data.toString("hex", 0, 12) + data.toString("hex", 13) : undefined),
  },
  {
    name: "sacn",
    port: 5568,
    backend: `bind = ${PROGRAM}\nname = golden`,
    output: `universe = ${OUT}\npriority = 120\ndestination = ${STAGE}`,
    input: `universe = ${IN}\nunicast = 1`,
    frame(sequence, levels) {
      const data = Buffer.alloc(638);
      data.write("00100000", 0, "hex");
      data.write("ASC-E1.17", 4);
      data.write("726e00000004", 16, "hex");
      data.write("another source..", 22);
      data.write("725800000002", 38, "hex");
      data.write("desk", 44);
      data.set([100, 0, 0, sequence, 0, IN >> 8, IN & 255], 108);
      data.write("720b02a10000000102010000", 115, "hex");
      data.set(levels, 126);
      return data;
    },
    // The CID of MIDIMonster is the same for all; sequences depend on the number of repeats.
    content: (data) =>
      data.length === 638
        ? data.toString("hex", 0, 22) + data.toString("hex", 38, 111) + data.toString("hex", 112)
        : undefined,
  },
];

for (const { name, port, backend, output, input, frame, content } of PROTOCOLS) {
  const config =
    `[backend ${name}]\n${backend}\n[${name} out]\nrealtime = 1\n${output}\n[${name} in]\n${input}\n` +
    "[map]\ndrive./{a,b} > out.{1,2}\ndrive./w > out.3+4\nin.{1,2,7} > report./{a,b,c}\nin.3+4 > report./w\n";

  describe(`${name} beside MIDIMonster`, () => {
    it("sends the same frames", async function () {
      needReference(this, name);
      const results: string[][] = [];
      const stage = await Peer.at(STAGE, port);
      for (const [, start] of PROGRAMS) {
        let seen = stage.received.length;
        const setup = await Setup.of(start, ["/a", "/b", "/c", "/w"], config);
        const contents: string[] = [];
        const next = async () => {
          for (;;) {
            await setup.lives(stage.count(seen + 1));
            const data = stage.received[seen++]?.data;
            const found = data && content(data);
            if (found === undefined || found === contents.at(-1)) continue;
            contents.push(found);
            return;
          }
        };
        await next();
        for (const [channel, value] of SENT) {
          setup.event(channel, value);
          await next();
        }
        await setup.end();
        results.push(contents);
      }
      assert.equal(results[0]?.length, SENT.length + 1);
      assert.deepEqual(results[0], results[1]);
    });

    it("gives handlers the same values", async function () {
      needReference(this, name);
      const results: unknown[] = [];
      const desk = await Peer.at(STAGE, port);
      for (const [, start] of PROGRAMS) {
        const setup = await Setup.of(start, ["/a", "/b", "/c", "/w"], config);
        let before: readonly number[] = [0, 0, 0, 0];
        let expected = 0;
        for (const [i, levels] of RECEIVED.entries()) {
          await desk.send(frame(i + 1, levels), PROGRAM, port);
          const differs = (slot: number) => levels[slot] !== before[slot];
          expected += [differs(0), differs(1), differs(2) || differs(3)].filter(Boolean).length;
          before = levels;
          await setup.until(expected);
        }
        const { events } = setup;
        // Of one frame, the order in which paths are sent does not matter.
        results.push(["/a", "/b", "/c", "/w"].map((wanted) => events.filter(([path]) => path === wanted)));
        await setup.end();
      }
      assert.deepEqual(results[0], results[1]);
    });
  });
}

describe("mqtt beside MIDIMonster", () => {
  afterEach(endBrokers);

  const config = (port: number) =>
    `[mqtt m]\nhost = 127.0.0.1:${port}\nprotocol = 3.1.1\n/deg = range 10 -10\nlamp = discrete !0 0.5 off\n` +
    "lamp = discrete 0.5 !1 on\nstate = discrete !0 0.5 off\nstate = discrete 0.5 !1 on\ncold = range -20 0\n" +
    "[map]\ndrive./{a,b,c} > m.{plain,/deg,lamp}\nm.{in,cold,state} > report./{a,b,c}\n";

  const SAID: readonly (readonly [string, number])[] = [
    ...[0.5, 0, 1, 0.123456789, 1 / 3, 0.1, 0.1].map((value) => ["/a", value] as const),
    ...[0.5, 0, 1, 0.25, 0.9].map((value) => ["/b", value] as const),
    ...[0, 0.5, 0.75, 1].map((value) => ["/c", value] as const),
  ];
  const HEARD: readonly (readonly [string, string])[] = [
    ...["0.5", "0", "1", "0.333333", " 0.25", "2", "-1", "1e-1", "0.5xyz"].map((text) => ["in", text] as const),
    ...["-10", "-20", "0", "-1.25", "7"].map((text) => ["cold", text] as const),
    ...["on", "off"].map((text) => ["state", text] as const),
  ];

  it("publishes the same messages and gives handlers the same values", async function () {
    needReference(this, "mqtt");
    needMosquitto(this);
    const broker = await Broker.start();
    const results: unknown[] = [];
    for (const [, start] of PROGRAMS) {
      const peer = await broker.peer(["plain", "/deg", "lamp"]);
      const setup = await Setup.of(start, ["/a", "/b", "/c"], config(broker.port));
      // It may still be connecting: the first value has to come back.
      const asking = setInterval(() => void peer.send("in", "0.75"), 50);
      await setup.until(1);
      clearInterval(asking);
      await peer.send("in", "0.875");
      while (setup.events.at(-1)?.[1] !== 0.875) await setup.until(setup.events.length + 1);
      const begun = setup.events.length;
      for (const [i, [channel, value]] of SAID.entries()) {
        setup.event(channel, value);
        await setup.lives(peer.once(() => (peer.messages.length > i ? true : undefined)));
      }
      const sent = peer.messages.map(({ topic, text }) => [topic, text]);
      for (const [i, [topic, text]] of HEARD.entries()) {
        await peer.send(topic, text);
        await setup.until(begun + i + 1);
      }
      results.push({ sent, received: setup.events.slice(begun) });
      await setup.end();
      peer.client.end(true);
    }
    assert.deepEqual(results[0], results[1]);
  });
});

describe("MIDIMonster's example configurations", () => {
  it("load, or have an error that names the backend that is not here", async function () {
    const folder = path.join(path.dirname(reference), "configs");
    if (!MIDIMONSTER_REF || !existsSync(folder)) {
      console.log("SKIPPED: MIDIMONSTER_REF is not in a checkout of MIDIMonster with its folder 'configs'");
      this.skip();
    }
    const files = readdirSync(folder).filter((file) => file.endsWith(".cfg"));
    assert.ok(files.length > 10);
    const check = async (file: string) => {
      const checked = mmpy(["check", path.join(folder, file)]);
      const { code } = await checked.exited;
      const errors = checked.stderr.match(/^\S+: error: .*/gm) ?? [];
      const missing = errors.flatMap(
        (line) => /: error: MIDIMonster's backend '(\w+)' is not here$/.exec(line)?.[1] ?? [],
      );
      assert.deepEqual([file, errors.length], [file, missing.length], checked.stderr);
      const text = readFileSync(path.join(folder, file), "utf8");
      for (const backend of missing) assert.match(text, new RegExp(`^\\[(backend )?${backend}\\b`, "m"));
      assert.equal(code, missing.length === 0 ? 0 : 1, `${file}: ${checked.stderr}`);
    };
    for (let i = 0; i < files.length; i += 4) await Promise.all(files.slice(i, i + 4).map(check));
  });
});
