// Text that looks like another program's syntax: comments, arrows, ranges.
import assert from "node:assert/strict";
import path from "node:path";
import { formatDiagnostic } from "../lib/config/diagnostic.js";
import { parseText } from "../lib/config/parser.js";
import { Router } from "../lib/engine/router.js";
import { MidimonsterError } from "../lib/errors.js";
import { folderWith, MemoryLog } from "./helpers.js";

const MODULE = "import midimonster\nmidimonster.output('level', 0)\ndef one(value): pass\ndef two(value): pass\n";

/** Lines from the fourth on; the first three are those of two instances. */
async function loading(...lines: string[]) {
  const config = ["[loopback out]", "[python desk]", "module = desk", ...lines].join("\n");
  const folder = folderWith({ "monster.cfg": config, "desk.py": MODULE });
  const log = new MemoryLog();
  const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: log });
  let errors: string[] = [];
  try {
    await router.load();
  } catch (error) {
    if (!(error instanceof MidimonsterError)) throw error;
    errors = error.diagnostics.map(formatDiagnostic);
  }
  const warnings = router.warnings().map(formatDiagnostic);
  await router.stop();
  const relative = (text: string) => text.replaceAll(`${folder}${path.sep}`, "");
  return { errors: errors.map(relative), warnings: warnings.map(relative), log };
}

const ALONE = /= a comment begins with ';'$/m;
const TRAILING = /= a comment needs a line of its own, which begins with ';'$/m;

describe("a comment in another notation", () => {
  const cases: [what: string, lines: string[], place: string, help: RegExp][] = [
    ["a line of a [map]", ["[map]", "# dimmers", "out.x > desk.desk.one"], "5:1", ALONE],
    ["one with an operator", ["[map]", "# out.x > desk.desk.one"], "5:1", ALONE],
    ["without whitespace", ["[map]", "#out.x > desk.desk.one"], "5:1", ALONE],
    ["with slashes", ["[map]", "// out.x to desk.desk.one"], "5:1", ALONE],
    ["in a section", ["# the desk"], "4:1", ALONE],
    ["in a section, with an equals sign", ["# module = desk"], "4:1", ALONE],
    ["after a target", ["[map]", "out.x > desk.desk.one ; pad 1"], "5:14", TRAILING],
    ["after a target, another character", ["[map]", "out.x > desk.desk.one # pad 1"], "5:14", TRAILING],
    ["after an option's value", ["module = desk ; twice"], "4:10", TRAILING],
    ["after a choice of words", ["interpreter = own ; its own"], "4:15", TRAILING],
    ["after a header", ["[map] ; mappings", "out.x > desk.desk.one"], "4:1", TRAILING],
  ];
  for (const [what, lines, place, help] of cases) {
    it(`is the only error, and says how comments begin: ${what}`, async () => {
      const { errors } = await loading(...lines);
      assert.equal(errors.length, 1, errors.join("\n"));
      assert.ok(errors[0]?.startsWith(`monster.cfg:${place}: error:`), errors[0]);
      assert.match(errors[0] ?? "", help);
      assert.doesNotMatch(errors[0] ?? "", /did you mean|available/);
    });
  }

  it("is an error in front of all sections, without errors for what follows", async () => {
    const folder = folderWith({ "monster.cfg": "# one\n// two\n[loopback a]\n# three\n[map]\na.x > a.y\n" });
    const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: new MemoryLog() });
    await assert.rejects(router.load(), (error: MidimonsterError) => {
      assert.deepEqual(
        error.diagnostics.map(({ location }) => location?.line),
        [1, 2, 4],
      );
      return error.diagnostics.every((each) => ALONE.test(formatDiagnostic(each)));
    });
  });

  const accepted: [what: string, lines: string[], place: string][] = [
    ["a channel", ["[map]", "desk.level > out.x ; pad 1"], "5:18"],
    ["an option", ["[backend mqtt]", "[mqtt broker]", "host = 127.0.0.1", "clientid = desk ; left"], "7:12"],
  ];
  for (const [what, lines, place] of accepted) {
    it(`is a warning where the text may be meant: ${what}`, async () => {
      const { errors, warnings, log } = await loading(...lines);
      assert.deepEqual(errors, []);
      assert.equal(warnings.length, what === "a channel" ? 1 : warnings.length);
      const warning = warnings.find((each) => each.startsWith(`monster.cfg:${place}: warning:`)) ?? "";
      assert.match(warning, TRAILING);
      assert.equal(log.matching(/needs a line of its own/).length, 1);
    });
  }

  it("is not seen in what may well contain such characters", async () => {
    const { errors, warnings } = await loading("[map]", "out./a#b;c > out.x#1", "out.knob #1 > out.a;b");
    assert.deepEqual([errors, warnings], [[], []]);
  });
});

