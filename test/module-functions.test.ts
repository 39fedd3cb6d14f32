import assert from "node:assert/strict";
import { ask, type Session, start } from "./session.js";

/** One python instance whose function `go` runs on an event from the probe; `done` tells that it has run. */
const ONE = `
[python py]
module = mod
[map]
probe.go > py.mod.go
py.done > probe.done
py.out > probe.out
py.{a,b} > probe.{a,b}
probe.in > py.mod.handle
`;

async function go(session: Session, value = 1): Promise<unknown[]> {
  await ask(session, "go", value);
  return session.said();
}

/** A module whose `go` runs these lines. */
function going(lines: string, rest = ""): Record<string, string> {
  const body = lines
    .trim()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
  return {
    "mod.py": `${rest}\ndef go(value):\n${body}\n    midimonster.output("done", 1)\n${rest.includes("def handle") ? "" : "def handle(value): pass\n"}`,
  };
}

/** `say`s the type and message of what a statement raises, or "nothing". */
const raising = (statement: string) => `
try:
    ${statement}
    say("nothing")
except Exception as error:
    say([type(error).__name__, str(error)])
`;

describe("output()", () => {
  const values: [expression: string, arrives: number][] = [
    ["0.25", 0.25],
    ["1", 1],
    ["0", 0],
    ["True", 1],
    ["-0.5", 0],
    ["1.5", 1],
    ["10**400 if False else 3", 1],
    ["float('inf')", 1],
    ["float('-inf')", 0],
    ["__import__('fractions').Fraction(1, 4)", 0.25],
    ["__import__('decimal').Decimal('0.125')", 0.125],
    ["type('Knob', (), {'__float__': lambda self: 0.75})()", 0.75],
    ["type('Index', (), {'__index__': lambda self: 1})()", 1],
  ];
  for (const [expression, arrives] of values) {
    it(`of ${expression} arrives as ${arrives}`, async () => {
      const session = await start(ONE, going(`midimonster.output("out", ${expression})`));
      await go(session);
      assert.deepEqual(session.probe.values("out"), [arrives]);
    });
  }

  const errors: [call: string, type: string, message: RegExp][] = [
    ['midimonster.output("out", float("nan"))', "ValueError", /not NaN/],
    ['midimonster.output("out", "0.5")', "TypeError", /must be real number, not str/],
    ['midimonster.output("out", None)', "TypeError", /must be real number, not NoneType/],
    ["midimonster.output(1, 0.5)", "TypeError", /the channel's name must be str, not int/],
    ['midimonster.output(b"out", 0.5)', "TypeError", /the channel's name must be str, not bytes/],
    ['midimonster.output("out")', "TypeError", /output\(\) takes exactly 2 arguments \(1 given\)/],
    ['midimonster.output("out", 0.5, 1)', "TypeError", /takes exactly 2 arguments \(3 given\)/],
    ['midimonster.output("out", 10**400)', "OverflowError", /too large/],
    ['midimonster.output("\\ud800", 0.5)', "UnicodeEncodeError", /surrogates not allowed/],
  ];
  for (const [call, type, message] of errors) {
    it(`${call} raises ${type} and sends nothing`, async () => {
      const session = await start(ONE, going(raising(call)));
      const [raised] = (await go(session)) as [string, string][];
      assert.equal(raised?.[0], type);
      assert.match(raised?.[1] ?? "", message);
      assert.deepEqual(session.probe.values("out"), []);
    });
  }

  it("is delivered after the caller returns, in order, duplicates kept", async () => {
    const session = await start(
      `[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.{a,b} > py.mod.{got_a,got_b}\npy.done > probe.done\n`,
      {
        "mod.py": `
def go(value):
    for name, value in (("a", 0.1), ("b", 0.2), ("a", 0.3), ("a", 0.3), ("b", 0.4)):
        midimonster.output(name, value)
    midimonster.output("done", 1)
    say("returning")
def got_a(value): say(["a", value])
def got_b(value): say(["b", value])
`,
      },
    );
    const said = await go(session);
    assert.deepEqual(said, ["returning", ["a", 0.1], ["b", 0.2], ["a", 0.3], ["a", 0.3], ["b", 0.4]]);
  });

  it("while modules load creates the channel, and its last value is sent once at start", async () => {
    const session = await start("[python py]\nmodule = mod\n[map]\npy.early > probe.early\npy.late > probe.late\n", {
      "mod.py": 'midimonster.output("early", 0.3)\nmidimonster.output("early", 0.6)\nmidimonster.output("own", 1)\n',
    });
    await session.probe.until("early");
    assert.deepEqual(session.probe.received, [["early", 0.6]]);
    const [py] = session.router.describe().instances.filter(({ name }) => name === "py");
    assert.deepEqual(
      py?.channels.map(({ name }) => name),
      ["early", "own", "late"],
    );
  });

  it("on an unknown channel is ignored with one warning a name", async () => {
    const session = await start(ONE, going('midimonster.output("nowhere", 1)\nmidimonster.output("elsewhere", 1)'));
    await go(session);
    await go(session);
    const warnings = session.log.matching(/not mapped anywhere/);
    assert.deepEqual(
      warnings.map(({ level, message }) => [level, /'(\w+)'/.exec(message)?.[1]]),
      [
        ["warn", "nowhere"],
        ["warn", "elsewhere"],
      ],
    );
  });

  it("with a name of megabytes creates no channel, and is one short warning once the core runs", async () => {
    const session = await start(ONE, {
      ...going(
        `midimonster.output("é" * 3_000_000, 1)\nsay(midimonster.inputvalue("é" * 3_000_000))`,
        raising(`midimonster.output("é" * 3_000_000, 1)`),
      ),
    });
    assert.deepEqual(await go(session), [
      ["MemoryError", "a channel's name can take 65536 bytes, and this one takes 6000000"],
      null,
    ]);
    const [{ message } = { message: "" }, ...others] = session.log.matching(/is not mapped anywhere/);
    assert.match(message, /output\(\) on channel 'é+ … 5\d+ bytes left out … é+'/);
    assert.ok(message.length < 5000);
    assert.deepEqual(others, []);
  });

  it("does not call the handlers of the same instance unless it is mapped back", async () => {
    const session = await start("[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.mod.go > probe.done\n", {
      "mod.py": 'def go(value):\n    say(value)\n    midimonster.output("mod.go", 0.5)\n',
    });
    session.probe.emit("go", 1);
    assert.deepEqual(await session.probe.until("done"), [0.5]);
    assert.deepEqual(session.said(), [1]);
  });

  it("reaches every channel of a fan-out in the order of the mapping, each once", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\npy.x > probe.{c,a,b}\npy.x > probe.a\npy.done > probe.done\n",
      going('midimonster.output("x", 0.5)'),
    );
    await go(session);
    assert.deepEqual(session.probe.received, [
      ["c", 0.5],
      ["a", 0.5],
      ["b", 0.5],
      ["done", 1],
    ]);
    assert.deepEqual(session.probe.batches, [4]);
  });
});

