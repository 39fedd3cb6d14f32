// midimonster.batch(): many channels, one call.
import assert from "node:assert/strict";
import { Session, start } from "./session.js";

/** A module with a batch `ins` of i1..i4 and a batch `outs` of o1..o4, both mapped to the probe. */
const CONFIG = `
[python py]
module = mod
[map]
probe.p{1..4} > py.i{1..4}
py.o{1..4} > probe.r{1..4}
probe.go > py.mod.go
py.done > probe.done
`;

const BATCHES = `
import array
def frame(batch): pass
ins = midimonster.batch(["i1", "i2", "i3", "i4"], lambda batch: frame(batch))
outs = midimonster.batch(["o1", "o2", "o3", "o4"])
def done(): midimonster.output("done", 1)
`;

describe("batch()", () => {
  it("calls its handler once for a round, with all values and what has changed, in order of arrival", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${BATCHES}
def frame(batch):
    say(batch is ins, list(batch.inputs), batch.changed(), midimonster.current())
    done()
def go(value): pass
`,
    });
    for (const [channel, value] of [
      ["p3", 0.25],
      ["p1", 0.5],
      ["p3", 0.75],
    ] as const)
      session.probe.emit(channel, value);
    await session.probe.until("done");
    session.probe.emit("p4", 1);
    await session.probe.until("done", 2);
    assert.deepEqual(session.said(), [true, [0.5, 0, 0.75, 0], [2, 0], null, true, [0.5, 0, 0.75, 1], [3], null]);
  });

  const outputs: [what: string, code: string, received: number[]][] = [
    ["a list of numbers", "outs.output([0, 0.25, True, 0.5])", [0, 0.25, 1, 0.5]],
    ["a generator", "outs.output(x / 4 for x in range(4))", [0, 0.25, 0.5, 0.75]],
    ["an array of doubles", 'outs.output(array.array("d", [0.5, 0.25, 0, 1]))', [0.5, 0.25, 0, 1]],
    ["an array of another type", 'outs.output(array.array("f", [0.5, 0.25, 0, 1]))', [0.5, 0.25, 0, 1]],
    ["another batch's inputs", "outs.output(ins.inputs)", [0, 0, 0, 0]],
    ["what was written to outputs", "outs.outputs[1] = 0.5\n    outs.output()", [0, 0.5, 0, 0]],
    ["values out of range, clamped", "outs.output([-1, 2, 1e300, float('-inf')])", [0, 1, 1, 0]],
  ];
  for (const [what, code, received] of outputs) {
    it(`outputs ${what}, on every channel and in order`, async () => {
      const session = await start(CONFIG, { "mod.py": `${BATCHES}\ndef go(value):\n    ${code}\n    done()\n` });
      session.probe.emit("go", 1);
      await session.probe.until("done");
      const expected = received.map((value, i) => [`r${i + 1}`, value]);
      assert.deepEqual(session.probe.received.slice(0, 4), expected);
    });
  }

  const refused: [what: string, code: string, error: RegExp][] = [
    [
      "a NaN, by its channel's name",
      "outs.output([0, 0, float('nan'), 0])",
      /ValueError: the value of channel 'o3' is not a number/,
    ],
    ["too few values", "outs.output([0, 0])", /ValueError: 2 values for 4 channels/],
    ["too many values", 'outs.output(array.array("d", [0] * 5))', /ValueError: 5 values for 4 channels/],
    ["values that are no numbers", 'outs.output(["a", 0, 0, 0])', /ValueError: could not convert string to float/],
    ["a value that is not iterable", "outs.output(0.5)", /TypeError: .*not iterable/],
    ["writing to inputs", "ins.inputs[0] = 1", /TypeError: cannot modify read-only memory/],
    [
      "taking away its memory",
      "bytes = outs.outputs.obj; outs.outputs.release(); bytes.clear()",
      /BufferError: Existing exports of data: object cannot be re-sized/,
    ],
    ["a str for the names", 'midimonster.batch("i1")', /TypeError: batch\(\) takes a list of channels, not one str/],
    ["no names", "midimonster.batch([])", /ValueError: batch\(\) needs at least one channel/],
    [
      "a name twice",
      'midimonster.batch(["i1", "i2", "i1"])',
      /ValueError: batch\(\) names the channel 'i1' more than once/,
    ],
    ["a name that is no str", "midimonster.batch([1])", /TypeError: the channel's name must be str, not int/],
    [
      "a channel that there is not",
      'midimonster.batch(["nowhere"])',
      /ValueError: batch\(\) names a channel that is not mapped anywhere: 'nowhere'/,
    ],
    [
      "a handler that can't be called",
      'midimonster.batch(["i1"], 3)',
      /TypeError: batch\(\) requires a callable or None/,
    ],
    ["no arguments", "midimonster.batch()", /TypeError: batch\(\) takes 1 or 2 arguments \(0 given\)/],
  ];
  for (const [what, code, error] of refused) {
    it(`refuses ${what}, and nothing is output`, async () => {
      const session = await start(CONFIG, { "mod.py": `${BATCHES}\ndef go(value):\n    done()\n    ${code}\n` });
      session.probe.emit("go", 1);
      await session.probe.until("done");
      const { message } = await session.log.seen(/raised/);
      assert.match(message, error);
      assert.deepEqual(
        session.probe.received.filter(([channel]) => channel !== "done"),
        [],
      );
    });
  }

  it("creates channels while modules load, and sends what was output then once at start", async () => {
    const session = new Session("[python py]\nmodule = mod\n[map]\npy.o{1..4} > probe.r{1..4}\n", {
      "mod.py": `${BATCHES}\nouts.output([0.1, 0.2, 0.3, 0.4])\nouts.output([0.5, 0.5, 0.5, 0.5])\n`,
    });
    await session.router.start();
    await session.probe.until("r4");
    assert.deepEqual(session.probe.received, [
      ["r1", 0.5],
      ["r2", 0.5],
      ["r3", 0.5],
      ["r4", 0.5],
    ]);
  });

  it("shares channels with other batches, handlers and the other functions", async () => {
    const session = await start(CONFIG.replace("probe.go", "probe.p1 > py.mod.own\nprobe.go"), {
      "mod.py": `${BATCHES}
others = midimonster.batch(["i2", "i1"], lambda batch: say("others", list(batch.inputs)))
def frame(batch):
    say("ins", list(batch.inputs), midimonster.inputvalue("i1"))
    outs.output(batch.inputs)
    say(midimonster.outputvalue("o1"))
    done()
def own(value): say("own", value)
def go(value): pass
`,
    });
    session.probe.emit("p1", 0.5);
    await session.probe.until("done");
    const said = session.said();
    assert.deepEqual(said.slice(0, 2), ["own", 0.5]);
    assert.deepEqual(said.slice(2).map(String).sort(), ["ins", "others", "0.5", "0,0.5", "0.5", "0.5,0,0,0"].sort());
  });

  it("keeps the default handler away from channels that it handles, not from those that it only outputs on", async () => {
    const session = await start(
      `${CONFIG.replace("module = mod", "module = mod\ndefault-handler = mod.any")}\nprobe.x > py.o1\n`,
      {
        "mod.py": `${BATCHES}
def any(value): say("default", midimonster.current())
def frame(batch): say("batch"); done()
def go(value): pass
`,
      },
    );
    session.probe.emit("p1", 0.5);
    session.probe.emit("x", 0.5);
    await session.probe.until("done");
    assert.deepEqual(session.said().sort(), ["batch", "default", "o1"]);
  });

  it("goes on after a handler that raises, which is logged by its name", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${BATCHES.replace("lambda batch: frame(batch)", "frame").replace("def frame(batch): pass", "def frame(batch):\n    done()\n    raise RuntimeError(len(batch.changed()))")}\ndef go(value): pass\n`,
    });
    session.probe.emit("p1", 0.5);
    await session.probe.until("done");
    const { message } = await session.log.seen(/raised/);
    assert.match(message, /^py: the batch handler mod\.frame raised\n[\s\S]*RuntimeError: 1$/);
    session.probe.emit("p2", 0.5);
    await session.probe.until("done", 2);
  });

  it("is the same memory for whoever knows the buffer protocol, and stays so after a round", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${BATCHES}
view = memoryview(ins.inputs)
mine = memoryview(outs.outputs)
def frame(batch):
    for i in range(4): mine[i] = 1 - view[i]
    outs.output()
    done()
def go(value): pass
`,
    });
    session.probe.emit("p1", 0.25);
    await session.probe.until("done");
    assert.deepEqual(
      session.probe.received.slice(0, 4).map(([, value]) => value),
      [0.75, 1, 1, 1],
    );
  });

  it("lasts as long as a slice of its inputs is looked at", async () => {
    const session = await start(CONFIG, {
      "mod.py": `
two = midimonster.batch(["i1", "i2", "i3", "i4"]).inputs[1:3]
def go(value):
    midimonster.batch(["i2"])  # takes the place of one that is gone
    say(list(two), midimonster.batch(["i2", "i3"]).inputs.tolist())
    midimonster.output("done", 1)
`,
    });
    session.probe.emit("p2", 0.25);
    session.probe.emit("p3", 0.5);
    session.probe.emit("go", 1);
    await session.probe.until("done");
    session.probe.emit("p3", 0.75);
    session.probe.emit("go", 1);
    await session.probe.until("done", 2);
    assert.deepEqual(session.said(), [
      [0.25, 0.5],
      [0.25, 0.5],
      [0.25, 0.75],
      [0.25, 0.75],
    ]);
  });

  it("keeps its memory, whatever is done to all that the garbage collector knows", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${BATCHES}
import gc
def go(value):
    kept = [outs.outputs.obj, ins.inputs.obj]
    for batch in (outs, ins):
        batch.inputs.release()
        batch.outputs.release()
    for found in gc.get_objects():
        try:
            if type(found) is memoryview: found.release()
            if type(found) is type(outs): del found._memory
        except (AttributeError, BufferError): pass
    try: kept[0].clear()
    except BufferError as error: say("held")
    del kept
    junk = [bytes([255]) * 16 for _ in range(10000)] # would be where the memory was
    for _ in range(40): midimonster.batch(["o1"])
    try: outs.output()
    except RuntimeError as error: say(str(error))
    say(midimonster.outputvalue("o1"))
    done()
`,
    });
    session.probe.emit("p1", 0.5);
    session.probe.emit("go", 1);
    await session.probe.until("done");
    session.probe.emit("p1", 1);
    session.probe.emit("go", 1);
    await session.router.stop();
    assert.equal(session.said()[0], "held");
    assert.ok(session.said().includes(0), "not what has come to lie at its place");
  });

  it("made anew for every event costs no memory", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\nprobe.p{1..512} > py.i{1..512}\nprobe.go > py.mod.go\npy.done > probe.done\n",
      {
        "mod.py": `
names = ["i%d" % n for n in range(1, 513)]
def go(value):
    for _ in range(4000):
        midimonster.batch(names)
    midimonster.output("done", 1)
`,
      },
    );
    session.probe.emit("go", 1);
    await session.probe.until("done");
    const before = process.memoryUsage.rss();
    session.probe.emit("go", 1);
    await session.probe.until("done", 2);
    const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
    assert.ok(grown < 20, `4000 batches of 512 channels, 80 MiB if they were kept, cost ${grown.toFixed(1)} MiB`);
  });

  it("that feeds back into itself is a loop that is named once, and the core goes on", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\npy.o > py.i\nprobe.go > py.mod.go\npy.done > probe.done\n",
      {
        "mod.py": `
def frame(batch): outs.output(batch.inputs)
ins = midimonster.batch(["i"], frame)
outs = midimonster.batch(["o"])
def go(value):
    outs.output([value])
    midimonster.interval(tick, 10)
def tick(): midimonster.output("done", 1)
`,
      },
    );
    session.probe.emit("go", 1);
    const { message } = await session.log.seen(/loop/);
    assert.match(message, /py\.i/);
    const before = session.probe.values("done").length;
    await session.probe.until("done", before + 3);
    assert.equal(session.log.matching(/loop/).length, 1);
  });
});
