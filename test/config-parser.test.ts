import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatDiagnostic } from "../lib/config/diagnostic.js";
import { parseFile, parseText } from "../lib/config/parser.js";
import type { ConfigTree } from "../lib/config/syntax.js";
import { MidimonsterError } from "../lib/errors.js";
import { folderWith } from "./helpers.js";

/** A tree in one line a section and one line a mapping, quoted so that blanks show. */
function summary({ sections }: ConfigTree): string[] {
  return sections.flatMap((section) => {
    if (section.kind === "map") {
      return section.mappings.map(
        ({ left, direction, right }) =>
          `'${left.instance.text}' '${left.channel.text}' ${direction} '${right.instance.text}' '${right.channel.text}'`,
      );
    }
    if (section.kind === "filter") return [`filter '${section.name.text}'`];
    const name = section.kind === "backend" ? "backend" : `instance '${section.name.text}' of`;
    const options = section.assignments.map(({ option, value }) => ` '${option.text}'='${value.text}'`);
    return [`${name} '${section.backend.text}'${options.join("")}`];
  });
}

/** Parses text that has no errors. */
function good(text: string): string[] {
  const { tree, diagnostics } = parseText(text, "monster.cfg");
  assert.deepEqual(diagnostics.map(formatDiagnostic), []);
  return summary(tree);
}

/** All errors of a text, as a user sees them. */
function shown(text: string): string {
  return parseText(text, "monster.cfg").diagnostics.map(formatDiagnostic).join("\n");
}

function lines(...text: string[]): string {
  return text.join("\n");
}

