// OSC messages that the addon sends by itself, beside those that JavaScript sends: the same bytes in the same order.
import assert from "node:assert/strict";
import { binding } from "../lib/binding.js";
import { freePort } from "./free-port.js";
import { bytes, OscPeer } from "./osc-peer.js";
import { fc } from "./properties.js";
import { type Session, start } from "./session.js";

const FORMATS: readonly (readonly [format: string, channels: number])[] = [
  ["f 0 1", 1],
  ["f 1 -1", 1],
  ["f 0.1 0.1", 1],
  ["f -3e38 3e38", 1],
  ["i 0 127", 1],
  ["i 100 -100", 1],
  ["i -2147483648 2147483647", 1],
  ["h 0 9223372036854775807", 1],
  ["h 9223372036854775807 -9223372036854775808", 1],
  ["d 0.1 0.7", 1],
  ["d -1.7e308 1.7e308", 1],
  ["iffd 1 8 5 6 -1 0 0 1", 4],
  ['sfTi "name" 0 1 0 10', 2],
  ["-", 1],
  ['sF "always this"', 1],
];
const CHANNELS = FORMATS.flatMap(([, count], i) =>
  Array.from({ length: count }, (_, argument) => (argument === 0 ? `/p${i}` : `/p${i}:${argument}`)),
);
const OPTIONS = FORMATS.map(([format], i) => `/p${i} = ${format}\n`).join("");

