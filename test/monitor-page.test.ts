// The monitor's page in a browser.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { endWatched, type Watched, watch } from "./monitor-target.js";

const CHROMIUM = "/usr/bin/chromium";
const CONFIG = `
[python py]
module = mod
[loopback bus]
[map]
probe.{a,b,go} > py.mod.{a,b,go}
probe.a > bus.x
py.out > probe.out
`;
const FILES = {
  "mod.py": `
midimonster.output("<script>alert(1)</script>", 0)
def a(value): midimonster.output("<script>alert(1)</script>", value)
def b(value): pass
def go(value):
    midimonster.output("out", value)
    if value == 0.25: raise ValueError("no quarters")
`,
};

describe("the monitor's page", () => {
  let browser: Browser;
  const errors: string[] = [];
  const pages: Page[] = [];

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.log("SKIPPED: the monitor's page: no /usr/bin/chromium (apt-get install chromium)");
      this.skip();
    }
    const { chromium } = await import("playwright-core");
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  after(() => browser?.close());
  afterEach(async () => {
    for (const page of pages.splice(0)) await page.close();
    await endWatched();
    assert.deepEqual(errors.splice(0), []);
  });

  async function open({ url }: Watched): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    pages.push(page);
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("dialog", (dialog) => errors.push(`a dialog: ${dialog.message()}`));
    await page.goto(url);
    await page.locator("#banner").waitFor({ state: "hidden" });
    return page;
  }

  const row = (page: Page, name: string) => page.locator(".row:visible", { hasText: name });

  it("shows values as they change, filters channels, and keeps names harmless", async () => {
    const watched = await watch(CONFIG, FILES);
    const page = await open(watched);
    watched.session.probe.emit("a", 0.625);
    await row(page, "py.<script>alert(1)</script>").locator(".value", { hasText: "0.625" }).waitFor();
    await row(page, "probe.a").locator(".value", { hasText: "0.625" }).waitFor();
    assert.equal(await row(page, "probe.b").locator(".value").textContent(), "–");
    await page.fill("#filter", "MOD.");
    await page.locator("#count", { hasText: /^3 of \d+$/ }).waitFor();
    assert.deepEqual(await page.locator(".row:visible .name").allTextContents(), ["py.mod.a", "py.mod.b", "py.mod.go"]);
  });

  it("learns a channel: its name, a line to copy, and its time line", async () => {
    const watched = await watch(CONFIG, FILES);
    const page = await open(watched);
    await page.click("#learn");
    await page.locator("#learned-text", { hasText: "Move something" }).waitFor();
    watched.session.probe.emit("go", 1);
    await page.locator("#learned-text", { hasText: "probe.go" }).waitFor();
    assert.equal(await page.inputValue("#learned-line"), "probe.go > py.CHANNEL");
    await page.locator("#detail-title", { hasText: "probe.go" }).waitFor();
    const ink = () =>
      page.evaluate<number>(`(() => {
      const canvas = document.getElementById("timeline");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((blue, i) => i % 4 === 2 && blue > 200).length;
    })()`);
    watched.session.probe.emit("go", 0.5);
    while ((await ink()) === 0) await page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
  });

  it("goes on after a reload, and after the router was away", async () => {
    const watched = await watch(CONFIG, FILES);
    const page = await open(watched);
    watched.session.write("monster.cfg", `${CONFIG}probe.new > py.mod.a\n`);
    await watched.session.router.reload();
    watched.session.probe.emit("new", 0.5);
    await row(page, "probe.new").locator(".value", { hasText: "0.500" }).waitFor();
    for (const client of watched.site.clients) client.close(1001, "the router stops", true);
    await page.locator("#banner", { hasText: "connecting again" }).waitFor();
    await page.locator("#banner").waitFor({ state: "hidden" });
    watched.session.probe.emit("new", 0.25);
    await row(page, "probe.new").locator(".value", { hasText: "0.250" }).waitFor();
  });

  it("shows instances, mappings and exceptions with their tracebacks folded", async () => {
    const watched = await watch(CONFIG, FILES);
    const page = await open(watched);
    watched.session.probe.emit("go", 0.25);
    const line = page.locator("#log details", { hasText: "the handler raised" });
    await line.waitFor();
    assert.equal(await line.locator("pre").isVisible(), false);
    await line.locator("summary").click();
    assert.match((await line.locator("pre").textContent()) ?? "", /ValueError: no quarters/);
    await page.locator("#stats tr", { hasText: "py" }).locator("td.bad", { hasText: "1" }).waitFor();
    assert.equal(await page.locator("#graph g.node").count(), 3);
    assert.match(
      (await page.locator("#graph g title", { hasText: "py to probe" }).textContent()) ?? "",
      /py\.out > probe\.out/,
    );
  });

  it("sets a value where control is on, and has no slider where it is off", async () => {
    const watched = await watch(CONFIG, FILES, { control: true });
    const page = await open(watched);
    await row(page, "py.mod.go").click();
    await page.locator("#set").focus();
    await page.keyboard.press("End");
    assert.deepEqual(await watched.session.probe.until("out"), [1]);
    const other = await watch(CONFIG, FILES);
    const looking = await open(other);
    await row(looking, "py.mod.go").click();
    await looking.locator("#detail").waitFor();
    assert.equal(await looking.locator("#set").isVisible(), false);
  });

  it("works with the keyboard, and axe finds nothing serious", async () => {
    const watched = await watch(CONFIG, FILES);
    const page = await open(watched);
    await page.locator("#list").focus();
    for (const key of ["ArrowDown", "ArrowDown", "End", "Home", "ArrowDown"]) await page.keyboard.press(key);
    const second = await page.locator("#detail-title").textContent();
    await page.locator('.row[aria-selected="true"] .name', { hasText: second ?? "?" }).waitFor();
    await page.click("#learn");
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
    const serious = await page.evaluate(`axe.run().then(({ violations }) =>
      violations.filter(({ impact }) => /serious|critical/.test(impact)).map(({ id, nodes }) => id + ": " + nodes[0].html))`);
    assert.deepEqual(serious, []);
  });
});
