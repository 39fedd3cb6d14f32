import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";

/** A PATH on which only these commands are. */
function pathWith(commands: Record<string, string>): string {
  const folder = path.join(folderWith({}), "bin");
  mkdirSync(folder);
  for (const [name, target] of Object.entries(commands)) symlinkSync(target, path.join(folder, name));
  return folder;
}

describe("the install script", () => {
  const script = path.join(projectFolder, "scripts", "install.mjs");

  it("does nothing where an addon loads already", async () => {
    const installing = run(process.execPath, [script], { env: { ...process.env, PATH: pathWith({}) } });
    assert.deepEqual(await installing.exited, { code: 0, signal: null });
    assert.equal(installing.stderr, "");
  });

  const missing: [what: string, commands: Record<string, string>, packages: RegExp][] = [
    ["nothing to compile with", {}, /apt-get install cmake make g\+\+$/m],
    ["no compiler", { cmake: "/usr/bin/cmake", make: "/usr/bin/make" }, /apt-get install g\+\+$/m],
    ["no cmake", { "c++": "/usr/bin/c++", make: "/usr/bin/make" }, /apt-get install cmake$/m],
  ];
  for (const [what, commands, packages] of missing) {
    it(`with ${what} names the Debian packages`, async () => {
      const env = { ...process.env, PATH: pathWith(commands), npm_config_build_from_source: "true" };
      const installing = run(process.execPath, [script], { env });
      assert.deepEqual(await installing.exited, { code: 1, signal: null });
      assert.match(installing.stderr, packages);
      assert.match(installing.stderr, /^then run npm ci again$/m);
    });
  }
});