it("a comment is seen though its line is not the only problem", async () => {
  const { errors } = await loading(
    "module = desk ; again",
    "[map]",
    "out.x > desk.desk.one ; pad 1",
    "out.y > desk.1..4",
  );
  assert.deepEqual(
    errors.map((error) => error.split(": ", 2).join(" ").replace("monster.cfg:", "")),
    ["4:10 error", "6:14 warning", "7:14 warning"],
  );
});

describe("an arrow in place of an operator", () => {
  const cases: [line: string, found: string, meant: string][] = [
    ["out.x -> desk.desk.one", "->", ">"],
    ["out.x->desk.desk.one", "->", ">"],
    ["out.x => desk.desk.one", "=>", ">"],
    ["out.x ==> desk.desk.one", "==>", ">"],
    ["out.x >> desk.desk.one", ">>", ">"],
    ["out.x <- desk.y", "<-", "<"],
    ["out.x <= desk.y", "<=", "<"],
    ["out.x <-> desk.y", "<->", "<>"],
    ["out.x <=> desk.y", "<=>", "<>"],
  ];
  for (const [line, found, meant] of cases) {
    it(`is an error that names the operator that was meant: ${line}`, async () => {
      const { errors } = await loading("[map]", line);
      assert.equal(errors.length, 1);
      const column = line.indexOf(found) + 1;
      assert.match(errors[0] ?? "", new RegExp(`^monster\\.cfg:5:${column}: error: '${found}' is not an operator`));
      assert.match(errors[0] ?? "", new RegExp(`= did you mean '${meant}'\\?$`));
    });
  }

  it("is none where the characters belong to names", async () => {
    const { errors } = await loading("[map]", "out.-x- > out.=y=", "out.a-b <> out.-c");
    assert.deepEqual(errors, []);
  });
});

describe("a range with leading zeros, which it loses", () => {
  const cases: [channel: string, range: string, help: string][] = [
    ["/ch/{01..08}/mix/fader", "{01..08}", "write 0{1..8}"],
    ["/ch/{01..16}/mix/fader", "{01..16}", "write 0{1..9} and {10..16}, each in a mapping of its own"],
    ["{12..08}", "{12..08}", "write {12..10} and 0{9..8}, each in a mapping of its own"],
    ["{00..10}", "{00..10}", "write 0{0..9} and 10, each in a mapping of its own"],
    ["{095..101}", "{095..101}", "write 0{95..99} and {100..101}, each in a mapping of its own"],
  ];
  for (const [channel, range, help] of cases) {
    it(`is a warning that says how to keep them: ${channel}`, async () => {
      const { errors, warnings } = await loading("[map]", `out.${channel} > out.all`);
      assert.deepEqual(errors, []);
      assert.equal(warnings.length, 1);
      const [first = ""] = warnings;
      assert.ok(
        first.startsWith(`monster.cfg:5:5: warning: '${range}' stands for numbers without leading zeros`),
        first,
      );
      assert.ok(first.endsWith(`= to keep the zeros, ${help}`), first);
    });
  }

  it("is not seen in 0, in lists and beside braces", async () => {
    const { warnings } = await loading(
      "[map]",
      "out.{0..3} > out.b0{1..4}",
      "out.{01,02} > out.c",
      "out.{10..20} > out.00",
    );
    assert.deepEqual(warnings, []);
  });
});

describe("an error's help says what was probably meant", () => {
  /** Each line is wrong; all of them are in one configuration, whose errors are in the order of the lines. */
  const cases: [section: string, lines: [line: string, help: string][]][] = [
    [
      "[map]",
      [
        ["out/fader > out.x", "did you mean 'out./fader'?"],
        ["out.x > fade 2s > out.y", "did you mean 'fade(2s)'?"],
        ["out.x > curve: 2 > out.y", "did you mean 'curve(2)'?"],
        ["out.x > invert, fade(2s) | dedup > out.y", "did you mean 'invert > fade(2s) > dedup'?"],
        ["out.x > range(10, 90) > out.y", "values go from 0 to 1; did you mean 10%?"],
        ["out.x > desk.[1..4].x", "did you mean '{1..4}.x'?"],
        ["out.x > desk.y(1..4)", "did you mean 'y{1..4}'?"],
      ],
    ],
    [
      "[artnet stage]",
      [
        ["bind = 0.0.0.0", "it is an option of the backend: write it below [backend artnet]"],
        ['universe = "3"', "quotation marks are part of the value: write 3"],
      ],
    ],
    [
      "[backend artnet]",
      [
        ["universe = 3", "it is an option of instances: write it below [artnet NAME]"],
        ["uni = 3", "it is an option of instances: write it below [artnet NAME]"],
      ],
    ],
    [
      "[osc tablet]",
      [
        ["bind = 8000", "write the host in front of the port: HOST 8000"],
        ["/a = float 0 1", "types are single characters: write f"],
        ["/b = Int 0 127", "types are single characters: write i"],
      ],
    ],
    [
      "[map]",
      [["loopback.a > out.b", "'loopback' is a backend: name one of its instances, the NAME in [loopback NAME]"]],
    ],
    ["[loopback a]", [["[mapping]", "did you mean [map]?"]]],
    ["[loopback a]", [["[loopback left lamp]", "did you mean [loopback left_lamp]?"]]],
    ["[python keys]", [["module = 'desk.py'", "quotation marks are part of the value: write desk.py"]]],
    ["[python keys]", [["module = nothing", "available modules: desk"]]],
  ];
  for (const [section, lines] of cases) {
    it(lines.map(([line]) => line).join(", "), async () => {
      const { errors, warnings } = await loading(section, ...lines.map(([line]) => line));
      for (const [i, [line, help]] of lines.entries()) {
        const told = [...errors, ...warnings].find((each) => each.startsWith(`monster.cfg:${i + 5}:`)) ?? "";
        assert.ok(told.includes(`\n      = ${help}`), `${line}: ${told || errors.join("\n")}`);
      }
    });
  }

  it("names the folder of an included file that is missing, and one without modules", async () => {
    const folder = folderWith({ "monster.cfg": "[python a]\nmodule = b\n[include sub/c.cfg]\n" });
    const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: new MemoryLog() });
    await assert.rejects(router.load(), ({ diagnostics }: MidimonsterError) => {
      const text = diagnostics.map(formatDiagnostic).join("\n");
      assert.match(text, /there is no file 'sub\/c\.cfg'/);
      assert.ok(text.includes(`to the folder of this file, so this is ${path.join(folder, "sub", "c.cfg")}`), text);
      assert.ok(text.includes(`= there is no module in ${folder}`), text);
      return true;
    });
  });
});

