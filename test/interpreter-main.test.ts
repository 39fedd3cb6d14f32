// CPython's main interpreter: which instance gets it, what is different in it, and how it is given back.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import { folderWith, mmpy, projectFolder, run } from "./helpers.js";
import { Session, start } from "./session.js";

/** Says whether an instance has it. */
const WHICH = `
import _thread
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    import _interpreters as interpreters
current, main = interpreters.get_current(), interpreters.get_main()
say([NAME, (current[0] if isinstance(current, tuple) else current) == (main[0] if isinstance(main, tuple) else main)])
`;

function modules(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${name}.py`, `NAME = "${name}"${WHICH}`]));
}

async function holders(config: string, ...names: string[]): Promise<unknown> {
  const session = await start(config, modules(...names));
  return Object.fromEntries(session.said() as [string, boolean][]);
}

describe("CPython's main interpreter", () => {
  it("is that of the first instance, if none asks for it", async () => {
    const config = "[python a]\nmodule = a\n[python b]\nmodule = b\n";
    assert.deepEqual(await holders(config, "a", "b"), { a: true, b: false });
  });

  it("is that of the instance that asks for it, wherever it stands", async () => {
    const config = "[python a]\nmodule = a\n[python b]\nmodule = b\ninterpreter = main\n[python c]\nmodule = c\n";
    assert.deepEqual(await holders(config, "a", "b", "c"), { a: false, b: true, c: false });
  });

  it("goes to the first that does not refuse it", async () => {
    const config = "[python a]\nmodule = a\ninterpreter = own\n[python b]\nmodule = b\n";
    assert.deepEqual(await holders(config, "a", "b"), { a: false, b: true });
  });

  it("can be asked for on the command line", async () => {
    const folder = folderWith({
      "monster.cfg": "[python a]\nmodule = mod\n[python b]\nmodule = mod\n",
      "mod.py": "",
    });
    const checked = mmpy(["check", "-i", "b.interpreter=main", "-i", "a.interpreter=main"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 1, signal: null });
    assert.match(checked.stderr, /error: CPython's main interpreter is in use by instance 'a'/);
  });

  it("asked for twice is an error at the second place, which names the first", async () => {
    const folder = folderWith({
      "monster.cfg": "[python a]\ninterpreter = main\n[python b]\ninterpreter = main\n",
    });
    const checked = mmpy(["check"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 1, signal: null });
    assert.match(checked.stderr, /monster\.cfg:4:15: error: CPython's main interpreter is in use by instance 'a'\n/);
    assert.match(checked.stderr, /= only one instance of a process can have it; the others need 'interpreter = own'/);
  });

  const refusing = {
    "fine.py": "",
    "needs.py": "import sys\nsys.path.insert(1, 'lib/site-packages')\nimport refuses\n",
    "lib/site-packages/refuses/__init__.py": "raise RuntimeError('CPU dispatcher tracer already initlized')\n",
  };
  const advised: [who: string, config: string, advice: RegExp][] = [
    ["the first instance", "[python a]\nmodule = fine\n[python b]\nmodule = needs\n", /which instance 'a' has: give/],
    [
      "the one that asks for it",
      "[python a]\nmodule = fine\n[python b]\nmodule = needs\n[python c]\nmodule = fine\ninterpreter = main\n",
      /'interpreter = main' and 'c' 'interpreter = own'/, // though 'c' is yet to come
    ],
    [
      "one that stands before",
      "[python c]\ninterpreter = main\n[python b]\nmodule = needs\n",
      /= 'interpreter = main' and 'c' 'interpreter = own', and start again; if 'c' imports refuses too,/,
    ],
    [
      "the refused one itself",
      "[python a]\nmodule = needs\n",
      /only works in one interpreter of a process, and another/,
    ],
  ];
  for (const [who, config, advice] of advised) {
    it(`for an extension module that needs it, the error says what to do if ${who} has it`, async () => {
      const folder = folderWith({ "monster.cfg": config, ...refusing });
      const checked = mmpy(["check"], { cwd: folder });
      assert.deepEqual(await checked.exited, { code: 1, signal: null });
      assert.match(checked.stderr, advice);
    });
  }

  it("is in use while a router runs: another one gets an error that names the holder, or does without", async () => {
    await start("[python holder]\nmodule = a\n", modules("a"));
    const second = new Session("[python b]\ninterpreter = main\n");
    await assert.rejects(
      second.router.load(),
      /monster\.cfg:3:15: error: CPython's main interpreter is in use by instance 'holder' of another router/,
    );
    assert.deepEqual(await holders("[python b]\nmodule = b\n", "b"), { b: false });
  });

  it("is given back when the router stops, and when its start fails", async () => {
    for (let i = 0; i < 2; ++i) {
      const failing = new Session("[python a]\nmodule = mod\n", { "mod.py": "1 / 0\n" });
      await assert.rejects(failing.router.start(), /ZeroDivisionError/);
      await failing.router.stop();
      const session = await start("[python a]\nmodule = a\ninterpreter = main\n", modules("a"));
      assert.deepEqual(session.said(), [["a", true]]);
      await session.router.stop();
    }
  });

  it("of a worker thread has that thread as threading.main_thread()", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import threading
print(threading.main_thread() is threading.current_thread())
def late(): print(threading.main_thread() is threading.current_thread())
thread = threading.Thread(target=late)
thread.start()
thread.join()
`,
      "script.mjs": `
import { Worker, isMainThread } from "node:worker_threads";
import { Router, silentLogger } from ${JSON.stringify(path.join(projectFolder, "dist", "index.js"))};
if (isMainThread) new Worker(new URL(import.meta.url));
else {
  const router = Router.fromFile("monster.cfg", { logger: silentLogger });
  await router.start();
  await router.stop();
}
`,
    });
    const running = run(process.execPath, ["script.mjs"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.equal(running.stdout, "True\nFalse\n");
  });

  it("leaves signals to Node: handlers for them are refused, and Ctrl-C works after `import signal`", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import signal
for call in (lambda: signal.signal(signal.SIGUSR2, print), lambda: signal.siginterrupt(signal.SIGUSR2, False),
             lambda: signal.set_wakeup_fd(1)):
    try: print("accepted", call())
    except ValueError as error: print(error)
print(signal.set_wakeup_fd(-1), flush=True)
`,
      "script.mjs": `
import { Router, silentLogger } from ${JSON.stringify(path.join(projectFolder, "dist", "index.js"))};
const router = Router.fromFile("monster.cfg", { logger: silentLogger });
await router.start();
process.kill(process.pid, "SIGINT");
setInterval(() => {}, 1000);
`,
    });
    const running = run(process.execPath, ["script.mjs"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: null, signal: "SIGINT" }, running.stderr);
    assert.match(
      running.stdout,
      /^signal only works in main thread[^\n]*\nsiginterrupt only[^\n]*\nset_wakeup_fd only[^\n]*\n-1\n$/,
    );
  });
});

describe("the main interpreter in a reload", () => {
  const REPLACED = "[python a]\nmodule = a\ninterpreter = main\n";

  it("stays with an instance whose module has changed", async () => {
    const session = await start(REPLACED, modules("a"));
    session.write("a.py", `NAME = "again"${WHICH}`);
    await session.router.reload();
    assert.deepEqual(session.said(), [
      ["a", true],
      ["again", true],
    ]);
  });

  it("is not yet free for the instance that replaces its own: that is told, and the next start gives it back", async () => {
    const session = await start(REPLACED, { ...modules("a"), ...modules("b") });
    session.write("monster.cfg", `${REPLACED.replace("= a\n", "= b\n")}`);
    await session.router.reload();
    assert.equal(session.log.matching(/'a' runs in an interpreter of its own until the next start/).length, 1);
    await session.router.stop();
    const again = await start(REPLACED, modules("a"));
    assert.deepEqual(
      [session.said(), again.said()],
      [
        [
          ["a", true],
          ["b", false],
        ],
        [["a", true]],
      ],
    );
  });

  it("is free at once when its instance is removed, and stays free when the reload fails", async () => {
    const session = await start("[python a]\nmodule = a\n[python b]\nmodule = b\n", modules("a", "b", "c", "d"));
    session.write("monster.cfg", "[python b]\nmodule = b\n");
    await session.router.reload();
    session.write("monster.cfg", "[python b]\nmodule = b\n[python c]\nmodule = c\nmodule = missing\n");
    await assert.rejects(session.router.reload(), /No module named 'missing'/);
    session.write("monster.cfg", "[python b]\nmodule = b\n[python d]\nmodule = d\ninterpreter = main\n");
    await session.router.reload();
    assert.deepEqual(Object.fromEntries(session.said() as [string, boolean][]), {
      a: true,
      b: false,
      c: true,
      d: true,
    });
  });

  it("can't be taken from an instance that has it: the error says when it can", async () => {
    const config = "[python a]\nmodule = a\n[python b]\nmodule = b\n";
    const session = await start(config, modules("a", "b"));
    session.write("monster.cfg", `${config}interpreter = main\n`);
    await assert.rejects(session.router.reload(), /in use by instance 'a'\n.*\n.*\n.*restart to give it to this one/);
  });
});

describe("an extension module that can be initialised only once in a process", () => {
  const SOURCE = `
#include <Python.h>
static int initialised;
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "onlyonce", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_onlyonce(void) {
  if (initialised++) {
    PyErr_SetString(PyExc_RuntimeError, "CPU dispatcher tracer already initlized");
    return NULL;
  }
  return PyModule_Create(&definition);
}
`;
  let folder = "";
  before(async function () {
    const { executable } = await choosePython(undefined, silentLogger);
    const paths = "import sysconfig; print(sysconfig.get_paths()['include'], sysconfig.get_config_var('EXT_SUFFIX'))";
    const [include = "", suffix = ""] = execFileSync(executable, ["-c", paths], { encoding: "utf8" }).trim().split(" ");
    folder = folderWith({
      "onlyonce.c": SOURCE,
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": "import sys\nsys.path.insert(1, 'site-packages')\nimport onlyonce\nprint('imported', flush=True)\n",
      "site-packages/none.txt": "",
      "script.mjs": `
import { Router } from ${JSON.stringify(path.join(projectFolder, "dist", "index.js"))};
for (let i = 0; i < 3; ++i) {
  const router = Router.fromFile("monster.cfg");
  await router.start();
  await router.stop();
}
`,
    });
    const target = path.join(folder, "site-packages", `onlyonce${suffix}`);
    const built = existsSync(path.join(include, "Python.h"))
      ? spawnSync("cc", ["-shared", "-fPIC", `-I${include}`, "-o", target, path.join(folder, "onlyonce.c")])
      : undefined;
    if (built?.status === 0) return;
    console.log(
      "SKIPPED: no compiler, or no Python.h of the Python in use; on Debian: apt-get install gcc python3-dev",
    );
    this.skip();
  });

  it("can be imported in the main interpreter, by one router after the other", async () => {
    const running = run(process.execPath, ["script.mjs"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.equal(running.stdout, "imported\nimported\nimported\n");
  });
});
