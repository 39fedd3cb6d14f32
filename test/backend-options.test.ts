// Options of declared backends: kinds, defaults, and errors at the place of the mistake.
import assert from "node:assert/strict";
import path from "node:path";
import { type Option, type OptionSet, option, Router, silentLogger } from "../lib/index.js";
import { DeskBackend, Rig, track } from "./desk-backend.js";

/** The values of instance options that a section says, or the errors in it. */
async function read(options: OptionSet, lines: string): Promise<Record<string, unknown> | string> {
  const backend = new DeskBackend();
  const rig = new Rig(`[desk d]\n${lines}\n`, [backend.declaration({ instanceOptions: options })]);
  const errors = await rig.errors(rig.router.load());
  if (errors.length > 0) return errors.join("\n");
  const values = { ...backend.desk("d").setup.options };
  await rig.router.stop();
  return values;
}

describe("an option", () => {
  const doc = "for tests";
  const colour = option.custom<{ red: number }>(
    { doc },
    {
      kind: "colour",
      form: "#RRGGBB",
      parse(text) {
        const at = text.search(/[^#0-9a-f]/);
        if (at < 0) return { value: { red: Number.parseInt(text.slice(1, 3), 16) } };
        return { problem: `has '${text[at]}', which is not a hexadecimal digit`, span: { start: at, length: 1 } };
      },
    },
  );
  const throwing = option.custom<string>(
    { doc },
    {
      kind: "throwing",
      form: "TEXT",
      parse() {
        throw new Error("a defect");
      },
    },
  );
  const address = (text: string) => {
    const [host = "", port, ...rest] = text.split(" ");
    const keys = Object.fromEntries(rest.filter((word) => word.includes("=")).map((word) => word.split("=")));
    return { host, port: Number(port), words: rest.filter((word) => !word.includes("=")), keys };
  };

  const values: [what: string, declared: Option, text: string, value: unknown][] = [
    ["text", option.text({ doc }), " two  words ", "two  words"],
    ["number", option.number({ doc }), "-1.5e1", -15],
    ["number at its limits", option.number({ doc, min: 0, max: 1 }), "1", 1],
    ["integer", option.integer({ doc }), "-7", -7],
    ["milliseconds", option.milliseconds({ doc, min: 50 }), "50", 50],
    ["milliseconds, off", option.milliseconds({ doc, min: 50 }), "off", 0],
    ["milliseconds, 0", option.milliseconds({ doc, min: 50 }), "0", 0],
    ["flag, on", option.flag({ doc }), "yes", true],
    ["flag, as a number", option.flag({ doc }), "010", true],
    ["flag, off", option.flag({ doc }), "false", false],
    ["flag, as zero", option.flag({ doc }), "00", false],
    ["choice", option.choice(["rgb", "cmy"], { doc }), "cmy", "cmy"],
    ["address", option.address({ doc }), "0.0.0.0   8000", address("0.0.0.0 8000")],
    ["integer with a sign and zeros", option.integer({ doc }), "+010", 10],
    ["integer of any base, hexadecimal", option.integer({ doc, base: 0 }), "-0x1F", -31],
    ["integer of any base, octal", option.integer({ doc, base: 0 }), "010", 8],
    ["integer of any base, decimal", option.integer({ doc, base: 0 }), "10", 10],
    ["integer of any base, zero", option.integer({ doc, base: 0 }), "-0", 0],
    ["address with words", option.address({ doc, words: ["local"] }), "::1 8000 local", address("::1 8000 local")],
    ["address of IPv6 in brackets", option.address({ doc }), "[::1]:8000", address("::1 8000")],
    [
      "address of IPv6 in brackets, with a port apart",
      option.address({ doc }),
      "[fe80::1%eth0] 8000",
      address("fe80::1%eth0 8000"),
    ],
    ["address of IPv6 with a default port", option.address({ doc, defaultPort: 9000 }), "[::]", address(":: 9000")],
    [
      "address of IPv6 with a port and a word",
      option.address({ doc, defaultPort: 9000, words: ["local"] }),
      "[::1]:80 local",
      address("::1 80 local"),
    ],
    ["address with a default port", option.address({ doc, defaultPort: 9000 }), "host", address("host 9000")],
    [
      "address with words and keys after a default port",
      option.address({ doc, defaultPort: 9000, words: ["local"], keys: ["announce"] }),
      "host announce=1.2.3.4 local",
      address("host 9000 announce=1.2.3.4 local"),
    ],
    ["custom", colour, "#10ff00", { red: 16 }],
  ];
  for (const [what, declared, text, value] of values) {
    it(`of the kind ${what} takes '${text}'`, async () => {
      assert.deepEqual(await read({ it: declared }, `it = ${text}`), { it: value });
    });
  }

  it("of the kind path starts from the folder of the file that names it", async () => {
    const backend = new DeskBackend();
    const file = option.path({ doc, mustExist: true });
    const rig = new Rig("[include sub/desk.cfg]\n", [backend.declaration({ instanceOptions: { file } })], {
      "sub/desk.cfg": "[desk d]\nfile = show.txt\n",
      "sub/show.txt": "",
    });
    await rig.router.load();
    assert.deepEqual(backend.desk("d").setup.options, { file: path.join(rig.folder, "sub/show.txt") });
  });

  const errors: [what: string, declared: Option, line: string, error: string, caret: string, help?: string][] = [
    ["no value", option.text({ doc, example: "x" }), "it =", "2:1: error: 'it' needs a value", "^~", "write it = x"],
    [
      "a word for a number",
      option.number({ doc }),
      "it = much",
      "2:6: error: 'it' is a number, not 'much'",
      "     ^~~~",
    ],
    ["infinity", option.number({ doc }), "it = 1e999", "2:6: error: 'it' is a number, not '1e999'", "     ^~~~~"],
    [
      "half an integer",
      option.integer({ doc }),
      "it = 1.5",
      "2:6: error: 'it' is a whole number, not '1.5'",
      "     ^~~",
    ],
    ...["1e2", "0b11", "0x10", "1_0", "--1", "9007199254740993"].map(
      (text): [string, Option, string, string, string] => [
        `'${text}' for a decimal integer`,
        option.integer({ doc }),
        `it = ${text}`,
        `2:6: error: 'it' is a whole number, not '${text}'`,
        `     ${"^".padEnd(text.length, "~")}`,
      ],
    ),
    ...["09", "0b11", "0x", "0xg", "1e2"].map((text): [string, Option, string, string, string] => [
      `'${text}' for an integer of any base`,
      option.integer({ doc, base: 0 }),
      `it = ${text}`,
      `2:6: error: 'it' is a whole number, not '${text}'`,
      `     ${"^".padEnd(text.length, "~")}`,
    ]),
    [
      "a misspelt word after an address",
      option.address({ doc, words: ["local"], keys: ["announce"] }),
      "it = host 1 local  lokal",
      "2:20: error: 'it' can't have 'lokal' after host and port",
      "                   ^~~~~",
      "did you mean 'local'?",
    ],
    [
      "a misspelt key after an address",
      option.address({ doc, keys: ["announce"] }),
      "it = host 1 anounce=2",
      "2:13: error: 'it' can't have 'anounce=2' after host and port",
      "            ^~~~~~~~~",
      "did you mean 'announce='?",
    ],
    ...["[::1:8000", "[host]:8000", "[]:1", "[::1]8000"].map(
      (text): [string, Option, string, string, string, string] => [
        `${text} for an address of IPv6`,
        option.address({ doc }),
        `it = ${text} 1`,
        `2:6: error: 'it' needs an IPv6 address in the brackets, not '${text}'`,
        `     ${"^".padEnd(text.length, "~")}`,
        "write [::1]:8000, or ::1 8000",
      ],
    ),
    [
      "a port that is none after an address of IPv6",
      option.address({ doc, defaultPort: 9, words: ["local"] }),
      "it = [::1]:local",
      "2:12: error: 'it' needs a port from 1 to 65535, not 'local'",
      "           ^~~~~",
    ],
    [
      "words after an address that takes none",
      option.address({ doc }),
      "it = host 1 x",
      "2:13: error: 'it' can't have 'x' after host and port",
      "            ^",
    ],
    [
      "a key without a value",
      option.address({ doc, keys: ["announce"] }),
      "it = host 1 announce=",
      "2:13: error: 'it' needs a value after 'announce='",
      "            ^~~~~~~~~",
    ],
    [
      "a key twice",
      option.address({ doc, keys: ["a"] }),
      "it = host 1 a=1 a=2",
      "2:17: error: 'it' has 'a=' twice",
      "                ^~~",
    ],
    [
      "no port, where one can be left out, but another word",
      option.address({ doc, defaultPort: 9, words: ["local"] }),
      "it = host lokal",
      "2:11: error: 'it' needs a port from 1 to 65535, not 'lokal'",
      "          ^~~~~",
    ],
    [
      "too much",
      option.integer({ doc, min: 1, max: 9, unit: "s" }),
      "it = 10",
      "2:6: error: 'it' is 1 to 9 s, not 10",
      "     ^~",
    ],
    ["too little", option.number({ doc, min: 0.5 }), "it = 0", "2:6: error: 'it' is 0.5 or more, not 0", "     ^"],
    [
      "too short a time",
      option.milliseconds({ doc, min: 50 }),
      "it = 49",
      "2:6: error: 'it' is a time in ms, 50 or more, or off; not '49'",
      "     ^~",
    ],
    ["perhaps", option.flag({ doc }), "it = perhaps", "2:6: error: 'it' is on or off, not 'perhaps'", "     ^~~~~~~"],
    [
      "a misspelt word",
      option.choice(["linear", "square"], { doc }),
      "it = linaer",
      "2:6: error: 'it' is one of linear, square, not 'linaer'",
      "     ^~~~~~",
      "did you mean 'linear'?",
    ],
    [
      "another word",
      option.choice(["linear", "square"], { doc }),
      "it = x",
      "2:6: error: 'it' is one of linear, square, not 'x'",
      "     ^",
      "available values: linear, square",
    ],
    [
      "a port out of range",
      option.address({ doc }),
      "it = 0.0.0.0  99999",
      "2:15: error: 'it' needs a port from 1 to 65535, not '99999'",
      "              ^~~~~",
    ],
    [
      "no port",
      option.address({ doc }),
      "it = localhost",
      "2:6: error: 'it' needs a port after 'localhost'",
      "     ^~~~~~~~~",
      "write HOST PORT, as in 0.0.0.0 8000",
    ],
    [
      "one wrong character",
      colour,
      "it = #10fg00",
      "2:10: error: 'it' has 'g', which is not a hexadecimal digit",
      "         ^",
    ],
    ["what its kind throws at", throwing, "it = x", "2:6: error: 'it' could not be read: a defect", "     ^"],
  ];
  for (const [what, declared, line, error, caret, help] of errors) {
    it(`with ${what} is an error at its place`, async () => {
      const expected = [
        `monster.cfg:${error}`,
        `    2 | ${line}`,
        `      | ${caret}`,
        ...(help ? [`      = ${help}`] : []),
      ];
      assert.equal(await read({ it: declared }, line), expected.join("\n"));
    });
  }

  it("with a path of a file that is not there names it whole", async () => {
    const shown = await read({ it: option.path({ doc, mustExist: true }) }, "it = nowhere.txt");
    assert.match(String(shown), /^monster\.cfg:2:6: error: 'it' names a file that does not exist: nowhere\.txt\n/);
  });

  it("that is required and missing is an error at its section, with an example", async () => {
    const options = { port: option.integer({ doc, required: true, example: "8000" }) };
    assert.equal(
      await read(options, ""),
      "monster.cfg:1:7: error: an instance of 'desk' needs the option 'port'\n    1 | [desk d]\n      |       ^\n      = write port = 8000",
    );
  });

  it("that is required and wrong is one error", async () => {
    const options = { port: option.integer({ doc, required: true }) };
    const expected = "monster.cfg:2:8: error: 'port' is a whole number, not 'x'\n    2 | port = x\n      |        ^";
    assert.equal(await read(options, "port = x"), expected);
  });

  it("that is not given has its default, or none", async () => {
    const options = {
      text: option.text({ doc, default: "abc" }),
      flag: option.flag({ doc, default: true }),
      none: option.number({ doc }),
      list: option.text({ doc, repeatable: true }),
      listed: option.text({ doc, repeatable: true, default: "a" }),
    };
    const expected = { text: "abc", flag: true, none: undefined, list: [], listed: ["a"] };
    assert.deepEqual(await read(options, ""), expected);
  });

  it("given several times has all values if it is repeatable, else the last one", async () => {
    const options = { once: option.number({ doc }), often: option.number({ doc, repeatable: true, default: 9 }) };
    const lines = "often = 3\nonce = 1\nonce = 2\noften = 1\noften = 3";
    assert.deepEqual(await read(options, lines), { once: 2, often: [3, 1, 3] });
  });

  const dest = { dest: option.text({ doc, aliases: ["destination", "to"] }), other: option.text({ doc }) };
  const spelled: [what: string, lines: string, value: unknown][] = [
    ["by its main name", "dest = a", "a"],
    ["by another name", "destination = a", "a"],
    ["by both, the last one counts", "destination = a\ndest = b\nto = c", "c"],
  ];
  for (const [what, lines, value] of spelled) {
    it(`with other names can be written ${what}`, async () => {
      assert.deepEqual(await read(dest, lines), { dest: value, other: undefined });
    });
  }

  it("with other names is known by them to messages, and to its backend by one", async () => {
    const backend = new DeskBackend();
    const instanceOptions = { port: option.integer({ doc, aliases: ["udp-port"] }) };
    const declaration = backend.declaration({
      instanceOptions,
      checkInstanceOptions: () => [{ problem: "taken", option: "port" }],
    });
    const errors = async (lines: string) => {
      const rig = new Rig(`[desk d]\n${lines}\n`, [declaration]);
      return (await rig.errors(rig.router.load())).join("\n").replace(/\n {4}.*\n.*/g, "");
    };
    assert.equal(await errors("udp-port = x"), "monster.cfg:2:12: error: 'udp-port' is a whole number, not 'x'");
    assert.equal(await errors("udp-port = 1"), "monster.cfg:2:12: error: taken");
    assert.match(await errors("udp-prt = 1"), /no option 'udp-prt'\n {6}= did you mean 'udp-port'\?/);
    const rig = new Rig("[desk d]\nudp-port = 1\n", [backend.declaration({ instanceOptions })]);
    await rig.router.start();
    assert.deepEqual(
      backend.desk("d").setup.settings.map(({ option: name }) => name),
      ["port"],
    );
    assert.deepEqual((await rig.reload("[desk d]\nport = 1\n")).added, []);
  });

  it("that is given twice and may be given once is an error that says where the first one is", async () => {
    const once = { dest: option.text({ doc, aliases: ["to"], once: true }) };
    assert.deepEqual(await read(once, "to = a"), { dest: "a" });
    assert.match(
      String(await read(once, "to = a\ndest = b\nto = c")),
      /^monster\.cfg:3:1: error: 'dest' can be given only once\n.*\n.*\n {6}= the first one is at .*monster\.cfg:2:1, as 'to'\nmonster\.cfg:4:1: .*'to'.*\n.*\n.*\n {6}= the first one is at .*monster\.cfg:2:1$/,
    );
    const router = track(
      new Router({ backends: [new DeskBackend().declaration({ instanceOptions: once })], logger: silentLogger }),
    );
    await assert.rejects(router.instance("desk", "d", { dest: ["a", "b"] }).load(), {
      message: "error: option 'dest' of instance 'd' can be given only once",
    });
  });

  it("given a hundred thousand times is read in a moment", async () => {
    const started = performance.now();
    const lines = Array.from({ length: 100_000 }, (_, i) => `often = ${i}`).join("\n");
    const values = await read({ often: option.integer({ doc, repeatable: true }) }, lines);
    assert.equal((values as { often: number[] }).often.length, 100_000);
    assert.ok(performance.now() - started < 10_000);
  });

  it("may be called as something that every object has", async () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const options = Object.fromEntries(names.map((name) => [name, option.integer({ doc })]));
    const values = await read(options, names.map((name, i) => `${name} = ${i}`).join("\n"));
    assert.deepEqual(
      Object.entries(values),
      names.map((name, i) => [name, i]),
    );
  });

  const unknown: [what: string, options: OptionSet, name: string, help: string][] = [
    ["near one", { port: option.text({ doc }), host: option.text({ doc }) }, "ports", "did you mean 'port'?"],
    [
      "far from all",
      { port: option.text({ doc }), host: option.text({ doc }) },
      "zzzz",
      "available options: port, host",
    ],
    ["where there are none", {}, "port", "it has no options"],
    [
      "called as something that every object has",
      { port: option.text({ doc }) },
      "constructor",
      "available options: port",
    ],
  ];
  for (const [what, options, name, help] of unknown) {
    it(`that is unknown, ${what}: an error at its name`, async () => {
      const shown = await read(options, `${name} = 1`);
      const caret = "^".padEnd(name.length, "~");
      const message = `monster.cfg:2:1: error: an instance of 'desk' has no option '${name}'`;
      assert.equal(shown, `${message}\n    2 | ${name} = 1\n      | ${caret}\n      = ${help}`);
    });
  }

  it("that is wrong in calls of the API is named in the message", async () => {
    const backend = new DeskBackend();
    const declaration = backend.declaration({
      options: { mode: option.choice(["a", "b"], { doc }) },
      instanceOptions: { port: option.integer({ doc }) },
      checkInstanceOptions: () => [{ problem: "never asked" }],
    });
    const router = track(new Router({ backends: [declaration], logger: silentLogger }))
      .backend("desk", { mode: "c" })
      .instance("desk", "d", { port: "x" });
    await assert.rejects(router.load(), {
      message: [
        "error: option 'mode' of backend 'desk' is one of a, b, not 'c'",
        "      = available values: a, b",
        "error: option 'port' of instance 'd' is a whole number, not 'x'",
      ].join("\n"),
    });
  });
});
