// The log where systemd's journal reads standard error.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { BACKENDS } from "../lib/backends/index.js";
import { didYouMean } from "../lib/config/suggest.js";
import { folderWith, mmpyScript, run } from "./helpers.js";

const AVAILABLE = didYouMean(
  "nothing",
  BACKENDS.map(({ name }) => name),
  "available backends",
);

const FAILING = {
  "monster.cfg": "[python py]\nmodule = mod\n",
  "mod.py": `
import midimonster
def bad():
    midimonster.interval(bad, 0)
    print("called")
    raise ValueError("two\\n\\nlines")
midimonster.interval(bad, 10)
`,
};

/**
 * Runs mmpy with a file in the place of the connection to the journal: what counts is that it is the one that systemd has
 * named. Returns what has been written there.
 */
async function logOf(
  files: Record<string, string>,
  args: readonly string[] = [],
  { named = "it", status = 0 }: { named?: "it" | "another" | "nothing"; status?: number } = {},
): Promise<string> {
  const folder = folderWith({ ...files, log: "", other: "" });
  const log = path.join(folder, "log");
  const streams = { it: log, another: path.join(folder, "other") };
  const env = { ...process.env };
  delete env.JOURNAL_STREAM;
  if (named !== "nothing") {
    const { dev, ino } = statSync(streams[named], { bigint: true });
    env.JOURNAL_STREAM = `${dev}:${ino}`;
  }
  const running = run("sh", ["-c", 'exec "$@" 2>>log', "sh", process.execPath, mmpyScript, ...args], {
    cwd: folder,
    env,
  });
  if (status === 0) {
    await running.sees(/called/);
    running.child.kill("SIGTERM");
  }
  assert.deepEqual(await running.exited, { code: status, signal: null }, readFileSync(log, "utf8"));
  return readFileSync(log, "utf8");
}

/** The log's lines without what differs from run to run. */
function lines(log: string): string[] {
  return log
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/Python 3\..*/, "Python").replace(/File ".*", line \d+/, "File"));
}

const ENTRIES = [
  "<6>INFO: Python",
  "<6>INFO: routing 0 mappings between 1 instance",
  "<3>ERROR: py: the interval function mod.bad raised",
  "<3>Traceback (most recent call last):",
  "<3>  File, in bad",
  '<3>    raise ValueError("two\\n\\nlines")',
  "<3>ValueError: two",
  "<3>",
  "<3>lines",
  "<6>INFO: SIGTERM: stopping",
];

describe("the log in the journal", () => {
  it("has priorities, in front of every line, and no time of its own", async () => {
    assert.deepEqual(lines(await logOf(FAILING)), ENTRIES);
  });

  it("is so with --log-format journal anywhere", async () => {
    assert.deepEqual(lines(await logOf(FAILING, ["--log-format", "journal"], { named: "nothing" })), ENTRIES);
  });

  it("says debug, and warnings, as such", async () => {
    const log = await logOf(
      {
        "monster.cfg": "[python py]\nmodule = mod\n",
        "mod.py":
          'import midimonster\ndef go():\n    midimonster.interval(go, 0)\n    midimonster.output("nowhere", 1)\n    print("called")\nmidimonster.interval(go, 10)\n',
      },
      ["--log-level", "debug"],
    );
    assert.match(log, /^<7>DEBUG: /m);
    assert.match(log, /^<4>WARN: py: mod\.py:4: output\(\) on channel 'nowhere'/m);
  });

  const texts: [what: string, args: string[], named: "it" | "another" | "nothing"][] = [
    ["--log-format text says so", ["--log-format", "text"], "it"],
    ["standard error leads elsewhere", [], "another"],
    ["there is no journal", [], "nothing"],
  ];
  for (const [what, args, named] of texts) {
    it(`is text where ${what}`, async () => {
      const log = await logOf(FAILING, args, { named });
      assert.match(log, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: routing/m);
      assert.doesNotMatch(log, /^</m);
    });
  }

  it("is JSON where --log-format json says so", async () => {
    const log = await logOf(FAILING, ["--log-format", "json"]);
    for (const line of log.trim().split("\n")) JSON.parse(line);
  });

  const failures: [what: string, files: Record<string, string>, args: string[], status: number, lines: string[]][] = [
    [
      "the configuration",
      { "monster.cfg": "[nothing n]\n" },
      [],
      1,
      [
        "<3>monster.cfg:1:2: error: unknown backend 'nothing'",
        "<3>    1 | [nothing n]",
        "<3>      |  ^~~~~~~",
        `<3>      = ${AVAILABLE[0]}`,
      ],
    ],
    ["the command line", {}, ["--colour"], 2, ["<3>mmpy: unknown option '--colour'", "<3>Try mmpy --help."]],
  ];
  for (const [what, files, args, status, expected] of failures) {
    it(`has errors of ${what} as errors`, async () => {
      const log = await logOf(files, args, { status });
      assert.deepEqual(lines(log.replace(/'--colour'.*/, "'--colour'")), expected);
    });
  }
});
