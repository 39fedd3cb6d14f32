// What asyncio offers, in several instances at the same time; and what is left when it is over.
import assert from "node:assert/strict";
import { problems, type Session, start } from "./session.js";

const MODULE = `
import asyncio, contextlib, gc, socket, sys, threading, time

async def streams():
    async def answer(reader, writer):
        writer.write((await reader.readline()).upper())
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n")
    text = (await reader.read()).decode()
    writer.close()
    server.close()
    return text == "HELLO\\n"

async def datagrams():
    loop = asyncio.get_running_loop()
    arrived = loop.create_future()
    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            arrived.set_result(data)
    transport, _ = await loop.create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"datagram", transport.get_extra_info("sockname"))
    data = await asyncio.wait_for(arrived, 10)
    transport.close()
    return data == b"datagram"

async def subprocesses():
    process = await asyncio.create_subprocess_exec("sh", "-c", "read line; echo got $line; exit 3",
                                                   stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate(b"line\\n")
    return output == b"got line\\n" and process.returncode == 3

async def executors():
    loop = asyncio.get_running_loop()
    here = threading.get_ident()
    return await loop.run_in_executor(None, lambda: threading.get_ident() != here and midimonster.current() is None)

async def timeouts():
    try:
        await asyncio.wait_for(asyncio.sleep(100), 0.005)
    except asyncio.TimeoutError:
        return True

async def timeout_contexts():
    if not hasattr(asyncio, "timeout"): return True
    try:
        async with asyncio.timeout(0.005):
            await asyncio.sleep(100)
    except TimeoutError:
        return True

async def task_groups():
    if not hasattr(asyncio, "TaskGroup"): return True
    seen = []
    async def one(number):
        await asyncio.sleep(0.001 * number)
        seen.append(number)
    async with asyncio.TaskGroup() as group:
        for number in (2, 1): group.create_task(one(number))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(100))
            raise ValueError
    except BaseException as error:
        return sorted(seen) == [1, 2] and type(error).__name__ == "ExceptionGroup"

async def locks():
    lock, condition, semaphore = asyncio.Lock(), asyncio.Condition(), asyncio.Semaphore(2)
    async def waits():
        async with condition: await condition.wait()
    waiting = asyncio.ensure_future(waits())
    await asyncio.sleep(0)
    async with lock, semaphore, condition: condition.notify()
    await waiting
    return True

async def generators():
    async def numbers():
        for number in range(3):
            await asyncio.sleep(0)
            yield number
    async with contextlib.AsyncExitStack(): pass
    return [number async for number in numbers()] == [0, 1, 2]

async def callbacks():
    loop = asyncio.get_running_loop()
    order, done = [], loop.create_future()
    now = loop.time()
    loop.call_at(now + 0.004, done.set_result, None)
    loop.call_at(now + 0.002, order.append, "later")
    loop.call_later(1000, order.append, "never").cancel()
    loop.call_soon(order.append, "soon")
    await done
    return order == ["soon", "later"]

async def names():
    await asyncio.sleep(0)
    return (await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80))[0][4] == ("127.0.0.1", 80)

async def shielded():
    inner = asyncio.ensure_future(asyncio.sleep(0.005, "value"))
    outer = asyncio.ensure_future(asyncio.shield(inner))
    await asyncio.sleep(0)
    outer.cancel()
    return await inner == "value"

ALL = [streams, datagrams, subprocesses, executors, timeouts, timeout_contexts, task_groups, locks, generators, callbacks, names, shielded]

async def go(value):
    results = await asyncio.gather(*[each() for each in ALL], return_exceptions=True)
    say({each.__name__: True if result is True else repr(result) for each, result in zip(ALL, results)})
    midimonster.output("out", 1)
`;

const NAMES = [...MODULE.matchAll(/^async def (\w+)\(\):/gm)].map(([, name]) => name);

describe("asyncio", () => {
  it(`works in three instances at once: ${NAMES.join(", ")}`, async () => {
    const names = ["one", "two", "three"];
    const session = await start(
      "[backend python]\nhandler-warn = 0\n" +
        names.map((name) => `[python ${name}]\nmodule = mod\n`).join("") +
        `[map]\n${names.map((name) => `probe.go > ${name}.mod.go\n${name}.out > probe.out\n`).join("")}`,
      { "mod.py": MODULE },
    );
    session.probe.emit("go", 1);
    await session.probe.until("out", 3);
    session.probe.emit("go", 1);
    await session.probe.until("out", 6);
    const expected = Object.fromEntries(NAMES.map((name) => [name, true]));
    assert.deepEqual(session.said(), Array(6).fill(expected));
    await session.router.stop();
    assert.deepEqual(problems(session), []);
  });

  const CONFIG =
    "[python py]\nmodule = mod\n[map]\nprobe.{go,count} > py.mod.{go,count}\npy.{out,count} > probe.{out,count}\n";
  const COUNT = `
import asyncio, gc
async def go(value):
    await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.sleep(0), 5)
    midimonster.output("out", 1)
async def count(value):
    while len(asyncio.all_tasks()) > 2:  # this one, and main()
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    gc.collect()
    kinds = ("Task", "Future", "coroutine", "Handle", "module", "_Record")
    say({kind: sum(type(each).__name__ == kind for each in gc.get_objects()) for kind in kinds})
    midimonster.output("count", 1)
async def main():
    await asyncio.sleep(1000)
midimonster.task(main())
`;
  const counted = async (session: Session) => {
    const before = session.probe.values("count").length;
    session.probe.emit("count", 1);
    await session.probe.until("count", before + 1);
    return session.said().at(-1);
  };

  it("leaves no object behind after a thousand tasks", async () => {
    const session = await start(CONFIG, { "mod.py": COUNT });
    const run = async (count: number) => {
      const before = session.probe.values("out").length;
      for (let i = 0; i < count; ++i) session.probe.emit("go", 1);
      await session.probe.until("out", before + count);
    };
    await run(10);
    const before = await counted(session);
    await run(1000);
    assert.deepEqual(await counted(session), before);
  });

  it("leaves no object behind after reloads", async () => {
    const session = await start(CONFIG, { "mod.py": COUNT });
    const reload = async (count: number) => {
      for (let i = 0; i < count; ++i) {
        session.write("mod.py", `${COUNT}# ${i}\n`);
        await session.router.reload();
      }
    };
    await reload(3);
    const before = await counted(session);
    await reload(20);
    assert.deepEqual(await counted(session), before);
  });
});
