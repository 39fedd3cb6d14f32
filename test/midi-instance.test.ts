// MIDI instances in a router, and a sequencer that the test plays (fake-libasound.c).
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith } from "./helpers.js";
import { BOTH, buildStandIn, loadStandIn, RECEIVES, SENDS, StandIn } from "./midi-stand-in.js";
import { type Session, start, stopSessions } from "./session.js";

describe("a MIDI instance", () => {
  let sequencer: StandIn;

  before(function () {
    if (process.platform !== "linux") {
      console.log("SKIPPED: MIDI is there on Linux only");
      this.skip();
    }
    const folder = buildStandIn();
    if (folder === undefined) this.skip();
    else loadStandIn(folder);
  });

  beforeEach(async () => {
    sequencer = await StandIn.open(`add 20:0 ${BOTH} nanoKONTROL2`, `add 24:0 ${RECEIVES} Synth: No. 5`);
  });

  afterEach(async () => {
    await stopSessions();
    await sequencer.close();
  });

  /** A router with one instance `desk` of these options. */
  const desk = (options: string, map: string, more = ""): Promise<Session> =>
    start(`${more}[midi desk]\n${options}\n[map]\n${map}\n`);

  /** Has the nanoKONTROL2 send an event: type, channel, parameter or note, value or velocity. */
  const play = (type: number, ...data: number[]) => sequencer.command(`event ${type} to 0 from 20:0 ${data.join(" ")}`);

  describe("as others see it", () => {
    it("is a port of one client, named after it, that can be connected in both directions", async () => {
      await start("[midi a]\n[midi b]\n[map]\nprobe.x > a.ch0.cc1\nb.ch0.cc1 > probe.x\n");
      await sequencer.until(/^port 1/);
      assert.deepEqual(
        sequencer.calls.filter((call) => !call.startsWith("own port")),
        ["open default 3 0", "name MIDIMonster", "port 0 0x63 0x2 a", "port 1 0x63 0x2 b"],
      );
    });

    it("belongs to a client of the name that is wanted", async () => {
      const session = await desk("", "probe.x > desk.ch0.cc1", "[backend midi]\nname = Stage left\n");
      await sequencer.until(/^name Stage left$/);
      assert.equal(session.log.matching(/^midi: client 128 of ALSA's sequencer, 'Stage left'$/).length, 1);
    });

    it("is gone with the stop", async () => {
      const session = await desk("", "probe.x > desk.ch0.cc1");
      await session.router.stop();
      assert.deepEqual((await sequencer.until(/^close$/)).length, 1);
    });
  });

  describe("sends", () => {
    const cases: [channel: string, value: number, events: string[]][] = [
      ["ch0.note60", 0.5, ["6: 0 60 63"]],
      ["ch9.note0", 0, ["6: 9 0 0"]],
      ["channel1.pressure5", 1, ["8: 1 5 127"]],
      ["ch15.cc127", 1, ["10: 15 127 127"]],
      ["ch0.program", 0.5, ["11: 0 0 63"]],
      ["ch0.aftertouch", 0.25, ["12: 0 0 31"]],
      ["ch0.pitch", 0, ["13: 0 0 -8192"]],
      ["ch0.pitchbend", 0.5, ["13: 0 0 -1"]],
      ["ch2.pitch", 1, ["13: 2 0 8191"]],
      ["ch0.cc14.7", 0.5, ["10: 0 7 63", "10: 0 39 127"]],
      ["ch0.nrpn900", 0.5, ["99 7", "98 4", "6 63", "38 127", "101 127", "100 127"].map((pair) => `10: 0 ${pair}`)],
      ["clock", 1, ["36: 0 0 0"]],
      ["stop", 0.6, ["32: 0 0 0"]],
      ["ch3.rpn1", 1, ["101 0", "100 1", "6 127", "38 127", "101 127", "100 127"].map((pair) => `10: 3 ${pair}`)],
    ];
    it("each kind of value as what it is in MIDI", async () => {
      const session = await desk("", cases.map(([channel], i) => `probe.x${i} > desk.${channel}`).join("\n"));
      for (const [i, [channel, value, events]] of cases.entries()) {
        session.probe.emit(`x${i}`, value);
        assert.deepEqual(await sequencer.sent(events.length), events, channel);
      }
    });

    it("equal values each time, and all events in order", async () => {
      const session = await desk("", "probe.{x,y} > desk.ch0.{note1,cc2}");
      for (const [channel, value] of [
        ["x", 1],
        ["x", 0],
        ["y", 0.5],
        ["x", 0],
        ["y", 0.5],
      ] as const) {
        session.probe.emit(channel, value);
      }
      const [on, off, control] = ["6: 0 1 127", "6: 0 1 0", "10: 0 2 63"];
      assert.deepEqual(await sequencer.sent(5), [on, off, control, off, control]);
    });

    it("more events than a batch has room for", async () => {
      const session = await desk("", "probe.x > desk.ch0.nrpn5");
      for (let i = 0; i < 20; ++i) session.probe.emit("x", 0);
      assert.equal((await sequencer.sent(120)).length, 120);
    });

    it("parameters that stay active with `epn-tx = short`, and releases with `note-off = on`", async () => {
      const session = await desk("epn-tx = short\nnote-off = on", "probe.{x,y} > desk.ch0.{rpn2,note3}");
      session.probe.emit("x", 0);
      session.probe.emit("y", 0);
      session.probe.emit("y", 1);
      assert.deepEqual(await sequencer.sent(6), [
        ...["101 0", "100 2", "6 0", "38 0"].map((pair) => `10: 0 ${pair}`),
        "7: 0 3 64",
        "6: 0 3 127",
      ]);
    });

    it("the end of notes that sound, with `all-notes-off`", async () => {
      const session = await desk("all-notes-off = on", "probe.{x,y,z} > desk.{ch1.note3,ch2.note4,ch3.cc5}");
      for (const channel of ["x", "y", "z"]) session.probe.emit(channel, 1);
      session.probe.emit("y", 0);
      await sequencer.sent(4);
      await session.router.stop();
      assert.deepEqual(await sequencer.sent(1), ["10: 1 123 0"]);
    });

    it("on when a receiver refuses an event: one line says that it is lost", async () => {
      const session = await desk("write = 20:0", "probe.{x,y} > desk.ch0.cc{1,2}\ndesk.ch0.cc3 > probe.read");
      sequencer.command("refuse 2 12"); // ENOMEM
      play(10, 0, 3, 0);
      await session.probe.until("read");
      session.probe.emit("x", 1);
      session.probe.emit("x", 1);
      session.probe.emit("y", 1);
      assert.deepEqual(await sequencer.sent(1), ["10: 0 2 127"]);
      const lost = "desk: 2 MIDI messages lost: a device takes no more at the moment (ENOMEM)";
      assert.deepEqual(
        session.log.matching(/lost/).map(({ message }) => message),
        [lost],
      );
    });
  });

  describe("receives", () => {
    const cases: [channel: string, events: number[][], values: number[]][] = [
      [
        "ch0.note60",
        [
          [6, 0, 60, 127],
          [7, 0, 60, 64],
          [6, 0, 60, 0],
        ],
        [1, 0, 0],
      ],
      ["ch1.pressure5", [[8, 1, 5, 64]], [64 / 127]],
      [
        "ch15.cc7",
        [
          [10, 15, 7, 1],
          [10, 15, 7, 1],
        ],
        [1 / 127, 1 / 127],
      ],
      ["ch0.program", [[11, 0, 0, 5]], [5 / 127]],
      ["ch0.aftertouch", [[12, 0, 0, 127]], [1]],
      [
        "ch0.pitch",
        [
          [13, 0, 0, -8192],
          [13, 0, 0, 0],
          [13, 0, 0, 8191],
          [13, 0, 0, 57344],
        ],
        [0, 8192 / 16383, 1, 0],
      ],
      [
        "ch0.nrpn900",
        [
          [10, 0, 99, 7],
          [10, 0, 98, 4],
          [10, 0, 6, 63],
          [10, 0, 38, 127],
        ],
        [8191 / 16383],
      ],
      [
        "ch4.cc14.1",
        [
          [10, 4, 1, 64],
          [10, 4, 33, 2],
          [10, 4, 33, 3],
        ],
        [8194 / 16383, 8195 / 16383],
      ],
      ["ch0.rpn3", [[16, 0, 3, 16383]], [1]],
      ["ch5.nrpn4", [[15, 5, 4, 0]], [0]],
    ];
    it("each kind of event as a value from 0 to 1", async () => {
      const session = await desk("read = 20", cases.map(([channel], i) => `desk.${channel} > probe.x${i}`).join("\n"));
      await sequencer.until(/^from 20:0 to 0$/);
      for (const [i, [channel, events, values]] of cases.entries()) {
        for (const event of events) play(event[0] ?? 0, ...event.slice(1));
        assert.deepEqual(await session.probe.until(`x${i}`, values.length), values, channel);
      }
    });

    it("thousands of events at once, all and in order", async () => {
      const session = await desk("read = 20", "desk.ch0.cc7 > probe.x");
      await sequencer.until(/^from 20/);
      sequencer.command("flood 5000");
      const values = await session.probe.until("x", 5000);
      assert.deepEqual(
        values,
        Array.from({ length: 5000 }, (_, i) => (i & 0x7f) / 127),
      );
    });

    it("what one instance is sent, and not what another one is", async () => {
      const session = await start("[midi a]\n[midi b]\n[map]\na.ch0.cc1 > probe.a\nb.ch0.cc1 > probe.b\n");
      await sequencer.until(/^port 1/);
      sequencer.command("event 10 to 1 from 20:0 0 1 127");
      await session.probe.until("b");
      assert.deepEqual(session.probe.received, [["b", 1]]);
    });

    it("clocks, starts and stops, each as an event", async () => {
      const session = await desk("read = 20", "desk.{clock,start,stop,continue} > probe.{c,s,p,g}");
      await sequencer.until(/^from 20/);
      for (const type of [30, 36, 36, 32, 31]) play(type);
      await session.probe.until("g");
      assert.deepEqual(
        session.probe.received.map(([channel, value]) => `${channel} ${value}`),
        ["s 1", "c 1", "c 1", "p 1", "g 1"],
      );
    });

    it("nothing of events without a value, and says nothing about them", async () => {
      const session = await desk("read = 20", "desk.ch0.cc7 > probe.x", "[backend midi]\ndetect = on\n");
      await sequencer.until(/^from 20/);
      const before = session.log.entries.length;
      for (const type of [42, 34, 37, 130, 0, 255]) play(type);
      play(10, 0, 7, 127);
      await session.probe.until("x");
      assert.deepEqual(
        session.log.entries.slice(before).map(({ message }) => message),
        ["desk: received ch0.cc7 1.000 from 20:0"],
      );
    });

    it("shows with `detect` what no mapping uses, and what a parameter consists of", async () => {
      const session = await desk("read = 20", "desk.ch0.cc7 > probe.x", "[backend midi]\ndetect = yes\n");
      await sequencer.until(/^from 20/);
      for (const [control, value] of [
        [101, 0],
        [100, 5],
        [6, 127],
        [38, 127],
      ])
        play(10, 2, control ?? 0, value ?? 0);
      await session.log.seen(/cc38/);
      const shown = session.log.matching(/received/).map(({ message }) => /received (\S+)/.exec(message)?.[1]);
      assert.deepEqual(shown, ["ch2.cc101", "ch2.cc100", "ch2.cc6", "ch2.rpn5", "ch2.cc14.6", "ch2.cc38"]);
    });

    it("on after a loss, which is logged", async () => {
      const session = await desk("read = 20", "desk.ch0.cc7 > probe.x");
      await sequencer.until(/^from 20/);
      sequencer.command("fail 28"); // ENOSPC
      play(10, 0, 7, 127);
      await session.probe.until("x");
      await session.log.seen(/^midi: events were lost: they came faster than they could be handled$/);
    });
  });

  describe("connects", () => {
    const cases: [wanted: string, call: string][] = [
      ["read = 20:0", "from 20:0 to 0"],
      ["source = 20", "from 20:0 to 0"],
      ["write = nanoKONTROL2", "from 0 to 20:0"],
      ["target = nano", "from 0 to 20:0"],
      ["write = nano.0", "from 0 to 20:0"],
      ["write = Synth: No. 5", "from 0 to 24:0"],
      ["write = Synth: No. 5:0", "from 0 to 24:0"],
      ["write = Synth: N", "from 0 to 24:0"],
    ];
    for (const [option, call] of cases) {
      it(`by '${option}'`, async () => {
        const session = await desk(option, "probe.x > desk.ch0.cc1");
        await sequencer.until(/^from/);
        assert.deepEqual(sequencer.matching(/^from/), [call]);
        const [status] = session.router.describe().instances.filter(({ name }) => name === "desk");
        assert.equal(status?.status?.state, "ok");
        assert.match(
          status?.status?.text ?? "",
          /^port 128:0; (receives from|sends to) '(nanoKONTROL2|Synth: No\. 5)' \(2\d:0\)$/,
        );
      });
    }

    it("several devices", async () => {
      await desk("write = 20:0\nwrite = Synth\nread = nano", "probe.x > desk.ch0.cc1");
      assert.deepEqual((await sequencer.until(/^from/, 3)).sort(), [
        "from 0 to 20:0",
        "from 0 to 24:0",
        "from 20:0 to 0",
      ]);
    });

    it("a device that comes later, and again when it comes back with another number", async () => {
      const session = await desk("read = Launch", "desk.ch0.cc1 > probe.x");
      const { message } = await session.log.seen(/^desk: waits/);
      assert.equal(message, "desk: waits for a MIDI device 'Launch' to receive from; there are 20:0 'nanoKONTROL2'");
      assert.equal(session.router.describe().instances.find(({ name }) => name === "desk")?.status?.state, "waiting");
      sequencer.command(`add 28:0 ${BOTH} Launchpad`);
      await session.log.seen(/^desk: receives from 'Launchpad' \(28:0\)$/);
      sequencer.command("remove 28");
      await session.log.seen(/^desk: the MIDI device 'Launchpad' \(28:0\) is gone; waiting for it$/);
      sequencer.command(`add 32:0 ${BOTH} Launchpad`);
      await session.log.seen(/^desk: receives from 'Launchpad' \(32:0\) again$/);
      assert.deepEqual(await sequencer.until(/^from/, 2), ["from 28:0 to 0", "from 32:0 to 0"]);
      sequencer.command("event 10 to 0 from 32:0 0 1 127");
      assert.deepEqual(await session.probe.until("x"), [1]);
    });

    it("a device that comes back though announcements were lost", async () => {
      const session = await desk("read = nano\nwrite = nano", "desk.ch0.cc1 <> probe.x");
      await sequencer.until(/^from/, 2);
      sequencer.command("announce nothing");
      sequencer.command("remove 20");
      sequencer.command(`add 28:0 ${BOTH} nano`);
      sequencer.command("fail 28"); // ENOSPC
      await session.log.seen(/^desk: the MIDI device 'nanoKONTROL2' \(20:0\) is gone; waiting for it$/);
      await session.log.seen(/^desk: receives from 'nano' \(28:0\) again$/);
      await session.log.seen(/^desk: sends to 'nano' \(28:0\) again$/);
    });

    it("in both directions, and tells only once that it is gone", async () => {
      const session = await desk("read = 20:0\nwrite = nano", "desk.ch0.cc1 <> probe.x");
      await sequencer.until(/^from/, 2);
      sequencer.command("remove 20");
      sequencer.command(`add 28:0 ${BOTH} nano`);
      await session.log.seen(/^desk: sends to 'nano' \(28:0\) again$/);
      assert.equal(session.log.matching(/is gone/).length, 1);
    });

    it("not to a port of the wrong direction, and says so", async () => {
      const session = await desk("read = 24:0", "desk.ch0.cc1 > probe.x");
      await session.log.seen(/^desk: 'Synth: No\. 5' \(24:0\) is not a MIDI device to receive from: it does not allow/);
    });

    it("not again what another program has disconnected, until that connects it", async () => {
      const session = await desk("read = 20:0", "desk.ch0.cc1 > probe.x");
      await sequencer.until(/^from/);
      sequencer.command("event 67 to 0 from 0:1 20 0 128 0");
      await session.log.seen(
        /^desk: was disconnected from 'nanoKONTROL2' \(20:0\) by another program, and leaves it so$/,
      );
      sequencer.command(`add 28:0 ${SENDS} Other`);
      sequencer.command("event 66 to 0 from 0:1 20 0 128 0");
      await session.log.seen(/^desk: receives from 'nanoKONTROL2' \(20:0\) again$/);
      assert.equal(sequencer.matching(/^from/).length, 1);
    });

    it("and sends `init`, and with `resend` the last values, to each device that is new, and to that only", async () => {
      const session = await desk(
        "write = Launch\ninit = F0 00 20 29 F7 B3 07 7F\ninit = e0 00 40\nresend = on",
        "probe.{x,y} > desk.ch0.cc{1,2}",
      );
      session.probe.emit("x", 0.25);
      session.probe.emit("y", 1);
      session.probe.emit("x", 1);
      await sequencer.sent(3);
      sequencer.command(`add 28:0 ${RECEIVES} Launchpad`);
      const welcome = (to: string) =>
        ["bytes f0002029f7", "type 10: 3 7 127", "type 13: 0 0 0", "type 10: 0 1 127", "type 10: 0 2 127"].map(
          (what) => `sent 0 to ${to} ${what}`,
        );
      assert.deepEqual(await sequencer.sent(5), welcome("28:0"));
      // By another program.
      sequencer.command("event 66 to 0 from 0:1 128 0 20 0");
      assert.deepEqual(await sequencer.sent(5), welcome("20:0"));
      sequencer.command("event 66 to 0 from 0:1 128 0 20 0");
      sequencer.command("remove 28");
      sequencer.command(`add 32:0 ${RECEIVES} Launchpad`);
      assert.deepEqual(await sequencer.sent(5), welcome("32:0"));
    });
  });

  describe("where there is no sequencer", () => {
    it("starts, says so once, and works as soon as there is one", async () => {
      const folder = folderWith({ none: "" });
      process.env.MMPY_TEST_NO_MIDI = path.join(folder, "none");
      const session = await desk("write = 20:0\nresend = on", "probe.start > desk.start\nprobe.x > desk.ch0.cc1");
      const { message } = await session.log.seen(/^midi: ALSA's sequencer can't be opened/);
      assert.match(message, /: ENOENT; .*; trying again$/);
      session.probe.emit("start", 1); // not sent later
      session.probe.emit("x", 1);
      const { status } = session.router.describe().instances.find(({ name }) => name === "desk") ?? {};
      assert.deepEqual([status?.state, /can't be opened/.test(status?.text ?? "")], ["waiting", true]);
      process.env.MMPY_TEST_NO_MIDI = path.join(folder, "no longer");
      await session.log.seen(/^midi: works now, as client 128 of ALSA's sequencer$/);
      assert.deepEqual(await sequencer.sent(1), ["sent 0 to 20:0 type 10: 0 1 127"]);
      assert.equal(session.log.matching(/can't be opened/).length, 1);
    });

    it("any more when something is sent: it is opened again", async () => {
      const session = await desk("read = 20", "probe.x > desk.ch0.cc1\ndesk.ch0.cc3 > probe.read");
      sequencer.command("refuse 1 19"); // ENODEV
      play(10, 0, 3, 0);
      await session.probe.until("read");
      session.probe.emit("x", 1);
      await session.log.seen(/^midi: works now/);
      session.probe.emit("x", 0);
      assert.deepEqual((await sequencer.sent(1)).at(-1), "10: 0 1 0");
    });

    it("any more: it is opened again, with the same ports and connections", async () => {
      const session = await start("[midi a]\n[midi b]\nread = 20\n[map]\na.ch0.cc1 > probe.a\nb.ch0.cc1 > probe.b\n");
      await sequencer.until(/^from 20:0 to 1$/);
      sequencer.command("fail 19"); // ENODEV
      await session.log.seen(/^midi: the connection to ALSA's sequencer has ended: ENODEV; trying again$/);
      await sequencer.until(/^from 20:0 to 1$/, 2);
      sequencer.command("event 10 to 1 from 20:0 0 1 127");
      assert.deepEqual(await session.probe.until("b"), [1]);
    });
  });

  describe("at a reload", () => {
    it("that changes its options keeps its port, its connections and what it last sent", async () => {
      const config = (options: string) => `[midi desk]\nwrite = 20:0\n${options}\n[map]\nprobe.x > desk.ch0.note1\n`;
      const session = await start(config("read = 20:0\nresend = on"));
      session.probe.emit("x", 1);
      await sequencer.sent(1);
      session.write("monster.cfg", config("note-off = on\nresend = on"));
      await session.router.reload();
      assert.deepEqual(await sequencer.sent(1), ["sent 0 to 20:0 type 6: 0 1 127"]);
      session.probe.emit("x", 0);
      assert.deepEqual(await sequencer.sent(1), ["7: 0 1 64"]);
      assert.deepEqual(sequencer.matching(/^(port|delete|from)/), []);
    });

    it("that wants other devices ends the connections to those it does not want", async () => {
      const config = (device: string) => `[midi desk]\nwrite = ${device}\n[map]\nprobe.x > desk.ch0.note1\n`;
      const session = await start(config("20:0"));
      await sequencer.until(/^from/);
      session.write("monster.cfg", config("Synth"));
      await session.router.reload();
      await sequencer.until(/^from/, 2);
      assert.deepEqual(sequencer.matching(/from/), ["from 0 to 20:0", "not from 0 to 20:0", "from 0 to 24:0"]);
    });

    it("that removes it removes its port", async () => {
      const session = await start("[midi a]\n[midi b]\n[map]\nprobe.x > a.ch0.cc1\nprobe.x > b.ch0.cc1\n");
      await sequencer.until(/^port 1/);
      session.write("monster.cfg", "[midi a]\n[map]\nprobe.x > a.ch0.cc1\n");
      await session.router.reload();
      assert.deepEqual(await sequencer.until(/^delete/), ["delete 1"]);
    });
  });
});
