import type { CommandLine } from "./options.js";

export async function monitorClient(_line: CommandLine): Promise<number> {
  return 0;
}
