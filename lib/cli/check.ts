import { binding } from "../binding.js";
import { Router } from "../engine/router.js";
import { standardErrorLogger } from "../log/log.js";
import { formatDescription } from "./description.js";
import type { CommandLine } from "./options.js";
import { print } from "./output.js";
import { formatStreams } from "./streams.js";
import { printStuckCode } from "./stuck-code.js";

export async function check({ operand = "monster.cfg", ...line }: CommandLine): Promise<number> {
  const { backendOverrides, instanceOverrides } = line;
  const logger = standardErrorLogger(line.logLevel, line.logFormat);
  printStuckCode(binding(), line);
  formatStreams(binding(), line.logFormat);
  const router = Router.fromFile(operand, { logger, backendOverrides, instanceOverrides });
  await router.load();
  const description = formatDescription(router.describe());
  await router.stop();
  print(description);
  return 0;
}