describe("OSC messages of an instance with nothing unusual", () => {
  let peers: [direct: OscPeer, full: OscPeer];
  let ports: [direct: number, full: number];
  /** Whether the addon was told to send or not to, each time: JavaScript tells it whenever it gets events itself. */
  let told: boolean[];
  const { sendOsc } = binding();

  beforeEach(async () => {
    peers = [await OscPeer.open(), await OscPeer.open()];
    ports = [await freePort(), await freePort()];
    told = [];
    Object.assign(binding(), {
      sendOsc: (...args: Parameters<typeof sendOsc>) => {
        told.push(args[2] !== null);
        return sendOsc(...args);
      },
    });
  });

  afterEach(async () => {
    Object.assign(binding(), { sendOsc });
    for (const peer of peers) await peer.close();
  });

  /** The same channels twice: of an instance that leaves them to the addon, and of one whose peer may change with each message. */
  function config(channels: readonly string[], options = OPTIONS, more = ""): string {
    const map = channels.map((name, i) => `probe.c${i} > direct.${name}\nprobe.c${i} > full.${name}`).join("\n");
    return (
      `[osc direct]\nbind = 127.0.0.1 ${ports[0]}\ndestination = 127.0.0.1 ${peers[0].port}\n${more}/end = -\n${options}` +
      `[osc full]\nbind = 127.0.0.1 ${ports[1]}\ndestination = learn\n/end = -\n${options}` +
      `[map]\nprobe.end > direct./end\nprobe.end > full./end\n${map}\n`
    );
  }

  async function running(text: string): Promise<Session> {
    const session = await start(text);
    peers[1].send(bytes("2f780000 2c000000"), ports[1]);
    await session.log.seen(/^full: sends to/);
    return session;
  }

  /** Puts values in, each array in one batch. @returns what came, of which both instances have sent the same */
  async function both(session: Session, batches: readonly (readonly (readonly [number, number])[])[]) {
    const before = peers.map(({ received }) => received.length);
    for (const batch of batches) {
      for (const [channel, value] of batch) session.probe.emit(`c${channel}`, value);
      await new Promise((resolve) => setImmediate(resolve));
    }
    session.probe.emit("end", 1);
    const end = Buffer.from("/end\0\0\0\0,\0\0\0").toString("hex");
    const [direct = [], full = []] = await Promise.all(
      peers.map(async (peer, i) => {
        let seen = before[i] ?? 0;
        for (await peer.until(seen + 1); peer.received[seen] !== end; await peer.until(seen + 1)) ++seen;
        return peer.received.slice(before[i], seen);
      }),
    );
    assert.deepEqual(direct, full);
    return direct;
  }

  it("are the same whatever their types, limits and values, and not sent again without a change", async () => {
    const session = await running(config(CHANNELS));
    // The smallest values, and those at which rounding shows.
    const value = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, -0, 1, 0.5, 5e-324, 1e-7, 1 - 2 ** -53, 64 / 127),
    );
    const event = fc.tuple(fc.nat(CHANNELS.length - 1), value);
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(event, { maxLength: 12 }), { maxLength: 12 }), async (batches) => {
        sent += (await both(session, batches)).length;
      }),
      { numRuns: 40, endOnFailure: true },
    );
    assert.ok(sent > 100, `${sent}`);
    assert.deepEqual(told, [true]);
  });

  it("go on from the same values when a reload adds, changes and removes channels or replaces the instance", async () => {
    const all = ["/a", "/b", "/b:1", "/c"];
    const options = "/[ac] = f 0 1\n/b = ff 0 1 0 1\n";
    const session = await running(config(all, options));
    const level = (batches: Parameters<typeof both>[1]) => both(session, batches);
    const reload = async (...args: Parameters<typeof config>) => {
      session.write("monster.cfg", config(...args));
      await session.router.reload();
    };
    await level([[[0, 0.25]], [[1, 0.5]], [[2, 1]]]);
    await reload(all.slice(0, 3), options);
    const shown = async (batches: Parameters<typeof both>[1]) => (await level(batches)).map((hex) => hex.slice(-16));
    // Nothing for values that are known, and a path's other argument with its last one.
    assert.deepEqual(await shown([[[0, 0.25]], [[1, 0.5]], [[1, 0.75]]]), ["3f4000003f800000"]);
    await reload(all, "/[ac] = i 0 100\n/b = ff 0 1 0 1\n");
    assert.deepEqual(
      await shown([
        [
          [0, 0.25],
          [3, 0],
        ],
        [
          [3, 0],
          [2, 1],
          [0, 0.25],
        ],
      ]),
      ["2c69000000000019", "2c69000000000000"],
    );
    // A replaced one begins with all that it has taken over, which only the other way of sending keeps a peer for.
    const before = peers[0].received.length;
    await reload(all, "/[ac] = i 0 100\n/b = ff 0 1 0 1\n", `also = 127.0.0.1 ${peers[0].port}\n`);
    await peers[0].until(before + 6);
    session.probe.emit("c2", 1);
    session.probe.emit("c2", 0.5);
    session.probe.emit("c1", 0.75);
    const received = await peers[0].until(before + 8);
    assert.deepEqual(new Set(received.slice(before + 6).map((hex) => hex.slice(-16))), new Set(["3f4000003f000000"]));
  });

  it("that can't be sent are counted and told of once, and hold up no other", async () => {
    const long = `/${"x".repeat(65_600)}`;
    const session = await running(config(["/a", long, "/b"], "/* = f 0 1\n"));
    await both(session, [[[0, 0.5]], [[0, 1]]]);
    const batch = [
      [0, 0.25],
      [1, 0.25],
      [2, 0.25],
    ] as const;
    assert.equal(
      (
        await both(session, [
          batch,
          [
            [1, 0.5],
            [0, 0.75],
          ],
        ])
      ).length,
      3,
    );
    const told = session.log.matching(/^direct: could not send/).map(({ message }) => message);
    assert.deepEqual(told, [
      `direct: could not send to 127.0.0.1:${peers[0].port}: it is too large for a datagram (EMSGSIZE) (1 message lost)`,
    ]);
    const of = (wanted: string) => session.router.describe().instances.find(({ name }) => name === wanted)?.status;
    assert.deepEqual([of("direct")?.lost, of("full")?.lost], [2, 2]);
    assert.match(of("direct")?.text ?? "", /EMSGSIZE/);
  });

  it("are seen by taps like others", async () => {
    const session = await running(config(["/a", "/b"], "/* = f 0 1\n"));
    const seen: [string, number][] = [];
    const tap = session.router.tap((events) => {
      for (const { channel, value } of events) seen.push([channel, value]);
    });
    await both(session, [
      [[0, 0.5]],
      [
        [0, 0.5],
        [1, 1],
      ],
      [[0, 0.25]],
    ]);
    tap();
    assert.deepEqual(seen, [
      ["c0", 0.5],
      ["c0", 0.5],
      ["c1", 1],
      ["c0", 0.25],
      ["end", 1],
    ]);
    assert.deepEqual(told, [true]);
  });
});
