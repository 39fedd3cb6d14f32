import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { Router } from "../lib/engine/router.js";
import { folderWith, MemoryLog } from "./helpers.js";
import { inMode, ownProcesses } from "./modes.js";
import { ProbeBackend, type ProbeInstance } from "./probe-backend.js";

/**
 * Modules under test `from say import say`: it hands JSON values to the test through a file, since events are what is
 * tested and standard output is the test runner's. A test reads it once an event, a log message or the stop tells it to.
 */
const SAY = `
import json, os
def say(*values):
    with open(os.path.join(os.path.dirname(__file__), "said.jsonl"), "a") as file:
        for value in values:
            file.write(json.dumps(value) + "\\n")
`;

const sessions: Session[] = [];

/** A router on configuration text and modules, in a folder of its own, with an instance `probe` of {@link ProbeBackend}. */
export class Session {
  readonly log = new MemoryLog();
  readonly folder: string;
  readonly router: Router;
  readonly #backend = new ProbeBackend();

  constructor(config: string, files: Record<string, string> = {}) {
    this.folder = folderWith({ "say.py": SAY });
    this.write("monster.cfg", config);
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    this.router = Router.fromFile(path.join(this.folder, "monster.cfg"), {
      logger: this.log,
      backends: [this.#backend],
    });
    sessions.push(this);
  }

  /** Writes the configuration or a module, as an editor does: beside the old one, then in its place. */
  write(name: string, text: string): void {
    const file = path.join(this.folder, name);
    const whole =
      name === "monster.cfg" ? inMode(`[probe probe]\n${text}`) : `import midimonster\nfrom say import say\n${text}`;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, whole);
    renameSync(`${file}.new`, file);
  }

  get probe(): ProbeInstance {
    const probe = this.#backend.instances.get("probe");
    if (probe === undefined) throw new Error("the router is not loaded");
    return probe;
  }

  /** What modules have said so far. */
  said(): unknown[] {
    const file = path.join(this.folder, "said.jsonl");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as unknown);
  }
}

/** A started session; stopped when the test ends. */
export async function start(config: string, files: Record<string, string> = {}): Promise<Session> {
  const session = new Session(config, files);
  await session.router.start();
  return session;
}

/** One python instance: the probe makes it `go`, hears what it puts `out`, and can {@link ask} it. */
export const CONFIG = `
[python py]
module = mod
[map]
probe.{go,ask} > py.mod.{go,ask}
py.{out,done} > probe.{out,done}
`;

/** The same for tests that say nothing of what takes long: on a busy machine everything does. After five seconds it is a fault. */
export const PATIENT_CONFIG = `[backend python]
handler-warn = 5000
${CONFIG}`;

/** The part of its module that answers. */
export const ASK = `
def ask(value):
    midimonster.output("done", value)
`;

/** Resolves once an instance has answered: it has then done what it was told before. */
export async function ask(session: Session, channel = "ask", value = 1): Promise<void> {
  const before = session.probe.values("done").length;
  session.probe.emit(channel, value);
  await session.probe.until("done", before + 1);
  await logged(session);
}

/** Resolves once what instances have reported by now is in the log: from a process it comes by another way than events. */
async function logged(session: Session): Promise<void> {
  if (!ownProcesses) return;
  session.router.files(); // each process answers, which it does after it has reported
  for (const _ of [1, 2]) await setImmediate(); // between these the loop reads whatever there is
}

/** How long Python takes to start depends on what else the machine does. `process-start` tests this warning. */
const SLOW_START = /^still waiting for process \d+ of instance /;

/** Errors and warnings so far, but for {@link SLOW_START}. */
export function problems(session: Session): string[] {
  return session.log.entries
    .filter(({ level, message }) => (level === "error" || level === "warn") && !SLOW_START.test(message))
    .map(({ message }) => message);
}

/** Stops all that were started. */
export async function stopSessions(): Promise<void> {
  for (const session of sessions.splice(0)) await session.router.stop();
}
