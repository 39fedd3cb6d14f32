// When a reload may be asked for.
import assert from "node:assert/strict";
import { answering, ask, CONFIG } from "./asking.js";
import { start } from "./session.js";

describe("the time of a reload", () => {
  it("is not before the start and not after the stop", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    const stopping = session.router.stop();
    await assert.rejects(session.router.reload(), { code: "STATE" });
    await stopping;
    await assert.rejects(session.router.reload(), { code: "STATE" });
  });

  it("can overlap with that of another one, which then comes after it", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5));
    const [first, second] = await Promise.all([session.router.reload(), session.router.reload()]);
    assert.deepEqual([first.modules, second.modules], [["py.mod"], []]);
  });

  it("can overlap with the stop, which gives it up", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5, "say('loaded')"));
    const reload = session.router.reload();
    await Promise.all([session.router.stop(), assert.rejects(reload, { code: "STATE" })]);
    assert.deepEqual(session.said(), []);
  });

  it("can be inside a backend's handle()", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("mod.py", answering(0.5));
    const handle = session.probe.handle.bind(session.probe);
    const reloaded = new Promise((resolve, reject) => {
      session.probe.handle = (batch) => {
        session.probe.handle = handle;
        handle(batch);
        session.router.reload().then(resolve, reject);
      };
    });
    await ask(session);
    await reloaded;
    assert.equal(await ask(session), 0.51);
  });
});
