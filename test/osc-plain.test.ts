// OSC messages that the addon reads by itself, beside those that JavaScript reads: the same events in the same order.
import assert from "node:assert/strict";
import { freePort } from "./free-port.js";
import { OscPeer } from "./osc-peer.js";
import { fc } from "./properties.js";
import { type Session, start } from "./session.js";

const OPTIONS = '/fader = f -1 1\n/knob = i 100 0\n/xy = ff 0 2 0 10\n/go = -\n/name = sf "n" 0 1\n/still = f 3 3\n';
const CHANNELS = ["/fader", "/knob", "/xy", "/xy:1", "/go", "/name", "/still", "/free", "/free:1", "/longer/path/1"];

describe("OSC messages of common types", () => {
  let peer: OscPeer;
  let session: Session;
  /** Of an instance that leaves them to the addon, and of one whose option needs to know of each. */
  let ports: [plain: number, full: number];

  /** The same channels twice: a… of the one instance, b… of the other. */
  const config = (channels: readonly string[]) => {
    const map = channels.flatMap((name, i) => [`plain.${name} > probe.a${i}`, `full.${name} > probe.b${i}`]);
    return (
      `[osc plain]\nbind = 127.0.0.1 ${ports[0]}\n${OPTIONS}[osc full]\nbind = 127.0.0.1 ${ports[1]}\n${OPTIONS}timeout = 3600\n` +
      `[map]\nplain./end > probe.a-end\nfull./end > probe.b-end\n${map.join("\n")}\n`
    );
  };

  beforeEach(async () => {
    ends = 0;
    peer = await OscPeer.open();
    ports = [await freePort(), await freePort()];
    session = await start(config(CHANNELS));
  });

  afterEach(() => peer.close());

  let ends = 0;

  /** Sends the same to both. @returns how many events there were of each channel */
  async function both(datagrams: readonly Uint8Array[]): Promise<number[]> {
    for (const datagram of [...datagrams, message("/end", "f", 1)]) for (const port of ports) peer.send(datagram, port);
    ends++;
    await Promise.all(["a-end", "b-end"].map((end) => session.probe.until(end, ends)));
    return CHANNELS.map((name, i) => {
      const [a, b] = [session.probe.values(`a${i}`), session.probe.values(`b${i}`)];
      assert.deepEqual(a, b, name);
      return a.length;
    });
  }

  it("become the same events whatever their limits, types and order", async () => {
    const cases = [
      message("/fader", "f", -1, 0.25, 5),
      message("/fader", "i", 1),
      message("/knob", "i", 25),
      message("/knob", "f", 12.5),
      message("/xy", "ff", 1, 5),
      message("/xy", "if", -3, 5),
      message("/xy", "f", 1), // too few arguments
      message("/go", ""),
      message("/still", "f", 3),
      message("/free", "i", 255),
      message("/free", "ff", 0.5, Number.POSITIVE_INFINITY),
      message("/free", "iif", -(2 ** 31), 2 ** 31 - 1, Number.NaN),
      message("/longer/path/1", "f", 0.1),
      message("/fader", "f", Number.NaN),
      bundle(message("/fader", "f", 0.5), message("/knob", "i", 7), message("/free", "f", 0.125)),
      bundle(message("/fader", "f", 0.75), message("/none", "f", 7), message("/knob", "i", 8)),
      bundle(message("/fader", "f", -0.75), bundle(message("/knob", "i", 9))),
      bundle(),
    ];
    // Each by itself: what JavaScript reads takes along what has come with it.
    let counts: number[] = [];
    for (const datagram of cases) counts = await both([datagram]);
    // Both could be wrong in the same way.
    assert.deepEqual(session.probe.values("a0").slice(0, 2), [0, 1]);
    assert.deepEqual(session.probe.values("a1"), [0.75, 0.875, 0.93, 0.92, 0.91]);
    assert.ok(
      counts.every((count, i) => count > 0 || CHANNELS[i] === "/name"),
      String(counts),
    );
  });

  it("become the same events also if datagrams are broken in any way", async () => {
    const address = fc.oneof(
      fc.constantFrom(...CHANNELS.map((name) => name.split(":")[0] as string)),
      fc.constant("/f*"),
    );
    const types = fc.stringMatching(/^[ifif]{1,3}$/);
    const whole = fc
      .tuple(address, types, fc.array(fc.integer({ min: -300, max: 300 }), { minLength: 3, maxLength: 3 }))
      .map(([to, letters, numbers]) => message(to, letters, ...numbers));
    const bundled = fc.array(whole, { maxLength: 4 }).map((parts) => bundle(...parts));
    const datagram = fc.oneof(whole, bundled);
    const cut = fc.tuple(datagram, fc.nat(80)).map(([data, length]) => data.subarray(0, length));
    const changed = fc.tuple(datagram, fc.nat(), fc.nat(255)).map(([data, at, byte]) => {
      const copy = Buffer.from(data);
      if (copy.length > 0) copy[at % copy.length] = byte;
      return copy;
    });
    // A pattern that a change has made might match the address of the end.
    const safe = changed.filter((data) => !/[?*[{]/.test(data.toString("latin1").replaceAll("/f*", "")));
    const some = fc.array(fc.oneof(datagram, cut, safe), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(some, async (datagrams) => void (await both(datagrams))),
      { numRuns: 40 },
    );
  });

  it("reach channels that a reload has added, and in status() count as data", async () => {
    const before = session.probe.values("a7").length;
    session.write("monster.cfg", config(CHANNELS.slice(0, 8)));
    await session.router.reload();
    await both([message("/free", "f", 0.25), message("/longer/path/1", "f", 0.25)]);
    assert.deepEqual(session.probe.values("a7").slice(before), [0.25]);
    const since = Date.now();
    session.write("monster.cfg", config(CHANNELS));
    await session.router.reload();
    const long = session.probe.values("a9").length;
    await both([message("/longer/path/1", "f", 0.5)]);
    assert.deepEqual(session.probe.values("a9").slice(long), [0.5]);
    const { status } = session.router.describe().instances.find(({ name }) => name === "plain") ?? {};
    assert.ok((status?.lastData ?? 0) >= since - 100, String(status?.lastData));
  });
});

function text(content: string): Buffer {
  return Buffer.concat([Buffer.from(content), Buffer.alloc(4 - (content.length % 4))]);
}

function message(address: string, types: string, ...numbers: number[]): Buffer {
  const data = Buffer.alloc(4 * types.length);
  for (const [i, type] of [...types].entries()) {
    if (type === "i") data.writeInt32BE(numbers[i] ?? 0, 4 * i);
    else data.writeFloatBE(numbers[i] ?? 0, 4 * i);
  }
  return Buffer.concat([text(address), text(`,${types}`), data]);
}

function bundle(...parts: Buffer[]): Buffer {
  const sized = parts.flatMap((part) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(part.length);
    return [size, part];
  });
  return Buffer.concat([text("#bundle"), Buffer.alloc(8), ...sized]);
}
