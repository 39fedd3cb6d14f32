// Reloading a configuration with other instances.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { answering, ask, CONFIG } from "./asking.js";
import { start } from "./session.js";

describe("reload() of a configuration with other instances", () => {
  const OTHER = "[python second]\nmodule = second\n[map]\nprobe.ask > second.second.hear\nsecond.heard > probe.heard\n";
  const HEAR = "def hear(value): midimonster.output('heard', value)\n";

  it("starts those that are new", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1), "second.py": HEAR });
    await ask(session);
    session.write("monster.cfg", CONFIG + OTHER);
    assert.deepEqual(await session.router.reload(), { modules: [], added: ["second"], removed: [] });
    assert.equal(await ask(session), 0.12);
    assert.deepEqual(await session.probe.until("heard"), [1]);
  });

  it("stops those that are gone: the cleanup handler runs, sockets close, nothing of them goes on", async () => {
    const session = await start(CONFIG + OTHER, {
      "mod.py": answering(0.1),
      "second.py": `${HEAR}
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
say(sock.getsockname()[1])
midimonster.manage(print, sock)
midimonster.interval(lambda: midimonster.output("heard", 0.5), 10)
def end(): say("end"); midimonster.output("heard", 1)
midimonster.cleanup_handler(end)
`,
    });
    await session.probe.until("heard");
    session.write("monster.cfg", CONFIG);
    assert.deepEqual(await session.router.reload(), { modules: [], added: [], removed: ["second"] });
    const heard = session.probe.values("heard").length;
    const [port, end] = session.said();
    assert.equal(end, "end");
    const socket = createSocket("udp4").bind(port as number, "127.0.0.1");
    await once(socket, "listening"); // its number can be used again
    socket.close();
    await ask(session);
    assert.equal(session.probe.values("heard").length, heard);
  });

  it("replaces one whose modules have changed otherwise than by more of them", async () => {
    const session = await start(CONFIG + OTHER, {
      "mod.py": answering(0.1),
      "second.py": `${HEAR}midimonster.cleanup_handler(lambda: say("end"))\n`,
      "third.py": "def hear(value): midimonster.output('heard', value / 2)\n",
    });
    session.write(
      "monster.cfg",
      CONFIG + OTHER.replace("module = second", "module = third").replace("second.second.", "second.third."),
    );
    assert.deepEqual(await session.router.reload(), { modules: [], added: ["second"], removed: ["second"] });
    assert.equal(await ask(session), 0.11);
    assert.deepEqual(await session.probe.until("heard"), [0.5]);
    assert.deepEqual(session.said(), ["end"]);
  });

  it("can come and go many times", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0), "second.py": HEAR });
    for (let i = 0; i < 5; ++i) {
      session.write("monster.cfg", CONFIG + OTHER);
      await session.router.reload();
      session.write("monster.cfg", CONFIG);
      await session.router.reload();
    }
    assert.equal(await ask(session), 0.01);
    session.write("monster.cfg", CONFIG + OTHER);
    await session.router.reload();
    await ask(session);
    assert.deepEqual(await session.probe.until("heard"), [1]);
  });

  it("warns that a backend's options take effect with the next start", async () => {
    const session = await start(CONFIG, { "mod.py": answering(0.1) });
    session.write("monster.cfg", `[backend python]\nhandler-warn = 500\n${CONFIG}`);
    await session.router.reload();
    await session.log.seen(/options of backend 'python' have changed; they take effect with the next start/);
  });
});