describe("a range without braces", () => {
  it("is a warning for a channel that may be called so", async () => {
    const { errors, warnings } = await loading("[map]", "out.dim1..4 > out.other");
    assert.deepEqual(errors, []);
    assert.match(warnings.join("\n"), /5:5: warning: 'dim1\.\.4' is one channel[\s\S]*did you mean 'dim\{1\.\.4\}'\?$/);
  });

  it("is named by the error for a channel that does not exist", async () => {
    const { errors } = await loading("[map]", "out.{1..4} > desk.1..4");
    assert.match(errors.join("\n"), /no handler for 'desk\.1\.\.4'[\s\S]*= did you mean '\{1\.\.4\}'\?$/);
  });

  it("is none beside one with braces", async () => {
    const { errors, warnings } = await loading("[map]", "out.{1..4} > out.x{1..4}.y");
    assert.deepEqual([errors, warnings], [[], []]);
  });
});

describe("a very long line", () => {
  const long = 300_000;
  const lines: [what: string, line: string][] = [
    ["hyphens in a name", `a.x > a.${"-".repeat(long)}`],
    ["equals signs after an arrow", `a.x <${"=".repeat(long)} a.y`],
    ["digits", `a.x > a.${"7".repeat(long)}`],
    ["digits and dots", `a.${"7.".repeat(long / 2)} > a.x`],
    ["braces that are not closed", `a.x > a.${"{1..2".repeat(long / 5)}`],
    ["arrows", `a.x ${"> ".repeat(long / 2)} a.y`],
    ["semicolons", `a.x > a.y${" ;".repeat(long / 2)}`],
  ];
  for (const [what, line] of lines) {
    it(`takes no more time than its length: ${what}`, () => {
      const before = process.cpuUsage();
      parseText(`[loopback a]\n[map]\n${line}\n`);
      const { user, system } = process.cpuUsage(before);
      // Of the processor, not of the clock: quadratic time would be minutes.
      assert.ok(user + system < 10e6, `${user + system} µs`);
    });
  }
});

it("warnings about text are those of a reload, too, and do not refuse it", async () => {
  const folder = folderWith({ "monster.cfg": "[loopback a]\n[map]\na.x > a.y\n" });
  const { writeFileSync } = await import("node:fs");
  const log = new MemoryLog();
  const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: log });
  await router.start();
  writeFileSync(path.join(folder, "monster.cfg"), "[loopback a]\n[map]\na.x > a.y ; here\n");
  await router.reload();
  await router.reload();
  assert.equal(log.matching(/needs a line of its own/).length, 1);
  await router.stop();
});

describe("a configuration without instances", () => {
  const cases: [what: string, text: string, programs: (router: Router) => void, warnings: number][] = [
    ["is a warning", "; [loopback a]\n[map]\n", () => {}, 1],
    ["is none if the program adds some", "; nothing\n", (router) => router.instance("loopback", "a"), 0],
  ];
  for (const [what, text, adds, expected] of cases) {
    it(what, async () => {
      const folder = folderWith({ "monster.cfg": text });
      const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: new MemoryLog() });
      adds(router);
      await router.load();
      const warnings = router.warnings().map(({ message }) => message);
      await router.stop();
      assert.deepEqual(warnings, Array(expected).fill("the configuration has no instances"));
    });
  }
});
