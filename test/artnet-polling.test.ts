// Art-Net's discovery: what this program says of itself, and of whom it learns.
import assert from "node:assert/strict";
import { turn } from "./desk-backend.js";
import { address, DmxRig, OWN_PORT, Peer, padded, replyOf, stopClock } from "./dmx-network.js";

const [OWN, DESK] = [address(1), address(2)];
const PORT = 6454;
const POLL = "4172742d4e657400 0020 000e 00 00";
const POLL_FOR_CHANGES = "4172742d4e657400 0020 000e 02 00";

/** Sets a frame's slot 1 of net 0, universe 0. */
const FRAME = "4172742d4e657400 0050 000e 00 00 00 00 0001 ff";

const isReply = (data: Buffer) => data.length === 239 && data[9] === 0x21;
const text = (data: Buffer, at: number, length: number) => data.toString("utf8", at, at + length).replace(/\0+$/, "");

describe("an ArtPoll", () => {
  it("is answered to its sender, for each instance, with its universe and what it does", async () => {
    await DmxRig.started(
      `[backend artnet]\nbind = ${OWN} 6454 announce=10.9.8.7\n` +
        "[artnet a-long-name-of-an-instance]\nnet = 5\nuniverse = 0x23\n" +
        `[artnet out]\nuniverse = 2\ndestination = ${DESK}\nstart = event\n[map]\nprobe.x > out.1\n`,
    );
    const desk = await Peer.at(DESK, PORT);
    await desk.send(POLL, OWN, PORT);
    const [first, second] = (await desk.count(2)).map(({ data }) => data) as [Buffer, Buffer];
    const expected = padded(
      "4172742d4e657400 0021 0a090807 3619 0000 05 02 00ff 00 d0 f07f" +
        `${padded("612d6c6f6e672d6e616d652d6f662d616e", 18)}` +
        `${padded(Buffer.from("midimonster-python - a-long-name-of-an-instance").toString("hex"), 64)}` +
        `${padded(Buffer.from("#0001 [0001] running").toString("hex"), 64)}` +
        "0001 80000000 08000000 02000000 03000000 03000000 00 00 00 000000 00" +
        "000000000000 0a090807 01 08 c0",
      239,
    );
    assert.equal(first.toString("hex"), expected);
    assert.deepEqual([...second.subarray(174, 192)], [0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0]);
    assert.equal(second[211], 2);
  });

  it("is told whether data comes and goes", async () => {
    const rig = await DmxRig.started(
      `[backend artnet]\nbind = ${OWN}\n[artnet both]\nuniverse = 1\ndestination = ${DESK}\nmerge = htp\n` +
        "[map]\nboth.1 > probe.x\nprobe.y > both.2\n",
    );
    const desk = await Peer.at(DESK, PORT);
    await desk.send("4172742d4e657400 0050 000e 00 00 01 00 0002 ff00", OWN, PORT);
    await rig.probe.until("x");
    await desk.send(POLL, OWN, PORT);
    const reply = await desk.until(isReply);
    assert.deepEqual([reply[174], reply[178], reply[182]], [0xc0, 0x80, 0x80]);
    assert.deepEqual([...reply.subarray(10, 14)].join("."), OWN);
  });

  it("that asks for it is answered again when a reload adds an instance", async () => {
    const config = (names: readonly string[]) =>
      `[backend artnet]\nbind = ${OWN}\n${names.map((name, i) => `[artnet ${name}]\nuniverse = ${i}\n`).join("")}`;
    const rig = await DmxRig.started(config(["one"]));
    const desk = await Peer.at(DESK, PORT);
    await desk.send(POLL_FOR_CHANGES, OWN, PORT);
    await desk.until(isReply);
    await rig.reload(config(["one", "two"]));
    await desk.until((data) => isReply(data) && text(data, 26, 18) === "two");
  });

  it("is answered by a program that is bound to all addresses with the one that the sender reaches", async () => {
    await DmxRig.started(`[backend artnet]\nbind = * ${OWN_PORT}\n[artnet in]\n`);
    const desk = await Peer.at(DESK, 0);
    await desk.send(POLL, "127.0.0.1", OWN_PORT);
    const reply = await desk.until(isReply);
    assert.deepEqual([...reply.subarray(10, 14)].join("."), "127.0.0.1");
  });

  it("is only answered so often in a second", async () => {
    // Polls of other tests, which go to everybody, would be answered too.
    const backend = `[backend artnet]\nbind = ${OWN} ${OWN_PORT}\n`;
    const rig = await DmxRig.started(`${backend}[artnet in]\n[map]\nin.1 > probe.end\n`);
    const desk = await Peer.at(DESK, OWN_PORT);
    const begun = performance.now();
    for (let i = 0; i < 200; ++i) await desk.send(POLL, OWN, OWN_PORT);
    await desk.send(FRAME, OWN, OWN_PORT);
    await rig.probe.until("end");
    // All polls have been looked at. What was answered is on its way, or in the system's buffer.
    const answered = async () => {
      const before = desk.received.length;
      for (let i = 0; i < 10; ++i) await turn();
      return desk.received.length === before;
    };
    while (!(await answered()));
    const most = 50 * Math.ceil(1 + (performance.now() - begun) / 1000);
    assert.ok(desk.received.length >= 50 && desk.received.length <= most, `${desk.received.length}`);
  });

  it("goes out while nodes are wanted, and nodes are logged with 'detect'", async () => {
    const desk = await Peer.at("127.255.255.255", PORT);
    const rig = await DmxRig.started(
      `[backend artnet]\nbind = ${OWN}\ndetect = on\n[artnet out]\ndestination = auto\n`,
    );
    const poll = await desk.until((data) => data[9] === 0x20);
    assert.equal(poll.toString("hex"), POLL_FOR_CHANGES.replaceAll(" ", ""));
    const node = await Peer.at(DESK, PORT);
    await node.send(replyOf("Hazer", 0), OWN, PORT);
    await rig.log.seen(/artnet: node 'Hazer' at .*, takes net\.universe 0\.0/);
  });
});

