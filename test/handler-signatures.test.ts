// Whether the functions that a mapping names can be handlers, and names that call nothing.
import assert from "node:assert/strict";
import { formatDiagnostic } from "../lib/config/diagnostic.js";
import { MidimonsterError } from "../lib/errors.js";
import { Session, start, stopSessions } from "./session.js";

afterEach(stopSessions);

/** The first two lines of every module are written by {@link Session}. */
const MODULE = `
import functools

def nothing(): pass
def pair(left, right): pass
def named(value, *, fine): pass
def star(*values): pass
def late(value, fade=0, *rest, speed=1, **more): pass
class Lamp:
    level = 0
    def forgot(): pass
    def switch(self, value): pass
    @staticmethod
    def static(value): pass
    @classmethod
    def made(cls, value): pass
class Bell:
    def __call__(self): pass
class Horn(Bell):
    def __call__(self, value): pass
lamp, bell, horn = Lamp(), Bell(), Horn()
first = functools.partial(pair, 1)
second = functools.partial(pair, right=2)
twice = functools.partial(pair, left=1)
full = functools.partial(named, 1)
short = lambda: None
cached = functools.lru_cache(pair)
def logged(function):
    @functools.wraps(function)
    def wrapper(*values, **more): return function(*values, **more)
    return wrapper
wrapped = logged(nothing)
builtin = print
`;

const lineOf = (text: string) => MODULE.split("\n").findIndex((line) => line.includes(text)) + 3;

function sessionWith(target: string, options = ""): Session {
  return new Session(`[python py]\nmodule = show\n${options}\n[map]\nprobe.x > py.${target}\n`, { "show.py": MODULE });
}

/** The only error that loading gives. */
async function errorOf(session: Session): Promise<string> {
  const error = await session.router.load().then(
    () => assert.fail("it loaded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof MidimonsterError);
  assert.equal(error.diagnostics.length, 1, error.message);
  return error.diagnostics.map(formatDiagnostic).join("\n");
}

describe("a function that can't be called with a value", () => {
  const cases: [target: string, problem: RegExp, definition: string][] = [
    ["show.nothing", /nothing\(\) takes no argument.*\n.*\n.*\n.*write def nothing\(value\):/, "def nothing"],
    ["show.pair", /pair\(\) is called with one argument.* also needs 'right'\n.*\n.*\n.*def pair\(left\):/, "def pair"],
    ["show.named", /named\(\) .* also needs 'fine'/, "def named"],
    ["show.lamp.forgot", /forgot\(\) has no parameter 'self'\n.*\n.*\n.*def forgot\(self, value\):/, "def forgot"],
    ["show.Lamp.switch", /switch\(\) .* also needs 'value'\n.*\n.*\n.*it is a method.* make an object/, "def switch"],
    ["show.bell", /__call__\(\) takes no argument/, "def __call__(self):"],
    ["show.twice", /pair\(\) gets its parameter 'left' twice/, "def pair"],
    ["show.full", /named\(\) gets more arguments than it takes/, "def named"],
    ["show.short", /<lambda>\(\) takes no argument/, "short ="],
  ];
  for (const [target, problem, definition] of cases) {
    it(`is an error at the mapping, with its place: ${target}`, async () => {
      const session = sessionWith(target);
      const shown = await errorOf(session);
      assert.match(shown, problem);
      assert.match(shown, /monster\.cfg:6:14: error: no handler for 'py\.show\./);
      assert.ok(shown.includes(`${session.folder}/show.py:${lineOf(definition)}`), shown);
    });
  }

  it("is an error as the default handler, at its option", async () => {
    const shown = await errorOf(sessionWith("x", "default-handler = show.pair"));
    assert.match(shown, /monster\.cfg:4:19: error: no default handler: pair\(\) is called with one argument/);
  });

  it("refuses a reload; the handler that there was stays", async () => {
    const session = await start("[python py]\nmodule = show\n[map]\nprobe.x > py.show.fader\npy.y > probe.y\n", {
      "show.py": "def fader(value): midimonster.output('y', value)\n",
    });
    session.write("show.py", "def fader(): pass\n");
    await assert.rejects(session.router.reload(), /fader\(\) takes no argument/);
    session.probe.emit("x", 0.5);
    await session.probe.until("y", 1);
  });
});

it("functions of which that can't be known, or that take a value in another way, are handlers", async () => {
  const names = "star,late,lamp.static,lamp.made,lamp.switch,horn,first,second,cached,wrapped,builtin,Lamp";
  await sessionWith(`show.{${names}}`).router.load();
});

describe("a name that leads to no function", () => {
  it("without a dot, and without a default handler, is a warning with the path of the function of that name", async () => {
    const session = sessionWith("{level,pair}");
    await session.router.load();
    const [warning, ...others] = session.log.matching(/calls no function/);
    assert.deepEqual(others, []);
    assert.match(
      warning?.message ?? "",
      /:6:14: warning: 'py\.pair' calls no function[\s\S]*to call show\.pair\(\), write py\.show\.pair$/,
    );
  });

  it("without a dot is no warning where a default handler or a batch handles it, or where no function has that name", async () => {
    const batch = 'def both(batch): pass\nkept = midimonster.batch(["both"], both)\ndef any(value): pass\n';
    for (const [config, module] of [
      ["module = show\n[map]\nprobe.x > py.{both,other}\n", batch],
      ["module = show\ndefault-handler = show.any\n[map]\nprobe.x > py.{any,other}\n", batch],
    ] as const) {
      const session = new Session(`[python py]\n${config}`, { "show.py": module });
      await session.router.load();
      assert.deepEqual(session.log.matching(/calls no function/), []);
    }
  });

  const cases: [what: string, target: string, options: string, help: RegExp][] = [
    ["a number in front: offers what there is", "0.master", "", /available functions: show\.[\s\S]*MODULE\.FUNCTION/],
    ["another module's name: offers the function of that name", "shwo.pair", "", /did you mean 'show\.pair'\?$/],
    ["a number in front of a function's name", "0.pair", "", /did you mean 'show\.pair'\?$/],
    ["a default handler without its module", "x", "default-handler = star", /did you mean 'show\.star'\?$/],
  ];
  for (const [what, target, options, help] of cases) {
    it(`never offers a name that does not exist: ${what}`, async () => {
      const shown = await errorOf(sessionWith(target, options));
      assert.match(shown, help);
      assert.doesNotMatch(shown, /show\.master/);
    });
  }
});
