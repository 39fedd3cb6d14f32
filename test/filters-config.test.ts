// Filters as they are written: what is accepted, what is shown of it, and what is wrong with the rest.
import assert from "node:assert/strict";
import { type Definition, define, type MappingDefinition } from "../lib/config/definition.js";
import { type Diagnostic, formatDiagnostic } from "../lib/config/diagnostic.js";
import { parseText } from "../lib/config/parser.js";
import { MidimonsterError } from "../lib/errors.js";
import { isPossible } from "../lib/filters/chain.js";
import { FILTERS } from "../lib/filters/index.js";
import { Router } from "../lib/index.js";
import { compileFiltered } from "../lib/mapping/filtered-routes.js";
import { compute, isStateless } from "./filter-model.js";
import { MemoryLog, projectFolder, run } from "./helpers.js";
import { fc } from "./properties.js";

const SOFT = "[filter soft]\ncurve(2.2) > range(0.1, 1)\nfade(300)\n";

function read(text: string): { definition: Definition; problems: Diagnostic[] } {
  const { tree, diagnostics } = parseText(text, "monster.cfg");
  const problems = [...diagnostics];
  return { definition: define(tree, [], (problem) => problems.push(problem)), problems };
}

function mappingOf(line: string, more = ""): MappingDefinition {
  const { definition, problems } = read(`${more}[map]\n${line}\n`);
  assert.deepEqual(problems.map(formatDiagnostic), []);
  return definition.mappings[0] as MappingDefinition;
}