describe("a flood of Art-Net's discovery", () => {
  it("makes no more than so many replies in a second, however many instances there are", async () => {
    const pass = stopClock();
    const instances = Array.from({ length: 150 }, (_, i) => `[artnet u${i}]\nuniverse = ${i}\n`).join("");
    const backend = `[backend artnet]\nbind = ${OWN} ${OWN_PORT}\n`;
    const rig = await DmxRig.started(`${backend}${instances}[map]\nu0.1 > probe.end\n`);
    const desk = await Peer.at(DESK, OWN_PORT);
    for (let i = 0; i < 50; ++i) await desk.send(POLL, OWN, OWN_PORT);
    await desk.send(FRAME, OWN, OWN_PORT);
    await rig.probe.until("end");
    pass(1001);
    const later = await Peer.at(address(3), OWN_PORT);
    await later.send(POLL, OWN, OWN_PORT);
    // The 34th poll was the one that took them past 5000. Each reply says how many there were.
    assert.match(text(await later.until(isReply), 108, 64), /^#0001 \[5101\]/);
  });

  it("makes no more than so many lines in a second", async () => {
    stopClock();
    const rig = await DmxRig.started(
      `[backend artnet]\nbind = ${OWN}\ndetect = on\n[artnet in]\n[map]\nin.1 > probe.end\n`,
    );
    const node = await Peer.at(DESK, PORT);
    for (let i = 0; i < 200; ++i) await node.send(replyOf(`Node ${i}`, 0), OWN, PORT);
    await node.send(FRAME, OWN, PORT);
    await rig.probe.until("end");
    const told = rig.log.matching(/artnet: node /).length;
    assert.ok(told > 0 && told <= 20, `${told}`);
  });

  it("leaves no nodes where none are asked for, which could never go", async () => {
    const rig = await DmxRig.started(`[backend artnet]\nbind = ${OWN}\n[artnet in]\n[map]\nin.1 > probe.end\n`);
    const node = await Peer.at(DESK, PORT);
    await node.send(replyOf("Hazer", 0), OWN, PORT);
    await node.send(FRAME, OWN, PORT);
    await rig.probe.until("end");
    assert.deepEqual(rig.status("in")?.peers, [`${DESK}:${PORT}`]);
  });
});
