import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { projectFolder } from "./helpers.js";

/** Folders with a Python.h of a supported version: Debian's, and those of pyenv. */
function headerFolders(): string[] {
  const roots = ["/usr/include"];
  const pyenv = path.join(process.env.PYENV_ROOT ?? path.join(homedir(), ".pyenv"), "versions");
  if (existsSync(pyenv)) roots.push(...readdirSync(pyenv).map((version) => path.join(pyenv, version, "include")));
  return roots
    .filter((root) => existsSync(root))
    .flatMap((root) => readdirSync(root).map((name) => path.join(root, name)))
    .filter((folder) => /python3\.(9|\d\d)$/.test(folder) && existsSync(path.join(folder, "Python.h")));
}

describe("the addon and libpython", () => {
  const folders = headerFolders();
  for (const folder of folders) {
    it(`agree on every signature with the headers in ${folder}`, () => {
      const { status, stderr } = spawnSync(
        "cc",
        [
          "-fsyntax-only",
          "-Werror=incompatible-pointer-types",
          "-Wno-deprecated-declarations",
          `-I${folder}`,
          "test/native/symbols-check.c",
        ],
        { cwd: projectFolder, encoding: "utf8" },
      );
      assert.equal(status, 0, stderr);
    });
  }
  it("agree on every signature with at least one version's headers", function () {
    if (folders.length > 0) return;
    console.log("SKIPPED: no Python.h on this machine; on Debian: apt-get install libpython3-dev");
    this.skip();
  });

  it("are not linked: the addon has no undefined Python symbol and needs no libpython", function () {
    const addon = path.join(projectFolder, "build", "Release", "midimonster_python.node");
    if (!existsSync(addon) || spawnSync("nm", ["--version"]).error !== undefined) {
      console.log("SKIPPED: no locally built addon, or no nm; on Debian: apt-get install binutils");
      this.skip();
    }
    assert.doesNotMatch(execFileSync("nm", ["-D", "--undefined-only", addon], { encoding: "utf8" }), /\bPy/);
    assert.doesNotMatch(execFileSync("readelf", ["-d", addon], { encoding: "utf8" }), /libpython/);
  });

  it("do without Node: what the addon needs of it is weak, since Python loads it for processes of instances", function () {
    const addon = path.join(projectFolder, "build", "Release", "midimonster_python.node");
    if (process.platform !== "linux" || !existsSync(addon) || spawnSync("nm", ["--version"]).error !== undefined) {
      console.log("SKIPPED: not Linux, no locally built addon, or no nm; on Debian: apt-get install binutils");
      this.skip();
    }
    const symbols = execFileSync("nm", ["-D", addon], { encoding: "utf8" });
    const needed = [...symbols.matchAll(/ U ((?:napi|node_api|uv)_\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(
      needed,
      [],
      "add functions of Node-API to native/addon/node_symbols.h, libuv's to io/loop_functions",
    );
    assert.match(symbols, / w napi_create_function$/m);
    assert.doesNotMatch(symbols, / T uv_/);
  });
});
