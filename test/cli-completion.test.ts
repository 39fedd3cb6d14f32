// What a shell completes: `mmpy __complete` and the scripts that ask it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import path from "node:path";
import { BACKENDS } from "../lib/backends/index.js";
import { complete } from "../lib/cli/complete.js";
import { declareBackend, option } from "../lib/index.js";
import { folderWith, mmpy, mmpyScript, projectFolder, run } from "./helpers.js";

const FILES = {
  "monster.cfg": "[python desk]\nmodule = desk\n[loopback bus]\n[map]\nthis is no mapping\n",
  "other.cfg": "[include more/part.cfg]\n[python other]\n[pyton mistaken]\n",
  "more/part.cfg": "[python part]\n",
  "desk.py": "",
};
const COMMANDS = ["check", "doctor", "backends", "filters", "monitor", "completion"];
const DECLARATION = BACKENDS.find(({ name }) => name === "python");
const PYTHON = Object.keys(DECLARATION?.options ?? {}).map((name) => `python.${name}=`);
const INSTANCE_OPTIONS = Object.keys(DECLARATION?.instanceOptions ?? {});

describe("completion", () => {
  // `|` is the cursor.
  const cases: [line: string, words: readonly string[], files?: "config" | "any"][] = [
    ["|", COMMANDS, "config"],
    ["c|", ["check", "completion"], "config"],
    ["sh|", [], "config"],
    ["check |", [], "config"],
    ["check --log-level debug |", [], "config"],
    ["check other.cfg |", []],
    ["monitor |", []],
    ["other.cfg |", []],
    ["-- c|", [], "config"],
    [
      "-|",
      [
        "-i",
        "-b",
        "--log-level",
        "--log-format",
        "--queue-limit",
        "--watch",
        "--monitor",
        "--control",
        "--version",
        "--help",
      ],
    ],
    ["check --|", ["--log-level", "--log-format", "--no-run", "--json", "--version", "--help"]],
    ["doctor --j|", ["--json"]],
    ["backends --|", ["--log-level", "--log-format", "--json", "--version", "--help"]],
    ["--log-level |", ["error", "warn", "info", "debug", "silent"]],
    ["--log-level d|", ["debug"]],
    ["--log-level=d|", ["--log-level=debug"]],
    ["--log-level=|", ["error", "warn", "info", "debug", "silent"].map((word) => `--log-level=${word}`)],
    ["--log-format j|", ["json", "journal"]],
    ["--nonsense=|", []],
    ["backends |", BACKENDS.map(({ name }) => name)],
    ["backends py|", ["python"]],
    ["backends python |", []],
    ["filters de|", ["dedup", "deadband", "delay", "debounce"]],
    ["completion |", ["bash", "zsh", "fish"]],
    ["-b py|", ["python."]],
    ["-b python.|", PYTHON],
    ["-b python.d|", ["python.deepbind="]],
    ["-bpython.d|", ["-bpython.deepbind="]],
    ["-b python.deepbind=|", ["python.deepbind=on", "python.deepbind=off"]],
    ["-b python.deepbind=of|", ["python.deepbind=off"]],
    ["-b python.handler-warn=|", ["python.handler-warn=off"]],
    ["-b python.python=./v|", [], "any"],
    ["-b python.nonsense=|", []],
    ["-b python.toString=|", []],
    ["-b nonsense.|", []],
    ["-b loopback.|", []],
    ["-i |", ["desk."]],
    ["-i desk.def|", ["desk.default-handler="]],
    ["-i desk.|", INSTANCE_OPTIONS.map((name) => `desk.${name}=`)],
    ["-idesk.m|", ["-idesk.module=", "-idesk.memory-limit="]],
    ["-i desk.module=|", []],
    ["-i bus.|", []],
    ["-i | other.cfg", ["part.", "other."]],
    ["check -i | other.cfg", ["part.", "other."]],
    ["check other.cfg --log-level debug -i o|", ["other."]],
    ["-b python.deepbind=off -i | other.cfg", ["part.", "other."]],
  ];
  for (const [line, expected, files] of cases) {
    it(`of: mmpy ${line}`, () => {
      const before = process.cwd();
      process.chdir(folderWith(FILES));
      try {
        const [left = "", right = ""] = line.split("|");
        const words = left.split(" ");
        const found = complete([...words, ...right.split(" ").filter((word) => word !== "")], words.length - 1);
        assert.deepEqual([found.words.map(({ word }) => word), found.files], [expected, files]);
      } finally {
        process.chdir(before);
      }
    });
  }

  it("knows all names of an option", () => {
    const mode = option.choice(["a", "b"], { doc: "", aliases: ["modus"] });
    const backend = declareBackend({
      name: "lamp",
      summary: "",
      options: { mode },
      instanceOptions: {},
      channels: { forms: [] },
      load: () => assert.fail("loaded"),
    });
    const found = (word: string) => complete(["-b", word], 1, [backend]).words.map((each) => each.word);
    assert.deepEqual(found("lamp."), ["lamp.mode=", "lamp.modus="]);
    assert.deepEqual(found("lamp.modus="), ["lamp.modus=a", "lamp.modus=b"]);
  });

  it("explains every word but values", () => {
    for (const words of [[""], ["-"], ["backends", ""], ["-b", "p"], ["-b", "python."]]) {
      const { words: found } = complete(words, words.length - 1);
      assert.deepEqual(
        found.filter(({ doc }) => !doc),
        [],
      );
    }
  });

  const silent: [what: string, args: string[]][] = [
    ["without a configuration", ["1", "-i", ""]],
    ["of a folder", ["1", "-i", "", "."]],
    ["of a file that is none", ["1", "-i", "", "/dev/null/nothing"]],
    ["of a device that never ends", ["1", "-i", "", "/dev/zero"]],
    ["without words", []],
    ["at no word", ["x", "check"]],
    ["of a word with odd characters", ["1", "-i", "\u0001.(["]],
  ];
  for (const [what, args] of silent) {
    it(`${what} is nothing, and no error`, async () => {
      const asked = mmpy(["__complete", ...args], { cwd: folderWith({}) });
      assert.deepEqual(await asked.exited, { code: 0, signal: null });
      assert.equal(asked.stderr, "");
    });
  }

  it("leaves out names of a configuration that are commands to a shell", async () => {
    const config = "[python $(reboot)]\n[python a;b]\n[python good]\n[python \u001b[31m]\n";
    const asked = mmpy(["__complete", "1", "-i", ""], { cwd: folderWith({ "monster.cfg": config }) });
    await asked.exited;
    assert.equal(asked.stdout, "good.\tan instance of python\n");
  });

  it("is not in the help", async () => {
    const help = mmpy(["--help"]);
    await help.exited;
    assert.doesNotMatch(help.stdout, /__complete/);
  });
});

