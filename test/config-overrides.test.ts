import assert from "node:assert/strict";
import path from "node:path";
import { define } from "../lib/config/definition.js";
import { type Diagnostic, formatDiagnostic } from "../lib/config/diagnostic.js";
import { type Override, parseOverride } from "../lib/config/override.js";
import { parseFile, parseText } from "../lib/config/parser.js";
import { Router } from "../lib/engine/router.js";
import { MidimonsterError } from "../lib/errors.js";
import { folderWith } from "./helpers.js";
import { fc } from "./properties.js";

type Kind = Override["kind"];

/** `-b x.y=z` as an override. */
function override(argument: string): Override {
  const parsed = parseOverride(argument.startsWith("-b ") ? "backend" : "instance", argument.slice(3));
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

describe("reading -b and -i", () => {
  const good: [text: string, target: string, option: string, value: string][] = [
    ["py.module=handlers", "py", "module", "handlers"],
    ["py.default-handler=mod.fn", "py", "default-handler", "mod.fn"],
    ["osc./a/b.c=1=2", "osc", "/a/b.c", "1=2"],
    ["py.module=", "py", "module", ""],
    [" py . module = a b ", "py", "module", "a b"],
    ["pŷ.größe=🎹", "pŷ", "größe", "🎹"],
    ["py.module==", "py", "module", "="],
  ];
  for (const [text, target, option, value] of good) {
    it(`'${text}' sets '${option}' of '${target}' to '${value}'`, () => {
      for (const kind of ["backend", "instance"] satisfies Kind[]) {
        const parsed = parseOverride(kind, text);
        assert.ok(typeof parsed !== "string", String(parsed));
        assert.deepEqual(
          [parsed.kind, parsed.target.text, parsed.option.text, parsed.value.text],
          [kind, target, option, value],
        );
      }
    });
  }

  const bad: [kind: Kind, text: string, message: string][] = [
    ["backend", "", "'' is not an override; write -b backend.option=value"],
    ["instance", "", "'' is not an override; write -i instance.option=value"],
    ["instance", "module=x", "'module=x' is not an override; write -i instance.option=value"],
    ["instance", "py.module", "'py.module' is not an override; write -i instance.option=value"],
    ["instance", "module=a.b", "'module=a.b' is not an override; write -i instance.option=value"],
    ["backend", "=.", "'=.' is not an override; write -b backend.option=value"],
    ["backend", ".python=x", "'.python=x' does not name a backend; write -b backend.option=value"],
    ["instance", " .module=x", "' .module=x' does not name an instance; write -i instance.option=value"],
    ["instance", "py.=x", "'py.=x' does not name an option; write -i instance.option=value"],
    ["instance", "py. =x", "'py. =x' does not name an option; write -i instance.option=value"],
  ];
  for (const [kind, text, message] of bad) {
    it(`'${text}' is refused: ${message}`, () => assert.equal(parseOverride(kind, text), message));
  }

  it("shows the place on the command line", () => {
    const { target, option, value } = override("-i py.module=handlers");
    const shown = [target, option, value].map((location) => formatDiagnostic({ message: "here", ...location }));
    assert.deepEqual(shown, [
      "<command line>:1:4: error: here\n    1 | -i py.module=handlers\n      |    ^~",
      "<command line>:1:7: error: here\n    1 | -i py.module=handlers\n      |       ^~~~~~",
      "<command line>:1:14: error: here\n    1 | -i py.module=handlers\n      |              ^~~~~~~~",
    ]);
  });

  it("never crashes, whatever is given", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(".", "=", " ", "a", "\0", "\n") }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom<Kind>("backend", "instance"), (given, kind) => {
        const parsed = parseOverride(kind, given);
        if (typeof parsed === "string") assert.match(parsed, /; write -[bi] (backend|instance)\.option=value$/);
        else assert.ok(parsed.target.text !== "" && parsed.option.text !== "");
      }),
      { numRuns: 500 },
    );
  });
});

