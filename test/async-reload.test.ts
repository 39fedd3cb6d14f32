// Tasks across reloads: which of them end, which go on, and when new ones begin.
import assert from "node:assert/strict";
import { ask, PATIENT_CONFIG, problems, type Session, start } from "./session.js";

const BEGINNING = `
import asyncio
def ask(value):
    midimonster.output("done", value)
def go(value):
    pass
`;

const module = (text: string) => BEGINNING + text;

async function reload(session: Session, text: string): Promise<void> {
  session.write("mod.py", module(text));
  await session.router.reload();
}

describe("a reload", () => {
  it("cancels the tasks of the replaced module, and begins the new ones when these have ended", async () => {
    const version = (number: number) => `
async def child():
    try:
        await asyncio.sleep(1000)
    finally:
        say("child %d ends" % ${number})
async def main():
    say("main ${number} begins")
    task = asyncio.create_task(child())
    try:
        midimonster.output("out", 1)
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(0.02)
        say("main ${number} ends")
midimonster.task(main())
`;
    const session = await start(PATIENT_CONFIG, { "mod.py": module(version(1)) });
    await session.probe.until("out", 1);
    await reload(session, version(2));
    await session.probe.until("out", 2);
    assert.deepEqual(session.said(), ["main 1 begins", "child 1 ends", "main 1 ends", "main 2 begins"]);
    assert.deepEqual(problems(session), []);
  });

  it("lets a module reload that owns a port in a task, also one of a library's coroutine", async () => {
    const version = (answer: string) => `
async def answer(reader, writer):
    writer.write(b"${answer}")
    writer.close()
async def serve():
    server = await asyncio.start_server(answer, "127.0.0.1", PORT)
    midimonster.output("out", 1)
    async with server:
        await server.serve_forever()
async def go(value):
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    say((await reader.read()).decode())
    writer.close()
    midimonster.output("done", 1)
import socket
previous = midimonster.previous()
if previous is None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        PORT = unused.getsockname()[1]
else:
    PORT = previous.PORT
midimonster.task(serve())
midimonster.task(asyncio.sleep(1000))  # of another module, but begun by this one
`;
    const session = await start(PATIENT_CONFIG, { "mod.py": module(version("one")) });
    await session.probe.until("out", 1);
    await ask(session, "go");
    for (const [index, answer] of ["two", "three"].entries()) {
      await reload(session, version(answer));
      await session.probe.until("out", index + 2);
      await ask(session, "go");
    }
    assert.deepEqual(session.said(), ["one", "two", "three"]);
    assert.deepEqual(problems(session), []);
  });

  it("ends a TLS handshake that is under way, as a stop does", async () => {
    // The server takes the client's greeting, and never answers.
    const version = (number: number) => `
import ssl
async def silent(reader, writer):
    await reader.read(1)
    midimonster.output("out", 1)
    try:
        await asyncio.sleep(1000)
    finally:
        writer.close()
async def main():
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=ssl.create_default_context())
    finally:
        server.close()
        say("${number} ends")
midimonster.task(main())
`;
    const session = await start(PATIENT_CONFIG, { "mod.py": module(version(1)) });
    await session.probe.until("out", 1);
    await reload(session, version(2));
    await session.probe.until("out", 2);
    await session.router.stop();
    assert.deepEqual(session.said(), ["1 ends", "2 ends"]);
    assert.deepEqual(problems(session), []);
  });

  it("carries over a task that the new version passes to task()", async () => {
    const session = await start(PATIENT_CONFIG, {
      "mod.py": module(`
async def count():
    number = 0
    while True:
        number += 1
        midimonster.output("out", number / 1000)
        await asyncio.sleep(0.001)
counting = midimonster.task(count())
`),
    });
    await session.probe.until("out", 3);
    const carrying = "counting = midimonster.task(midimonster.previous().counting)\n";
    await reload(session, carrying);
    await reload(session, `${carrying}# changed\n`);
    const before = session.probe.values("out").length;
    const values = await session.probe.until("out", before + 3);
    assert.deepEqual(
      values,
      values.map((_, index) => (index + 1) / 1000),
    );
    // No longer carried over, it ends like any other of the module's.
    await reload(
      session,
      "previous = midimonster.previous()\ndef go(value): say(previous.counting.cancelled())\nasync def last(): midimonster.output('done', 1)\nmidimonster.task(last())\n",
    );
    await session.probe.until("done");
    session.probe.emit("go", 1);
    await ask(session);
    assert.deepEqual(session.said(), [true]);
    assert.deepEqual(problems(session), []);
  });

  it("that fails disturbs no task, and begins none", async () => {
    const session = await start(PATIENT_CONFIG, {
      "mod.py": module(`
async def count():
    while True:
        midimonster.output("out", 1)
        await asyncio.sleep(0.001)
counting = midimonster.task(count())
`),
    });
    await session.probe.until("out");
    for (const failing of [
      "async def main():\n    say('began')\nmidimonster.task(main())\nraise ValueError('no')\n",
      "async def main():\n    say('began')\nmidimonster.task(midimonster.previous().counting)\nmidimonster.task(main())\ndel ask\n",
    ]) {
      await assert.rejects(reload(session, failing));
      await session.probe.until("out", session.probe.values("out").length + 5);
    }
    await session.router.stop();
    assert.deepEqual(session.said(), []);
    assert.deepEqual(problems(session), []);
  });

  it("cancels handlers of the replaced module, and none of another module", async () => {
    const config = PATIENT_CONFIG.replace("module = mod", "module = mod\nmodule = other");
    const session = await start(
      config.replace(
        "probe.{go,ask} > py.mod.{go,ask}",
        "probe.{go,ask} > py.mod.{go,ask}\nprobe.other > py.other.wait\npy.heard > probe.heard",
      ),
      {
        "mod.py": module(
          "async def go(value):\n    try:\n        await asyncio.sleep(1000)\n    finally:\n        say('ended')\n",
        ),
        "other.py":
          "import asyncio\nasync def wait(value):\n    global future\n    future = asyncio.get_running_loop().create_future()\n    say(await future)\n    midimonster.output('heard', 1)\n",
      },
    );
    session.probe.emit("go", 1);
    session.probe.emit("other", 1);
    await ask(session);
    await reload(session, "import sys\ndef go(value): sys.modules['other'].future.set_result('goes on')\n");
    await ask(session);
    session.probe.emit("go", 1);
    await session.probe.until("heard");
    assert.deepEqual(session.said(), ["ended", "goes on"]);
  });

  it("ends the tasks of an instance that it removes, and does not begin those of one that fails", async () => {
    const gone = "[python gone]\nmodule = gone\n";
    const session = await start(`${gone}${PATIENT_CONFIG}`, {
      "mod.py": module(""),
      "gone.py": `
import asyncio
async def main():
    try:
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(0.01)
        say("ended")
async def bye():
    await asyncio.sleep(0.01)
    say("cleanup")
midimonster.task(main())
midimonster.cleanup_handler(bye)
`,
      "fails.py": `
import asyncio
async def main():
    say("began")
midimonster.task(main())
raise ValueError
`,
    });
    await ask(session);
    session.write("monster.cfg", PATIENT_CONFIG);
    await session.router.reload();
    session.write("monster.cfg", `[python new]\nmodule = gone\n[python fails]\nmodule = fails\n${PATIENT_CONFIG}`);
    await assert.rejects(session.router.reload());
    await ask(session);
    assert.deepEqual(session.said().slice(0, 2).sort(), ["cleanup", "ended"]);
    assert.ok(!session.said().includes("began"));
    assert.deepEqual(problems(session), []);
  });
});
