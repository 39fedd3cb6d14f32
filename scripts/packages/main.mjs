// Tries Debian's packages with extension modules in one instance and in two, each in a process of its own with a time limit, and
// writes what happened into the table of docs/shared-process.md: a column for each distribution.
//
//   npm run packages                 this machine, with its own python3; as root, packages are installed first
//   npm run packages -- --debian13   Debian 13, in the chroot of scripts/test-debian13.sh; as root
//   npm run packages -- --print      prints the result as JSON and writes nothing
//   npm run packages -- numpy gi     only these; the others keep what the table says
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PACKAGES } from "./programs.mjs";
import { writeColumn } from "./table.mjs";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
const TIME_LIMIT = 60_000; // ms until what has not ended counts as hanging
const RAISED = /: the handler raised\b[\s\S]*\n\w[\w.]*: /; // what the log says, to the end of the traceback
const PYTHON = process.env.MMPY_PYTHON ?? "/usr/bin/python3";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { debian13: { type: "boolean", default: false }, print: { type: "boolean", default: false } },
});
const names = positionals.length > 0 ? positionals : Object.keys(PACKAGES);
const unknown = names.filter((name) => !(name in PACKAGES));
if (unknown.length > 0) throw new Error(`no such package: ${unknown}; there are ${Object.keys(PACKAGES)}`);

const column = values.debian13 ? measureInDebian13() : await measureHere();
if (values.print) console.log(JSON.stringify(column));
else writeColumn(path.join(project, "docs", "shared-process.md"), column, Object.keys(PACKAGES));

function measureInDebian13() {
  const { status, stdout } = spawnSync("scripts/test-debian13.sh", ["packages"], {
    cwd: project,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PACKAGES: names.join(" ") },
  });
  const json = stdout.split("\n").find((line) => line.startsWith('{"system"'));
  if (status === 0 && json !== undefined) return JSON.parse(json);
  process.stdout.write(stdout);
  throw new Error(`scripts/test-debian13.sh packages has measured nothing (exit status ${status})`);
}

async function measureHere() {
  const versions = install(names);
  const results = {};
  for (const name of names) {
    results[name] = { version: versions[name] };
    for (const [key, count] of [
      ["one", 1],
      ["two", 2],
    ]) {
      results[name][key] = versions[name] === undefined ? "not installed" : await tryIn(count, PACKAGES[name].module);
      console.error(`${name}, ${key}: ${results[name][key]}`);
    }
  }
  return { system: systemName(), results };
}

/** Installs what is missing, if that is possible; returns the installed versions. */
function install(wanted) {
  const packages = wanted.map((name) => PACKAGES[name].debian);
  const version = (name) => {
    const asked = spawnSync("dpkg-query", ["-W", "-f", `\${db:Status-Status} \${Version}`, name], { encoding: "utf8" });
    return asked.status === 0 ? /^installed (?:\d+:)?(\d+(?:\.\d+)*)/.exec(asked.stdout)?.[1] : undefined;
  };
  const missing = packages.filter((name) => version(name) === undefined);
  if (missing.length > 0 && process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    // One by one: a distribution may lack one of them.
    for (const name of missing) spawnSync("apt-get", ["install", "-y", "-qq", name], { env, stdio: "ignore" });
  }
  return Object.fromEntries(wanted.map((name) => [name, version(PACKAGES[name].debian)]));
}

function systemName() {
  const release = readFileSync("/etc/os-release", "utf8");
  const system = /^PRETTY_NAME="([^"(]*)/m.exec(release)?.[1]?.trim().replace("GNU/Linux ", "") ?? os.type();
  const python = spawnSync(PYTHON, ["-c", "import platform; print(platform.python_version())"], { encoding: "utf8" });
  return `${system}, CPython ${python.stdout.trim()}`;
}

/** What happens with a module in so many instances, in words for the table. */
async function tryIn(count, module) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "mmpy-packages-"));
  try {
    const instances = Array.from({ length: count }, (_, i) => `py${i + 1}`);
    writeFileSync(
      path.join(folder, "monster.cfg"),
      `${instances.map((name) => `[python ${name}]\nmodule = mod\n`).join("")}[map]\n${instances
        .map((name) => `${name}.go > ${name}.mod.go\n`)
        .join("")}`,
    );
    writeFileSync(
      path.join(folder, "mod.py"),
      `import midimonster, os\nos.write(1, b"loading\\n")\n${module}
def go(value):
    os.write(1, b"begins\\n")
    for _ in range(3): work()
    os.write(1, b"worked\\n")
midimonster.output("go", 1)
`,
    );
    return await run(folder, count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(folder, count) {
  const env = { ...process.env, MMPY_PYTHON: PYTHON };
  const child = spawn(process.execPath, [path.join(project, "dist", "cli", "mmpy.cjs"), "monster.cfg"], {
    cwd: folder,
    env,
  });
  let printed = "";
  let stopping = false;
  let late = false;
  const times = (word) => printed.split(`${word}\n`).length - 1;
  const seen = (text) => {
    printed += text;
    if (stopping || (times("worked") < count && !RAISED.test(printed))) return;
    stopping = true;
    child.kill("SIGINT");
  };
  child.stdout.setEncoding("utf8").on("data", seen);
  child.stderr.setEncoding("utf8").on("data", seen);
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, TIME_LIMIT);
  return once(child, "close").then(([code, signal]) => {
    clearTimeout(timer);
    const moment = stopping ? "at the stop" : times("begins") > 0 ? "in a handler" : "at import";
    if (late) return `**hangs** ${moment}`;
    if (signal !== null) return `**crashes** ${moment} (${signal})`;
    if (code !== 0) return `no import: ${reason(printed)}`;
    if (RAISED.test(printed) || times("worked") < count) return `**raises** ${reason(printed)}`;
    return /Warning: /.test(printed) ? "works, with a warning" : "works";
  });
}

/** The last line of a traceback, as far as it fits into a table. */
function reason(printed) {
  const raised = /^[|\s]*((?:\w+\.)*\w*(?:Error|Exception)): ?(.*)$/gm;
  const [, type, text = ""] = [...printed.matchAll(raised)].at(-1) ?? [];
  if (type === undefined) throw new Error(`mmpy ended for another reason than a package:\n${printed}`);
  const words = text.replaceAll("|", "").replaceAll("`", "'").trim();
  return `\`${type}: ${words.length > 60 ? `${words.slice(0, 57)}...` : words}\``;
}
