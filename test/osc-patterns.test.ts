// How much work the patterns in incoming addresses can cause.
import assert from "node:assert/strict";
import { IncomingPaths, MAX_MATCHES } from "../lib/backends/osc/incoming.js";
import { AddressPattern } from "../lib/backends/osc/pattern.js";

describe("patterns in addresses that an OSC instance hears", () => {
  const PATHS = 512;
  const { match } = AddressPattern.prototype;
  let matches = 0;
  let time = 0;
  let paths: IncomingPaths;

  const pathsOf = (count: number, nameOf: (index: number) => string) => {
    const made = new IncomingPaths(() => time);
    for (let index = 0; index < count; ++index) {
      const name = nameOf(index);
      made.connect({ index, name, use: "output", meaning: { path: name, argument: 0 } });
    }
    return made;
  };

  beforeEach(() => {
    matches = 0;
    time = 0;
    AddressPattern.prototype.match = function (address) {
      matches++;
      return match.call(this, address);
    };
    paths = pathsOf(PATHS, (index) => `/${index}`);
  });

  afterEach(() => {
    AddressPattern.prototype.match = match;
  });

  it("are compared with the paths only so often in a second, however many datagrams bring them", () => {
    const found = Array.from({ length: 3000 }, (_, i) => {
      paths.nextDatagram();
      return paths.matching(`/${i}*`);
    });
    assert.deepEqual([found[0]?.length, found[51]?.length], [1, 3]);
    const compared = found.findIndex((each) => typeof each === "string");
    assert.ok(compared > 500 && compared < 2500, `${compared}`);
    assert.equal(matches, compared * PATHS);
    // Those that are known cost nothing, and work in any number.
    assert.equal(paths.matching(`/${compared - 1}*`), found[compared - 1]);
    assert.equal(matches, compared * PATHS);
    time += 1000;
    assert.equal(paths.matching("/510*")?.length, 1);
  });

  it("are fewer in a second the longer the comparison takes", () => {
    const long = pathsOf(10_000, (index) => `/a/long/path/of/a/large/desk/${index}`);
    const found = Array.from({ length: 100 }, (_, i) => long.matching(`/*/*/*/*/*/*/*/${i}`));
    const compared = found.findIndex((each) => typeof each === "string");
    assert.ok(compared > 5 && compared < 20, `${compared}`);
    assert.equal(found[compared - 1]?.length, 1);
  });

  it("of which each path would need other steps are given up", () => {
    const letters = (index: number) => Array.from({ length: 60 }, (_, i) => "ab"[(index >> (i % 13)) & 1]).join("");
    const various = pathsOf(8192, (index) => `/${letters(index)}`);
    const pattern = `/*a${"?".repeat(40)}*b${"?".repeat(12)}`;
    assert.deepEqual(various.matching(pattern), []);
    assert.ok(matches < 8192, `${matches}`);
    assert.ok(Array.isArray(various.matching(`/${letters(5)}*`)));
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
