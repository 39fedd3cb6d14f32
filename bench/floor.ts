/** The cost of an event in CPython alone: see floor/floor.c. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Bench } from "./case.js";

const libraries = new Map<string, string | undefined>();

/** A Python module for a case's modules to import, to measure the floor in the process being measured. */
export function floorModule(bench: Bench): string {
  return readFileSync(path.join(bench.project, "bench", "floor", "floor.py"), "utf8");
}

/** The shared library that this module needs; undefined without a C compiler. */
export function floorLibrary(bench: Bench): string | undefined {
  if (!libraries.has(bench.folder)) libraries.set(bench.folder, compile(bench));
  return libraries.get(bench.folder);
}

function compile(bench: Bench): string | undefined {
  const library = path.join(bench.folder, "floor.so");
  const source = path.join(bench.project, "bench", "floor", "floor.c");
  const undefined_ = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  const { status, error, stderr } = spawnSync("cc", ["-O2", "-shared", "-fPIC", ...undefined_, "-o", library, source]);
  if (status === 0) return library;
  bench.skip("the floor", `no C compiler: ${error?.message ?? stderr}`);
  return undefined;
}
