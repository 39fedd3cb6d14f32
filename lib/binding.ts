import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Binding } from "../binding.js";
import { explainAddonFailure } from "./addon-failure.js";
import { MidimonsterError, messageOf } from "./errors.js";

export type * from "../binding.js";

/** The package's folder, the parent of both `lib/` and `dist/`. */
export const packageFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

let loaded: Binding | undefined;

/**
 * The native addon, loaded on first use: the one compiled at install, or one prebuilt for this platform.
 *
 * @throws {MidimonsterError} `ADDON_LOAD`
 */
export function binding(): Binding {
  loaded ??= load();
  return loaded;
}

function load(): Binding {
  const require = createRequire(import.meta.url);
  let file: string | undefined;
  try {
    file = findAddon();
    return require(file) as Binding;
  } catch (error) {
    throw new MidimonsterError("ADDON_LOAD", explainAddonFailure(file, messageOf(error), packageFolder), [], {
      cause: error,
    });
  }
}

/** The addon's file. Throws if there is none for this platform. */
export function findAddon(): string {
  const { path: find } = createRequire(import.meta.url)("node-gyp-build") as { path(folder: string): string };
  return find(packageFolder);
}