describe("filters on a mapping line", () => {
  const accepted: [line: string, from: string, to: string, forward: string, backward?: string][] = [
    ["a.x > invert > b.y", "a.x", "b.y", "invert"],
    ["a.x>invert>b.y", "a.x", "b.y", "invert"],
    ["a.x > curve ( 2.2 )  > range( .1 ,100% ) > b.y", "a.x", "b.y", "curve(2.2) > range(0.1, 1)"],
    ["b.y < range(.1,1) < curve(2.2) < a.x", "a.x", "b.y", "curve(2.2) > range(0.1, 1)"],
    ["b.y < soft < invert < a.x", "a.x", "b.y", "invert > curve(2.2) > range(0.1, 1) > fade(300ms)"],
    ["a.{1..4} > soft > b.{d,e,f,g}", "a.{1..4}", "b.{d,e,f,g}", "curve(2.2) > range(0.1, 1) > fade(300ms)"],
    [
      "a.x <> range(.2,.4) <> curve(2) <> b.y",
      "a.x",
      "b.y",
      "range(0.2, 0.4) > curve(2)",
      "curve(2) reversed > range(0.2, 0.4) reversed",
    ],
    ["a.x >< dedup >< b.y", "a.x", "b.y", "dedup", "dedup reversed"],
    ["a.x <> fade(1.5s) >< b.y", "a.x", "b.y", "fade(1.5s)", "fade(1.5s) reversed"],
    ["a.x > curve(0:0, .5 : .2, 1:1) > b.y", "a.x", "b.y", "curve(0:0, 0.5:0.2, 1:1)"],
    ["a.x > dedup > pickup(scale, .1) > b.y", "a.x", "b.y", "dedup > pickup(scale, 0.1)"],
    ["a.(x) = 1, > steps > b./y.z(2)", "a.(x) = 1,", "b./y.z(2)", "steps"],
    ["a.x > smooth() > b.y", "a.x", "b.y", "smooth"],
    ["invert.x > invert > invert.y", "invert.x", "invert.y", "invert"],
  ];
  for (const [line, from, to, forward, backward] of accepted) {
    it(`is read: ${line}`, () => {
      const mapping = mappingOf(line, line.includes("soft") ? SOFT : "");
      const side = ({ instance, channel }: MappingDefinition["from"]) => `${instance}.${channel}`;
      assert.deepEqual([side(mapping.from), side(mapping.to)], [from, to]);
      assert.equal(mapping.filters?.forward.text, forward);
      assert.equal(mapping.filters?.backward?.text, backward);
    });
  }

  it("may have none: then nothing is different from before", () => {
    assert.deepEqual(Object.keys(mappingOf("a.x > b.y")), ["from", "to", "bidirectional"]);
  });

  it("takes defaults where arguments are left out", () => {
    const operationOf = (filter: string) =>
      mappingOf(`a.x > ${filter} > b.y`).filters?.forward.steps[0]?.operation.args;
    for (const [filter, args] of [
      ["curve", [2]],
      ["threshold", [0.5, 0.5]],
      ["threshold(.7)", [0.7, 0.7]],
      ["smooth", [200, 200]],
      ["smooth(1s)", [1000, 1000]],
      ["rate", [40]],
      ["fade", [500]],
      ["debounce", [50]],
      ["pickup", [0.02, 0]],
      ["pickup(scale)", [0.02, 1]],
    ] as const) {
      assert.deepEqual(operationOf(filter), args, filter);
    }
  });

  // `^` marks where the error is, below the line; then a part of its message and of its help.
  const errors: [line: string, caret: string, message: RegExp, help?: RegExp][] = [
    [
      "a.x > b.y > c.z",
      "      ^~~",
      /'b\.y' stands where a filter belongs/,
      /two lines: a\.x > b\.y and b\.y > c\.z.*can't contain </s,
    ],
    ["a.x > b./p>q.z", "      ^~~~", /stands where a filter belongs/, /can't contain < or >/],
    ["a.x > invert > q", "               ^", /'q' does not name a channel/, /begins and ends with a channel/],
    ["a.x > invrt > b.y", "      ^~~~~", /unknown filter 'invrt'/, /did you mean 'invert'/],
    ["a.x > Invert > b.y", "      ^~~~~~", /unknown filter 'Invert'/, /did you mean 'invert'/],
    ["a.x > zzz > b.y", "      ^~~", /unknown filter 'zzz'/, /mmpy filters/],
    ["a.x > > b.y", "      ^", /no filter between two arrows/],
    ["a.x >> b.y", "    ^~", /'>>' is not an operator/, /did you mean '>'/],
    ["a.x > invert < b.y", "             ^", /'<' after '>'/, /one line for each direction/],
    ["a.x <> invert > b.y", "              ^", /'>' after '<>'/],
    [
      "a.x > curve(2,2) > b.y",
      "      ^~~~~~~~~~",
      /'curve' takes at most one argument, not 2/,
      /decimals have a point/,
    ],
    ["a.x > range(.1) > b.y", "      ^~~~~~~~~", /'range' takes 2 arguments, not 1/, /write range\(low, high\)/],
    ["a.x > invert(1) > b.y", "      ^~~~~~~~~", /'invert' takes no arguments, not 1/],
    ["a.x > range(.1, 1.5) > b.y", "                ^~~", /1\.5 is out of range/, /high is from 0 to 1/],
    ["a.x > range(-1, 1) > b.y", "            ^~", /'-1' is not a number/],
    ["a.x > range(0, 1e-1) > b.y", "               ^~~~", /'1e-1' is not a number/],
    ["a.x > range(0,,1) > b.y", "      ^~~~~~~~~~~", /an argument is missing/],
    ["a.x > fade(2) > b.y", "           ^", /2 is out of range/, /did you mean 2s/],
    ["a.x > smooth(24ms) > b.y", "             ^~~~", /out of range/, /time is from 25ms to 60s/],
    ["a.x > delay > b.y", "      ^~~~~", /'delay' takes one argument, not 0/],
    ["a.x > delay(2h) > b.y", "            ^~", /'2h' is not a time/, /300ms or 1\.5s/],
    ["a.x > steps(2.5) > b.y", "            ^~~", /'2\.5' is not a whole number/],
    ["a.x > steps(1) > b.y", "            ^", /1 is out of range/, /from 2 to 65536/],
    ["a.x > window(.5,.5) > b.y", "      ^~~~~~~~~~~~~", /borders are equal/, /threshold\(0\.5\)/],
    ["a.x > clamp(.6,.4) > b.y", "      ^~~~~~~~~~~~", /borders are reversed/],
    ["a.x > threshold(.4,.6) > b.y", "      ^~~~~~~~~~~~~~~~", /switch off below 0\.6/],
    ["a.x > threshold(0) > b.y", "                ^", /0 is out of range/, /on is more than 0 and at most 1/],
    ["a.x > curve(0:0) > b.y", "      ^~~~~~~~~~", /2 to 64 points, not 1/],
    ["a.x > curve(0:0, .5, 1:1) > b.y", "                 ^~", /'\.5' is not a point/],
    ["a.x > curve(0:0, .5:.2, .5:1) > b.y", "      ^~~~~~~~~~~~~~~~~~~~~~~", /x does not rise: 0\.5 comes after 0\.5/],
    ["a.x > curve(2 > b.y", "           ^", /parenthesis is not closed/],
    ["a.x > curve(2)invert > b.y", "              ^~~~~~", /'invert' follows a filter/],
    ["a.x > {invert,curve} > b.y", "      ^", /contains a brace/],
    ["a.x > 50% > b.y", "      ^~~", /'50%' is not a filter/],
    [
      "a.x <> steps(3) <> b.y",
      "       ^~~~~~~~",
      /steps\(3\) can't be used with <>: several values become one/,
      /two lines/,
    ],
    ["a.x <> curve(0:0, .5:1, 1:0) <> b.y", "       ^~~~~~~~~~~~~~~~~~~~~", /can't be used with <>: y neither/],
    ["a.x <> range(.3,.3) <> b.y", "       ^~~~~~~~~~~~", /can't be used with <>: every value becomes the same/],
    ["a.x > pickup > fade(1s) > b.y", "      ^~~~~~", /'fade\(1s\)' can't follow 'pickup'/, /in front of pickup/],
    [`a.x ${"> invert ".repeat(65)}> b.y`, "      ^~~~~~", /more than 64 filters/],
  ];
  for (const [line, caret, message, help] of errors) {
    it(`is an error at its place: ${line.slice(0, 60)}`, () => {
      const { problems } = read(`[map]\n${line}\n`);
      assert.equal(problems.length, 1, problems.map(formatDiagnostic).join("\n"));
      const [problem] = problems as [Diagnostic];
      assert.match(problem.message, message);
      if (help !== undefined) assert.match(problem.help?.join("\n") ?? "", help);
      const { column = 0, length = 0 } = problem.location ?? {};
      assert.equal(" ".repeat(column - 1) + "^".padEnd(length, "~"), caret);
    });
  }

  const named: [what: string, text: string, messages: RegExp[]][] = [
    ["is known before it is defined, and in other files' order", `[map]\na.x > soft > b.y\n${SOFT}`, []],
    ["may use another", `${SOFT}[filter both]\nsoft > invert\n[map]\na.x > both > b.y\n`, []],
    ["that nothing uses is checked too", "[filter f]\nwrong\n", [/^2:1 unknown filter 'wrong'/]],
    [
      "may not contain itself",
      "[filter f]\ninvert\ng\n[filter g]\nf\n",
      [/^5:1 a filter contains itself: f uses g uses f/],
    ],
    ["has a name of its own", `${SOFT}[filter soft]\ninvert\n`, [/^4:9 filter 'soft' already exists/]],
    ["does not hide a built-in one", "[filter curve]\ninvert\n", [/^1:9 there is already a filter 'curve'/]],
    ["has a plain name", "[filter My Filter]\ninvert\n", [/^1:9 'My Filter' can't be the name/]],
    ["has a name", "[filter]\ninvert\n", [/^1:1 this filter has no name/]],
    ["is not empty", "[filter f]\n[loopback a]\n", [/^1:9 filter 'f' is empty/]],
    ["takes no arguments", `${SOFT}[map]\na.x > soft(2) > b.y\n`, [/^5:7 'soft' is a named filter/]],
    ["is written from source to target", "[filter f]\ninvert < dedup\n", [/^2:8 a named filter has only '>'/]],
    ["has no options", "[filter f]\ncurve = 2\n", [/^2:1 'curve = 2' is not a chain/]],
    [
      "that can't go back is named with the filter that can't",
      `[filter f]\ninvert > steps\n[map]\na.x <> f <> b.y\n`,
      [/^4:8 'steps' of 'f' can't be used with <>/],
    ],
    [
      "that doubles at each level has a limit",
      `[filter f0]\ninvert\n${Array.from({ length: 40 }, (_, i) => `[filter f${i + 1}]\nf${i} > f${i}\n`).join("")}[map]\na.x > f40 > b.y\n`,
      [/more than 64 filters/],
    ],
  ];
  for (const [what, text, messages] of named) {
    it(`a named filter ${what}`, () => {
      const { problems } = read(text);
      const shown = problems.map(({ location, message }) => `${location?.line}:${location?.column} ${message}`);
      assert.equal(shown.length, messages.length, shown.join("\n"));
      for (const [i, message] of messages.entries()) assert.match(shown[i] ?? "", message);
    });
  }
});

describe("filters in the API", () => {
  const router = () => new Router({ logger: new MemoryLog() }).instance("loopback", "a").instance("loopback", "b");

  it("are given beside the channels, and described with the mapping", async () => {
    const made = router()
      .map("a.x{1..2}", "b.y{1..2}", { filters: ["curve(2.2)", "fade(0.3s)"] })
      .map("a.z > invert > b.z");
    await made.load();
    const { mappings } = made.describe();
    await made.stop();
    assert.deepEqual(
      mappings.map(({ filters }) => filters),
      [["curve(2.2)", "fade(300ms)"], ["invert"]],
    );
  });

  it("are checked at once", () => {
    const check = (code: string, message: RegExp) => (error: unknown) =>
      error instanceof MidimonsterError && error.code === code && message.test(error.message);
    assert.throws(() => router().map("a.x", "b.y", { filters: ["invrt"] }), check("CONFIG", /did you mean 'invert'/));
    assert.throws(() => router().map("a.x", "b.y", { filters: ["a > b"] }), check("VALUE", /one text for each/));
    assert.throws(
      () => router().map("a.x > b.y", undefined, { filters: ["invert"] }),
      check("VALUE", /with two channels/),
    );
    assert.throws(
      () => router().map("a.x", "b.y", { filters: "invert" as never }),
      check("VALUE", /one text for each/),
    );
    for (const wrong of [Symbol("a.x"), {}, 7, null]) {
      assert.throws(() => router().map(wrong as never, "b.y"), check("VALUE", /map\(\) takes/));
      assert.throws(() => router().map("a.x", wrong as never), check("VALUE", /map\(\) takes/));
    }
    assert.ok(router().map("a.x", "b.y", null as never));
  });
});

describe("mmpy filters", () => {
  it("lists every filter with an example that works, as text and as JSON", async () => {
    const { FILTERS: all } = await import("../lib/filters/index.js");
    const json = run(process.execPath, ["dist/cli/mmpy.cjs", "filters", "--json"], { cwd: projectFolder });
    assert.equal((await json.exited).code, 0);
    const printed = JSON.parse(json.stdout) as { name: string; forms: { example: string }[] }[];
    assert.deepEqual(
      printed.map(({ name }) => name),
      all.map(({ name }) => name),
    );
    for (const { forms } of printed) for (const { example } of forms) mappingOf(`a.x > ${example} > b.y`);
    const one = run(process.execPath, ["dist/cli/mmpy.cjs", "filters", "smooth"], { cwd: projectFolder });
    assert.equal((await one.exited).code, 0);
    assert.match(one.stdout, /^smooth: follows the value gently[\s\S]*fall +25ms to 60s, default that of time/);
  });
});

describe("filters that compute", () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true });
  const chains = fc.constantFrom(
    ...[
      "invert",
      "range(.1,.9)",
      "range(1,.25)",
      "range(.3,.3)",
      "window(.2,.7)",
      "window(1,0)",
      "curve(.05)",
      "curve(2.2)",
      "curve(20)",
    ],
    ...["curve(s)", "curve(0:0,.5:.2,1:1)", "curve(.2:1,.8:0)", "steps(2)", "steps(7)", "clamp(.2,.8)", "within(0,1)"],
  );
  const step = (filter: string) => mappingOf(`a.x > ${filter} > b.y`).filters?.forward.steps[0];

  it("stay in 0..1, and so does the way back", () => {
    fc.assert(
      fc.property(chains, unit, (filter, value) => {
        const { operation, reverse } = step(filter) ?? assert.fail();
        for (const one of isPossible(reverse) ? [operation, reverse] : [operation]) {
          const y = compute(one, value) ?? 0;
          assert.ok(y >= 0 && y <= 1, `${filter}: ${value} -> ${y}`);
        }
      }),
    );
  });

  it("come back to the value from which they started, where there is a way back", () => {
    const exact = fc.constantFrom(
      "invert",
      "range(.1,.9)",
      "range(1,.25)",
      "curve(2.2)",
      "curve(.5)",
      "curve(0:0,.5:.2,1:1)",
      "curve(s)",
    );
    fc.assert(
      fc.property(exact, unit, (filter, value) => {
        const { operation, reverse } = step(filter) ?? assert.fail();
        assert.ok(isPossible(reverse));
        const back = compute(reverse, compute(operation, value) ?? 0) ?? 0;
        assert.ok(Math.abs(back - value) < (filter === "curve(s)" ? 1e-7 : 1e-12), `${filter}: ${value} -> ${back}`);
      }),
    );
  });

  it("never turn round: a greater value gives no smaller one", () => {
    const rising = fc.constantFrom(
      "range(.1,.9)",
      "window(.2,.7)",
      "curve(2.2)",
      "curve(.05)",
      "curve(s)",
      "steps(7)",
      "clamp(.2,.8)",
    );
    fc.assert(
      fc.property(rising, unit, unit, (filter, a, b) => {
        const { operation } = step(filter) ?? assert.fail();
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((v) => compute(operation, v) ?? 0);
        assert.ok((low ?? 0) <= (high ?? 0) + 1e-15);
      }),
    );
  });

  it("are those that are declared so", () => {
    for (const { name, group, forms } of FILTERS) {
      for (const { example } of forms) {
        const { operation } = step(example) ?? assert.fail();
        assert.equal(isStateless(operation), group === "stateless", name);
      }
    }
  });
});

describe("filters of an absurd number", () => {
  const lines = (count: number, line: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => line(i)).join("\n");

  it("nested thousandfold are an error, not the end of the program", () => {
    const sections = lines(20_000, (i) => `[filter f${i}]\n${i < 19_999 ? `f${i + 1}` : "invert"}`);
    const { problems } = read(`${sections}\n[map]\na.x > f0 > b.y\n`);
    assert.match(
      formatDiagnostic(problems[0] ?? assert.fail()),
      /^monster\.cfg:129:9: error: filters are nested too deeply/,
    );
  });

  it("may be nested as deeply as the limit says", () => {
    const sections = lines(64, (i) => `[filter f${i}]\n${i < 63 ? `f${i + 1}` : "invert"}`);
    assert.equal(mappingOf("a.x > f0 > b.y", `${sections}\n`).filters?.forward.text, "invert");
  });

  it("in one named filter are one error, and take no memory each", () => {
    const small = lines(60, () => "invert");
    const { problems } = read(`[filter a]\n${small}\n[filter b]\n${lines(100_000, () => "a")}\n`);
    assert.deepEqual(
      problems.map(({ message }) => message),
      ["more than 64 filters in one chain"],
    );
  });

  it("that are unknown are compared with the known ones for as many errors as are reported", () => {
    const known = lines(2000, (i) => `[filter known${i}]\ninvert`);
    const { problems } = read(`${known}\n[map]\n${lines(20_000, (i) => `a.x > unknown${i} > b.y`)}\n`);
    assert.equal(problems.length, 1000);
  });

  it("between the same two channels are told apart, in no more time than their number", () => {
    const chain = (power: number) => mappingOf(`a.x > curve(${power}) > b.y`).filters?.forward ?? assert.fail();
    const [first, one] = [chain(2), Uint32Array.of(0)];
    const pair = { fromInstance: 0, toInstance: 1, from: one, to: one };
    const pairs = Array.from({ length: 30_000 }, (_, i) => ({ ...pair, chain: { ...first, key: `power(${i})` } }));
    const { table, doubled } = compileFiltered([1, 1], [...pairs, ...pairs.slice(0, 100).reverse()]);
    assert.equal(table.targets.length, 30_000);
    assert.deepEqual(
      [...doubled],
      Array.from({ length: 29_999 }, (_, i) => i + 1),
    );
  });
});
