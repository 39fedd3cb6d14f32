import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { type Diagnostic, formatDiagnostic } from "../lib/config/diagnostic.js";
import { Router } from "../lib/engine/router.js";
import type { FileOptions } from "../lib/engine/router-options.js";
import { MidimonsterError } from "../lib/errors.js";
import { folderWith, MemoryLog } from "./helpers.js";

const routers: Router[] = [];

afterEach(async () => {
  for (const router of routers.splice(0)) await router.stop();
});

type Overrides = Pick<FileOptions, "backendOverrides" | "instanceOverrides">;

function routerOn(folder: string, overrides: Overrides = {}): Router {
  const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: new MemoryLog(), ...overrides });
  routers.push(router);
  return router;
}

/** What load() throws, which must be errors of the configuration. */
async function failureOf(router: Router): Promise<MidimonsterError> {
  const error = await router.load().then(
    () => assert.fail("it loaded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof MidimonsterError, String(error));
  assert.equal(error.code, "CONFIG", error.message);
  assert.equal(error.message, error.diagnostics.map(formatDiagnostic).join("\n"), "the message has them all");
  return error;
}

/** All errors of monster.cfg, paths relative to its folder. */
async function errorsOf(files: Record<string, string>, overrides: Overrides = {}) {
  const folder = folderWith(files);
  const { diagnostics } = await failureOf(routerOn(folder, overrides));
  const shown = (diagnostic: Diagnostic) => formatDiagnostic(diagnostic).replaceAll(`${folder}${path.sep}`, "");
  return { diagnostics, shown: diagnostics.map(shown) };
}

const HANDLERS = `
def fade(value): pass
def strobe(value): pass
class Lamp:
    level = 0.5
    def on(self, value): pass
    @property
    def broken(self): raise RuntimeError("not now")
lamp = Lamp()
_hidden = fade
`;

/** A configuration with a python instance on HANDLERS; these lines are its [map] from line 5 on. */
function mapped(...lines: string[]): Record<string, string> {
  return {
    "monster.cfg": ["[loopback knobs]", "[python py]", "module = show", "[map]", ...lines].join("\n"),
    "show.py": HANDLERS,
  };
}

describe("names that a configuration gets wrong", () => {
  const cases: [what: string, files: Record<string, string>, errors: string[]][] = [
    [
      "a backend, nearly right; what needs its instance is not reported",
      { "monster.cfg": "[pyton py]\nmodule = x\n[loopback a]\n[map]\na.x > py.y\n" },
      [
        "monster.cfg:1:2: error: unknown backend 'pyton'\n" +
          "    1 | [pyton py]\n      |  ^~~~~\n      = did you mean 'python'?",
      ],
    ],
    [
      "a backend's section, nearly right",
      { "monster.cfg": "[backend Loopback]\nx = 1\n" },
      [
        "monster.cfg:1:10: error: unknown backend 'Loopback'\n" +
          "    1 | [backend Loopback]\n      |          ^~~~~~~~\n      = did you mean 'loopback'?",
      ],
    ],
    [
      "an option of a python instance",
      { "monster.cfg": "[python py]\n  modul = x\n", "x.py": "" },
      [
        "monster.cfg:2:3: error: an instance of 'python' has no option 'modul'\n" +
          "    2 |   modul = x\n      |   ^~~~~\n      = did you mean 'module'?",
      ],
    ],
    [
      "an option that is like no other: shows those that there are",
      { "monster.cfg": "[python py]\ncolour = red\n" },
      [
        "monster.cfg:2:1: error: an instance of 'python' has no option 'colour'\n" +
          "    2 | colour = red\n      | ^~~~~~\n      = available options: module, interpreter, default-handler, own-process, python, memory-limit, restart",
      ],
    ],
    [
      "an option of the python backend",
      { "monster.cfg": "[backend python]\npyhton = venv\n" },
      [
        "monster.cfg:2:1: error: backend 'python' has no option 'pyhton'\n" +
          "    2 | pyhton = venv\n      | ^~~~~~\n      = did you mean 'python'?",
      ],
    ],
    [
      "an option's value",
      { "monster.cfg": "[backend python]\ndeepbind = perhaps\n" },
      [
        "monster.cfg:2:12: error: 'deepbind' is on or off, not 'perhaps'\n" +
          "    2 | deepbind = perhaps\n      |            ^~~~~~~",
      ],
    ],
    [
      "an option without its value",
      { "monster.cfg": "[python py]\nmodule =\ndefault-handler =\n" },
      [
        "monster.cfg:2:1: error: 'module' needs a value\n    2 | module =\n      | ^~~~~~\n      = write module = my_handlers",
        "monster.cfg:3:1: error: 'default-handler' needs a value\n    3 | default-handler =\n      | ^~~~~~~~~~~~~~~\n      = write default-handler = my_handlers.fader",
      ],
    ],
    [
      "an instance's name that is taken, also by another backend's, also in an included file",
      { "monster.cfg": "[loopback a]\n[python a]\n[include more.cfg]\n", "more.cfg": "\n[loopback a]\n" },
      [
        "monster.cfg:2:9: error: instance 'a' already exists\n" +
          "    2 | [python a]\n      |         ^\n      = the first one is at monster.cfg:1:11",
        "more.cfg:2:11: error: instance 'a' already exists\n" +
          "    2 | [loopback a]\n      |           ^\n      = the first one is at monster.cfg:1:11",
      ],
    ],
    [
      "instances in a mapping, on both sides",
      { "monster.cfg": "[loopback knobs]\n[loopback lamps]\n[map]\nknob.x > Lamps.y\n\tknobs.x <> lamp.y\n" },
      [
        "monster.cfg:4:1: error: no instance 'knob'\n" +
          "    4 | knob.x > Lamps.y\n      | ^~~~\n      = did you mean 'knobs'?",
        "monster.cfg:4:10: error: no instance 'Lamps'\n" +
          "    4 | knob.x > Lamps.y\n      |          ^~~~~\n      = did you mean 'lamps'?",
        "monster.cfg:5:13: error: no instance 'lamp'\n" +
          "    5 | \tknobs.x <> lamp.y\n      | \t           ^~~~\n      = did you mean 'lamps'?",
      ],
    ],
    [
      "an instance where there is none at all",
      { "monster.cfg": "[map]\na.x > a.y\n" },
      [
        "monster.cfg:2:1: error: no instance 'a'\n" +
          "    2 | a.x > a.y\n      | ^\n      = write a section for it, such as [loopback a]",
        "monster.cfg:2:7: error: no instance 'a'\n" +
          "    2 | a.x > a.y\n      |       ^\n      = write a section for it, such as [loopback a]",
      ],
    ],
    [
      "an instance in a mapping from right to left",
      { "monster.cfg": "[loopback knobs]\n[map]\nknobs.x < midi.y\n" },
      [
        "monster.cfg:3:11: error: no instance 'midi'\n" +
          "    3 | knobs.x < midi.y\n      |           ^~~~\n      = available instances: knobs",
      ],
    ],
    [
      "unequal sizes",
      { "monster.cfg": "[loopback a]\n[map]\na.{1..3} > a.{x,y}\n" },
      [
        "monster.cfg:3:1: error: 3 channels on the left, 2 on the right\n" +
          "    3 | a.{1..3} > a.{x,y}\n      | ^~~~~~~~~~~~~~~~~~\n" +
          "      = both sides of a mapping need the same number of channels, or one side a single channel",
      ],
    ],
    [
      "an include of the file itself",
      { "monster.cfg": "[loopback a]\n[include sub/more.cfg]\n", "sub/more.cfg": "[include ../monster.cfg]\n" },
      [
        "sub/more.cfg:1:10: error: a file includes itself: monster.cfg includes sub/more.cfg includes monster.cfg\n" +
          "    1 | [include ../monster.cfg]\n      |          ^~~~~~~~~~~~~~",
      ],
    ],
  ];
  for (const [what, files, errors] of cases) {
    it(what, async () => assert.deepEqual((await errorsOf(files)).shown, errors));
  }

  it("takes any option for loopback, as MIDIMonster does", async () => {
    const folder = folderWith({ "monster.cfg": "[backend loopback]\nx = 1\n[loopback a]\ny = 2\n" });
    const router = routerOn(folder);
    await router.load();
    assert.deepEqual(router.describe().instances[0]?.options, [{ option: "y", value: "2" }]);
  });
});

describe("overrides that a configuration has no use for", () => {
  const config = { "monster.cfg": "[python py]\nmodule = show\n", "show.py": HANDLERS };

  it("are errors, each with a suggestion", async () => {
    const overrides = {
      backendOverrides: ["pyton.deepbind=off"],
      instanceOverrides: ["py.module=show", "pi.module=x"],
    };
    assert.deepEqual((await errorsOf(config, overrides)).shown, [
      "<command line>:1:4: error: unused override: the configuration has no backend 'pyton'\n" +
        "    1 | -b pyton.deepbind=off\n      |    ^~~~~\n      = did you mean 'python'?",
      "<command line>:1:4: error: unused override: the configuration has no instance 'pi'\n" +
        "    1 | -i pi.module=x\n      |    ^~\n      = did you mean 'py'?",
    ]);
  });

  it("are errors at their place on the command line if the option or the value is wrong", async () => {
    const overrides = { backendOverrides: ["python.deepbind=maybe"], instanceOverrides: ["py.modul=show"] };
    assert.deepEqual((await errorsOf(config, overrides)).shown, [
      "<command line>:1:20: error: 'deepbind' is on or off, not 'maybe'\n" +
        "    1 | -b python.deepbind=maybe\n      |                    ^~~~~",
      "<command line>:1:7: error: an instance of 'python' has no option 'modul'\n" +
        "    1 | -i py.modul=show\n      |       ^~~~~\n      = did you mean 'module'?",
    ]);
  });

  it("are applied otherwise", async () => {
    const router = routerOn(folderWith({ ...config, "first.py": "" }), { instanceOverrides: ["py.module=first"] });
    await router.load();
    assert.deepEqual(router.describe().instances[0]?.options, [
      { option: "module", value: "first" },
      { option: "module", value: "show" },
    ]);
  });
});

describe("mappings to handlers that are not there", () => {
  const cases: [mapping: string, errors: string[]][] = [
    [
      "knobs.x > py.show.fad",
      [
        "monster.cfg:5:14: error: no handler for 'py.show.fad': 'show' has no 'fad'\n" +
          "    5 | knobs.x > py.show.fad\n      |              ^~~~~~~~\n      = did you mean 'show.fade'?",
      ],
    ],
    [
      "py.show.Fade < knobs.x",
      [
        "monster.cfg:5:4: error: no handler for 'py.show.Fade': 'show' has no 'Fade'\n" +
          "    5 | py.show.Fade < knobs.x\n      |    ^~~~~~~~~\n      = did you mean 'show.fade'?",
      ],
    ],
    [
      "py.show.strob <> knobs.x",
      [
        "monster.cfg:5:4: error: no handler for 'py.show.strob': 'show' has no 'strob'\n" +
          "    5 | py.show.strob <> knobs.x\n      |    ^~~~~~~~~~\n      = did you mean 'show.strobe'?",
      ],
    ],
    [
      "knobs.x > py.show.zzzzzzzzzzzz",
      [
        "monster.cfg:5:14: error: no handler for 'py.show.zzzzzzzzzzzz': 'show' has no 'zzzzzzzzzzzz'\n" +
          "    5 | knobs.x > py.show.zzzzzzzzzzzz\n      |              ^~~~~~~~~~~~~~~~~\n" +
          "      = available functions: show.Lamp, show.fade, show.strobe",
      ],
    ],
    [
      "knobs.x > py.sow.fade",
      [
        "monster.cfg:5:14: error: no handler for 'py.sow.fade': this instance has not loaded a module 'sow'\n" +
          "    5 | knobs.x > py.sow.fade\n      |              ^~~~~~~~\n      = did you mean 'show.fade'?",
      ],
    ],
    [
      "knobs.x > py.show.lamp.off",
      [
        "monster.cfg:5:14: error: no handler for 'py.show.lamp.off': 'show.lamp' has no 'off'\n" +
          "    5 | knobs.x > py.show.lamp.off\n      |              ^~~~~~~~~~~~~\n" +
          "      = did you mean 'show.lamp.on'?",
      ],
    ],
    [
      "knobs.x > py.show.lamp.level",
      [
        "monster.cfg:5:14: error: no handler for 'py.show.lamp.level': 'show.lamp.level' is of type float and can't be called\n" +
          "    5 | knobs.x > py.show.lamp.level\n      |              ^~~~~~~~~~~~~~~",
      ],
    ],
    [
      "knobs.x > py.show.{fade,fad,strobe,strob,fde}",
      [
        "monster.cfg:5:14: error: no handler for 'py.show.fad': 'show' has no 'fad'\n" +
          "    5 | knobs.x > py.show.{fade,fad,strobe,strob,fde}\n      |              ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n" +
          "      = did you mean 'show.fade'?\n      = and 2 more of 'show.{fade,fad,strobe,strob,fde}'",
      ],
    ],
    [
      "knobs.{1..1000} > py.show.ch{1..1000}",
      [
        "monster.cfg:5:22: error: no handler for 'py.show.ch1': 'show' has no 'ch1'\n" +
          "    5 | knobs.{1..1000} > py.show.ch{1..1000}\n      |                      ^~~~~~~~~~~~~~~~\n" +
          "      = available functions: show.Lamp, show.fade, show.strobe\n      = and 999 more of 'show.ch{1..1000}'",
      ],
    ],
    [
      "knobs.{1..2} > py.show.fad",
      [
        "monster.cfg:5:19: error: no handler for 'py.show.fad': 'show' has no 'fad'\n" +
          "    5 | knobs.{1..2} > py.show.fad\n      |                   ^~~~~~~~\n      = did you mean 'show.fade'?",
      ],
    ],
  ];
  for (const [mapping, errors] of cases) {
    it(mapping, async () => assert.deepEqual((await errorsOf(mapped(mapping))).shown, errors));
  }

  it("are reported line by line, the same channel once", async () => {
    const { diagnostics } = await errorsOf(
      mapped("knobs.a > py.show.fad", "knobs.b > py.show.fade", "knobs.c > py.show.strob", "knobs.d > py.show.fad"),
    );
    assert.deepEqual(
      diagnostics.map(({ location, message }) => `${location?.line}: ${message}`),
      [
        "5: no handler for 'py.show.fad': 'show' has no 'fad'",
        "7: no handler for 'py.show.strob': 'show' has no 'strob'",
      ],
    );
  });

  it("show the traceback if looking the handler up raises", async () => {
    const { shown } = await errorsOf(mapped("knobs.x > py.show.lamp.broken"));
    assert.equal(shown.length, 1);
    assert.match(
      shown[0] ?? "",
      /^monster\.cfg:5:14: error: no handler for 'py\.show\.lamp\.broken': looking up 'broken' in 'show\.lamp' failed/,
    );
    assert.match(shown[0] ?? "", /\n {6}\| Traceback .*\n {6}\| {3}File "show\.py", line 8, in broken\n/);
    assert.match(shown[0] ?? "", /\n {6}\| RuntimeError: not now$/);
  });

  it("are no errors where events only come from, or where a channel has no dot", async () => {
    const router = routerOn(folderWith(mapped("py.show.only_output > knobs.x", "knobs.y <> py.plain")));
    await router.load();
    assert.deepEqual(router.describe().instances[1]?.channels, [
      { name: "show.only_output", uses: ["output"] },
      { name: "plain", uses: ["input", "output"] },
    ]);
  });

  it("are no errors for names with an underscore, methods and classes", async () => {
    const files = mapped("knobs.x > py.show._hidden", "knobs.x > py.show.lamp.on", "knobs.x > py.show.Lamp");
    await routerOn(folderWith(files)).load();
  });
});

describe("a default handler that is not there", () => {
  it("is reported where it is written, with a suggestion", async () => {
    const { shown } = await errorsOf({
      "monster.cfg": "[loopback a]\n[python py]\nmodule = show\ndefault-handler = show.fad\n[map]\na.x > py.x\n",
      "show.py": HANDLERS,
    });
    assert.deepEqual(shown, [
      "monster.cfg:4:19: error: no default handler: 'show' has no 'fad'\n" +
        "    4 | default-handler = show.fad\n      |                   ^~~~~~~~\n      = did you mean 'show.fade'?",
    ]);
  });

  it("is reported even if no channel would use it", async () => {
    const { diagnostics } = await errorsOf({
      "monster.cfg": "[python py]\nmodule = show\ndefault-handler = show.fad\n",
      "show.py": HANDLERS,
    });
    assert.deepEqual(
      diagnostics.map(({ location, message }) => `${location?.line}:${location?.column} ${message}`),
      ["3:19 no default handler: 'show' has no 'fad'"],
    );
  });

  it("is reported on the command line if it was written there", async () => {
    const files = { "monster.cfg": "[python py]\nmodule = show\n", "show.py": HANDLERS };
    const { shown } = await errorsOf(files, { instanceOverrides: ["py.default-handler=show.fad"] });
    assert.deepEqual(shown, [
      "<command line>:1:23: error: no default handler: 'show' has no 'fad'\n" +
        "    1 | -i py.default-handler=show.fad\n      |                       ^~~~~~~~\n      = did you mean 'show.fade'?",
    ]);
  });
});

describe("modules that do not import, with Python's traceback", () => {
  const cases: [what: string, module: string, source: string | undefined, detail: RegExp[], help?: RegExp][] = [
    [
      "a syntax error",
      "show",
      "def fade(:\n    pass\n",
      [/^ {2}File "show\.py", line 1$/m, /^ {4}def fade\(:$/m, /^SyntaxError: .+$/m],
    ],
    [
      "wrong indentation",
      "show",
      "def fade(v):\npass\n",
      [/^ {2}File "show\.py", line 2$/m, /^IndentationError: .+$/m],
    ],
    [
      "an import of what is not installed",
      "show",
      "import midimonster\nimport surely_not_installed\n",
      [/^ {2}File "show\.py", line 2, in <module>$/m, /^ModuleNotFoundError: No module named 'surely_not_installed'$/m],
      // Where pip refuses to install into the system: in a virtual environment.
      /= is it installed for the Python in use\? .*\bpip install surely_not_installed\b/,
    ],
    [
      "an import of midimonster under a misspelt name",
      "show",
      "import midimonstr\n",
      [/^ModuleNotFoundError: No module named 'midimonstr'$/m],
      /= did you mean 'midimonster'\?$/,
    ],
    [
      "an import of a name that a module does not have",
      "show",
      "from midimonster import outptu\n",
      [/^ {2}File "show\.py", line 1, in <module>$/m, /^ImportError: cannot import name 'outptu' from 'midimonster'/m],
    ],
    [
      "an exception deep in a function",
      "show",
      "def half(n):\n    return 1 / n\nhalf(0)\n",
      [
        /^Traceback \(most recent call last\):$/m,
        /^ {2}File "show\.py", line 3, in <module>$/m,
        /^ {2}File "show\.py", line 2, in half$/m,
        /^ZeroDivisionError: division by zero$/m,
      ],
    ],
    [
      "sys.exit()",
      "show",
      "import sys\nsys.exit(3)\n",
      [/^ {2}File "show\.py", line 2, in <module>$/m, /^SystemExit: 3$/m],
    ],
    [
      "a cause of a cause",
      "show",
      "try:\n    {}['key']\nexcept KeyError as error:\n    raise RuntimeError('no key') from error\n",
      [/^KeyError: 'key'$/m, /direct cause of the following exception/, /^RuntimeError: no key$/m],
    ],
    [
      "a path with a syntax error",
      "sub/show.py",
      "x = = 1\n",
      [/^ {2}File "sub\/show\.py", line 1$/m, /^SyntaxError: .+$/m],
    ],
    [
      "a package that raises",
      "show",
      undefined,
      [/^ {2}File "show\/__init__\.py", line 1, in <module>$/m, /^ValueError: from the package$/m],
    ],
    [
      "a name that is no file",
      "shwo",
      "",
      [/^ModuleNotFoundError: No module named 'shwo'$/m],
      /= did you mean 'show'\?$/,
    ],
    ["a path that is no file", "sub/shwo.py", "", [/^ModuleNotFoundError: No such file: 'sub\/shwo\.py'$/m]],
  ];
  for (const [what, module, source, detail, help] of cases) {
    it(what, async () => {
      const name = module.startsWith("sub/") ? "sub/show.py" : "show.py";
      const { diagnostics, shown } = await errorsOf({
        "monster.cfg": `[loopback a]\n[python py]\nmodule = ${module}\n[map]\na.x > py.show.whatever\n`,
        ...(source === undefined
          ? { "show/__init__.py": "raise ValueError('from the package')\n" }
          : { [name]: source }),
      });
      assert.equal(diagnostics.length, 1, "handlers of an instance without its module are not reported");
      const caret = `^${"~".repeat(module.length - 1)}`;
      const place = `monster.cfg:3:10: error: module '${module}' of instance 'py' can't be imported`;
      const head = `${place}\n    3 | module = ${module}\n      |          ${caret}\n`;
      assert.equal(shown[0]?.slice(0, head.length), head);
      const rest = (shown[0] ?? "").slice(head.length).split("\n");
      if (help !== undefined) assert.match(rest.shift() ?? "", help);
      for (const line of rest) assert.match(line, /^ {6}\| /, "all of it is set off from other errors");
      const traceback = rest.map((line) => line.slice(8)).join("\n");
      for (const pattern of detail) assert.match(traceback, pattern);
    });
  }

  it("are looked for beside the file that names them", async () => {
    const router = routerOn(
      folderWith({
        "monster.cfg": "[loopback a]\n[include sub/py.cfg]\n[map]\na.x > py.show.fade\n",
        "sub/py.cfg": "[python py]\nmodule = show\n",
        "sub/show.py": HANDLERS,
      }),
    );
    await router.load();
    const { shown } = await errorsOf({
      "monster.cfg": "[include sub/py.cfg]\n",
      "sub/py.cfg": "[python py]\nmodule = show\n",
      "show.py": HANDLERS,
    });
    assert.match(shown[0] ?? "", /^sub\/py\.cfg:2:10: error: module 'show' of instance 'py' can't be imported\n/);
  });

  it("do not keep other instances from being checked", async () => {
    const { diagnostics } = await errorsOf({
      "monster.cfg":
        "[loopback a]\n[python one]\nmodule = bad\nmodule = show\nmodule = worse\n[python two]\nmodule = show\n" +
        "[map]\na.x > one.show.typo\na.x > two.show.typo\n",
      "bad.py": "1 / 0\n",
      "worse.py": "(\n",
      "show.py": HANDLERS,
    });
    assert.deepEqual(
      diagnostics.map(({ location, message }) => `${location?.line}:${location?.column} ${message}`),
      [
        "3:10 module 'bad' of instance 'one' can't be imported",
        "5:10 module 'worse' of instance 'one' can't be imported",
        "10:11 no handler for 'two.show.typo': 'show' has no 'typo'",
      ],
    );
  });
});

describe("a configuration with many errors", () => {
  const files = {
    "monster.cfg":
      "stray = 1\n" +
      "[backend pithon]\n" +
      "[loopback knobs]\n" +
      "[loopback knobs]\n" +
      "[python py]\n" +
      "modul = show\n" +
      "[python good]\n" +
      "module = show\n" +
      "[python bad]\n" +
      "module = bad\n" +
      "[include missing.cfg]\n" +
      "[map]\n" +
      "knobs.{1..2} > good.{1..3}\n" +
      "knobs.x > goood.y\n" +
      "knobs.x > good.show.typo\n" +
      "knobs.x > bad.bad.anything\n" +
      "knobs.{ > good.y\n",
    "show.py": HANDLERS,
    "bad.py": "import surely_not_installed\n",
  };

  it("shows all of them in one run", async () => {
    const { diagnostics } = await errorsOf(files, { instanceOverrides: ["nobody.x=y"] });
    const found = diagnostics.map(({ location, message }) => `${location?.line}:${location?.column} ${message}`);
    assert.deepEqual(found.sort(), [
      "10:10 module 'bad' of instance 'bad' can't be imported",
      "11:10 can't read the included file: there is no file 'missing.cfg'",
      "13:1 2 channels on the left, 3 on the right",
      "14:11 no instance 'goood'",
      "15:16 no handler for 'good.show.typo': 'show' has no 'typo'",
      "17:7 '{' without a matching '}'",
      "1:1 this line is outside any section",
      "1:4 unused override: the configuration has no instance 'nobody'",
      "2:10 unknown backend 'pithon'",
      "4:11 instance 'knobs' already exists",
      "6:1 an instance of 'python' has no option 'modul'",
    ]);
  });

  it("leaves the router stopped for good", async () => {
    const router = routerOn(folderWith(files));
    await failureOf(router);
    assert.equal(router.running, false);
    for (const call of [() => router.load(), () => router.start()]) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof MidimonsterError && error.code === "STATE");
        assert.match(error.message, /; this one is failed$/);
        return true;
      });
    }
    await router.stop();
    await router.stop();
  });

  it("ends its interpreters by itself: they let go of what they hold", async () => {
    const folder = folderWith({
      "monster.cfg": "[loopback a]\n[python py]\nmodule = show\n[map]\na.x > py.show.typo\n",
      "show.py": "import atexit, os\natexit.register(open, os.path.join(os.path.dirname(__file__), 'ended'), 'w')\n",
    });
    await failureOf(routerOn(folder));
    assert.ok(existsSync(path.join(folder, "ended")));
  });

  it("fails start() as it fails load()", async () => {
    const folder = folderWith(files);
    const loading = await failureOf(routerOn(folder));
    await assert.rejects(routerOn(folder).start(), (error) => {
      assert.ok(error instanceof MidimonsterError);
      assert.deepEqual([error.code, error.message], ["CONFIG", loading.message]);
      return true;
    });
  });

  it("does not keep a corrected one from running in the same process", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = show\n[loopback a]\n[map]\npy.out > a.x\na.x > py.show.heard\n",
      "show.py": "import midimonster\ndef typo(value): pass\n",
    });
    const { diagnostics } = await failureOf(routerOn(folder));
    assert.equal(diagnostics[0]?.message, "no handler for 'py.show.heard': 'show' has no 'heard'");

    const corrected = folderWith({
      "monster.cfg": "[python py]\nmodule = show\n[loopback a]\n[map]\npy.out > a.x\na.x > py.show.heard\n",
      "show.py":
        "import midimonster\nmidimonster.output('out', 0.25)\n" +
        "def heard(value): midimonster.output('answer', value * 2)\nmidimonster.output('answer', 0)\n",
    });
    const router = routerOn(corrected);
    const answered = new Promise<void>((resolve) => {
      router.tap((events) => {
        if (events.some(({ channel, value }) => channel === "answer" && value === 0.5)) resolve();
      });
    });
    await router.start();
    await answered;
  });

  it("can fail and run by turns, many times", async () => {
    const bad = folderWith(mapped("knobs.x > py.show.fad"));
    const sound = folderWith(mapped("knobs.x > py.show.fade"));
    for (let i = 0; i < 10; ++i) {
      await failureOf(routerOn(bad));
      const router = routerOn(sound);
      await router.start();
      assert.equal(router.running, true);
      await router.stop();
    }
  });
});
