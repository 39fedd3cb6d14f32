/** What CPython alone takes for an event: see floor/floor.c. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import type { Bench } from "./case.js";
import { run, type Told } from "./programs.js";

const libraries = new Map<string, string | undefined>();

/** Measures it, if there is a C compiler. */
export function floor(bench: Bench): (() => Promise<Told>) | undefined {
  if (!libraries.has(bench.folder)) libraries.set(bench.folder, compile(bench));
  const library = libraries.get(bench.folder);
  if (library === undefined) return undefined;
  const script = path.join(bench.project, "bench", "floor", "floor.py");
  return () => run(bench.python, [script, library, bench.quick ? "100000" : "3000000"]);
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
