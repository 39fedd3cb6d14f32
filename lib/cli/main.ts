import { type Binding, binding } from "../binding.js";
import { count } from "../count.js";
import { Router } from "../engine/router.js";
import { MidimonsterError } from "../errors.js";
import { withPriority } from "../journal.js";
import { type Logger, standardErrorLogger } from "../log.js";
import { FileWatch } from "../watch.js";
import { formatDescription } from "./description.js";
import { type CommandLine, defaultLogFormat, HELP, parseCommandLine } from "./options.js";
import { ServiceManager, serviceVariables } from "./service-manager.js";
import { packageVersion } from "./version.js";

async function perform(line: CommandLine): Promise<number> {
  switch (line.command) {
    case "help":
      print(HELP);
      return 0;
    case "version":
      print(`midimonster-python ${packageVersion()}\n`);
      return 0;
    case "doctor": {
      // Loaded here, since no run should pay for it.
      const { examineMachine, formatReport } = await import("./doctor.js");
      const report = await examineMachine(line.config, line.backendOverrides);
      print(line.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatReport(report));
      return report.ok ? 0 : 1;
    }
    case "check":
      return await check(line);
    case "run":
      return await run(line);
  }
}

function print(text: string): void {
  // As `mmpy check | head` does: what nobody wants to read is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  process.stdout.write(text);
}

function makeRouter(
  { config = "monster.cfg", backendOverrides, instanceOverrides }: CommandLine,
  logger: Logger,
): Router {
  return Router.fromFile(config, { logger, backendOverrides, instanceOverrides });
}

async function check(line: CommandLine): Promise<number> {
  const router = makeRouter(line, standardErrorLogger(line.logLevel, line.logFormat));
  await router.load();
  const description = formatDescription(router.describe());
  await router.stop();
  print(description);
  return 0;
}

async function run(line: CommandLine): Promise<number> {
  const addon = binding(); // if it does not load, here, where somebody waits for the error
  const stopped = stopSignal(addon);
  const logger = standardErrorLogger(line.logLevel, line.logFormat);
  if (line.logLevel !== "error" && line.logLevel !== "silent") addon.tellStuckCode(line.logFormat);
  const service = new ServiceManager(serviceVariables, logger);
  const router = makeRouter(line, logger);
  const reload = inTurn(() => reloadRouter(router, logger, service));
  process.on("SIGHUP", reload);
  try {
    await router.load();
  } catch (error) {
    // A signal to stop ends a module's endless loop, and that is no error.
    if (!addon.stopSignalSeen()) throw error;
    return 0;
  }
  await router.start();
  service.ready(`routing ${router.summary}`);
  const watch = line.watch ? watchFiles(router, logger, reload) : undefined;
  const signal = await stopped;
  service.stopping();
  watch?.close();
  logger.info({ signal }, `${signal}: stopping`);
  await router.stop();
  return 0;
}

/** Says at once what came of a reload, whoever asked for it. */
async function reloadRouter(router: Router, logger: Logger, service: ServiceManager): Promise<void> {
  if (router.running) service.reloading();
  let failed = "";
  try {
    await router.reload();
  } catch (error) {
    if (!(error instanceof MidimonsterError)) throw error;
    // It does not run yet, or no more.
    if (error.code === "STATE") logger.warn({}, `not reloaded: ${error.message}`);
    else {
      // An instance that is new and does not start does not undo the rest.
      const what = error.code === "BACKEND" ? "reloaded, but " : "not reloaded, everything goes on as before:\n";
      logger.error({ code: error.code }, what + error.message);
    }
    failed = "; the last reload failed";
  }
  if (router.running) service.ready(`routing ${router.summary}${failed}`);
}

/** Does something whenever asked to, once after the other: whoever asks meanwhile may mean what has changed meanwhile. */
function inTurn(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.then(work);
    return last;
  };
}

/** Reloads when one of the router's files changes. */
function watchFiles(router: Router, logger: Logger, reload: () => Promise<void>): FileWatch {
  const watch = new FileWatch(
    async () => {
      await reload();
      watch.set(router.files());
    },
    (message) => logger.warn({}, message),
  );
  const files = router.files();
  watch.set(files);
  logger.info({}, `watching ${count(files.length, "file")}`);
  return watch;
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, as if nothing had caught it. */
function stopSignal(addon: Binding): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.removeListener("SIGINT", stop).removeListener("SIGTERM", stop);
      resolve(signal);
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
    // The same for a second signal that comes before this thread has seen the first, since Python code keeps it busy.
    addon.endOnSecondSignal();
  });
}

/** Says what went wrong, in the log's format; returns the exit status. */
async function fail(error: unknown, format: CommandLine["logFormat"]): Promise<number> {
  if (!(error instanceof MidimonsterError)) throw error; // a defect: Node shows the stack
  const write = (text: string) => {
    process.stderr.write(`${format === "journal" ? withPriority("ERROR", text) : text}\n`);
  };
  if (error.code === "USAGE") {
    write(`mmpy: ${error.message}\nTry mmpy --help.`);
    return 2;
  }
  if (format === "json") standardErrorLogger("error", "json").error({ code: error.code }, error.message);
  else write(error.message);
  return 1;
}

/** Does what the command line says, and leaves the exit status to the process. */
export async function main(): Promise<void> {
  let format = defaultLogFormat();
  try {
    const line = parseCommandLine(process.argv.slice(2));
    format = line.logFormat;
    // Not process.exit(): what is left to write gets written, and a handle that was not closed shows as a hang.
    process.exitCode = await perform(line);
  } catch (error) {
    process.exitCode = await fail(error, format);
  }
}
