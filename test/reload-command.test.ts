// Reloads of the command: by a signal, and of what has changed.
import assert from "node:assert/strict";
import { renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";

describe("mmpy", () => {
  const files = {
    "monster.cfg": "[python py]\nmodule = mod\n",
    "mod.py": "print('first', flush=True)\n",
  };

  it("reloads at SIGHUP, and goes on where that fails", async () => {
    const folder = folderWith(files);
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/routing/);
    writeFileSync(path.join(folder, "mod.py"), "print('second', flush=True)\n");
    running.child.kill("SIGHUP");
    await running.sees(/second/);
    await running.sees(/INFO: reloaded: module py\.mod/);
    writeFileSync(path.join(folder, "mod.py"), "print(\n");
    running.child.kill("SIGHUP");
    await running.sees(/ERROR: not reloaded, everything goes on as before:\n[\s\S]*mod\.py", line 1/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("--watch reloads when a module, an included file or the configuration changes, replaced or written to", async () => {
    const folder = folderWith({
      ...files,
      "monster.cfg": "[include more.cfg]\n[python py]\nmodule = mod\n",
      "more.cfg": "",
    });
    const running = mmpy(["--watch", path.join(folder, "monster.cfg")]);
    await running.sees(/INFO: watching 3 files/);
    writeFileSync(path.join(folder, "new"), "print('second', flush=True)\n");
    renameSync(path.join(folder, "new"), path.join(folder, "mod.py"));
    await running.sees(/second/);
    await running.sees(/reloaded: module py\.mod/);
    writeFileSync(path.join(folder, "more.cfg"), "[loopback l]\n");
    await running.sees(/reloaded: new instance l/);
    writeFileSync(path.join(folder, "monster.cfg"), "[python py]\nmodule = mod\n");
    await running.sees(/reloaded: removed instance l/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("--watch tries again when the file appears for whose lack a reload failed", async () => {
    const folder = folderWith(files);
    const running = mmpy(["--watch", path.join(folder, "monster.cfg")]);
    await running.sees(/INFO: watching 2 files/);
    writeFileSync(path.join(folder, "monster.cfg"), "[python py]\nmodule = mod\n[python late]\nmodule = late\n");
    await running.sees(/module 'late' of instance 'late' can't be imported/);
    writeFileSync(path.join(folder, "late.py"), "print('late', flush=True)\n");
    await running.sees(/reloaded: new instance late/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("--watch reloads when the file behind a symbolic link changes", async () => {
    const [real, links] = [folderWith(files), folderWith({})];
    for (const name of Object.keys(files)) symlinkSync(path.join(real, name), path.join(links, name));
    const running = mmpy(["--watch", path.join(links, "monster.cfg")]);
    await running.sees(/INFO: watching 2 files/);
    writeFileSync(path.join(real, "mod.py"), "print('second', flush=True)\n");
    await running.sees(/reloaded: module py\.mod/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("says of a reload that has changed mappings or options only that it has", async () => {
    const folder = folderWith({ "monster.cfg": "[loopback a]\n[loopback b]\n" });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/routing/);
    writeFileSync(path.join(folder, "monster.cfg"), "[loopback a]\n[loopback b]\n[map]\na.x > b.x\n");
    running.child.kill("SIGHUP");
    await running.sees(/reloaded: mappings or options$/m);
    running.child.kill("SIGHUP");
    await running.sees(/reloaded: nothing has changed/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("--watch goes with a run only", async () => {
    const running = mmpy(["check", "--watch"]);
    assert.deepEqual(await running.exited, { code: 2, signal: null });
    assert.match(running.stderr, /--watch does not go with check/);
  });
});
