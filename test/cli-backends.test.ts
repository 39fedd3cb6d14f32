// mmpy backends: everything there is to know of a backend, from its declaration.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { declareBackend } from "../lib/backends/declare.js";
import { describeBackend } from "../lib/backends/describe.js";
import { BACKENDS } from "../lib/backends/index.js";
import { option } from "../lib/backends/options.js";
import { formatBackend, formatBackends } from "../lib/cli/backends.js";
import { copyOfPackage, mmpy, projectFolder, run } from "./helpers.js";

/** One of everything, and code that must not be needed. */
const LAMP = declareBackend({
  name: "lamp",
  summary:
    "a summary that is so long that it can't stand in one line of a hundred columns beside the name of its backend",
  options: { mode: option.choice(["fast", "safe"], { doc: "how to send", default: "safe", required: true }) },
  instanceOptions: {
    bind: option.address({ doc: "where to listen", example: "0.0.0.0 8000" }),
    dest: option.text({ doc: "who", aliases: ["destination", "to"], once: true }),
    level: option.integer({ doc: "how bright", min: 0, max: 255, unit: "steps", default: 7, live: true }),
    target: option.text({ doc: "where to send", form: "HOST", repeatable: true, live: "append" }),
  },
  optionPatterns: [
    {
      form: "/PATH",
      doc: "types and ranges",
      valueForm: "TYPES",
      parse: (name, value) => (name[0] === "/" ? { value } : undefined),
    },
  ],
  channels: { forms: [{ form: "lamp<1..512>", doc: "one lamp", example: "lamp7" }] },
  examples: ["lamp.cfg"],
  otherInstanceOptions: "accepted",
  load: () => {
    throw new Error("the backend's code was loaded");
  },
});

const DESCRIPTION = {
  name: "lamp",
  summary: LAMP.summary,
  options: [
    {
      name: "mode",
      kind: "choice",
      form: "fast | safe",
      doc: "how to send",
      default: "safe",
      words: ["fast", "safe"],
      required: true,
      repeatable: false,
    },
  ],
  otherOptions: false,
  instanceOptions: [
    {
      name: "bind",
      kind: "address",
      form: "HOST PORT",
      doc: "where to listen",
      example: "0.0.0.0 8000",
      required: false,
      repeatable: false,
      live: false,
    },
    {
      name: "dest",
      kind: "text",
      form: "TEXT",
      doc: "who",
      aliases: ["destination", "to"],
      required: false,
      repeatable: false,
      once: true,
      live: false,
    },
    {
      name: "level",
      kind: "integer",
      form: "NUMBER",
      doc: "how bright",
      default: "7",
      unit: "steps",
      range: "0 to 255 steps",
      required: false,
      repeatable: false,
      live: true,
    },
    {
      name: "target",
      kind: "text",
      form: "HOST",
      doc: "where to send",
      required: false,
      repeatable: true,
      live: "append",
    },
  ],
  otherInstanceOptions: true,
  optionPatterns: [
    {
      name: "/PATH",
      kind: "pattern",
      form: "TYPES",
      doc: "types and ranges",
      required: false,
      repeatable: true,
      live: false,
    },
  ],
  channels: [{ form: "lamp<1..512>", doc: "one lamp", example: "lamp7" }],
  examples: [path.join(projectFolder, "python", "examples", "lamp.cfg")],
};

const TEXT = `lamp: a summary that is so long that it can't stand in one line of a hundred columns beside the name
of its backend

Options of [backend lamp]
  OPTION  VALUE        DEFAULT  MEANING
  mode    fast | safe  safe     how to send
                                required

Options of an instance, [lamp INSTANCE]
  OPTION  VALUE      DEFAULT  MEANING
  bind    HOST PORT           where to listen
                              example: bind = 0.0.0.0 8000
  dest    TEXT                who
                              also written destination
                              also written to
                              may be given only once
  level   NUMBER     7        how bright
                              0 to 255 steps
                              can change at a reload
  target  HOST                where to send
                              may be given several times
                              more can be added at a reload
  /PATH   TYPES               types and ranges
                              may be given several times
  any option is accepted

A reload that changes other options of an instance replaces it with a new one.

Channels
  CHANNEL       MEANING   EXAMPLE
  lamp<1..512>  one lamp  lamp7

Examples
  ${path.join(projectFolder, "python", "examples", "lamp.cfg")}
`;

