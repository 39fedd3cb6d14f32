// Configuration text that nobody would write: an error or a definition, in time and memory that are bounded.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type Definition, define } from "../lib/config/definition.js";
import { type Diagnostic, formatDiagnostics } from "../lib/config/diagnostic.js";
import { parseFile } from "../lib/config/parser.js";
import { Router } from "../lib/engine/router.js";
import { MidimonsterError } from "../lib/errors.js";
import { silentLogger } from "../lib/log/log.js";
import { folderWith } from "./helpers.js";
import { fc } from "./properties.js";

interface Outcome {
  readonly definition: Definition | undefined;
  readonly errors: readonly Diagnostic[];
}

/** Reads a file as a router does; anything but an error of the configuration is thrown on. */
function read(file: string): Outcome {
  try {
    const { tree, diagnostics } = parseFile(file);
    const errors = [...diagnostics];
    return { definition: define(tree, [], (diagnostic) => errors.push(diagnostic)), errors };
  } catch (error) {
    if (!(error instanceof MidimonsterError)) throw error;
    return { definition: undefined, errors: error.diagnostics };
  }
}

function readText(text: string | Uint8Array): Outcome {
  const file = path.join(folderWith({}), "monster.cfg");
  writeFileSync(file, text);
  return read(file);
}

const many = (count: number, text: (i: number) => string) => Array.from({ length: count }, (_, i) => text(i)).join("");

