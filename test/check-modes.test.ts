// What `mmpy check` does with modules: loads them and lets them know, or only reads them; and what it prints for programs.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { formatDiagnostic } from "../lib/config/diagnostic.js";
import type { CheckMode } from "../lib/engine/engine.js";
import { Router } from "../lib/engine/router.js";
import type { MidimonsterError } from "../lib/errors.js";
import { folderWith, MemoryLog, mmpy, unhurried } from "./helpers.js";

const routers: Router[] = [];
afterEach(async () => {
  for (const router of routers.splice(0)) await router.stop();
});

/** Loads a python instance with these modules, of which the first is that of its option. */
async function load(modules: Record<string, string>, check?: CheckMode, more = "") {
  const [first = ""] = Object.keys(modules);
  const config = `[python py]\nmodule = ${first.replace(/\.py$/, "")}\n${more}`;
  const folder = folderWith({ "monster.cfg": config, ...modules });
  const log = new MemoryLog();
  const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: log, ...(check && { check }) });
  routers.push(router);
  const errors = await router.load().then(
    () => [],
    (error: MidimonsterError) => error.diagnostics.map(formatDiagnostic),
  );
  return {
    folder,
    router,
    log,
    errors: errors.join("\n"),
    warnings: router.warnings().map(formatDiagnostic).join("\n"),
  };
}

const TELLS = "import midimonster, pathlib\npathlib.Path(__file__ + '.txt').write_text(str(midimonster.checking()))\n";

describe("a router that only checks", () => {
  for (const [check, told] of [
    [undefined, "False"],
    ["load", "True"],
  ] as const) {
    it(`${check ? "lets modules know" : "is another than one that starts"}`, async () => {
      const { folder } = await load({ "mod.py": TELLS }, check);
      const { readFileSync } = await import("node:fs");
      assert.equal(readFileSync(path.join(folder, "mod.py.txt"), "utf8"), told);
    });
  }

  it("can't be started, and takes no other mode", async () => {
    const { router } = await load({ "mod.py": TELLS }, "load");
    await assert.rejects(router.start(), { code: "STATE" });
    assert.throws(() => new Router({ check: "run" as "read" }), /check is 'load' or 'read', not run/);
  });
});

describe("a configuration that is only read", () => {
  it("runs no module, and is described with its channels", async () => {
    const map = "default-handler = mod.any\n[loopback out]\n[map]\nout.{1..3} > py.x{1..3}\npy.mod.f < out.1\n";
    const { folder, router, errors } = await load({ "mod.py": TELLS }, "read", map);
    assert.equal(errors, "");
    assert.ok(!existsSync(path.join(folder, "mod.py.txt")));
    const [py, out] = router.describe().instances;
    assert.deepEqual(
      py?.channels.map(({ name }) => name),
      ["x1", "x2", "x3", "mod.f"],
    );
    assert.deepEqual(
      out?.channels.map(({ name }) => name),
      ["1", "2", "3"],
    );
  });

  const wrong: [what: string, modules: Record<string, string>, error: RegExp][] = [
    [
      "of a module",
      { "mod.py": "x = 1\ndef f(:\n" },
      /:2:10: error: module 'mod' [\s\S]*mod\.py", line 2[\s\S]*SyntaxError/,
    ],
    ["that only the compiler finds", { "mod.py": "return 1\n" }, /SyntaxError: 'return' outside function/],
    [
      "of one that it imports",
      { "mod.py": "def g():\n    from near import x\n", "near.py": "if 1\n" },
      /near\.py", line 1/,
    ],
    [
      "of a package's module",
      { "mod.py": "import pack\n", "pack/__init__.py": "from . import part\n", "pack/part.py": "(" },
      /part\.py/,
    ],
    ["of the text's encoding", { "mod.py": "x = '\0'\n" }, /null bytes|source code/],
  ];
  for (const [what, modules, error] of wrong) {
    it(`tells errors of syntax: ${what}`, async () => {
      assert.match((await load(modules, "read")).errors, error);
    });
  }

  it("tells of a module that is missing, and of names that mappings get wrong", async () => {
    const folder = folderWith({ "monster.cfg": "[python py]\nmodule = deskk\n[map]\npy.x > pz.y\n", "desk.py": "" });
    const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: new MemoryLog(), check: "read" });
    routers.push(router);
    await assert.rejects(router.load(), (error: MidimonsterError) => {
      const [missing, unknown] = error.diagnostics;
      assert.deepEqual(missing?.help, ["did you mean 'desk'?"]);
      assert.match(unknown?.message ?? "", /no instance 'pz'/);
      return true;
    });
  });

  it("finds modules by path, in packages, and in Python's own library", async () => {
    const modules = "module = sub/deep.py\nmodule = pack.part\nmodule = json.tool\nmodule = time\n";
    const { errors } = await load(
      { "mod.py": "", "sub/deep.py": "import json\n", "pack/__init__.py": "", "pack/part.py": "from .. import x\n" },
      "read",
      modules,
    );
    assert.equal(errors, "");
  });
});