describe("inputvalue() and outputvalue()", () => {
  it("are 0.0 before the first event and None for a channel that does not exist", async () => {
    const session = await start(
      ONE,
      going(
        'say(midimonster.inputvalue("mod.handle"), midimonster.outputvalue("out"), midimonster.inputvalue("x"), midimonster.outputvalue("x"))',
      ),
    );
    assert.deepEqual(await go(session), [0, 0, null, null]);
  });

  it("are the last values, and inside its own handler inputvalue is still the previous one", async () => {
    const session = await start(
      ONE,
      going(
        'say(midimonster.inputvalue("mod.handle"))\nmidimonster.output("out", 2)\nsay(midimonster.outputvalue("out"))',
        'def handle(value):\n    say(["in handler", value, midimonster.inputvalue("mod.handle")])',
      ),
    );
    session.probe.emit("in", 0.25);
    session.probe.emit("in", 0.75);
    assert.deepEqual(await go(session), [["in handler", 0.25, 0], ["in handler", 0.75, 0.25], 0.75, 1]);
  });

  it("are kept for a channel whose handler raises", async () => {
    const session = await start(ONE, going('say(midimonster.inputvalue("mod.handle"))', "def handle(value): 1 / 0"));
    session.probe.emit("in", 0.5);
    assert.deepEqual(await go(session), [0.5]);
  });

  it("refuse a name that is no string", async () => {
    const session = await start(
      ONE,
      going(raising("midimonster.inputvalue(3)") + raising("midimonster.outputvalue(None)")),
    );
    assert.deepEqual(await go(session), [
      ["TypeError", "the channel's name must be str, not int"],
      ["TypeError", "the channel's name must be str, not NoneType"],
    ]);
  });
});

