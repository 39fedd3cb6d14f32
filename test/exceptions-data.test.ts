// Exceptions of Python code as the native part hands them to TypeScript: type, message, places, names; bounded sizes.
import assert from "node:assert/strict";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { type Binding, binding, type Core, type PythonException, packageFolder } from "../lib/binding.js";
import { folderWith, MemoryLog } from "./helpers.js";

const MAX_BYTES = 64 * 1024;

describe("an exception of Python code, as data", () => {
  let native: Binding;
  let core: Core;
  let instance: number;
  let folder: string;

  before(async () => {
    native = binding();
    const { library, executable } = await choosePython(undefined, new MemoryLog());
    const error = native.startPython({
      library,
      programName: executable,
      bootstrapPath: path.join(packageFolder, "python", "runtime", "start.py"),
      deepBind: true,
      ignoreHome: false,
      handlerWarn: 0,
      handlerTimeout: 0,
    });
    assert.equal(error, null);
    const nothing = () => {};
    const callbacks = {
      deliver: nothing,
      reports: nothing,
      intervals: nothing,
      loop: nothing,
      tap: nothing,
      tasksEnded: nothing,
    };
    core = native.createCore(callbacks, {
      instances: new Uint32Array(1),
      channels: new Uint32Array(1),
      values: new Float64Array(1),
    });
    folder = folderWith({});
    instance = native.addPython(core, "py", folder, "", false) as number;
    assert.equal(typeof instance, "number");
  });

  after((done) => native.stop(core, done));

  /** What a module raises when it is loaded. Its folder is left out of paths. */
  function raisedBy(source: string): PythonException {
    const own = folderWith({ "mod.py": source });
    const raised = native.loadModule(core, instance, path.join(own, "mod.py"), own);
    assert.ok(raised !== null, "it did not raise");
    return JSON.parse(JSON.stringify(raised).replaceAll(`${own}/`, "")) as PythonException;
  }

  type Expected = Omit<PythonException, "places" | "text" | "message"> & { message: string | RegExp; places: string[] };
  const cases: [what: string, source: string, expected: Expected][] = [
    [
      "a built-in type",
      "1 / 0",
      { type: "ZeroDivisionError", message: "division by zero", places: ["mod.py:1:<module>"] },
    ],
    [
      "from a function of a function",
      "def inner():\n    raise ValueError('no')\ndef outer():\n    inner()\nouter()",
      { type: "ValueError", message: "no", places: ["mod.py:5:<module>", "mod.py:4:outer", "mod.py:2:inner"] },
    ],
    [
      "a type of the module's own",
      "class Outer:\n    class Error(Exception): pass\nraise Outer.Error('a\\nb')",
      { type: "mod.Outer.Error", message: "a\nb", places: ["mod.py:3:<module>"] },
    ],
    [
      "without a message",
      "raise KeyboardInterrupt",
      { type: "KeyboardInterrupt", message: "", places: ["mod.py:1:<module>"] },
    ],
    ["sys.exit()", "import sys; sys.exit(3)", { type: "SystemExit", message: "3", places: ["mod.py:1:<module>"] }],
    [
      "a module that is not found",
      "import surely.missing",
      {
        type: "ModuleNotFoundError",
        message: "No module named 'surely'",
        name: "surely",
        places: ["mod.py:1:<module>"],
      },
    ],
    [
      "a name that a module does not have",
      "from json import lods",
      {
        type: "ImportError",
        message: /^cannot import name 'lods' from 'json'/,
        name: "json",
        path: "json/__init__.py",
        places: ["mod.py:1:<module>"],
      },
    ],
    [
      "a syntax error of the module",
      "x = 1\ny = = 2",
      { type: "SyntaxError", message: "invalid syntax", path: "mod.py", places: ["mod.py:2:"] },
    ],
    [
      "a syntax error of code that it compiles",
      "exec('x =', {})",
      {
        type: "SyntaxError",
        message: "invalid syntax",
        path: "<string>",
        places: ["mod.py:1:<module>", "<string>:1:"],
      },
    ],
    [
      "with a cause",
      "try:\n    {}['key']\nexcept KeyError as error:\n    raise RuntimeError('no key') from error",
      { type: "RuntimeError", message: "no key", places: ["mod.py:4:<module>"] },
    ],
    [
      "whose text raises",
      "class Bad(Exception):\n    def __str__(self): raise OSError\nraise Bad",
      { type: "mod.Bad", message: "<exception str() failed>", places: ["mod.py:3:<module>"] },
    ],
    [
      "whose text is a str of a class of its own",
      "class Text(str):\n    __len__ = __getitem__ = encode = isascii = None\nclass Bad(Exception):\n    def __str__(self): return Text('odd')\nraise Bad",
      { type: "mod.Bad", message: "odd", places: ["mod.py:5:<module>"] },
    ],
    [
      "whose type has a strange name",
      "raise type('no name\\nat all', (Exception,), {'__module__': None})('odd')",
      { type: "no name\nat all", message: "odd", places: ["mod.py:1:<module>"] },
    ],
    [
      "whose type's attributes raise",
      "class Meta(type):\n    def __getattribute__(self, name): raise OSError(name)\nclass Bad(Exception, metaclass=Meta): pass\nraise Bad('odd')",
      { type: "mod.Bad", message: "odd", places: ["mod.py:4:<module>"] },
    ],
    [
      "whose own attributes raise",
      "class Bad(ImportError):\n    def __getattribute__(self, name): raise OSError(name)\nraise Bad('odd')",
      { type: "mod.Bad", message: "odd", places: ["mod.py:3:<module>"] },
    ],
    [
      "with half a surrogate pair",
      "raise ValueError('bad \\udcff')",
      { type: "ValueError", message: "bad \\udcff", places: ["mod.py:1:<module>"] },
    ],
  ];
  for (const [what, source, { message, ...expected }] of cases) {
    it(what, () => {
      const { places, message: found, text, ...rest } = raisedBy(source);
      if (typeof message === "string") assert.equal(found, message);
      else assert.match(found, message);
      const shown = places.map(({ file, line, function: name }) => `${file}:${line}:${name}`);
      if (rest.path !== undefined) Object.assign(rest, { path: rest.path.replace(/^.*\/(?=json\/)/, "") });
      assert.deepEqual({ ...rest, places: shown }, expected);
      assert.ok(text.includes(expected.type), text);
    });
  }

  it("of a misspelt function says which one was meant, once, with every version of Python", () => {
    const misspelt = [
      "import midimonster\nmidimonster.ouput('x', 1)",
      "from midimonster import ouput",
      "import midimonster\ndef start():\n    midimonster.ouput('x', 1)\nstart()",
    ];
    for (const source of misspelt) {
      assert.equal(raisedBy(source).text.split("Did you mean: 'output'?").length, 2, source);
    }
    for (const source of ["import midimonster\nmidimonster.nothing_like_it", "import json\njson.dump_it"]) {
      assert.doesNotMatch(raisedBy(source).text, /Did you mean: '(?!dumps?')/, source);
    }
  });

  it("a group: of the group itself; the text has its parts", function () {
    if (/^3\.(9|10)\./.test(native.pythonVersion())) this.skip();
    const { type, message, places, text } = raisedBy(
      "raise ExceptionGroup('both', [ValueError('one'), TypeError('two')])",
    );
    assert.deepEqual([type, message], ["ExceptionGroup", "both (2 sub-exceptions)"]);
    assert.deepEqual(places, [{ file: "mod.py", line: 1, function: "<module>" }]);
    assert.match(text, /ValueError: one[\s\S]*TypeError: two/);
  });

  it("has no place where there is no traceback: a file that is not there", () => {
    const raised = native.loadModule(core, instance, "missing.py", folder);
    assert.deepEqual(raised, {
      type: "ModuleNotFoundError",
      message: `No such file: '${folder}/missing.py'`,
      name: "missing",
      path: `${folder}/missing.py`,
      places: [],
      text: raised?.text,
    });
    assert.match(raised?.text ?? "", /^ModuleNotFoundError: No such file/);
  });

  it("has the last hundred places of more", () => {
    const { places } = raisedBy("def deeper(n):\n    if n == 0: raise ValueError\n    deeper(n - 1)\ndeeper(300)");
    assert.equal(places.length, 100);
    assert.deepEqual([places[0]?.line, places[98]?.line, places[99]?.line], [3, 3, 2]);
  });

  const long: [what: string, source: string, unit: string][] = [
    ["ASCII", "raise ValueError('begin' + 'x' * 1_000_000 + 'end')", "x"],
    ["characters of three bytes", "raise ValueError('begin' + '€' * 500_000 + 'end')", "€"],
    ["surrogates", "raise ValueError('begin' + '\\udcff' * 20_000 + 'end')", "\\udcff"],
  ];
  for (const [what, source, unit] of long) {
    it(`keeps the beginning and the end of a long text of ${what}`, () => {
      const { message, text } = raisedBy(source);
      for (const bounded of [message, text]) {
        const size = Buffer.byteLength(bounded);
        assert.ok(size <= MAX_BYTES && size > MAX_BYTES - 100, `${size} bytes`);
        assert.match(bounded, / … \d+ bytes left out … /);
        assert.ok(bounded.endsWith(`${unit}end`));
      }
      assert.ok(message.startsWith(`begin${unit}`));
      assert.ok(text.startsWith("Traceback (most recent call last):\n"));
      const [head = "", left = "", tail = ""] = message.split(/ … (\d+) bytes left out … /);
      const whole =
        Buffer.byteLength("beginend") +
        Number(/(\d[\d_]{4,})/.exec(source)?.[1]?.replaceAll("_", "")) * Buffer.byteLength(unit);
      assert.equal(Buffer.byteLength(head) + Number(left) + Buffer.byteLength(tail), whole);
    });
  }

  it("has a place for each function of a deep mutual recursion within the same bounds", () => {
    const { type, places, text } = raisedBy("def a(): b()\ndef b(): a()\na()");
    assert.equal(type, "RecursionError");
    assert.equal(places.length, 100);
    assert.ok(Buffer.byteLength(text) <= MAX_BYTES, `${Buffer.byteLength(text)} bytes`);
  });
});
