// Whether a router can run for months: no reference to a Python object is lost, neither with events nor with routers.
// A debug build of CPython counts all references that there are. What runs in it is in test/leaks/.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { findPythons } from "../lib/backends/python/locate/discovery.js";
import { projectFolder, run } from "./helpers.js";

const folder = path.join(projectFolder, "test", "leaks");

/** The lines that a program prints which ends well. */
async function prints(command: string, args: readonly string[], python: string): Promise<string> {
  const env = { ...process.env, MMPY_PYTHON: python, PYTHONWARNINGS: "ignore" };
  const running = run(command, args, { cwd: projectFolder, env });
  assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
  return running.stdout;
}

describe("references to Python objects", function () {
  this.timeout(1_200_000);
  let python = "";

  before(async function () {
    const debug = (await findPythons()).find(({ choice }) => {
      const asked = ["-c", "import sys; sys.exit(not hasattr(sys, 'gettotalrefcount'))"];
      return choice !== undefined && spawnSync(choice.executable, asked).status === 0;
    });
    if (debug?.choice === undefined) {
      console.log("SKIPPED: no debug build of CPython; on Debian: apt-get install python3-dbg libpython3.11-dbg");
      this.skip();
    }
    python = debug.choice.executable;
  });

  it("are none more after 100,000 events of each kind", async () => {
    const text = await prints(process.execPath, ["--import", "tsx", path.join(folder, "events.ts")], python);
    const growth = Object.entries(JSON.parse(text) as Record<string, number[]>);
    assert.deepEqual(
      growth,
      growth.map(([kind]) => [kind, [0, 0]]),
    );
    assert.equal(growth.length, 21);
  });

  it("are no more after 100 routers than after 100 interpreters without any of this program", async () => {
    const ours = await prints(process.execPath, ["--import", "tsx", path.join(folder, "cycles.ts"), "own"], python);
    const start = path.join(projectFolder, "python", "runtime", "start.py");
    const bare = await prints(python, [path.join(folder, "bare.py"), start], python);
    assert.match(`${ours}${bare}`, /^-?\d+\n-?\d+\n$/);
    assert.ok(Number(ours) <= Number(bare), `${ours} more, where CPython alone has ${bare}`);
  });

  it("are no more after 100 routers, one after the other in the main interpreter", async () => {
    const grown = await prints(process.execPath, ["--import", "tsx", path.join(folder, "cycles.ts"), "main"], python);
    assert.match(grown, /^-?\d+\n$/);
    // A name that CPython interns, and the like; one object of the module's for each router would be 100.
    assert.ok(Number(grown) < 50, `${grown} more`);
  });
});
