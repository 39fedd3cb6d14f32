// Options of declared backends with free names, and others that are accepted.
import assert from "node:assert/strict";
import type { OptionPattern } from "../lib/index.js";
import { DeskBackend, Rig } from "./desk-backend.js";

describe("options beyond the declared ones", () => {
  /** `/path = 2`, where no step of the path is empty. */
  const pattern: OptionPattern<number> = {
    form: "/PATH",
    doc: "a factor",
    valueForm: "NUMBER",
    parse(name, text) {
      if (!name.startsWith("/")) return undefined;
      const empty = name.indexOf("//");
      if (empty >= 0) return { problem: "has an empty step", in: "name", span: { start: empty, length: 2 } };
      if (text === "throw") throw new Error("a defect");
      const value = Number(text);
      return Number.isNaN(value) ? { problem: `is a number, not '${text}'` } : { value };
    },
  };
  const any: OptionPattern<string> = {
    form: "/ANY",
    doc: "another",
    parse: (name, value) => (/^[/+]/.test(name) ? { value } : undefined),
  };

  it("with free names come in order, parsed", async () => {
    const backend = new DeskBackend();
    const rig = new Rig("[desk d]\n/b = 2\nlevel = 1\n+a = 1\n/b = 3\n", [
      backend.declaration({ optionPatterns: [pattern, any] }),
    ]);
    await rig.router.load();
    assert.deepEqual(backend.desk("d").setup.patterns, [
      { name: "/b", form: "/PATH", value: 2 },
      { name: "+a", form: "/ANY", value: "1" },
      { name: "/b", form: "/PATH", value: 3 },
    ]);
  });

  it("with free names can be wrong, and are in the help for others", async () => {
    const rig = new Rig("[desk d]\n/b = x\nc = 1\n/a//b = 1\n/c =\n/d = throw\n", [
      new DeskBackend().declaration({ instanceOptions: {}, optionPatterns: [pattern] }),
    ]);
    assert.deepEqual(await rig.errors(rig.router.load()), [
      "monster.cfg:2:6: error: '/b' is a number, not 'x'\n    2 | /b = x\n      |      ^",
      "monster.cfg:3:1: error: an instance of 'desk' has no option 'c'\n    3 | c = 1\n      | ^\n      = available options: /PATH",
      "monster.cfg:4:3: error: '/a//b' has an empty step\n    4 | /a//b = 1\n      |   ^~",
      "monster.cfg:5:1: error: '/c' needs a value\n    5 | /c =\n      | ^~\n      = write /c = NUMBER",
      "monster.cfg:6:6: error: '/d' could not be read: a defect\n    6 | /d = throw\n      |      ^~~~~",
    ]);
  });

  it("are accepted where the declaration says so, and reach the code as written", async () => {
    const backend = new DeskBackend();
    const settings: string[] = [];
    const inner = backend.declaration();
    const rig = new Rig("[backend desk]\nany = 1\n[desk d]\nother =\nfixed = x\nother = 2\n", [
      {
        ...inner,
        otherOptions: "accepted",
        otherInstanceOptions: "accepted",
        load: async () => {
          const module = await inner.load();
          return {
            open: (setup) => {
              settings.push(...setup.settings.map(({ option, value }) => `${option}=${value}`));
              return module.open(setup);
            },
          };
        },
      },
    ]);
    await rig.router.load();
    settings.push(...backend.desk("d").setup.settings.map(({ option, value }) => `${option}=${value}`));
    assert.deepEqual(settings, ["any=1", "other=", "fixed=x", "other=2"]);
    assert.deepEqual({ ...backend.desk("d").setup.options }, { fixed: "x", level: undefined, step: [] });
  });
});
