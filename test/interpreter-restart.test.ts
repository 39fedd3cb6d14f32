// What one instance leaves in CPython's main interpreter for the next: nothing of its own, and all libraries in working order.
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";
import { ASK, ask, CONFIG, start } from "./session.js";

/** Runs modules one after the other, each with a router of its own. Returns what they say. */
async function oneAfterTheOther(...modules: string[]): Promise<unknown[][]> {
  const said: unknown[][] = [];
  for (const module of modules) {
    const session = await start(CONFIG, { "mod.py": `${module}\ndef go(value): pass\n${ASK}` });
    await ask(session);
    await session.router.stop();
    assert.deepEqual(session.log.matching(/raised|did not end/), []);
    said.push(session.said());
  }
  return said;
}

describe("an instance in the main interpreter, after another one", () => {
  const cases: [what: string, first: string, look: string, expected: unknown[]][] = [
    [
      "finds builtins and __main__ as they were",
      "import builtins, __main__\nbuiltins.leaked = 1\nbuiltins.hex = None\n__main__.leaked = 2\n",
      "import builtins, __main__\nsay(hasattr(builtins, 'leaked'), hex(10), hasattr(__main__, 'leaked'))",
      [false, "0xa", false],
    ],
    [
      "finds sys as it was",
      `import sys
sys.path.append("/leaked")
sys.argv = ["leaked"]
sys.leaked = 1
sys.setrecursionlimit(5000)
sys.excepthook = sys.displayhook = sys.unraisablehook = print
sys.meta_path.append(print)
sys.stdout = None
sys.setprofile(lambda *_: None)
sys.dont_write_bytecode = "leaked"
del sys.api_version`,
      `import os, sys
say("/leaked" in sys.path, sys.path[0] == os.path.dirname(os.path.abspath(__file__)), os.path.basename(sys.argv[0]))
say(hasattr(sys, "leaked"), sys.getrecursionlimit(), sys.excepthook is sys.__excepthook__, print in sys.meta_path)
say(sys.stdout is sys.__stdout__, sys.getprofile(), sys.unraisablehook is print, sys.dont_write_bytecode == "leaked")
say(sys.api_version > 0)`,
      [false, true, "monster.cfg", false, 1000, true, false, true, null, false, false, true],
    ],
    [
      "finds neither modules of the one before, nor namespace packages, nor modules made at run time",
      `import os, sys, types
os.makedirs(os.path.join(os.path.dirname(__file__), "space"), exist_ok=True)
open(os.path.join(os.path.dirname(__file__), "space", "inner.py"), "w").close()
import space.inner
sys.modules["made"] = types.ModuleType("made")
sys.modules["json"] = types.ModuleType("json")`,
      `import sys, json
say([name for name in ("space", "space.inner", "made") if name in sys.modules], hasattr(json, "dumps"))`,
      [[], true],
    ],
    [
      "finds warnings and logging as they were",
      `import logging, warnings
warnings.simplefilter("error")
warnings.showwarning = print
logging.basicConfig(level=logging.DEBUG, handlers=[logging.StreamHandler()])
logging.getLogger("asyncio").setLevel(logging.CRITICAL)
logging.getLogger("asyncio").disabled = True
logging.getLogger("library").addHandler(logging.NullHandler())
logging.disable(logging.CRITICAL)`,
      `import logging, warnings
say([entry[0] for entry in warnings.filters if entry[:3] == ("error", None, Warning)], warnings.showwarning is print)
say([type(handler).__name__ for handler in logging.root.handlers], logging.root.level, logging.getLogger("asyncio").level, logging.getLogger("asyncio").disabled)
say(logging.getLogger("library").hasHandlers(), logging.root.manager.disable)`,
      [[], false, ["RouterHandler"], 30, 0, false, true, 0],
    ],
    [
      "finds hooks of threads, the collector, and the context of decimal as they were",
      `import decimal, gc, threading
decimal.getcontext().prec = 3
threading.excepthook = print
gc.disable()
gc.callbacks.append(lambda *_: None)`,
      `import decimal, gc, threading
say(decimal.getcontext().prec, threading.excepthook is print, gc.isenabled(), gc.callbacks)`,
      [28, false, true, []],
    ],
    [
      "has pools of threads, which a shutdown had closed",
      "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\npool.submit(pow, 2, 3).result()\n",
      "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool: say(pool.submit(pow, 2, 3).result())",
      [8],
    ],
    [
      "has pools of processes too",
      "from concurrent.futures import ProcessPoolExecutor\npool = ProcessPoolExecutor(1)\npool.submit(pow, 2, 3).result()\n",
      "from concurrent.futures import ProcessPoolExecutor\nwith ProcessPoolExecutor(1) as pool: say(pool.submit(pow, 2, 3).result())",
      [8],
    ],
    [
      "has multiprocessing's own start method",
      "import multiprocessing\nmultiprocessing.set_start_method('forkserver')\n",
      "import multiprocessing, sys\nsay(multiprocessing.get_start_method(allow_none=True))",
      [null],
    ],
    [
      "has asyncio, with a loop that ended in the middle",
      `import asyncio
async def main(): raise KeyError("leaked")
try: asyncio.run(main())
except KeyError: pass
asyncio.set_event_loop(asyncio.new_event_loop())`,
      "import asyncio\nasync def main(): return 'ran'\nsay(asyncio.run(main()))",
      ["ran"],
    ],
  ];
  for (const [what, first, look, expected] of cases) {
    it(what, async () => {
      assert.deepEqual((await oneAfterTheOther(first, look))[1], expected);
      assert.deepEqual((await oneAfterTheOther(first, look))[1], expected);
    });
  }

  it("sees environment variables that were set and removed in between", async () => {
    process.env.MMPY_TEST_BETWEEN = "first";
    const look = "import os\nsay(os.environ.get('MMPY_TEST_BETWEEN'), os.environ.get('MMPY_TEST_NEW'))";
    const [first] = await oneAfterTheOther(`${look}\nos.environ["MMPY_TEST_NEW"] = "by the first"`);
    delete process.env.MMPY_TEST_BETWEEN;
    const [second] = await oneAfterTheOther(look);
    delete process.env.MMPY_TEST_NEW;
    assert.deepEqual(
      [first, second],
      [
        ["first", null],
        [null, "by the first"],
      ],
    );
  });

  it("runs each exit function and finalizer once: those of its code at its end, those of libraries at every end", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import atexit, sys, weakref
sys.path.insert(1, "site-packages")
import library
class Held: pass
held = Held()
weakref.finalize(held, print, "finalized")
atexit.register(print, "user's")
@atexit.register
def removed(): print("never")
atexit.unregister(removed)
class Late:
    def __del__(self): atexit.register(print, "late")
late = Late()
`,
      "site-packages/library.py": 'import atexit\natexit.register(print, "library\'s")\n',
      "script.mjs": `
import { Router, silentLogger } from ${JSON.stringify(path.join(projectFolder, "dist", "index.js"))};
for (let i = 0; i < 3; ++i) {
  const router = Router.fromFile("monster.cfg", { logger: silentLogger });
  await router.start();
  await router.stop();
}
`,
    });
    const running = run(process.execPath, ["script.mjs"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    const lines = running.stdout.trim().split("\n");
    const count = (line: string) => lines.filter((one) => one === line).length;
    assert.deepEqual(["finalized", "user's", "library's", "late", "never"].map(count), [3, 3, 3, 3, 0], running.stdout);
  });

  it("is told of a thread that would not end once: later ones are not", async () => {
    const stuck = await start(CONFIG, {
      "mod.py": `
import os, threading
started = threading.Event()
def wait():
    while True:
        try:
            started.set()
            os.read(end, 1)
        except SystemExit: pass
end = os.pipe()[0]
threading.Thread(target=wait, name="stuck", daemon=True).start()
started.wait()
def go(value): pass
${ASK}`,
    });
    await ask(stuck);
    await stuck.router.stop();
    assert.deepEqual(
      stuck.log.matching(/did not end/).map(({ message }) => message),
      ["py: Python threads did not end: stuck; their interpreter is kept until the process ends"],
    );
    const [said] = await oneAfterTheOther(
      "import threading\nsay(threading.main_thread() is threading.current_thread())",
    );
    assert.deepEqual(said, [true]);
  });

  it("frees what the one before held: objects, sockets, memory", async () => {
    const first = `
import gc, socket, weakref
class Big:
    data = bytearray(1 << 20)
near, far = socket.socketpair()
def cycle(): return near, far, Big
registered = {Big: cycle}
midimonster.manage(print, near)
midimonster.interval(cycle, 10)
`;
    const look = `
import gc
gc.collect()
say([type(one).__name__ for one in gc.get_objects() if isinstance(one, type) and one.__name__ == "Big" or type(one).__name__ == "socket"])
`;
    assert.deepEqual((await oneAfterTheOther(first, look))[1], [[]]);
  });

  it("loads a module again that is installed", async () => {
    const module = `
import os, sys
folder = os.path.join(os.path.dirname(__file__), "site-packages")
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "installed.py"), "w") as file: file.write("import midimonster\\ncount = [1]\\n")
sys.path.insert(1, folder)
import installed
installed.count.append(1)
say(installed.count)
`;
    assert.deepEqual(await oneAfterTheOther(module, module), [[[1, 1]], [[1, 1]]]);
  });
});
