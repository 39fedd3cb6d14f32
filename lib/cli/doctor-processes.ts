// What `mmpy doctor` tells of instances in processes of their own: which Python runs each of them, or why none can.
import type { OptionSet } from "../backends/options.js";
import { instanceOptions, options } from "../backends/python/index.js";
import { choosePythonProgram } from "../backends/python/locate/discovery.js";
import type { Definition, Setting } from "../config/definition.js";
import { silentLogger } from "../log/log.js";
import { asProblem, type Problem } from "./trial.js";

export interface OwnProcess {
  readonly instance: string;
  readonly version?: string;
  readonly executable?: string;
  /** Why this one. */
  readonly reason?: string;
  readonly problem?: Problem;
}

/**
 * @param instances those of the configuration
 * @returns those in processes of their own, and whether all that run Python are among them
 */
export async function examineProcesses(
  { backends }: Definition,
  instances: Definition["instances"],
): Promise<{ readonly processes: readonly OwnProcess[]; readonly all: boolean }> {
  const shared = backends.get("python")?.settings ?? [];
  const ofPython = instances.filter(({ backend }) => backend === "python");
  const apart = ofPython.filter(({ settings }) => {
    const own = lastOf(settings, "own-process", instanceOptions["own-process"]);
    return own ?? lastOf(shared, "own-process", options["own-process"]);
  });
  const examined = apart.map(async ({ name, settings }): Promise<OwnProcess> => {
    const python = lastOf(settings, "python", instanceOptions.python) ?? lastOf(shared, "python", options.python);
    try {
      const { version, executable, reason } = await choosePythonProgram(python as string | undefined, silentLogger);
      return { instance: name, version, executable, reason };
    } catch (error) {
      return { instance: name, problem: asProblem(error) };
    }
  });
  return { processes: await Promise.all(examined), all: apart.length > 0 && apart.length === ofPython.length };
}

/** The last value of an option; undefined if it is not set, or has an error, which `mmpy check` shows. */
function lastOf(settings: readonly Setting[], name: string, option: OptionSet[string]): unknown {
  const setting = settings.findLast((each) => each.option === name);
  if (setting === undefined || setting.value === "") return undefined;
  const parsed = option.parse(setting.value, setting.folder);
  return "value" in parsed ? parsed.value : undefined;
}

/** Lines for people. */
export function formatProcesses(processes: readonly OwnProcess[]): string[] {
  if (processes.length === 0) return [];
  const lines = processes.map(({ instance, version, executable, reason, problem }) =>
    problem === undefined
      ? `  ${instance}: Python ${version}, ${executable} (${reason})`
      : `  ${instance}: ${problem.code}: ${problem.message.split("\n").join("\n    ")}`,
  );
  return ["Instances in processes of their own:", ...lines, ""];
}
