// How to get a usable Python, as commands to type.
import { readlinkSync } from "node:fs";
import path from "node:path";
import type { Probe } from "./probe.js";

/** The oldest supported version. */
export const OLDEST = [3, 9] as const;

export const HOW_TO_CHOOSE =
  "To use another Python, set option 'python' of [backend python] or the environment variable MMPY_PYTHON.";

const PYENV = "PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install";

/**
 * How to install a Python, in one line.
 *
 * @param version the version to suggest for pyenv, which can install any
 * @param system the system's interpreter: a link whose target shows the release's version
 */
export function installAdvice(version = "3.12", system = "/usr/bin/python3"): string {
  const packages = debianPackages(system);
  const debian = packages === undefined ? "" : `on Debian: apt-get install ${packages}; `;
  return `Install one (${debian}with pyenv: ${PYENV} ${version})`;
}

/** The packages of Debian's interpreter and its library; undefined if the release's version is too old. */
function debianPackages(system: string): string | undefined {
  let minor: string | undefined;
  try {
    minor = /^python3\.(\d+)$/.exec(path.basename(readlinkSync(system)))?.[1];
  } catch {
    // No python3 is installed yet.
  }
  // The library's package name contains the version. That of the headers does not, and depends on the library.
  if (minor === undefined) return "python3 libpython3-dev";
  return Number(minor) < OLDEST[1] ? undefined : `python3 libpython3.${minor}`;
}

/** How to install one version, such as `3.12` or `3.12.1`. */
export function versionAdvice(version: string): string {
  const minor = version.split(".", 2).join(".");
  if (Number(version.split(".")[1]) < OLDEST[1]) return `${OLDEST.join(".")} or later is needed\n${installAdvice()}`;
  return (
    `On Debian, if its release has it (see apt-cache policy python${minor}): apt-get install python${minor} libpython${minor}\n` +
    `With pyenv: ${PYENV} ${version}`
  );
}

/** How to get the shared library for a Python without one. */
export function libraryAdvice({ version, executable, basePrefix, debug }: Probe): string {
  if (basePrefix === "/usr") {
    return `On Debian: apt-get install libpython${version[0]}.${version[1]}${debug ? "-dbg" : ""}`;
  }
  if (executable.includes(".pyenv") || basePrefix.includes("pyenv")) {
    return `With pyenv: ${PYENV} --force ${version.join(".")}`;
  }
  return `Rebuild it with ./configure --enable-shared, or use another Python.\n${installAdvice()}`;
}
