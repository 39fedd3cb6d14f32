// The files of the command: the code of each backend is read when a configuration uses it, and only then.
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { BACKENDS } from "../lib/backends/index.js";
import { copyOfPackage, folderWith, projectFolder, run } from "./helpers.js";

const folder = path.join(projectFolder, "dist", "cli");
const fileOf = (backend: string) => `backend-${backend}.cjs`;

async function check(copy: string, config: string) {
  const cwd = folderWith({ "monster.cfg": config });
  const running = run(process.execPath, [path.join(copy, "dist", "cli", "mmpy.cjs"), "check"], { cwd });
  const { code } = await running.exited;
  return { code, stderr: running.stderr };
}

describe("the command", () => {
  it("has a file for each backend", () => {
    const files = readdirSync(folder).filter((name) => /^backend-.*\.cjs$/.test(name));
    assert.deepEqual(files.sort(), BACKENDS.map(({ name }) => fileOf(name)).sort());
  });

  it("reads only those of the backends that a configuration uses", async () => {
    const copy = copyOfPackage();
    const unused = BACKENDS.map(({ name }) => name).filter((name) => name !== "loopback");
    for (const name of unused) rmSync(path.join(copy, "dist", "cli", fileOf(name)));
    assert.deepEqual(await check(copy, "[loopback l]\n[map]\nl.a > l.b\n"), { code: 0, stderr: "" });
    const { code, stderr } = await check(copy, "[mqtt m]\nhost = broker\n[map]\nm.a > m.b\n");
    assert.equal(code, 1);
    assert.match(stderr, /backend 'mqtt' could not be opened: Cannot find module '\.\/backend-mqtt\.cjs'/);
  });

  it("shares its modules with them, so that errors are known on both sides", async () => {
    const { code, stderr } = await check(
      projectFolder,
      "[backend python]\npython = ./nowhere/python3\n[python p]\n[map]\np.a > p.b\n",
    );
    assert.equal(code, 1);
    // An error of another module's class would be a crash, with a stack.
    assert.doesNotMatch(stderr, /^ +at /m);
  });
});
