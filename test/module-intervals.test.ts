import assert from "node:assert/strict";
import { inPhase, periodsOf } from "./phase.js";
import { start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.go > py.mod.go
py.{tick,done} > probe.{tick,done}
`;

describe("interval()", () => {
  const periods: [given: string, counts: number][] = [
    ["10", 10],
    ["1", 10],
    ["0.4", 10],
    ["14", 10],
    ["15", 20],
    ["24.9", 20],
    ["25", 30],
    ["True", 10],
  ];
  for (const [given, counts] of periods) {
    it(`of ${given} ms counts as ${counts}`, async () => {
      // A busy machine is late and skips, but four calls in a row come in four periods in a row, sooner or later: not with a
      // period that is longer, and with a shorter one two come in the same.
      const session = await start(CONFIG, {
        "mod.py": `
times = []
def tick():
    times.append(midimonster.timestamp() - began)
    periods = [int(time // ${counts}) for time in times[-4:]]
    if periods == list(range(periods[0], periods[0] + 4)) or len(times) == 500:
        midimonster.interval(tick, 0)
        say(*times)
        midimonster.output("done", 1)
def go(value):
    global began
    began = midimonster.timestamp()
    midimonster.interval(tick, ${given})
`,
      });
      session.probe.emit("go", 1);
      await session.probe.until("done");
      const times = session.said() as number[];
      periodsOf(times, counts);
      assert.ok(times.length < 500, `${times}`);
    });
  }

  const errors: [call: string, type: string][] = [
    ["midimonster.interval(tick, -1)", "ValueError"],
    ["midimonster.interval(tick, float('nan'))", "ValueError"],
    ["midimonster.interval(tick, float('inf'))", "ValueError"],
    ["midimonster.interval(tick, 'often')", "TypeError"],
    ["midimonster.interval(3, 10)", "TypeError"],
    ["midimonster.interval(tick)", "TypeError"],
  ];
  for (const [call, type] of errors) {
    it(`refuses ${call} with ${type}`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `
def tick(): say("tick")
def go(value):
    try:
        ${call}
    except Exception as error:
        say(type(error).__name__)
    midimonster.output("done", 1)
`,
      });
      session.probe.emit("go", 1);
      await session.probe.until("done");
      assert.deepEqual(session.said(), [type]);
    });
  }

  it("with 0 cancels, also from inside itself, and of an unknown function does nothing", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
count = 0
def once():
    say("once")
    midimonster.interval(once, 0)
def tick():
    global count
    count += 1
    midimonster.output("tick", 1)
    if count == 5: midimonster.interval(tick, 0)
midimonster.interval(once, 10)
midimonster.interval(tick, 10)
midimonster.interval(print, 0)
def go(value):
    say(count)
    midimonster.output("done", 1)
`,
    });
    await session.probe.until("tick", 5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    session.probe.emit("go", 1);
    await session.probe.until("done");
    assert.deepEqual(session.said(), ["once", 5]);
  });

  it("of an equal function updates it: bound methods are made anew each time", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
class Lfo:
    def step(self):
        midimonster.output("tick", 1)
lfo = Lfo()
midimonster.interval(lfo.step, 10)
midimonster.interval(lfo.step, 3600000)
def go(value):
    midimonster.interval(lfo.step, 10)
    midimonster.output("done", 1)
`,
    });
    session.probe.emit("go", 1);
    await session.probe.until("tick", 3);
    const order = session.probe.received.map(([channel]) => channel);
    assert.deepEqual(order.slice(0, 4), ["done", "tick", "tick", "tick"]);
  });

  it("calls those that are due together in order of registration, over instances too", async () => {
    const module = (name: string) => `
def first(): say("${name} first")
def second():
    say("${name} second")
    midimonster.interval(first, 0)
    midimonster.interval(second, 0)
    midimonster.output("tick", 1)
midimonster.interval(first, 20)
midimonster.interval(second, 20)
def go(value): pass
`;
    const session = await start(
      "[python one]\nmodule = one\n[python two]\nmodule = two\n[map]\none.tick > probe.tick\ntwo.tick > probe.tick\n",
      { "one.py": module("one"), "two.py": module("two") },
    );
    await session.probe.until("tick", 2);
    assert.deepEqual(session.said(), ["one first", "one second", "two first", "two second"]);
  });

  it("of many functions are not all compared with each other", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
compared = 0
class Function:
    def __init__(self, number): self.number = number
    def __hash__(self): return hash(self.number)
    def __eq__(self, other):
        global compared
        compared += 1
        return isinstance(other, Function) and self.number == other.number
    def __call__(self): pass
class Unhashable:
    def __eq__(self, other): return isinstance(other, Unhashable)
    def __call__(self):
        say("unhashable")
        midimonster.interval(Unhashable(), 0)
        midimonster.output("tick", 1)
def go(value):
    for _ in range(2):
        for number in range(3000): midimonster.interval(Function(number), 60000)
    for number in range(3000): midimonster.interval(Function(number), 0)
    say(compared)
    midimonster.interval(Unhashable(), 60000)
    midimonster.interval(Unhashable(), 10)
`,
    });
    session.probe.emit("go", 1);
    await session.probe.until("tick");
    const [compared, ...others] = session.said();
    assert.deepEqual(others, ["unhashable"]);
    assert.ok(Number(compared) < 10_000, `${compared} comparisons`);
  });

  it("keeps its phase over a core that was blocked, without a burst", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
import time
times = []
def tick():
    times.append(midimonster.timestamp() - began)
    if len(times) == 3: time.sleep(0.165)
    if len(times) == 20:
        midimonster.interval(tick, 0)
        say(*times)
        midimonster.output("tick", 1)
def go(value):
    global began
    began = midimonster.timestamp()
    midimonster.interval(tick, 50)
`,
    });
    session.probe.emit("go", 1);
    await session.probe.until("tick");
    // One late call makes up for those that were missed; counted from it the others would be 15 ms off or more.
    inPhase((session.said() as number[]).slice(4), 50);
  });
});
