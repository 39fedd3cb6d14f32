// Where the tokens of a page come from: a file that an option names, systemd's credentials, or a file of the service or user.
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { messageOf } from "../../errors.js";
import { requireRegular } from "../../regular-file.js";
import { MIN_TOKEN, newToken, Tokens } from "../../web/tokens.js";
import type { Values } from "../options.js";
import { codeOf } from "../shared/error-codes.js";
import type { instanceOptions } from "./index.js";

type Options = Values<typeof instanceOptions>;

/** Its name in systemd's folders. */
const NAME = "mmpy-token";

export interface PageTokens {
  readonly tokens: Tokens;
  readonly control: string;
  readonly view?: string;
  /** For people: `from panel.token`. */
  readonly source: string;
  readonly warnings: readonly string[];
}

/** A problem with a file of tokens. */
export class TokenProblem extends Error {
  constructor(
    readonly option: "token-file" | "view-token-file",
    problem: string,
  ) {
    super(`'${option}' ${problem}`);
  }
}

/**
 * The tokens of a page; those that do not exist yet are made. Undefined: none is needed.
 *
 * @param isOpen whether other machines can connect
 * @throws {TokenProblem}
 */
export function readTokens(options: Options, isOpen: boolean, env = process.env): PageTokens | undefined {
  const warnings: string[] = [];
  const file = options["token-file"] ?? standardFile(isOpen, env);
  const viewFile = options["view-token-file"];
  if (file === undefined) {
    if (viewFile === undefined) return undefined;
    throw new TokenProblem("view-token-file", "needs a token-file too: without one, everyone here may use the page");
  }
  const control = readOrMake("token-file", file, warnings);
  if (viewFile === undefined) return { tokens: new Tokens({ control }), control, source: file, warnings };
  const view = readOrMake("view-token-file", viewFile, warnings);
  if (view === control) throw new TokenProblem("view-token-file", "has the same token as token-file");
  return { tokens: new Tokens({ control, view }), control, view, source: file, warnings };
}

function standardFile(isOpen: boolean, env: NodeJS.ProcessEnv): string | undefined {
  const credential = env.CREDENTIALS_DIRECTORY && path.join(env.CREDENTIALS_DIRECTORY, NAME);
  if (credential && statSync(credential, { throwIfNoEntry: false }) !== undefined) return credential;
  if (!isOpen) return undefined;
  // Several folders are separated by colons.
  const [state] = (env.STATE_DIRECTORY ?? "").split(":");
  if (state) return path.join(state, NAME);
  return path.join(env.XDG_STATE_HOME || path.join(homedir(), ".local", "state"), "mmpy", NAME);
}

function readOrMake(option: "token-file" | "view-token-file", file: string, warnings: string[]): string {
  try {
    try {
      return read(option, file, warnings);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const token = newToken();
    // Not if another process makes it at this moment: then its token counts.
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: "wx" });
    return token;
  } catch (error) {
    if (error instanceof TokenProblem) throw error;
    if (codeOf(error) === "EEXIST") return read(option, file, warnings);
    throw new TokenProblem(option, `has to be a file that can be read or made, not ${file}: ${messageOf(error)}`);
  }
}

function read(option: "token-file" | "view-token-file", file: string, warnings: string[]): string {
  requireRegular(file);
  const token = readFileSync(file, "utf8").trim();
  if (!/^[\w.~+/=-]+$/.test(token) || token.length < MIN_TOKEN) {
    const what = `at least ${MIN_TOKEN} characters out of letters, digits and -._~+/=`;
    throw new TokenProblem(option, `needs ${what} in ${file}; delete the file to have a token made`);
  }
  if ((statSync(file).mode & 0o077) !== 0 && !file.startsWith("/run/credentials/")) {
    warnings.push(`other users can read ${file}: chmod 600 ${file}`);
  }
  return token;
}
