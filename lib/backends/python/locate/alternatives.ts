// What else there is, where the Python that was to be used can't be.
import { MidimonsterError } from "../../../errors.js";
import type { Logger } from "../../../log/log.js";
import { choosePython, findPythons, type PythonChoice } from "./discovery.js";

/** A Python that does not answer must not keep the error waiting, in ms. */
const PATIENCE = 3000;

/** Lines that belong to messages at a start, and not to what `mmpy doctor` itself says. */
const DOCTOR = "mmpy doctor examines every Python on this machine";

const WOULD_DO = "this one would do: ";

/**
 * As {@link choosePython}; the error names the Pythons that would do.
 *
 * @throws {MidimonsterError} with a `PYTHON_*` code
 */
export async function chooseOrAdvise(
  configured: string | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<PythonChoice> {
  try {
    return await choosePython(configured, log, signal);
  } catch (error) {
    if (!(error instanceof MidimonsterError) || signal.aborted) throw error;
    const lines = [error.message, ...(await alternatives(configured))];
    if (!error.message.includes("mmpy doctor")) lines.push(DOCTOR);
    throw new MidimonsterError(error.code, lines.join("\n"), [], { cause: error });
  }
}

/** @param configured the option `python`, which takes precedence over the environment */
async function alternatives(configured: string | undefined): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never[]>((resolve) => {
    timer = setTimeout(resolve, PATIENCE, []);
  });
  const found = await Promise.race([findPythons(), late]).finally(() => clearTimeout(timer));
  const usable = found.flatMap(({ choice }) => choice ?? []);
  const setting = configured === undefined ? "MMPY_PYTHON=" : "python = ";
  return usable.slice(0, 2).map(({ executable, version }) => `${WOULD_DO}${setting}${executable} (${version})`);
}

/** A message without what leads to `mmpy doctor`. */
export function withoutAdvice(message: string): string {
  return message
    .split("\n")
    .filter((line) => line !== DOCTOR && !line.startsWith(WOULD_DO))
    .join("\n");
}
