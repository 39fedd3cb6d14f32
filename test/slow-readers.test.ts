// A log and standard output that stay open but are not read: a pager, a terminal under Ctrl-S, a log driver that hangs.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpyScript, run } from "./helpers.js";

const CONFIG = "[python py]\nmodule = writes\n";

/**
 * Writes 150 bytes, 400 times in each of 20 calls, more than pipes and what is kept take together; then `after` follows with each
 * call once the file "read" is there.
 */
const WRITES = (write: string, after: string) => `
import midimonster, os, signal, sys, logging
count = calls = 0
def say(text): ${write}
def tick():
    global count, calls
    calls += 1
    if calls <= 20:
        for _ in range(400):
            count += 1
            say("line %d %s" % (count, "x" * 140))
    elif calls == 21:
        with open("went on", "w"): pass
    elif os.path.exists("read"):
        ${after}
midimonster.interval(tick, 10)
`;

const STOP = "os.kill(os.getpid(), signal.SIGTERM)";

async function appears(file: string, child: { exitCode: number | null }): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!existsSync(file)) {
    assert.ok(Date.now() < deadline && child.exitCode === null, `${file} does not appear`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The numbers of the lines in a text; every one has to be whole, or part of another entry. */
function numbers(text: string): number[] {
  return [...text.matchAll(/line (\d+) (x+)/g)].map(([, number, rest]) => {
    assert.equal(rest?.length, 140, `line ${number} is cut off`);
    return Number(number);
  });
}

/** Runs a module that writes into a pipe that is read only when it has written all; returns the text and the exit status. */
async function readLate(source: string, streams: ("stdout" | "stderr")[], args: string[] = []) {
  const folder = folderWith({ "monster.cfg": CONFIG, "writes.py": source });
  const fifo = path.join(folder, "pipe");
  execFileSync("mkfifo", [fifo]);
  // For reading and writing, so that opening it does not wait.
  const both = openSync(fifo, constants.O_RDWR);
  const child = spawn(process.execPath, [mmpyScript, ...args, "monster.cfg"], {
    cwd: folder,
    stdio: ["ignore", streams.includes("stdout") ? both : "ignore", streams.includes("stderr") ? both : "ignore"],
  });
  const exited = once(child, "exit");
  await appears(path.join(folder, "went on"), child);
  const reader = spawn("cat", [fifo], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  reader.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const read = once(reader, "close");
  closeSync(both);
  closeSync(openSync(path.join(folder, "read"), "w"));
  const [status] = await exited;
  await read;
  return { text, status };
}

describe("a stream that is not read", () => {
  const table: [what: string, write: string, streams: ("stdout" | "stderr")[], args: string[], name: string][] = [
    ["of prints", "print(text)", ["stdout", "stderr"], [], "standard error"],
    ["of standard error", 'sys.stderr.write(text + "\\n")', ["stderr"], [], "standard error"],
    ["of logged lines", "logging.error(text)", ["stderr"], ["--log-format", "json"], "standard error"],
    ["of journal entries", "print(text)", ["stdout", "stderr"], ["--log-format", "journal"], "standard error"],
    ["of entries as JSON", "print(text)", ["stdout", "stderr"], ["--log-format", "json"], "standard error"],
  ];
  for (const [what, write, streams, args, name] of table) {
    it(`${what} stops nothing; lines stay whole and in order, and the log tells how many are left out`, async () => {
      const { text, status } = await readLate(WRITES(write, STOP), streams, args);
      assert.equal(status, 0);
      const seen = numbers(text);
      assert.deepEqual(
        seen,
        seen.toSorted((a, b) => a - b),
      );
      assert.ok(seen.length > 2000, `${seen.length} lines, of a mebibyte and more`);
      const notice = new RegExp(`WARN: ${name} was not read fast enough for \\d+ s: (\\d+) lines \\(\\d+ bytes\\)`);
      const left = args.includes("json") ? /"msg": ?"[^"]*fast enough for \d+ s: (\d+) lines/ : notice;
      // Lines of the log itself may be left out with them, such as one about a slow call.
      const [, count] = left.exec(text) ?? assert.fail(`no line tells: ${text.slice(-300)}`);
      if (what !== "of logged lines") {
        assert.ok(Number(count) >= 8000 - seen.length && Number(count) < 8100 - seen.length, `${count}`);
      }
      for (const line of text.split("\n").filter(Boolean)) {
        if (args.includes("json")) JSON.parse(line);
        if (args.includes("journal")) assert.match(line, /^<\d>/);
      }
    });
  }

  it("at all does not keep the program from stopping", async () => {
    const folder = folderWith({
      "monster.cfg": CONFIG,
      "writes.py": WRITES("print(text)", STOP).replace('os.path.exists("read")', "True"),
    });
    const fifo = path.join(folder, "pipe");
    execFileSync("mkfifo", [fifo]);
    const both = openSync(fifo, constants.O_RDWR);
    const child = spawn(process.execPath, [mmpyScript, "monster.cfg"], { cwd: folder, stdio: ["ignore", both, both] });
    const [status] = await once(child, "exit");
    closeSync(both);
    assert.equal(status, 0);
  });

  it("for a moment loses nothing of what is printed at once", async () => {
    const source = `
import midimonster, os, signal
def once():
    midimonster.interval(once, 0)
    for i in range(60000): print("line %d %s" % (i, "x" * 140))
    ${STOP}
midimonster.interval(once, 10)
`;
    const folder = folderWith({ "monster.cfg": CONFIG, "writes.py": source });
    // Into a file: this process would not read as fast while the machine has much else to do.
    const running = run("sh", ["-c", '"$1" "$2" monster.cfg | cat > printed', "sh", process.execPath, mmpyScript], {
      cwd: folder,
    });
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.equal(numbers(readFileSync(path.join(folder, "printed"), "utf8")).length, 60000);
  });
});

describe("a terminal that has been stopped", () => {
  it("stops nothing", async () => {
    const folder = folderWith({
      "monster.cfg": CONFIG,
      "writes.py": WRITES("print(text)", STOP),
      // As a terminal with Ctrl-S: nothing is read from its other side.
      "terminal.py": `
import os, pty, subprocess, sys, time
master, slave = pty.openpty()
program = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave)
os.close(slave)
while not os.path.exists("went on"):
    if program.poll() is not None: sys.exit("ended")
    time.sleep(0.01)
open("read", "w").close()
try:
    while os.read(master, 65536): pass
except OSError: pass
sys.exit(program.wait())
`,
    });
    const python = process.env.MMPY_PYTHON ?? "python3";
    const running = run(python, ["terminal.py", process.execPath, mmpyScript, "monster.cfg"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
  });
});
