// The end of tasks: at a stop, all instances together while their loops still run; and what will not end.
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { ask, PATIENT_CONFIG, problems, Session, start } from "./session.js";

const BEGINNING = `
import asyncio
def ask(value):
    midimonster.output("done", value)
def go(value):
    pass
async def until_cancelled(word, seconds=0):
    try:
        midimonster.output("out", 1)
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(seconds)
        say(word)
`;

const module = (text: string) => ({ "mod.py": BEGINNING + text });

describe("a stop", () => {
  const cases: [what: string, text: string, said: unknown[], problems: RegExp[]][] = [
    [
      "calls the cleanup handler first, then cancels tasks and waits for them",
      'midimonster.task(until_cancelled("task", 0.01))\nmidimonster.cleanup_handler(lambda: say("cleanup"))\n',
      ["cleanup", "task"],
      [],
    ],
    [
      "waits for an async cleanup handler, and for tasks that it begins, before it cancels others",
      `
async def goodbye():
    await asyncio.sleep(0.01)
    say("goodbye")
async def bye():
    midimonster.task(goodbye())
    await asyncio.sleep(0.02)
    say("bye", counter > 0)
counter = 0
async def count():
    global counter
    midimonster.output("out", 1)
    while True:
        counter += 1
        await asyncio.sleep(0.001)
midimonster.task(count())
midimonster.cleanup_handler(bye)
`,
      ["goodbye", "bye", true],
      [],
    ],
    [
      "lets a cleanup handler cancel all tasks itself, and wait for them",
      `
midimonster.task(until_cancelled("task"))
async def bye():
    await asyncio.sleep(0.01)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others: task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)
    say("bye")
midimonster.cleanup_handler(bye)
`,
      ["task", "bye"],
      [],
    ],
    [
      "ends asynchronous generators",
      `
async def numbers():
    try:
        while True:
            yield 1
    finally:
        await asyncio.sleep(0.001)
        say("generator")
async def main():
    global generator
    generator = numbers()
    await generator.__anext__()
    midimonster.output("out", 1)
midimonster.task(main())
`,
      ["generator"],
      [],
    ],
    [
      "cancels tasks that others begin when they are cancelled",
      `
async def main():
    try:
        await until_cancelled("first")
    finally:
        asyncio.create_task(until_cancelled("second"))
midimonster.task(main())
`,
      ["first", "second"],
      [],
    ],
    [
      "logs what tasks raise when they are cancelled",
      `
async def main():
    try:
        await until_cancelled("task")
    except asyncio.CancelledError:
        raise ValueError("at the end")
midimonster.task(main())
`,
      ["task"],
      [/^py: the task mod\.main raised\n[\s\S]*ValueError: at the end$/],
    ],
  ];
  for (const [what, text, said, expected] of cases) {
    it(what, async () => {
      const session = await start(PATIENT_CONFIG, module(text));
      await session.probe.until("out");
      await session.router.stop();
      assert.deepEqual(session.said(), said);
      const found = problems(session);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
    });
  }

  it("ends a connection between two instances while both can still talk", async () => {
    const session = await start(
      "[python server]\nmodule = server\n[python client]\nmodule = client\n[map]\nserver.port > client.client.port\nclient.out > probe.out\n",
      {
        "server.py": `
import asyncio
async def answer(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
    except asyncio.CancelledError:
        writer.write(b"end\\n")
        await writer.drain()
        say("server ended", (await reader.readline()).decode())
        writer.close()
async def serve():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    midimonster.output("port", server.sockets[0].getsockname()[1] / 65536)
    try:
        await asyncio.sleep(1000)
    finally:
        server.close()
midimonster.task(serve())
midimonster.output("port", 0)
`,
        "client.py": `
import asyncio
async def port(value):
    if value == 0: return
    reader, writer = await asyncio.open_connection("127.0.0.1", round(value * 65536))
    try:
        writer.write(b"hello\\n")
        say((await reader.readline()).decode())
        midimonster.output("out", 1)
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        say((await reader.readline()).decode())
        writer.write(b"bye\\n")
        writer.close()
`,
      },
    );
    await session.probe.until("out");
    await session.router.stop();
    assert.deepEqual(session.said(), ["hello\n", "end\n", "server ended", "bye\n"]);
    assert.deepEqual(problems(session), []);
  });

  it("of a router that has not started begins no task", async () => {
    const session = new Session(PATIENT_CONFIG, module("midimonster.task(until_cancelled('task'))\n"));
    await session.router.load();
    await session.router.stop();
    assert.deepEqual(session.said(), []);
    assert.deepEqual(problems(session), []);
  });

  it("refuses task() once the cleanup handler has returned", async () => {
    const session = await start(
      PATIENT_CONFIG,
      module(`
async def main():
    try:
        await until_cancelled("main")
    finally:
        try:
            midimonster.task(until_cancelled("too late"))
        except RuntimeError as error:
            say(str(error))
midimonster.task(main())
`),
    );
    await session.probe.until("out");
    await session.router.stop();
    assert.deepEqual(session.said(), ["main", "task() can't be called any more: the instance is ending"]);
  });

  it("leaves no descriptor behind", async () => {
    const descriptors = () =>
      readdirSync("/proc/self/fd").flatMap((fd) => {
        try {
          return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/, "")];
        } catch {
          return [];
        }
      });
    const once = async () => {
      const session = await start(PATIENT_CONFIG, module("midimonster.task(until_cancelled('task'))\n"));
      await session.probe.until("out");
      session.write("mod.py", `${BEGINNING}midimonster.task(until_cancelled('task'))\n# changed\n`);
      await session.router.reload();
      await ask(session);
      await session.router.stop();
    };
    await once();
    const before = descriptors().sort();
    await once();
    assert.deepEqual(descriptors().sort(), before);
  });
});
