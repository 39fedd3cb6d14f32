// The UDP sockets and numbers that network backends share.
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import path from "node:path";
import type { Endpoint } from "../lib/backends/shared/hosts.js";
import { code } from "../lib/backends/shared/numbers.js";
import { UdpSocket, type UdpSpec } from "../lib/backends/shared/udp.js";
import { UdpTarget } from "../lib/backends/shared/udp-target.js";
import { findAddon } from "../lib/binding.js";
import { MemoryLog, projectFolder, run } from "./helpers.js";
import { fc } from "./properties.js";

describe("a UDP socket", () => {
  const opened: (UdpSocket | UdpTarget | Socket)[] = [];
  let log: MemoryLog;
  let arrived: [text: string, from: Endpoint][];
  let waiting: () => void;

  beforeEach(() => {
    log = new MemoryLog();
    arrived = [];
    waiting = () => {};
  });

  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });

  async function open(spec: Partial<UdpSpec>): Promise<UdpSocket> {
    const socket = new UdpSocket({
      owner: "desk",
      host: "127.0.0.1",
      port: 0,
      log,
      receive(data, from) {
        arrived.push([data.toString(), from]);
        waiting();
      },
      ...spec,
    });
    opened.push(socket);
    await socket.open();
    return socket;
  }

  /** A socket of Node's, bound, as a peer. */
  async function peer(type: "udp4" | "udp6", address: string, port = 0): Promise<Socket> {
    const socket = createSocket(type);
    opened.push(socket);
    socket.bind(port, address);
    await once(socket, "listening");
    return socket;
  }

  function target(host: string, port: number): UdpTarget {
    const made = new UdpTarget({ address: { host, port }, owner: "desk", log });
    opened.push(made);
    return made;
  }

  function received(count: number): Promise<void> {
    return new Promise((resolve) => {
      waiting = () => arrived.length >= count && resolve();
      waiting();
    });
  }

  it("on * hears peers of IPv4 and IPv6, and answers both", async function () {
    const socket = await open({ host: "*" });
    if (socket.bound?.family !== 6) {
      console.log("SKIPPED: this machine has no IPv6");
      this.skip();
    }
    const { port } = socket.bound;
    const [four, six] = [await peer("udp4", "127.0.0.1"), await peer("udp6", "::1")];
    four.send("four", port, "127.0.0.1");
    await received(1);
    six.send("six", port, "::1");
    await received(2);
    assert.deepEqual(arrived, [
      ["four", { address: "127.0.0.1", family: 4, port: four.address().port }],
      ["six", { address: "::1", family: 6, port: six.address().port }],
    ]);
    for (const [i, each] of [four, six].entries()) {
      const to = target("ignored.invalid", 1);
      to.follow((arrived[i] as [string, Endpoint])[1]);
      socket.send(Buffer.from("answer"), to);
      const [data] = (await once(each, "message")) as [Buffer];
      assert.equal(data.toString(), "answer");
    }
    assert.deepEqual(log.entries, []);
  });

  it("on a port that another program uses says so once, and takes it over when it is free", async () => {
    const other = await peer("udp4", "127.0.0.1");
    const { port } = other.address();
    const socket = await open({ port });
    assert.equal(socket.bound, undefined);
    assert.equal(socket.problem, "another program uses it (EADDRINUSE)");
    socket.send(Buffer.from("lost"), target("127.0.0.1", port));
    opened.splice(opened.indexOf(other), 1);
    await new Promise<void>((resolve) => other.close(resolve));
    await log.seen(/uses/);
    await log.seen(/uses .* now/);
    const sender = await peer("udp4", "127.0.0.1");
    sender.send("late", port, "127.0.0.1");
    await received(1);
    assert.equal(socket.problem, undefined);
    assert.deepEqual(
      log.entries.map(({ level, message }) => `${level}: ${message}`),
      [
        `error: desk: can't use 127.0.0.1:${port}: another program uses it (EADDRINUSE); this is tried again every second`,
        `warn: desk: could not send to 127.0.0.1:${port}: 127.0.0.1:${port} can't be used yet (1 frame lost)`,
        `info: desk: uses 127.0.0.1:${port} now`,
      ],
    );
  });

  it("says once that it can't send, and once that it can again", async () => {
    const socket = await open({});
    const { port } = socket.bound as Endpoint;
    const to = target("127.0.0.1", port);
    const send = (data: Buffer) => socket.send(data, to);
    const tooLong = Buffer.alloc(70_000);
    for (let i = 0; i < 3; ++i) send(tooLong);
    // Not yet repaired: every other one fails.
    send(Buffer.from("a"));
    send(tooLong);
    assert.equal(to.condition.lost, 4);
    send(Buffer.from("b"));
    await log.seen(/again/);
    send(Buffer.from("c"));
    assert.deepEqual(
      log.entries.map(({ message }) => message),
      [
        `desk: could not send to 127.0.0.1:${port}: it is too large for a datagram (EMSGSIZE) (1 frame lost)`,
        `desk: sends to 127.0.0.1:${port} again (4 frames lost)`,
      ],
    );
  });

  it("resolves names, and says of those that have no address that frames are lost", async () => {
    const socket = await open({ host: "localhost" });
    const [there, nowhere] = [target("localhost", socket.bound?.port ?? 0), target("desk.invalid", 9)];
    await Promise.all([there.resolve(), nowhere.resolve()]);
    socket.send(Buffer.from("x"), nowhere);
    socket.send(Buffer.from("hello"), there);
    await received(1);
    assert.equal(arrived[0]?.[0], "hello");
    assert.equal(nowhere.condition.lost, 1);
    const told =
      /^desk: could not send to desk\.invalid:9: (there is no host of this name|the host's name can't .*) \(E/;
    assert.equal(log.matching(told).length, 1);
  });

  it("takes the address of an interface, and says which one does not exist", async () => {
    const socket = await open({ host: "*", interface: "lo" });
    assert.equal(socket.bound?.address, "127.0.0.1");
    const wide = await open({ host: "*", interface: "lo", wide: true, family: 4 });
    assert.equal(wide.bound?.address, "0.0.0.0");
    assert.equal(wide.ownAddress?.address, "127.0.0.1");
    const missing = await open({ host: "*", port: 7000, interface: "none9" });
    assert.equal(missing.bound, undefined);
    assert.deepEqual(
      log.entries.map(({ message }) => message),
      [
        "desk: can't use port 7000 on none9: interface none9 does not exist or has no address; this is tried again every second",
      ],
    );
  });

  it("survives what its receiver throws", async () => {
    let calls = 0;
    const socket = await open({
      receive() {
        if (++calls === 1) throw new Error("a defect");
        waiting();
      },
    });
    const to = target("127.0.0.1", socket.bound?.port ?? 0);
    waiting = () => arrived.push(["after", { address: "", family: 4, port: 0 }]);
    socket.send(Buffer.from("1"), to);
    await log.seen(/could not be handled: a defect/);
    const second = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    socket.send(Buffer.from("2"), to);
    await second;
    assert.equal(calls, 2);
  });

  it("gets a flood in order and whole, whatever the lengths, beside other sockets", async () => {
    const got: number[][] = [[], []];
    const sockets = await Promise.all(
      got.map((list) =>
        open({
          receiveBuffer: 1 << 22,
          receive(data) {
            assert.ok(data.every((byte) => byte === data.length % 251));
            list.push(data.length);
            waiting();
          },
        }),
      ),
    );
    const sender = await open({});
    const lengths = [0, 1, 65_507, 530, 530, 3, ...Array.from({ length: 200 }, (_, i) => (i * 37) % 700)];
    for (const length of lengths) {
      for (const { bound } of sockets) {
        sender.send(Buffer.alloc(length, length % 251), target("127.0.0.1", (bound as Endpoint).port));
      }
    }
    await new Promise<void>((resolve) => {
      waiting = () => got.every((list) => list.length === lengths.length) && resolve();
      waiting();
    });
    assert.deepEqual(got, [lengths, lengths]);
    assert.deepEqual(log.entries, []);
  });

  it("gets nothing more once it is closed, not even what came in the same moment", async () => {
    const socket: UdpSocket = await open({
      receive(data) {
        arrived.push([data.toString(), { address: "", family: 4, port: 0 }]);
        void socket.close();
        waiting();
      },
    });
    const to = target("127.0.0.1", (socket.bound as Endpoint).port);
    const other = await open({});
    for (const text of ["first", "second", "third"]) other.send(Buffer.from(text), to);
    await received(1);
    // What had come before would have been there by now.
    const self = target("127.0.0.1", (other.bound as Endpoint).port);
    other.send(Buffer.from("later"), self);
    await received(2);
    assert.deepEqual(
      arrived.map(([text]) => text),
      ["first", "later"],
    );
  });

  it("tells peers apart that send the same from many ports, and one that comes back", async () => {
    const socket = await open({});
    const to = target("127.0.0.1", (socket.bound as Endpoint).port);
    const peers = await Promise.all(Array.from({ length: 40 }, () => open({})));
    for (const each of [...peers, ...peers.slice(0, 3)]) each.send(Buffer.from("x"), to);
    await received(43);
    const ports = peers.map(({ bound }) => (bound as Endpoint).port);
    assert.deepEqual(
      arrived.map(([, from]) => from.port),
      [...ports, ...ports.slice(0, 3)],
    );
  });

  describe("that is open when its thread or its process ends", () => {
    const OPEN = `
      const addon = require(process.env.ADDON);
      const told = { received() {}, failed() {}, unsent() {} };
      const numbers = [addon.openUdp("127.0.0.1", 0, told), addon.openUdp("0.0.0.0", 0, told)];
      const port = addon.udpPort(numbers[0]);
      addon.sendUdp(numbers[1], new Uint8Array(100), 100, 0x7f000001, port);`;
    const env = { ...process.env, ADDON: findAddon() };

    it("does not keep the process, even with datagrams to be read", async () => {
      const { code: status } = await run(process.execPath, ["-e", OPEN], { env }).exited;
      assert.equal(status, 0);
    });

    it("is closed with a worker", async () => {
      const worker = `${OPEN} require("node:worker_threads").parentPort.postMessage(port); setInterval(() => {}, 1000);`;
      const script = `
        const { Worker } = require("node:worker_threads");
        const worker = new Worker(process.env.WORKER, { eval: true });
        worker.once("message", async (port) => {
          await worker.terminate();
          const open = require("node:fs").readFileSync("/proc/net/udp", "latin1").includes(":" + port.toString(16).toUpperCase().padStart(4, "0"));
          console.log(open ? "still open" : "closed");
        });`;
      const running = run(process.execPath, ["-e", script], { env: { ...env, WORKER: worker } });
      const { code: status } = await running.exited;
      assert.deepEqual([status, running.stdout], [0, process.platform === "linux" ? "closed\n" : ""], running.stderr);
    });
  });

  it("of all addresses gets no multicasts of groups that only others have joined, if it is asked not to", async () => {
    const group = `239.77.${process.pid & 255}.${(process.pid >> 8) & 255}`;
    const arrivals: string[] = [];
    let last: () => void = () => {};
    const receive = (name: string) => (data: Buffer) => {
      arrivals.push(`${name} ${data}`);
      if (arrivals.includes("all end") && arrivals.includes("member multicast")) last();
    };
    const all = await open({ host: "0.0.0.0", family: 4, ownGroups: true, receive: receive("all") });
    const { port } = all.bound as Endpoint;
    const member = { host: group, port, family: 4, loops: true, via: () => "127.0.0.1" } as const;
    const joined = await open({ ...member, receive: receive("member") });
    joined.join(group);
    const source = await open({ family: 4, loops: true });
    const ended = new Promise<void>((resolve) => {
      last = resolve;
    });
    source.send(Buffer.from("multicast"), target(group, port));
    source.send(Buffer.from("end"), target("127.0.0.1", port));
    await ended;
    assert.deepEqual(arrivals.sort(), ["all end", "member multicast"]);
  });

  /** What a fixture prints in a network namespace of its own, line by line; undefined if there can be none. */
  async function printedApart(fixture: string, ...wrapper: string[]): Promise<string[] | undefined> {
    if ((await run("unshare", ["-n", "--", "true"]).exited).code !== 0) {
      console.log("SKIPPED: network namespaces can't be made here; run the tests as root");
      return undefined;
    }
    const script = path.join(projectFolder, "test", "fixtures", fixture);
    const command = ["-n", "--", ...wrapper, process.execPath, "--import", "tsx", script];
    const running = run("unshare", command, { cwd: projectFolder });
    const { code: status } = await running.exited;
    assert.equal(status, 0, running.stdout + running.stderr);
    return running.stdout.trim().split("\n");
  }

  it("on a port below 1024 says what that needs", async function () {
    const printed = await printedApart("low-port.ts", "setpriv", "--bounding-set=-net_bind_service");
    if (printed === undefined) this.skip();
    assert.deepEqual(printed, [
      "desk: can't use 0.0.0.0:80: ports below 1024 are for root, or need CAP_NET_BIND_SERVICE (EACCES); this is tried again every second",
    ]);
  });

  it("sends and gets multicasts on an interface that appears later, disappears and comes back", async function () {
    const printed = await printedApart("late-interface.ts");
    if (printed === undefined) this.skip();
    assert.deepEqual(printed, [
      "desk: can't use port 5568 on va: interface va does not exist or has no address; this is tried again every second",
      "sender: could not send to 10.7.0.9:9: the network can't be reached (ENETUNREACH) (1 frame lost)",
      "sender: sends to 10.7.0.9:9 again (3 frames lost)",
      "desk: uses port 5568 on va now",
      "got first",
      "got second",
    ]);
  });
});

describe("a value as a code of a protocol", () => {
  for (const steps of [127, 255, 16383, 65535]) {
    it(`of ${steps} steps stays the same on the way through doubles, floats and six decimals`, () => {
      for (let k = 0; k <= steps; ++k) {
        const value = k / steps;
        for (const passed of [value, Math.fround(value), Number(value.toFixed(6))])
          assert.equal(code(passed, steps), k);
      }
    });
  }

  it("is truncated, and never too large", () => {
    assert.deepEqual(
      [255, 65535, 127, 16383].map((steps) => code(0.5, steps)),
      [127, 32767, 63, 8191],
    );
    assert.equal(code(0.999, 255), 254);
    fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (value) => code(value, 65535) <= 65535));
  });
});
