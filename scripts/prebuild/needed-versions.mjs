// Which versions of the C and C++ libraries an addon needs, read from its symbols.
import { spawnSync } from "node:child_process";

/** The newest that a prebuilt addon may need: those of Debian 12, Ubuntu 22.04, RHEL 9 and everything later. */
export const NEWEST = { GLIBC: "2.34", GLIBCXX: "3.4.29", CXXABI: "1.3.13" };

/**
 * @param file an addon
 * @param objdump of its architecture's binutils
 * @returns for each library the newest version needed, as in { GLIBC: "2.34" }
 */
export function neededVersions(file, objdump) {
  const { stdout, status, error } = spawnSync(objdump, ["-T", file], { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${objdump} can't read ${file}${error ? `: ${error.message}` : ""}`);
  const needed = {};
  for (const [, library, version] of stdout.matchAll(/\*UND\*.*\((GLIBC|GLIBCXX|CXXABI)_([\d.]+)\)/g)) {
    if (needed[library] === undefined || isNewer(version, needed[library])) needed[library] = version;
  }
  return needed;
}

export function isNewer(version, than) {
  return version.localeCompare(than, "en", { numeric: true }) > 0;
}
