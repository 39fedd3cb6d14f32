import type { Binding } from "../binding.js";
import type { CommandLine } from "./options.js";

/** Lets the native part print what the log would wait for, at the log's level and in its format. */
export function printStuckCode(addon: Binding, { logLevel, logFormat }: CommandLine): void {
  addon.printStuckCode(logLevel === "silent" ? null : logFormat, logLevel === "error");
}
