// Configurations of OSC: what is accepted, what is warned of, and what is an error, each at its place.
import assert from "node:assert/strict";
import { DeskBackend, Rig } from "./desk-backend.js";

/** The first lines of errors and warnings, for a configuration that begins with `[osc x]`. */
async function check(config: string): Promise<string[]> {
  const rig = new Rig(`[osc x]\n${config}`, [new DeskBackend().declaration()]);
  const errors = await rig.errors(rig.router.load());
  const warnings = rig.log.entries.filter(({ level }) => level === "warn");
  const texts = [...errors, ...warnings.map(({ message }) => message.replaceAll(`${rig.folder}/`, ""))];
  return texts.map((text) => text.split("\n", 1)[0] ?? "");
}

describe("a configuration of OSC", () => {
  const lines: [what: string, line: string, finding?: string][] = [
    ["an address for all", "bind = * 8000"],
    ["an address of IPv6", "bind = :: 8000"],
    ["an interface", "bind = * 8000 interface=lo"],
    ["a service's name for a port", "bind = localhost ntp"],
    ["a port missing", "bind = 10.0.0.1", "2:8: error: 'bind' needs a port after '10.0.0.1'"],
    ["a port after a colon", "bind = 127.0.0.1:8000 8000", "2:8: error: 'bind' needs a host, not '127.0.0.1:8000'"],
    [
      "a number too large in an address",
      "destination = 10.0.0.256 8000",
      "2:15: error: 'destination' needs a host, but '10.0.0.256' is not an IPv4 address",
    ],
    [
      "too many numbers in an address",
      "bind = 0.0.0.0.0 8000",
      "2:8: error: 'bind' needs a host, but '0.0.0.0.0' is not an IPv4 address",
    ],
    ["an unknown service", "bind = * disco", "2:10: error: 'bind' needs a port from 1 to 65535, not 'disco'"],
    ["two binds", "bind = * 8000\nbind = * 8001", "3:1: error: 'bind' can be given only once"],
    ["an unknown option", "port = 8000", "2:1: error: an instance of 'osc' has no option 'port'"],
    ["a destination", "destination = :: 8000"],
    ["a destination to learn", "bind = * 8000\ndest = learn"],
    ["a port to answer to", "bind = * 8000\ndest = learn@0x1f41"],
    ["a host that begins like learn", "dest = learning.local 8000"],
    [
      "no port to answer to",
      "bind = * 8000\ndest = learn@70000",
      "3:8: error: 'dest' is HOST PORT, learn or learn@PORT with a port from 1 to 65535, not 'learn@70000'",
    ],
    [
      "a destination to learn from nowhere",
      "dest = learn",
      "2:8: warning: 'destination' is to be learnt from incoming messages, and there is no 'bind' to receive them",
    ],
    ["a value for silence", "timeout = 2.5\ntimeout-value = 0.5"],
    [
      "no value for silence",
      "timeout-value = 2",
      "2:17: error: 'timeout-value' is hold, zero or a value from 0 to 1, not '2'",
    ],
    ["a root", "root = /a/b"],
    ["a root without a slash", "root = a", "2:8: error: 'root' has to start with a slash"],
    ["a root that is a pattern", "root = /a*", "2:10: error: 'root' can't contain '*'"],
    ["a format in C's numbers", "/a = ihfd -0x10 010 0 10 -.5 1e3 +1 -1"],
    ["alternatives in a path", "/{a,b}/[!c-d]?* = f 0 1"],
    ["no arguments", "/a = -"],
    ["constants", '/a = sTFNIf "x y" 0 1'],
    ["a path with a comma", "/a,b = f 0 1", "2:3: error: '/a,b' can't contain ','"],
    ["a path with a space", "/a b = f 0 1", "2:3: error: '/a b' can't contain a space"],
    ["a pattern without its end", "/a[bc = f 0 1", "2:3: error: '/a[bc' has a '[' that is not closed"],
    ["a path without a format", "/a =", "2:1: error: '/a' needs a value"],
    ["an unknown type", "/a = fg 0 1", "2:7: error: '/a' has types of i, f, h, d, s, T, F, N and I, not 'g'"],
    ["a limit missing", "/a = ff 0 1 0", "2:6: error: '/a' needs the maximum of an argument of type 'f'"],
    ["a word for a limit", "/a = f 0 max", "2:10: error: '/a' needs numbers as limits, not 'max'"],
    ["a number with a unit", "/a = f 0 1.0s", "2:10: error: '/a' needs numbers as limits, not '1.0s'"],
    ["infinity", "/a = d 0 1e999", "2:10: error: '/a' needs numbers as limits, not '1e999'"],
    ["more than a float", "/a = f 0 1e99", "2:10: error: '/a' has a limit beyond a 32-bit float: 1e99"],
    ["more than 32 bits", "/a = i 0 2147483648", "2:10: error: '/a' has a limit beyond 32 bits: 2147483648"],
    ["more than 64 bits", "/a = h 0 1e19", "2:10: error: '/a' has a limit beyond 64 bits: 1e19"],
    ["a text missing", "/a = s", "2:6: error: '/a' needs a text for its type 's'"],
    [
      "half a whole number",
      "/a = i 0 1.5",
      "2:10: warning: '/a' takes 1 for '1.5': arguments of type 'i' are whole numbers",
    ],
    ["too many words", "/a = f 0 1 2 3", "2:12: warning: '/a' has more words than its types need, from '2' on"],
    ["a keepalive", "dest = :: 1\nkeepalive = 9.5 /xremote 1 x"],
    [
      "no time",
      "dest = :: 1\nkeepalive = 0 /a",
      "3:13: error: 'keepalive' starts with a time from 0.1 to 86400 s, not '0'",
    ],
    ["no path", "dest = :: 1\nkeepalive = 9", "3:13: error: 'keepalive' needs a path after the time"],
    [
      "another path",
      "dest = :: 1\nkeepalive = 9 x",
      "3:15: error: 'keepalive' has a path that has to start with a slash",
    ],
    [
      "a keepalive to nowhere",
      "keepalive = 9 /x",
      "2:13: warning: 'keepalive' is never sent: the instance has no destination",
    ],
  ];
  for (const [what, line, finding] of lines) {
    it(`with ${what}, '${line.split("\n").at(-1)}', is ${finding === undefined ? "right" : "told of"}`, async () => {
      const found = await check(`${line}\n[map]\n`);
      assert.deepEqual(found, finding === undefined ? [] : [`monster.cfg:${finding}`]);
    });
  }

  const channels: [what: string, options: string, mapping: string, finding?: string][] = [
    ["a channel without options that give its type", "bind = * 8000", "x./a > d.a"],
    ["an argument beyond the first", "bind = * 8000\n/a = ff 0 1 0 1", "x./a:1 > d.a"],
    ["a `#` in its path", "bind = * 8000", "x./a#1 > d.a"],
    ["no slash", "bind = * 8000", "x.a > d.a", "5:3: error: 'x.a': the path has to start with a slash"],
    ["a pattern as a channel", "bind = * 8000", "x./a? > d.a", "5:3: error: 'x./a?': the path can't contain '?'"],
    [
      "an index beyond all datagrams",
      "bind = * 8000",
      "x./a:16384 > d.a",
      "5:3: error: 'x./a:16384': an argument's index is 0 to 16383, not 16384",
    ],
    [
      "another index",
      "bind = * 8000",
      "x./a:b > d.a",
      "5:3: warning: 'x./a:b': ':b' is not the index of an argument, and counts as ':0'",
    ],
    [
      "no socket to hear from",
      "root = /a",
      "x./a > d.a",
      "5:3: warning: 'x./a': nothing arrives here: the instance listens nowhere",
    ],
    [
      "nowhere to send to",
      "/a = f 0 1",
      "d.a > x./a",
      "5:9: warning: 'x./a': nothing is sent: the instance has no destination",
    ],
    [
      "no type to send",
      "also = ::1 8000",
      "d.a > x./a",
      "5:9: warning: 'x./a': nothing is sent: no option gives the types of this path's arguments",
    ],
    [
      "an argument that messages do not have",
      "dest = ::1 8000\n/a = sff x 0 1 0 1",
      "d.a > x./a:2",
      "6:9: warning: 'x./a:2': nothing is sent: messages to this path have 2 channels",
    ],
    [
      "a pattern that it is the start of",
      "dest = ::1 8000\n/abc = f 0 1",
      "d.a > x./ab",
      "6:9: warning: 'x./ab': only the start of '/abc' matches the path; it is used, as in MIDIMonster",
    ],
    [
      "a pattern that matches all of it, after one of those",
      "dest = ::1 8000\n/abc = f 0 1\n/ab = f 0 1",
      "d.a > x./ab",
    ],
  ];
  for (const [what, options, mapping, finding] of channels) {
    it(`and a mapping with ${what}, '${mapping}', is ${finding === undefined ? "right" : "told of"}`, async () => {
      const found = await check(`${options}\n[desk d]\n[map]\n${mapping}\n`);
      assert.deepEqual(found, finding === undefined ? [] : [`monster.cfg:${finding}`]);
    });
  }

  it("of two instances that listen to one port is told of", async () => {
    assert.deepEqual(await check("bind = * 8000\n[osc y]\nbind = * 8000\n[osc z]\nbind = * 8001\n"), [
      "monster.cfg:4:8: warning: instance 'x' listens there too; only one of them receives what arrives",
    ]);
  });
});
