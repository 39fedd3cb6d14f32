// Runs the test suite with other Pythons and other Nodes than the ones at hand, always with the same addon, and prints a
// table. `npm run test:matrix -- --help` explains.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HELP = `Usage: npm run test:matrix -- [options]

Runs the tests with every usable Python on this machine (see mmpy doctor) and with several versions of Node, which npm
downloads. Without options: the whole suite for each Python with the Node at hand and for each Node with the first
Python, and the core of it for every other pair.

  --pythons          only the Pythons, with the Node at hand
  --nodes            only the Nodes, with the first Python
  --others           without the first Python with the Node at hand, which is what npm test runs
  --core             the core of the suite everywhere: what touches both Python and the event loop
  --expect VERSION   fail if there is no usable Python of this version, as in 3.12.1 (repeatable)
  --node VERSION     one more Node (repeatable); default: ${["22", "24", "latest"].join(", ")}
  --write-docs       write the table into docs/install.md
  -h, --help         this text
`;

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const { values } = parseArgs({
  options: {
    pythons: { type: "boolean", default: false },
    nodes: { type: "boolean", default: false },
    others: { type: "boolean", default: false },
    core: { type: "boolean", default: false },
    node: { type: "string", multiple: true, default: [] },
    expect: { type: "string", multiple: true, default: [] },
    "write-docs": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

/** Usable Pythons, the one that would be taken first. */
function findPythons() {
  const { stdout } = spawnSync(process.execPath, [path.join(folder, "dist", "cli", "mmpy.cjs"), "doctor", "--json"]);
  const { pythons, chosen } = JSON.parse(stdout.toString());
  const usable = pythons
    .filter(({ problem }) => problem === undefined)
    .map(({ executable, version, library }) => ({
      executable,
      name: `${version}${/libpython[\d.]+d\./.test(library) ? " debug" : ""}`,
    }));
  return usable.sort(
    (a, b) => Number(b.executable === chosen?.executable) - Number(a.executable === chosen?.executable),
  );
}

/** The path of a Node of a version, downloaded by npm if need be. */
function findNode(version) {
  const found = spawnSync(
    "npm",
    ["exec", "--yes", `--package=node@${version}`, "--", "node", "-p", "process.execPath"],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  const executable = found.stdout.trim().split("\n").at(-1);
  if (found.status !== 0 || !executable) throw new Error(`no Node ${version}: ${found.stderr}`);
  return executable;
}

function versionOf(node) {
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
}

/** Runs the tests; resolves with their last line. */
function test(node, python, { core, packaging }) {
  const set = core ? "core" : packaging ? "usual" : "python";
  const child = spawn(node, [path.join(folder, "scripts", "test.mjs"), "--set", set], {
    cwd: folder,
    env: { ...process.env, MMPY_PYTHON: python, PATH: `${path.dirname(node)}:${process.env.PATH}` },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      const line = /^\d+ passed, \d+ failed, \d+ skipped$/m.exec(output)?.[0] ?? `ended with ${signal ?? code}`;
      const passed = code === 0 && / 0 failed/.test(line);
      if (!passed) process.stderr.write(output);
      resolve({ passed, line });
    });
  });
}

const all = findPythons();
for (const version of values.expect) {
  if (!all.some(({ name }) => name === version)) throw new Error(`Python ${version} is not usable; see mmpy doctor`);
}
const pythons = values.nodes ? all.slice(0, 1) : all;
const versions = values.pythons ? [] : values.node.length > 0 ? values.node : ["22", "24", "latest"];
const nodes = [process.execPath, ...versions.map(findNode)];
if (pythons.length === 0) throw new Error("no usable Python; see mmpy doctor");

const rows = [];
let failures = 0;
for (const [i, node] of nodes.entries()) {
  const cells = [];
  for (const [j, { executable, name }] of pythons.entries()) {
    if (values.others && i === 0 && j === 0) continue;
    const core = values.core || (i > 0 && j > 0);
    const started = Date.now();
    const { passed, line } = await test(node, executable, { core, packaging: j === 0 });
    if (!passed) ++failures;
    const seconds = Math.round((Date.now() - started) / 1000);
    console.error(`Node ${versionOf(node)}, Python ${name}${core ? ", core" : ""}: ${line} (${seconds} s)`);
    const [, ok, , skipped] = /(\d+) passed, (\d+) failed, (\d+) skipped/.exec(line) ?? [];
    cells.push(
      passed
        ? `${ok} passed${core ? " (core)" : ""}${skipped === "0" ? "" : `, ${skipped} skipped`}`
        : `FAILED: ${line}`,
    );
  }
  if (cells.length < pythons.length) cells.unshift("npm test");
  rows.push([versionOf(node), ...cells]);
}
const table = [
  `| Node | ${pythons.map(({ name }) => `Python ${name}`).join(" | ")} |`,
  `| --- |${" --- |".repeat(pythons.length)}`,
  ...rows.map((row) => `| ${row.join(" | ")} |`),
].join("\n");
console.log(table);
if (values["write-docs"] && failures === 0) {
  const page = path.join(folder, "docs", "install.md");
  const date = new Date().toISOString().slice(0, 10);
  const command = ["npm run test:matrix --", ...process.argv.slice(2)].join(" ");
  const made = `Printed by \`${command}\` on ${date}, ${process.platform}-${process.arch}, ${availableParallelism()} processors.`;
  const [before, after] = readFileSync(page, "utf8").split(/(?<=<!-- matrix -->\n)[\s\S]*(?=<!-- \/matrix -->)/);
  if (after === undefined) throw new Error(`${page} has no place for the table`);
  writeFileSync(page, `${before}${made}\n\n${table}\n${after}`);
}
process.exitCode = failures > 0 ? 1 : 0;