describe("a configuration", () => {
  const extremes: [what: string, text: () => string | Uint8Array, error: RegExp | undefined][] = [
    ["with NULs", () => "\0[py\0thon a\0]\nmodule=\0\n[map]\n\0.x > b.\0\n", undefined],
    [
      "that is not UTF-8",
      () => Uint8Array.from([0xff, 0xc3, 0x28, 0xa0, 0xa1, 0xe2, 0x28, 0xa1]),
      /outside any section/,
    ],
    ["with CRLF and a byte order mark", () => "\ufeff[loopback l]\r\nx = y\r\n", undefined],
    ["with a line of five megabytes", () => `[map]\n${"a".repeat(5e6)}\n`, /is not a mapping/],
    ["with a channel's name of five megabytes", () => `[map]\na.${"x".repeat(5e6)} > b.y\n`, undefined],
    ["with half a million lines that are none", () => `[map]\n${"x\n".repeat(500_000)}`, /is not a mapping/],
    ["with half a million broken headers", () => "[\n".repeat(500_000), /must end with '\]'/],
    ["with a million open braces", () => `[map]\na.${"{".repeat(1e6)} > b.y\n`, /'\{' without a matching '\}'/],
    ["with 200,000 expressions in one name", () => `[map]\na.${"{a,b}".repeat(200_000)} > b.y\n`, /stands for/],
    ["with a range of ten million", () => "[map]\na.{1..10000000} > b.y\n", /MMPY_MAX_CHANNELS to raise it/],
    ["with a range of 10^300", () => `[map]\na.{1..1${"0".repeat(300)}} > b.y\n`, /the range .* is too large/],
    ["with a list of a million", () => `[map]\na.{${many(1e6, (i) => `${i},`)}x} > b.y\n`, undefined],
    ["with a million lines of errors", () => `[map]\n${"x\n".repeat(1e6)}`, /is not a mapping/],
    ["with sixty million empty lines", () => "\n".repeat(6e7), undefined],
    ["with more bytes than there may be", () => "\n".repeat(7e7), /too many bytes; .*MMPY_MAX_BYTES to raise it/],
    ["with more lines than there may be", () => `[map]\n${"a.b>a.c\n".repeat(1.1e6)}`, /MMPY_MAX_LINES to raise it/],
    [
      "with a million names of a megabyte",
      () => `[map]\na.${"x".repeat(1e6)}{1..1000000} > b.y\n`,
      /the channel names are too long in total[\s\S]*MMPY_MAX_CHARACTERS to raise it/,
    ],
    ["that includes what never ends", () => "[include /dev/zero]\n", /MMPY_MAX_BYTES to raise it/],
    [
      "with many mappings of a million each",
      () => `[map]\n${many(10, (i) => `a.${i}{1..1000000} > b.${i}{1..1000000}\n`)}`,
      /the mappings stand for too many channels in total[\s\S]*MMPY_MAX_CHANNELS to raise it/,
    ],
  ];
  for (const [what, text, error] of extremes) {
    it(`${what}: ${error === undefined ? "is read" : "is an error, told in a screen or two"}`, () => {
      const { errors } = readText(text());
      if (error === undefined) return;
      const told = formatDiagnostics(errors);
      assert.match(told, error);
      assert.ok(told.length < 20_000, `${told.length} characters`);
    });
  }

  it("that includes files thousands deep is an error that says how deep it may be", () => {
    const files = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${i}.cfg`, `[include ${i + 1}.cfg]\n`]));
    const { errors } = read(path.join(folderWith({ ...files, "3000.cfg": "" }), "0.cfg"));
    assert.match(formatDiagnostics(errors), /includes are nested too deeply[\s\S]*MMPY_MAX_INCLUDES to raise it/);
  });

  it("whose files include the next one twice, thirty deep, is an error that says how many there may be", () => {
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`${i}.cfg`, `[include ${i + 1}.cfg]\n[include ${i + 1}.cfg]\n`]),
    );
    const { errors } = read(path.join(folderWith({ ...files, "30.cfg": "" }), "0.cfg"));
    assert.match(formatDiagnostics(errors), /too many included files[\s\S]*MMPY_MAX_FILES to raise it/);
  });

  // Errors that only loading finds, which must not look for suggestions without end.
  const wrong: [what: string, text: string, error: RegExp][] = [
    [
      "with two names of a megabyte that are nearly the same",
      `[loopback ${"x".repeat(1e6)}a]\n[map]\n${"x".repeat(1e6)}b.y > ${"x".repeat(1e6)}a.y\n`,
      /no instance 'x+ … x+b'/,
    ],
    [
      "with 200,000 mappings between instances that there are not, of a thousand",
      `${many(1000, (i) => `[loopback inst${i}]\n`)}[map]\n${many(2e5, (i) => `unst${i}.x > onst${i}.y\n`)}`,
      /no instance 'unst0'[\s\S]*and 951 more errors$/,
    ],
    [
      "with 300,000 channels that lead to no function, of a module with hundreds",
      "[loopback l]\n[python py]\nmodule = many\n[map]\nl.{1..300000} > py.many.f{1..300000}\n",
      /no handler for 'py\.many\.f1'[\s\S]*did you mean 'many\.g1'.*\n.*and at least 1000 more of 'many\.f\{1\.\.300000\}'$/,
    ],
  ];
  for (const [what, text, error] of wrong) {
    it(`${what}: is an error in a moment`, async () => {
      const folder = folderWith({ "monster.cfg": text, "many.py": many(600, (i) => `def g${i}(value): pass\n`) });
      const router = Router.fromFile(path.join(folder, "monster.cfg"), { logger: silentLogger });
      await assert.rejects(router.load(), ({ message }: Error) => {
        assert.match(message, error);
        return true;
      });
    });
  }

  // Pieces of the language, in any order, and anything at all in between.
  const piece = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "[",
        "]",
        "[map]\n",
        "[python a]\n",
        "[loopback b]\n",
        "[backend python]\n",
        "[include x]\n",
      ),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "a.x",
        "b.y",
        " > ",
        " < ",
        "<>",
        "><",
        "=",
        "module = m",
        ".",
        ";",
        "\n",
        "\r\n",
        " ",
        "\t",
      ),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom("{", "}", "{1..5}", "{5..1}", "{a,b}", "..", ",", "{1..", "{,}", "{1..2}{3..4}"),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.constantFrom("\0", "\ufeff", "\u2028", "\ud800", "é", "🎹") },
  );

  it("of any pieces in any order is a definition or errors with a place in it", () => {
    const seconds = Number(process.env.FUZZ_SECONDS ?? 0);
    const limits =
      seconds > 0 ? { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000 } : { numRuns: 2000 };
    const file = path.join(folderWith({}), "monster.cfg");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        writeFileSync(file, pieces.join(""));
        const { definition, errors } = read(file);
        assert.ok(definition !== undefined || errors.length > 0);
        for (const { location, message } of errors) {
          assert.ok(message.length > 0);
          const line = location?.source.lines[location.line - 1];
          assert.ok(line !== undefined && location !== undefined && location.column >= 1, message);
          assert.ok(location.column - 1 <= line.length, message);
        }
      }),
      { ...limits, endOnFailure: true },
    );
  }).timeout(2 ** 30);

  it("of any bytes is a definition or errors", () => {
    const file = path.join(folderWith({}), "monster.cfg");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        writeFileSync(file, bytes);
        const { definition, errors } = read(file);
        assert.ok(definition !== undefined || errors.length > 0);
      }),
      { numRuns: 500 },
    );
  });
});
