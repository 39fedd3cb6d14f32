// What others try with the server of a page, and what it costs them.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { afterEach } from "mocha";
import { LIMITS } from "../lib/web/limits.js";
import { attach } from "../lib/web/site.js";
import { freePort } from "./free-port.js";
import { MemoryLog } from "./helpers.js";
import { ask, type WebSocketPeer } from "./web-peer.js";
import { CONTROL, ending, endTargets, raw, Target, tokens, VIEW } from "./web-target.js";

const HANDSHAKE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

describe("the server of a page", () => {
  afterEach(endTargets);

  describe("refuses a WebSocket", () => {
    type Row = [who: string, status: number, options: ConstructorParameters<typeof WebSocketPeer>[1]];
    const rows: Row[] = [
      ["of a foreign page", 403, { origin: "http://evil.example" }],
      ["of a page on another port of this machine", 403, { origin: "http://127.0.0.1:3000" }],
      ["of a file on disk", 403, { origin: "null" }],
      ["under a foreign name", 421, { headers: { Host: "rebound.example" } }],
      [
        "under a foreign name that its page has too",
        421,
        { origin: "http://a.example", headers: { Host: "a.example" } },
      ],
      ["without a subprotocol", 400, { protocols: [] }],
      ["of another version", 400, { protocols: ["mmpy.v2"] }],
      ["through a proxy without a token", 403, { headers: { "X-Forwarded-For": "10.0.0.1" } }],
    ];
    for (const [who, status, options] of rows) {
      it(who, async () => {
        const target = await Target.open();
        assert.equal(await target.peer(options).ends(), status);
        assert.equal(target.clients.size, 0);
      });
    }

    it("with a wrong token in its header", async () => {
      const target = await Target.open({ tokens });
      assert.equal(await target.peer({ headers: { Authorization: "Bearer wrong-wrong-wrong" } }).ends(), 401);
    });
  });

  it("closes a WebSocket whose first message is not its token, and hands that message to nothing", async () => {
    const target = await Target.open({ tokens });
    const peer = target.peer();
    await peer.opened();
    peer.send({ type: "set", v: [0, 1] });
    assert.equal(await peer.ends(), 4401);
    assert.deepEqual([target.handled, target.clients.size], [[], 0]);
  });

  for (const token of ["wrong-wrong-wrong-wrong", 7, null, ["the-token-for-control"], undefined]) {
    it(`closes a WebSocket with the token ${JSON.stringify(token)}`, async () => {
      const target = await Target.open({ tokens });
      const peer = target.peer();
      await peer.opened();
      peer.send({ type: "auth", token });
      assert.equal(await peer.ends(), 4401);
    });
  }

  it("gives each token its role, as a message and as a header", async () => {
    const target = await Target.open({ tokens });
    const roles = [];
    for (const token of [CONTROL, VIEW]) {
      const peer = target.peer();
      await peer.opened();
      peer.send({ type: "auth", token });
      roles.push((await peer.until("hello")).role);
      const other = target.peer({ headers: { Authorization: `Bearer ${token}` } });
      roles.push((await other.until("hello")).role);
    }
    assert.deepEqual(roles, ["control", "control", "view", "view"]);
  });

  it("does not listen to guesses after ten wrong tokens, not even to the right one", async () => {
    const target = await Target.open({ tokens });
    const statuses = [];
    for (let i = 0; i < 11; ++i) {
      const headers = { Authorization: `Bearer ${i < 10 ? `guess-number-${i}-of-many` : CONTROL}` };
      const { status, headers: answered } = await ask(`${target.url}/api`, { headers });
      statuses.push(status);
      if (i === 10) assert.equal(answered["retry-after"], "60");
    }
    assert.deepEqual(statuses, [...Array(10).fill(401), 429]);
    const peer = target.peer();
    await peer.opened();
    peer.send({ type: "auth", token: CONTROL });
    assert.equal(await peer.ends(), 4401);
  });

  describe("answers", () => {
    const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
    type Row = [what: string, status: number, path: string, request: Parameters<typeof ask>[1]];
    const rows: Row[] = [
      ["a request without a token with 401", 401, "/api", {}],
      ["one with the token for viewing", 200, "/api", { headers: bearer(VIEW) }],
      ["a change with the token for viewing with 403", 403, "/api", { method: "PUT", headers: bearer(VIEW) }],
      ["a change with the token for control", 200, "/api", { method: "PUT", headers: bearer(CONTROL), body: "1" }],
      ["the page itself, which holds no values", 200, "/", {}],
      ["a path that goes upwards with 404", 404, "/../package.json", {}],
      ["one that goes upwards, encoded, with 404", 404, "/%2e%2e/package.json", {}],
      ["a whole address as the path with 404", 404, "http://other.example/", {}],
      ["another method with 405", 405, "/api", { method: "DELETE", headers: bearer(CONTROL) }],
      [
        "a compressed body with 415",
        415,
        "/api",
        { method: "PUT", headers: { ...bearer(CONTROL), "Content-Encoding": "gzip" } },
      ],
      ["a body of 65 KiB with 413", 413, "/api", { method: "PUT", headers: bearer(CONTROL), body: "x".repeat(66_000) }],
      [
        "a question of the browser before a foreign request with 403",
        403,
        "/api",
        { method: "OPTIONS", headers: { Origin: "http://evil.example" } },
      ],
    ];
    for (const [what, status, path, request] of rows) {
      it(what, async () => {
        const target = await Target.open({ tokens });
        const answer = await askPath(target.port, path, request);
        assert.equal(answer.status, status);
        assert.equal(answer.headers["access-control-allow-origin"], undefined);
        assert.equal(answer.headers["x-content-type-options"], "nosniff");
      });
    }

    it("a handler that fails with 500, without saying why", async () => {
      const target = await Target.open();
      const { status, text } = await ask(`${target.url}/broken`);
      assert.equal(status, 500);
      assert.doesNotMatch(text, /this handler fails/);
    });

    it("headers of 9 KiB with 431", async () => {
      const target = await Target.open();
      assert.equal((await ask(`${target.url}/api`, { headers: { "X-Long": "x".repeat(9000) } })).status, 431);
    });

    it("two Host headers with 400", async () => {
      const target = await Target.open();
      const socket = raw(target.port);
      socket.write("GET /api HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
      assert.match(await ending(socket), /^HTTP\/1\.1 400 /);
    });

    it("more than two hundred requests a second of an address with 429", async () => {
      const target = await Target.open();
      const socket = raw(target.port);
      let text = "";
      const refused = new Promise<void>((resolve) => {
        socket.on("data", (data) => {
          text += String(data);
          if (text.includes("HTTP/1.1 429")) resolve();
        });
      });
      const flood = setInterval(() => socket.write("GET /api HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(100)), 1);
      await refused;
      clearInterval(flood);
      assert.ok(text.split("HTTP/1.1 200").length > LIMITS.messages);
    });
  });

  describe("closes a WebSocket", () => {
    it("with a message above 64 KiB", async () => {
      const target = await Target.open();
      const peer = target.peer();
      await peer.until("hello");
      peer.send({ type: "set", long: "x".repeat(70_000) });
      assert.equal(await peer.ends(), 1009);
    });

    it("with a message in many fragments", async () => {
      const target = await Target.open();
      const peer = target.peer();
      await peer.until("hello");
      peer.socket.send('{"type":"set","a":"', { fin: false });
      for (let i = 0; i < 40; ++i) peer.socket.send("x", { fin: false });
      assert.ok([1008, 1009].includes(await peer.ends()), JSON.stringify(peer.closed));
      assert.deepEqual(target.handled, []);
    });

    const wrong = ["no JSON", "[]", "null", "7", '"set"', "{}", '{"type":7}', Buffer.from('{"type":"set"}')];
    for (const text of wrong) {
      it(`with the message ${String(text)}${typeof text === "string" ? "" : " as bytes"}`, async () => {
        const target = await Target.open();
        const peer = target.peer();
        await peer.until("hello");
        peer.socket.send(text);
        assert.equal(await peer.ends(), 1008);
        assert.deepEqual(target.handled, []);
      });
    }

    it("with more than two hundred messages a second", async () => {
      const target = await Target.open();
      const peer = target.peer();
      await peer.until("hello");
      for (let i = 0; i < 1000; ++i) peer.send({ type: "set", i });
      assert.equal(await peer.ends(), 1008);
      assert.ok(target.handled.length <= 2 * LIMITS.messages, String(target.handled.length));
      assert.equal(target.site.counters.dropped, 1);
    });
  });

  it("takes sixteen WebSockets of an address, and others when they have gone", async () => {
    const target = await Target.open();
    const peers = Array.from({ length: LIMITS.clientsPerAddress }, () => target.peer());
    await Promise.all(peers.map((peer) => peer.until("hello")));
    assert.equal(await target.peer().ends(), 503);
    peers[0]?.socket.close();
    await peers[0]?.ends();
    await target.waiting.until(() => (target.clients.size < LIMITS.clientsPerAddress ? true : undefined));
    await target.peer().until("hello");
  });

  it("survives a thousand connections that say nothing, and serves once they have gone", async () => {
    const target = await Target.open();
    const reader = target.peer();
    await reader.until("hello");
    const all = Array.from({ length: 1000 }, () => raw(target.port));
    await Promise.all(
      all.map((socket) => new Promise((resolve) => socket.on("connect", resolve).on("close", resolve))),
    );
    // A page that is open goes on.
    await reader.settles();
    for (const socket of all) socket.destroy();
    for (;;) {
      const status = await ask(`${target.url}/api`).then(
        (answer) => answer.status,
        () => undefined,
      );
      if (status === 200) break;
      await new Promise(setImmediate);
    }
  });

  it("does not take half a handshake for a WebSocket", async () => {
    const target = await Target.open();
    const socket = raw(target.port);
    const lines = ["GET /ws HTTP/1.1", "Host: 127.0.0.1", ...HANDSHAKE.slice(0, 3), "Sec-WebSocket-Protocol: mmpy.v1"];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    assert.match(await ending(socket), /^HTTP\/1\.1 400 /);
    assert.equal(target.clients.size, 0);
  });

  describe("closes a connection whose peer keeps its side open", () => {
    const rows: [after: string, status: number, lines: readonly string[]][] = [
      ["a refused WebSocket", 404, ["GET /nothing HTTP/1.1", "Host: 127.0.0.1", ...HANDSHAKE]],
      ["what is not HTTP", 400, ["nonsense"]],
    ];
    for (const [after, status, lines] of rows) {
      it(`after ${after}`, async () => {
        const target = await Target.open();
        const socket = raw(target.port, { allowHalfOpen: true });
        const ended = ending(socket);
        // Fails once the other side has closed the connection instead of only having ended what it sends.
        const more = () => socket.write("more", (error) => error ?? setImmediate(more));
        socket.on("end", more);
        socket.write(`${lines.join("\r\n")}\r\n\r\n`);
        assert.match(await ended, new RegExp(`^HTTP/1\\.1 ${status} `));
      });
    }
  });

  it("is shared by sites of one address, each under its name, and is closed with the last", async () => {
    const port = await freePort();
    const log = new MemoryLog();
    const open = (name: string) =>
      attach({
        name,
        owner: name,
        address: { host: "127.0.0.1", port },
        access: { hosts: [], origins: [], section: name },
        log,
      });
    const [first, second] = await Promise.all([open("first"), open("second")]);
    for (const site of [first, second]) {
      site.route("/who", { GET: { needs: "view", handle: () => ({ status: 200, body: site.name }) } });
    }
    const who = async (path: string) => (await ask(`http://127.0.0.1:${port}${path}`)).text;
    assert.deepEqual(
      [await who("/who"), await who("/first/who"), await who("/second/who")],
      ["first", "first", "second"],
    );
    await assert.rejects(open("second"), /two pages 'second'/);
    await first.close("", false);
    assert.deepEqual([await who("/who"), await who("/second/who")], ["second", "second"]);
    await second.close("", false);
    await assert.rejects(ask(`http://127.0.0.1:${port}/who`));
  });

  it("names the program that has its port, and how to find it", async () => {
    const target = await Target.open();
    const { port } = target;
    const spec = { name: "b", owner: "b", access: target.site.access, log: target.log };
    await assert.rejects(
      attach({ ...spec, address: { host: "127.0.0.1", port } }),
      new RegExp(`127\\.0\\.0\\.1 ${port} is used by process ${process.pid} .*ss -ltnp`),
    );
  });
});

/** A request for a path that no URL can have. */
async function askPath(port: number, path: string, request: Parameters<typeof ask>[1]) {
  const { method = "GET", headers = {}, body = "" } = request ?? {};
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const lines = Object.entries({
    Host: "127.0.0.1",
    "Content-Length": String(body.length),
    Connection: "close",
    ...headers,
  });
  socket.write(
    `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`,
  );
  const [head = "", text = ""] = (await ending(socket)).split("\r\n\r\n");
  const [first = "", ...rest] = head.split("\r\n");
  const found = rest.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]);
  return { status: Number(first.split(" ")[1]), headers: Object.fromEntries(found) as Record<string, string>, text };
}