describe("a module that has nothing to do", () => {
  const GUARDED =
    "import midimonster\ndef main():\n    midimonster.interval(print, 10)\nif __name__ == '__main__':\n    main()\n";

  it("is a warning at its option, with the guard that keeps it from running", async () => {
    const { warnings, folder } = await load({ "mod.py": GUARDED });
    assert.match(warnings, /monster\.cfg:2:10: warning: module 'mod' of instance 'py' does nothing/);
    assert.ok(warnings.includes(`in line 4 of ${path.join(folder, "mod.py")} does not run here`), warnings);
  });

  it("is a warning without a guard, too, beside modules that do something", async () => {
    const { warnings } = await load(
      { "mod.py": "import midimonster\nmidimonster.output('x', 1)\n", "other.py": "x = 1\n" },
      undefined,
      "module = other\n",
    );
    assert.match(warnings, /:3:10: warning: module 'other'/);
    assert.doesNotMatch(warnings, /'mod'|__main__/);
  });

  const useful: [what: string, modules: Record<string, string>, more?: string][] = [
    ["outputs", { "mod.py": "import midimonster\nmidimonster.output('x', 0)\n" }],
    ["registers an interval", { "mod.py": "import midimonster\nmidimonster.interval(print, 10)\n" }],
    ["registers a cleanup handler", { "mod.py": "import midimonster\nmidimonster.cleanup_handler(print)\n" }],
    ["has a handler", { "mod.py": "def f(value): pass\n" }, "[map]\npy.a > py.mod.f\n"],
    ["has the default handler", { "mod.py": "def f(value): pass\n" }, "default-handler = mod.f\n"],
    [
      "starts a thread",
      { "mod.py": "import threading\nthreading.Thread(target=threading.Event().wait, args=(1,)).start()\n" },
    ],
    [
      "is used by another",
      { "mod.py": "x = 1\n", "user.py": "import mod, midimonster\nmidimonster.output('x', 0)\n" },
      "module = user\n",
    ],
    [
      "lends a value to another",
      { "mod.py": "x = 1\n", "user.py": "import midimonster\nfrom mod import x\nmidimonster.output('x', 0)\n" },
      "module = user\n",
    ],
  ];
  for (const [what, modules, more] of useful) {
    it(`is not one that ${what}`, async () => {
      const { errors, warnings } = await load(modules, undefined, more);
      assert.deepEqual([errors, warnings], ["", ""]);
    });
  }
});

describe("a module that can't open a socket", () => {
  it("is told which process has the port, and how to check beside it", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `import socket\nsocket.socket(type=socket.SOCK_DGRAM).bind(("127.0.0.1", ${port}))\n`,
    });
    const checked = mmpy(["check"], { cwd: folder });
    assert.equal((await checked.exited).code, 1);
    socket.close();
    const expected = `= port ${port} is in use by process ${process.pid} (UDP): `;
    if (process.platform === "linux") assert.ok(checked.stderr.includes(expected), checked.stderr);
    assert.match(checked.stderr, /mmpy check --no-run, or open no port if midimonster\.checking\(\)/);
  });

  it("is told what does not answer", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1"); // a number that no TCP server has, most probably
    await once(socket, "listening");
    const { port } = socket.address();
    const { errors } = await load({ "mod.py": `import socket\nsocket.create_connection(("127.0.0.1", ${port}))\n` });
    socket.close();
    assert.ok(errors.includes(`= no program listens at 127.0.0.1:${port}: start it first`), errors);
  });
});

describe("mmpy check --json", () => {
  const described = (text: string) => JSON.parse(text) as { ok: boolean; diagnostics: object[]; instances?: object[] };

  it("prints the description, with warnings, as one object; what modules print goes to standard error", async () => {
    const folder = folderWith({ "monster.cfg": "[python py]\nmodule = mod\n", "mod.py": "print('hello')\n" });
    const checked = mmpy(["check", "--json"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
    const { ok, diagnostics, instances } = described(checked.stdout);
    assert.deepEqual([ok, instances?.length, unhurried(checked.stderr)], [true, 1, "hello\n"]);
    assert.deepEqual(
      diagnostics.map((each) => ({ ...each, message: "" })),
      [{ severity: "warning", message: "", file: "monster.cfg", line: 2, column: 10, length: 3, help: [] }],
    );
  });

  it("prints all errors as one object, as the log does with --log-format json", async () => {
    const folder = folderWith({ "monster.cfg": "[loopbak a]\n[map]\nb.x > c.y\n" });
    const checked = mmpy(["check", "--json", "--no-run"], { cwd: folder });
    const logged = mmpy(["check", "--log-format", "json"], { cwd: folder });
    assert.deepEqual([(await checked.exited).code, (await logged.exited).code], [1, 1]);
    const { ok, diagnostics } = described(checked.stdout);
    assert.deepEqual([ok, diagnostics.length, checked.stderr], [false, 3, ""]);
    assert.deepEqual(described(logged.stderr).diagnostics, diagnostics);
  });

  it("prints an object for a configuration that is not there", async () => {
    const checked = mmpy(["check", "--json", "nowhere.cfg"], { cwd: folderWith({}) });
    assert.equal((await checked.exited).code, 1);
    assert.equal(described(checked.stdout).ok, false);
  });
});
