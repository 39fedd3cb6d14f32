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