describe("configuration files in other encodings", () => {
  it("in Latin-1 keep names apart", () => {
    const folder = folderWith({});
    const file = path.join(folder, "latin.cfg");
    writeFileSync(file, Buffer.from("[map]\na.gr\u00fcn > b.gr\u00f6n\n", "latin1"));
    const { tree, diagnostics } = parseFile(file);
    assert.deepEqual(diagnostics, []);
    const [section] = tree.sections;
    assert.ok(section?.kind === "map");
    const [mapping] = section.mappings;
    assert.deepEqual([mapping?.left.channel.text, mapping?.right.channel.text], ["gr\u00fcn", "gr\u00f6n"]);
  });

  const wide: [what: string, text: string][] = [
    ["with a byte order mark", "\ufeff[map]\n"],
    ["without one", "; \u00fcber Br\u00fccken\n[map]\n"],
  ];
  for (const [what, text] of wide) {
    for (const order of ["little", "big"]) {
      it(`in UTF-16, ${order}-endian, ${what}, say how to save them`, () => {
        const file = path.join(folderWith({}), "wide.cfg");
        const bytes = Buffer.from(text, "utf16le");
        writeFileSync(file, order === "little" ? bytes : bytes.swap16());
        assert.throws(() => parseFile(file), /can't read the configuration: it is UTF-16; save it as UTF-8/);
      });
    }
  }

  for (const ends of ["\n", "\r\n", "\r"]) {
    it(`with lines that end in ${JSON.stringify(ends)} are read`, () => {
      const file = path.join(
        folderWith({ "a.cfg": `; a comment${ends}[loopback a]${ends}[loopback b]${ends}` }),
        "a.cfg",
      );
      const { tree, diagnostics } = parseFile(file);
      assert.deepEqual([tree.sections.length, diagnostics], [2, []]);
    });
  }

  it("with a null character, or with Latin-1 of two characters, are not taken for UTF-16", () => {
    const file = path.join(folderWith({}), "odd.cfg");
    for (const text of ["[loopback a\0]\n[loopback b]\n", "\u00ff;\n", ""]) {
      writeFileSync(file, Buffer.from(text, "latin1"));
      assert.doesNotThrow(() => parseFile(file));
    }
  });
});

describe("configuration that is accepted", () => {
  const cases: [what: string, text: string, sections: string[]][] = [
    ["nothing at all", "", []],
    ["only comments and blank lines", "; a\n\n   \n\t; b = c\n;", []],
    [
      "a backend's options",
      "[backend python]\npython = venv\ndeepbind=on",
      ["backend 'python' 'python'='venv' 'deepbind'='on'"],
    ],
    ["an instance without options", "[loopback a]", ["instance 'a' of 'loopback'"]],
    [
      "an option given twice, in order",
      "[python py]\nmodule = b\nmodule = a",
      ["instance 'py' of 'python' 'module'='b' 'module'='a'"],
    ],
    ["'=' in a value", "[osc o]\npath = a=b==c=", ["instance 'o' of 'osc' 'path'='a=b==c='"]],
    [
      "a value with blanks, ';', brackets and '<'",
      "[osc o]\nx = 1 ; [2] <3>",
      ["instance 'o' of 'osc' 'x'='1 ; [2] <3>'"],
    ],
    ["an option with blanks and dots", "[osc o]\n/a/b .c = ff", ["instance 'o' of 'osc' '/a/b .c'='ff'"]],
    ["an empty value", "[osc o]\nx =\ny=   ", ["instance 'o' of 'osc' 'x'='' 'y'=''"]],
    [
      "letters of any script",
      "[osc ünï]\nfarbe = größer 🎹\n[map]\nünï.日本 > ünï.🎹",
      ["instance 'ünï' of 'osc' 'farbe'='größer 🎹'", "'ünï' '日本' > 'ünï' '🎹'"],
    ],
    [
      "indentation by blanks and tabs",
      "\t[osc o]  \n  \t x\t=\t1\t\n [map]\t\n\to.x > o.y",
      ["instance 'o' of 'osc' 'x'='1'", "'o' 'x' > 'o' 'y'"],
    ],
    [
      "Windows line ends",
      "[osc o]\r\nx = 1\r\n\r\n; c\r\n[map]\r\no.x > o.y\r\n",
      ["instance 'o' of 'osc' 'x'='1'", "'o' 'x' > 'o' 'y'"],
    ],
    ["a byte order mark", "\uFEFF[osc o]\nx = 1", ["instance 'o' of 'osc' 'x'='1'"]],
    [
      "no line end after the last line",
      "[osc o]\nx = 1\n[osc p]\ny = 2",
      ["instance 'o' of 'osc' 'x'='1'", "instance 'p' of 'osc' 'y'='2'"],
    ],
    ["control characters around a line", "\0[osc o]\x07\n\x01x = \x1b1\x7f", ["instance 'o' of 'osc' 'x'='1'"]],
    ["blanks around a backend's name", "[backend   osc  ]\nx = 1", ["backend 'osc' 'x'='1'"]],
    [
      "a backend's section twice",
      "[backend osc]\na = 1\n[backend osc]\nb = 2",
      ["backend 'osc' 'a'='1'", "backend 'osc' 'b'='2'"],
    ],
    [
      "an instance whose name holds brackets",
      "[osc a]b]\n[osc [c]",
      ["instance 'a]b' of 'osc'", "instance '[c' of 'osc'"],
    ],
    ["an instance called map", "[osc map]\n[map]\nmap.a > map.b", ["instance 'map' of 'osc'", "'map' 'a' > 'map' 'b'"]],
    [
      "several [map] sections",
      "[map]\na.x > b.y\n[osc o]\n[map]\na.x > c.y",
      ["'a' 'x' > 'b' 'y'", "instance 'o' of 'osc'", "'a' 'x' > 'c' 'y'"],
    ],
    [
      "mappings in all four directions",
      "[map]\na.x > b.y\na.x < b.y\na.x <> b.y\na.x >< b.y",
      ["'a' 'x' > 'b' 'y'", "'a' 'x' < 'b' 'y'", "'a' 'x' <> 'b' 'y'", "'a' 'x' <> 'b' 'y'"],
    ],
    [
      "mappings without blanks",
      "[map]\na.x>b.y\na.x<b.y\na.x<>b.y\na.x><b.y",
      ["'a' 'x' > 'b' 'y'", "'a' 'x' < 'b' 'y'", "'a' 'x' <> 'b' 'y'", "'a' 'x' <> 'b' 'y'"],
    ],
    [
      "a channel with dots: the first dot ends the instance's name",
      "[map]\na.b.c.d > py.pkg.mod.fn",
      ["'a' 'b.c.d' > 'py' 'pkg.mod.fn'"],
    ],
    ["a channel with blanks, '=' and slashes", "[map]\na./x y=z > b.1 2", ["'a' '/x y=z' > 'b' '1 2'"]],
    ["a channel that begins with a dot", "[map]\na..x > b.y", ["'a' '.x' > 'b' 'y'"]],
    ["a comment between mappings", "[map]\n;a.x > b.y\n ; c\na.x > b.z", ["'a' 'x' > 'b' 'z'"]],
    ["'}' without '{' as a letter", "[map]\na.x} > b.}y", ["'a' 'x}' > 'b' '}y'"]],
  ];
  for (const [what, text, sections] of cases) {
    it(what, () => assert.deepEqual(good(text), sections));
  }
});

describe("configuration errors, with file, line, column and caret", () => {
  const sizeHelp = "      = both sides of a mapping need the same number of channels, or one side a single channel";
  const expressionHelp = "      = write {1..512} for a range or {red,green,blue} for a list";
  const cases: [what: string, text: string, errors: string][] = [
    [
      "an assignment outside a section, once for a run of lines",
      "; c\n\nmodule = x\nmodule = y",
      lines(
        "monster.cfg:3:1: error: this line is outside any section",
        "    3 | module = x",
        "      | ^~~~~~~~~~",
        "      = start a section before it: [backend NAME], [BACKEND INSTANCE] or [map]",
      ),
    ],
    [
      "a mapping outside a section",
      "a.x > b.y",
      lines(
        "monster.cfg:1:1: error: this line is outside any section",
        "    1 | a.x > b.y",
        "      | ^~~~~~~~~",
        "      = start a section before it: [backend NAME], [BACKEND INSTANCE] or [map]",
      ),
    ],
    [
      "a header without ']', whose lines are not reported again",
      "[python py\nmodule = x\nnonsense",
      lines("monster.cfg:1:1: error: a section header must end with ']'", "    1 | [python py", "      | ^~~~~~~~~~"),
    ],
    [
      "something after a header's ']'",
      "  [map] ; mappings",
      lines(
        "monster.cfg:1:3: error: a section header must end with ']'",
        "    1 |   [map] ; mappings",
        "      |   ^~~~~~~~~~~~~~~~",
        "      = a comment needs a line of its own, which begins with ';'",
      ),
    ],
    [
      "a header without an instance's name",
      "[python]\nmodule = x",
      lines(
        "monster.cfg:1:1: error: this instance of 'python' has no name",
        "    1 | [python]",
        "      | ^~~~~~~~",
        "      = write [python NAME], or [backend python] to set options of the backend",
      ),
    ],
    [
      "a header without a backend's name",
      "[backend]\n[backend  ]",
      lines(
        "monster.cfg:1:1: error: the backend's name is missing",
        "    1 | [backend]",
        "      | ^~~~~~~~~",
        "      = write [backend NAME]",
        "monster.cfg:2:1: error: the backend's name is missing",
        "    2 | [backend  ]",
        "      | ^~~~~~~~~~~",
        "      = write [backend NAME]",
      ),
    ],
    [
      "a blank in an instance's name",
      "[python my py]",
      lines(
        "monster.cfg:1:9: error: the instance name 'my py' contains whitespace",
        "    1 | [python my py]",
        "      |         ^~~~~",
        "      = did you mean [python my_py]?",
      ),
    ],
    [
      "a dot in an instance's name",
      "\t[python my.py]",
      lines(
        "monster.cfg:1:10: error: the instance name 'my.py' contains a dot, which separates instance and channel",
        "    1 | \t[python my.py]",
        "      | \t        ^~~~~",
        "      = did you mean [python my_py]?",
      ),
    ],
    [
      "a line that assigns nothing",
      "[python py]\n  module handlers",
      lines(
        "monster.cfg:2:3: error: 'module handlers' is not an assignment",
        "    2 |   module handlers",
        "      |   ^~~~~~~~~~~~~~~",
        "      = write option = value",
      ),
    ],
    [
      "a mapping in an instance's section",
      "[python py]\na.x > b.y",
      lines(
        "monster.cfg:2:1: error: 'a.x > b.y' is not an assignment",
        "    2 | a.x > b.y",
        "      | ^~~~~~~~~",
        "      = mappings belong in a [map] section",
      ),
    ],
    [
      "a value without an option",
      "[python py]\n = handlers",
      lines(
        "monster.cfg:2:2: error: the option's name is missing",
        "    2 |  = handlers",
        "      |  ^~~~~~~~~~",
        "      = write option = value",
      ),
    ],
    [
      "an assignment in [map]",
      "[map]\nmodule = handlers",
      lines(
        "monster.cfg:2:1: error: 'module = handlers' is not a mapping",
        "    2 | module = handlers",
        "      | ^~~~~~~~~~~~~~~~~",
        "      = write a.x > b.y, a.x < b.y or a.x <> b.y",
      ),
    ],
    [
      "a mapping without its right side",
      "[map]\na.x > ",
      lines(
        "monster.cfg:2:1: error: one side of the mapping is missing",
        "    2 | a.x > ",
        "      | ^~~~~",
        "      = write instance.channel",
      ),
    ],
    [
      "a mapping without its left side",
      "[map]\n<> b.y",
      lines(
        "monster.cfg:2:1: error: one side of the mapping is missing",
        "    2 | <> b.y",
        "      | ^~~~~~",
        "      = write instance.channel",
      ),
    ],
    [
      "sides without a channel, each with a place",
      "[map]\nknobs > lamps.\n",
      lines(
        "monster.cfg:2:1: error: 'knobs' does not name a channel",
        "    2 | knobs > lamps.",
        "      | ^~~~~",
        "      = write instance.channel",
        "monster.cfg:2:9: error: 'lamps.' does not name a channel",
        "    2 | knobs > lamps.",
        "      |         ^~~~~~",
        "      = write instance.channel",
      ),
    ],
    [
      "a side without an instance",
      "[map]\na.x > .y",
      lines(
        "monster.cfg:2:7: error: '.y' does not name an instance",
        "    2 | a.x > .y",
        "      |       ^~",
        "      = write instance.channel",
      ),
    ],
    [
      "a '{' without a matching '}' on both sides",
      "[map]\na.x{1..2 < b.{y",
      lines(
        "monster.cfg:2:4: error: '{' without a matching '}'",
        "    2 | a.x{1..2 < b.{y",
        "      |    ^~~~~",
        expressionHelp,
        "monster.cfg:2:14: error: '{' without a matching '}'",
        "    2 | a.x{1..2 < b.{y",
        "      |              ^~",
        expressionHelp,
      ),
    ],
    [
      "two expressions of one name",
      "[map]\na.x{1-2}y{} > b.y",
      lines(
        "monster.cfg:2:4: error: '{1-2}' is neither a range nor a list",
        "    2 | a.x{1-2}y{} > b.y",
        "      |    ^~~~~",
        expressionHelp,
        "monster.cfg:2:10: error: '{}' is neither a range nor a list",
        "    2 | a.x{1-2}y{} > b.y",
        "      |          ^~",
        expressionHelp,
      ),
    ],
    [
      "unequal sizes",
      "[map]\na.{1..3} > b.{x,y}",
      lines(
        "monster.cfg:2:1: error: 3 channels on the left, 2 on the right",
        "    2 | a.{1..3} > b.{x,y}",
        "      | ^~~~~~~~~~~~~~~~~~",
        sizeHelp,
      ),
    ],
    [
      "an include without a file",
      "[include]",
      lines(
        "monster.cfg:1:1: error: the included file's name is missing",
        "    1 | [include]",
        "      | ^~~~~~~~~",
        "      = write [include FILE]",
      ),
    ],
    [
      "a tab within a line: the caret's line has it too",
      "[map]\na.x\t>\tb",
      lines(
        "monster.cfg:2:7: error: 'b' does not name a channel",
        "    2 | a.x\t>\tb",
        "      |    \t \t^",
        "      = write instance.channel",
      ),
    ],
    [
      "the first line of a file with a byte order mark",
      "\uFEFFx",
      lines(
        "monster.cfg:1:1: error: this line is outside any section",
        "    1 | x",
        "      | ^",
        "      = start a section before it: [backend NAME], [BACKEND INSTANCE] or [map]",
      ),
    ],
    [
      "lines that end as on Windows: the line's end is not shown",
      "[map]\r\n\r\nfoo\r\n",
      lines(
        "monster.cfg:3:1: error: 'foo' is not a mapping",
        "    3 | foo",
        "      | ^~~",
        "      = write a.x > b.y, a.x < b.y or a.x <> b.y",
      ),
    ],
    [
      "a line number of five digits",
      `[map]${"\n".repeat(12345)}foo`,
      lines(
        "monster.cfg:12346:1: error: 'foo' is not a mapping",
        "12346 | foo",
        "      | ^~~",
        "      = write a.x > b.y, a.x < b.y or a.x <> b.y",
      ),
    ],
  ];
  for (const [what, text, errors] of cases) {
    it(what, () => assert.equal(shown(text), errors));
  }

  it("finds all of them in one run, in the order of the lines, and keeps what is sound", () => {
    const text =
      "x\n[python]\n[loopback a]\nfoo\nbar = 1\n[python b.c]\n[map]\na.x > a.{1..2}\na.x\na.{ > a.y\na.x > a.z";
    const { tree, diagnostics } = parseText(text, "monster.cfg");
    const found = diagnostics.map(({ location, message }) => `${location?.line}:${location?.column} ${message}`);
    assert.deepEqual(found, [
      "1:1 this line is outside any section",
      "2:1 this instance of 'python' has no name",
      "4:1 'foo' is not an assignment",
      "6:9 the instance name 'b.c' contains a dot, which separates instance and channel",
      "9:1 'a.x' is not a mapping",
      "10:3 '{' without a matching '}'",
    ]);
    assert.deepEqual(summary(tree), [
      "instance 'a' of 'loopback' 'bar'='1'",
      "'a' 'x' > 'a' '{1..2}'",
      "'a' 'x' > 'a' 'z'",
    ]);
  });

  it("shows a very long line around the place", () => {
    const text = `[map]\n${"k".repeat(5000)}.x > b${"y".repeat(5000)}`;
    const [, excerpt = "", caret = ""] = shown(text).split("\n");
    assert.match(shown(text), /^monster\.cfg:2:5006: error: /);
    assert.ok(excerpt.length < 200, excerpt);
    assert.equal(excerpt[caret.indexOf("^")], "b");
    assert.equal(excerpt[caret.indexOf("^") - 2], ">");
    assert.ok(caret.length <= excerpt.length, "the underline ends with the excerpt");
  });

  it("shows no control characters from a line", () => {
    const [, excerpt] = shown("[map]\nred \x1b[31m ink").split("\n");
    assert.equal(excerpt, "    2 | red \ufffd[31m ink");
  });

  it("throws for a file that can't be read, saying what to do", () => {
    const folder = folderWith({ "sub/a.cfg": "" });
    const missing = path.join(folder, "no.cfg");
    assert.throws(
      () => parseFile(missing),
      (error) =>
        error instanceof MidimonsterError &&
        error.code === "CONFIG" &&
        error.message.startsWith(`error: can't read the configuration: there is no file '`) &&
        error.message.includes(missing) &&
        error.message.endsWith("\n      = give a configuration file, as in: mmpy path/to/monster.cfg"),
    );
    assert.throws(
      () => parseFile(path.join(folder, "sub")),
      /^MidimonsterError: error: can't read the configuration: '.*sub' is a folder\n/,
    );
  });

  const THERE: [files: Record<string, string>, given: string, help: string][] = [
    [{ "show.cfg": "", "other.txt": "" }, "shwo.cfg", "did you mean '%/show.cfg'?"],
    [{ "b.cfg": "", "a.cfg": "" }, "nothing-like-it", "configurations there: %/a.cfg, %/b.cfg"],
    [{ "sub/stage.cfg": "" }, "sub", "configurations there: %/sub/stage.cfg"],
    [{ "other.txt": "" }, "no/such/folder.cfg", "give a configuration file, as in: mmpy path/to/monster.cfg"],
  ];
  for (const [files, given, help] of THERE) {
    it(`beside ${Object.keys(files).join(", ")}, for '${given}' points at what is there`, () => {
      const folder = folderWith(files);
      assert.throws(
        () => parseFile(path.join(folder, given)),
        (error) =>
          error instanceof MidimonsterError && error.message.endsWith(`\n      = ${help.replaceAll("%", folder)}`),
      );
    });
  }

  for (const first of ["# a comment of Python", "import midimonster"]) {
    it(`says that a module is not a configuration, at '${first}'`, () => {
      const { diagnostics } = parseText(`${first}\n\ndef fader(value):\n    pass\n`, "show.py");
      assert.deepEqual(
        diagnostics.map(({ help }) => help),
        [["this is a Python module; a configuration loads it, by module = NAME in a [python INSTANCE] section"]],
      );
    });
  }
});

describe("[include FILE]", () => {
  /** Summary and errors of monster.cfg, paths relative to its folder. */
  function parsed(files: Record<string, string>) {
    const folder = folderWith(files);
    const { tree, diagnostics } = parseFile(path.join(folder, "monster.cfg"));
    const errors = diagnostics.map((diagnostic) => formatDiagnostic(diagnostic).replaceAll(`${folder}/`, ""));
    return { folder, tree, sections: summary(tree), errors };
  }

  const cases: [what: string, files: Record<string, string>, sections: string[]][] = [
    [
      "puts the file's sections in its place",
      { "monster.cfg": "[osc a]\n[include b.cfg]\n[osc c]", "b.cfg": "[osc b]\nx = 1\n" },
      ["instance 'a' of 'osc'", "instance 'b' of 'osc' 'x'='1'", "instance 'c' of 'osc'"],
    ],
    [
      "continues the including file's section",
      { "monster.cfg": "[osc a]\nx = 1\n[include more.cfg]\nz = 3", "more.cfg": "y = 2\n" },
      ["instance 'a' of 'osc' 'x'='1' 'y'='2' 'z'='3'"],
    ],
    [
      "continues a [map]",
      { "monster.cfg": "[map]\na.x > b.x\n[include more.cfg]\na.z > b.z", "more.cfg": "a.y > b.y" },
      ["'a' 'x' > 'b' 'x'", "'a' 'y' > 'b' 'y'", "'a' 'z' > 'b' 'z'"],
    ],
    [
      "leaves the included file's last section open",
      { "monster.cfg": "[osc a]\n[include b.cfg]\ny = 2", "b.cfg": "[osc b]\nx = 1" },
      ["instance 'a' of 'osc'", "instance 'b' of 'osc' 'x'='1' 'y'='2'"],
    ],
    [
      "finds files of sub-folders relative to the file that names them",
      {
        "monster.cfg": "[include sub/one.cfg]\n[osc last]",
        "sub/one.cfg": "[include deeper/two.cfg]\n[include neighbour.cfg]\n[include ../up.cfg]",
        "sub/deeper/two.cfg": "[osc two]",
        "sub/neighbour.cfg": "[osc neighbour]",
        "up.cfg": "[osc up]",
      },
      [
        "instance 'two' of 'osc'",
        "instance 'neighbour' of 'osc'",
        "instance 'up' of 'osc'",
        "instance 'last' of 'osc'",
      ],
    ],
    [
      "takes names with blanks and dots",
      { "monster.cfg": "[include  my maps v1.2.cfg ]", "my maps v1.2.cfg": "[osc a]" },
      ["instance 'a' of 'osc'"],
    ],
    [
      "takes the same file twice, one after the other",
      { "monster.cfg": "[map]\n[include m.cfg]\n[include ./m.cfg]", "m.cfg": "a.x > b.x" },
      ["'a' 'x' > 'b' 'x'", "'a' 'x' > 'b' 'x'"],
    ],
    [
      "takes files with a byte order mark and Windows line ends",
      { "monster.cfg": "[include b.cfg]\n", "b.cfg": "\uFEFF[osc b]\r\nx = 1\r\n" },
      ["instance 'b' of 'osc' 'x'='1'"],
    ],
    [
      "takes an empty file",
      { "monster.cfg": "[osc a]\n[include b.cfg]\nx = 1", "b.cfg": "" },
      ["instance 'a' of 'osc' 'x'='1'"],
    ],
  ];
  for (const [what, files, sections] of cases) {
    it(what, () => {
      const result = parsed(files);
      assert.deepEqual(result.errors, []);
      assert.deepEqual(result.sections, sections);
    });
  }

  it("takes an absolute path", () => {
    const other = folderWith({ "b.cfg": "[osc b]" });
    const { sections, errors } = parsed({ "monster.cfg": `[include ${other}/b.cfg]` });
    assert.deepEqual(errors, []);
    assert.deepEqual(sections, ["instance 'b' of 'osc'"]);
  });

  it("remembers for every section which folder it was written in", () => {
    const { folder, tree } = parsed({
      "monster.cfg": "[osc a]\n[include sub/b.cfg]\n[osc c]",
      "sub/b.cfg": "[osc b]\n[include deep/d.cfg]",
      "sub/deep/d.cfg": "[osc d]",
    });
    const folders = tree.sections.map((section) =>
      section.kind === "instance" ? [section.name.text, section.name.location.source.folder] : [],
    );
    assert.deepEqual(folders, [
      ["a", folder],
      ["b", path.join(folder, "sub")],
      ["d", path.join(folder, "sub", "deep")],
      ["c", folder],
    ]);
  });

  const bad: [what: string, files: Record<string, string>, errors: string[]][] = [
    [
      "names the included file in its errors, and goes on after it",
      { "monster.cfg": "[osc a]\n[include sub/b.cfg]\nfoo", "sub/b.cfg": "; fine\n  bar\n" },
      [
        "sub/b.cfg:2:3: error: 'bar' is not an assignment\n    2 |   bar\n      |   ^~~\n      = write option = value",
        "monster.cfg:3:1: error: 'foo' is not an assignment\n    3 | foo\n      | ^~~\n      = write option = value",
      ],
    ],
    [
      "reports a file that includes itself",
      { "monster.cfg": "[osc a]\n[include monster.cfg]" },
      [
        "monster.cfg:2:10: error: a file includes itself: monster.cfg includes monster.cfg\n" +
          "    2 | [include monster.cfg]\n      |          ^~~~~~~~~~~",
      ],
    ],
    [
      "reports files that include each other",
      {
        "monster.cfg": "[include sub/a.cfg]",
        "sub/a.cfg": "[include b.cfg]",
        "sub/b.cfg": "\n[include ../monster.cfg]",
      },
      [
        "sub/b.cfg:2:10: error: a file includes itself: monster.cfg includes sub/a.cfg includes sub/b.cfg includes monster.cfg\n" +
          "    2 | [include ../monster.cfg]\n      |          ^~~~~~~~~~~~~~",
      ],
    ],
    [
      "names only the files of the circle",
      { "monster.cfg": "[include a.cfg]", "a.cfg": "[include b.cfg]", "b.cfg": "[include a.cfg]" },
      [
        "b.cfg:1:10: error: a file includes itself: a.cfg includes b.cfg includes a.cfg\n" +
          "    1 | [include a.cfg]\n      |          ^~~~~",
      ],
    ],
  ];
  for (const [what, files, errors] of bad) {
    it(what, () => assert.deepEqual(parsed(files).errors, errors));
  }

  it("reports a file that is missing or a folder, and goes on", () => {
    const { sections, errors } = parsed({ "monster.cfg": "[include no.cfg]\n[include sub]\n[osc a]", "sub/b.cfg": "" });
    assert.deepEqual(sections, ["instance 'a' of 'osc'"]);
    assert.equal(errors.length, 2);
    assert.match(
      errors[0] ?? "",
      /^monster\.cfg:1:10: error: can't read the included file: there is no file 'no\.cfg'/,
    );
    assert.match(errors[0] ?? "", /\n {4}1 \| \[include no\.cfg\]\n {6}\| {10}\^~~~~~\n {6}= [^\n]*no\.cfg$/);
    assert.match(errors[1] ?? "", /^monster\.cfg:2:10: error: can't read the included file: 'sub' is a folder\n/);
  });

  it("notices a file that includes itself through a link", () => {
    const folder = folderWith({ "monster.cfg": "[include link.cfg]\n[osc a]" });
    symlinkSync("monster.cfg", path.join(folder, "link.cfg"));
    const { tree, diagnostics } = parseFile(path.join(folder, "monster.cfg"));
    assert.equal(diagnostics.length, 1);
    assert.match(diagnostics[0]?.message ?? "", /^a file includes itself: .*monster\.cfg includes .*link\.cfg$/);
    assert.deepEqual(summary(tree), ["instance 'a' of 'osc'"]);
  });
});
