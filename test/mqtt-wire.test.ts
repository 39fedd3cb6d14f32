// What mqtt instances send, byte by byte, and what a broker can answer that mosquitto does not.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { MqttClient } from "mqtt";
import { Connection, type Settings } from "../lib/backends/mqtt/connection.js";
import { Intake } from "../lib/backends/mqtt/intake.js";
import { Splitter } from "../lib/backends/mqtt/splitter.js";
import { TopicTable } from "../lib/backends/mqtt/topic-table.js";
import { fc } from "./properties.js";
import { start } from "./session.js";
import { Waiting } from "./waiting.js";

const servers: Server[] = [];
const sockets: Socket[] = [];

/** A client's connection to a stand-in for a broker. */
class Client {
  bytes = "";
  readonly #waiting = new Waiting();

  constructor(readonly socket: Socket) {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      this.bytes += data.toString("hex");
      this.#waiting.changed();
    });
  }

  /** Resolves once it has sent bytes that match. */
  async sends(pattern: RegExp): Promise<void> {
    await this.#waiting.until(() => pattern.test(this.bytes) || undefined);
  }

  answer(hex: string): void {
    this.socket.write(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  }
}

/** A stand-in for a broker, and its clients in order. */
async function standIn() {
  const server = createServer();
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const waiting: Client[] = [];
  const asking: ((client: Client) => void)[] = [];
  server.on("connection", (socket) => {
    const client = new Client(socket);
    const ask = asking.shift();
    if (ask) ask(client);
    else waiting.push(client);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = () => {
    const there = waiting.shift();
    return there ? Promise.resolve(there) : new Promise<Client>((resolve) => asking.push(resolve));
  };
  return { port, host: `127.0.0.1:${port}`, client };
}

const config = (host: string, lines: readonly string[], mappings: readonly string[]) =>
  ["[mqtt m]", `host = ${host}`, ...lines, "[map]", ...mappings, ""].join("\n");

const hex = (text: string) => Buffer.from(text).toString("hex");

describe("an mqtt instance", () => {
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  it("sends in version 3.1.1 what MIDIMonster sends", async () => {
    const { host, client } = await standIn();
    const lines = ["protocol = 3.1.1", "clientid = golden3", "user = user", "password = secret"];
    const session = await start(config(host, lines, ["probe.out > m.plain3", "m.in3 > probe.in"]));
    const broker = await client();
    await broker.sends(/736563726574$/);
    assert.equal(broker.bytes, "102100044d51545404c200140007676f6c64656e330004757365720006736563726574");
    broker.bytes = "";
    broker.answer("20020000");
    await broker.sends(/^8208.{16}$/);
    assert.match(broker.bytes, /^8208....0003696e3300$/);
    broker.bytes = "";
    session.probe.emit("out", 1 / 3);
    await broker.sends(/33$/);
    assert.equal(broker.bytes, `3010 0006 ${hex("plain3")} ${hex("0.333333")}`.replaceAll(" ", ""));
  });

  it("sends in version 5 plain text, and a number for a topic that it has sent", async () => {
    const { host, client } = await standIn();
    const session = await start(config(host, ["clientid = golden5"], ["probe.out > m.plain", "m.in > probe.in"]));
    const broker = await client();
    await broker.sends(new RegExp(`${hex("golden5")}$`));
    // Clean start, and 20 seconds between signs of life.
    assert.match(broker.bytes, /^10..00044d51545405020014/);
    broker.bytes = "";
    // At most ten numbers for topics.
    broker.answer("2006 00 00 03 22000a");
    // Not what it has sent itself.
    await broker.sends(/^8208....000002696e04$/);
    broker.bytes = "";
    session.probe.emit("out", 0.5);
    session.probe.emit("out", 0.25);
    const [first, second] = [
      `3013 0005 ${hex("plain")} 03 230001 ${hex("0.500000")}`,
      `300e 0000 03 230001 ${hex("0.250000")}`,
    ].map((text) => text.replaceAll(" ", ""));
    await broker.sends(new RegExp(`${hex("0.250000")}$`));
    assert.equal(broker.bytes, `${first}${second}`);
  });

  for (const [what, connack] of [
    ["as brokers of version 3.1.1 do", "20020001"],
    ["as brokers of version 5 do", "2003008400"],
  ] as const) {
    it(`goes on in version 3.1.1 if the broker does not know 5, and says so ${what}`, async () => {
      const { host, client } = await standIn();
      const session = await start(config(host, [], ["probe.a > m.a"]));
      const five = await client();
      await five.sends(/^10..00044d51545405/);
      five.answer(connack);
      const three = await client();
      await three.sends(/^10..00044d51545404/);
      three.answer("20020000");
      await session.log.seen(/^m: connected to /);
      assert.equal(session.log.matching(/does not know version 5 of MQTT: trying 3\.1\.1$/).length, 1);
      assert.deepEqual(session.log.matching(/no connection/), []);
    });
  }

  const ends: [what: string, answer: (client: Client) => void, reason: RegExp][] = [
    [
      "closes the connection at once",
      ({ socket }) => socket.end(),
      /no connection to .*: it has closed the connection without an answer; does it expect encryption\? Then write host = mqtts:\/\/; trying again$/,
    ],
    [
      "answers in another protocol",
      ({ socket }) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
      /no connection to .*; trying again$/,
    ],
    [
      "is not available",
      (client) => client.answer("2003008800"),
      /no connection to .*: it refuses the connection: it is not available; trying again$/,
    ],
    [
      "ends the connection for another client",
      (client) => client.answer("2003000000 e0028e00"),
      /the connection to .* has ended: it has closed the connection: another client with the same clientid has connected; trying again$/,
    ],
    [
      "ends the connection in no good way",
      (client) => client.answer("2003000000 ffffffffff"),
      /(no connection to .*|has ended): .*; trying again$/,
    ],
  ];
  for (const [what, answer, reason] of ends) {
    it(`says why if the broker ${what}, and tries again`, async () => {
      const { host, client } = await standIn();
      const session = await start(config(host, [], ["probe.a > m.a"]));
      const first = await client();
      await first.sends(/^10/);
      answer(first);
      const { message } = await session.log.seen(/trying again$/);
      assert.match(message, reason);
      const second = await client();
      await second.sends(/^10/);
      second.answer("2003000000");
      await session.log.seen(/^m: connected to .*/);
    });
  }

  it("sends no more messages that are to be acknowledged than the broker wants", async () => {
    const { host, client } = await standIn();
    const session = await start(config(host, ["qos = 1"], ["probe.a > m.a", "m.in > probe.in"]));
    const broker = await client();
    await broker.sends(/^10/);
    broker.bytes = "";
    broker.answer("2006 00 00 03 210001");
    await broker.sends(/^82/);
    broker.answer("9004 0001 00 01");
    broker.bytes = "";
    for (const value of [0.25, 0.5, 0.75]) session.probe.emit("a", value);
    for (const text of ["0.250000", "0.500000", "0.750000"]) {
      await broker.sends(new RegExp(`${hex(text)}$`));
      const id = /^32..000161(....)/.exec(broker.bytes)?.[1] ?? "";
      assert.equal(broker.bytes, `320e000161${id}00${hex(text)}`);
      broker.bytes = "";
      broker.answer(`4002 ${id}`);
    }
  });

  it("sends its status as one of the messages that are to be acknowledged", async () => {
    const { host, client } = await standIn();
    const lines = ["qos = 1", "status = st"];
    const session = await start(config(host, lines, ["probe.a > m.a", "m.in > probe.in"]));
    const broker = await client();
    await broker.sends(/^10/);
    session.probe.emit("a", 0.25);
    broker.answer("2006 00 00 03 210001");
    await broker.sends(/82..(....)/);
    // What is acknowledged now comes after everything that was sent before.
    broker.answer("3208 0002696e 0005 00 31");
    await broker.sends(/40020005$/);
    const id = new RegExp(`330d00027374(....)00${hex("online")}`).exec(broker.bytes)?.[1] ?? "";
    assert.doesNotMatch(broker.bytes, new RegExp(hex("0.250000")));
    broker.answer(`4002 ${id}`);
    await broker.sends(new RegExp(`${hex("0.250000")}$`));
  });

  it("is offline, as its status says, while a reload makes it log in in another way", async () => {
    const { host, client } = await standIn();
    const text = (password: string, more: string) =>
      config(host, ["status = st", "user = me", `password = ${password}`, more], ["probe.a > m.a"]);
    const session = await start(text("one", ""));
    const states: boolean[] = [];
    for (const next of [text("one", "keepalive = 30"), text("two", "keepalive = 30"), undefined]) {
      const broker = await client();
      await broker.sends(/^10/);
      broker.answer("2003 00 00 00");
      await broker.sends(new RegExp(hex("online")));
      if (next === undefined) break;
      broker.bytes = "";
      session.write("monster.cfg", next);
      await session.router.reload();
      await broker.sends(/e0020000$/);
      broker.socket.destroy();
      states.push(broker.bytes.includes(hex("offline")));
    }
    assert.deepEqual(states, [false, true]);
  });

  it("gets values in the order in which they come, whatever the quality of service and however they are cut up", async () => {
    const { host, client } = await standIn();
    const session = await start(config(host, ["qos = 2"], ["m.in > probe.in", "m.other > probe.other"]));
    const broker = await client();
    await broker.sends(/^10/);
    broker.bytes = "";
    broker.answer("2003000000");
    await broker.sends(/^82/);
    const value = (first: string, id: string, number: number) => {
      const body = `0002${hex("in")}${id}00${hex((number / 100).toFixed(2))}`;
      return `${first}${(body.length / 2).toString(16).padStart(2, "0")}${body}`;
    };
    const large = `30a88d06 0005${hex("other")}00${"78".repeat(100_000)}`;
    const all = [
      value("30", "", 1),
      value("32", "0001", 2),
      value("30", "", 3),
      value("32", "0002", 4),
      value("32", "0003", 5),
      "d000",
      value("31", "", 6),
      large,
      value("30", "", 7),
      `300c0002${hex("in")}03230005${hex("0.08")}`,
      `300a000003230005${hex("0.09")}`,
      value("32", "0004", 10),
    ].join("");
    broker.answer(all);
    const values = Array.from({ length: 10 }, (_, i) => (i + 1) / 100);
    assert.deepEqual(await session.probe.until("in", 10), values);
    assert.match(
      (await session.log.seen(/is ignored/)).message,
      /'other' is ignored, since 'x+…' does not begin with a number$/,
    );
    for (const byte of all.replaceAll(" ", "").replace(/(78)+/, "").match(/../g)?.slice(0, 60) ?? [])
      broker.answer(byte);
    assert.deepEqual((await session.probe.until("in", 13)).slice(10), [0.01, 0.02, 0.03]);
  });

  it("sends no more messages of a topic than its rate, and the last value always, also at the end", async () => {
    const { host, client } = await standIn();
    const lines = ["protocol = 3.1.1", "rate = 20"];
    const session = await start(config(host, lines, ["probe.a > m.a", "probe.b > m.b"]));
    const broker = await client();
    await broker.sends(/^10/);
    broker.answer("20020000");
    await session.log.seen(/connected/);
    broker.bytes = "";
    for (let i = 0; i <= 1000; i++) session.probe.emit("a", i / 1000);
    session.probe.emit("b", 0.5);
    const message = (topic: string, value: string) => `300b0001${hex(topic)}${hex(value)}`;
    const first = `${message("a", "0.000000")}${message("b", "0.500000")}${message("a", "1.000000")}`;
    await broker.sends(new RegExp(`${hex("1.000000")}$`));
    assert.equal(broker.bytes, first);
    session.probe.emit("a", 0.25);
    session.probe.emit("a", 0.75);
    await session.router.stop();
    await broker.sends(/e000$/);
    assert.match(broker.bytes.slice(first.length), new RegExp(`^(.{26})?${message("a", "0.750000")}e000$`));
  });

  it("is told that a value is too long for the broker", async () => {
    const { host, client } = await standIn();
    const lines = ["protocol = 5", `a = discrete 0 0.5 ${"x".repeat(60)}`, "a = discrete 0.5 1 on"];
    const session = await start(config(host, lines, ["probe.a > m.a"]));
    const broker = await client();
    await broker.sends(/^10/);
    broker.answer("2008 00 00 05 27 00000020"); // 32 bytes
    await session.log.seen(/connected/);
    broker.bytes = "";
    session.probe.emit("a", 0);
    session.probe.emit("a", 1);
    await broker.sends(new RegExp(`${hex("on")}$`));
    assert.equal(broker.bytes, `30060001610 0${hex("on")}`.replace(" ", ""));
    assert.match((await session.log.seen(/refuses/)).message, /refuses to take the topic 'a': .*large/);
  });

  it("is told that it may not have a topic", async () => {
    const { host, client } = await standIn();
    const session = await start(config(host, [], ["m.in > probe.in"]));
    const broker = await client();
    await broker.sends(/^10/);
    broker.bytes = "";
    broker.answer("2003000000");
    await broker.sends(/^82/);
    broker.answer(`9004 ${broker.bytes.slice(4, 8)} 00 87`);
    const { message } = await session.log.seen(/refuses/);
    assert.match(message, /^m: 127\.0\.0\.1:\d+ refuses to send the topic 'in': not authorized/);
  });

  it("is told that the broker does not take a message", async () => {
    const { host, client } = await standIn();
    const session = await start(config(host, ["qos = 1"], ["probe.a > m.a"]));
    const broker = await client();
    await broker.sends(/^10/);
    broker.answer("2003000000");
    await session.log.seen(/connected/);
    broker.bytes = "";
    session.probe.emit("a", 1);
    await broker.sends(/^32.*30$/);
    broker.answer(`4003 ${broker.bytes.slice(10, 14)} 87`);
    const { message } = await session.log.seen(/refuses/);
    assert.match(message, /^m: 127\.0\.0\.1:\d+ refuses to take the topic 'a': not authorized/);
  });

  it("survives whatever a broker sends", async () => {
    const { port, client } = await standIn();
    const settings: Settings = {
      clientId: "x",
      version: 5,
      user: undefined,
      password: undefined,
      keepalive: 20,
      qos: 2,
      retain: false,
      status: "s",
      detect: true,
    };
    const topics = new TopicTable<{ readonly topic: string }>();
    topics.set({ topic: "t" });
    const packet = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }));
    const packets = fc
      .array(packet, { maxLength: 8 })
      .map((all) => Buffer.concat(all.map(([type, body]) => Buffer.from([type, body.length, ...body]))));
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.constantFrom(4, 5), packets, async (accepted, version, bytes) => {
        const splitter = new Splitter(topics, version === 5);
        const intake = new Intake(splitter);
        const socket = connect({ port, host: "127.0.0.1", onread: intake.onread });
        const ended = new Promise<string>((resolve) => {
          const connection = new Connection(
            MqttClient,
            socket,
            intake,
            splitter,
            { ...settings, version: version as 4 | 5 },
            {
              connected: () => connection.subscribe(["t"]),
              value: () => {},
              valuesEnd: () => {},
              message: () => {},
              ready: () => {},
              refused: () => {},
              rejected: () => {},
              ended: (reason) => resolve(reason),
            },
          );
        });
        const { socket: other } = await client();
        if (accepted) other.write(Buffer.from(version === 5 ? "2003000000" : "20020000", "hex"));
        other.end(bytes);
        assert.notEqual(await ended, "");
      }),
      { numRuns: 200 },
    );
  });
});