describe("applying -b and -i", () => {
  /** What is set, in order, and what is wrong. */
  function defined(config: string, overrides: readonly string[]) {
    const { tree, diagnostics } = parseText(config, "/show/monster.cfg");
    assert.deepEqual(diagnostics, []);
    const problems: Diagnostic[] = [];
    const { backends, instances } = define(tree, overrides.map(override), (problem) => problems.push(problem));
    const all = [...[...backends.values()].map((backend) => ({ ...backend, backend: "backend" })), ...instances];
    return {
      settings: all.map(({ backend, name, settings }) =>
        [backend, name, ...settings.map(({ option, value }) => `${option}=${value}`)].join(" "),
      ),
      problems: problems.map(formatDiagnostic),
    };
  }

  const cases: [what: string, config: string, overrides: string[], settings: string[]][] = [
    [
      "an instance's come before the section's own options",
      "[python py]\nmodule = own",
      ["-i py.module=first"],
      ["python py module=first module=own"],
    ],
    [
      "several for one instance keep their order",
      "[python py]\nmodule = own",
      ["-i py.module=b", "-i py.default-handler=b.f", "-i py.module=a"],
      ["python py module=b default-handler=b.f module=a module=own"],
    ],
    [
      "each goes to the instance that it names",
      "[python a]\n[python b]\nmodule = own\n[python c]",
      ["-i c.module=c", "-i b.module=b"],
      ["python a", "python b module=b module=own", "python c module=c"],
    ],
    [
      "a backend's come before its section's own options",
      "[backend python]\npython = own",
      ["-b python.python=first"],
      ["backend python python=first python=own"],
    ],
    [
      "a backend's are applied once, at the section that is met first",
      "[backend python]\na = 1\n[backend python]\nb = 2",
      ["-b python.x=0"],
      ["backend python x=0 a=1 b=2"],
    ],
    [
      "a backend without a section is configured all the same",
      "[python py]\nmodule = own",
      ["-b python.deepbind=off", "-b python.python=venv"],
      ["backend python deepbind=off python=venv", "python py module=own"],
    ],
    [
      "a backend's section may come after its instances",
      "[python py]\n[backend python]\ndeepbind = on",
      ["-b python.deepbind=off"],
      ["backend python deepbind=off deepbind=on", "python py"],
    ],
    [
      "an instance may be called like a backend",
      "[backend osc]\n[osc osc]",
      ["-i osc.x=instance", "-b osc.x=backend"],
      ["backend osc x=backend", "osc osc x=instance"],
    ],
    ["without any, only the file counts", "[backend osc]\na = 1\n[osc o]\nb = 2", [], ["backend osc a=1", "osc o b=2"]],
  ];
  for (const [what, config, overrides, settings] of cases) {
    it(what, () => assert.deepEqual(defined(config, overrides), { settings, problems: [] }));
  }

  it("reaches sections of included files", () => {
    const folder = folderWith({ "monster.cfg": "[include sub/py.cfg]", "sub/py.cfg": "[python py]\nmodule = own" });
    const { tree } = parseFile(path.join(folder, "monster.cfg"));
    const problems: Diagnostic[] = [];
    const { instances } = define(tree, [override("-i py.module=first")], (problem) => problems.push(problem));
    assert.deepEqual(problems, []);
    assert.deepEqual(
      instances[0]?.settings.map(({ value }) => value),
      ["first", "own"],
    );
  });

  const unused: [what: string, config: string, overrides: string[], problems: string[]][] = [
    [
      "a misspelt instance, with a suggestion",
      "[python knobs]\n[python lamps]",
      ["-i knob.module=x"],
      [
        "<command line>:1:4: error: unused override: the configuration has no instance 'knob'\n" +
          "    1 | -i knob.module=x\n      |    ^~~~\n      = did you mean 'knobs'?",
      ],
    ],
    [
      "an instance that is like no other: shows those that there are",
      "[python knobs]\n[python lamps]",
      ["-i xyz.module=x"],
      [
        "<command line>:1:4: error: unused override: the configuration has no instance 'xyz'\n" +
          "    1 | -i xyz.module=x\n      |    ^~~\n      = available instances: knobs, lamps",
      ],
    ],
    [
      "a misspelt backend, with one that only has instances as the suggestion",
      "[python py]",
      ["-b Python.deepbind=off"],
      [
        "<command line>:1:4: error: unused override: the configuration has no backend 'Python'\n" +
          "    1 | -b Python.deepbind=off\n      |    ^~~~~~\n      = did you mean 'python'?",
      ],
    ],
    [
      "-i with a backend's name",
      "[python py]",
      ["-i python.deepbind=off"],
      [
        "<command line>:1:4: error: unused override: the configuration has no instance 'python'\n" +
          "    1 | -i python.deepbind=off\n      |    ^~~~~~\n      = available instances: py",
      ],
    ],
    [
      "a configuration without instances",
      "[map]",
      ["-i py.module=x"],
      [
        "<command line>:1:4: error: unused override: the configuration has no instance 'py'\n" +
          "    1 | -i py.module=x\n      |    ^~",
      ],
    ],
    [
      "each one that was not used, and none that was",
      "[python py]",
      ["-i pi.module=x", "-i py.module=y", "-b loopback.x=z"],
      [
        "<command line>:1:4: error: unused override: the configuration has no instance 'pi'\n" +
          "    1 | -i pi.module=x\n      |    ^~\n      = did you mean 'py'?",
        "<command line>:1:4: error: unused override: the configuration has no backend 'loopback'\n" +
          "    1 | -b loopback.x=z\n      |    ^~~~~~~~\n      = available backends: python",
      ],
    ],
  ];
  for (const [what, config, overrides, problems] of unused) {
    it(`is an error if never used: ${what}`, () => assert.deepEqual(defined(config, overrides).problems, problems));
  }

  it("refuses a malformed one before anything is loaded", () => {
    const folder = folderWith({ "monster.cfg": "[python py]" });
    const file = path.join(folder, "monster.cfg");
    const refused = (message: string) => (error: unknown) =>
      error instanceof MidimonsterError && error.code === "VALUE" && error.message === message;
    assert.throws(
      () => Router.fromFile(file, { instanceOverrides: ["py.module=a", "module"] }),
      refused("'module' is not an override; write -i instance.option=value"),
    );
    assert.throws(
      () => Router.fromFile(file, { backendOverrides: [".python=x"] }),
      refused("'.python=x' does not name a backend; write -b backend.option=value"),
    );
  });
});

