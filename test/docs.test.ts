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
 *     <!-- needs: NAME: MODULE -->     the example needs this Python module; skipped where Debian's Python has it neither
 *     <!-- send: NAME -->              the block's commands are run while the example's next command runs
 *     <!-- run: NAME -->               the block is a terminal session: lines `$ COMMAND`, each with what it prints
 *
 * A command's output has to contain what the block shows. A command that goes on then gets a Ctrl-C and has to end well;
 * what the block shows after a line `^C` comes then.
 */

interface Session {
  readonly commands: { readonly command: string; readonly shown: string }[];
  readonly sends: string[];
}

interface Example {
  readonly document: string;
  readonly name: string;
  readonly files: Record<string, string>;
  readonly copies: string[];
  /** A Python module. */
  needs?: string;
  readonly sessions: Session[];
  sends: string[];
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

const ANNOTATED = /^<!-- (file|copy|needs|send|run): (.*?) -->\n(?:```\w+\n([\s\S]*?)^```$)?/gm;

function examplesIn(document: string): Example[] {
  const examples = new Map<string, Example>();
  const example = (name: string): Example => {
    const known = examples.get(name);
    if (known !== undefined) return known;
    const made: Example = { document, name, files: {}, copies: [], sessions: [], sends: [] };
    examples.set(name, made);
    return made;
  };
  for (const [, kind, argument = "", block] of textOf(document).matchAll(ANNOTATED)) {
    if (kind === "copy") {
      const [name = "", files = ""] = argument.split(": ");
      example(name).copies.push(...files.split(" "));
      continue;
    }
    if (kind === "needs") {
      const [name = "", module = ""] = argument.split(": ");
      example(name).needs = module;
      continue;
    }
    assert.ok(block !== undefined, `${document}: no block follows <!-- ${kind}: ${argument} -->`);
    if (kind === "file") {
      const slash = argument.indexOf("/");
      example(argument.slice(0, slash)).files[argument.slice(slash + 1)] = block;
    } else if (kind === "send") {
      example(argument).sends = block.trim().split("\n");
    } else {
      const [before, ...commands] = block.split(/^\$ /m);
      assert.equal(before, "", `${document}: the session of '${argument}' begins with a line '$ COMMAND'`);
      const { sessions, sends } = example(argument);
      sessions.push({
        commands: commands.map((text) => ({
          command: text.slice(0, text.indexOf("\n")),
          shown: text.slice(text.indexOf("\n") + 1).trimEnd(),
        })),
        sends: sends.splice(0),
      });
    }
  }
  return [...examples.values()];
}

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const programs = [
  ["mmpy ", [mmpyScript]],
  ["node ", []],
  ["npx tsx ", ["--import", tsx]],
] as const;

/** A Python that has a module: the one that is used anyway, or Debian's own. */
function pythonWith(module: string): string | undefined {
  return [process.env.MMPY_PYTHON, "python3", "/usr/bin/python3"].find(
    (python) => python !== undefined && spawnSync(python, ["-c", `import ${module}`]).status === 0,
  );
}

/** Runs a command as it is shown, with variables before it. */
function start(command: string, cwd: string, python?: string): Running {
  const [, variables = "", rest = ""] = /^((?:\w+=\S* )*)(.*)$/.exec(command) ?? [];
  const env = { ...process.env, ...Object.fromEntries(variables.split(" ").map((text) => text.split("="))) };
  if (python !== undefined) env.MMPY_PYTHON = python;
  if (rest.startsWith("python3 ")) return run("python3", rest.split(" ").slice(1), { cwd, env });
  for (const [program, args] of programs) {
    if (!`${rest} `.startsWith(program)) continue;
    const given = rest.slice(program.length).split(" ");
    return run(process.execPath, [...args, ...given.filter((text) => text !== "")], { cwd, env });
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
    .replace(/(descriptor|fd=|running for|loading after) ?\d+/g, "$1 N")
    .replace(/^(wave|curved|inverted) \d\.\d\d.*$/gm, "$1") // the quick start's oscillator begins anywhere
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

/** Waits until a command has printed what the documentation shows, and ends it. */
async function watch(running: Running, shown: string, folder: string): Promise<void> {
  const [expected = "", last = ""] = `${shown}\n`.split(/^\^C\n/m).map((text) => normalized(text, folder));
  const printed = () => {
    const { stdout, stderr } = running;
    return [stdout + stderr, stderr + stdout].map((text) => normalized(text, folder));
  };
  const shows = () => printed().some((text) => text.includes(expected));
  if (!(await within(SHOW_TIMEOUT_MS, running.until(shows))) || !shows()) assert.equal(printed()[1], expected);
  // What routes goes on until it is stopped; everything else may be about to end by itself.
  const timeout = running.stderr.includes("routing") ? 0 : END_TIMEOUT_MS;
  if (!(await within(timeout, running.exited))) {
    running.child.kill("SIGINT");
    assert.equal((await running.exited).code, 0, running.stderr);
  }
  if (!printed().some((text) => text.includes(last))) assert.equal(printed()[1], last);
}

describe("the documentation", () => {
  for (const document of documents) {
    for (const example of examplesIn(document)) {
      const { name, sessions } = example;
      it(`${document}: example '${name}'`, async function () {
        const own = Object.keys(example.files).length > 0;
        const folder = own ? folderOf(example) : projectFolder;
        const python = example.needs === undefined ? undefined : pythonWith(example.needs);
        if (example.needs !== undefined && python === undefined) {
          console.log(
            `SKIPPED: no Python module '${example.needs}'; on Debian: apt-get install python3-${example.needs}`,
          );
          this.skip();
        }
        if (sessions.length === 0 && existsSync(path.join(folder, "monster.cfg"))) {
          const checked = start("mmpy check", folder);
          assert.equal((await checked.exited).code, 0, checked.stderr);
        }
        for (const { commands, sends } of sessions) {
          for (const { command, shown } of commands) {
            if (sends.length > 0 && spawnSync(sends[0]?.split(" ")[0] ?? "").error !== undefined) {
              console.log(`SKIPPED: no '${sends[0]?.split(" ")[0]}'; on Debian: apt-get install liblo-tools`);
              this.skip();
            }
            const running = start(command, folder, python);
            if (sends.length > 0) {
              await running.sees(/routing/);
              for (const send of sends) spawnSync("sh", ["-c", send]);
            }
            await watch(running, shown, folder);
          }
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
