// Libraries that build on asyncio, as client and as server in two instances of one router; with a Python that has them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { folderWith, mmpy } from "./helpers.js";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";

/** A Python that has a module: the one that is tested, or Debian's own. */
function pythonWith(module: string): string | undefined {
  return [process.env.MMPY_PYTHON, "python3", "/usr/bin/python3"].find(
    (python) => python !== undefined && spawnSync(python, ["-c", `import ${module}`]).status === 0,
  );
}

const CONFIG = `
[backend python]
handler-warn = 0
[python server]
module = server
[python client]
module = client
[map]
server.ready > client.client.begin
client.value > server.server.value
`;

/** Both begin so. The port is one that is free at this moment. */
const BEGINNING = "import asyncio, os, midimonster\nPORT = int(os.environ['PORT'])\n";

interface Library {
  readonly module: string;
  readonly debian: string;
  readonly server: string;
  readonly client: string;
  /** What is printed, in order. */
  readonly shows: readonly string[];
}

const libraries: Library[] = [
  {
    module: "aiohttp",
    debian: "python3-aiohttp",
    server: `
from aiohttp import web
async def get(request):
    return web.Response(text="page of " + request.query["name"])
sockets = []
async def talk(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    sockets.append(socket)
    async for message in socket:
        await socket.send_str(message.data.upper())
    return socket
async def close_all(app):
    for socket in sockets: await socket.close()
async def serve():
    app = web.Application()
    app.add_routes([web.get("/", get), web.get("/talk", talk)])
    app.on_shutdown.append(close_all)
    runner = web.AppRunner(app, handle_signals=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", PORT).start()
        midimonster.output("ready", 1)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        print("server ended", flush=True)
def value(value):
    print("value", value, flush=True)
midimonster.task(serve())
midimonster.output("ready", 0)
`,
    client: `
import aiohttp
async def begin(value):
    if not value: return
    async with aiohttp.ClientSession() as session:
        async with session.get("http://127.0.0.1:%d/?name=desk" % PORT) as response:
            print(await response.text(), flush=True)
        async with session.ws_connect("http://127.0.0.1:%d/talk" % PORT) as socket:
            await socket.send_str("hello")
            print((await socket.receive()).data, flush=True)
            midimonster.output("value", 0.5)
            async for message in socket: pass
`,
    shows: ["page of desk", "HELLO", "value 0.5"],
  },
  {
    module: "websockets",
    debian: "python3-websockets",
    server: `
import websockets
async def talk(socket, *path):
    async for message in socket:
        await socket.send(message.upper())
async def serve():
    async with websockets.serve(talk, "127.0.0.1", PORT):
        midimonster.output("ready", 1)
        await asyncio.Event().wait()
def value(value):
    print("value", value, flush=True)
midimonster.task(serve())
midimonster.output("ready", 0)
`,
    client: `
import websockets
async def begin(value):
    if not value: return
    async with websockets.connect("ws://127.0.0.1:%d" % PORT) as socket:
        await socket.send("hello")
        print(await socket.recv(), flush=True)
        midimonster.output("value", 0.25)
        await asyncio.Event().wait()
`,
    shows: ["HELLO", "value 0.25"],
  },
  {
    module: "serial_asyncio",
    debian: "python3-serial-asyncio",
    server: `
import pty, serial_asyncio, tty
master, slave = pty.openpty()
tty.setraw(master)
os.environ["MMPY_TEST_TTY"] = os.ttyname(slave)
async def serve():
    reader, writer = await serial_asyncio.open_serial_connection(url=os.ttyname(slave), baudrate=115200)
    midimonster.output("ready", 1)
    print((await reader.readline()).decode().strip(), flush=True)
    writer.write(b"answer\\n")
    await asyncio.Event().wait()
def value(value):
    print("value", value, flush=True)
midimonster.task(serve())
midimonster.output("ready", 0)
import builtins
builtins.master = master
os.environ["MMPY_TEST_MASTER"] = str(master)
`,
    client: `
async def begin(value):
    if not value: return
    loop = asyncio.get_running_loop()
    master = int(os.environ["MMPY_TEST_MASTER"])
    os.set_blocking(master, False)
    os.write(master, b"question\\n")
    future = loop.create_future()
    loop.add_reader(master, future.set_result, None)
    await future
    loop.remove_reader(master)
    print(os.read(master, 100).decode().strip(), flush=True)
    midimonster.output("value", 0.125)
`,
    shows: ["question", "answer", "value 0.125"],
  },
  {
    module: "asyncio_mqtt",
    debian: "python3-asyncio-mqtt",
    server: `
import asyncio_mqtt
async def serve():
    async with asyncio_mqtt.Client("127.0.0.1", PORT) as client:
        async with client.messages() as messages:
            await client.subscribe("show/#")
            midimonster.output("ready", 1)
            async for message in messages:
                print(str(message.topic), message.payload.decode(), flush=True)
def value(value):
    print("value", value, flush=True)
midimonster.task(serve())
midimonster.output("ready", 0)
`,
    client: `
import asyncio_mqtt
async def begin(value):
    if not value: return
    async with asyncio_mqtt.Client("127.0.0.1", PORT) as client:
        await client.publish("show/cue", "7", qos=1)
        await asyncio.sleep(0.05)
        midimonster.output("value", 0.75)
`,
    shows: ["show/cue 7", "value 0.75"],
  },
];

describe("a library for asyncio", () => {
  afterEach(endBrokers);

  for (const library of libraries) {
    it(`works as client and server, and ends in order: ${library.module}`, async function () {
      const python = pythonWith(library.module);
      if (python === undefined) {
        console.log(`SKIPPED: no Python module '${library.module}'; on Debian: apt-get install ${library.debian}`);
        this.skip();
      }
      if (library.module === "asyncio_mqtt") needMosquitto(this);
      // That of a broker, even if the library does without one: it is free until that is started.
      const broker = await Broker.reserve();
      if (library.module === "asyncio_mqtt") await broker.start();
      const { port } = broker;
      const folder = folderWith({
        "monster.cfg": CONFIG,
        "server.py": BEGINNING + library.server,
        "client.py": BEGINNING + library.client,
      });
      const router = mmpy([], { cwd: folder, env: { ...process.env, MMPY_PYTHON: python, PORT: String(port) } });
      await router.sees(new RegExp(library.shows.at(-1) ?? ""));
      const begun = performance.now();
      router.child.kill("SIGINT");
      assert.equal((await router.exited).code, 0, router.stderr);
      for (const shown of library.shows) assert.ok(router.stdout.includes(shown), router.stdout + router.stderr);
      // Not what is said of a library that takes long to load.
      assert.doesNotMatch(router.stderr.slice(router.stderr.indexOf("routing")), /ERROR|WARN/);
      // Otherwise each waits for the other to end its connection.
      assert.ok(performance.now() - begun < 10_000);
    });
  }
});
