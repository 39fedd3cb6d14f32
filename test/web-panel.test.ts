// A page's channels: what its clients do, what the router says, holding, reloads, tokens.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { afterEach } from "mocha";
import { readTokens } from "../lib/backends/web/token-files.js";
import { isLoopback, urlsOf } from "../lib/backends/web/urls.js";
import { freePort } from "./free-port.js";
import { folderWith } from "./helpers.js";
import { problems, type Session, start, stopSessions } from "./session.js";
import { ask, endPeers, type Received, WebSocketPeer } from "./web-peer.js";

const CONFIG = `
[web panel]
fader = dim{1..2}
button = go
toggle = on
xy = head
fader = pitch
spring = on
default = 0.5
meter = level
[map]
panel.dim{1..2} <> probe.dim{1..2}
panel.{go,on,head.x,head.y,pitch} > probe.{go,on,head.x,head.y,pitch}
probe.level > panel.level
`;

class Page {
  readonly #ids = new Map<string, number>();
  constructor(
    readonly session: Session,
    readonly url: string,
  ) {}

  static async open(config = CONFIG, options = ""): Promise<Page> {
    const port = await freePort();
    const session = await start(config.replace("[web panel]", `[web panel]\nbind = 127.0.0.1 ${port}\n${options}`));
    return new Page(session, `http://127.0.0.1:${port}`);
  }

  /** A client that has seen the state. */
  async client(headers: Record<string, string> = {}): Promise<WebSocketPeer> {
    const peer = new WebSocketPeer(`${this.url.replace("http", "ws")}/ws`, { headers });
    const { channels } = await peer.until("hello");
    for (const { id, name } of channels as { id: number; name: string }[]) this.#ids.set(name, id);
    await peer.until("state");
    return peer;
  }

  id(name: string): number {
    const id = this.#ids.get(name);
    assert.ok(id !== undefined, `no channel ${name}`);
    return id;
  }

  /** Reloads with a changed configuration. */
  async reload(change: (config: string) => string): Promise<void> {
    const before = readFileSync(path.join(this.session.folder, "monster.cfg"), "utf8").replace("[probe probe]\n", "");
    this.session.write("monster.cfg", change(before));
    await this.session.router.reload();
  }

  get probe() {
    return this.session.probe;
  }
}

