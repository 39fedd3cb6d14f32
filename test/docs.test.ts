import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { folderWith, mmpyScript, projectFolder, type Running, run } from "./helpers.js";

/*
 * What the documentation shows is run. HTML comments before fenced blocks say how:
 *
 *     <!-- file: NAME/PATH -->         the block is this file of the example NAME
 *     <!-- copy: NAME: FILE... -->     so are these files of the project, at the top of the example's folder
 *     <!-- needs: NAME: MODULE... -->  Python modules that are not of its library; without them the example is skipped
 *     <!-- beside: NAME -->            the block is the session of another terminal, which begins before the next command
 *     <!-- send: NAME -->              the block's commands are run while the example's next command runs; those after a `$`
 *                                      print what the block shows
 *     <!-- run: NAME -->               the block is a terminal session: lines `$ COMMAND`, each with what it prints
 *
 * A command's output has to contain what the block shows. A command that goes on then gets a Ctrl-C and has to end well;
 * what the block shows after a line `^C` comes then.
 */

interface Command {
  readonly command: string;
  readonly shown: string;
}

interface Session {
  readonly commands: readonly Command[];
  readonly beside: readonly Command[];
  readonly sends: readonly Command[];
}

interface Example {
  readonly document: string;
  readonly name: string;
  readonly files: Record<string, string>;
  readonly copies: string[];
  /** Python modules. */
  readonly needs: string[];
  readonly sessions: Session[];
  /** For the next session. */
  readonly beside: Command[];
  readonly sends: Command[];
}

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(path.join(projectFolder, "docs"), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

function textOf(document: string): string {
  return readFileSync(path.join(projectFolder, document), "utf8");
}

const ANNOTATED = /^<!-- (file|copy|needs|beside|send|run): (.*?) -->\n(?:```\w+\n([\s\S]*?)^```$)?/gm;

const { files: packaged } = JSON.parse(textOf("package.json")) as { files: string[] };

/** Whether npm's package has a file of the project. */
function isInPackage(file: string): boolean {
  const isNamed = (entry: string) =>
    file === entry || file.startsWith(`${entry.replace(/\*$/, "")}${entry.endsWith("*") ? "" : "/"}`);
  if (packaged.some((entry) => entry.startsWith("!") && isNamed(entry.slice(1)))) return false;
  return file === "README.md" || file === "LICENSE" || packaged.some(isNamed);
}

function examplesIn(document: string): Example[] {
  const examples = new Map<string, Example>();
  const example = (name: string): Example => {
    const known = examples.get(name);
    if (known !== undefined) return known;
    const made = { document, name, files: {}, copies: [], needs: [], sessions: [], beside: [], sends: [] };
    examples.set(name, made);
    return made;
  };
  for (const [, kind, argument = "", block] of textOf(document).matchAll(ANNOTATED)) {
    if (kind === "copy" || kind === "needs") {
      const [name = "", words = ""] = argument.split(": ");
      example(name)[kind === "copy" ? "copies" : "needs"].push(...words.split(" "));
      continue;
    }
    assert.ok(block !== undefined, `${document}: no block follows <!-- ${kind}: ${argument} -->`);
    if (kind === "file") {
      const slash = argument.indexOf("/");
      example(argument.slice(0, slash)).files[argument.slice(slash + 1)] = block;
    } else if (kind === "send" && !block.startsWith("$ ")) {
      const commands = block.trim().split("\n");
      example(argument).sends.push(...commands.map((command) => ({ command, shown: "" })));
    } else {
      const { sessions, beside, sends } = example(argument);
      const commands = commandsIn(block, `${document}: the session of '${argument}'`);
      if (kind === "send") sends.push(...commands);
      else if (kind === "beside") beside.push(...commands);
      else sessions.push({ commands, beside: beside.splice(0), sends: sends.splice(0) });
    }
  }
  return [...examples.values()];
}

function commandsIn(block: string, what: string): Command[] {
  const [before, ...commands] = block.split(/^\$ /m);
  assert.equal(before, "", `${what} begins with a line '$ COMMAND'`);
  return commands.map((text) => ({
    command: text.slice(0, text.indexOf("\n")),
    shown: text.slice(text.indexOf("\n") + 1).trimEnd(),
  }));
}

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const node = process.execPath;
const python = process.env.MMPY_PYTHON ?? "python3";
const programs = [
  ["mmpy", [node, mmpyScript]],
  ["node", [node]],
  ["npx tsx", [node, "--import", tsx]],
  ["npx esbuild", [path.join(projectFolder, "node_modules", ".bin", "esbuild")]],
  ["python3", [python]],
  ["oscdump", ["oscdump"]],
  ["mosquitto", ["mosquitto"]],
] as const;

/** Debian's packages with programs that documentation uses. */
const PACKAGES: Record<string, string> = {
  oscsend: "liblo-tools",
  oscdump: "liblo-tools",
  mosquitto: "mosquitto",
  mosquitto_pub: "mosquitto-clients",
  curl: "curl",
};

/** What programs beside an example print as soon as others can use them. */
const READY: Record<string, RegExp> = {
  mmpy: /routing/,
  mosquitto: / running\n|Address already in use/,
  python3: /\n/,
};

/** Resolves once what an example starts in another terminal can be used. */
async function usable(running: Running, command: string): Promise<void> {
  const [program = "", ...words] = command.split(" ");
  const pattern = READY[program];
  if (pattern !== undefined) {
    await running.sees(pattern);
    return;
  }
  assert.equal(program, "oscdump", `READY does not say when '${command}' can be used`);
  // It prints nothing until something arrives.
  const socket = new RegExp(`:${Number(words.at(-1)).toString(16).toUpperCase().padStart(4, "0")} `);
  const listens = () => ["udp", "udp6"].some((table) => socket.test(readFileSync(`/proc/net/${table}`, "latin1")));
  while (!listens() && !(await within(10, running.exited)));
}

/** What an example needs and this machine lacks, for people. */
function missingFor({ needs, sessions }: Example): string | undefined {
  const used = sessions
    .flatMap(({ beside, sends }) => [...beside, ...sends])
    .map(({ command }) => command.split(" ")[0]);
  for (const program of used) {
    if (program === undefined || !(program in PACKAGES)) continue;
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status === 0) continue;
    return `no ${program}; on Debian: apt-get install ${PACKAGES[program]}`;
  }
  if (pythonWith(needs) !== undefined) return undefined;
  return `no ${needs.join(" and ")} in ${python}, nor in Debian's python3`;
}

