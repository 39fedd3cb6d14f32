#!/usr/bin/env node
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../binding.js";
import { MidimonsterError, messageOf } from "../errors.js";
import { standardErrorLogger } from "../log.js";
import { Router } from "../router.js";
import { formatDescription } from "./description.js";
import { type CommandLine, HELP, parseCommandLine } from "./options.js";

async function main(): Promise<number> {
  const line = parseCommandLine(process.argv.slice(2));
  switch (line.command) {
    case "help":
      process.stdout.write(HELP);
      return 0;
    case "version":
      process.stdout.write(`midimonster-python ${version()}\n`);
      return 0;
    case "check":
      return await check(line);
    case "run":
      return await run(line);
  }
}

function version(): string {
  return (JSON.parse(readFileSync(path.join(packageFolder, "package.json"), "utf8")) as { version: string }).version;
}

async function makeRouter(line: CommandLine): Promise<Router> {
  const { backendOverrides, instanceOverrides } = line;
  const logger = await standardErrorLogger(line.logLevel, line.logFormat);
  return Router.fromFile(line.config, { logger, backendOverrides, instanceOverrides });
}

async function check(line: CommandLine): Promise<number> {
  const router = await makeRouter(line);
  await router.load();
  const description = formatDescription(router.describe());
  await router.stop();
  process.stdout.write(description);
  return 0;
}

async function run(line: CommandLine): Promise<number> {
  const stopped = stopSignal();
  const router = await makeRouter(line);
  const logger = await standardErrorLogger(line.logLevel, line.logFormat);
  await router.start();
  const { instances, mappings } = router.describe();
  logger.info({}, `routing ${count(mappings.length, "mapping")} between ${count(instances.length, "instance")}`);
  const signal = await stopped;
  logger.info({ signal }, `${signal}: stopping`);
  await router.stop();
  return 0;
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once, as if nothing had caught it. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        resolve(signal);
        process.removeAllListeners("SIGINT").removeAllListeners("SIGTERM");
      });
    }
  });
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

try {
  // Not process.exit(): what is left to write gets written, and a handle that was not closed shows as a hang.
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof MidimonsterError)) throw error;
  const usage = error.code === "USAGE";
  process.stderr.write(`${usage ? "mmpy: " : ""}${messageOf(error)}\n${usage ? "Try mmpy --help.\n" : ""}`);
  process.exitCode = usage ? 2 : 1;
}