/** A folder that stands on the PATH, with the command in it; and one to work in. */
function installed() {
  const bin = folderWith({});
  symlinkSync(mmpyScript, path.join(bin, "mmpy"));
  const environment = { ...process.env, PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}` };
  return { cwd: folderWith({ ...FILES, "odd name.cfg": "" }), env: environment };
}

function skipWithout(shell: string, test: Mocha.Context): void {
  if (spawnSync(shell, ["-c", ":"]).error === undefined) return;
  console.log(`SKIPPED: no '${shell}'; on Debian: apt-get install ${shell}`);
  test.skip();
}

/** Types a line and presses Tab; what the terminal then shows has all that is expected. */
async function pressTab(shell: string, setup: string, line: string, expected: readonly string[]): Promise<void> {
  const typist = path.join(projectFolder, "test", "fixtures", "press_tab.py");
  const asked = run("python3", [typist, shell, setup, line], installed());
  assert.deepEqual(await asked.exited, { code: 0, signal: null }, asked.stderr);
  assert.deepEqual(
    expected.filter((text) => !asked.stdout.includes(text)),
    [],
    asked.stdout,
  );
}

type ShellCase = [line: string, expected: readonly string[]];
const COMMON: readonly ShellCase[] = [
  ["mmpy che", ["check"]],
  ["mmpy --wat", ["--watch"]],
  ["mmpy --log-level d", ["debug"]],
  ["mmpy backends ", BACKENDS.map(({ name }) => name)],
  ["mmpy completion ", ["bash", "zsh", "fish"]],
  ["mmpy -b python.", PYTHON],
  ["mmpy -i ", ["desk."]],
  ["mmpy check other.cfg -i ", ["part.", "other."]],
];

describe("mmpy completion bash", () => {
  // Of a word with `=` in it bash replaces what follows that.
  const cases: readonly (readonly [...ShellCase, after?: string])[] = [
    ...COMMON,
    ["mmpy ", [...COMMANDS, "monster.cfg", "odd name.cfg", "other.cfg", "more"]],
    ["mmpy check o", ["odd name.cfg", "other.cfg"]],
    ["mmpy check more/", ["more/part.cfg"]],
    ["mmpy -b python.deepbind=", ["on", "off"]],
    ["mmpy -b python.python=de", ["desk.py"]],
    ["mmpy --log-format=jo", ["journal"]],
    ["mmpy -i ", ["part.", "other."], " other.cfg"],
    ["mmpy -i ", ["desk."], "de monster.cfg"],
    ["FOO=1 mmpy comp", ["completion"]],
    ["mmpy other.cfg ", []],
  ];
  for (const [line, expected, after = ""] of cases) {
    it(`completes: ${line}|${after}`, async () => {
      const script = `source <(mmpy completion bash)
COMP_LINE=$1 COMP_POINT=$2
_mmpy mmpy
[[ $\{#COMPREPLY[@]} -eq 0 ]] || printf '%s\\n' "$\{COMPREPLY[@]}"`;
      const asked = run("bash", ["-c", script, "bash", line + after, String(line.length)], installed());
      assert.deepEqual(await asked.exited, { code: 0, signal: null });
      assert.equal(asked.stderr, "");
      assert.deepEqual(asked.stdout.split("\n").slice(0, -1).sort(), [...expected].sort());
    });
  }

  // As a user has it: with readline.
  const typed: readonly ShellCase[] = [
    ["mmpy che", ["[mmpy check ]"]],
    ["mmpy -b pyth", ["[mmpy -b python.]"]],
    ["mmpy -b python.deep", ["[mmpy -b python.deepbind=]"]],
    ["mmpy -b python.deepbind=of", ["[mmpy -b python.deepbind=off ]"]],
    ["mmpy check mon", ["[mmpy check monster.cfg ]"]],
    ["mmpy check mor", ["[mmpy check more/]"]],
    ["mmpy odd", ["[mmpy odd\\ name.cfg ]"]],
  ];
  for (const [line, expected] of typed) {
    it(`completes what is typed: ${line}`, async () => {
      await pressTab("bash", "source <(mmpy completion bash)", line, expected);
    });
  }
});

