import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder } from "./helpers.js";

const FILES = {
  "named.cts": `
import { type Backend, MidimonsterError, option, Router, type TappedEvent } from "midimonster-python";
const router = new Router();
const end: () => void = router.tap((events: readonly TappedEvent[]) => console.log(events));
router.start().catch((error) => error instanceof MidimonsterError && console.log(error.code));
option.flag({ doc: "a flag" });
// @ts-expect-error
router.send("a.b", "text");
declare const backend: Backend;
new Router({ backends: [backend] });
end();
`,
  "whole.cts": `
import midimonster = require("midimonster-python");
const router: midimonster.Router = midimonster.Router.fromFile("monster.cfg");
// @ts-expect-error
router.nothing();
`,
  "module.mts": `
import { Router } from "midimonster-python";
new Router().send("a.b", 1);
`,
};

/** A folder with the package in its node_modules. */
function project(files: Record<string, string>): string {
  const folder = folderWith(files);
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(projectFolder, path.join(folder, "node_modules", "midimonster-python"));
  return folder;
}

describe("the package's types", () => {
  for (const module of ["node16", "nodenext"]) {
    it(`are right for require() and import with TypeScript's ${module}`, () => {
      const folder = project({
        ...FILES,
        "tsconfig.json": JSON.stringify({
          compilerOptions: {
            module,
            target: "es2022",
            strict: true,
            noEmit: true,
            skipLibCheck: false,
            types: ["node"],
            typeRoots: [path.join(projectFolder, "node_modules", "@types")],
          },
          include: ["*.cts", "*.mts"],
        }),
      });
      const tsc = path.join(projectFolder, "node_modules", ".bin", "tsc");
      const { status, stdout } = spawnSync(tsc, ["-p", folder], { encoding: "utf8" });
      assert.equal(status, 0, stdout);
    });
  }
});
