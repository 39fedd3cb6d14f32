import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type ChannelPattern, expand, parsePattern } from "../lib/config/channel-pattern.js";
import { type Diagnostic, formatDiagnostic } from "../lib/config/diagnostic.js";
import { CHANNELS, MAX_ERRORS } from "../lib/config/limits.js";
import { parseText } from "../lib/config/parser.js";
import { type Located, locate, makeSource } from "../lib/config/source.js";
import type { ConfigTree } from "../lib/config/syntax.js";
import { folderWith } from "./helpers.js";
import { fc } from "./properties.js";

/** Reads a channel's name as a mapping would. */
function pattern(text: string): { pattern: ChannelPattern | undefined; problems: Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const source = makeSource("monster.cfg", "/", text);
  const located = locate(source, 1, 0, text.length);
  return { pattern: parsePattern(located, (problem) => problems.push(problem)), problems };
}

/** All names that a sound pattern stands for. */
function names(text: string): string[] {
  const read = pattern(text);
  assert.deepEqual(read.problems.map(formatDiagnostic), []);
  assert.ok(read.pattern !== undefined);
  const all = [...expand(read.pattern)];
  assert.equal(read.pattern.size, all.length, "size and names agree");
  return all;
}

describe("expressions in channel names", () => {
  const cases: [text: string, names: string[]][] = [
    ["plain", ["plain"]],
    ["{1..5}", ["1", "2", "3", "4", "5"]],
    ["{5..1}", ["5", "4", "3", "2", "1"]],
    ["{7..7}", ["7"]],
    ["{0..1}", ["0", "1"]],
    ["{9..11}", ["9", "10", "11"]],
    ["{11..9}", ["11", "10", "9"]],
    ["{01..03}", ["1", "2", "3"]],
    ["{ 1..  2}", ["1", "2"]],
    ["{a,b,c}", ["a", "b", "c"]],
    ["{c,a,c}", ["c", "a", "c"]],
    ["{red, green}", ["red", " green"]],
    ["{1,2..3}", ["1", "2..3"]],
    ["{a.b,c}", ["a.b", "c"]],
    ["{größe,日本}", ["größe", "日本"]],
    ["a{1..2}", ["a1", "a2"]],
    ["{1..2}a", ["1a", "2a"]],
    ["a{1..2}b", ["a1b", "a2b"]],
    ["x}{1..2}}", ["x}1}", "x}2}"]],
    ["{1..2}{a,b}", ["1a", "1b", "2a", "2b"]],
    ["{a,b}{2..1}", ["a2", "a1", "b2", "b1"]],
    ["{1..1}{a,b}{3..3}", ["1a3", "1b3"]],
    [
      "ch{0..1}.{x,y}.note{8..7}",
      [
        "ch0.x.note8",
        "ch0.x.note7",
        "ch0.y.note8",
        "ch0.y.note7",
        "ch1.x.note8",
        "ch1.x.note7",
        "ch1.y.note8",
        "ch1.y.note7",
      ],
    ],
    ["{9007199254740990..9007199254740991}", ["9007199254740990", "9007199254740991"]],
  ];
  for (const [text, expected] of cases) {
    it(`${text} stands for ${expected.join(" ")}`, () => assert.deepEqual(names(text), expected));
  }

  it("of several in one name the rightmost runs fastest", () => {
    const all = names("{1..3}-{a,b}-{9..7}");
    assert.equal(all.length, 18);
    assert.deepEqual(all.slice(0, 7), ["1-a-9", "1-a-8", "1-a-7", "1-b-9", "1-b-8", "1-b-7", "2-a-9"]);
    assert.equal(all.at(-1), "3-b-7");
  });

  it("may stand for as many channels as there may be, but not for one more", () => {
    const most = [`{1..${CHANNELS.max}}`, `{${CHANNELS.max}..1}`, `{1..2048}{1..${CHANNELS.max / 2048}}`];
    for (const text of most) {
      assert.equal(pattern(text).pattern?.size, CHANNELS.max);
      const tooMany = pattern(`${text}{1..2}`);
      assert.equal(tooMany.pattern, undefined);
      assert.match(tooMany.problems[0]?.message ?? "", / stands for 8388608 channels$/);
    }
  });

  const list = "write {1..512} for a range or {red,green,blue} for a list";
  const most = CHANNELS.help;
  const errors: [text: string, problems: [column: number, length: number, message: string, help: string][]][] = [
    ["{", [[1, 1, "'{' without a matching '}'", list]]],
    ["x{1..2", [[2, 5, "'{' without a matching '}'", list]]],
    ["x}{", [[3, 1, "'{' without a matching '}'", list]]],
    ["{1..2}{a,b", [[7, 4, "'{' without a matching '}'", list]]],
    ["{}", [[1, 2, "'{}' is neither a range nor a list", list]]],
    ["{7}", [[1, 3, "'{7}' is neither a range nor a list", list]]],
    ["{1-5}", [[1, 5, "'{1-5}' is neither a range nor a list", list]]],
    ["{1.5}", [[1, 5, "'{1.5}' is neither a range nor a list", list]]],
    ["{1...5}", [[1, 7, "'{1...5}' is not a range of whole numbers", list]]],
    ["{1..5..9}", [[1, 9, "'{1..5..9}' is not a range of whole numbers", list]]],
    ["{1..x}", [[1, 6, "'{1..x}' is not a range of whole numbers", list]]],
    ["{a..e}", [[1, 6, "'{a..e}' is not a range of whole numbers", list]]],
    ["{-1..5}", [[1, 7, "'{-1..5}' is not a range of whole numbers", list]]],
    ["{1 ..5}", [[1, 7, "'{1 ..5}' is not a range of whole numbers", list]]],
    ["{1..5 }", [[1, 7, "'{1..5 }' is not a range of whole numbers", list]]],
    ["{1..2,5}", [[1, 8, "'{1..2,5}' is not a range of whole numbers", list]]],
    ["{1.0..2.0}", [[1, 10, "'{1.0..2.0}' is not a range of whole numbers", list]]],
    ["{,}", [[1, 3, "'{,}' has an empty element", list]]],
    ["ab{x,,y}", [[3, 6, "'{x,,y}' has an empty element", list]]],
    ["{x,y,}", [[1, 6, "'{x,y,}' has an empty element", list]]],
    ["{{1..2}}", [[1, 7, "'{' inside '{…}': expressions can't be nested", list]]],
    ["{a,{1..2}}", [[1, 9, "'{' inside '{…}': expressions can't be nested", list]]],
    ["{1..99999999}", [[1, 13, "the range '{1..99999999}' is too large", most]]],
    ["{1..99999999999999999999}", [[1, 25, "the range '{1..99999999999999999999}' is too large", most]]],
    [
      "{9007199254740992..9007199254740993}",
      [[1, 36, "the range '{9007199254740992..9007199254740993}' is too large", most]],
    ],
    [
      "{1}a{2}",
      [
        [1, 3, "'{1}' is neither a range nor a list", list],
        [5, 3, "'{2}' is neither a range nor a list", list],
      ],
    ],
    ["{1..9999}{1..9999}", [[1, 18, "'{1..9999}{1..9999}' stands for 99980001 channels", CHANNELS.help]]],
  ];
  for (const [text, expected] of errors) {
    it(`${text} is an error: ${expected[0]?.[2]}`, () => {
      const read = pattern(text);
      assert.equal(read.pattern, undefined);
      assert.deepEqual(
        read.problems.map(({ message, location, help }) => [location?.column, location?.length, message, help?.join()]),
        expected,
      );
    });
  }

  const sizes: [mapping: string, problem?: string][] = [
    ["a.{1..3} > b.{x,y,z}"],
    ["a.{1..3} < b.{3..1}"],
    ["a.{1..2}{1..3} <> b.{1..6}"],
    ["a.{1..4} > b.x"],
    ["a.x > b.{1..4}"],
    ["a.{1..4} <> b.{9..9}"],
    ["a.{1..3} > b.{1..2}", "3 channels on the left, 2 on the right"],
    ["a.{x,y} < b.{1..3}", "2 channels on the left, 3 on the right"],
    ["a.{1..2}{1..3} <> b.{1..5}", "6 channels on the left, 5 on the right"],
  ];
  for (const [mapping, problem] of sizes) {
    it(`${mapping} is ${problem === undefined ? "fine" : `an error: ${problem}`}`, () => {
      const { diagnostics } = parseText(`[map]\n${mapping}`, "monster.cfg");
      assert.deepEqual(
        diagnostics.map(({ message, location }) => [location?.line, location?.column, location?.length, message]),
        problem === undefined ? [] : [[2, 1, mapping.length, problem]],
      );
    });
  }
});

