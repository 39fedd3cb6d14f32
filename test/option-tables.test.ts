// The tables of options in the documentation are written from the declarations.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";

const script = path.join("scripts", "option-tables.mjs");
const configuration = path.join("docs", "configuration.md");

/** A copy of what the script reads, to change it. */
function copy(): string {
  const folder = folderWith({});
  for (const name of ["lib", "docs", "README.md", "package.json", "tsconfig.json", script]) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    cpSync(path.join(projectFolder, name), path.join(folder, name), { recursive: true });
  }
  symlinkSync(path.join(projectFolder, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

async function tables(cwd: string, ...args: string[]) {
  const running = run(process.execPath, [script, ...args], { cwd });
  const { code } = await running.exited;
  return { code, stderr: running.stderr };
}

describe("the tables of options in the documentation", () => {
  it("are what the declarations say", async () => {
    assert.deepEqual(await tables(projectFolder, "--check"), { code: 0, stderr: "" });
  });

  const changes: [what: string, from: string | RegExp, to: string, message: RegExp][] = [
    ["a cell is another", "| `deepbind` |", "| `deepbinding` |", /docs\/configuration\.md: a table of options is not/],
    ["a table is missing", "<!-- options: python -->", "", /no document has <!-- options: python -->/],
    [
      "a marker names no backend",
      "<!-- options: python -->",
      "<!-- options: pyton -->",
      /no backend has 'options: pyton'/,
    ],
  ];
  for (const [what, from, to, message] of changes) {
    it(`fail the check where ${what}`, async () => {
      const folder = copy();
      const file = path.join(folder, configuration);
      writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
      const { code, stderr } = await tables(folder, "--check");
      assert.equal(code, 1);
      assert.match(stderr, message);
    });
  }

  it("are put right without --check, and nothing else is changed", async () => {
    const folder = copy();
    const file = path.join(folder, configuration);
    const before = readFileSync(file, "utf8");
    writeFileSync(file, before.replace("| `deepbind` |", "| `deepbinding` |"));
    assert.deepEqual(await tables(folder), { code: 0, stderr: "" });
    assert.equal(readFileSync(file, "utf8"), before);
  });

  it("follow a declaration that changes", async () => {
    const folder = copy();
    const declaration = path.join(folder, "lib", "backends", "python", "index.ts");
    const text = readFileSync(declaration, "utf8");
    writeFileSync(declaration, text.replace("a Python module to load", "a module | of Python"));
    assert.equal((await tables(folder, "--check")).code, 1);
    assert.deepEqual(await tables(folder), { code: 0, stderr: "" });
    assert.match(readFileSync(path.join(folder, configuration), "utf8"), /\| a module \\\| of Python; repeatable/);
  });
});
