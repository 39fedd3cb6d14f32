// Stops and other reloads in every phase of a reload.
import assert from "node:assert/strict";
import { DeskBackend, Rig, turn } from "./desk-backend.js";

const BEFORE = "[desk stays]\n[desk gone]\n[desk d]\n[map]\nd.x > d.y\ngone.x > d.y\n";
const AFTER =
  "[desk stays]\nlevel = 1\n[desk new]\n[desk d]\nfixed = 1\n[map]\nd.x > d.y\nnew.x > d.y\nstays.x > d.y\n";

/** Everything that a reload from BEFORE to AFTER calls. */
const MOMENTS = [
  "new instance",
  "d instance",
  "stays change",
  "stays connects",
  "new connects",
  "d connects",
  "d takeOver",
  "stays keep",
  "gone stop",
  "d stop",
  "new start",
  "d start",
];
/** Those that may be asynchronous. */
const WAITING = MOMENTS.filter((moment) => / (instance|start|stop)$/.test(moment));

async function started(config = BEFORE) {
  const backend = new DeskBackend();
  const rig = new Rig(config, [backend.declaration()]);
  await rig.router.start();
  backend.news();
  return { backend, rig };
}

/** Each instance that was started is stopped, once, and no other. */
function checkEnds(backend: DeskBackend, moment: string): void {
  const began = ["stays", "gone", "d", ...backend.diary.flatMap((entry) => /^(.*) start$/.exec(entry)?.[1] ?? [])];
  const ended = backend.diary.flatMap((entry) => /^(.*) stop$/.exec(entry)?.[1] ?? []);
  assert.deepEqual(ended.sort(), began.sort(), moment);
  assert.equal(backend.diary.filter((entry) => entry === "stop").length, 1, moment);
}

describe("stop() in the middle of a reload", () => {
  for (const moment of MOMENTS) {
    it(`at '${moment}' ends it with STATE, and stops what was started`, async () => {
      const { backend, rig } = await started();
      let stopped: Promise<void> | undefined;
      const change = { keep: () => backend.enter("stays keep"), undo: () => backend.enter("stays undo") };
      backend.at(moment, () => {
        stopped = rig.router.stop();
        return moment === "stays change" ? change : undefined;
      });
      await assert.rejects(rig.reload(AFTER), { code: "STATE" });
      await stopped;
      checkEnds(backend, moment);
      const ends = backend.diary.filter((entry) => /keep|undo/.test(entry)).length;
      assert.equal(ends, backend.diary.includes("stays change") ? 1 : 0);
      assert.equal(rig.router.running, false);
      assert.deepEqual(rig.log.matching(/did not/), []);
    });
  }

  it("that waits forever, wherever that is, ends in time", async () => {
    const ended = WAITING.map(async (moment) => {
      const { backend, rig } = await started();
      const reached = new Promise<void>((resolve) => {
        backend.at(moment, () => {
          resolve();
          return new Promise(() => {});
        });
      });
      const reloaded = assert.rejects(rig.reload(AFTER), { code: "STATE" }, moment);
      await reached;
      const before = performance.now();
      await rig.router.stop();
      assert.ok(performance.now() - before < 9000, moment);
      await reloaded;
      checkEnds(backend, moment);
    });
    await Promise.all(ended);
  });

  it("whose old instances all hang has its one deadline, not one each", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `gone${i}`);
    const { backend, rig } = await started(`${names.map((name) => `[desk ${name}]\n`).join("")}${BEFORE}`);
    for (const name of names) backend.at(`${name} stop`, () => new Promise(() => {}));
    const reloaded = assert.rejects(rig.reload(AFTER), { code: "STATE" });
    await turn();
    await turn();
    const before = performance.now();
    await rig.router.stop();
    assert.ok(performance.now() - before < 15_000, `${performance.now() - before} ms`);
    await reloaded;
    for (const name of names) assert.equal(backend.diary.filter((entry) => entry === `${name} stop`).length, 1);
  });

  it("refuses the reload that waits, too", async () => {
    const { backend, rig } = await started();
    let second: Promise<unknown> | undefined;
    backend.at("new start", () => {
      second = assert.rejects(rig.router.reload(), { code: "STATE" });
      void rig.router.stop();
      return undefined;
    });
    await assert.rejects(rig.reload(AFTER), { code: "STATE" });
    await second;
    await assert.rejects(rig.router.reload(), { code: "STATE" });
  });
});

