import assert from "node:assert/strict";
import { type ErrorCode, MidimonsterError, Router, silentLogger } from "../lib/index.js";
import { start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[loopback desk]
[loopback lamp]
[osc touch]
destination = 127.77.3.4 9000
[backend artnet]
bind = 127.77.3.4
[artnet dmx]
destination = 127.77.3.4
[map]
desk.fader > py.mod.fader
desk.fader > probe.seen
desk.both <> probe.both
touch./1/xy > probe.touched
py.level > probe.level
py.level > lamp.dim
py.level > dmx.1+2
`;

const MODULE = `
def fader(value):
    midimonster.output("level", value / 2)
`;

const started = () => start(CONFIG, { "mod.py": MODULE });

function refused(call: () => unknown, code: ErrorCode, message: string) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof MidimonsterError, String(error));
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  });
}

describe("send()", () => {
  it("goes where the channel is mapped to, in order, with values clamped", async () => {
    const { router, probe } = await started();
    for (const value of [0.25, 7, -1, 0.5]) router.send("desk.fader", value);
    assert.deepEqual(await probe.until("seen", 4), [0.25, 1, 0, 0.5]);
    assert.deepEqual(await probe.until("level", 4), [0.125, 0.5, 0, 0.25]);
  });

  it("calls the function that a channel names, if the channel is only a target", async () => {
    const { router, probe } = await started();
    router.send("py.mod.fader", 1);
    assert.deepEqual(await probe.until("level"), [0.5]);
    assert.deepEqual(probe.values("seen"), []);
  });

  it("gives an instance its event, between those that were sent before and after", async () => {
    const { router, probe } = await started();
    router.send("desk.fader", 0.25);
    router.send("probe.seen", 0.5);
    router.send("desk.fader", 0.75);
    assert.deepEqual(await probe.until("seen", 3), [0.25, 0.5, 0.75]);
  });

  it("takes a channel of a mapping in both directions for a source", async () => {
    const { router, probe } = await started();
    router.send("desk.both", 1);
    assert.deepEqual(await probe.until("both"), [1]);
    router.send("probe.both", 0.5); // to the loopback, which outputs it again
    assert.deepEqual(await probe.until("both", 2), [1, 0.5]);
  });

  it("knows channels by all their spellings", async () => {
    const { router, probe } = await started();
    router.send("touch./1/xy", 0.25);
    router.send("touch./1/xy:0", 0.5);
    router.send("dmx.01+02", 1); // taken: nothing is thrown
    assert.deepEqual(await probe.until("touched", 2), [0.25, 0.5]);
  });

  it("works from a tap, also in a circle", async () => {
    const { router, probe } = await started();
    let left = 100;
    router.tap((events) => {
      if (events.some(({ channel }) => channel === "level") && --left > 0) router.send("py.mod.fader", 1);
    });
    router.send("py.mod.fader", 1);
    assert.equal((await probe.until("level", 100)).length, 100);
  });

  it("sees the mapping of the present configuration", async () => {
    const session = await started();
    const { router, probe } = session;
    router.send("py.mod.fader", 1);
    await probe.until("level");
    session.write("monster.cfg", CONFIG.replace("desk.fader > probe.seen", "desk.new > probe.seen"));
    await router.reload();
    router.send("desk.new", 0.5);
    router.send("py.mod.fader", 0.5);
    assert.deepEqual(await probe.until("seen"), [0.5]);
    assert.deepEqual(await probe.until("level", 2), [0.5, 0.25]);
  });

  const mistakes: [channel: string, value: number, message: string][] = [
    ["desc.fader", 1, "no instance 'desc'; did you mean 'desk'?"],
    ["desk.fadr", 1, "no mapping uses 'desk.fadr'; did you mean 'fader'?"],
    ["py.mod.fadr", 1, "no mapping uses 'py.mod.fadr'; did you mean 'mod.fader'?"],
    ["desk.x", 1, "no mapping uses 'desk.x'; channels of 'desk': fader, both"],
    ["touch.xy", 1, "no mapping uses 'touch.xy'; channels of 'touch': /1/xy"],
    ["desk", 1, "send() needs a channel as 'instance.channel', not desk"],
    ["desk.", 1, "send() needs a channel as 'instance.channel', not desk."],
    [undefined as unknown as string, 1, "send() needs a channel as 'instance.channel', not undefined"],
    ["desk.fader", Number.NaN, "send() needs a number as the event's value, not NaN"],
    ["desk.fader", "1" as unknown as number, "send() needs a number as the event's value, not a string"],
  ];
  it("refuses what it can't send, with what may have been meant", async () => {
    const { router, probe } = await started();
    for (const [channel, value, message] of mistakes) {
      refused(() => router.send(channel, value), "VALUE", message);
    }
    router.send("desk.fader", 1);
    assert.deepEqual(await probe.until("seen"), [1]);
  });

  it("is refused before the start and after the stop", async () => {
    const router = new Router({ logger: silentLogger }).instance("loopback", "a").map("a.x", "a.y");
    const { code } = await Promise.resolve()
      .then(() => router.send("a.x", 1))
      .then(
        () => ({ code: undefined }),
        (error) => error,
      );
    assert.equal(code, "STATE");
    await router.start();
    router.send("a.x", 1);
    const stopped = router.stop();
    assert.throws(() => router.send("a.x", 1), { code: "STATE" });
    await stopped;
    assert.throws(() => router.send("a.x", 1), { code: "STATE" });
  });
});