describe("an override of an option that the section sets too", () => {
  const config =
    "[backend sacn]\nbind = 127.0.0.1\nname = A\n[sacn rig]\nuniverse = 1\n[osc desk]\nbind = 127.0.0.1 0\n";

  async function loading(options: { instanceOverrides?: string[]; backendOverrides?: string[] }) {
    const folder = folderWith({ "monster.cfg": config });
    const router = Router.fromFile(path.join(folder, "monster.cfg"), { ...options, check: "load" });
    const errors = await router.load().then(
      () => [],
      (error: MidimonsterError) => error.diagnostics,
    );
    const told = [...errors, ...router.warnings()].map((each) => formatDiagnostic(each).replaceAll(`${folder}/`, ""));
    await router.stop();
    return told.filter((each) => each.startsWith("<command line>") || each.includes("only once"));
  }

  it("is a warning that names the place, as it has no effect", async () => {
    const told = await loading({ instanceOverrides: ["rig.universe=2"], backendOverrides: ["sacn.name=B"] });
    assert.deepEqual(told.map((each) => each.split("\n")[0]).sort(), [
      "<command line>:1:8: warning: 'universe' has no effect: the section sets it too, at monster.cfg:5:1, and the last value counts",
      "<command line>:1:9: warning: 'name' has no effect: the section sets it too, at monster.cfg:3:1, and the last value counts",
    ]);
  });

  it("is an error that says what to remove, for one that can be given only once", async () => {
    const [told = "", ...more] = await loading({ instanceOverrides: ["desk.bind=127.0.0.1 9000"] });
    assert.match(
      told,
      /^monster\.cfg:7:1: error: 'bind' can be given only once\n[\s\S]*= remove this line to set it on the command line$/,
    );
    assert.deepEqual(more, []);
  });

  it("is neither for options that add up, and for those that only the command line sets", async () => {
    assert.deepEqual(
      await loading({ instanceOverrides: ["rig.priority=5"], backendOverrides: ["sacn.bind=127.0.0.1"] }),
      [],
    );
  });
});
