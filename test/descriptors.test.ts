// A process in which user code has opened all files that it may.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { projectFolder } from "./helpers.js";

const PROGRAM = `
import { openSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { interfaces } from "./lib/interfaces.js";
import { networks } from "./lib/backends/artnet/networks.js";
import { hasAddress, interfaceOf } from "./lib/backends/shared/hosts.js";
const look = () => JSON.stringify([interfaces(), networks(), hasAddress("::1"), interfaceOf("127.0.0.1")]);
const before = look();
const { now } = performance;
performance.now = () => now.call(performance) + 10_000; // what is kept for a moment is read again
try { for (;;) openSync("/dev/null"); } catch {}
let refused = false;
try { networkInterfaces(); } catch { refused = true; }
console.log(JSON.stringify({ refused, same: look() === before }));
`;

describe("a process that can't open another file", () => {
  it("sees the network interfaces that it has seen before", () => {
    const command = 'ulimit -n 100; exec "$0" --import tsx --input-type=module -e "$1"';
    const { stdout, stderr } = spawnSync("sh", ["-c", command, process.execPath, PROGRAM], {
      cwd: projectFolder,
      encoding: "utf8",
    });
    assert.deepEqual(JSON.parse(stdout || "{}"), { refused: true, same: true }, stderr);
  });
});