// From here on: models of configurations, their text, and what must come out.

type Piece = string | { first: number; last: number } | string[];

function pieceText(piece: Piece): string {
  if (typeof piece === "string") return piece;
  return Array.isArray(piece) ? `{${piece.join(",")}}` : `{${piece.first}..${piece.last}}`;
}

/** What a name stands for, without arithmetic: all words of the first piece before all names of the rest. */
function naiveNames([first, ...rest]: readonly Piece[]): string[] {
  if (first === undefined) return [""];
  let words: string[];
  if (typeof first === "string") {
    words = [first];
  } else if (Array.isArray(first)) {
    words = first;
  } else {
    words = [];
    const step = first.last >= first.first ? 1 : -1;
    for (let n = first.first; n !== first.last + step; n += step) words.push(String(n));
  }
  const tails = naiveNames(rest);
  return words.flatMap((word) => tails.map((tail) => word + tail));
}

function textOf(units: readonly string[], minLength: number, maxLength = 6): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...units), minLength, maxLength });
}

const LETTERS = ["a", "B", "7", "_", "-", "/", "ä", "日", "🎹", "e\u0301"];
const word = textOf([...LETTERS, ":", "#", "=", "]"], 1);
const literal = textOf([...LETTERS, ".", "}", "p q", "=", ",", ";"], 0);
const element = textOf([...LETTERS, " ", ";"], 1, 4);

