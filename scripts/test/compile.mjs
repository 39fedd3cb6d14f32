// Compiles all files of tests at once, which takes less time than it takes two of them to compile themselves with tsx, and then
// spares each of them more than half of its start.
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { folder } from "./files.mjs";

/** Beside test/ and lib/, since both find the project's folder as the one above their own. */
const compiled = path.join(folder, ".tests");

/** Arguments of mocha, those of .mocharc.json but for what they say of TypeScript. */
const OPTIONS = [
  "--no-config",
  "--timeout",
  "120000",
  "--forbid-only",
  "--fail-zero",
  "--reporter",
  "test/reporter.cjs",
];

/** @returns a function from the name of a file of tests to mocha's arguments for it */
export async function compileTests() {
  rmSync(compiled, { recursive: true, force: true });
  const files = readdirSync(path.join(folder, "test")).filter((name) => name.endsWith(".test.ts"));
  await build({
    absWorkingDir: folder,
    entryPoints: [...files, "hooks.ts"].map((name) => `test/${name}`),
    outdir: compiled,
    bundle: true,
    // One copy of what they share: hooks.ts ends what the files' helpers have started.
    splitting: true,
    chunkNames: "chunk-[hash]",
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    // They look for the project's folder from where they are.
    external: ["../scripts/*"],
    sourcemap: true,
    logLevel: "warning",
  });
  return (name) => [...OPTIONS, "--require", path.join(compiled, "hooks.js"), path.join(compiled, `${name}.test.js`)];
}
