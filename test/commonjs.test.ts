import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder } from "./helpers.js";

/** A folder with the package in its node_modules. */
function project(files: Record<string, string>): string {
  const folder = folderWith(files);
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(projectFolder, path.join(folder, "node_modules", "midimonster-python"));
  return folder;
}

describe("the package in CommonJS", () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const requires = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  const run = (...options: string[]) => {
    const folder = project({
      "both.mjs": `
import { createRequire } from "node:module";
import * as imported from "midimonster-python";
const required = createRequire(import.meta.url)("midimonster-python");
console.log(required.Router === imported.Router, Object.keys(required).length === Object.keys(imported).length);
`,
    });
    return spawnSync(process.execPath, [...options, "both.mjs"], { cwd: folder, encoding: "utf8" });
  };

  it("gives require() what it gives import", function () {
    if (!requires) {
      console.log("SKIPPED: this Node has no require() of ES modules");
      this.skip();
    }
    assert.deepEqual(run().stdout, "true true\n");
  });

  it("says what to do where Node has no require() of ES modules", function () {
    if (requires && major > 22) {
      console.log("SKIPPED: this Node always has require() of ES modules");
      this.skip();
    }
    const { stderr } = run(...(requires ? ["--no-experimental-require-module"] : []));
    assert.match(
      stderr,
      /needs Node 20\.19 or later, this is v[\d.]+; here, use: await import\('midimonster-python'\)/,
    );
  });
});
