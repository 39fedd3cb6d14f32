// What a reload leaves behind is freed.
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";

const SCRIPT = `
import { writeFileSync } from "node:fs";
import { declareBackend, option, Router, silentLogger } from ${JSON.stringify(new URL("../lib/index.ts", import.meta.url).pathname)};

const freed = new Set();
const registry = new FinalizationRegistry((name) => freed.add(name));
let made = 0;

/** Keeps all that it is given, as code easily does. */
class Desk {
  constructor(setup) {
    this.setup = setup;
    this.number = made++;
    registry.register(this, this.number);
  }
  connect(channels) { this.channels = channels; return []; }
  start(signal) { this.signal = signal; }
  change(next) { this.next = next; return { keep: () => this, undo: () => this }; }
  takeOver() {}
  handle() {}
}

const desk = declareBackend({
  name: "desk", summary: "", options: {},
  instanceOptions: { fixed: option.text({ doc: "" }), level: option.text({ doc: "", live: true }) },
  channels: { forms: [], parse: (name) => ({ meaning: { name } }) },
  load: () => ({ open: () => ({ instance: (setup) => new Desk(setup) }) }),
});
const simple = {
  name: "simple",
  create(context) {
    const instance = { context, channel() {}, handle() {} };
    registry.register(instance, "simple " + made++);
    return instance;
  },
};

const config = (n) =>
  "[desk stays]\\nlevel = " + n + "\\n[desk d]\\nfixed = " + n + "\\n[simple s]\\nany = " + n + "\\n[map]\\nd.x" + n + " > stays.y\\ns.x > d.y\\n";
process.chdir(import.meta.dirname);
writeFileSync("monster.cfg", config(0));
const router = Router.fromFile("monster.cfg", { logger: silentLogger, backends: [desk, simple] });
await router.start();
for (let n = 1; n <= 20; ++n) {
  writeFileSync("monster.cfg", config(n));
  await router.reload();
  writeFileSync("monster.cfg", config(n).replace("level", "[desk never]\\nfixed") + "d.x > nowhere.y\\n");
  await router.reload().catch(() => {});
}
for (let i = 0; i < 20; ++i) {
  gc();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
router.describe();
console.log(made, freed.size);
await router.stop();
`;

describe("instances that a reload has replaced or that came to nothing", () => {
  it("are freed, also where they keep all that they were given", async () => {
    const folder = folderWith({ "script.mts": SCRIPT });
    const script = path.join(folder, "script.mts");
    const running = run(process.execPath, ["--expose-gc", "--import", "tsx", script], { cwd: projectFolder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    const [made, freed] = running.stdout.trim().split(" ").map(Number) as [number, number];
    // Three run.
    assert.ok(made > 60, `${made} made`);
    assert.ok(freed >= made - 3 - 2, `${made} made, ${freed} freed`);
  });
});
