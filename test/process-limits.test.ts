import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { folderWith, mmpy, mmpyScript, skipWithSanitizers } from "./helpers.js";

/** Under which limits, with how many processes, and what is said. */
const LIMITS: { what: string; limit: string; count: number; options?: string; says: RegExp; asOther?: boolean }[] = [
  {
    what: "too few file descriptors",
    limit: "ulimit -n 100",
    count: 20,
    says: /^no process for instance 'p\d+': .*too many open files/im,
  },
  {
    what: "too few processes",
    limit: "ulimit -u 30",
    count: 20,
    asOther: true, // root may start any number
    says: /^no process for instance 'p\d+': .* can't be started: the system allows no more processes \(ulimit -u/m,
  },
  {
    what: "too little memory for Python",
    limit: "ulimit -s 65536", // of which each thread takes as much
    count: 1,
    options: "memory-limit = 48M",
    says: /instance 'p0' could not be created: .*; its memory-limit, 48 MiB, may be too small for Python/,
  },
];

/** A user of whom nothing else runs. */
const OTHER = ["--reuid=54321", "--regid=54321", "--clear-groups"];

function canRunAsOther(): boolean {
  const check = 'test -r "$1" && test -x /usr/bin/python3 && "$0" --version';
  return spawnSync("setpriv", [...OTHER, "sh", "-c", check, process.execPath, mmpyScript]).status === 0;
}

describe("processes of instances, with", () => {
  it("more events that wait in one than --queue-limit allows, lose events, which the log says", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nown-process = on\nmodule = mod\n[loopback l]\n[map]\npy.out > l.out\n",
      "mod.py": `import midimonster
def flood():
    for _ in range(1_000_000): midimonster.output("out", 1)
midimonster.started(flood)
`,
    });
    const running = mmpy(["--queue-limit", "1", path.join(folder, "monster.cfg")]);
    await running.sees(/ERROR: py: events are lost/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  for (const { what, limit, count, options = "", says, asOther = false } of LIMITS) {
    it(`${what}, are an error at the start that says so`, function () {
      skipWithSanitizers(this, "a sanitizer takes more of everything");
      if (asOther && !canRunAsOther()) {
        console.log("SKIPPED: a limit of processes: needs root, setpriv, and programs that another user may run");
        this.skip();
      }
      const instances = Array.from({ length: count }, (_, i) => `[python p${i}]\nmodule = mod\n${options}\n`).join("");
      const folder = folderWith({
        "monster.cfg": `[backend python]\nown-process = on\n${instances}`,
        "mod.py": "import midimonster\nmidimonster.started(lambda: None)",
      });
      const command = `${limit}; exec "$0" "$1" monster.cfg`;
      const started = spawnSync(
        "sh",
        [
          "-c",
          asOther ? `chmod -R a+rX . && exec setpriv ${OTHER.join(" ")} bash -c '${command}' "$0" "$1"` : command,
          process.execPath,
          mmpyScript,
        ],
        // A Python that other users may run.
        {
          cwd: folder,
          encoding: "utf8",
          timeout: 100_000,
          env: { ...process.env, ...(asOther && { MMPY_PYTHON: "/usr/bin/python3" }) },
        },
      );
      assert.match(started.stderr, says);
      assert.equal(started.status, 1);
    });
  }
});
