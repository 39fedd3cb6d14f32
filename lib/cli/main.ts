import { asData } from "../config/diagnostic.js";
import { MidimonsterError } from "../errors.js";
import { withPriority } from "../log/journal.js";
import { standardErrorLogger } from "../log/log.js";
import { visible } from "../visible.js";
import { type CommandLine, defaultLogFormat, parseCommandLine } from "./options.js";

/** Each command is loaded on demand: a run does not pay for the others. */
async function perform(line: CommandLine): Promise<number> {
  switch (line.command) {
    case "run":
      return (await import("./run.js")).run(line);
    case "check":
      return (await import("./check.js")).check(line);
    case "doctor":
      return (await import("./doctor.js")).doctor(line);
    case "backends":
      return (await import("./backends.js")).backends(line);
    case "filters":
      return (await import("./filters.js")).filters(line);
    case "monitor":
      return (await import("./late.js")).monitorClient(line);
    case "completion":
      return (await import("./completion.js")).completion(line);
    case "help":
      return (await import("./help.js")).help();
    case "version":
      return (await import("./version.js")).version();
  }
}

/** Reports an error in the log's format; returns the exit status. */
async function fail(error: unknown, format: CommandLine["logFormat"]): Promise<number> {
  if (!(error instanceof MidimonsterError)) throw error; // a bug: Node shows the stack
  const write = (message: string) => {
    const text = visible(message);
    process.stderr.write(`${format === "journal" ? withPriority("ERROR", text) : text}\n`);
  };
  if (error.code === "USAGE") {
    write(`mmpy: ${error.message}\nTry mmpy --help.`);
    return 2;
  }
  if (format === "json") {
    const { code, diagnostics } = error;
    standardErrorLogger("error", "json").error({ code, diagnostics: diagnostics.map(asData) }, error.message);
  } else write(error.message);
  return 1;
}

/** Runs the command line and sets the exit status of the process. */
export async function main(): Promise<void> {
  let format = defaultLogFormat();
  try {
    const line = parseCommandLine(process.argv.slice(2));
    format = line.logFormat;
    // Not process.exit(): pending output gets written, and a handle that was not closed shows as a hang.
    process.exitCode = await perform(line);
  } catch (error) {
    process.exitCode = await fail(error, format);
  }
}
