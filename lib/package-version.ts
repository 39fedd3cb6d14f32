import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "./binding.js";

/** This package's version. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(path.join(packageFolder, "package.json"), "utf8")) as { version: string }).version;
}
