// after(), and intervals with exact=True: calls at times that are not rounded.
import assert from "node:assert/strict";
import { CONFIG, start } from "./session.js";

const MODULE = (code: string) => `import time\ndef ask(value): pass\n${code}`;

describe("after()", () => {
  it("calls a function once, not before its time, in the order of the times", async () => {
    const session = await start(CONFIG, {
      "mod.py": MODULE(`
def call(name, ms):
    began = time.monotonic()
    def function():
        say([name, time.monotonic() - began >= ms / 1000])
        if name == "last": midimonster.output("out", 1)
    midimonster.after(function, ms)
def go(value):
    for name, ms in (("last", 60), ("third", 20), ("first", 0.3), ("second", 12.5)): call(name, ms)
`),
    });
    session.probe.emit("go", 1);
    await session.probe.until("out");
    const names = ["first", "second", "third", "last"];
    assert.deepEqual(
      session.said(),
      names.map((name) => [name, true]),
    );
  });

  it("of an equal function counts anew, with 0 cancels, and leaves interval() alone", async () => {
    const session = await start(CONFIG, {
      "mod.py": MODULE(`
class Lamp:
    def off(self): say("off")
    def never(self): say("never")
    def tick(self):
        say("tick")
        midimonster.interval(self.tick, 0)
lamp = Lamp()
def check():
    say("check")
    midimonster.interval(lamp.tick, 10)
    midimonster.after(lamp.tick, 10_000)
    midimonster.after(lamp.tick, 0)
    midimonster.after(end, 60)
def end(): midimonster.output("out", 1)
def go(value):
    midimonster.after(lamp.off, 5)
    midimonster.after(lamp.never, 5)
    midimonster.after(check, 40)
    midimonster.after(lamp.off, 20)
    midimonster.after(lamp.never, 0)
    midimonster.after(lamp.never, 0)
    midimonster.after(print, 0)
`),
    });
    session.probe.emit("go", 1);
    await session.probe.until("out");
    assert.deepEqual(session.said(), ["off", "check", "tick"]);
  });

  it("can be called again by the function itself, while modules load, and by a thread", async () => {
    const session = await start(CONFIG, {
      "mod.py": MODULE(`
import threading
calls = 0
def again():
    global calls
    calls += 1
    if calls < 5: midimonster.after(again, 1)
    else: threading.Thread(target=lambda: midimonster.after(end, 1)).start()
def end():
    say(calls, threading.current_thread() is threading.main_thread())
    midimonster.output("out", 1)
midimonster.after(again, 5)
def go(value): pass
`),
    });
    await session.probe.until("out");
    assert.deepEqual(session.said(), [5, true]);
  });

  it("of very many functions at once calls all in order, and other things in between", async () => {
    const session = await start(CONFIG, {
      "mod.py": MODULE(`
COUNT = 100_000
calls = []
seen = set()
def tick():
    seen.add(len(calls))
    if len(calls) < COUNT: return
    midimonster.interval(tick, 0)
    say(calls == list(range(COUNT)), bool(seen - {0, COUNT}))
    midimonster.output("out", 1)
def go(value):
    for i in range(COUNT): midimonster.after(lambda i=i: calls.append(i), 50)
    midimonster.interval(tick, 10)
`),
    });
    session.probe.emit("go", 1);
    await session.probe.until("out");
    assert.deepEqual(session.said(), [true, true]);
  });

  it("reports an exception with the function's name, and is ended by handler-timeout", async () => {
    const session = await start(`[backend python]\nhandler-timeout = 100\n${CONFIG}`, {
      "mod.py": MODULE(`
def fails(): raise ValueError("late")
def stuck():
    while True: pass
midimonster.after(fails, 1)
midimonster.after(stuck, 2)
def go(value): pass
`),
    });
    await session.log.seen(/^py: the delayed function mod\.fails raised\n[\s\S]*ValueError: late$/);
    await session.log.seen(/^py: the delayed function mod\.stuck raised\n[\s\S]*HandlerTimeout/);
  });
});

