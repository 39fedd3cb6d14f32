// An instance of a declared backend that runs: its events, what it emits, what it says of itself.
import assert from "node:assert/strict";
import { declareBackend, Router } from "../lib/index.js";
import { type Desk, DeskBackend, Rig, track, turn } from "./desk-backend.js";
import { MemoryLog } from "./helpers.js";

function rig(config = "[desk d]\n[map]\nd.x > d.y\n") {
  const backend = new DeskBackend();
  return { backend, rig: new Rig(config, [backend.declaration()]) };
}

const numberOf = ({ channels }: Desk, wanted: string) => channels.find(({ name }) => name === wanted)?.index ?? -1;

const refusing = (message: string) => () => {
  throw new Error(message);
};

describe("a running instance", () => {
  it("is not given events after its stop() was called", async () => {
    const { backend, rig: made } = rig("[desk a]\n[desk b]\n[map]\nb.x > a.y\n");
    await made.router.start();
    const [a, b] = [backend.desk("a"), backend.desk("b")];
    backend.at("a stop", async () => {
      b.emit("x", 1);
      await turn();
    });
    await made.router.stop();
    assert.deepEqual(a.received, []);
  });

  it("that throws in handle() without end, each time another message, is told once and counted", async () => {
    const { backend, rig: made } = rig();
    await made.router.start();
    let count = 0;
    const failing = () => {
      throw new Error(`failure ${++count}`);
    };
    backend.at("d handle", failing);
    for (let i = 0; i < 500; ++i) {
      backend.desk("d").emit("x", 1);
      await turn();
    }
    assert.equal(count, 500);
    assert.equal(made.log.matching(/d: handle\(\) threw: Error: failure 1/).length, 1);
    assert.equal(made.log.entries.filter(({ level }) => level === "error").length, 1);
    await made.router.stop();
    assert.equal(made.log.matching(/^d: handle\(\) threw 499 more times: failure \d+$/).length, 1);
  });

  it("that throws an error whose message throws does not end the process, nor keep the stop from its end", async () => {
    const odd = () => {
      throw Object.defineProperty(new Error(), "message", {
        get() {
          throw new Error("no message");
        },
      });
    };
    const backend = new DeskBackend();
    const rig = new Rig("[desk d]\n[map]\nd.x > d.y\n", [backend.declaration()]);
    await rig.router.start();
    for (const entry of ["d handle", "d stop", "stop"]) backend.at(entry, odd);
    backend.desk("d").emit("x", 0.5);
    await turn();
    await rig.router.stop();
    assert.equal(rig.log.matching(/did not stop properly/).length, 2);
  });

  it("that throws what has no text, or rejects a promise-like object, does not end the process", async () => {
    const { backend, rig: made } = rig();
    await made.router.start();
    const desk = backend.desk("d");
    const odd: unknown[] = [Object.create(null), null, undefined, Symbol("s")];
    for (const thrown of odd) {
      backend.at("d handle", () => {
        throw thrown;
      });
      desk.emit("x", 1);
      await turn();
    }
    // biome-ignore lint/suspicious/noThenProperty: it is what a library of promises makes
    const thenable = { then: (_: unknown, reject: (error: Error) => void) => reject(new Error("thenable")) };
    desk.handle = () => thenable as never;
    desk.emit("x", 1);
    await made.log.seen(/d: handle\(\) threw: Error: thenable/);
  });

  const wrong: [what: string, channel: unknown, value: unknown][] = [
    ["a symbol as the value", 0, Symbol("value")],
    ["an object without a text as the value", 0, Object.create(null)],
    ["a bigint as the value", 0, 1n],
    ["a text as the value", 0, "1"],
    ["a symbol as the channel", Symbol("channel"), 1],
    ["an object without a text as the channel", Object.create(null), 1],
    ["a negative channel", -1, 1],
    ["minus one bit", 2 ** 32, 1],
    ["infinitely many channels", Number.POSITIVE_INFINITY, 1],
  ];
  for (const [what, channel, value] of wrong) {
    it(`that emits ${what} is told so, and goes on`, async () => {
      const { backend, rig: made } = rig();
      await made.router.start();
      const { setup, received } = backend.desk("d");
      setup.emit(channel as number, value as number);
      await turn();
      assert.deepEqual(received, []);
      assert.equal(made.log.matching(/^d: emit\(\) was called wrongly, and the event is dropped/).length, 1);
    });
  }

  it("that emits on channels that there are not, each time another one, is told once and counted", async () => {
    const { backend, rig: made } = rig();
    await made.router.start();
    for (let i = 0; i < 1000; ++i) backend.desk("d").setup.emit(10 + i, 1);
    assert.equal(made.log.matching(/no channel number/).length, 1);
    await made.router.stop();
    assert.equal(made.log.matching(/emit\(\) was called wrongly 999 more times/).length, 1);
  });

  it("emits infinite values as 0 and 1", async () => {
    const { backend, rig: made } = rig();
    await made.router.start();
    const desk = backend.desk("d");
    for (const value of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]) desk.emit("x", value);
    assert.deepEqual(await desk.until(3), [
      ["y", 1],
      ["y", 0],
      ["y", 0],
    ]);
  });

  it("emits a batch in order, after what it emitted before it, within its limits", async () => {
    const { backend, rig: made } = rig("[desk d]\n[map]\nd.{a,b,c} > d.{x,y,z}\n");
    await made.router.start();
    const desk = backend.desk("d");
    desk.emit("b", 0.125);
    const channels = Uint32Array.from(["a", "b", "a", "c", "b", "a"], (name) => numberOf(desk, name));
    const values = Float64Array.of(0.5, 7, Number.NaN, Number.NEGATIVE_INFINITY, 0.25, 1);
    desk.setup.emitBatch({ length: 5, channels, values });
    channels.fill(0);
    values.fill(0);
    desk.emit("c", 0.75);
    assert.deepEqual(await desk.until(6), [
      ["y", 0.125],
      ["x", 0.5],
      ["y", 1],
      ["z", 0],
      ["y", 0.25],
      ["z", 0.75],
    ]);
    assert.equal(made.log.matching(/emit\(\) was called wrongly.*: an event's value is a number, not NaN/).length, 1);
    desk.setup.emitBatch({ length: 2, channels: Uint32Array.of(99, 0), values: Float64Array.of(1, 1) });
    desk.setup.emitBatch({ length: 1000, channels: new Uint32Array(0), values: new Float64Array(0) });
    const [one, full] = [Uint32Array.of(0), Float64Array.of(1)];
    const wrong = [
      undefined,
      null,
      {},
      { length: 1, channels: [0], values: [1] },
      { length: 1, channels: one, values: Float32Array.of(1) },
      ...[-1, 0.5, Number.NaN].map((length) => ({ length, channels: one, values: full })),
    ];
    for (const batch of wrong) desk.setup.emitBatch(batch as never);
    assert.equal((await desk.until(7)).length, 7);
    assert.equal(made.log.matching(/emit\(\) was called wrongly.*: there is no channel number 99/).length, 1);
    await made.router.stop();
    desk.setup.emitBatch({ length: 1, channels: Uint32Array.of(0), values: Float64Array.of(1) });
    assert.equal(desk.received.length, 7);
  });

  it("that emits a batch while it handles one gets it afterwards", async () => {
    const { backend, rig: made } = rig("[desk d]\n[map]\nd.x > d.y\nd.y > d.z\n");
    await made.router.start();
    const desk = backend.desk("d");
    backend.at("d handle", () => {
      backend.at("d handle", () => {});
      desk.setup.emitBatch({
        length: 2,
        channels: new Uint32Array(2).fill(numberOf(desk, "y")),
        values: Float64Array.of(0.5, 1),
      });
    });
    desk.emit("x", 0.25);
    assert.deepEqual(await desk.until(3), [
      ["y", 0.25],
      ["z", 0.5],
      ["z", 1],
    ]);
  });

  it("tells how it does, what channels are, and of files", async () => {
    const { backend, rig: made } = rig();
    await made.router.start();
    const desk = backend.desk("d");
    Object.assign(desk, {
      note: ({ name, uses }: { name: string; uses: string[] }) => (name === "x" ? `made for ${uses}` : undefined),
      files: () => ["/show/desk.json", "/show/desk.json"],
    });
    desk.currentStatus = { state: "waiting", text: "for the desk", peers: ["10.0.0.2"], lastData: 1, lost: 2 };
    const [described] = made.router.describe().instances;
    assert.deepEqual(described, {
      name: "d",
      backend: "desk",
      options: [],
      channels: [
        { name: "x", uses: ["output"], note: "made for output" },
        { name: "y", uses: ["input"] },
      ],
      status: desk.currentStatus,
    });
    assert.deepEqual(made.router.files(), [`${made.folder}/monster.cfg`, "/show/desk.json"]);
  });

  it("may throw there, which makes the rest no worse", async () => {
    const { backend, rig: made } = rig();
    await made.router.start();
    const thrower = refusing("a defect");
    Object.assign(backend.desk("d"), { note: thrower, files: thrower, status: thrower });
    const [described] = made.router.describe().instances;
    assert.deepEqual(described?.status, { state: "failed", text: "status() threw: a defect" });
    assert.equal(described?.channels.length, 2);
    for (let i = 0; i < 3; ++i) assert.deepEqual(made.router.files(), [`${made.folder}/monster.cfg`]);
    assert.equal(made.log.matching(/d: files\(\) threw/).length, 1);
  });

  it("that has not started is described as failed, with the message", async () => {
    const { backend, rig: made } = rig("[desk d]\n");
    await made.router.start();
    const status = (name: string) => made.router.describe().instances.find((each) => each.name === name)?.status;
    const other = new DeskBackend();
    backend.at("e start", refusing("no desk"));
    await made.reload("[desk d]\n[desk e]\n").catch(() => {});
    assert.equal(status("d")?.state, "ok");
    assert.deepEqual(status("e"), { state: "failed", text: "instance 'e' did not start: no desk" });
    backend.at("e start", undefined);
    await made.router.reload();
    assert.equal(status("e")?.state, "ok");
    other.at("start", refusing("no net"));
    const second = new Rig("[desk d]\n", [backend.declaration(), { ...other.declaration(), name: "net" }]);
    await second.router.start();
    await second.reload("[desk d]\n[net n]\n").catch(() => {});
    const [, n] = second.router.describe().instances;
    assert.deepEqual(n?.status, { state: "failed", text: "backend 'net' did not start: no net" });
  });

  it("may have a backend whose facts are nonsense, or throw", async () => {
    const bad = (name: string, facts: () => never) =>
      declareBackend({
        ...new DeskBackend().declaration(),
        name,
        load: () => ({ open: () => ({ instance: () => ({}), facts }) }),
      });
    const backends = [
      bad("one", refusing("a defect")),
      bad("two", () => ({ instances: "mine", mappings: 1 }) as never),
      bad("three", () => undefined as never),
    ];
    const router = track(new Router({ backends, logger: new MemoryLog() }));
    await router.instance("one", "a").instance("two", "b").instance("three", "c").load();
    const { instances, mappings } = router.describe();
    assert.deepEqual([instances.length, mappings], [3, []]);
  });

  it("cannot be described any more after the stop", async () => {
    const { rig: made } = rig("[python py]\n[desk d]\n[map]\nd.x > d.y\nd.x > py.z\n");
    await made.router.start();
    const stopped = made.router.stop();
    assert.throws(() => made.router.describe(), { code: "STATE" });
    await stopped;
    assert.throws(() => made.router.describe(), { code: "STATE" });
  });

  it("can leave its events to the core, which reflects them", async () => {
    let handled = 0;
    const reflecting = declareBackend({
      ...new DeskBackend().declaration(),
      name: "mirror",
      load: () => ({
        open: ({ engine: { binding, core } }) => ({
          instance: () => ({
            native: { number: binding.addLoopback(core) },
            handle: () => void ++handled,
          }),
        }),
      }),
    });
    const backend = new DeskBackend();
    const made = new Rig("[desk d]\n[mirror m]\n[map]\nd.x > m.c\nm.c > d.y\n", [backend.declaration(), reflecting]);
    await made.router.start();
    backend.desk("d").emit("x", 0.5);
    assert.deepEqual(await backend.desk("d").until(1), [["y", 0.5]]);
    await turn();
    assert.equal(handled, 0, "the core does it");
  });
});