/** A range or a list of so many elements. */
function choice(size: number): fc.Arbitrary<Piece> {
  const range = fc
    .tuple(fc.nat(2000), fc.boolean())
    .map(([low, up]) => (up ? { first: low, last: low + size - 1 } : { first: low + size - 1, last: low }));
  if (size === 1) return range;
  return fc.oneof(range, fc.array(element, { minLength: size, maxLength: size }));
}

/** A channel's name with choices of these sizes and text between them. */
function channel(sizes: readonly number[]): fc.Arbitrary<Piece[]> {
  return fc
    .tuple(word, literal, fc.tuple(...sizes.map(choice)), fc.array(literal, { minLength: sizes.length }))
    .map(([start, more, choices, between]) => [
      ...(choices.length === 0 ? [start + more] : [more]),
      ...choices.flatMap((piece, i) => [piece, between[i] ?? ""]),
    ])
    .filter((pieces) => pieces[0] !== "" || pieces.length > 1);
}

const choiceSizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 });

describe("any channel name with expressions", () => {
  it("stands for what writing out its choices one by one gives, in that order", () => {
    fc.assert(
      fc.property(choiceSizes.chain(channel), (pieces) => {
        assert.deepEqual(names(pieces.map(pieceText).join("")), naiveNames(pieces));
      }),
      { numRuns: 500 },
    );
  });

  it("stands for as many channels as the product of its choices", () => {
    fc.assert(
      fc.property(
        choiceSizes.chain((sizes) => fc.tuple(fc.constant(sizes), channel(sizes))),
        ([sizes, pieces]) => {
          const size = pattern(pieces.map(pieceText).join("")).pattern?.size;
          assert.equal(
            size,
            sizes.reduce((product, one) => product * one, 1),
          );
        },
      ),
    );
  });
});

