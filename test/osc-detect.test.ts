// What option `detect` logs of a flood.
import assert from "node:assert/strict";
import { DetectLog } from "../lib/backends/shared/detect-log.js";
import type { Logger } from "../lib/log/log.js";

describe("option detect", () => {
  it("logs a channel once a second, of all channels only so many lines, and how many are missing", () => {
    const lines: string[] = [];
    const log = { info: (_fields: object, message: string) => lines.push(message) } as unknown as Logger;
    const detect = new DetectLog(log, "osc", 3);
    const tell = (channel: string, now: number) => detect.tell(channel, now, {}, () => channel);
    for (const channel of ["a", "a", "b", "c", "d", "e"]) tell(channel, 100);
    assert.deepEqual(lines.splice(0), ["a", "b", "c"]);
    tell("a", 1099);
    assert.deepEqual(lines.splice(0), []);
    tell("d", 1100);
    tell("a", 1100);
    assert.deepEqual(lines, ["osc: 2 more not shown", "d", "a"]);
  });
});
