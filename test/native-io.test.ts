// Parts of native/io that the program does not use yet, compiled into an addon of their own.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { folderWith, projectFolder } from "./helpers.js";

interface Check {
  descriptors(): void;
  said(): string;
}

describe("native/io", () => {
  let check: Check;

  before(function () {
    const prefix = path.dirname(path.dirname(process.execPath));
    const roots = [path.join(prefix, "include", "node"), "/usr/include/node", "/usr/include"];
    const uv = roots.find((root) => existsSync(path.join(root, "uv.h")));
    if (uv === undefined || process.platform !== "linux") {
      console.log("SKIPPED: needs uv.h (apt-get install libuv1-dev) and Linux");
      return this.skip();
    }
    const addon = path.join(folderWith({}), "io-check.node");
    const require = createRequire(import.meta.url);
    const headers = (require("node-api-headers") as { include_dir: string }).include_dir;
    const sources = ["fd_watcher", "forked", "readiness_set_epoll"].map((name) => `native/io/${name}.cc`);
    const options = ["-std=c++17", "-Wall", "-shared", "-fPIC", "-D_GNU_SOURCE", "-Inative", `-I${headers}`, `-I${uv}`];
    execFileSync("c++", [...options, "-o", addon, "test/native/io-check.cc", ...sources], { cwd: projectFolder });
    check = require(addon) as Check;
  }).timeout(120_000);

  async function until(pattern: RegExp): Promise<string> {
    while (!pattern.test(check.said())) await new Promise((resolve) => setTimeout(resolve, 1));
    return check.said();
  }

  it("descriptors are waited for to be read, to be written to, or both", async () => {
    check.descriptors();
    assert.equal(await until(/done/), "2:w \n2:r \n1:w \n2:rw \ndone");
  });
});