interface Side {
  readonly instance: string;
  readonly channel: readonly Piece[];
}

type SectionModel =
  | { kind: "backend"; backend: string; options: [option: string, value: string][] }
  | { kind: "instance"; backend: string; name: string; options: [option: string, value: string][] }
  | { kind: "map"; mappings: { left: Side; operator: string; right: Side }[] };

const options = fc.array(
  fc.tuple(
    textOf([...LETTERS, "a b", ".", "{", ">"], 1),
    textOf([...LETTERS, "a\t b", "=", ";", "[", "]", "<", ".", '"'], 0, 12),
  ),
  { maxLength: 4 },
);

const sections: fc.Arbitrary<SectionModel[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("backend" as const), backend: word, options }),
    fc.record({
      kind: fc.constant("instance" as const),
      backend: word.filter((name) => !["backend", "include"].includes(name)),
      name: word,
      options,
    }),
    fc.record({
      kind: fc.constant("map" as const),
      mappings: fc.array(
        fc
          .tuple(
            choiceSizes,
            fc.constantFrom("both", "left", "right"),
            fc.tuple(word, word),
            fc.constantFrom("<", ">", "<>", "><"),
          )
          .chain(([sizes, many, [from, to], operator]) =>
            fc.record({
              left: fc.record({ instance: fc.constant(from), channel: channel(many === "right" ? [] : sizes) }),
              operator: fc.constant(operator),
              right: fc.record({
                instance: fc.constant(to),
                channel: channel(many === "left" ? [] : [...sizes].reverse()),
              }),
            }),
          ),
        { maxLength: 4 },
      ),
    }),
  ),
  { maxLength: 6 },
);

/** Text that is being written, which knows where it is. */
class Writer {
  text = "";
  #line = 1;
  #column = 1;

  /** Writes what is part of the model; returns it as it should come out: `line:column text`. */
  piece(text: string): string {
    const shown = `${this.#line}:${this.#column} ${text}`;
    this.text += text;
    this.#column += text.length;
    return shown;
  }

  end(lineEnd: string): void {
    this.text += lineEnd;
    this.#line += 1;
    this.#column = 1;
  }
}

/** How freely something may be written: blanks, comments and empty lines, taken by turns. */
interface Manner {
  readonly blanks: readonly string[];
  readonly between: readonly string[];
  readonly lineEnds: readonly string[];
  readonly mark: boolean;
}

const manner: fc.Arbitrary<Manner> = fc.record({
  blanks: fc.array(fc.constantFrom("", "", " ", "\t", "  \t "), { minLength: 1, maxLength: 12 }),
  between: fc.array(fc.constantFrom("none", "none", "", "   ", ";", " ; a = b", ";[map]"), {
    minLength: 1,
    maxLength: 8,
  }),
  lineEnds: fc.array(fc.constantFrom("\n", "\r\n"), { minLength: 1, maxLength: 3 }),
  mark: fc.boolean(),
});

