// The two modes of tests: what is listed exists.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { filesOf } from "../scripts/test/files.mjs";
import { projectFolder } from "./helpers.js";
import { DIFFERENCES, ELSEWHERE } from "./modes.js";

describe("tests that are left out in processes of instances", () => {
  const page = readFileSync(path.join(projectFolder, "docs", "processes.md"), "utf8");
  const [, differs = ""] = page.split("## What differs");
  const rows = differs.split("\n").map((line) => /^\| (.*?) \|/.exec(line)?.[1] ?? "");

  for (const { row, file, titles } of DIFFERENCES) {
    it(`${file}: ${titles.join(", ")}`, () => {
      assert.ok(filesOf("processes").includes(file), "the file is not run in this mode");
      if (row === ELSEWHERE) return;
      assert.ok(
        rows.some((cell) => cell.includes(row)),
        `docs/processes.md has no row '${row}'`,
      );
    });
  }
});
