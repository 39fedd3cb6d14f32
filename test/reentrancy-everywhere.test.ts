// Every function of the module, called back from every place where the native part runs Python code. A use of memory that is
// gone often does no harm here; `npm run test:sanitizers -- test/reentrancy-everywhere.test.ts` sees all.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { projectFolder } from "./helpers.js";
import { ask, Session, start } from "./session.js";

const folder = path.join(projectFolder, "test", "everywhere");

const CONFIG = `
[python py]
module = mod
[map]
probe.{choose,go,ask} > py.mod.{choose,go,ask}
py.{told,done} > probe.{told,done}
py.{b1,b2,b3,b4} > py.{b1,b2,b3,b4}
py.again > py.b4
py.again > py.mod.on_again
`;

const read = (name: string) => readFileSync(path.join(folder, name), "utf8");
const FILES = { "mod.py": read("mod.py"), "functions.py": read("functions.py"), "places.py": read("places.py") };

/** The keys of a dictionary in one of these files. */
function keysOf(name: string, dictionary: string): string[] {
  const body = new RegExp(`^${dictionary} = \\{\\n([^]*?)^\\}`, "m").exec(read(name))?.[1] ?? "";
  return [...body.matchAll(/^ {4}"(.*?)": /gm)].map(([, key = ""]) => key);
}

const FUNCTIONS = keysOf("functions.py", "FUNCTIONS");
const AT_ONCE = keysOf("places.py", "AT_ONCE");
const PLACES = [...AT_ONCE, ...keysOf("places.py", "SOON")];

describe("every function of the module can be called back from", function () {
  this.timeout(120_000);

  before(() => {
    assert.ok(FUNCTIONS.length > 20 && PLACES.length > 20);
  });

  for (const [i, place] of PLACES.entries()) {
    it(place, async () => {
      const session = await start(CONFIG, FILES);
      session.probe.emit("choose", i / 1000);
      for (const n of FUNCTIONS.keys()) {
        session.probe.emit("go", n / 1000);
        await session.probe.until("told", n + 1);
        await ask(session);
      }
      await session.router.stop();
    });
  }
});

/** Python code that a reload or the end of an instance runs: it calls `back()`, which calls the function. */
const LATE: readonly [place: string, code: string][] = [
  ["the top level of a module that is reloaded", "if midimonster.previous() is not None: back()\n"],
  [
    "what a reload asks of a callable",
    `
def asked(self):
    if functions.armed: back()
    return "mod"
class Asked:
    __module__ = property(asked)
    def __call__(self, *_): pass
if midimonster.previous() is None:
    for near, _ in functions.pairs: midimonster.manage(Asked(), near)
    for _ in range(5): midimonster.interval(Asked(), 10_000)
    for _ in range(3): midimonster.after(Asked(), 10_000)
    for _ in range(3): midimonster.interval(Asked(), 10_000, exact=True)
    midimonster.cleanup_handler(Asked())
    asked = [midimonster.batch(["b1", "b2"], Asked()) for _ in range(5)]
`,
  ],
  [
    "__del__() of what a reload drops",
    `
class Dies:
    def __call__(self, *_): pass
    def __del__(self): back()
if midimonster.previous() is None:
    for near, _ in functions.pairs: midimonster.manage(Dies(), near)
    for _ in range(5): midimonster.interval(Dies(), 10_000)
    for _ in range(3): midimonster.after(Dies(), 10_000)
    for _ in range(3): midimonster.interval(Dies(), 10_000, exact=True)
    midimonster.cleanup_handler(Dies())
    for _ in range(5): midimonster.batch(["b1", "b2"], Dies())
late = Dies()
`,
  ],
  [
    "a module's __getattr__() while handlers are looked for",
    `
def __getattr__(name):
    if name == "late":
        back()
        return lambda value: back()
    raise AttributeError(name)
`,
  ],
  ["a start function of a version that is reloaded", "midimonster.started(back)\n"],
  [
    "__del__() of a start function",
    `
class Dies:
    def __call__(self, *_): pass
    def __del__(self): back()
midimonster.started(Dies())
`,
  ],
  ["the cleanup handler", "midimonster.cleanup_handler(back)\n"],
  [
    "an async cleanup handler",
    "import asyncio\nasync def bye():\n    await asyncio.sleep(0)\n    back()\nmidimonster.cleanup_handler(bye)\n",
  ],
  [
    "a task that is cancelled",
    "import asyncio\nasync def waits():\n    try:\n        await asyncio.sleep(1000)\n    finally:\n        back()\nmidimonster.task(waits())\n",
  ],
  [
    "a coroutine that has not ended when its loop closes",
    "import asyncio\nasync def stubborn():\n    while True:\n        try:\n            await asyncio.sleep(1000)\n        except asyncio.CancelledError:\n            pass\n        except GeneratorExit:\n            back()\n            raise\nmidimonster.task(stubborn())\n",
  ],
  ["an exit function", "import atexit\natexit.register(back)\n"],
  [
    "__del__() of an object at the stop",
    "class Dies:\n    def __del__(self): back()\nkept = Dies()\nmidimonster.interval(lambda kept=Dies(): None, 10_000)\n",
  ],
  [
    "a thread that the stop ends",
    `
import threading
class Odd(threading.Thread):
    def join(self, *_):
        back()
        return super().join(0.1)
    def run(self):
        try:
            while True: time.sleep(0.01)
        finally: back()
import time
if midimonster.previous() is None: Odd(daemon=True).start()
`,
  ],
];

describe("every function of the module can be called back, in reloads and at the stop, from", function () {
  this.timeout(240_000);
  for (const [place, code] of LATE) {
    it(place, async () => {
      for (const name of FUNCTIONS) {
        const session = new Session(`${CONFIG}py.told > py.mod.late\n`, FILES);
        const module = (generation: number) => `
import functions
functions.armed = getattr(functions, "armed", False)
def late(value): pass
generation = ${generation}
def back(*_):
    if not hasattr(functions, "told"): functions.told = say(${JSON.stringify(name)})
    functions.call(${JSON.stringify(name)})
def choose(value): pass
def go(value): functions.armed = True
def ask(value): midimonster.output("done", value)
def on_again(value): pass
${code.includes("__getattr__(name):\n    if name == ") ? "del late" : ""}
${code}`;
        session.write("mod.py", module(1));
        await session.router.start();
        session.probe.emit("go", 1);
        await ask(session);
        session.write("mod.py", module(2));
        await session.router.reload();
        session.write("mod.py", `${module(3)}raise ValueError("this version is not taken")\n`);
        await assert.rejects(session.router.reload());
        await ask(session);
        await session.router.stop();
        assert.equal(session.said()[0], name);
      }
    });
  }
});
