// Where Python interpreters may be found. Nothing here runs one.
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { requireRegular } from "../../../regular-file.js";

/** Environment variables. Not NodeJS.ProcessEnv, which would make @types/node a dependency of TypeScript users. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An interpreter that may be usable. */
export interface Candidate {
  readonly command: string;
  /** The setting that requests it, or where it was found. */
  readonly reason: string;
}

/** Environment variables that name a Python; the first one that is set takes effect. */
const VARIABLES = ["MMPY_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"] as const;

/** The meaning of a `python` option or MMPY_PYTHON: an interpreter (from its path or an environment's folder), or a version. */
export type Request = { readonly version: string } | { readonly command: string };

const VERSION = /^3(\.\d+){1,2}$/;

export function requestOf(value: string): Request {
  const isFolder = statSync(value, { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (isFolder) return { command: path.join(value, "bin", "python3") };
  return VERSION.test(value) && !existsSync(value) ? { version: value } : { command: value };
}

/** The first of {@link VARIABLES} that is set. */
export function requestOfEnvironment(env: Environment): { reason: string; value: string } | undefined {
  for (const name of VARIABLES) {
    const value = env[name];
    if (value) return { reason: `environment variable ${name}`, value };
  }
  return undefined;
}

/** Every `python3` on PATH, in the order of PATH. */
export function python3OnPath(env: Environment): Candidate[] {
  return foldersOnPath(env)
    .map((folder) => (isShimFolder(folder) && behindShim(folder, env)) || path.join(folder, "python3"))
    .filter(isExecutable)
    .map((command) => ({ command, reason: "python3 on PATH" }));
}

/**
 * The interpreter that pyenv's shim `python3` would run, found by pyenv's rules: its shell script takes ten times as long.
 * Undefined in unusual cases, which are left to the shim.
 */
function behindShim(shims: string, env: Environment): string | undefined {
  const root = path.dirname(shims);
  const version = (env.PYENV_VERSION || localVersion(process.cwd()) || firstWord(path.join(root, "version")))?.split(
    ":",
  )[0];
  if (version === undefined || version === "system") return undefined;
  const command = path.join(root, "versions", version, "bin", "python3");
  return isExecutable(command) ? command : undefined;
}

/** The version in the nearest `.python-version` of a folder or its parents. */
function localVersion(folder: string): string | undefined {
  for (let current = folder; ; current = path.dirname(current)) {
    const version = firstWord(path.join(current, ".python-version"));
    if (version !== undefined || current === path.dirname(current)) return version;
  }
}

function firstWord(file: string): string | undefined {
  try {
    requireRegular(file);
    return /\S+/.exec(readFileSync(file, "utf8"))?.[0];
  } catch {
    return undefined;
  }
}

/**
 * Every Python in the usual places: PATH, pyenv, uv, the system's folders. An interpreter with several names is listed
 * once.
 */
export function everyPython(env: Environment): Candidate[] {
  const home = homedir();
  const pyenv = path.join(env.PYENV_ROOT || path.join(home, ".pyenv"), "versions");
  const uv = env.UV_PYTHON_INSTALL_DIR || path.join(home, ".local", "share", "uv", "python");
  const inFolder = (folder: string, reason: string) =>
    list(folder)
      .filter((name) => /^python3(\.\d+)?d?(-dbg)?$/.test(name) && (name === "python3" || !isShimFolder(folder)))
      .sort((a, b) => Number(b === "python3") - Number(a === "python3") || isDebug(a) - isDebug(b) || newestFirst(a, b))
      .map((name) => ({ command: path.join(folder, name), reason }));
  const installed = (root: string, reason: string) =>
    list(root)
      .sort(newestFirst)
      .map((name) => ({ command: path.join(root, name, "bin", "python3"), reason }));

  const requested = requestOfEnvironment(env);
  const request = requested && requestOf(requested.value);
  const found = [
    ...(requested && request && "command" in request ? [{ command: request.command, reason: requested.reason }] : []),
    ...foldersOnPath(env).flatMap((folder) => inFolder(folder, "on PATH")),
    ...installed(pyenv, "from pyenv"),
    ...installed(uv, "from uv"),
    ...["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].flatMap((folder) => inFolder(folder, `in ${folder}`)),
    ...installed("/Library/Frameworks/Python.framework/Versions", "from python.org"),
  ];
  const seen = new Set<string>();
  return found.filter(({ command }) => {
    if (!isExecutable(command)) return false;
    // A virtual environment's interpreter is a link to another one, but counts separately.
    const isVirtual = existsSync(path.join(path.dirname(command), "..", "pyvenv.cfg"));
    const identity = isVirtual ? path.resolve(command) : realpathSync(command);
    return !seen.has(identity) && seen.add(identity);
  });
}

/** The Pythons whose paths suggest, or at least allow, a version such as `3.12` or `3.12.1`; the most likely first. */
export function pythonsOfVersion(version: string, env: Environment): Candidate[] {
  const [major, minor] = version.split(".");
  const named = new RegExp(`(^|[^\\d.])${major}\\.${minor}(\\D|$)`);
  const another = /(^|[^\d.])3\.\d+(\D|$)/;
  const matching = everyPython(env).filter(({ command }) => named.test(command) || !another.test(command));
  return [
    ...matching.filter(({ command }) => named.test(command)),
    ...matching.filter(({ command }) => !named.test(command)),
  ];
}

function foldersOnPath(env: Environment): string[] {
  return (env.PATH ?? "").split(path.delimiter).filter((folder) => folder !== "");
}

/** Whether a folder holds pyenv's shims. A shim fails unless pyenv's current version provides the command. */
function isShimFolder(folder: string): boolean {
  return path.basename(folder) === "shims" && existsSync(path.join(folder, "..", "versions"));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isDebug(name: string): number {
  return /\dd$|-dbg$/.test(name) ? 1 : 0;
}

function newestFirst(a: string, b: string): number {
  return b.localeCompare(a, "en", { numeric: true });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