describe("a page", () => {
  afterEach(async () => {
    endPeers();
    await stopSessions();
  });

  it("sends what a client sets to the router, and to all other clients, but not back", async () => {
    const page = await Page.open();
    const [one, other] = [await page.client(), await page.client()];
    const dim1 = page.id("dim1");
    one.send({ type: "set", seq: 7, v: [dim1, 0.25] });
    const { rev } = await one.until("ack", ({ seq }) => seq === 7);
    assert.deepEqual(await page.probe.until("dim1"), [0.25]);
    await other.sees(dim1, 0.25);
    other.send({ type: "set", seq: 1, v: [dim1, 0.5] });
    await one.sees(dim1, 0.5);
    assert.ok((one.received.find(({ type }) => type === "values")?.rev as number) > (rev as number));
    assert.deepEqual(
      one.received.filter(({ type }) => type === "values").map(({ v }) => v),
      [[dim1, 0.5]],
    );
  });

  it("sends an event of the router to all clients, also to the one that has set the channel", async () => {
    const page = await Page.open();
    const [one, other] = [await page.client(), await page.client()];
    const dim1 = page.id("dim1");
    one.send({ type: "set", seq: 1, v: [dim1, 0.9] });
    await page.probe.until("dim1");
    page.probe.emit("dim1", 0.4);
    await Promise.all([one.sees(dim1, 0.4), other.sees(dim1, 0.4)]);
  });

  it("tells a client that comes later the last values, and nothing of channels without one", async () => {
    const page = await Page.open();
    page.probe.emit("level", 0.75);
    const first = await page.client();
    await first.sees(page.id("level"), 0.75);
    const later = await page.client();
    assert.deepEqual((await later.until("state")).v, [page.id("level"), 0.75]);
    const { text } = await ask(`${page.url}/api/channels?name=dim1`);
    assert.equal(JSON.parse(text).value, null);
  });

  it("delivers both axes of a pad in one batch", async () => {
    const page = await Page.open();
    const client = await page.client();
    const before = page.probe.batches.length;
    client.send({ type: "set", seq: 1, v: [page.id("head.x"), 0.1, page.id("head.y"), 0.2] });
    await page.probe.until("head.y");
    assert.deepEqual(page.probe.batches.slice(before), [2]);
  });

  describe("refuses", () => {
    const rows: [what: string, message: (page: Page) => object, code: string][] = [
      ["a value above 1", (page) => ({ type: "set", v: [page.id("dim1"), 0.5, page.id("dim2"), 1.01] }), "value"],
      ["a value that is a text", (page) => ({ type: "set", v: [page.id("dim1"), 0.5, page.id("dim2"), "1"] }), "value"],
      ["a value that JSON does not know", (page) => ({ type: "set", v: [page.id("dim2"), null] }), "value"],
      ["a channel that there is not", () => ({ type: "set", v: [999, 0.5] }), "channel"],
      ["a channel with a fraction", () => ({ type: "set", v: [0.5, 0.5] }), "channel"],
      ["a name that there is not", () => ({ type: "set", name: "__proto__", value: 1 }), "channel"],
      ["a channel without a value", (page) => ({ type: "set", v: [page.id("dim1")] }), "message"],
      ["a meter's channel", (page) => ({ type: "set", v: [page.id("level"), 1] }), "settable"],
      ["to have a meter held", (page) => ({ type: "grab", id: page.id("level") }), "channel"],
      ["a type that there is not", () => ({ type: "constructor" }), "type"],
      ["a subscription to an unknown name", () => ({ type: "subscribe", names: ["nothing"] }), "channel"],
      ["a subscription without a rate", () => ({ type: "subscribe", names: "*", rate: -1 }), "message"],
    ];
    for (const [what, message, code] of rows) {
      it(what, async () => {
        const page = await Page.open();
        const client = await page.client();
        client.send({ ...message(page), seq: 5 });
        const error = await client.until("error");
        assert.deepEqual([error.code, error.seq], [code, 5]);
        assert.deepEqual(page.probe.received, []);
        assert.deepEqual(problems(page.session), []);
      });
    }

    it("everything but looking to the token for viewing", async () => {
      const folder = folderWith({ control: "the-token-for-control", view: "the-token-for-viewing" });
      const page = await Page.open(CONFIG, `token-file = ${folder}/control\nview-token-file = ${folder}/view`);
      const viewer = await page.client({ Authorization: "Bearer the-token-for-viewing" });
      assert.equal((await viewer.until("hello")).role, "view");
      const messages = [
        { type: "set", v: [page.id("dim1"), 1] },
        { type: "set", name: "dim1", value: 1 },
        { type: "grab", id: page.id("go") },
        { type: "release", id: page.id("go") },
      ];
      for (const [seq, message] of messages.entries()) {
        viewer.send({ ...message, seq });
        assert.equal((await viewer.until("error", (error) => error.seq === seq)).code, "role");
      }
      const headers = { Authorization: "Bearer the-token-for-viewing", "Content-Type": "application/json" };
      const change = { method: "PUT", headers, body: "1" };
      assert.equal((await ask(`${page.url}/api/channels/dim1`, change)).status, 403);
      assert.equal((await ask(`${page.url}/api/channels/dim1`, { headers })).status, 200);
      page.probe.emit("level", 0.5);
      await viewer.sees(page.id("level"), 0.5);
      assert.deepEqual(page.probe.received, []);
    });
  });

  describe("releases", () => {
    it("a button when the last of two lets go", async () => {
      const page = await Page.open();
      const [one, other] = [await page.client(), await page.client()];
      const id = page.id("go");
      one.send({ type: "grab", id });
      await one.until("held", ({ count }) => count === 1);
      other.send({ type: "grab", id });
      await one.until("held", ({ count }) => count === 2);
      one.send({ type: "release", id });
      await other.until("held", (held) => held.count === 1 && other.received.indexOf(held) > 3);
      assert.deepEqual(page.probe.values("go"), [1]);
      other.send({ type: "release", id });
      assert.deepEqual(await page.probe.until("go", 2), [1, 0]);
    });

    const endings: [how: string, end: (peer: WebSocketPeer) => void][] = [
      ["whose client closes", (peer) => peer.socket.close()],
      ["whose client is gone without a word", (peer) => peer.socket.terminate()],
      ["whose client breaks a rule", (peer) => peer.send("nonsense")],
    ];
    for (const [how, end] of endings) {
      it(`a button, and a fader with a spring, ${how}`, async () => {
        const page = await Page.open();
        const [one, other] = [await page.client(), await page.client()];
        one.send({ type: "grab", id: page.id("go") });
        one.send({ type: "grab", id: page.id("pitch") });
        one.send({ type: "grab", id: page.id("dim1") });
        one.send({ type: "set", v: [page.id("pitch"), 1, page.id("dim1"), 0.7] });
        await page.probe.until("dim1");
        end(one);
        assert.deepEqual(await page.probe.until("go", 2), [1, 0]);
        assert.deepEqual(await page.probe.until("pitch", 2), [1, 0.5]);
        await other.until("held", ({ id, count }) => id === page.id("dim1") && count === 0);
        assert.deepEqual(page.probe.values("dim1"), [0.7]);
      });
    }

    it("what a client holds that says nothing more, but not that of one that pings", async () => {
      const page = await Page.open(CONFIG, "release = 3s");
      const [silent, alive] = [await page.client(), await page.client()];
      const pings = setInterval(() => alive.send({ type: "ping" }), 500);
      silent.send({ type: "grab", id: page.id("go") });
      alive.send({ type: "grab", id: page.id("pitch") });
      assert.deepEqual(await page.probe.until("go", 2), [1, 0]);
      clearInterval(pings);
      assert.deepEqual(page.probe.values("pitch"), []);
    });

    it("a channel that is pressed by a program, after a moment", async () => {
      const page = await Page.open();
      const headers = { "Content-Type": "application/json" };
      const { status } = await ask(`${page.url}/api/press?name=go`, { method: "POST", headers });
      assert.equal(status, 202);
      assert.deepEqual(await page.probe.until("go", 2), [1, 0]);
      assert.equal((await ask(`${page.url}/api/press?name=go`, { method: "POST" })).status, 415);
    });
  });

  it("leaves a client only the channels that it subscribes to", async () => {
    const page = await Page.open();
    const [client, other] = [await page.client(), await page.client()];
    client.send({ type: "subscribe", names: ["dim2"] });
    await client.until("state", (state) => client.received.indexOf(state) > 1);
    page.probe.emit("dim1", 0.1);
    page.probe.emit("dim2", 0.2);
    await Promise.all([client.sees(page.id("dim2"), 0.2), other.sees(page.id("dim1"), 0.1)]);
    page.probe.emit("dim2", 0.3);
    await client.sees(page.id("dim2"), 0.3);
    assert.equal(client.value(page.id("dim1")), undefined);
  });

  it("sends the last of many values, not all", async () => {
    const page = await Page.open();
    const client = await page.client();
    for (let i = 0; i <= 1000; ++i) page.probe.emit("level", i / 1000);
    await client.sees(page.id("level"), 1);
    assert.ok(client.received.filter(({ type }) => type === "values").length <= 3);
  });

  describe("that is reloaded", () => {
    it("shows new widgets to pages that are open, which keep what they hold", async () => {
      const page = await Page.open();
      const client = await page.client();
      const [go, dim1] = [page.id("go"), page.id("dim1")];
      client.send({ type: "set", v: [dim1, 0.3] });
      client.send({ type: "grab", id: go });
      await page.probe.until("go");
      await page.reload((config) =>
        config.replace("meter = level", "meter = level\ntoggle = more").concat("panel.more > probe.more\n"),
      );
      const layout = await client.until("layout");
      const channels = layout.channels as { id: number; name: string }[];
      assert.equal(channels.find(({ name }) => name === "dim1")?.id, dim1);
      const more = channels.find(({ name }) => name === "more")?.id;
      client.send({ type: "set", v: [more, 1] });
      await page.probe.until("more");
      assert.deepEqual(page.probe.values("go"), [1]);
      client.send({ type: "release", id: go });
      assert.deepEqual(await page.probe.until("go", 2), [1, 0]);
      assert.equal(client.value(dim1), 0.3);
      assert.equal(client.closed, undefined);
    });

    it("releases a button that is held, and has become a switch", async () => {
      const page = await Page.open();
      const client = await page.client();
      client.send({ type: "grab", id: page.id("go") });
      await page.probe.until("go");
      await page.reload((config) => config.replace("button = go", "toggle = go"));
      assert.deepEqual(await page.probe.until("go", 2), [1, 0]);
    });

    const all = "panel.{go,on,head.x,head.y,pitch} > probe.{go,on,head.x,head.y,pitch}\n";
    const losing: [what: string, change: (config: string) => string][] = [
      ["whose mapping is gone", (config) => config.replace(all, "")],
      ["that is gone with its mapping", (config) => config.replace(all, "").replace("button = go\n", "")],
      [
        "that is mapped to something else",
        (config) => config.replace(all, all.replace(/(probe.\{)go(.*)pitch/, "$1a$2b")),
      ],
      [
        "whose page is gone",
        (config) => config.replace(/\[web panel\][\s\S]*/, "[loopback l]\n[map]\nl.a > probe.a\n"),
      ],
    ];
    for (const [what, change] of losing) {
      it(`releases a held button, and a held fader with a spring, ${what}`, async () => {
        const page = await Page.open();
        const client = await page.client();
        client.send({ type: "grab", id: page.id("go") });
        client.send({ type: "grab", id: page.id("pitch") });
        client.send({ type: "set", v: [page.id("pitch"), 1] });
        await Promise.all([page.probe.until("go"), page.probe.until("pitch")]);
        await page.reload(change);
        assert.deepEqual(
          [page.probe.values("go"), page.probe.values("pitch")],
          [
            [1, 0],
            [1, 0.5],
          ],
        );
      });
    }

    it("releases what is held before the router stops, also for instances that stop before the page", async () => {
      const page = await Page.open();
      const client = await page.client();
      client.send({ type: "grab", id: page.id("go") });
      await page.probe.until("go");
      await page.session.router.stop();
      assert.deepEqual(page.probe.values("go"), [1, 0]);
    });

    it("goes on as before if the new address can't be used, and moves to one that can", async () => {
      const page = await Page.open();
      const client = await page.client();
      const other = createServer().unref();
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
      const taken = String((other.address() as AddressInfo).port);
      const port = page.url.replace("http://127.0.0.1:", "");
      await assert.rejects(
        page.reload((config) => config.replace(`127.0.0.1 ${port}`, `127.0.0.1 ${taken}\ntitle = x`)),
        {
          code: "CONFIG",
          message: new RegExp(`monster\\.cfg:4:8: error: 127\\.0\\.0\\.1 ${taken} is used by process ${process.pid}`),
        },
      );
      client.send({ type: "set", v: [page.id("dim1"), 0.5] });
      await page.probe.until("dim1");
      const free = await freePort();
      await page.reload((config) => config.replace(`127.0.0.1 ${taken}\ntitle = x`, `127.0.0.1 ${free}`));
      other.close();
      assert.equal(await client.ends(), 1001);
      const moved = new WebSocketPeer(`ws://127.0.0.1:${free}/ws`);
      assert.equal(((await moved.until("state")).v as number[])[1], 0.5);
      await assert.rejects(ask(page.url));
    });

    it("does not change anything if something else in the configuration is wrong", async () => {
      const page = await Page.open();
      const client = await page.client();
      const free = await freePort();
      const port = page.url.replace("http://127.0.0.1:", "");
      const wrong = (config: string) =>
        config.replace(`127.0.0.1 ${port}`, `127.0.0.1 ${free}`).concat("panel.x > nothing.y\n");
      await assert.rejects(page.reload(wrong), { code: "CONFIG" });
      client.send({ type: "set", v: [page.id("dim1"), 0.5] });
      await page.probe.until("dim1");
      assert.equal(
        client.received.some(({ type }) => type === "layout"),
        false,
      );
    });

    it("asks all clients for the token again if it has changed", async () => {
      const folder = folderWith({ token: "the-token-for-control" });
      const page = await Page.open(CONFIG, `token-file = ${folder}/token`);
      const client = await page.client({ Authorization: "Bearer the-token-for-control" });
      writeFileSync(path.join(folder, "token"), "another-token-for-it");
      await page.session.router.reload();
      assert.equal(await client.ends(), 1008);
      const headers = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
      assert.equal((await ask(`${page.url}/api/channels`, headers("the-token-for-control"))).status, 401);
      assert.equal((await ask(`${page.url}/api/channels`, headers("another-token-for-it"))).status, 200);
    });
  });

  it("tells its address with the token once, and not at a reload", async () => {
    const page = await Page.open(CONFIG, "token-file = made.token");
    const file = path.join(page.session.folder, "made.token");
    const token = readFileSync(file, "utf8").trim();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await page.session.router.reload();
    const told = page.session.log.entries.filter(({ message }) => message.includes(token));
    assert.deepEqual(
      told.map(({ message }) => message),
      [`panel: open ${page.url}/#token=${token}`],
    );
  });

  it("is part of what describe() says of the router", async () => {
    const page = await Page.open();
    await page.client();
    const status = page.session.router.describe().instances.find(({ name }) => name === "panel")?.status;
    assert.deepEqual([status?.state, status?.text], ["ok", `${page.url}/, 1 client`]);
  });

  it("says goodbye when the router stops, and that it may be back", async () => {
    const page = await Page.open();
    const client = await page.client();
    await page.session.router.stop();
    assert.equal(await client.ends(), 1001);
    assert.equal((client.received.at(-1) as Received).again, true);
  });

  it("shares its port with another one", async () => {
    const port = await freePort();
    const both = `bind = 127.0.0.1 ${port}\nfader = a`;
    const session = await start(
      `[web one]\n${both}\n[web two]\n${both}\n[map]\none.a > probe.one\ntwo.a > probe.two\n`,
    );
    const url = `http://127.0.0.1:${port}`;
    const put = { method: "PUT", headers: { "Content-Type": "text/plain" } };
    await ask(`${url}/api/channels/a`, { ...put, body: "0.1" });
    await ask(`${url}/two/api/channels/a`, { ...put, body: "0.2" });
    assert.deepEqual([await session.probe.until("one"), await session.probe.until("two")], [[0.1], [0.2]]);
    assert.equal((await ask(`${url}/two`)).headers.location, "/two/");
    assert.match((await ask(`${url}/two/`)).text, /^<!doctype html>/);
  });

  it("keeps names that look like markup or paths as they are", async () => {
    const name = "&quot;/../%2F#?{1,2}";
    const config = `[web panel]\nfader = ${name}\n[map]\npanel.${name} > probe.odd{1,2}\n`;
    const page = await Page.open(config);
    const wanted = name.replace("{1,2}", "1");
    const client = await page.client();
    client.send({ type: "set", name: wanted, value: 0.5 });
    await page.probe.until("odd1");
    const put = { method: "PUT", headers: { "Content-Type": "text/plain" }, body: "0.25" };
    assert.equal((await ask(`${page.url}/api/channels/${encodeURIComponent(wanted)}`, put)).status, 204);
    assert.deepEqual(await page.probe.until("odd1", 2), [0.5, 0.25]);
    const { headers, text } = await ask(`${page.url}/api/channels?name=${encodeURIComponent(wanted)}`);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(JSON.parse(text).name, wanted);
  });
});

describe("the token of a page", () => {
  const options = (more: object) => ({ "token-file": undefined, "view-token-file": undefined, ...more }) as never;

  it("is not needed on this machine alone, and made for others in the folder of the service, or of the user", () => {
    const folder = folderWith({});
    assert.equal(readTokens(options({}), false, {}), undefined);
    const service = readTokens(options({}), true, {
      STATE_DIRECTORY: `${folder}/state:/other`,
      XDG_STATE_HOME: "/none",
    });
    assert.equal(readFileSync(`${folder}/state/mmpy-token`, "utf8"), `${service?.control}\n`);
    const user = readTokens(options({}), true, { XDG_STATE_HOME: folder });
    assert.equal(statSync(`${folder}/mmpy/mmpy-token`).mode & 0o777, 0o600);
    assert.equal(readTokens(options({}), true, { XDG_STATE_HOME: folder })?.control, user?.control);
  });

  it("of systemd's credentials comes first, also on this machine alone", () => {
    const folder = folderWith({ "mmpy-token": "a-credential-of-systemd\n" });
    const env = { CREDENTIALS_DIRECTORY: folder, STATE_DIRECTORY: `${folder}/state` };
    for (const isOpen of [true, false]) {
      assert.equal(readTokens(options({}), isOpen, env)?.control, "a-credential-of-systemd");
    }
    assert.equal(existsSync(`${folder}/state`), false);
  });

  const wrong: [what: string, text: string][] = [
    ["too short", "short"],
    ["empty", ""],
    ["of several lines", "a-token-of-some-length\nand-another-one"],
  ];
  for (const [what, text] of wrong) {
    it(`that is ${what} is an error that says what is needed`, () => {
      const file = path.join(folderWith({ token: text }), "token");
      assert.throws(() => readTokens(options({ "token-file": file }), true, {}), /at least 16 characters/);
    });
  }

  it("that others can read is a warning", () => {
    const file = path.join(folderWith({ token: "a-token-of-some-length" }), "token");
    chmodSync(file, 0o644);
    const warnings = readTokens(options({ "token-file": file }), true, {})?.warnings;
    assert.deepEqual(warnings, [`other users can read ${file}: chmod 600 ${file}`]);
  });

  it("for viewing needs one for control, which is another", () => {
    const file = path.join(folderWith({ token: "a-token-of-some-length" }), "token");
    assert.throws(() => readTokens(options({ "view-token-file": file }), false, {}), /needs a token-file too/);
    const same = options({ "token-file": file, "view-token-file": file });
    assert.throws(() => readTokens(same, false, {}), /same token/);
  });
});

describe("the addresses of a page", () => {
  it("are open to other machines unless they are of this one alone", () => {
    const hosts = [
      "127.0.0.1",
      "127.3.2.1",
      "localhost",
      "::1",
      "0.0.0.0",
      "::",
      "*",
      "10.0.0.1",
      "127.0.0.1.example",
      "rack",
    ];
    assert.deepEqual(hosts.map(isLoopback), [true, true, true, true, false, false, false, false, false, false]);
  });

  it("are URLs", () => {
    assert.deepEqual(urlsOf("::1", 8080), ["http://[::1]:8080/"]);
    assert.deepEqual(urlsOf("10.0.0.1", 80), ["http://10.0.0.1/"]);
    for (const url of urlsOf("0.0.0.0", 8080)) assert.match(url, /^http:\/\/\d+\.\d+\.\d+\.\d+:8080\/$/);
  });
});
