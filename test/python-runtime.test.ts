// What runs in every interpreter beside user code (python/runtime/): it is not to be seen, loads what it needs when it needs
// it, and never runs code of theirs to find out what things are called.
import assert from "node:assert/strict";
import { folderWith, mmpy } from "./helpers.js";
import { Session, start } from "./session.js";

const CONFIG = "[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.{a,b,done} > probe.{a,b,done}\n";

/** Modules by their names in sys.modules, and what is reachable from frames. */
const LOOKS_AROUND = `
import sys
def go(value): midimonster.output("done", 1)
say(sorted(name for name in sys.modules if "mmpy" in name or name in ("start", "names", "native", "runtime")))
say([name for name in dir(__builtins__) if "mmpy" in str(getattr(__builtins__, name))])
`;

describe("the code beside user code", () => {
  it("is not among the modules, and builtins are Python's own", async () => {
    const session = await start(CONFIG, { "mod.py": LOOKS_AROUND });
    assert.deepEqual(session.said(), [[], []]);
  });

  it("that is loaded later can fail for want of a descriptor, and is there once there are some", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import midimonster, os, resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
held = []
try:
    while True: held.append(os.dup(1))
except OSError: pass
outcomes = []
for _ in range(2):
    try: midimonster.batch(["a"])
    except OSError as error: outcomes.append(error.strerror)
while held: os.close(held.pop())
outcomes.append(repr(midimonster.batch(["a", "b"])))
print(outcomes, flush=True)
`,
    });
    const running = mmpy(["check"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.match(
      running.stdout,
      /^\['Too many open files', 'Too many open files', '<midimonster\.Batch of 2 channels, a to b>'\]$/m,
    );
  });

  it("that is loaded later is the same for threads that need it at once", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import sys, threading
def go(value): pass
usual = sys.getswitchinterval()
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
made = []
def make():
    together.wait()
    try: made.append(type(midimonster.batch(["a", "b"])))
    except BaseException as error: made.append(repr(error))
threads = [threading.Thread(target=make) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.setswitchinterval(usual)
say(len(made), [str(one) for one in set(made)])
`,
    });
    assert.deepEqual(session.said(), [8, ["<class 'midimonster.Batch'>"]]);
  });
});

describe("a function that raises", () => {
  const HOSTILE = `
import functools
class Any:
    def __getattribute__(self, name):
        if name == "__call__": raise AttributeError
        while True: pass
    __getattr__ = __getattribute__
    def __repr__(self):
        while True: pass
    def __call__(self): raise ValueError
class Meta(type):
    __module__ = __name__ = property(lambda self: 1 / 0)
    def __getattribute__(self, name): raise OSError(name)
class Odd(metaclass=Meta):
    def __call__(self): raise ValueError
class Lamp:
    def fade(self): raise ValueError
def plain(*arguments): raise ValueError
cached = functools.lru_cache(plain)
nested = functools.partial(functools.partial(Lamp().fade))
`;
  const cases: [what: string, expression: string, name: RegExp][] = [
    ["a plain function", "plain", /^mod\.plain$/],
    ["a method", "Lamp().fade", /^mod\.Lamp\.fade$/],
    ["a functools.partial object", "functools.partial(plain, 1)", /^mod\.plain$/],
    ["one within another, of a method", "nested", /^mod\.Lamp\.fade$/],
    ["a function with a cache", "cached", /^mod\.plain$/],
    ["a function of Python's", "iter(()).__next__", /^tuple_?iterator\.__next__$|^method-wrapper/],
    ["an object of a class", "Odd()", /^<mod\.Odd object at 0x[0-9a-f]+>$/],
    ["an object that answers no question", "Any()", /^<mod\.Any object at 0x[0-9a-f]+>$/],
    ["a class", "Lamp.fade", /^mod\.Lamp\.fade$/],
  ];
  for (const [what, expression, name] of cases) {
    it(`is named without running its code: ${what}`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `${HOSTILE}def go(value): pass\nmidimonster.cleanup_handler(${expression})\n`,
      });
      await session.router.stop();
      const [entry] = session.log.matching(/the cleanup handler .* raised/);
      assert.match(String(entry?.fields.subject), name);
    });
  }
});

describe("names that may have been meant", () => {
  it("are found without running user code", async () => {
    const session = new Session("[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.lamp.fad\n", {
      "mod.py": `
class Lamp:
    level = property(lambda self: forever())
    def __dir__(self): forever()
    def fade(self, value): pass
    @staticmethod
    def fake(value): pass
def forever():
    while True: pass
lamp = Lamp()
lamp.fac = print
`,
    });
    await assert.rejects(session.router.load(), /'mod\.lamp' has no 'fad'[\s\S]*mod\.lamp\.fa(de|c|ke)/);
  });
});