/** A Python that has these modules: the one that is tested, or Debian's own. */
function pythonWith(modules: readonly string[]): string | undefined {
  const test = ["-c", modules.map((module) => `import ${module}`).join("\n")];
  return [python, "/usr/bin/python3"].find((one) => modules.length === 0 || spawnSync(one, test).status === 0);
}

/** Runs a command as it is shown, with variables before it. */
function start(command: string, cwd: string, usedPython = process.env.MMPY_PYTHON): Running {
  const [, variables = "", rest = ""] = /^((?:\w+=\S* )*)(.*)$/.exec(command) ?? [];
  const env = {
    ...process.env,
    MMPY_PYTHON: usedPython,
    ...Object.fromEntries(variables.split(" ").map((text) => text.split("="))),
  };
  for (const [program, [file, ...args]] of programs) {
    if (!`${rest} `.startsWith(`${program} `)) continue;
    const given = rest.slice(program.length).split(" ");
    return run(file, [...args, ...given.filter((text) => text !== "")], { cwd, env });
  }
  throw new Error(`the test can't run '${command}'`);
}

/** Text without what differs from run to run and from machine to machine. */
function normalized(text: string, folder: string): string {
  return text
    .replaceAll(folder, "/home/tech/show")
    .replace(/^\[\d\d:\d\d:\d\d\.\d{3}\]/gm, "[time]")
    .replace(/Python 3\.\d+\.\d+(, | from )\S+/g, "Python$1it")
    .replace(/\S+ -m pip install/g, "python -m pip install")
    .replace(/(descriptor|fd=|running for|more than|loading after) ?\d+/g, "$1 N")
    .replace(/^(wave|curved|inverted) \d\.\d\d.*$/gm, "$1") // the quick start's oscillator begins anywhere
    .replace(/^(test_\w+ \(test_\w+\.\w+)\.\w+\)/gm, "$1)") // Python 3.11 and later name the function twice
    .replace(/^(slot\d) \d\.\d+$/gm, "$1") // a wave
    .replace(/^[0-9a-f]{8}\.[0-9a-f]{8} /gm, "[time] ") // of oscdump
    .replace(/^[ |]*[~^][ ~^]*\n/gm, "") // Python 3.11 marks the place in a line, 3.9 does not
    .replace(/[ \t]+$/gm, "");
}

