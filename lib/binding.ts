import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Binding } from "../binding.js";
import { MidimonsterError, messageOf } from "./errors.js";

export type * from "../binding.js";

/** The package's own folder: `lib/` and `dist/` are both directly below it. */
export const packageFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

let loaded: Binding | undefined;

/**
 * The native addon, loaded when first asked for: a prebuilt one for this platform, or the one compiled at install.
 *
 * @throws {MidimonsterError} `ADDON_LOAD`
 */
export function binding(): Binding {
  loaded ??= load();
  return loaded;
}

function load(): Binding {
  const require = createRequire(import.meta.url);
  try {
    const nodeGypBuild = require("node-gyp-build") as (folder: string) => unknown;
    return nodeGypBuild(packageFolder) as Binding;
  } catch (error) {
    throw new MidimonsterError("ADDON_LOAD", explain(error), [], { cause: error });
  }
}

function explain(error: unknown): string {
  const header = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const glibc = header.header?.glibcVersionRuntime;
  const prebuilds = path.join(packageFolder, "prebuilds");
  const found = existsSync(prebuilds) ? readdirSync(prebuilds).filter((name) => name.includes("-")) : [];
  return [
    "The native part of midimonster-python could not be loaded.",
    `  platform: ${process.platform}-${process.arch}, ${glibc ? `glibc ${glibc}` : "no glibc"}, Node ${process.version}`,
    `  looked in: ${path.join(packageFolder, "build", "Release")} and ${prebuilds}`,
    `  prebuilt for: ${found.length > 0 ? found.join(", ") : "nothing"}`,
    `  reason: ${messageOf(error).split("\n")[0]}`,
    "To compile it here: npm rebuild midimonster-python (in its own checkout: npm run build:native).",
    "That needs a C++ compiler and cmake; on Debian: apt-get install g++ make cmake",
  ].join("\n");
}
