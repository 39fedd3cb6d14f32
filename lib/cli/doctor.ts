import { existsSync } from "node:fs";
import path from "node:path";
import { pythonNamed } from "../backends/python/index.js";
import { findPythons } from "../backends/python/locate/discovery.js";
import { binding, findAddon, packageFolder } from "../binding.js";
import { type Definition, define } from "../config/definition.js";
import { parseOverrides } from "../config/override.js";
import { parseFile, parseText } from "../config/parser.js";
import { MidimonsterError } from "../errors.js";
import { packageVersion } from "../package-version.js";
import { libc } from "../platform.js";
import { examineProcesses, formatProcesses, type OwnProcess } from "./doctor-processes.js";
import type { CommandLine } from "./options.js";
import { print, printJson } from "./output.js";
import { asProblem, type Problem, type Seen, tryPython } from "./trial.js";

export async function doctor({ operand, backendOverrides, json }: CommandLine): Promise<number> {
  const report = await examineMachine(operand, backendOverrides);
  if (json) printJson(report);
  else print(formatReport(report));
  return report.ok ? 0 : 1;
}

/** The findings of `mmpy doctor`; `--json` prints them as they are. */
export interface DoctorReport {
  readonly ok: boolean;
  readonly version: string;
  readonly node: {
    readonly version: string;
    readonly executable: string;
    readonly openssl: string;
    readonly zlib: string;
  };
  readonly platform: { readonly os: string; readonly arch: string; readonly libc: string };
  readonly addon: { readonly file?: string; readonly kind?: "prebuilt" | "compiled here"; readonly problem?: Problem };
  /** The configuration whose options apply. */
  readonly config?: string;
  /** In order of preference. */
  readonly pythons: readonly {
    readonly command: string;
    readonly where: string;
    readonly version?: string;
    readonly executable?: string;
    readonly library?: string;
    readonly problem?: Problem;
  }[];
  /** The Python that instances use, as an instance sees it. */
  readonly chosen?: Seen & {
    readonly version: string;
    readonly executable: string;
    readonly library: string;
    readonly reason: string;
    /** Whether its libraries are kept separate from Node's. */
    readonly deepbind: boolean;
  };
  /** Why no Python can be used. */
  readonly problem?: Problem;
  /** The configuration's instances that have processes of their own. */
  readonly processes: readonly OwnProcess[];
}

/**
 * Checks everything that running a configuration depends on, and starts an interpreter to verify it.
 *
 * @param config a configuration whose `[backend python]` applies; default: `monster.cfg`, if it exists
 * @throws {MidimonsterError} `CONFIG` if it can't be read, or an override names an unknown backend
 */
export async function examineMachine(
  config: string | undefined = existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined,
  backendOverrides: readonly string[] = [],
): Promise<DoctorReport> {
  const options = pythonOptions(config, backendOverrides);
  const addon = examineAddon();
  const pythons = (await findPythons(process.env, options.python)).map(({ command, where, choice, problem }) => ({
    command,
    where,
    ...(choice && { version: choice.version, executable: choice.executable, library: choice.library }),
    ...(problem && { problem: asProblem(problem) }),
  }));
  const trial = addon.problem === undefined ? await examinePython(options) : {};
  const { processes, all } = await examineProcesses(options.definition, options.instances);
  const isSound = addon.problem === undefined && processes.every(({ problem }) => problem === undefined);
  return {
    ok: isSound && (trial.chosen !== undefined || all),
    version: packageVersion(),
    node: {
      version: process.version,
      executable: process.execPath,
      openssl: process.versions.openssl ?? "none",
      zlib: process.versions.zlib ?? "none",
    },
    platform: { os: process.platform, arch: process.arch, libc: libc() },
    addon,
    ...(config !== undefined && { config: path.resolve(config) }),
    pythons,
    ...trial,
    processes,
  };
}

const DEFAULT_CONFIG = "monster.cfg";

interface PythonOptions {
  readonly definition: Definition;
  /** Of the configuration. */
  readonly instances: Definition["instances"];
  readonly folder: string;
  readonly values: Readonly<Record<string, string>>;
  /** The Python that they request. */
  readonly python?: string;
}

