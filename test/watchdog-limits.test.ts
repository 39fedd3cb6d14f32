// The limits of functions are the process's; a router that can't start does not change them.
import assert from "node:assert/strict";
import { Router, silentLogger } from "../lib/index.js";
import { folderWith } from "./helpers.js";
import { start } from "./session.js";

it("a router whose Python is refused leaves the limits of the others", async () => {
  const session = await start(
    "[backend python]\nhandler-timeout = 200\n[python py]\nmodule = mod\n[map]\nprobe.go > py.mod.go\n",
    {
      "mod.py": `
def go(value):
    while True: pass
`,
    },
  );
  const other = new Router({ folder: folderWith({}), logger: silentLogger });
  other.backend("python", { deepbind: "off" }).instance("python", "py");
  await assert.rejects(other.start(), { code: "PYTHON_IN_USE" });
  session.probe.emit("go", 1);
  await session.log.seen(/HandlerTimeout: the handler ran for longer than handler-timeout, 200 ms/);
});
