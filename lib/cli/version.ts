import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../binding.js";
import { print } from "./output.js";

/** This package's version. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(path.join(packageFolder, "package.json"), "utf8")) as { version: string }).version;
}

export function version(): number {
  print(`midimonster-python ${packageVersion()}\n`);
  return 0;
}