describe("mmpy completion fish", () => {
  const cases: readonly ShellCase[] = [
    ...COMMON,
    ["mmpy check mon", ["monster.cfg"]],
    ["mmpy check mor", ["more/"]],
    ["mmpy -b python.deepbind=", ["python.deepbind=off", "python.deepbind=on"]],
    ["mmpy -b python.python=de", ["python.python=desk.py"]],
    ["mmpy other.cfg ", []],
  ];
  for (const [line, expected] of cases) {
    it(`completes: ${line}`, async function () {
      skipWithout("fish", this);
      const options = installed();
      const script = "mmpy completion fish | source; complete -C $argv[1]";
      const asked = run("fish", ["--no-config", "-c", script, line], options);
      assert.deepEqual(await asked.exited, { code: 0, signal: null });
      assert.equal(asked.stderr, "");
      const found = asked.stdout.split("\n").map((text) => text.split("\t")[0] ?? "");
      assert.deepEqual(found.slice(0, -1).sort(), [...expected].sort());
    });
  }
});

describe("mmpy completion zsh", () => {
  const setup = "autoload -U compinit; compinit -u -D; source <(mmpy completion zsh)";
  // What the terminal shows has these: the line between brackets, and what is listed if there are several.
  const cases: readonly ShellCase[] = [
    ["mmpy ", ["check       -- do everything except run", "completion  -- ", "monster.cfg", "other.cfg", "more/"]],
    ["mmpy che", ["[mmpy check ]"]],
    ["mmpy --wat", ["[mmpy --watch ]"]],
    ["mmpy --log-level d", ["[mmpy --log-level debug ]"]],
    ["mmpy --log-format=jo", ["[mmpy --log-format=journal ]"]],
    ["mmpy backends ", BACKENDS.map(({ name }) => name)],
    ["mmpy -b pyth", ["[mmpy -b python.]"]],
    ["mmpy -b python.", PYTHON],
    ["mmpy -b python.deepbind=of", ["[mmpy -b python.deepbind=off ]"]],
    ["mmpy -b python.python=de", ["[mmpy -b python.python=desk.py ]"]],
    ["mmpy check other.cfg -i o", ["[mmpy check other.cfg -i other.]"]],
    ["mmpy check other.cfg -i other.d", ["[mmpy check other.cfg -i other.default-handler=]"]],
    ["mmpy check mon", ["[mmpy check monster.cfg ]"]],
    ["mmpy odd", ["[mmpy odd\\ name.cfg ]"]],
  ];
  for (const [line, expected] of cases) {
    it(`completes: ${line}`, async function () {
      skipWithout("zsh", this);
      await pressTab("zsh", setup, line, expected);
    });
  }
});
