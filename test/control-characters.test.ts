// Control characters in what others have written - names, paths, messages - reach neither a terminal nor a journal.
import assert from "node:assert/strict";
import { formatDiagnostic } from "../lib/index.js";
import { visible, visibleInJson } from "../lib/visible.js";
import { folderWith, mmpy } from "./helpers.js";

const ALL = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join("");
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

const NASTY = `\\x1b[2J\\x00\\x07\\r\\x7f\\x9b31m`; // in Python
const MODULE = `
import logging, midimonster, os, signal
midimonster.output("na${NASTY}me", 1)
logging.error("lo${NASTY}g")
def bad():
    midimonster.interval(bad, 0)
    raise ValueError("mes${NASTY}sage")
bad.__qualname__ = "fun${NASTY}ction"
def end():
    midimonster.interval(end, 0)
    os.kill(os.getpid(), signal.SIGTERM)
midimonster.interval(bad, 10)
midimonster.interval(end, 20)
`;
const SHOWN = String.raw`\x1b[2J\x00\x07\x0d\x7f\x9b31m`;

describe("control characters", () => {
  it("are escaped, all but newlines and tabs", () => {
    assert.doesNotMatch(visible(ALL), CONTROL);
    assert.equal(visible("a\tb\nc\x1bd\x85"), "a\tb\nc\\x1bd\\x85");
    assert.equal(JSON.parse(visibleInJson(JSON.stringify(ALL))), ALL);
    assert.doesNotMatch(visibleInJson(JSON.stringify(ALL)), CONTROL);
  });

  for (const format of ["text", "json", "journal"]) {
    it(`of modules do not get into the log, as ${format}`, async () => {
      const folder = folderWith({ "monster.cfg": "[python py]\nmodule = mod\n", "mod.py": MODULE });
      const running = mmpy(["--log-format", format], { cwd: folder });
      assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
      assert.doesNotMatch(running.stderr, CONTROL);
      const texts = [`lo${SHOWN}g`, `fun${SHOWN}ction raised`, `ValueError: mes${SHOWN}sage`];
      if (format === "json") {
        const messages = running.stderr.trim().split("\n");
        const all = messages.map((line) => visible((JSON.parse(line) as { msg: string }).msg)).join("\n");
        for (const text of texts) assert.ok(all.includes(text), running.stderr);
      } else {
        for (const text of texts) assert.ok(running.stderr.includes(text), running.stderr);
      }
    });
  }

  it("in names do not get into tables", async () => {
    const folder = folderWith({
      "monster.cfg": "[loopback l]\nany = a\x1b[31mb\x9b\n[python py]\nmodule = mod\n[map]\nl.x\x1bx > l.y\x7fy\n",
      "mod.py": MODULE,
    });
    const checked = mmpy(["check"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
    assert.doesNotMatch(checked.stdout, CONTROL);
    for (const text of [`py.na${SHOWN}me`, "any = a\\x1b[31mb\\x9b", "l.x\\x1bx  >  l.y\\x7fy"]) {
      assert.ok(checked.stdout.includes(text), checked.stdout);
    }
  });

  for (const format of ["text", "json", "journal"]) {
    it(`in a configuration do not get into its errors, as ${format}`, async () => {
      const folder = folderWith({ "mon\x1bster.cfg": "[loop\x1bback l]\n[python py]\nmodule = m\x9bod\n" });
      const failed = mmpy(["--log-format", format, "mon\x1bster.cfg"], { cwd: folder });
      assert.deepEqual(await failed.exited, { code: 1, signal: null }, failed.stderr);
      assert.doesNotMatch(failed.stderr, CONTROL);
      assert.match(failed.stderr, /unknown backend 'loop\\+x1bback'/);
    });
  }

  it("in what the command line is given do not get into its errors", async () => {
    const failed = mmpy(["--lo\x1bg", "a"], { cwd: folderWith({}) });
    assert.deepEqual(await failed.exited, { code: 2, signal: null }, failed.stderr);
    assert.doesNotMatch(failed.stderr, CONTROL);
  });

  it("in a traceback are escaped, line by line", () => {
    const text = formatDiagnostic({ message: "a\nb\x1b", detail: "one\x1b\ntwo\x9b", help: ["three\x07"] });
    assert.equal(text, "error: a\ufffdb\\x1b\n      = three\\x07\n      | one\\x1b\n      | two\\x9b");
  });
});
