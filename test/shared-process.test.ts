// What belongs to the whole process: one instance's use of it neither stops the others nor outlives it dangerously.
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith, mmpy, projectFolder, run } from "./helpers.js";
import { ask, start } from "./session.js";

const STAYS = "[python stays]\nmodule = stays\n[map]\nprobe.ask > stays.stays.ask\nstays.done > probe.done\n";
const STAYS_MODULE = 'def ask(value): midimonster.output("done", value)\n';

/** Says so when it is finalized, even if that is at the end of its interpreter, when modules are gone. */
const LAST = `
import os, sys
class Last:
    path, flags = os.path.join(os.path.dirname(__file__), "said.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND
    open, write = staticmethod(os.open), staticmethod(os.write)
    def __del__(self): self.write(self.open(self.path, self.flags, 0o600), b'"ended"\\n')
`;

describe("an instance that changes what is the process's", () => {
  const settings: [what: string, code: string][] = [
    ["a profile function that raises", "sys.setprofile(raising); threading.setprofile(raising)"],
    [
      "a trace function for every line",
      "sys.settrace(lambda *args: raising); threading.settrace(lambda *args: raising)",
    ],
    ["a low recursion limit", "sys.setrecursionlimit(sys.getrecursionlimit() // 8)"],
    ["a garbage collector that is off and frozen", "gc.disable(); gc.freeze(); gc.set_threshold(1)"],
    ["faulthandler", "faulthandler.enable(open(os.devnull, 'w'))"],
    ["warnings that are errors", "warnings.simplefilter('error')"],
    ["another numeric locale", "locale.setlocale(locale.LC_ALL, 'C')"],
    ["a time-out for new sockets", "socket.setdefaulttimeout(30)"],
  ];
  for (const [what, code] of settings) {
    it(`${what}: leaves the others' handlers, intervals and threads as they are`, async () => {
      const session = await start(
        `[python sets]\nmodule = sets\n[map]\nprobe.go > sets.sets.go\n${STAYS}stays.tick > probe.tick\n`,
        {
          "sets.py": `
import faulthandler, gc, locale, os, socket, sys, threading, warnings
def raising(*args): raise ArithmeticError("from the profile function")
def go(value):
    ${code}
`,
          "stays.py": `
import sys, threading, gc, warnings
warnings.showwarning = lambda *arguments: None
def depth(n): return n if n == 0 else depth(n - 1)
def work():
    warnings.warn("only a warning")
    depth(500)
    say([sys.getprofile() is None, sys.gettrace() is None, gc.isenabled(), sys.getrecursionlimit() >= 1000])
    midimonster.output("done", 1)
def ask(value): threading.Thread(target=work).start()
midimonster.interval(lambda: midimonster.output("tick", depth(500) + 1), 10)
`,
        },
      );
      session.probe.emit("go", 1);
      await ask(session);
      await session.probe.until("tick", session.probe.values("tick").length + 3);
      assert.deepEqual(session.said(), [[true, true, true, true]]);
      assert.deepEqual(session.log.matching(/stays: .* raised/), []);
      await session.router.stop();
    });
  }

  it("a switch interval of minutes: is limited, with a warning, and no thread keeps the others waiting", async () => {
    const folder = folderWith({
      "monster.cfg": "[python busy]\nmodule = busy\n[python ticks]\nmodule = ticks\n",
      "busy.py": `
import sys, threading
sys.setswitchinterval(600)
print("interval", sys.getswitchinterval())
sys.setswitchinterval(0.001)
print("interval", sys.getswitchinterval(), flush=True)
sys.setswitchinterval(600)
def work():
    while True: pass
threading.Thread(target=work, daemon=True).start()
`,
      "ticks.py": `
import midimonster, os, signal
left = [20]
def tick():
    left[0] -= 1
    if left[0] == 0: os.kill(os.getpid(), signal.SIGINT)
midimonster.interval(tick, 10)
`,
    });
    const running = mmpy(["monster.cfg"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.match(running.stdout, /^interval 0\.005\ninterval 0\.001\n/m);
    assert.match(running.stderr, /RuntimeWarning: sys\.setswitchinterval\(600\): 0\.005 is used/);
  });
});

describe("an instance that ends", () => {
  it("takes faulthandler's timer and signal handlers with it", async () => {
    const folder = folderWith({
      "mod.py": `
import faulthandler, os
sink = open(os.devnull, "w")
faulthandler.dump_traceback_later(0.02, repeat=True, file=sink)
faulthandler.register(10, file=sink)
faulthandler.register(12, file=sink, chain=True)
`,
      "script.mjs": `
import { Router, silentLogger } from ${JSON.stringify(path.join(projectFolder, "dist", "index.js"))};
process.on("SIGUSR2", () => {}); // Node's own handler, which faulthandler calls, too
for (let i = 0; i < 6; ++i) {
  const router = new Router({ folder: ".", logger: silentLogger }).instance("python", "py", { module: "mod" });
  await router.start();
  process.kill(process.pid, "SIGUSR2");
  await router.stop();
  for (let j = 0; j < 20; ++j) process.kill(process.pid, "SIGUSR2");
  await new Promise((resolve) => setTimeout(resolve, 60));
}
console.log("survived");
`,
    });
    const running = run(process.execPath, ["script.mjs"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stdout + running.stderr);
    assert.equal(running.stdout, "survived\n");
  });

  it("lets finalizers that run last start no threads, and the others go on", async () => {
    const session = await start(`[python goes]\ninterpreter = own\nmodule = goes\n${STAYS}`, {
      "goes.py": `
import _thread, sys, threading, time
class Late:
    def __del__(self, Thread=threading.Thread, sleep=time.sleep, _thread=_thread):
        def work():
            while True: sleep(0.001)
        for start in (lambda: Thread(target=work, daemon=True).start(), lambda: _thread.start_new_thread(work, ())):
            try: start()
            except RuntimeError: pass
# Not released with user code's modules, but with the interpreter.
sys.modules["late"] = sys.late = Late()
sys.modules["later"] = Late()
`,
      "stays.py": STAYS_MODULE,
    });
    session.write("monster.cfg", STAYS);
    assert.deepEqual((await session.router.reload()).removed, ["goes"]);
    for (let i = 0; i < 20; ++i) await ask(session);
    await session.router.stop();
  });

  for (const forgets of [false, true]) {
    it(`stays if it has imported an extension module, ${forgets ? "also one that sys.modules has lost" : "which others may have copies of"}`, async () => {
      const session = await start(`[python goes]\ninterpreter = own\nmodule = goes\n${STAYS}`, {
        "goes.py": `${LAST}
import importlib.machinery, importlib.util, shutil, sysconfig
# Any extension module: it counts as a foreign one since it is in another folder.
folder = os.path.dirname(__file__)
def foreign():
    for candidate in ("_heapq", "_bisect", "_queue", "_opcode", "_lsprof"):
        spec = importlib.machinery.PathFinder.find_spec(candidate)
        if spec is not None and spec.origin.endswith(".so"): return candidate, spec.origin
name, origin = foreign()
copy = shutil.copy(origin, os.path.join(folder, os.path.basename(origin)))
spec = importlib.util.spec_from_file_location(name, copy)
sys.modules["foreign"] = importlib.util.module_from_spec(spec)
${forgets ? "del sys.modules['foreign']" : ""}
sys.last_one = Last()
`,
        "stays.py": STAYS_MODULE,
      });
      session.write("monster.cfg", STAYS);
      await session.router.reload();
      await ask(session);
      assert.deepEqual(session.said(), []);
    });
  }

  it("ends if it has imported none", async () => {
    const session = await start(`[python goes]\ninterpreter = own\nmodule = goes\n${STAYS}`, {
      "goes.py": `${LAST}\nsys.last_one = Last()\n`,
      "stays.py": STAYS_MODULE,
    });
    session.write("monster.cfg", STAYS);
    await session.router.reload();
    await ask(session);
    assert.deepEqual(session.said(), ["ended"]);
  });
});
