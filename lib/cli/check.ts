import { binding } from "../binding.js";
import { asData, type Diagnostic } from "../config/diagnostic.js";
import { Router } from "../engine/router.js";
import { MidimonsterError } from "../errors.js";
import { silentLogger, standardErrorLogger } from "../log/log.js";
import { formatDescription } from "./description.js";
import type { CommandLine } from "./options.js";
import { print, printJson } from "./output.js";
import { formatStreams } from "./streams.js";
import { printStuckCode } from "./stuck-code.js";

export async function check({ operand = "monster.cfg", ...line }: CommandLine): Promise<number> {
  const { backendOverrides, instanceOverrides } = line;
  printStuckCode(binding(), line);
  if (line.json) binding().formatStreams("errors", line.logFormat);
  else formatStreams(binding(), line.logFormat);
  const options = { backendOverrides, instanceOverrides, check: line.noRun ? ("read" as const) : ("load" as const) };
  if (line.json) return await checkForPrograms(operand, options);
  const router = Router.fromFile(operand, {
    ...options,
    logger: standardErrorLogger(line.logLevel, line.logFormat),
  });
  await router.load();
  const description = formatDescription(router.describe());
  await router.stop();
  print(description);
  return 0;
}

/** Prints one object, whatever is found. */
async function checkForPrograms(operand: string, options: Parameters<typeof Router.fromFile>[1]): Promise<number> {
  let router: Router | undefined;
  const found = (errors: readonly Diagnostic[]) => [...new Set([...errors, ...(router?.warnings() ?? [])])].map(asData);
  try {
    router = Router.fromFile(operand, { ...options, logger: silentLogger });
    await router.load();
    const description = router.describe();
    await router.stop();
    printJson({ ok: true, diagnostics: found([]), ...description });
    return 0;
  } catch (error) {
    if (!(error instanceof MidimonsterError)) throw error;
    const { code, message, diagnostics } = error;
    const errors: readonly Diagnostic[] = diagnostics.length > 0 ? diagnostics : [{ message }];
    printJson({ ok: false, code, diagnostics: found(errors) });
    return 1;
  }
}
