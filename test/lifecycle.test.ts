import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findPythons } from "../lib/backends/python/locate/discovery.js";
import { copyOfPackage, folderWith, projectFolder, run, skipWithSanitizers } from "./helpers.js";
import { start } from "./session.js";

const index = path.join(projectFolder, "dist", "index.js");

const MODULE = `
import midimonster, socket, threading
near, far = socket.socketpair()
class Big:
    data = bytearray(4 << 20)
def read(sock): sock.recv(1)
def go(value):
    far.send(b"x")
    midimonster.output("out", value)
def tick(): midimonster.output("out", 0.5)
midimonster.manage(read, near)
midimonster.interval(tick, 10)
midimonster.cleanup_handler(lambda: None)
`;

const CONFIG =
  "[python one]\nmodule = mod\n[python two]\nmodule = mod\n[loopback l]\n[map]\none.out > l.x\nl.x > two.mod.go\n";

/** Runs a script in a Node process of its own, in a folder with a configuration and its module. */
function script(text: string, args: readonly string[] = []) {
  const folder = folderWith({
    "monster.cfg": CONFIG,
    "mod.py": MODULE,
    "stuck.cfg": "[python py]\nmodule = stuck\n",
    "stuck.py": 'import time\nprint("in module")\n',
    "script.mjs": `import { Router, silentLogger } from ${JSON.stringify(index)};\n${text}`,
  });
  return run(process.execPath, [...args, "script.mjs"], { cwd: folder });
}

async function succeeds(text: string, args: readonly string[] = []): Promise<string> {
  const running = script(text, args);
  assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stdout + running.stderr);
  return running.stdout;
}