function folderOf({ files, copies }: Example): string {
  const folder = folderWith(files);
  for (const file of copies) copyFileSync(path.join(projectFolder, file), path.join(folder, path.basename(file)));
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(projectFolder, path.join(folder, "node_modules", "midimonster-python"));
  return folder;
}

/** Far off, for a machine that does much besides; the second one is waited for by what neither says "routing" nor ends. */
const SHOW_TIMEOUT_MS = 90_000;
const END_TIMEOUT_MS = 10_000;

/** Resolves with whether a promise was settled in time. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

/** Runs the commands of another terminal, one after the other. */
function send(sends: readonly Command[], cwd: string): void {
  for (const { command, shown } of sends) {
    const text = command.replace(/^python3 /, `${python} `);
    const { status, stdout, stderr } = spawnSync("sh", ["-c", text], { cwd, encoding: "utf8" });
    assert.equal(status, 0, `${command}\n${stderr}`);
    if (!stdout.includes(shown)) assert.equal(stdout + stderr, shown, command);
  }
}

/** What a command has printed, in either order of its two outputs. */
function printedBy({ stdout, stderr }: Running, folder: string): string[] {
  return [stdout + stderr, stderr + stdout].map((text) => normalized(text, folder));
}

/** What the documentation shows of a command until it is ended, and after that. */
function partsOf(shown: string, folder: string): string[] {
  return `${shown}\n`.split(/^\^C\n/m).map((text) => normalized(text, folder));
}

/** Waits until a command has printed what the documentation shows until it is ended. */
async function watch(running: Running, shown: string, folder: string): Promise<void> {
  const [expected = ""] = partsOf(shown, folder);
  const shows = () => printedBy(running, folder).some((text) => text.includes(expected));
  if ((await within(SHOW_TIMEOUT_MS, running.until(shows))) && shows()) return;
  assert.equal(printedBy(running, folder)[1], expected);
}

/** Ends a command that goes on; it has printed the rest then. */
async function end(running: Running, shown: string, folder: string, isProgram: boolean): Promise<void> {
  const [, last = ""] = partsOf(shown, folder);
  // What routes goes on until it is stopped; everything else may be about to end by itself.
  const goesOn = !isProgram || (running.stdout + running.stderr).includes("routing");
  if (!(await within(goesOn ? 0 : END_TIMEOUT_MS, running.exited))) {
    running.child.kill("SIGINT");
    const { code } = await running.exited;
    if (isProgram) assert.equal(code, 0, running.stderr);
  }
  if (!printedBy(running, folder).some((text) => text.includes(last)))
    assert.equal(printedBy(running, folder)[1], last);
}

