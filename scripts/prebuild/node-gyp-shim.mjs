#!/usr/bin/env node
// What prebuildify runs as if it were node-gyp: builds with cmake-js instead, into the build folder of the directory it
// is run in. The source is the package that this file belongs to.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

// Of node-gyp's options these two mean something here; --target is a version of Node to it, and another thing to cmake-js.
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { arch: { type: "string", default: process.arch }, debug: { type: "boolean", default: false } },
  allowPositionals: true,
  strict: false,
});
const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const cmakeJs = path.join(
  path.dirname(createRequire(import.meta.url).resolve("cmake-js/package.json")),
  "bin",
  "cmake-js",
);
const args = ["rebuild", "--directory", source, "--out", path.join(process.cwd(), "build"), `--arch=${values.arch}`];
if (values.debug) args.push("--debug");
if (values.arch !== process.arch && process.platform === "linux") {
  args.push(`--CDCMAKE_TOOLCHAIN_FILE=${path.join(source, "scripts", "prebuild", `linux-${values.arch}.cmake`)}`);
}
// make, unlike ninja, uses one processor unless told otherwise.
const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env };
const { status, error } = spawnSync(process.execPath, [cmakeJs, ...args], { env, stdio: "inherit" });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