describe("start and stop", () => {
  it("many times in one process leaks no memory, descriptor or thread, and never aborts", async () => {
    const output = await succeeds(
      `
import { readdirSync, readFileSync } from "node:fs";
async function cycle() {
  const router = Router.fromFile("monster.cfg", { logger: silentLogger });
  await router.start();
  await new Promise((resolve) => setTimeout(resolve, 12));
  await router.stop();
}
const measure = () => {
  gc();
  return {
    rss: process.memoryUsage().rss / 1048576,
    descriptors: readdirSync("/proc/self/fd").length,
    // Without the kernel's own helpers of io_uring, which come and go.
    threads: readdirSync("/proc/self/task").filter((task) => {
      try {
        return !readFileSync(\`/proc/self/task/\${task}/comm\`, "utf8").startsWith("iou-");
      } catch {
        return false; // it has ended
      }
    }).length,
  };
};
for (let i = 0; i < 30; ++i) await cycle();
const before = measure();
for (let i = 0; i < 100; ++i) await cycle();
console.log(JSON.stringify({ before, after: measure() }));
`,
      ["--expose-gc"],
    );
    type Measure = { rss: number; descriptors: number; threads: number };
    const { before, after } = JSON.parse(output) as { before: Measure; after: Measure };
    assert.equal(after.descriptors, before.descriptors);
    assert.equal(after.threads, before.threads);
    // CPython 3.12 and 3.13 lose up to 0.35 MiB with each of the 200 interpreters whoever makes it (docs/design.md); the
    // module's own objects would be 800 MiB.
    assert.ok(after.rss - before.rss < 150, `${before.rss} MiB before, ${after.rss} MiB after`);
  }).timeout(600_000);

  it("leaves nothing that keeps the process alive", async () => {
    await succeeds(`
const router = Router.fromFile("monster.cfg", { logger: silentLogger });
await router.start();
await router.stop();
`);
  });

  it("keeps the process alive while it runs", async () => {
    const running = script(`
const router = new Router({ logger: silentLogger }).instance("loopback", "l");
await router.start();
console.log("started");
process.once("SIGTERM", () => router.stop());
`);
    await running.sees(/started/);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(running.child.exitCode, null);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("can overlap: two routers at once, each with its own instances", async () => {
    const config = "[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.done > probe.done\n";
    const module =
      'count = 0\ndef go(value):\n    global count\n    count += 1\n    midimonster.output("done", count / 8)\n';
    const one = await start(config, { "mod.py": module });
    const two = await start(config, { "mod.py": module });
    one.probe.emit("go", 1);
    one.probe.emit("go", 1);
    two.probe.emit("go", 1);
    assert.deepEqual(await one.probe.until("done", 2), [0.125, 0.25]);
    assert.deepEqual(await two.probe.until("done"), [0.125]);
    await one.router.stop();
    two.probe.emit("go", 1);
    assert.deepEqual(await two.probe.until("done", 2), [0.125, 0.25]);
  });

  it("stop() may come from a handler of events, twice, and while starting", async () => {
    await succeeds(`
const stops = [];
const backend = {
  name: "stopper",
  create: (context) => ({
    channel() {},
    start: () => context.emit(0, 1),
    handle: () => stops.push(router.stop(), router.stop()),
  }),
};
const router = new Router({ logger: silentLogger, backends: [backend] })
  .instance("stopper", "s").instance("loopback", "l").map("s.x", "l.y").map("l.y", "s.z");
await router.start();
await new Promise((resolve) => setTimeout(resolve, 20));
await Promise.all(stops);
if (stops.length !== 2) throw new Error("handle() was called " + stops.length);
const early = Router.fromFile("monster.cfg", { logger: silentLogger });
const started = early.start().catch((error) => error.code);
await early.stop();
const reason = await started;
if (reason !== "STATE") throw new Error("start() ended with " + reason);
if (early.running) throw new Error("still running");
const never = Router.fromFile("monster.cfg", { logger: silentLogger });
const stopped = never.stop();
const refused = await never.load().catch((error) => error.code);
await stopped;
if (refused !== "STATE") throw new Error("load() after stop() ended with " + refused);
`);
  });
});

describe("process.exit()", () => {
  const stages: [stage: string, text: string][] = [
    ["before anything is loaded", "process.exit(0);"],
    ["once loaded", 'await Router.fromFile("monster.cfg", { logger: silentLogger }).load(); process.exit(0);'],
    [
      "while loading",
      'void Router.fromFile("monster.cfg", { logger: silentLogger }).start(); setImmediate(() => process.exit(0));',
    ],
    ["while running", 'await Router.fromFile("monster.cfg", { logger: silentLogger }).start(); process.exit(0);'],
    [
      "in a handler, with Python on the stack",
      `
const backend = {
  name: "exiter",
  create: () => ({ channel() {}, handle: () => process.exit(0) }),
};
const router = Router.fromFile("monster.cfg", { logger: silentLogger, backends: [backend] });
router.instance("exiter", "e").map("one.out", "e.x");
await router.start();
setTimeout(() => process.exit(3), 60_000);
`,
    ],
    [
      "during stop",
      'const r = Router.fromFile("monster.cfg", { logger: silentLogger }); await r.start(); void r.stop(); setImmediate(() => process.exit(0));',
    ],
    [
      "once stopped",
      'const r = Router.fromFile("monster.cfg", { logger: silentLogger }); await r.start(); await r.stop(); process.exit(0);',
    ],
  ];
  for (const [stage, text] of stages) {
    it(`${stage} neither aborts nor hangs`, async () => {
      await succeeds(text);
    });
  }
});

describe("worker threads", () => {
  const worker = (body: string) => `
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { fileURLToPath } from "node:url";
if (isMainThread) {
  const worker = new Worker(fileURLToPath(import.meta.url), { stdout: false });
  worker.on("error", (error) => { console.log("worker failed", error); process.exitCode = 1; });
  ${body.includes("// main") ? body.split("// main")[1] : ""}
} else {
  ${body.split("// main")[0]}
}
`;

  it("a router works in a worker when nothing else loaded the addon", async () => {
    const output = await succeeds(
      worker(`
  const router = Router.fromFile("monster.cfg", { logger: silentLogger });
  const seen = new Promise((resolve) => router.tap(resolve));
  await router.start();
  console.log((await seen)[0].channel);
  await router.stop();
`),
    );
    assert.match(output, /out/);
  });

  it("a worker that ends or is terminated with a running router takes nothing down", async () => {
    await succeeds(
      worker(`
  await Router.fromFile("monster.cfg", { logger: silentLogger }).start();
  parentPort.postMessage("running");
// main
  await new Promise((resolve) => worker.once("message", resolve));
  await worker.terminate();
  await new Promise((resolve) => setTimeout(resolve, 50));
`),
    );
  });

  it("a worker that is terminated while Python threads output, and while a report is on its way, takes nothing down", async () => {
    await succeeds(`
import { writeFileSync } from "node:fs";
import { Worker, isMainThread, parentPort } from "node:worker_threads";
import { fileURLToPath } from "node:url";
if (isMainThread) {
  writeFileSync("busy.cfg", "[python py]\\nmodule = busy\\n[loopback l]\\n[map]\\npy.out > l.x\\n");
  writeFileSync("busy.py", \`
import midimonster, threading
def work():
    while True: midimonster.output("out", 0.5)
for i in range(3): threading.Thread(target=work, daemon=True).start()
def bad(): raise ValueError("reported")
midimonster.interval(bad, 10)
\`);
  const worker = new Worker(fileURLToPath(import.meta.url));
  await new Promise((resolve) => worker.once("message", resolve));
  await new Promise((resolve) => setTimeout(resolve, 60));
  await worker.terminate();
  await new Promise((resolve) => setTimeout(resolve, 100));
  process.exit(0);
} else {
  await Router.fromFile("busy.cfg", { logger: silentLogger }).start();
  parentPort.postMessage("running");
}
`);
  });

  it("Python runs on one thread of a process; another one gets a clear error", async () => {
    const output = await succeeds(
      worker(`
  try {
    await Router.fromFile("monster.cfg", { logger: silentLogger }).start();
  } catch (error) {
    parentPort.postMessage([error.code, error.message]);
  }
// main
  const router = Router.fromFile("monster.cfg", { logger: silentLogger });
  const error = new Promise((resolve) => worker.once("message", resolve));
  await router.start();
  const second = new Worker(fileURLToPath(import.meta.url));
  const [code, message] = await Promise.race([error, new Promise((resolve) => second.once("message", resolve))]);
  console.log(code, message);
  await second.terminate();
  await worker.terminate();
  await router.stop().catch(() => {});
  process.exit(0);
`).replace("await router.start();\n  const second", "await router.start().catch(() => {});\n  const second"),
    );
    assert.match(output, /^PYTHON_IN_USE .*already runs in another thread/);
  });

  it("a second router that wants Python otherwise gets an error that says what differs", async function () {
    skipWithSanitizers(this, "with sanitizers there is no other deepbind than off");
    const output = await succeeds(`
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
const first = new Router({ logger: silentLogger }).instance("python", "py");
await first.start();
const { executable } = first.describe().python;
const environment = mkdtempSync("other-");
execFileSync(executable, ["-m", "venv", "--without-pip", environment]);
for (const options of [{ deepbind: "off" }, { python: "./" + environment }]) {
  const router = new Router({ logger: silentLogger }).backend("python", { python: executable, ...options });
  await router.instance("python", "py").start().catch(({ code, message }) => console.log(code, message));
  await router.stop();
}
await first.stop();
`);
    const [deepbind, python] = output.split("\n");
    assert.match(
      deepbind ?? "",
      /^PYTHON_IN_USE \S+ can't be used: this process already runs it with option 'deepbind' on, and cannot also have it with 'deepbind' off/,
    );
    const names = /already runs (\S+) \(.*\) and cannot also load (\S+) \(/.exec(python ?? "");
    assert.notEqual(names?.[1], names?.[2], output);
  });
});

describe("the package's own Python code", () => {
  it("is kept compiled as Python does, and compiled anew where that is damaged", async () => {
    const copy = copyOfPackage();
    const kept = path.join(copy, "python", "runtime", "__pycache__");
    const { PYTHONDONTWRITEBYTECODE: _, PYTHONPYCACHEPREFIX: __, ...env } = process.env;
    const starts = async () => {
      const command = path.join(copy, "dist", "cli", "mmpy.cjs");
      const folder = folderWith({ "monster.cfg": CONFIG, "mod.py": MODULE });
      const running = run(process.execPath, [command, "check"], { cwd: folder, env });
      assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    };
    await starts();
    const names = readdirSync(kept);
    assert.ok(names.some((name) => /^start\.cpython-3\d+\.pyc$/.test(name)));
    assert.ok(!names.some((name) => /^(batch|reload)\./.test(name)), "these are not needed");
    const whole = new Map(names.map((name) => [path.join(kept, name), readFileSync(path.join(kept, name))]));
    // As a power cut may leave them: the start of the file, and nothing but zeros.
    const damage = [(file: Buffer) => Buffer.concat([file.subarray(0, 16), Buffer.alloc(file.length - 16)]), () => ""];
    for (const damaged of damage) {
      for (const [file, content] of whole) writeFileSync(file, damaged(content));
      await starts();
    }
  });

  it("that is not there is named", async () => {
    const copy = copyOfPackage();
    rmSync(path.join(copy, "python", "runtime", "names.py"));
    const folder = folderWith({ "monster.cfg": CONFIG, "mod.py": MODULE });
    const running = run(process.execPath, [path.join(copy, "dist", "cli", "mmpy.cjs"), "check"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 1, signal: null });
    assert.match(running.stderr, /\/python\/runtime\/names\.py can't be read .*install it again/);
  });
});

describe("two copies of the package in one process", () => {
  it("that choose different Pythons: the second one gets a clear error, and the first goes on", async function () {
    skipWithSanitizers(this, "there is one addon with sanitizers for both copies");
    const usable = (await findPythons()).flatMap(({ choice }) => (choice ? [choice] : []));
    const [first, second] = [usable[0], usable.find(({ library }) => library !== usable[0]?.library)];
    if (first === undefined || second === undefined) {
      console.log("SKIPPED: there is only one usable Python on this machine");
      this.skip();
    }
    const output = await succeeds(`
process.env.MMPY_PYTHON = ${JSON.stringify(first.executable)};
const router = Router.fromFile("monster.cfg", { logger: silentLogger });
await router.start();
process.env.MMPY_PYTHON = ${JSON.stringify(second.executable)};
const other = await import(${JSON.stringify(path.join(copyOfPackage(), "dist", "index.js"))});
const refused = other.Router.fromFile("monster.cfg", { logger: silentLogger });
await refused.start().catch((error) => console.log(error.code, error.message));
await refused.stop();
await router.stop();
`);
    assert.match(output, /^PYTHON_IN_USE .*another native addon has already started CPython in this process/);
  });

  it("share no Python: the second one gets a clear error", async function () {
    skipWithSanitizers(this, "there is one addon with sanitizers for both copies");
    const copy = copyOfPackage();
    const output = await succeeds(`
const router = Router.fromFile("monster.cfg", { logger: silentLogger });
await router.start();
const other = await import(${JSON.stringify(path.join(copy, "dist", "index.js"))});
const refused = other.Router.fromFile("monster.cfg", { logger: silentLogger });
await refused.start().catch((error) => console.log(error.code, error.message));
await refused.stop();
await router.stop();
`);
    assert.match(output, /^PYTHON_IN_USE .*another native addon has already started CPython in this process/);
  });
});

describe("the tests themselves", () => {
  it("leave no descriptor of a router behind", async () => {
    const count = () => readdirSync("/proc/self/fd").length;
    const first = await start("[python py]\nmodule = mod\n", {
      "mod.py": "import socket\ns = socket.socket()\nmidimonster.manage(print, s)\n",
    });
    await first.router.stop();
    const before = count();
    const second = await start("[python py]\nmodule = mod\n", {
      "mod.py": "import socket\ns = socket.socket()\nmidimonster.manage(print, s)\n",
    });
    await second.router.stop();
    assert.equal(count(), before);
  });
});
