// Takes the pictures of pages in docs/images/, with Chromium, from the example configurations.
//
// usage: node scripts/screenshots.mjs, after npm run build
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
const PORT = 8089;

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const images = path.join(project, "docs", "images");
const examples = path.join(project, "python", "examples");

/** The example, on a port of its own. */
function configuration(folder) {
  const text = readFileSync(path.join(examples, "web.cfg"), "utf8").replace(
    "[web panel]",
    `[web panel]\nbind = 127.0.0.1 ${PORT}`,
  );
  const file = path.join(folder, "web.cfg");
  writeFileSync(file, text);
  for (const module of ["web_desk.py", "printer.py"]) {
    writeFileSync(path.join(folder, module), readFileSync(path.join(examples, module)));
  }
  return file;
}

const folder = mkdtempSync(path.join(tmpdir(), "mmpy-screenshots-"));
const mmpy = spawn(process.execPath, [path.join(project, "dist", "cli", "mmpy.cjs"), configuration(folder)], {
  stdio: ["ignore", "ignore", "pipe"],
});
try {
  await new Promise((resolve, reject) => {
    mmpy.stderr.setEncoding("utf8").on("data", (text) => {
      if (text.includes("routing")) resolve();
    });
    mmpy.on("exit", () => reject(new Error("mmpy has ended")));
  });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 820, height: 390 } });
  await page.goto(`http://127.0.0.1:${PORT}/`);
  await page.locator("body:not(.lost)").waitFor();
  const values = { dim1: 0.82, dim2: 0.64, dim3: 0.3, dim4: 0.12, work: 1, flash: 0 };
  await fetch(`http://127.0.0.1:${PORT}/api/channels`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(values),
  });
  await page.getByText("0.12").waitFor();
  await page.locator("[role=meter][aria-valuetext='1.00']").waitFor();
  mkdirSync(images, { recursive: true });
  await page.screenshot({ path: path.join(images, "panel.png") });
  await browser.close();
} finally {
  mmpy.kill();
  rmSync(folder, { recursive: true, force: true });
}
