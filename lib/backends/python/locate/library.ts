import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Probe } from "./probe.js";

/**
 * Finds the shared library of a Python.
 *
 * @returns its path, or its file name if only the dynamic loader can find it; undefined if there is no shared library
 */
export function findLibrary(probed: Probe): string | undefined {
  const { folders, basePrefix, framework, shared } = probed;
  const names = libraryNames(probed);
  for (const folder of framework === "" ? [...folders, path.join(basePrefix, "lib")] : [basePrefix]) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (existsSync(file)) return file;
    }
  }
  // The library of a shared build may be elsewhere, such as in Debian's multiarch folders, which the loader knows.
  const [name] = names;
  return shared && name !== undefined && inLoaderCache(name) ? name : undefined;
}

/** Possible file names of the library. A framework's has the framework's name, and is at the top of the version's folder. */
export function libraryNames({ libraries, framework }: Probe): string[] {
  return framework === "" ? libraries.filter((name) => /\.(so|dylib)(\.|$)/.test(name)) : [framework];
}

/** Whether the dynamic loader's cache lists a library. Its strings are NUL-terminated, so a plain search suffices. */
function inLoaderCache(name: string): boolean {
  try {
    return readFileSync("/etc/ld.so.cache", "latin1").includes(`/${name}\0`);
  } catch {
    return false;
  }
}