function pythonOptions(config: string | undefined, backendOverrides: readonly string[]): PythonOptions {
  // An additional instance, so that overrides of the backend are used whatever the configuration contains.
  const own = parseText("[python doctor]");
  const { tree, diagnostics } = config === undefined ? own : parseFile(config);
  const found = [...diagnostics];
  const sections = config === undefined ? tree.sections : [...tree.sections, ...own.tree.sections];
  const definition = define({ ...tree, sections }, parseOverrides("backend", backendOverrides), (each) =>
    found.push(each),
  );
  if (found.length > 0) throw MidimonsterError.fromDiagnostics(found);
  const values: Record<string, string> = {};
  for (const { option, value, folder } of definition.backends.get("python")?.settings ?? [])
    values[option] = option === "python" && value !== "" ? pythonNamed(value, folder) : value;
  const { folder, instances } = definition;
  return {
    definition,
    instances: instances.slice(0, -1),
    folder,
    values,
    ...(values.python && { python: values.python }),
  };
}

function examineAddon(): DoctorReport["addon"] {
  try {
    binding();
  } catch (error) {
    return { problem: asProblem(error) };
  }
  const file = findAddon();
  const kind = file.startsWith(path.join(packageFolder, "prebuilds")) ? "prebuilt" : "compiled here";
  return { file, kind };
}

async function examinePython({ folder, values }: PythonOptions): Promise<Pick<DoctorReport, "chosen" | "problem">> {
  const trial = await tryPython(folder, values);
  if ("problem" in trial) return trial;
  const { version, executable, library, reason } = trial.python;
  const deepbind = values.deepbind !== "off" && libc().startsWith("glibc");
  const { libraries, ...openssl } = trial.seen.openssl;
  // Without deepbind, Python's own libraries are loaded too, but Node's are in effect.
  const seen = { ...trial.seen, openssl: { ...openssl, ...(deepbind && { libraries }) } };
  return { chosen: { version, executable, library, reason, ...seen, deepbind } };
}

/** Formats the report as text. */
export function formatReport(report: DoctorReport): string {
  const { ok, version, node, platform, addon, config, pythons, chosen, problem, processes } = report;
  const lines = [
    `midimonster-python ${version}`,
    `  Node      ${node.version}, ${node.executable} (OpenSSL ${node.openssl}, zlib ${node.zlib})`,
    `  platform  ${platform.os}-${platform.arch}, ${platform.libc}`,
    `  addon     ${addon.file === undefined ? "not loaded" : `${addon.kind}, ${addon.file}`}`,
    `  config    ${config ?? "none"}`,
    "",
    pythons.length > 0 ? "Pythons on this machine:" : "No Python found on this machine.",
  ];
  for (const python of pythons) {
    const isChosen = chosen !== undefined && python.executable === chosen.executable;
    lines.push(`${isChosen ? "*" : " "} ${python.executable ?? python.command} (${python.where})`);
    if (python.problem === undefined) lines.push(`      usable: ${python.version}, ${python.library}`);
    else lines.push(`      ${python.problem.code}: ${python.problem.message.split("\n")[0]}`);
  }
  lines.push("");
  if (chosen !== undefined) {
    const { openssl } = chosen;
    lines.push(
      `Instances use Python ${chosen.version}, ${chosen.executable} (${chosen.reason})`,
      `  library   ${chosen.library}`,
      `  prefix    ${chosen.prefix}`,
      `  sys.path  ${chosen.path.join("\n            ")}`,
      `  OpenSSL   ${openssl.version ?? `none: ${openssl.problem}`}`,
      ...(openssl.libraries ?? []).map((file) => `            ${file}`),
      `  zlib      ${chosen.zlib ?? "none"}`,
      `  deepbind  ${chosen.deepbind ? "on: Python's libraries are kept separate from Node's" : "off: Python's libraries may use Node's OpenSSL and zlib"}`,
      "",
    );
  }
  lines.push(...formatProcesses(processes));
  for (const { code, message } of [addon.problem, problem].flatMap((found) => found ?? []))
    lines.push(`${code}: ${message}`, "");
  lines.push(
    ok
      ? "mmpy can run python instances here."
      : "mmpy can't run python instances here; see above, and docs/troubleshooting.md.",
  );
  return `${lines.join("\n")}\n`;
}
