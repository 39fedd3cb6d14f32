import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Probe } from "./probe.js";

/**
 * Finds the shared library of a Python.
 *
 * @returns its path; its file name if only the dynamic loader knows where it is; undefined if there is none
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
  // A shared build whose library lies elsewhere, as Debian's multi-arch folders: the loader knows those.
  const [name] = names;
  return shared && name !== undefined && inLoaderCache(name) ? name : undefined;
}

/** File names that it may have. A framework's is called as the framework, and lies at the top of the version's folder. */
export function libraryNames({ libraries, framework }: Probe): string[] {
  return framework === "" ? libraries.filter((name) => /\.(so|dylib)(\.|$)/.test(name)) : [framework];
}

/** Whether the dynamic loader's cache lists a library. Its strings are NUL-terminated, so a plain search does. */
function inLoaderCache(name: string): boolean {
  try {
    return readFileSync("/etc/ld.so.cache", "latin1").includes(`/${name}\0`);
  } catch {
    return false;
  }
}