describe("a backend's declaration", () => {
  it("is data, for programs", () => {
    assert.deepEqual(describeBackend(LAMP), DESCRIPTION);
  });

  it("is tables, for people", () => {
    assert.equal(formatBackend(describeBackend(LAMP), 100), TEXT);
  });

  it("says when a reload replaces an instance, and of others only if there are any", () => {
    const sentenceWith = (change: object) =>
      /^A reload .*$/m.exec(formatBackend(describeBackend({ ...LAMP, optionPatterns: [], ...change }), 100))?.[0];
    const { bind, level, target } = LAMP.instanceOptions;
    const change = "A reload that changes options of an instance replaces it with a new one.";
    assert.equal(sentenceWith({ instanceOptions: { bind } }), change);
    assert.equal(sentenceWith({ instanceOptions: { bind, level } }), change.replace("options", "other options"));
    assert.equal(sentenceWith({ instanceOptions: { level, target } }), undefined);
    assert.equal(sentenceWith({ instanceOptions: {} }), undefined);
  });

  for (const width of [60, 80, 100]) {
    it(`fits ${width} columns, with no word lost`, () => {
      const described = [LAMP, ...BACKENDS].map(describeBackend);
      const texts = [formatBackends(described, width), ...described.map((each) => formatBackend(each, width))];
      for (const text of texts) {
        const tooLong = text.split("\n").filter((line) => line.length > width && !line.startsWith("  /"));
        assert.deepEqual(tooLong, []);
      }
      for (const { instanceOptions } of described) {
        for (const word of instanceOptions.flatMap(({ doc }) => doc.split(" "))) {
          assert.ok(
            texts.some((text) => text.includes(word)),
            word,
          );
        }
      }
    });
  }

  it("of this package names examples that there are", () => {
    const missing = BACKENDS.map(describeBackend)
      .flatMap(({ examples }) => examples)
      .filter((file) => !existsSync(file));
    assert.deepEqual(missing, []);
  });
});

describe("mmpy backends", () => {
  const names = BACKENDS.map(({ name }) => name);

  it("lists all of them", async () => {
    const listed = mmpy(["backends"]);
    assert.deepEqual(await listed.exited, { code: 0, signal: null });
    const first = listed.stdout.split("\n").map((line) => line.split(" ")[0]);
    assert.deepEqual(
      names.filter((name) => !first.includes(name)),
      [],
    );
    assert.equal(listed.stderr, "");
  });

  for (const name of names) {
    it(`${name} prints the same to people and, with --json, to programs`, async () => {
      const [text, json] = [mmpy(["backends", name]), mmpy(["backends", name, "--json"])];
      assert.deepEqual(await text.exited, { code: 0, signal: null });
      assert.deepEqual(await json.exited, { code: 0, signal: null });
      const description = JSON.parse(json.stdout) as ReturnType<typeof describeBackend>;
      assert.equal(text.stdout, formatBackend(description, 100));
    });
  }

  it("--json is a list with everything", async () => {
    const listed = mmpy(["backends", "--json"]);
    assert.deepEqual(await listed.exited, { code: 0, signal: null });
    assert.deepEqual(JSON.parse(listed.stdout), JSON.parse(JSON.stringify(BACKENDS.map(describeBackend))));
  });

  it("needs neither the addon nor a Python nor a configuration", async () => {
    const copy = copyOfPackage();
    rmSync(path.join(copy, "build"), { recursive: true });
    const listed = run(process.execPath, [path.join(copy, "dist", "cli", "mmpy.cjs"), "backends", "python"], {
      cwd: copy,
      env: { PATH: "/nowhere" },
    });
    assert.deepEqual(await listed.exited, { code: 0, signal: null });
    assert.match(listed.stdout, /default-handler/);
  });

  for (const args of ["backends", "backends python", "backends --json", "--help", "completion bash"]) {
    it(`ends well if nobody reads on: mmpy ${args} | true`, async () => {
      const mmpyCommand = `"${process.execPath}" "${path.join(projectFolder, "dist", "cli", "mmpy.cjs")}"`;
      const piped = run("bash", ["-c", `set -o pipefail; ${mmpyCommand} ${args} | true`]);
      assert.deepEqual(await piped.exited, { code: 0, signal: null });
      assert.equal(piped.stderr, "");
    });
  }
});
