import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import { projectFolder } from "./helpers.js";
import { start } from "./session.js";

const FUNCTIONS = [
  "output",
  "inputvalue",
  "outputvalue",
  "current",
  "timestamp",
  "interval",
  "after",
  "started",
  "manage",
  "channels",
  "cleanup_handler",
  "checking",
  "previous",
  "task",
  "batch",
];

describe("the documentation of the midimonster module", () => {
  it("is the same in help() and in the stub for editors, parameters included", async () => {
    const session = await start("[python py]\nmodule = mod\n", {
      "mod.py": `
import inspect
for name in ${JSON.stringify(FUNCTIONS)}:
    function = getattr(midimonster, name)
    say([name, list(inspect.signature(function).parameters), inspect.getdoc(function)])
for name, value in sorted(vars(type(midimonster.batch(["x"]))).items()):
    if not name.startswith("_"):
        function = value.fget if isinstance(value, property) else value
        say(["Batch." + name, list(inspect.signature(function).parameters), inspect.getdoc(value)])
say(["Batch", [], inspect.getdoc(type(midimonster.batch(["x"])))])
say(["", [], inspect.getdoc(midimonster)])
`,
    });
    const { executable } = await choosePython(undefined, silentLogger);
    const fromStub = execFileSync(
      executable,
      [
        "-c",
        `import ast, json, sys
tree = ast.parse(open(sys.argv[1]).read())
for node in tree.body:
    for function in [node] if isinstance(node, ast.FunctionDef) else []:
        names = [argument.arg for argument in function.args.posonlyargs + function.args.args + function.args.kwonlyargs]
        print(json.dumps([function.name, names, ast.get_docstring(function)]))
for node in tree.body:
    if isinstance(node, ast.ClassDef) and node.name == "Batch":
        methods = [method for method in node.body if isinstance(method, ast.FunctionDef) and method.name[0] != "_"]
        for function in sorted(methods, key=lambda method: method.name):
            names = [argument.arg for argument in function.args.posonlyargs + function.args.args + function.args.kwonlyargs]
            print(json.dumps(["Batch." + function.name, names, ast.get_docstring(function)]))
        print(json.dumps(["Batch", [], ast.get_docstring(node)]))
print(json.dumps(["", [], ast.get_docstring(tree)]))`,
        path.join(projectFolder, "python", "midimonster.pyi"),
      ],
      { encoding: "utf8" },
    );
    const stub = fromStub
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(session.said(), stub);
    assert.equal(stub.length, FUNCTIONS.length + "changed inputs names output outputs".split(" ").length + 2);
  });

  it("is what help(midimonster) shows", async () => {
    const session = await start("[python py]\nmodule = mod\n", {
      "mod.py": "import pydoc\nsay(pydoc.plain(pydoc.render_doc(midimonster)))\n",
    });
    const [help] = session.said() as [string];
    for (const name of FUNCTIONS) assert.match(help, new RegExp(`^ {4}${name}\\(`, "m"));
    assert.match(help, /interval\(function, milliseconds, \/, \*, exact=False\)/);
    assert.match(help, /rounded to the nearest 10 ms/);
  });

  it("covers every function of the table in the README", () => {
    const readme = readFileSync(path.join(projectFolder, "README.md"), "utf8");
    for (const name of FUNCTIONS) assert.match(readme, new RegExp(`\\| \`${name}\\(`));
  });
});
