// OSC instances in a router, and peers on sockets.
import assert from "node:assert/strict";
import { Decoder, FAULTS } from "../lib/backends/osc/decode.js";
import { freePort } from "./free-port.js";
import { bytes, OscPeer } from "./osc-peer.js";
import { fc } from "./properties.js";
import { type Session, start } from "./session.js";

describe("an OSC instance", () => {
  let peer: OscPeer;
  let port: number;

  beforeEach(async () => {
    peer = await OscPeer.open();
    port = await freePort();
  });

  afterEach(() => peer.close());

  /** A router with one instance `desk`, which hears on `port` and sends to the peer. */
  function desk(options: string, map: string, more = ""): Promise<Session> {
    const where = options.includes("destination") ? "" : `destination = 127.0.0.1 ${peer.port}\n`;
    return start(`${more}[osc desk]\nbind = 127.0.0.1 ${port}\n${where}${options}\n[map]\n${map}\n`);
  }

  /** One message for each address, as the peer has received them. */
  function addresses(): string[] {
    const decoder = new Decoder();
    return peer.received.map((hex) => {
      decoder.read(bytes(hex), { message() {}, fault: (fault) => assert.fail(fault) });
      return `${decoder.address} ${decoder.numbers.slice(0, decoder.count).join(" ")}`.trim();
    });
  }

  const message = (address: string, types: string, data = "") =>
    Buffer.concat([text(address), text(`,${types}`), bytes(data)]);
  const text = (content: string) => Buffer.concat([Buffer.from(content), Buffer.alloc(4 - (content.length % 4))]);
  const HALF = "3f000000";

  describe("sends", () => {
    it("one message per path and batch, with the last value of each argument", async () => {
      const session = await desk("/xy = ff -1 1 0 10\n/b = i 0 127", "probe.{x,y,b} > desk.{/xy,/xy:1,/b}");
      session.probe.emit("x", 1);
      session.probe.emit("b", 0.5);
      session.probe.emit("y", 0.5);
      session.probe.emit("x", 0.25);
      await peer.until(2);
      session.probe.emit("y", 0.5);
      session.probe.emit("b", 1);
      assert.deepEqual(await peer.until(3), [
        "2f7879002c666600bf00000040a00000",
        "2f6200002c6900000000003f",
        "2f6200002c6900000000007f",
      ]);
    });

    it("below its root, from the port that it listens on", async () => {
      const session = await desk("root = /root\n/o* = i 0 255", "probe.a > desk./out");
      session.probe.emit("a", 1);
      assert.deepEqual(await peer.until(1), ["2f726f6f742f6f75740000002c690000000000ff"]);
      assert.equal(peer.from?.port, port);
    });

    it("without `bind` too, and hears the answers", async () => {
      const session = await start(`[osc desk]\ndest = 127.0.0.1 ${peer.port}\n/a = f 0 1\n[map]\nprobe.a <> desk./a\n`);
      session.probe.emit("a", 0);
      await peer.until(1);
      peer.send(message("/a", "f", HALF), peer.from?.port ?? 0);
      assert.deepEqual(await session.probe.until("a"), [0.5]);
    });

    it("to further destinations, from a socket of both families", async () => {
      const other = await OscPeer.open();
      const session = await start(
        `[osc desk]\nbind = * ${port}\ndestination = 127.0.0.1 ${peer.port}\nalso = 127.0.0.1 ${other.port}\n/a = f 0 1\n[map]\nprobe.a > desk./a\n`,
      );
      session.probe.emit("a", 0.5);
      await Promise.all([peer.until(1), other.until(1)]);
      assert.deepEqual(peer.received, other.received);
      assert.deepEqual(session.log.matching(/could not/), []);
      await other.close();
    });

    it("triggers and constants", async () => {
      const session = await desk('/go = -\n/name = sf "a b" 0 1', "probe.{go,name} > desk.{/go,/name}");
      for (const value of [0, 1, 0]) session.probe.emit("go", value);
      session.probe.emit("name", 0.5);
      assert.deepEqual(await peer.until(2), ["2f676f002c000000", `2f6e616d650000002c73660061206200${HALF}`]);
    });

    it("keepalives at once and again and again", async () => {
      await desk('keepalive = 0.1 /subscribe "ch 1" 5 0.5 x', "probe.a > desk./none");
      const [first, ...others] = await peer.until(3);
      assert.equal(first, "2f73756273637269626500002c736966730000006368203100000000000000053f00000078000000");
      assert.deepEqual(new Set(others), new Set([first]));
    });
  });

  describe("with a destination to learn", () => {
    it("keeps values until a message comes, and sends the last ones to where it came from", async () => {
      const session = await desk("destination = learn\n/{a,b} = f 0 1", "probe.{a,b} > desk.{/a,/b}");
      session.probe.emit("a", 1);
      session.probe.emit("b", 0.25);
      session.probe.emit("a", 0.5);
      await new Promise((resolve) => setImmediate(resolve));
      peer.send(message("/x", ""), port);
      await peer.until(2);
      assert.deepEqual(addresses(), ["/a 0.5", "/b 0.25"]);
      await session.log.seen(/^desk: sends to 127\.0\.0\.1:\d+, from where a message came$/);

      const other = await OscPeer.open();
      other.send("", port);
      other.send("00", port);
      await session.log.seen(/can't be read/);
      session.probe.emit("a", 0.75);
      await peer.until(3);
      assert.deepEqual([other.received, session.log.matching(/sends to/).length], [[], 1]);

      other.send(message("/x", ""), port);
      await session.log.seen(/^desk: sends to 127\.0\.0\.1:\d+ and no longer to 127\.0\.0\.1:\d+, as a message came/);
      session.probe.emit("a", 0.25);
      await other.until(1);
      // Two peers that take turns do not fill the log.
      for (const each of [peer, other, peer]) each.send(message("/x", ""), port);
      while (peer.received.length === 3) {
        session.probe.emit("a", Math.random());
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(session.log.matching(/sends to/).length, 2);
      await other.close();
    });

    it("sends to another port of it, if the configuration says so", async () => {
      const session = await desk(`destination = learn@${peer.port}\n/a = f 0 1`, "probe.a > desk./a");
      const other = await OscPeer.open();
      session.probe.emit("a", 0.5);
      other.send(message("/x", ""), port);
      await peer.until(1);
      assert.deepEqual(addresses(), ["/a 0.5"]);
      assert.deepEqual(other.received, []);
      await other.close();
    });
  });

  describe("hears", () => {
    /** Sends messages and then one for the channel `end`; resolves with what came before it. */
    async function hear(session: Session, ...data: (Buffer | string)[]): Promise<[string, number][]> {
      for (const each of data) peer.send(each, port);
      peer.send(message("/end", "T"), port);
      await session.probe.until("end");
      return session.probe.received.filter(([name]) => name !== "end");
    }

    const END = "desk./end > probe.end\n";

    it("numbers of all types, by the limits of their types", async () => {
      const session = await desk("", `${END}desk./{f,d,i,h,t} > probe.{f,d,i,h,t}`);
      const heard = await hear(
        session,
        message("/f", "f", "3e800000"),
        message("/d", "d", "3fe0000000000000"),
        message("/i", "i", "0000007f"),
        message("/h", "h", "0000000000000100"),
        message("/f", "f", "c0000000"),
        message("/f", "f", "7f800000"),
        message("/t", "F"),
        message("/t", "T"),
        message("/t", "N"),
        message("/t", "I"),
        message("/t", ""),
      );
      assert.deepEqual(heard, [
        ["f", 0.25],
        ["d", 0.5],
        ["i", 127 / 255],
        ["h", 0.25],
        ["f", 0],
        ["f", 1],
        ["t", 0],
        ["t", 1],
        ["t", 0],
        ["t", 1],
        ["t", 1],
      ]);
    });

    it("arguments by the limits of their format, whatever their types, and equal ones again", async () => {
      const session = await desk("/xy = ff 0 10 10 -10", `${END}desk.{/xy,/xy:1} > probe.{x,y}`);
      const both = message("/xy", "id", "00000005 4000000000000000");
      assert.deepEqual(await hear(session, both, both), [
        ["x", 0.5],
        ["y", 0.4],
        ["x", 0.5],
        ["y", 0.4],
      ]);
    });

    it("the argument after a text, and of texts nothing", async () => {
      const session = await desk('/n = sf "name" 0 10', `${END}desk.{/n,/m,/m:1} > probe.{n,text,number}`);
      const heard = await hear(
        session,
        message("/n", "sf", `61000000 ${HALF}`),
        message("/m", "sf", `61626364 00000000 ${HALF}`),
      );
      assert.deepEqual(heard, [
        ["n", 0.05],
        ["number", 0.5],
      ]);
    });

    it("of a message what is before an argument of an unknown type", async () => {
      const session = await desk("/f = ff 0 1 0 1", `${END}desk.{/n,/n:1,/n:2,/f,/f:1} > probe.{n,n1,n2,f,f1}`);
      const heard = await hear(
        session,
        message("/n", "fzT", HALF),
        message("/n", "zif", `00000001 ${HALF}`),
        message("/n", "[T]zF", ""),
        message("/f", "fz", HALF),
      );
      assert.deepEqual(heard, [
        ["n", 0.5],
        ["n", 1],
        ["f", 0.5],
      ]);
      assert.deepEqual(
        session.log.entries.filter(({ level }) => level !== "info").map(({ message }) => message),
        [`desk: a message from 127.0.0.1:${peer.port} can't be read: ${FAULTS["unknown-type"]}`],
      );
    });

    it("bundles, and messages that stand for several of its paths", async () => {
      const session = await desk("", `${END}desk./{a,b,c}/x > probe.{a,b,c}`);
      const heard = await hear(
        session,
        "2362756e646c6500 0000000000000001 00000010 2f612f78 00000000 2c660000 3e800000 00000010 2f622f78 00000000 2c690000 000000ff",
        message("/[ab]/?", "f", HALF),
        message("/{c,d}/*", "f", HALF),
        message("/*", "f", HALF),
      );
      assert.deepEqual(heard, [
        ["a", 0.25],
        ["b", 1],
        ["a", 0.5],
        ["b", 0.5],
        ["c", 0.5],
      ]);
    });

    it("paths below its root only", async () => {
      const session = await desk("root = /r", "desk./end > probe.end\ndesk./a > probe.a");
      peer.send(message("/a", "f", HALF), port);
      peer.send(message("/rx/a", "f", HALF), port);
      peer.send(message("/r/a", "f", "3e800000"), port);
      peer.send(message("/r/end", ""), port);
      await session.probe.until("end");
      assert.deepEqual(session.probe.values("a"), [0.25]);
    });

    it("two spellings of one channel as one", async () => {
      const session = await desk("/x = f 0 1", `${END}desk./x > probe.a\ndesk./x:0 > probe.b\nprobe.out > desk./x:00`);
      assert.deepEqual(await hear(session, message("/x", "f", HALF)), [
        ["a", 0.5],
        ["b", 0.5],
      ]);
      session.probe.emit("out", 1);
      await peer.until(1);
      assert.deepEqual(addresses(), ["/x 1"]);
    });
  });

  it("logs what it can't read: once in full, then how often", async () => {
    const session = await desk("/f = ff 0 1 0 1", "desk./f > probe.f\ndesk./end > probe.end");
    for (let i = 0; i < 20; ++i) {
      peer.send(`0${i % 10}ff`, port);
      peer.send(message("/f", "f", HALF), port);
      peer.send(message("/f", "ff", `7fc00000 ${HALF}`), port);
    }
    peer.send(message("/end", ""), port);
    await session.probe.until("end");
    const from = `127.0.0.1:${peer.port}`;
    assert.deepEqual(
      session.log.entries.filter(({ level }) => level !== "info").map(({ level, message }) => `${level}: ${message}`),
      [
        `warn: desk: a message from ${from} can't be read: its address does not start with a slash, or has no end`,
        `warn: desk: a message to /f from ${from} is ignored: it has 1 argument, the configuration says 2`,
        `warn: desk: a message to /f from ${from} is ignored: an argument is not a number (NaN)`,
      ],
    );
    const [instance] = session.router.describe().instances.filter(({ name }) => name === "desk");
    assert.match(instance?.status?.text ?? "", /60 faulty messages received/);
    await session.router.stop();
    assert.equal(session.log.matching(/^desk: 19 more messages/).length, 3);
  });

  for (const [value, received] of [
    ["hold", []],
    ["zero", [0, 0]],
    ["0.25", [0.25, 0.25]],
  ] as const) {
    it(`notices that its peer is silent, and with 'timeout-value = ${value}' goes on with that`, async () => {
      const session = await desk(`timeout = 0.1\ntimeout-value = ${value}`, "desk./{a,b} > probe.{a,b}");
      peer.send(message("/a", "f", HALF), port);
      await session.log.seen(/^desk: no message for 0\.1 s; its channels (keep|go to)/);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(session.probe.received.map(([, each]) => each).slice(1), received);
      peer.send(message("/a", "f", HALF), port);
      await session.log.seen(/^desk: messages arrive again$/);
    });
  }

  it("takes any datagrams, and goes on", async () => {
    const session = await desk(
      "destination = learn\n/xy = ff 0 1 0 1\n/go = -",
      "desk.{/xy,/xy:1,/go,/x/y} > probe.{x,y,go,xy}\ndesk./end > probe.end",
      "[backend osc]\ndetect = on\n",
    );
    const address = fc.stringMatching(/^\/[xygo*?[\]{},/!-]{0,9}$/);
    const types = fc.stringMatching(/^[ifhdsbTFNI[\]z]{0,4}$/);
    const like = fc
      .tuple(address, types, fc.uint8Array({ maxLength: 40 }))
      .map(([to, letters, data]) => Buffer.concat([text(to), text(`,${letters}`), data]));
    const any = fc.uint8Array({ maxLength: 60 }).map((data) => Buffer.from(data));
    const datagrams = fc.sample(fc.oneof(like, like, any), 600);
    for (let i = 0; i < datagrams.length; i += 50) {
      for (const data of datagrams.slice(i, i + 50)) peer.send(data, port);
      peer.send(message("/end", ""), port);
      await session.probe.until("end", i / 50 + 1);
    }
    assert.deepEqual(session.log.matching(/could not be handled|emit\(\)/), []);
    for (const [, value] of session.probe.received) assert.ok(value >= 0 && value <= 1);
  });

  it("with detect logs a path's first message, not each, and what is not mapped or can't be read", async () => {
    const session = await desk("root = /r", "desk./end > probe.end", "[backend osc]\ndetect = please\n");
    for (let i = 0; i < 20; ++i) peer.send(message("/r/new", "fs", `${HALF} 61000000`), port);
    peer.send(message("/other", "f", HALF), port);
    for (let i = 0; i < 3; ++i) peer.send(Buffer.from("fader 1 \\\xff".repeat(5), "latin1"), port);
    peer.send(message("/r/*d", ""), port);
    peer.send(message("/r/end", ""), port);
    await session.probe.until("end", 2);
    const from = `from 127.0.0.1:${peer.port}`;
    assert.deepEqual(
      session.log.matching(/received/).map(({ message }) => message),
      [
        `desk: received /r/new fs 0.5 ${from} (not mapped)`,
        `desk: received /other f 0.5 ${from} (not mapped)`,
        `desk: received what can't be read ${from}: 'fader 1 \\x5c\\xfffader 1 \\x5c\\xfffader 1 \\x5c\\xfffa'… ` +
          "(its address does not start with a slash, or has no end)",
        `desk: received /r/*d ${from}`,
        `desk: received /r/end ${from}`,
      ],
    );
  });

  it("takes changed formats and channels in a reload, and keeps its port and the peer that it has learnt", async () => {
    const session = await desk("destination = learn\n/a = f 0 1", "probe.a <> desk./a");
    peer.send(message("/[ab]", "f", HALF), port);
    await session.probe.until("a");
    const config = (format: string, map: string) =>
      `[osc desk]\nbind = 127.0.0.1 ${port}\ndestination = learn\n/a = ${format}\n[map]\n${map}\n`;
    session.write("monster.cfg", config("i 0 100", "probe.{a,b} <> desk.{/a,/b}"));
    await session.router.reload();
    session.probe.emit("a", 0.5);
    await peer.until(1);
    assert.deepEqual(addresses(), ["/a 50"]);
    peer.send(message("/a", "i", "00000019"), port);
    peer.send(message("/[ab]", "i", "0000004b"), port);
    assert.deepEqual(await session.probe.until("b"), [75 / 255]);
    assert.deepEqual(session.probe.values("a"), [0.5, 0.25, 0.75]);

    session.write("monster.cfg", config("i 0 100", "probe.b <> desk./b"));
    await session.router.reload();
    peer.send(message("/a", "i", "00000032"), port);
    peer.send(message("/b", "f", "3f800000"), port);
    await session.probe.until("b", 2);
    assert.deepEqual(session.probe.values("a"), [0.5, 0.25, 0.75]);
  });

  it("that is replaced in a reload leaves its values and the learnt peer to the next", async () => {
    const session = await desk("destination = learn\n/xy = ff 0 1 0 1", "probe.{x,y} > desk.{/xy,/xy:1}");
    peer.send(message("/none", ""), port);
    await session.log.seen(/sends to/);
    session.probe.emit("x", 0.25);
    session.probe.emit("y", 0.5);
    await peer.until(1);
    session.write(
      "monster.cfg",
      `[osc desk]\nbind = 127.0.0.1 ${await freePort()}\ndestination = learn\n/xy = ff 0 1 0 1\n[map]\nprobe.{x,y} > desk.{/xy,/xy:1}\n`,
    );
    await session.router.reload();
    await peer.until(2);
    session.probe.emit("x", 0.75);
    await peer.until(3);
    assert.deepEqual(addresses(), ["/xy 0.25 0.5", "/xy 0.25 0.5", "/xy 0.75 0.5"]);
  });

  it("starts although its port is taken, and says so in its status", async () => {
    const session = await start(
      `[osc desk]\nbind = 127.0.0.1 ${peer.port}\n[osc other]\nbind = 127.0.0.1 ${port}\n[map]\ndesk./a > probe.a\nother./a > probe.b\n`,
    );
    peer.send(message("/a", "f", HALF), port);
    assert.deepEqual(await session.probe.until("b"), [0.5]);
    const states = session.router.describe().instances.map(({ name, status }) => [name, status?.state]);
    assert.deepEqual(states.sort(), [
      ["desk", "waiting"],
      ["other", "ok"],
      ["probe", undefined],
    ]);
  });
});
