/** For comparison: the cost of one call with other packages that call Python from Node. Each is installed if possible. */
import { spawnSync } from "node:child_process";
import type { BenchCase, Measurement } from "../case.js";
import { alternately, folderWith, pick, run } from "../programs.js";

const CALLS = 200_000;

const PACKAGES: Readonly<Record<string, string>> = {
  // Synchronous calls, by the fastest way that each of them offers.
  "node-calls-python": `
import { interpreter } from "node-calls-python";
const module = interpreter.importSync("./mod.py");
const call = (value) => interpreter.callSync(module, "handler", value);
`,
  pymport: `
import { pymport } from "pymport";
const module = pymport("mod");
const handler = module.get("handler");
const call = (value) => handler.call(value);
`,
};

const LOOP = (calls: number) => `
for (let i = 0; i < ${calls / 10}; ++i) call(0.5);
const begun = performance.now();
for (let i = 0; i < ${calls}; ++i) call(0.5);
console.log(JSON.stringify({ value: (performance.now() - begun) / ${calls} * 1e6 }));
`;

export const OTHERS_CASE: BenchCase = {
  name: "others",
  what: "one call of a Python function from JavaScript with other packages, for comparison",
  async run(bench) {
    const results: Measurement[] = [];
    const calls = bench.quick ? 1000 : CALLS;
    for (const [name, program] of Object.entries(PACKAGES)) {
      const folder = folderWith(bench, {
        "package.json": '{ "private": true, "type": "module" }',
        "main.mjs": program + LOOP(calls),
        "mod.py": "def handler(value):\n    pass\n",
      });
      bench.progress(`others: installing ${name}`);
      const npm = ["install", "--no-audit", "--no-fund", "--loglevel=error", name];
      const installed = spawnSync("npm", npm, { cwd: folder, encoding: "utf8", timeout: 240_000 });
      if (installed.status !== 0) {
        bench.skip(
          name,
          `it can't be installed here: ${(installed.error?.message ?? installed.stderr).trim().split("\n").at(-1)}`,
        );
        continue;
      }
      const env = { PYTHONPATH: folder };
      try {
        const figures = await alternately(bench, name, {
          ours: () => run(process.execPath, ["main.mjs"], { cwd: folder, env }),
        });
        results.push({
          name,
          what: `call of an empty Python function with a number through ${name}`,
          unit: "ns",
          ours: pick(figures.ours, "value"),
          reference: [],
          floor: [],
        });
      } catch (error) {
        bench.skip(name, `it does not run here: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
      }
    }
    return results;
  },
};
