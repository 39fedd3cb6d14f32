// Standard output and error that are closed, full, or that nobody reads: the router goes on.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpyScript, run } from "./helpers.js";
import { ROUTER } from "./modes.js";

/** Prints and raises now and then, so that both streams are written to. */
const TALKS = `
import midimonster, os, signal
count = 0
def tick():
    global count
    count += 1
    if count == 20:
        with open("twenty", "w") as file: file.write("ticks")
        os.kill(${ROUTER}, signal.SIGTERM)
    if count % 5 == 0: raise ValueError("on purpose")
    print("tick", flush=True)
midimonster.interval(tick, 10)
`;

describe("mmpy goes on, and ends well,", () => {
  const streams: [what: string, redirection: string, only?: string][] = [
    ["with standard error closed", "2>&-"],
    ["with standard output closed", ">&-"],
    ["with every standard stream closed", "<&- >&- 2>&-"],
    ["with standard error on a full device", "2>/dev/full", "/dev/full"],
    ["with standard output on a full device", ">/dev/full", "/dev/full"],
    ["with a log that somebody reads one line of", "2>&1 >/dev/null | head -1"],
    ["with output that somebody reads one line of", "2>/dev/null | head -1"],
    ["with output and a log that nobody ever reads", "2>&1 | true"],
  ];
  for (const [what, redirection, device] of streams) {
    it(what, async function () {
      if (device !== undefined && !existsSync(device)) {
        console.log(`SKIPPED: there is no ${device} here`);
        this.skip();
      }
      const folder = folderWith({ "monster.cfg": "[python py]\nmodule = talks\n", "talks.py": TALKS });
      const script = `cd "$1"; { "$2" "$3" monster.cfg; echo $? > status; } ${redirection}`;
      const shell = run("sh", ["-c", script, "sh", folder, process.execPath, mmpyScript]);
      assert.deepEqual(await shell.exited, { code: 0, signal: null }, shell.stderr);
      assert.equal(readFileSync(path.join(folder, "twenty"), "utf8"), "ticks");
      assert.equal(readFileSync(path.join(folder, "status"), "utf8"), "0\n");
    });
  }

  it("in a folder that it can't write to", async function () {
    const folder = folderWith({ "monster.cfg": "[python py]\nmodule = quiet\n", "quiet.py": "import midimonster\n" });
    // Root writes anywhere, so somebody else.
    const asNobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups", "--"] : [];
    const [tool] = asNobody;
    if (tool !== undefined && spawnSync(tool, ["--version"]).status !== 0) {
      console.log("SKIPPED: no setpriv; on Debian: apt-get install util-linux");
      this.skip();
    }
    spawnSync("chmod", ["-R", "a+rX,a-w", folder]);
    const command = [...asNobody, process.execPath, mmpyScript, "check", path.join(folder, "monster.cfg")];
    // Somebody else may not be allowed to see this user's Python or this project.
    const seen = spawnSync(command[0] ?? "", [...command.slice(1, -2), "--version"]);
    if (seen.status !== 0) {
      console.log("SKIPPED: another user can't run mmpy from here");
      this.skip();
    }
    const checked = run(command[0] ?? "", command.slice(1), {
      env: { ...process.env, MMPY_PYTHON: "/usr/bin/python3" },
    });
    assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
  });

  it("when the folder of its configuration vanishes", async () => {
    const folder = folderWith({ "inner/monster.cfg": "[python py]\nmodule = talks\n" });
    const inner = path.join(folder, "inner");
    const vanishes = TALKS.replace(/^.*with open.*$/m, "        import html.parser").replace(
      /^count = 0$/m,
      `count = 0\nimport shutil\nshutil.rmtree(${JSON.stringify(inner)})`,
    );
    writeFileSync(path.join(inner, "talks.py"), vanishes);
    const running = run(process.execPath, [mmpyScript, "monster.cfg"], { cwd: inner });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.equal(existsSync(inner), false);
    assert.match(running.stderr, /talks\.tick raised\n[\s\S]*ValueError: on purpose/);
  });
});
