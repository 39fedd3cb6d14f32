import path from "node:path";
import { type Binding, binding } from "../binding.js";
import { Coalesced } from "../coalesced.js";
import { asData } from "../config/diagnostic.js";
import { count } from "../count.js";
import { Router } from "../engine/router.js";
import { MidimonsterError } from "../errors.js";
import { type Logger, standardErrorLogger } from "../log/log.js";
import { FileWatch } from "../watch.js";
import { hangUps, refuseDebuggers } from "./early-signals.js";
import type { CommandLine } from "./options.js";
import { ServiceManager, serviceVariables } from "./service-manager.js";
import { formatStreams } from "./streams.js";
import { printStuckCode } from "./stuck-code.js";

/** @throws {MidimonsterError} if it does not start; with `--watch` it waits for a change instead */
export async function run({ operand = "monster.cfg", ...line }: CommandLine): Promise<number> {
  const addon = binding(); // here, where an error of loading it is caught
  const stopped = stopSignal(addon);
  const logger = standardErrorLogger(line.logLevel, line.logFormat, (text) => addon.writeLog(text));
  printStuckCode(addon, line);
  formatStreams(addon, line.logFormat);
  const { backendOverrides, instanceOverrides, queueLimit } = line;
  const options = {
    logger,
    backendOverrides,
    instanceOverrides,
    ...(queueLimit !== undefined && { queueLimit }),
  };
  let router: Router | undefined;
  for (;;) {
    try {
      router = Router.fromFile(operand, options);
      await runOne(router, { addon, logger, stopped, line });
      break;
    } catch (error) {
      if (!line.watch || !(error instanceof MidimonsterError)) throw error;
      const { code, diagnostics } = error;
      logger.error({ code, diagnostics: diagnostics.map(asData) }, `not started:\n${error.message}`);
      const files = router?.files() ?? [path.resolve(operand)];
      if (!(await changeOf(files, logger, stopped))) break;
    }
  }
  // The one thing that can't be closed: a name server that does not answer would hold the process for many seconds.
  if (process.getActiveResourcesInfo().includes("GetAddrInfoReqWrap")) addon.endProcess(0);
  return 0;
}

interface Surroundings {
  readonly addon: Binding;
  readonly logger: Logger;
  readonly stopped: Promise<NodeJS.Signals>;
  readonly line: Pick<CommandLine, "watch" | "monitor" | "control">;
}

/** Runs a router until a signal stops it. @throws what its start throws */
async function runOne(router: Router, { addon, logger, stopped, line }: Surroundings): Promise<void> {
  const running = new RunningRouter(router, logger, addon);
  hangUps.pass(() => running.reload());
  refuseDebuggers(); // it may have taken Node some time to begin with it
  let failed = false;
  const ended = stopped.then((signal) => (failed ? undefined : running.stop(signal)));
  try {
    await router.load();
    if (line.monitor !== undefined && router.view !== undefined) {
      const { serveMonitor } = await import("./late.js");
      running.monitor = await serveMonitor(line.monitor, line.control, router.view, logger);
    }
    await router.start();
    running.started(line.watch);
  } catch (error) {
    // A stop signal ends whatever a start waits for, which is not an error.
    if (!addon.stopSignalSeen()) {
      failed = true;
      await running.fail();
      throw error;
    }
  }
  await ended;
  await running.monitor?.(); // it may have been opened while the router was being stopped
}

/**
 * Waits until one of these files changes, or any configuration or module beside them, or a SIGHUP comes.
 *
 * @returns false if a signal stops the program first
 */
async function changeOf(files: readonly string[], logger: Logger, stopped: Promise<NodeJS.Signals>): Promise<boolean> {
  let watch: FileWatch | undefined;
  const changed = new Promise<true>((resolve) => {
    watch = new FileWatch(
      () => resolve(true),
      (message) => logger.warn({}, message),
    );
    hangUps.pass(() => resolve(true));
  });
  watch?.set(files, true);
  logger.info({}, `waiting for a change of ${count(files.length, "file")}`);
  const found = await Promise.race([changed, stopped.then(() => false)]);
  watch?.close();
  return found;
}

/** A router as the command runs it: reports to the service manager and watches files. */
class RunningRouter {
  readonly #router: Router;
  readonly #logger: Logger;
  readonly #addon: Binding;
  readonly #service: ServiceManager;
  readonly #reloads = new Coalesced(() => this.#reload());
  #state: "starting" | "running" | "stopping" = "starting";
  #reloadAtStart = false;
  /** Ends the monitor, if there is one. */
  monitor: (() => Promise<void>) | undefined;
  #watch: FileWatch | undefined;

  constructor(router: Router, logger: Logger, addon: Binding) {
    this.#router = router;
    this.#logger = logger;
    this.#addon = addon;
    this.#service = new ServiceManager(serviceVariables, logger);
  }

  /** Called when it starts routing. */
  started(watches: boolean): void {
    if (this.#state !== "starting") return; // it is being stopped already
    this.#state = "running";
    this.#service.ready(`routing ${this.#router.summary}`);
    if (watches) this.#watchFiles();
    // The configuration may have been read before the change that the request is about.
    if (this.#reloadAtStart) void this.reload();
  }

  /** Reads the configuration again and logs the result. */
  async reload(): Promise<void> {
    if (this.#state === "starting") this.#reloadAtStart = true;
    else if (this.#state === "running") await this.#reloads.request();
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    this.#state = "stopping";
    this.#service.stopping();
    this.#watch?.close();
    this.#logger.info({ signal }, `${signal}: stopping`);
    await Promise.all([this.monitor?.(), this.#router.stop()]);
  }

  /** It has not started: ends what it has begun with. */
  async fail(): Promise<void> {
    await Promise.all([this.monitor?.(), this.#router.stop()]);
  }

  async #reload(): Promise<void> {
    if (!this.#router.running) return; // it has been stopped in the meantime
    this.#service.reloading();
    const succeeded = await this.#reloadRouter();
    const failed = succeeded ? "" : "; the last reload failed";
    this.#watch?.set(this.#router.files(), !succeeded);
    if (this.#router.running) this.#service.ready(`routing ${this.#router.summary}${failed}`);
  }

  /** Returns whether everything went well. */
  async #reloadRouter(): Promise<boolean> {
    try {
      await this.#router.reload();
      return true;
    } catch (error) {
      if (!(error instanceof MidimonsterError)) throw error;
      // A stop during a reload is not an error, nor is its effect on a module that is loading.
      if (error.code === "STATE" || this.#addon.stopSignalSeen()) return false;
      // A new instance that does not start does not undo the rest.
      const what = error.code === "BACKEND" ? "reloaded, but " : "not reloaded, everything goes on as before:\n";
      const { code, diagnostics } = error;
      this.#logger.error({ code, diagnostics: diagnostics.map(asData) }, what + error.message);
      return false;
    }
  }

  /** Reloads when one of the router's files changes. */
  #watchFiles(): void {
    const files = this.#router.files();
    this.#watch = new FileWatch(
      () => void this.reload(),
      (message) => this.#logger.warn({}, message),
    );
    this.#watch.set(files);
    this.#logger.info({}, `watching ${count(files.length, "file")}`);
  }
}

/**
 * Resolves at the first SIGINT or SIGTERM. A later one ends the process at once, as if nothing had caught it, by the native
 * part: Python code may keep this thread busy.
 */
function stopSignal(addon: Binding): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on("SIGINT", resolve).on("SIGTERM", resolve);
    addon.endOnSecondSignal();
  });
}