describe("reload() in the middle of a reload", () => {
  for (const moment of MOMENTS) {
    it(`at '${moment}' is one that follows, and all who ask get its result`, async () => {
      const { backend, rig } = await started();
      const asked: Promise<unknown>[] = [];
      const change = { keep: () => backend.enter("stays keep"), undo: () => backend.enter("stays undo") };
      backend.at(moment, () => {
        backend.at(moment, undefined);
        asked.push(rig.reload(`[desk later]\n${AFTER}`), rig.router.reload());
        return moment === "stays change" ? change : undefined;
      });
      const first = await rig.reload(AFTER);
      asked.push(rig.router.reload());
      assert.deepEqual(first.added, ["new", "d"]);
      const results = await Promise.all(asked);
      assert.deepEqual(results, Array(3).fill({ modules: [], added: ["later"], removed: [] }));
      for (const result of results) assert.equal(result, results[0]); // not of several reloads at a time
    });
  }

  it("that follows one that fails gets its own result", async () => {
    const { rig } = await started();
    rig.write("monster.cfg", "[desk\n");
    const first = assert.rejects(rig.router.reload(), { code: "CONFIG" });
    rig.write("monster.cfg", AFTER);
    const second = rig.router.reload();
    await first;
    assert.deepEqual((await second).added, ["new", "d"]);
  });

  it("in calls for a description is one, too", async () => {
    const { backend, rig } = await started();
    const asked: Promise<unknown>[] = [];
    backend.at("stays status", () => asked.push(rig.router.reload()));
    rig.router.describe();
    rig.router.describe();
    assert.equal(asked.length, 2);
    await Promise.all(asked);
    assert.deepEqual(backend.news(/^d (change|keep)/), ["d change", "d keep", "d change", "d keep"]);
  });
});

describe("a tap or a logger, in the middle of a reload", () => {
  it("may reload, end itself, throw or reject, and hinders nothing", async () => {
    const { backend, rig } = await started();
    const asked: Promise<unknown>[] = [];
    let calls = 0;
    const end = rig.router.tap(() => {
      end();
      ++calls;
      asked.push(rig.router.reload());
      throw new Error("a tap's defect");
    });
    const other = rig.router.tap((async () => {
      throw new Error("a tap's late defect");
    }) as () => void);
    backend.at("stays keep", () => backend.desk("d").emit("x", 0.5));
    await rig.router.reload();
    await turn();
    await Promise.all(asked);
    await turn();
    other();
    assert.equal(calls, 1);
    assert.ok(backend.desk("d").received.every(([name, value]) => name === "y" && value === 0.5));
    assert.equal(rig.log.matching(/a tap threw: Error: a tap's defect/).length, 1);
    assert.equal(rig.log.matching(/a tap threw: Error: a tap's late defect/).length, 1);
  });

  it("that throws at every message ends nothing", async () => {
    const backend = new DeskBackend();
    let calls = 0;
    const broken = () => {
      ++calls;
      throw new Error("a logger's defect");
    };
    const late = async () => broken();
    const logger = { error: broken, warn: broken, info: late as () => void, debug: broken };
    const rig = new Rig(BEFORE, [backend.declaration()], {}, logger);
    await rig.router.start();
    backend.at("d handle", () => assert.fail("in handle"));
    backend.desk("d").emit("x", 0.5);
    backend.desk("d").setup.emit(99, 0.5);
    await turn();
    await rig.reload(AFTER);
    backend.at("d stop", () => assert.fail("in stop"));
    await rig.router.stop();
    assert.ok(calls >= 5, `${calls}`);
  });
});
