// A backend more in this package is a folder and a line.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";

const DECLARATION = `
import { declareBackend } from "../declare.js";
import { option } from "../options.js";

export const instanceOptions = { factor: option.number({ doc: "what values are multiplied by", required: true }) };

export default declareBackend({
  name: "gain",
  summary: "multiplies values",
  options: {},
  instanceOptions,
  channels: { forms: [{ form: "NAME", doc: "any name", example: "fader" }] },
  load: () => import("./gain.js"),
});
`;

const CODE = `
import type { Channel, DeclaredInstance, InstanceSetup, OpenBackend } from "../instance.js";
import type { instanceOptions } from "./index.js";

export function open(): OpenBackend<typeof instanceOptions> {
  return {
    instance({ emit, options: { factor } }: InstanceSetup<typeof instanceOptions>): DeclaredInstance<typeof instanceOptions> {
      return {
        handle({ length, channels, values }) {
          for (let i = 0; i < length; ++i) emit(channels[i] as number, (values[i] as number) * factor);
        },
      };
    },
  };
}
`;

const SCRIPT = `
import { Router } from "./lib/index.js";
const router = Router.fromFile("monster.cfg");
router.tap((events) => console.log(JSON.stringify(events)));
await router.start();
setTimeout(() => router.stop(), 50);
`;

const CONFIG = `
[gain half]
factor = 0.5
[python py]
module = mod
[map]
py.out > half.x
half.x > py.in
`;

describe("a backend more", () => {
  it("is a folder and a line", async () => {
    const copy = folderWith({
      "monster.cfg": CONFIG,
      "mod.py": "import midimonster\nmidimonster.output('out', 0.5)\n",
      "script.mts": SCRIPT,
    });
    for (const name of ["lib", "python", "build/Release", "package.json", "binding.d.ts", "tsconfig.json"]) {
      cpSync(path.join(projectFolder, name), path.join(copy, name), { recursive: true });
    }
    symlinkSync(path.join(projectFolder, "node_modules"), path.join(copy, "node_modules"));
    const folder = path.join(copy, "lib/backends/gain");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "index.ts"), DECLARATION);
    writeFileSync(path.join(folder, "gain.ts"), CODE);
    const list = path.join(copy, "lib/backends/index.ts");
    const text = readFileSync(list, "utf8");
    const line = /^(export const BACKENDS.* = )\[/m;
    assert.match(text, line);
    // The line of the list, and the import that it needs.
    writeFileSync(list, `import gain from "./gain/index.js";\n${text.replace(line, "$1[gain, ")}`);

    const running = run(process.execPath, ["--import", "tsx", "script.mts"], { cwd: copy });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.deepEqual(
      running.stdout
        .trim()
        .split("\n")
        .flatMap((events) => JSON.parse(events)),
      [
        { instance: "py", channel: "out", value: 0.5 },
        { instance: "half", channel: "x", value: 0.25 },
      ],
    );

    writeFileSync(path.join(copy, "monster.cfg"), CONFIG.replace("factor", "facto"));
    const failing = run(process.execPath, ["--import", "tsx", "script.mts"], { cwd: copy });
    assert.equal((await failing.exited).code, 1);
    assert.match(failing.stderr, /has no option 'facto'[\s\S]*did you mean 'factor'\?/);
  });
});