describe("current()", () => {
  it("is the channel's name in a handler, and None in intervals, while modules load and in cleanup handlers", async () => {
    const session = await start(
      ONE,
      going(
        "say(midimonster.current())",
        `
say(midimonster.current())
def tick():
    say(midimonster.current())
    midimonster.interval(tick, 0)
    midimonster.output("out", 1)
midimonster.interval(tick, 10)
midimonster.cleanup_handler(lambda: say(["cleanup", midimonster.current()]))
`,
      ),
    );
    await session.probe.until("out");
    await go(session);
    await session.router.stop();
    assert.deepEqual(session.said(), [null, null, "mod.go", ["cleanup", null]]);
  });

  it("is the channel's name in a default handler", async () => {
    const session = await start(
      "[python py]\nmodule = mod\ndefault-handler = mod.any\n[map]\nprobe.{x,y} > py.{x,y}\npy.done > probe.done\n",
      { "mod.py": 'def any(value):\n    say([midimonster.current(), value])\n    midimonster.output("done", 1)\n' },
    );
    session.probe.emit("x", 0.5);
    session.probe.emit("y", 1);
    await session.probe.until("done", 2);
    assert.deepEqual(session.said(), [
      ["x", 0.5],
      ["y", 1],
    ]);
  });
});

describe("timestamp()", () => {
  it("is an int of milliseconds, the same throughout one iteration of the core, and grows", async () => {
    const session = await start(
      ONE,
      going(
        "first = midimonster.timestamp()\ntime.sleep(0.02)\nsay([type(first).__name__, midimonster.timestamp() - first, first])",
        "import time",
      ),
    );
    await go(session);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [first, second] = (await go(session)) as [string, number, number][];
    assert.deepEqual([first?.[0], first?.[1]], ["int", 0]);
    assert.ok((second?.[2] ?? 0) >= (first?.[2] ?? 0) + 20);
  });
});

describe("channels()", () => {
  it("lists the instance's channels in order of creation", async () => {
    const session = await start(
      "[python py]\nmodule = mod\n[map]\npy.b > probe.done\nprobe.go > py.mod.go\npy.{c2,c1} > probe.x\nprobe.y > py.a\npy.done > probe.done\n",
      going("say(midimonster.channels())", 'midimonster.output("first", 0)'),
    );
    assert.deepEqual(await go(session), [["first", "b", "mod.go", "c2", "c1", "a", "done"]]);
  });
});

describe("cleanup_handler()", () => {
  it("is called once at shutdown, while values can still be read", async () => {
    const session = await start(
      ONE,
      going(
        'midimonster.output("out", 0.5)',
        'midimonster.cleanup_handler(lambda: say(["bye", midimonster.outputvalue("out"), len(midimonster.channels())]))',
      ),
    );
    await go(session);
    await session.router.stop();
    await session.router.stop();
    assert.deepEqual(session.said(), [["bye", 0.5, 6]]);
  });

  it("returns what it replaces, and None removes it", async () => {
    const session = await start(
      ONE,
      going(
        `
say(midimonster.cleanup_handler(first))
say(midimonster.cleanup_handler(second) is first)
say(midimonster.cleanup_handler(None) is second)
say(midimonster.cleanup_handler(None))
`,
        'def first(): say("first")\ndef second(): say("second")',
      ),
    );
    await go(session);
    await session.router.stop();
    assert.deepEqual(session.said(), [null, true, true, null]);
  });

  it("refuses what can't be called", async () => {
    const session = await start(ONE, going(raising("midimonster.cleanup_handler(3)")));
    assert.deepEqual(await go(session), [["TypeError", "cleanup_handler() requires a callable or None"]]);
  });
});