/** A model as text, and all that must be found in it. */
function print(model: readonly SectionModel[], { blanks, between, lineEnds, mark }: Manner) {
  const writer = new Writer();
  const expected: unknown[] = [];
  let turn = 0;
  const taken = <T>(from: readonly T[]): T => from[turn++ % from.length] as T;
  const line = (write: () => void) => {
    const comment = taken(between);
    if (comment !== "none") {
      writer.piece(comment);
      writer.end(taken(lineEnds));
    }
    writer.piece(taken(blanks));
    write();
    writer.piece(taken(blanks));
    writer.end(taken(lineEnds));
  };
  const side = ({ instance, channel: pieces }: Side) => {
    const name = writer.piece(instance);
    writer.piece(".");
    const text = writer.piece(pieces.map(pieceText).join(""));
    return [name, text, naiveNames(pieces).length];
  };

  for (const section of model) {
    const contents: unknown[] = [];
    line(() => {
      writer.piece("[");
      const head: string[] = [];
      if (section.kind === "map") {
        writer.piece("map");
      } else if (section.kind === "backend") {
        writer.piece(`backend ${taken(blanks)}`);
        head.push(writer.piece(section.backend));
        writer.piece(taken(blanks));
      } else {
        head.push(writer.piece(section.backend));
        writer.piece(" ");
        head.push(writer.piece(section.name));
      }
      writer.piece("]");
      expected.push([section.kind, ...head, contents]);
    });
    if (section.kind === "map") {
      for (const { left, operator, right } of section.mappings) {
        line(() => {
          const from = side(left);
          // Without a space `a->b` is the operator of another language.
          const apart = (isNear: boolean) => {
            const blank = taken(blanks);
            writer.piece(isNear && blank === "" ? " " : blank);
          };
          apart(/[-=]$/.test(writer.text));
          writer.piece(operator);
          apart(/^[-=]/.test(right.instance));
          contents.push([from, operator === "><" ? "<>" : operator, side(right)]);
        });
      }
    } else {
      for (const [option, value] of section.options) {
        line(() => {
          const name = writer.piece(option);
          writer.piece(`${taken(blanks)}=`);
          if (value === "") {
            contents.push([name, ""]);
          } else {
            writer.piece(taken(blanks));
            contents.push([name, writer.piece(value)]);
          }
        });
      }
    }
  }
  return { text: (mark ? "\uFEFF" : "") + writer.text, expected };
}

/** A tree in the form of `print`'s expectation. Checks on the way that every place holds its text. */
function flattened(tree: ConfigTree, places = true): unknown[] {
  const at = ({ text, location: { source, line, column, length } }: Located) => {
    const there = source.lines[line - 1]?.slice(column - 1, column - 1 + length);
    assert.equal(there, text, "the place holds the text");
    return places && text !== "" ? `${line}:${column} ${text}` : text;
  };
  return tree.sections.map((section) => {
    if (section.kind === "map") {
      return [
        "map",
        section.mappings.map(({ left, direction, right }) => {
          const [from, to] = [left, right].map((spec) => [at(spec.instance), at(spec.channel), spec.pattern.size]);
          return [from, direction, to];
        }),
      ];
    }
    if (section.kind === "filter") return [section.kind, at(section.name)];
    const head = section.kind === "backend" ? [at(section.backend)] : [at(section.backend), at(section.name)];
    return [section.kind, ...head, section.assignments.map(({ option, value }) => [at(option), at(value)])];
  });
}

/** Without warnings, which are about names that may mean something else. */
function errorsOf(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.filter(({ severity }) => severity !== "warning").map(formatDiagnostic);
}

describe("any configuration", () => {
  it("is read as it was meant, every word at its line and column, however it is laid out", () => {
    fc.assert(
      fc.property(sections, manner, (model, how) => {
        const { text, expected } = print(model, how);
        const { tree, diagnostics } = parseText(text, "monster.cfg");
        assert.deepEqual(errorsOf(diagnostics), []);
        assert.deepEqual(flattened(tree), expected);
      }),
      { numRuns: 500 },
    );
  });

  it("reads the same when any of its lines are moved to an included file", () => {
    const folder = folderWith({});
    fc.assert(
      fc.property(sections, manner, fc.nat(1000), fc.nat(1000), (model, how, a, b) => {
        const { text } = print(model, { ...how, mark: false });
        const all = text.split("\n");
        const [from, to] = [a % (all.length + 1), b % (all.length + 1)].sort((x, y) => x - y);
        writeFileSync(path.join(folder, "part.cfg"), all.slice(from, to).join("\n"));
        const outer = [...all.slice(0, from), "[include part.cfg]", ...all.slice(to)].join("\n");
        const whole = parseText(text, "monster.cfg");
        const split = parseText(outer, path.join(folder, "monster.cfg"));
        assert.deepEqual(errorsOf(split.diagnostics), []);
        assert.deepEqual(flattened(split.tree, false), flattened(whole.tree, false));
      }),
      { numRuns: 200 },
    );
  });
});