describe("interval() with exact=True", () => {
  it("keeps its period and phase, fractions included, and skips what was missed", async () => {
    const session = await start(CONFIG, {
      "mod.py": MODULE(`
PERIOD = 1000 / 120
calls = []
def pulse():
    calls.append((time.monotonic() - began) * 1000 / PERIOD)
    if len(calls) == 10: time.sleep(0.05)
    if len(calls) == 60:
        midimonster.interval(pulse, 0)
        say(*calls)
        midimonster.output("out", 1)
def go(value):
    global began
    began = time.monotonic()
    midimonster.interval(pulse, PERIOD, exact=True)
`),
    });
    session.probe.emit("go", 1);
    await session.probe.until("out");
    const calls = session.said() as number[];
    const numbers = calls.map((time) => Math.floor(time + 0.001));
    // However late a busy machine makes them: none is early, there are never more calls than periods, and no burst follows.
    for (const [i, number] of numbers.entries()) {
      assert.ok(number >= i + 1, `${calls}`);
      assert.ok(number > (numbers[i - 2] ?? 0), `a burst: ${calls}`);
    }
    assert.ok((numbers[10] ?? 0) - (numbers[9] ?? 0) >= 5, "what was missed is not skipped");
  });

  it("can become rounded and exact again, and is cancelled by 0 either way", async () => {
    const session = await start(CONFIG, {
      "mod.py": MODULE(`
count = 0
def tick():
    global count
    count += 1
    if count == 3: midimonster.interval(tick, 10)
    if count == 6: midimonster.interval(tick, 3, exact=True)
    if count == 9: midimonster.interval(tick, 10, exact=0)
    if count == 12:
        midimonster.interval(tick, 3, exact=True)
        midimonster.interval(tick, 0)
        midimonster.interval(other, 2, exact=True)
def other():
    midimonster.interval(other, 0, exact=True)
    midimonster.after(end, 40)
def end():
    say(count)
    midimonster.output("out", 1)
midimonster.interval(tick, 3, exact=True)
def go(value): pass
`),
    });
    await session.probe.until("out");
    assert.deepEqual(session.said(), [12]);
  });
});

const WRONG: readonly [call: string, type: string, message: string][] = [
  ["interval(f, 25, True)", "TypeError", "interval() takes exactly 2 positional arguments (3 given)"],
  ["interval(f, exact=True)", "TypeError", "interval() takes exactly 2 positional arguments (1 given)"],
  [
    "interval(f, 25, exakt=True)",
    "TypeError",
    "interval() got an unexpected keyword argument 'exakt'; it takes 'exact'",
  ],
  ["interval(f, milliseconds=5)", "TypeError", "interval() takes exactly 2 positional arguments (1 given)"],
  ["interval(f, 5, exact=Odd())", "OSError", "neither true nor false"],
  ["after(f)", "TypeError", "after() takes exactly 2 positional arguments (1 given)"],
  [
    "after(None, 5)",
    "TypeError",
    "after() requires a callable as its first argument: the name of a function, without parentheses behind it",
  ],
  ["after(f, -1)", "ValueError", "after() time must be 0 (to cancel) or a positive number of milliseconds"],
  ["after(f, float('nan'))", "ValueError", "after() time must be 0 (to cancel) or a positive number of milliseconds"],
  ["after(f, 'soon')", "TypeError", "must be real number, not str"],
  ["after(f, 5, exact=True)", "TypeError", "takes no keyword arguments"],
  [
    "started(None)",
    "TypeError",
    "started() requires a callable: the name of a function, without parentheses behind it",
  ],
  ["started()", "TypeError", "takes exactly one argument (0 given)"],
];

it("interval(), after() and started() say what is wrong with their arguments", async () => {
  const session = await start(CONFIG, {
    "mod.py": MODULE(`
class Odd:
    def __bool__(self): raise OSError("neither true nor false")
def f(): pass
for call in ${JSON.stringify(WRONG.map(([call]) => call))}:
    try: say([call, eval("midimonster." + call)])
    except Exception as error: say([call, type(error).__name__, str(error)])
def go(value): pass
`),
  });
  for (const [i, [call, type, message]] of WRONG.entries()) {
    const [saidCall, saidType, said] = session.said()[i] as string[];
    assert.deepEqual([saidCall, saidType], [call, type]);
    assert.ok(said?.includes(message), `${call}: ${said}`);
  }
});