describe("a handler", () => {
  const handlers: [channel: string, module: string][] = [
    ["mod.handle", "def handle(value): say(value)"],
    ["mod.desk.fader", "class Desk:\n    def fader(self, value): say(value)\ndesk = Desk()"],
    ["mod.Desk.fader", "class Desk:\n    @staticmethod\n    def fader(value): say(value)"],
    ["mod.partial", "import functools\npartial = functools.partial(lambda prefix, value: say(value), 1)"],
    ["mod.caller", "class Caller:\n    def __call__(self, value): say(value)\ncaller = Caller()"],
    ["mod.append", "values = []\nappend = values.append\nimport builtins"],
  ];
  for (const [channel, module] of handlers) {
    it(`can be ${channel}`, async () => {
      const session = await start(
        `[python py]\nmodule = mod\n[map]\nprobe.x > py.${channel}\nprobe.then > py.mod.then\npy.done > probe.done\n`,
        { "mod.py": `${module}\ndef then(value): midimonster.output("done", value)` },
      );
      session.probe.emit("x", 0.5);
      session.probe.emit("then", 1);
      await session.probe.until("done");
      await session.router.stop();
      assert.deepEqual(session.said(), channel === "mod.append" ? [] : [0.5]);
      assert.deepEqual(session.log.matching(/raised/), []);
    });
  }

  it("gets a float", async () => {
    const session = await start(ONE, going("pass", "def handle(value): say(type(value).__name__)"));
    session.probe.emit("in", 1);
    assert.deepEqual(await go(session), ["float"]);
  });
});

describe("thousands of handlers", () => {
  it("of every kind get their events, output what they output before or something else, and may be loaded anew", async () => {
    const many = 5000;
    const module = (shift: number) => `
import functools
class Hostile:
    def __getattr__(self, name): raise RuntimeError(name)
    def __call__(self, value): midimonster.output("h1", value)
class Holder:
    def bound(self, value): midimonster.output("h2", value)
def plain(name, value): midimonster.output(name, value)
f1 = Hostile()
f2 = Holder().bound
f3 = functools.partial(plain, "h3")
f4 = lambda value: midimonster.output("h4", value)
last = {}
for i in range(5, ${many + 1}):
    exec("def f%d(value): midimonster.output('h%d', value + ${shift} / 1000)" % (i, i))
def f5(value):
    # Another name each time, made anew.
    last[0] = last.get(0, 0) + 1
    midimonster.output("h%d" % (5 if last[0] % 2 else 6), value)
`;
    const session = await start(
      `[python py]\nmodule = mod\n[map]\nprobe.go{1..${many}} > py.mod.f{1..${many}}\npy.h{1..${many}} > probe.h{1..${many}}\n`,
      { "mod.py": module(0) },
    );
    const round = async (value: number, of7: number) => {
      for (let i = 1; i <= many; ++i) session.probe.emit(`go${i}`, value);
      const came = session.probe.values(`h${many}`).length + 1;
      await session.probe.until(`h${many}`, came);
      for (const i of [1, 2, 3, 4]) assert.equal(session.probe.values(`h${i}`).at(-1), value, `h${i}`);
      for (let i = 7; i <= many; ++i) {
        assert.equal(session.probe.values(`h${i}`).length, came);
        assert.ok(Math.abs((session.probe.values(`h${i}`).at(-1) ?? -1) - of7) < 1e-9, `h${i}`);
      }
    };
    await round(0.25, 0.25);
    await round(0.5, 0.5);
    session.write("mod.py", module(1));
    await session.router.reload();
    await round(0.25, 0.251);
    await round(0.75, 0.751);
    assert.deepEqual([session.probe.values("h5").length, session.probe.values("h6").length], [2, 6]);
  });
});
