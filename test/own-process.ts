/** For tests of instances in processes of their own. */
import { readdirSync, readFileSync } from "node:fs";
import type { InstanceStatus } from "../lib/backends/instance.js";
import type { Session } from "./session.js";

/** A configuration with the instance `py`, in a process. */
export const ownProcess = (rest: string) => `
[python py]
own-process = on
module = mod
${rest}`;

/** The same with options, beside the instance `other` in the router's process; the probe talks to both. */
export const besideOther = (options = "") =>
  ownProcess(`${options}
[python other]
own-process = off
module = other
[map]
probe.{go,ask} > py.mod.{go,ask}
py.{out,done} > probe.{out,done}
probe.there > other.other.there
other.here > probe.here
`);

/** The module of `other`. */
export const OTHER = 'def there(value): midimonster.output("here", value)';

type Limits = typeof import("../lib/backends/python/process/hang-watch.js")["limits"];

/** How patient the router is with processes, in the tests of a suite that calls this: as usual again after each. */
export function patience(): { less(changed: Partial<Limits>): void; asUsual(): void } {
  let limits: Limits;
  let usual: Limits;
  before(async () => {
    // As the backend is: a static import would be another copy of it.
    ({ limits } = await import("../lib/backends/python/process/hang-watch.js"));
    usual = { ...limits };
  });
  const asUsual = () => void Object.assign(limits, usual);
  afterEach(asUsual);
  return { less: (changed) => void Object.assign(limits, changed), asUsual };
}

export const statusOf = (session: Session): InstanceStatus | undefined =>
  session.router.describe().instances.find(({ name }) => name === "py")?.status;

/** The number of the process of the instance `py`. */
export const pidOf = (session: Session) => Number(/process (\d+)/.exec(statusOf(session)?.text ?? "")?.[1]);

/** A process that has ended may still be listed, in state Z, where nothing asks for its status. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** The processes of instances of routers in this process. */
export function processesHere(): number[] {
  const text = (pid: number, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return ""; // it has ended meanwhile
    }
  };
  const isOurs = (pid: number) =>
    Number(/\) . (\d+)/.exec(text(pid, "stat"))?.[1]) === process.pid && text(pid, "cmdline").includes("start.py");
  return readdirSync("/proc").map(Number).filter(isOurs).filter(isAlive);
}
