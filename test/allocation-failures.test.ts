// Every allocation fails once: in the module's functions, in reports, at a start, in a reload, at a stop. There may be an
// error; the process neither ends nor hangs, and goes on afterwards.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder, run, skipWithSanitizers } from "./helpers.js";

const own = path.join(projectFolder, "test", "allocations");
const read = (folder: string, name: string) => readFileSync(path.join(projectFolder, "test", folder, name), "utf8");
const functions = read("everywhere", "functions.py");
const COUNT = [...functions.matchAll(/^ {4}"(.*?)": /gm)].length;

const CONFIG = `
[backend python]
deepbind = off
[probe probe]
[python py]
module = mod
[map]
probe.{within,raising,arm,disarms,to_socket} > py.mod.{within,raising,arm,disarms,to_socket}
probe.b > py.b1
py.{done,fired} > probe.{done,fired}
py.{b1,b2,b3} > py.{b1,b2,b3}
`;

const OTHER = `
[backend python]
deepbind = off
[probe probe]
[python py]
module = changing
[loopback loop]
[map]
probe.go > py.changing.go
py.out > probe.out
py.out > loop.x
loop.x > probe.y
`;

const CHANGING = `
import midimonster, socket
def go(value): midimonster.output("out", value)
def tick(): pass
def bye(): midimonster.output("out", 0)
midimonster.interval(tick, 1000)
midimonster.cleanup_handler(bye)
midimonster.output("out", 0.5)
sockets = [socket.socketpair() for _ in range(3)]
for near, _ in sockets: midimonster.manage(lambda sock: sock.recv(1), near)
batch = midimonster.batch(["out", "out2"], lambda batch: None)
`;

describe("when an allocation fails", function () {
  this.timeout(1_800_000);
  let shim = "";

  before(function () {
    skipWithSanitizers(this, "sanitizers allocate by themselves");
    const report = process.report?.getReport() as { header: { glibcVersionRuntime?: string } } | undefined;
    if (report?.header.glibcVersionRuntime === undefined) {
      console.log("SKIPPED: only glibc lets its allocator be replaced like this");
      this.skip();
    }
    shim = path.join(folderWith({}), "alloc-shim.so");
    const source = path.join(own, "shim.cc");
    const compiled = spawnSync(
      "c++",
      ["-std=c++17", "-O1", "-fno-omit-frame-pointer", "-shared", "-fPIC", "-o", shim, source, "-ldl"],
      {
        encoding: "utf8",
      },
    );
    assert.equal(compiled.status, 0, compiled.stderr);
  });

  for (const [what, printed] of [
    ["functions", /^batch\(\) [1-9]\d*( [1-9]\d*)?$/m],
    ["start", /^a start: [1-9]\d* allocations, with CPython's/m],
    ["reload", /^a reload: [1-9]\d* allocations, with CPython's/m],
    ["stop", /^a stop: [1-9]\d* allocations, with CPython's/m],
  ] as const) {
    it(`in ${what}: an error at most, and everything goes on`, async () => {
      const folder = folderWith({
        "monster.cfg": CONFIG,
        "other.cfg": OTHER,
        "changing.py": CHANGING,
        "functions.py": functions,
        "mod.py": read("allocations", "mod.py"),
      });
      const args = ["--import", "tsx", path.join(own, "main.ts"), what, folder, String(COUNT)];
      const running = run(process.execPath, args, {
        cwd: projectFolder,
        env: { ...process.env, LD_PRELOAD: shim, PYTHONMALLOC: "malloc" },
      });
      assert.deepEqual(await running.exited, { code: 0, signal: null }, `${running.stdout}\n${running.stderr}`);
      assert.match(running.stdout, printed);
      assert.doesNotMatch(running.stdout, /^MISLEADING/m, "what is told is not that memory was lacking");
      assert.match(running.stdout, /ended well\n$/);
    });
  }
});
