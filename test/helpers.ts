import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../lib/log/log.js";
import { inMode } from "./modes.js";
import { Waiting } from "./waiting.js";

export const projectFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
export const mmpyScript = path.join(projectFolder, "dist", "cli", "mmpy.cjs");

const folders: string[] = [];

/** A new folder with these files in it, removed when the tests end. Keys are relative paths, values contents. */
export function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "mmpy-test-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, path.basename(name) === "monster.cfg" ? inMode(content) : content);
  }
  return folder;
}

/** Removes them, also where a test has made one read-only, or a process that was killed a moment ago still writes. */
export async function removeFolders(): Promise<void> {
  for (const folder of folders.splice(0)) {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(async (error) => {
      if (error.code !== "EACCES") throw error;
      spawnSync("chmod", ["-R", "u+rwX", folder]);
      await rm(folder, { recursive: true, force: true });
    });
  }
}

/** Skips a test, loudly, where `npm run test:sanitizers` runs it. */
export function skipWithSanitizers(test: Mocha.Context, why: string): void {
  if (process.env.MMPY_SANITIZERS === undefined) return;
  console.log(`SKIPPED: ${why}`);
  test.skip();
}

export interface LogEntry {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps what it is told, and can be waited on. */
export class MemoryLog implements Logger {
  readonly entries: LogEntry[] = [];
  readonly #waiting = new Waiting();

  error = (fields: object, message: string) => this.#add("error", fields, message);
  warn = (fields: object, message: string) => this.#add("warn", fields, message);
  info = (fields: object, message: string) => this.#add("info", fields, message);
  debug = (fields: object, message: string) => this.#add("debug", fields, message);

  #add(level: LogEntry["level"], fields: object, message: string): void {
    this.entries.push({ level, message, fields: fields as Record<string, unknown> });
    this.#waiting.changed();
  }

  matching(pattern: RegExp): LogEntry[] {
    return this.entries.filter(({ message }) => pattern.test(message));
  }

  /** Resolves once a message matches. */
  seen(pattern: RegExp): Promise<LogEntry> {
    return this.#waiting.until(() => this.matching(pattern)[0]);
  }
}

/** A log without warnings that something takes long, which depend on the machine; with the lines below them. */
export function unhurried(text: string): string {
  return text.replace(
    /^\[[\d:.]+\] WARN: .*\b(?:has not ended|still (?:running|loading|waiting))\b.*\n(?: .*\n)*/gm,
    "",
  );
}

/** A running command whose output can be waited on. */
export class Running {
  stdout = "";
  stderr = "";
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #ended = false;
  readonly #waiting = new Waiting();

  constructor(readonly child: ChildProcess) {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#waiting.changed();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#waiting.changed();
    });
    this.exited = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#ended = true;
        resolve({ code, signal });
        this.#waiting.changed();
      });
    });
  }

  /** Resolves once a condition holds, which is looked at whenever the command prints something, or once the command has ended. */
  async until(holds: () => boolean): Promise<void> {
    await this.#waiting.until(() => this.#ended || holds() || undefined);
  }

  /** Resolves with the match once standard output or error has it; rejects if the command ends without. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    const match = () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
    await this.until(() => match() !== null);
    const found = match();
    if (found !== null) return found;
    throw new Error(`ended without ${pattern}; stdout:\n${this.stdout}\nstderr:\n${this.stderr}`);
  }
}

const running: Running[] = [];

/** Runs a command; it is killed when the tests end, if it has not ended by then. */
export function run(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(command, [...args], { stdio: ["pipe", "pipe", "pipe"], ...options });
  const started = new Running(child);
  running.push(started);
  return started;
}

/** A folder with the package as it is installed, built. */
export function copyOfPackage(): string {
  const copy = folderWith({});
  for (const name of ["dist", "python", "build/Release", "package.json"]) {
    cpSync(path.join(projectFolder, name), path.join(copy, name), { recursive: true });
  }
  rmSync(path.join(copy, "python", "runtime", "__pycache__"), { recursive: true, force: true });
  symlinkSync(path.join(projectFolder, "node_modules"), path.join(copy, "node_modules"));
  return copy;
}

/** Runs mmpy as a user does. */
export function mmpy(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Running {
  return run(process.execPath, [mmpyScript, ...args], options);
}

/** Kills the commands that still run. */
export function killChildren(): void {
  for (const { child } of running.splice(0)) child.kill("SIGKILL");
}
