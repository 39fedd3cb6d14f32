// How much work the patterns in incoming addresses can cause.
import assert from "node:assert/strict";
import { IncomingPaths, MAX_MATCHES, MAX_NEW_PATTERNS } from "../lib/backends/osc/incoming.js";
import { AddressPattern } from "../lib/backends/osc/pattern.js";

describe("patterns in addresses that an OSC instance hears", () => {
  const PATHS = 512;
  const { match } = AddressPattern.prototype;
  let matches = 0;
  let paths: IncomingPaths;

  beforeEach(() => {
    matches = 0;
    AddressPattern.prototype.match = function (address) {
      matches++;
      return match.call(this, address);
    };
    paths = new IncomingPaths();
    for (let index = 0; index < PATHS; ++index) {
      paths.connect({ index, name: `/${index}`, use: "output", meaning: { path: `/${index}`, argument: 0 } });
    }
  });

  afterEach(() => {
    AddressPattern.prototype.match = match;
  });

  it("are compared with the paths only so often in a datagram", () => {
    const found = Array.from({ length: 1670 }, (_, i) => paths.matching(`/${i}*`));
    assert.equal(matches, MAX_NEW_PATTERNS * PATHS);
    assert.deepEqual([found[0]?.length, found[51]?.length], [1, 3]);
    assert.equal(found.filter((each) => typeof each === "string").length, 1670 - MAX_NEW_PATTERNS);
    // Those that are known cost nothing, and work in any number.
    assert.equal(paths.matching("/51*"), found[51]);
    assert.equal(matches, MAX_NEW_PATTERNS * PATHS);
    paths.nextDatagram();
    assert.equal(paths.matching("/510*")?.length, 1);
  });

  it("stand for only so many paths in a datagram, known or not", () => {
    const answers = Array.from({ length: 3274 }, () => paths.matching("/*"));
    assert.equal(answers.filter((each) => typeof each !== "string").length, MAX_MATCHES / PATHS);
    paths.nextDatagram();
    assert.equal(paths.matching("/*").length, PATHS);
  });

  it("stay known while they are used, whatever else arrives", () => {
    for (let i = 0; i < 1000; ++i) {
      paths.nextDatagram();
      paths.matching("/5*");
      paths.matching(`/${i}?`);
    }
    assert.equal(matches, 1001 * PATHS);
  });
});
