// What modules say through Python's logging and warnings, and what they write to the standard streams.
import assert from "node:assert/strict";
import { openSync, readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, type LogEntry, mmpy, mmpyScript, run } from "./helpers.js";
import { ASK, ask, CONFIG, start } from "./session.js";

const MODULES = { "mod.py": `import logging, warnings\n${ASK}` };

/** Lines of a module that are run by an event; returns what the log has of them. */
async function saidBy(lines: string, pattern = /mod\.py:\d+: /): Promise<LogEntry[]> {
  const body = lines.replace(/^/gm, "    ");
  const session = await start(CONFIG, { "mod.py": `${MODULES["mod.py"]}\ndef go(value):\n${body}\n` });
  session.probe.emit("go", 1);
  await ask(session);
  return session.log.matching(pattern);
}

const shown = (entries: LogEntry[]) =>
  entries.map(({ level, message }) => `${level} ${message.replace(/mod\.py:\d+/, "mod.py:N")}`);

describe("logging in a module", () => {
  it("goes to the router's log, with the level, the instance and the place", async () => {
    const entries = await saidBy(
      'log = logging.getLogger("show.net")\nlog.setLevel(logging.DEBUG)\nlog.debug("a %d", 1)\nlog.info("b")\nlog.warning("c")\nlog.error("d")\nlog.critical("e")',
    );
    assert.deepEqual(shown(entries), [
      "debug py: mod.py:N: a 1",
      "info py: mod.py:N: b",
      "warn py: mod.py:N: c",
      "error py: mod.py:N: d",
      "error py: mod.py:N: e",
    ]);
    const { instance, logger, file, line } = entries[0]?.fields ?? {};
    assert.deepEqual([instance, logger, path.basename(String(file))], ["py", "show.net", "mod.py"]);
    assert.equal(entries[0]?.message, `py: mod.py:${line}: a 1`);
  });

  it("takes Python's own level where user code sets none", async () => {
    assert.deepEqual(shown(await saidBy('logging.info("no")\nlogging.warning("yes")')), ["warn py: mod.py:N: yes"]);
  });

  for (const [what, count, length] of [
    ["many", 5000, 1],
    ["long", 1000, 50_000],
  ] as const) {
    it(`is bounded and counted in a handler that logs ${what} messages`, async () => {
      const session = await start(CONFIG, {
        "mod.py": `${MODULES["mod.py"]}
def go(value):
    for i in range(${count}): logging.warning("x" * ${length})
def ask(value): logging.warning("later")
`,
      });
      session.probe.emit("go", 1);
      await session.log.seen(/: x+/);
      session.probe.emit("ask", 1);
      await session.log.seen(/: later$/);
      const logged = session.log.matching(/: x+/).length;
      const [lost] = session.log.matching(/^py: \d+ messages were lost before this one$/);
      assert.equal(Number(/\d+/.exec(lost?.message ?? "")?.[0]) + logged, count);
      assert.ok(logged * length < 5_000_000 && logged <= 3000, `${logged} messages`);
    });
  }

  it("has the traceback of an exception", async () => {
    const [entry] = await saidBy('try:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception("failed")');
    assert.match(entry?.message ?? "", /^py: mod\.py:\d+: failed\nTraceback [\s\S]*\nZeroDivisionError: /);
  });

  it("takes a record that names no logger, and no place", async () => {
    const entries = await saidBy(
      'logging.getLogger().handle(logging.makeLogRecord({"msg": "made", "levelno": 40}))',
      /made/,
    );
    assert.deepEqual(
      entries.map(({ level, message }) => `${level} ${message}`),
      ["error py: :0: made"],
    );
  });

  it("has the whole of a text with a NUL character and half a surrogate pair", async () => {
    const [entry] = await saidBy('logging.error("a\\0b\\udcffc")', /mod\.py:\d+: a/);
    assert.match(entry?.message ?? "", /b\\udcffc$/);
  });

  it("names the instance while modules load, and comes from threads", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${MODULES["mod.py"]}
import threading
logging.warning("loading")
thread = threading.Thread(target=lambda: logging.error("in a thread"))
thread.start()
thread.join()
def go(value): pass
`,
    });
    await ask(session);
    const entries = session.log.matching(/loading|in a thread/);
    assert.deepEqual(shown(entries), ["warn py: mod.py:N: loading", "error py: mod.py:N: in a thread"]);
  });

  const configured: [how: string, lines: string, expected: string[]][] = [
    ["with a handler for the root", "logging.getLogger().addHandler(mine)", []],
    ["with a handler for the logger", 'logging.getLogger("a").addHandler(mine)', []],
    ["by basicConfig()", "logging.basicConfig(handlers=[mine])", []],
    ["with a handler for another logger", 'logging.getLogger("b").addHandler(mine)', ["warn py: mod.py:N: text"]],
    [
      "with a NullHandler, as libraries do",
      'logging.getLogger("a").addHandler(logging.NullHandler())',
      ["warn py: mod.py:N: text"],
    ],
    [
      "with a level only",
      "logging.basicConfig(level=logging.INFO)",
      ["info py: mod.py:N: also", "warn py: mod.py:N: text"],
    ],
  ];
  for (const [how, lines, expected] of configured) {
    it(`that user code configures ${how} ${expected.length > 0 ? "still goes there" : "goes where it says"}`, async () => {
      const entries = await saidBy(
        `
class Mine(logging.Handler):
    def emit(self, record): say(record.getMessage())
mine = Mine()
${lines}
logging.getLogger("a").info("also")
logging.getLogger("a").warning("text")
`.trim(),
      );
      assert.deepEqual(shown(entries), expected);
    });
  }
});

describe("warnings in a module", () => {
  it("go to the router's log", async () => {
    const entries = await saidBy('warnings.warn("careful")\nwarnings.warn("old", FutureWarning)');
    assert.deepEqual(shown(entries), [
      "warn py: mod.py:N: UserWarning: careful",
      "warn py: mod.py:N: FutureWarning: old",
    ]);
  });

  it("that are recorded do not", async () => {
    const entries = await saidBy(
      'with warnings.catch_warnings(record=True) as all:\n    warnings.simplefilter("always")\n    warnings.warn("kept")\n    say(len(all))',
    );
    assert.deepEqual(entries, []);
  });
});

const WRITES = `
import logging, midimonster, os, signal, sys, warnings
print("printed", "é")
print("half", end="")
print(" a line")
print("an error", file=sys.stderr)
sys.stderr.buffer.write(b"bytes \\xff\\n")
sys.stderr.flush()
print("<1>its own priority", file=sys.stderr)
print("es\\x1bcape", file=sys.stderr)
logging.warning("logged")
warnings.warn("warned")
def end():
    midimonster.interval(end, 0)
    print("no end of line", end="", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)
midimonster.interval(end, 10)
`;
const END =
  "\nimport midimonster, os, signal\nmidimonster.interval(lambda: os.kill(os.getpid(), signal.SIGTERM), 10)\n";
const FILES = { "monster.cfg": "[python py]\nmodule = mod\n", "mod.py": WRITES };

async function outputOf(
  format: string,
  together = false,
  files: Record<string, string> = FILES,
): Promise<{ stdout: string; stderr: string }> {
  const folder = folderWith(files);
  if (!together) {
    const running = mmpy(["--log-format", format], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    return running;
  }
  const file = path.join(folder, "both");
  openSync(file, "w");
  const script = 'exec "$@" >>both 2>&1';
  const running = run("sh", ["-c", script, "sh", process.execPath, mmpyScript, "--log-format", format], {
    cwd: folder,
  });
  assert.deepEqual(await running.exited, { code: 0, signal: null });
  return { stdout: "", stderr: readFileSync(file, "utf8") };
}

const linesOf = (text: string) => text.split("\n").filter((line) => line !== "");

describe("what modules write", () => {
  it("to standard error is an object a line with --log-format json; what they print is as it is", async () => {
    const { stdout, stderr } = await outputOf("json");
    assert.deepEqual(linesOf(stdout), ["printed é", "half a line"]);
    const entries = linesOf(stderr).map((line) => JSON.parse(line) as Record<string, unknown>);
    const written = entries.filter(({ stream }) => stream === "stderr");
    assert.deepEqual(
      written.map(({ msg }) => msg),
      ["an error", "bytes \\xff", "<1>its own priority", "es\x1bcape", "no end of line"],
    );
    for (const { level, time, instance } of written) {
      assert.deepEqual([level, instance], [40, "py"]);
      assert.ok(Math.abs(Number(time) - Date.now()) < 600_000);
    }
    assert.equal(
      entries.filter(({ msg }) => /^py: mod\.py:\d+: (logged|UserWarning: warned)$/.test(String(msg))).length,
      2,
    );
  });

  it("anywhere is an object a line where both lead to the same place", async () => {
    const { stderr } = await outputOf("json", true);
    const entries = linesOf(stderr).map((line) => JSON.parse(line) as Record<string, unknown>);
    const printed = entries.filter(({ stream }) => stream === "stdout");
    assert.deepEqual(
      printed.map(({ level, msg }) => [level, msg]),
      [
        [30, "printed é"],
        [30, "half a line"],
      ],
    );
  });

  const messagesOf = async (code: string) => {
    const { stderr } = await outputOf("json", true, { ...FILES, "mod.py": `${code}${END}` });
    const entries = linesOf(stderr).map((line) => JSON.parse(line) as Record<string, unknown>);
    return entries.filter(({ stream }) => stream === "stdout").map(({ msg }) => String(msg));
  };

  it("ends an entry also with a carriage return, which a newline may follow", async () => {
    const messages = await messagesOf(
      'for part in ("\\r10 %", "\\r20 %\\r", "\\n", "a\\r\\nb\\n", "\\n", "c\\r", "d\\n"): print(part, end="", flush=True)',
    );
    assert.deepEqual(messages, ["10 %", "20 %", "a", "b", "", "c", "d"]);
  });

  it("becomes several entries if it is a long line, and all of it comes at once or in pieces", async () => {
    const messages = await messagesOf(
      'print("é" * 70_000)\nfor _ in range(70_000): print("x", end="", flush=True)\nprint("y" * 65_536)',
    );
    assert.deepEqual(
      messages.map((message) => message.length),
      [32_768, 32_768, 4464, 65_536, 4464 + 61_072, 4464],
    );
    assert.equal(messages.join(""), `${"é".repeat(70_000)}${"x".repeat(70_000)}${"y".repeat(65_536)}`);
  });

  it("has what a forked child leaves without the end of a line", async () => {
    const messages = await messagesOf(
      'import os\npid = os.fork()\nprint("child" if pid == 0 else "parent", end="")\nif pid == 0: raise SystemExit\nos.waitpid(pid, 0)',
    );
    assert.deepEqual(messages, ["child", "parent"]);
  });

  it("has a priority a line with --log-format journal", async () => {
    const { stderr } = await outputOf("journal", true);
    for (const line of linesOf(stderr)) assert.match(line, /^<[0-7]>/);
    const written = ["<6>printed é", "<6>half a line", "<4>an error", "<1>its own priority", "<4>es\\x1bcape"];
    for (const line of written) assert.ok(linesOf(stderr).includes(line), `${line} in:\n${stderr}`);
  });

  it("is as it is in text", async () => {
    const { stdout, stderr } = await outputOf("text");
    assert.equal(stdout, "printed é\nhalf a line\n");
    assert.match(stderr, /^an error$/m);
    assert.match(stderr, /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: py: mod\.py:\d+: logged$/m);
  });
});
