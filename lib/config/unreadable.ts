import { readdirSync } from "node:fs";
import path from "node:path";
import { messageOf } from "../errors.js";
import { didYouMean } from "./suggest.js";

/** Why a file can't be read, with its name. */
export function whyUnreadable(file: string, error: unknown): string {
  const code = codeOf(error);
  if (code === "ENOENT") return `there is no file '${file}'`;
  return code === "EISDIR" ? `'${file}' is a folder` : messageOf(error);
}

/**
 * Help lines for a configuration that can't be read: the configurations in its folder, since the name is mistyped or a folder's.
 *
 * @param file the path as it was given
 * @param error what reading it has thrown
 */
export function unreadableHelp(file: string, error: unknown): string[] {
  const code = codeOf(error);
  if (code !== "ENOENT" && code !== "EISDIR") return [];
  const folder = code === "EISDIR" ? file : path.dirname(file);
  const there = configurationsIn(folder).map((name) => path.join(folder, name));
  return there.length > 0
    ? didYouMean(file, there, "configurations there")
    : ["give a configuration file, as in: mmpy path/to/monster.cfg"];
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function configurationsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".cfg"))
      .sort();
  } catch {
    return [];
  }
}
