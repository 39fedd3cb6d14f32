// Feedback loops: everything else goes on, nothing is lost as long as it can be kept, and each is named once.
import assert from "node:assert/strict";
import path from "node:path";
import { type Backend, Router, silentLogger } from "../lib/index.js";
import { folderWith, mmpy } from "./helpers.js";
import { ProbeBackend } from "./probe-backend.js";
import { ASK, ask, CONFIG, start } from "./session.js";

describe("a feedback loop", () => {
  const loops: [what: string, config: string, names: RegExp][] = [
    [
      "of one python instance",
      "[python py]\nmodule = mod\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\npy.out > py.mod.spin\nprobe.go > py.mod.spin\n",
      /feedback loop: py\.mod\.spin -> py\.mod\.spin;/,
    ],
    [
      "through two loopbacks",
      "[python py]\nmodule = mod\n[loopback l1]\n[loopback l2]\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\nprobe.go > l1.x\nl1.x > l2.y\nl2.y > l1.x\n",
      /feedback loop: (l1\.x -> l2\.y -> l1\.x|l2\.y -> l1\.x -> l2\.y);/,
    ],
    [
      "through a TypeScript backend",
      "[python py]\nmodule = mod\n[probe mirror]\necho = on\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\nprobe.go > py.mod.spin\npy.out > mirror.m\nmirror.m > py.mod.spin\n",
      /feedback loop: (py\.mod\.spin -> mirror\.m -> py\.mod\.spin|mirror\.m -> py\.mod\.spin -> mirror\.m);/,
    ],
  ];
  const ring = Array.from({ length: 30 }, (_, i) => `[python ring${i}]\nmodule = pass_on\n`).join("");
  const round = Array.from({ length: 30 }, (_, i) => `ring${i}.out > ring${(i + 1) % 30}.pass_on.on\n`).join("");
  loops.push([
    "of thirty python instances",
    `[python py]\nmodule = mod\n${ring}[map]\n${round}probe.{go,ask} > py.mod.{go,ask}\npy.{tick,done,answer} > probe.{tick,done,answer}\nprobe.go > ring0.pass_on.on\n`,
    /feedback loop: (ring\d+\.pass_on\.on -> ){20}\(10 more channels\) -> ring\d+\.pass_on\.on;/,
  ]);
  for (const [what, config, names] of loops) {
    it(`${what} leaves intervals and sockets working and is named once`, async () => {
      const session = await start(config, {
        "mod.py": `
import socket
near, far = socket.socketpair()
def answer(sock):
    midimonster.output("answer", sock.recv(1) == b"x")
midimonster.manage(answer, near)
def tick():
    say(midimonster.timestamp())
    midimonster.output("tick", 1)
midimonster.interval(tick, 10)
spins = 0
def spin(value):
    global spins
    spins += 1
    midimonster.output("out", value)
def go(value): pass
def ask(value):
    far.send(b"x")
    midimonster.output("done", 1)
`,
        "pass_on.py": 'def on(value): midimonster.output("out", value)\n',
      });
      session.probe.emit("go", 1);
      await session.log.seen(names);
      const before = session.probe.values("tick").length;
      await session.probe.until("tick", before + 50);
      // 500 ms, if the machine has nothing else to do.
      const [first = 0, ...others] = (session.said() as number[]).slice(before, before + 51);
      const took = (others.at(-1) ?? 0) - first;
      assert.ok(took < 5000, `50 periods of 10 ms took ${took} ms`);
      await ask(session);
      assert.deepEqual(await session.probe.until("answer"), [1]);
      assert.equal(session.log.matching(/feedback loop/).length, 1);
    });
  }

  it("loses no event: each of many going round is counted on every round", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[python other]\nmodule = other\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.out > other.other.pong\nother.out > py.mod.spin\npy.done > probe.done\n",
      {
        "mod.py": `
import collections
seen = collections.Counter()
def go(value):
    for i in range(100): midimonster.output("out", i / 128)
def spin(value):
    seen[value] += 1
    if seen[value] < 2000: midimonster.output("out", value)
def ask(value):
    if len(seen) == 100 and set(seen.values()) == {2000}: midimonster.output("done", 1)
`,
        "other.py": 'def pong(value): midimonster.output("out", value)\n',
      },
    );
    session.probe.emit("go", 1);
    const asking = setInterval(() => session.probe.emit("ask", 1), 20);
    await session.probe.until("done");
    clearInterval(asking);
  });

  // Loops that no short look at a few events shows.
  const shapes: [what: string, config: string, messages: RegExp[]][] = [
    [
      "of eight thousand channels side by side",
      "[loopback a]\n[loopback b]\n[map]\nprobe.go > a.x{1..8000}\na.x{1..8000} <> b.x{1..8000}\n",
      [/feedback loop: (a\.x(\d+) -> b\.x\2 -> a\.x\2|b\.x(\d+) -> a\.x\3 -> b\.x\3);/],
    ],
    [
      "of five thousand channels one after the other",
      "[loopback a]\n[map]\nprobe.go > a.x1\na.x{1..4999} > a.x{2..5000}\na.x5000 > a.x1\n",
      [/feedback loop: (a\.x\d+ -> ){20}\(4980 more channels\) -> a\.x\d+;/],
    ],
    [
      "beside another one",
      "[loopback a]\n[loopback b]\n[loopback c]\n[loopback d]\n[map]\nprobe.go > a.x\nprobe.go > c.x\na.x <> b.x\nc.x <> d.x\n",
      [
        /feedback loop: (a\.x -> b\.x -> a\.x|b\.x -> a\.x -> b\.x);/,
        /feedback loop: (c\.x -> d\.x -> c\.x|d\.x -> c\.x -> d\.x);/,
      ],
    ],
    [
      "whose handlers take their time",
      "[python py]\nmodule = slow\n[map]\nprobe.go > py.slow.on\npy.out > py.slow.on\n",
      [/feedback loop: py\.slow\.on -> py\.slow\.on;/],
    ],
  ];
  for (const [what, config, messages] of shapes) {
    it(`${what} is named, once`, async () => {
      const session = await start(config, {
        "slow.py": 'import time\ndef on(value):\n    time.sleep(0.002)\n    midimonster.output("out", value)\n',
      });
      session.probe.emit("go", 1);
      for (const message of messages) await session.log.seen(message);
      // As long again, so that there are more looks.
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(session.log.matching(/feedback loop/).length, messages.length);
    });
  }

  const children: [what: string, config: string][] = [
    ["of python instances", "[map]\none.start > one.mod.on\none.out > two.mod.on\ntwo.out > one.mod.on\n"],
    ["of loopbacks", "[loopback a]\n[loopback b]\n[map]\none.start > a.x\na.x <> b.x\n"],
    [
      "in which every event leads to two",
      "[loopback a]\n[loopback b]\n[map]\none.start > a.x\na.x > b.x\na.x > b.y\nb.x > a.x\nb.y > a.x\n",
    ],
  ];
  for (const [what, config] of children) {
    it(`${what} does not keep Ctrl-C from stopping all in order`, async () => {
      const folder = folderWith({
        "monster.cfg": `[python one]\nmodule = mod\n[python two]\nmodule = mod\n${config}`,
        "mod.py": `
import midimonster
midimonster.output("start", 1)
midimonster.cleanup_handler(lambda: print("cleaned up"))
def on(value): midimonster.output("out", value)
`,
      });
      const running = mmpy([path.join(folder, "monster.cfg")]);
      await running.sees(/feedback loop/);
      running.child.kill("SIGINT");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
      assert.match(running.stdout, /cleaned up\ncleaned up/);
      assert.equal(running.stderr.match(/feedback loop/g)?.length, 1, running.stderr);
    });
  }

  it("in which every event leads to twelve takes no more memory than all queues may, and gives it back", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `l${i}`);
    const folder = folderWith({
      "monster.cfg": `[python py]\nmodule = mod\n${names.map((name) => `[loopback ${name}]\n`).join("")}[map]\npy.start > l0.x\n${names
        .flatMap((from) => names.map((to) => `${from}.x > ${to}.x\n`))
        .join("")}`,
      "mod.py": `
import midimonster
def resident():
    with open("/proc/self/statm") as file: return int(file.read().split()[1]) * 4096 >> 20
first = resident()
ticks = 0
def tick():
    global ticks
    ticks += 1
    if ticks % 50 == 0: print("tick", ticks, "took", resident() - first)
midimonster.interval(tick, 10)
midimonster.output("start", 1)
`,
    });
    const running = mmpy(["--queue-limit", "64", path.join(folder, "monster.cfg")]);
    await running.sees(/^.*ERROR: l\d+: events are lost/m);
    const ticks = [...running.stdout.matchAll(/tick (\d+)/g)].length;
    await running.until(() => [...running.stdout.matchAll(/took/g)].length >= ticks + 8);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const taken = [...running.stdout.matchAll(/took (-?\d+)/g)].map(([, mebibytes]) => Number(mebibytes));
    // 12 queues of 128 MiB each, twice, would be 3 GiB.
    assert.ok(Math.max(...taken) < 300, `${taken.join(", ")} MiB`);
    assert.match(running.stderr, /ERROR: l\d+: \d+ more events were lost/);
  });

  it("in which every event leads to two says that events are lost, and everything else goes on", async () => {
    const folder = folderWith({
      "monster.cfg":
        "[python py]\nmodule = mod\n[loopback a]\n[loopback b]\n[map]\npy.start > a.x\na.x > b.x\na.x > b.y\nb.x > a.x\nb.y > a.x\npy.out > py.mod.on\n",
      "mod.py": `
import midimonster, socket
near, far = socket.socketpair()
counts = {"tick": 0, "read": 0, "on": 0}
def count(what):
    counts[what] += 1
    if counts[what] % 100 == 0: print(what, counts[what])
def tick():
    count("tick")
    far.send(b"x")
def read(sock):
    sock.recv(1)
    count("read")
    midimonster.output("out", 1)
def on(value): count("on")
midimonster.interval(tick, 10)
midimonster.manage(read, near)
midimonster.output("start", 1)
`,
    });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/^.*ERROR: [ab]: events are lost: the queue of this instance is full/m);
    const ticks = Number(
      running.stdout
        .match(/tick \d00$/gm)
        ?.at(-1)
        ?.slice(5) ?? 0,
    );
    await running.sees(new RegExp(`tick ${ticks + 200}`));
    await running.sees(new RegExp(`read ${ticks + 200}`));
    await running.sees(/on \d00/);
    await running.sees(/feedback loop/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stderr, /ERROR: [ab]: \d+ more events were lost/);
  });

  const later: [how: string, defer: (emit: () => void) => void][] = [
    ["in the next turn of the loop", (emit) => setImmediate(emit)],
    ["in a promise", (emit) => void Promise.resolve().then(emit)],
    ["in process.nextTick()", (emit) => process.nextTick(emit)],
  ];
  for (const [how, defer] of later) {
    it(`through a TypeScript backend that answers ${how} leaves intervals working`, async () => {
      let turns = 0;
      const deferring: Backend = {
        name: "deferring",
        create: (context) => ({
          channel() {},
          start: () => context.emit(0, 1),
          handle: ({ length }) => {
            turns += length;
            for (let i = 0; i < length; ++i) defer(() => context.emit(0, 1));
          },
        }),
      };
      const probing = new ProbeBackend();
      const folder = folderWith({
        "mod.py":
          'import midimonster\nmidimonster.interval(lambda: midimonster.output("tick", 1), 10)\ndef on(value): midimonster.output("out", value)\n',
      });
      const router = new Router({ folder, logger: silentLogger, backends: [deferring, probing] });
      router.instance("deferring", "d").instance("python", "py", { module: "mod" }).instance("probe", "probe");
      router.map("d.x > py.mod.on").map("py.out > d.x").map("py.tick > probe.tick");
      try {
        await router.start();
        await probing.instances.get("probe")?.until("tick", 20);
        const before = turns;
        await probing.instances.get("probe")?.until("tick", 25);
        assert.ok(turns > before, "the loop goes on");
      } finally {
        await router.stop();
      }
    });
  }

  it("does not name a long chain that ends", async () => {
    const session = await start(CONFIG, { "mod.py": `def go(value):\n    midimonster.output("out", value)\n${ASK}` });
    for (let i = 0; i < 5000; ++i) session.probe.emit("go", 0.5);
    await ask(session);
    assert.deepEqual(session.log.matching(/feedback/), []);
  });
});
