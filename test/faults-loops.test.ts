import assert from "node:assert/strict";
import { type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.{go,ask} > py.mod.{go,ask}
py.{out,done} > probe.{out,done}
`;

const ASK = `
def ask(value):
    midimonster.output("done", value)
`;

async function ask(session: Session): Promise<void> {
  const before = session.probe.values("done").length;
  session.probe.emit("ask", 1);
  await session.probe.until("done", before + 1);
}

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
  for (const [what, config, names] of loops) {
    it(`${what} leaves intervals and sockets working and is named once`, async () => {
      const session = await start(config, {
        "mod.py": `
import socket
near, far = socket.socketpair()
def answer(sock):
    midimonster.output("answer", sock.recv(1) == b"x")
midimonster.manage(answer, near)
midimonster.interval(lambda: midimonster.output("tick", 1), 10)
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
      });
      session.probe.emit("go", 1);
      await session.log.seen(names);
      const before = session.probe.values("tick").length;
      await session.probe.until("tick", before + 20);
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

  it("does not name a long chain that ends", async () => {
    const session = await start(CONFIG, { "mod.py": `def go(value):\n    midimonster.output("out", value)\n${ASK}` });
    for (let i = 0; i < 5000; ++i) session.probe.emit("go", 0.5);
    await ask(session);
    assert.deepEqual(session.log.matching(/feedback/), []);
  });
});
