// A page in Chromium: fingers, keys, several pages, lost connections, reloads.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import axe from "axe-core";
import { afterEach } from "mocha";
import { type Browser, chromium, type Page } from "playwright-core";
import { freePort } from "./free-port.js";
import { type Session, start, stopSessions } from "./session.js";
import { endPeers, WebSocketPeer } from "./web-peer.js";

const CHROMIUM = "/usr/bin/chromium";

const CONFIG = `
[web panel]
title = Stage
page = Lights
group = Front
fader = dim{1..2}
label = Dim {1..2}
knob = pan
button = go
toggle = work
xy = head
page = Levels
meter = level
text = level
label = <script>document.title = "broken"</script>
[map]
panel.dim{1..2} <> probe.dim{1..2}
panel.{pan,go,work,head.x,head.y} > probe.{pan,go,work,head.x,head.y}
probe.level > panel.level
`;

let browser: Browser;

/** A connection to a page that can be cut, as a network does: nothing passes, and neither side is told. */
class Cable {
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(
    readonly port: number,
    readonly server: Server,
  ) {}

  static async to(target: number): Promise<Cable> {
    const port = await freePort();
    const server = createServer((near) => {
      if (cable.#cut) {
        near.destroy();
        return;
      }
      const far = connect(target, "127.0.0.1");
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        cable.#sockets.add(from);
        from.on("error", () => {});
        from.on("data", (data) => {
          if (!cable.#cut) into.write(data);
        });
        from.on("close", () => {
          if (!cable.#cut) into.destroy();
        });
      }
    });
    const cable = new Cable(port, server);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    cables.push(cable);
    return cable;
  }

  cut(): void {
    this.#cut = true;
  }

  mend(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  close(): void {
    this.mend();
    this.server.close();
  }
}

const cables: Cable[] = [];

interface Stage {
  readonly session: Session;
  readonly port: number;
  readonly page: Page;
  readonly faults: string[];
}

async function open(url: string, options: Parameters<Browser["newPage"]>[0] = {}) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 }, ...options });
  const faults: string[] = [];
  page.on("pageerror", ({ message }) => faults.push(message));
  page.on("console", (message) => {
    // The browser's own words about what could not be loaded, where a connection is cut on purpose.
    if (message.type() === "error" && !/WebSocket connection/.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  await page.locator("body:not(.lost)").waitFor();
  return { page, faults };
}

async function stage(options: Parameters<Browser["newPage"]>[0] = {}, config = CONFIG): Promise<Stage> {
  const port = await freePort();
  const session = await start(config.replace("[web panel]", `[web panel]\nbind = 127.0.0.1 ${port}`));
  return { session, port, ...(await open(`http://127.0.0.1:${port}/`, options)) };
}

const slider = (page: Page, name: string) => page.getByRole("slider", { name, exact: true });

/** Where a part of an element is, from its upper left. */
async function point(page: Page, name: string, x: number, y: number) {
  const box = await slider(page, name).boundingBox();
  assert.ok(box !== null);
  return { x: box.x + box.width * x, y: box.y + box.height * y, height: box.height };
}

/** The value that a slider shows. */
async function shows(page: Page, name: string, value: number | string): Promise<void> {
  const wanted = typeof value === "number" ? value.toFixed(2) : value;
  const found = `[role=slider][aria-label=${JSON.stringify(name)}][aria-valuetext=${JSON.stringify(wanted)}]`;
  await page.locator(found).waitFor();
}

describe("a page in Chromium", () => {
  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.log(`SKIPPED: ${CHROMIUM} is not installed (apt-get install chromium)`);
      this.skip();
    }
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });

  after(() => browser?.close());

  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    endPeers();
    for (const cable of cables.splice(0)) cable.close();
    await stopSessions();
  });

  it("has a fader whose drag moves it from where it is, and reaches the router", async () => {
    const { session, page, faults } = await stage();
    const from = await point(page, "Dim 1", 0.5, 0.2);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    // A tap at 0.8 has not moved it.
    assert.deepEqual(session.probe.values("dim1"), []);
    await page.mouse.move(from.x, from.y - from.height * 0.1);
    await shows(page, "Dim 1", 0.1);
    await page.mouse.move(from.x, from.y + from.height * 0.5);
    await shows(page, "Dim 1", 0);
    await page.mouse.move(from.x, from.y - from.height * 0.15, { steps: 4 });
    await page.mouse.up();
    await shows(page, "Dim 1", 0.15);
    const values = await session.probe.until("dim1", 3);
    assert.equal(values.at(-1)?.toFixed(2), "0.15");
    assert.deepEqual(faults, []);
  });

  it("is in step with a second one, which shows who holds a fader", async () => {
    const { page, port } = await stage();
    const { page: other } = await open(`http://127.0.0.1:${port}/`);
    const from = await point(page, "Dim 2", 0.5, 0.5);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await other.locator(".widget.held").waitFor();
    assert.equal(await page.locator(".widget.held").count(), 0);
    await page.mouse.move(from.x, from.y - from.height * 0.4);
    await shows(other, "Dim 2", 0.4);
    await page.mouse.up();
    await other.locator(".widget.held").waitFor({ state: "detached" });
    await slider(other, "Dim 2").press("Home");
    await shows(page, "Dim 2", 0);
  });

  it("shows the finger against a foreign value, and that value when the finger goes", async () => {
    const { session, page } = await stage();
    session.probe.emit("dim1", 0.2);
    await shows(page, "Dim 1", 0.2);
    const from = await point(page, "Dim 1", 0.5, 0.5);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x, from.y - from.height * 0.3);
    await shows(page, "Dim 1", 0.5);
    await session.probe.until("dim1");
    session.probe.emit("dim1", 0.9);
    // Another channel in the same message: both have arrived once it is drawn.
    session.probe.emit("dim2", 0.7);
    await shows(page, "Dim 2", 0.7);
    await shows(page, "Dim 1", 0.5);
    await page.mouse.up();
    await shows(page, "Dim 1", 0.9);
  });

  it("keeps its own value when the finger goes, if the foreign one is older", async () => {
    const { session, page } = await stage();
    const from = await point(page, "Dim 1", 0.5, 0.5);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x, from.y - from.height * 0.2);
    await session.probe.until("dim1");
    session.probe.emit("dim1", 0.9);
    session.probe.emit("dim2", 0.7);
    await shows(page, "Dim 2", 0.7);
    const before = session.probe.values("dim1").length;
    await page.mouse.move(from.x, from.y - from.height * 0.3);
    await session.probe.until("dim1", before + 1);
    await page.mouse.up();
    await shows(page, "Dim 1", 0.3);
  });

  it("has a button that is 1 while a finger is on it, and a switch", async () => {
    const { session, page } = await stage();
    await page.getByRole("button", { name: "go" }).hover();
    await page.mouse.down();
    assert.deepEqual(await session.probe.until("go"), [1]);
    await page.mouse.up();
    assert.deepEqual(await session.probe.until("go", 2), [1, 0]);
    const work = page.getByRole("button", { name: "work" });
    await work.click();
    assert.deepEqual(await session.probe.until("work"), [1]);
    assert.equal(await work.getAttribute("aria-pressed"), "true");
    await work.click();
    assert.deepEqual(await session.probe.until("work", 2), [1, 0]);
  });

  it("has a pad that sends both axes", async () => {
    const { session, page } = await stage();
    const box = await page.locator(".pad").boundingBox();
    assert.ok(box !== null);
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + box.width * 0.25, y - box.height * 0.3);
    await page.mouse.up();
    await session.probe.until("head.y");
    await shows(page, "head x", 0.25);
    await shows(page, "head y", 0.3);
  });

  it("takes several fingers", async () => {
    const { session, page } = await stage({ hasTouch: true });
    const [one, two] = [await point(page, "Dim 1", 0.5, 0.5), await point(page, "Dim 2", 0.5, 0.5)];
    const client = await page.context().newCDPSession(page);
    const touch = (type: string, up: number) =>
      client.send("Input.dispatchTouchEvent", {
        type: type as "touchStart",
        touchPoints:
          type === "touchEnd" ? [] : [one, two].map(({ x, y, height }, id) => ({ x, y: y - height * up, id })),
      });
    await touch("touchStart", 0);
    await touch("touchMove", 0.1);
    await touch("touchMove", 0.3);
    await touch("touchEnd", 0);
    await Promise.all([shows(page, "Dim 1", 0.3), shows(page, "Dim 2", 0.3)]);
    await Promise.all([session.probe.until("dim1"), session.probe.until("dim2")]);
    assert.equal(await page.evaluate("scrollY"), 0);
  });

  it("releases a button that is held when its connection is lost, and sends nothing of what is touched meanwhile", async () => {
    const { session, port } = await stage();
    const cable = await Cable.to(port);
    const { page } = await open(`http://127.0.0.1:${cable.port}/`);
    await page.getByRole("button", { name: "go" }).hover();
    await page.mouse.down();
    await session.probe.until("go");
    cable.cut();
    assert.deepEqual(await session.probe.until("go", 2), [1, 0]);
    await page.mouse.up();
    await page.locator("body.lost").waitFor();
    await page.getByText("controls are off").waitFor();
    await page.getByRole("button", { name: "work" }).click({ force: true });
    await slider(page, "Dim 1").press("End");
    cable.mend();
    await page.locator("body:not(.lost)").waitFor();
    session.probe.emit("dim2", 0.6);
    await shows(page, "Dim 2", 0.6);
    assert.deepEqual(
      [session.probe.values("go"), session.probe.values("work"), session.probe.values("dim1")],
      [[1, 0], [], []],
    );
    await slider(page, "Dim 1").press("End");
    await session.probe.until("dim1");
  });

  it("shows new widgets after a reload, with the values of those that stay", async () => {
    const { session, page, faults } = await stage();
    session.probe.emit("dim1", 0.4);
    await shows(page, "Dim 1", 0.4);
    const config = readFileSync(path.join(session.folder, "monster.cfg"), "utf8").replace("[probe probe]\n", "");
    session.write("monster.cfg", config.replaceAll("dim{1..2}", "dim{1..3}").replace("Dim {1..2}", "Lamp {1..3}"));
    await session.router.reload();
    await slider(page, "Lamp 3").waitFor();
    await shows(page, "Lamp 1", 0.4);
    await slider(page, "Lamp 3").press("End");
    assert.deepEqual(await session.probe.until("dim3"), [1]);
    assert.deepEqual(faults, []);
  });

  it("connects again by itself when the router has been restarted", async () => {
    const { session, page, port } = await stage();
    await session.router.stop();
    await page.locator("body.lost").waitFor();
    const next = await start(CONFIG.replace("[web panel]", `[web panel]\nbind = 127.0.0.1 ${port}`));
    await page.locator("body:not(.lost)").waitFor();
    await slider(page, "Dim 1").press("PageUp");
    assert.deepEqual(await next.probe.until("dim1"), [0.1]);
  });

  it("works by keys alone", async () => {
    const { session, page } = await stage();
    const visited: string[] = [];
    for (let i = 0; i < 9; ++i) {
      await page.keyboard.press("Tab");
      const at = "document.activeElement";
      const name = await page.evaluate(`${at}.getAttribute("aria-label") ?? ${at}.firstChild.textContent.trim()`);
      visited.push(String(name));
    }
    assert.deepEqual(visited, ["Lock", "Lights", "Dim 1", "Dim 2", "pan", "go", "work", "head x", "head y"]);
    const dim = slider(page, "Dim 1");
    for (const [key, value] of [
      ["ArrowUp", 0.01],
      ["Shift+ArrowUp", 0.011],
      ["PageUp", 0.111],
      ["ArrowLeft", 0.101],
      ["End", 1],
      ["PageDown", 0.9],
      ["Home", 0],
    ] as const) {
      await dim.press(key);
      await shows(page, "Dim 1", value);
    }
    await page.getByRole("button", { name: "go" }).focus();
    await page.keyboard.down("Space");
    await session.probe.until("go");
    await page.keyboard.down("Space"); // as if it repeated
    await page.keyboard.press("Tab");
    assert.deepEqual(await session.probe.until("go", 2), [1, 0]);
    await page.keyboard.up("Space");
    await page.keyboard.press("Enter");
    assert.deepEqual(await session.probe.until("work"), [1]);
    await page.getByRole("tab", { name: "Lights" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("meter").waitFor();
    assert.deepEqual(session.probe.values("go"), [1, 0]);
  });

  it("fits a phone, with targets of at least 44 pixels", async () => {
    const { page } = await stage({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
    const sizes = "[document.documentElement.scrollWidth, innerWidth]";
    const [content, width] = (await page.evaluate(sizes)) as [number, number];
    assert.equal(content, width);
    for (const target of await page.locator("button:visible, .track:visible, .dial:visible").all()) {
      const box = await target.boundingBox();
      assert.ok(
        box !== null && box.width >= 44 && box.height >= 44,
        `${await target.innerHTML()}: ${JSON.stringify(box)}`,
      );
    }
  });

  it("has nothing that axe-core finds serious, on each tab, also without a connection", async () => {
    const { session, page, faults } = await stage();
    const findings = async () => {
      const { violations } = (await page.evaluate(`${axe.source}; axe.run()`)) as axe.AxeResults;
      return violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]);
    };
    session.probe.emit("level", 0.5);
    assert.deepEqual(await findings(), []);
    await page.getByRole("tab", { name: "Levels" }).click();
    await page.getByText("0.50").first().waitFor();
    assert.deepEqual(await findings(), []);
    assert.equal(await page.title(), "Stage");
    await session.router.stop();
    await page.locator("body.lost").waitFor();
    assert.deepEqual(await findings(), []);
    assert.deepEqual(faults, []);
  });

  it("does nothing while it is locked", async () => {
    const { session, page } = await stage();
    await page.getByRole("button", { name: "Lock" }).click();
    await slider(page, "Dim 1").press("End");
    await page.getByRole("button", { name: "work" }).click({ force: true });
    await page.getByRole("button", { name: "Lock" }).click();
    await slider(page, "Dim 2").press("End");
    await session.probe.until("dim2");
    assert.deepEqual([session.probe.values("dim1"), session.probe.values("work")], [[], []]);
  });

  it("keeps its token out of the address, and asks for it where there is none", async () => {
    const config = CONFIG.replace("title = Stage", "token-file = token\nmonitor = on");
    const port = await freePort();
    const session = await start(config.replace("[web panel]", `[web panel]\nbind = 127.0.0.1 ${port}`));
    const token = readFileSync(path.join(session.folder, "token"), "utf8").trim();
    const url = `http://127.0.0.1:${port}/`;
    const { page } = await open(`${url}#token=${token}`);
    assert.equal(page.url(), url);
    assert.equal((await page.context().cookies()).length, 0);
    await page.reload();
    await page.locator("body:not(.lost)").waitFor();
    // The monitor of the page has the same token.
    await page.goto(`${url}monitor/`);
    await page.getByText(/^\d+ channels$/).waitFor();
    assert.equal(await page.locator("#banner").isVisible(), false);
    const stranger = await browser.newPage();
    await stranger.goto(url);
    await stranger.getByText("needs a token").waitFor();
    await stranger.getByLabel("Token").fill(token);
    await stranger.keyboard.press("Enter");
    await stranger.locator("body:not(.lost)").waitFor();
    await slider(stranger, "Dim 1").press("End");
    await session.probe.until("dim1");
  });

  it("that a foreign page imitates gets nothing, neither values nor a connection", async () => {
    const { session, port } = await stage();
    const foreign = await freePort();
    const server = createServer((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>foreign</title>");
    });
    await new Promise<void>((resolve) => server.listen(foreign, "127.0.0.1", resolve));
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${foreign}/`);
    const base = `http://127.0.0.1:${port}`;
    const request = (init: object) => `fetch("${base}/api/channels?name=dim1", ${JSON.stringify(init)})`;
    const socket = `new Promise((resolve, reject) => {
      const socket = new WebSocket("${base.replace("http", "ws")}/ws", "mmpy.v1");
      socket.onopen = resolve;
      socket.onerror = reject;
    })`;
    const tried = [];
    for (const attempt of [
      request({}),
      request({ method: "PUT", body: "1" }),
      request({ method: "PUT", body: "1", mode: "no-cors" }),
      request({ method: "POST", body: "1" }),
      socket,
    ]) {
      tried.push(await page.evaluate(`${attempt}.then(() => "allowed", () => "refused")`));
    }
    server.close();
    assert.deepEqual(tried, Array(5).fill("refused"));
    const own = new WebSocketPeer(`ws://127.0.0.1:${port}/ws`);
    await own.until("state");
    assert.deepEqual(session.probe.received, []);
  });
});