describe("the documentation", () => {
  for (const document of documents) {
    for (const example of examplesIn(document)) {
      const { name, sessions } = example;
      it(`${document}: example '${name}'`, async function () {
        const used = example.needs.length === 0 ? process.env.MMPY_PYTHON : pythonWith(example.needs);
        const missing = missingFor(example);
        if (missing !== undefined) {
          console.log(`SKIPPED: ${missing}`);
          this.skip();
        }
        const own = Object.keys(example.files).length > 0;
        const folder = own ? folderOf(example) : projectFolder;
        if (sessions.length === 0 && existsSync(path.join(folder, "monster.cfg"))) {
          const checked = start("mmpy check", folder, used);
          assert.equal((await checked.exited).code, 0, checked.stderr);
        }
        for (const { commands, beside, sends } of sessions) {
          const others = [];
          for (const { command, shown } of beside) {
            const running = start(command, folder, used);
            await usable(running, command);
            others.push({ running, shown });
          }
          for (const { command, shown } of commands) {
            const running = start(command, folder, used);
            if (sends.length > 0) {
              await running.sees(/routing/);
              send(sends, folder);
            }
            if (others.length > 0) await running.sees(/routing/);
            await Promise.all(others.map((other) => watch(other.running, other.shown, folder)));
            await watch(running, shown, folder);
            await end(running, shown, folder, true);
          }
          // Not before: a broker or a board is still needed.
          for (const { running, shown } of others) await end(running, shown, folder, false);
        }
      });
    }

    it(`${document}: links lead somewhere`, () => {
      const text = textOf(document).replace(/^```[\s\S]*?^```$/gm, "");
      for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target)) continue;
        const [file = "", anchor] = target.split("#");
        const linked = file === "" ? document : path.join(path.dirname(document), file);
        assert.ok(existsSync(path.join(projectFolder, linked)), `there is no ${linked}`);
        if (anchor !== undefined) assert.ok(anchorsOf(linked).includes(anchor), `${linked} has no heading #${anchor}`);
      }
    });
  }

  it("says where a link of the package leads to what only a checkout has", () => {
    for (const document of documents.filter(isInPackage)) {
      for (const line of textOf(document).split("\n")) {
        for (const [, file = ""] of line.matchAll(/(?<!!\[[^\]]*)\]\((?!https?:)([^)#\s]+)[^)]*\)/g)) {
          const linked = path.join(path.dirname(document), file);
          assert.ok(isInPackage(linked) || line.includes("in the checkout"), `${document}: ${line}`);
        }
      }
    }
  });

  it("mentions every option of mmpy --help", async () => {
    const help = start("mmpy --help", projectFolder);
    await help.exited;
    const all = documents.map(textOf).join("\n");
    const options = help.stdout.match(/(?<![\w-])(--[a-z-]+|-[a-z])(?![\w-])|\b[A-Z]{2,}_[A-Z]+\b/g) ?? [];
    assert.ok(options.length > 8, help.stdout);
    for (const option of new Set(options)) assert.ok(all.includes(`\`${option}`), `${option} is nowhere explained`);
  });

  it("mentions every code that an error may have", () => {
    const source = readFileSync(path.join(projectFolder, "lib", "errors.ts"), "utf8");
    const codes = [...source.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code]) => code);
    assert.ok(codes.length > 10);
    for (const code of codes) assert.ok(textOf("docs/typescript-api.md").includes(`\`${code}\``), code);
  });

  it("names tests that there are", () => {
    const list = path.join(folderWith({}), "tests.json");
    const mocha = createRequire(import.meta.url).resolve("mocha/bin/mocha.js");
    const options = ["--dry-run", "--reporter", "json", "--reporter-option", `output=${list}`];
    const listed = spawnSync(process.execPath, [mocha, ...options, "test/**/*.test.ts"], { cwd: projectFolder });
    assert.equal(listed.status, 0, String(listed.stderr));
    const { tests } = JSON.parse(readFileSync(list, "utf8")) as { tests: { file: string; fullTitle: string }[] };
    let count = 0;
    for (const [, file = "", names = ""] of textOf("docs/reliability.md").matchAll(
      /`([\w-]+)`: ("[^"]+"(?:, "[^"]+")*)/g,
    )) {
      const titles = tests
        .filter((test) => path.basename(test.file) === `${file}.test.ts`)
        .map((test) => test.fullTitle);
      for (const [, name = ""] of names.matchAll(/"([^"]+)"/g)) {
        assert.ok(
          titles.some((title) => title.includes(name)),
          `there is no test "${name}" in test/${file}.test.ts`,
        );
        ++count;
      }
    }
    assert.ok(count > 50, `${count} tests are named`);
  });

  it("type-checks its TypeScript", () => {
    const sources: Record<string, string> = {};
    for (const { name, files } of documents.flatMap(examplesIn)) {
      for (const [file, text] of Object.entries(files)) {
        if (/\.m?ts$/.test(file)) sources[`${name}/${file}`] = text;
      }
    }
    const folder = folderWith({
      ...sources,
      "package.json": '{ "type": "module" }',
      "tsconfig.json": JSON.stringify({
        extends: path.join(projectFolder, "tsconfig.json"),
        compilerOptions: { types: ["node"], typeRoots: [path.join(projectFolder, "node_modules", "@types")] },
        include: ["**/*.ts", "**/*.mts"],
      }),
    });
    mkdirSync(path.join(folder, "node_modules"));
    symlinkSync(projectFolder, path.join(folder, "node_modules", "midimonster-python"));
    const tsc = path.join(projectFolder, "node_modules", ".bin", "tsc");
    const { status, stdout } = spawnSync(tsc, ["-p", folder], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });
});

/** The anchors that GitHub gives to a document's headings. */
function anchorsOf(document: string): string[] {
  if (!document.endsWith(".md")) return [];
  const text = textOf(document).replace(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replace(/ /g, "-"),
  );
}