describe("text that is no configuration", () => {
  /** Reads it; every error must have a place within the text and can be shown. */
  function survives(text: string): Diagnostic[] {
    const { tree, diagnostics } = parseText(text, "monster.cfg");
    for (const diagnostic of diagnostics) {
      const { location } = diagnostic;
      assert.ok(location !== undefined, "it has a place");
      const line = location.source.lines[location.line - 1];
      assert.ok(line !== undefined && location.column >= 1, "the line exists");
      assert.ok(location.column - 1 + location.length <= line.length, "the place is within its line");
      assert.match(formatDiagnostic(diagnostic), /^monster\.cfg:\d+:\d+: (error|warning): /);
    }
    flattened(tree);
    return [...diagnostics];
  }

  const token = fc.constantFrom(
    ..."[ ] { } .. , = < > . ; a 1 9 map include backend py [map] [osc a]".split(" "),
    ...[" ", "\t", "\n", "\r", "\r\n", "\0", "\x1b", "\uFEFF", "\u2028", "\u00a0", "\ud800", "🎹", "e\u0301", "é"],
  );
  const noise: [what: string, text: fc.Arbitrary<string>][] = [
    ["any bytes", fc.string({ unit: "binary", maxLength: 200 })],
    ["characters as people see them", fc.string({ unit: "grapheme", maxLength: 200 })],
    ["ASCII", fc.string({ unit: "binary-ascii", maxLength: 200 })],
    ["pieces of configurations in any order", fc.string({ unit: token, maxLength: 60 })],
    [
      "UTF-16 with lone surrogates",
      fc.array(fc.nat(0xffff), { maxLength: 100 }).map((codes) => String.fromCharCode(...codes)),
    ],
  ];
  for (const [what, text] of noise) {
    for (const before of ["", "[osc a]\n", "[map]\n", "[map]\na.x > b."]) {
      it(`gives errors with places, never a crash: ${what} after ${JSON.stringify(before)}`, () => {
        fc.assert(
          fc.property(text, (noisy) => {
            survives(before + noisy);
          }),
          { numRuns: 200 },
        );
      });
    }
  }

  const long: [what: string, text: string, errors: number][] = [
    ["a word of a million characters", "x".repeat(1_000_000), 1],
    ["a header of a million characters", `[osc ${"x".repeat(1_000_000)}]`, 0],
    ["a channel of a million characters", `[map]\na.${"x".repeat(1_000_000)} > b.y`, 0],
    ["a hundred thousand blanks in a line", `[osc a]\nx = a${" ".repeat(100_000)}b`, 0],
    ["a hundred thousand blanks in a comment", `; a${" ".repeat(100_000)}b`, 0],
    ["a hundred thousand opening braces", `[map]\na.${"{".repeat(100_000)} > b.y`, 1],
    ["a thousand empty expressions", `[map]\na.${"{}".repeat(1_000)} > b.y`, 1_000],
    ["a thousand lists in one name", `[map]\na.${"{x,y}".repeat(1_000)} > b.y`, 1],
    ["a list of a hundred thousand", `[map]\na.{${"x,".repeat(100_000)}y} > b.y`, 0],
    ["a range of a hundred thousand digits", `[map]\na.{1..${"9".repeat(100_000)}} > b.y`, 1],
    ["a hundred thousand dots", `[map]\na${".".repeat(100_000)} > b.y`, 0],
    ["a hundred thousand arrows", `[map]\na.x ${"<>".repeat(100_000)} b.y`, 0], // filters are parsed later
    ["a hundred thousand NULs", `[map]\n${"\0".repeat(100_000)}`, 0],
    ["a million line ends", "\n".repeat(1_000_000), 0],
    ["a hundred thousand empty headers", "[]\n".repeat(100_000), MAX_ERRORS + 1],
  ];
  for (const [what, text, errors] of long) {
    it(`does not hang on ${what}`, () => assert.equal(survives(text).length, errors));
  }
});
