// Python's standard library, and extension modules, in the process of a Node that has an OpenSSL and a zlib of its own.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import { libc } from "../lib/platform.js";
import { folderWith, mmpy, projectFolder, run, skipWithSanitizers } from "./helpers.js";
import { start } from "./session.js";

/** Each prints a line that tells that the library did its work. */
const LIBRARIES: Record<string, { program: string; prints: string }> = {
  hashlib: {
    program: `import hashlib; print(hashlib.sha256(b"x").hexdigest()[:8], hashlib.new("md5", b"x").hexdigest()[:8])`,
    prints: "2d711642 9dd4e461",
  },
  ssl: {
    program: `
import ssl
context = ssl.create_default_context()
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
hello = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
try:
    hello.do_handshake()
except ssl.SSLWantReadError:
    print("client hello", len(outgoing.read()) > 100)`,
    prints: "client hello True",
  },
  zlib: { program: `import zlib; print(zlib.decompress(zlib.compress(b"x" * 1000)) == b"x" * 1000)`, prints: "True" },
  sqlite3: {
    program: `import sqlite3; print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone())`,
    prints: "(42,)",
  },
  ctypes: {
    program: `
import ctypes
Compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 3)(3, 1, 2)
ctypes.CDLL(None).qsort(numbers, 3, ctypes.sizeof(ctypes.c_int), Compare(lambda a, b: a[0] - b[0]))
print(list(numbers))`,
    prints: "[1, 2, 3]",
  },
  decimal: { program: `from decimal import Decimal; print(Decimal("0.1") + Decimal("0.2"))`, prints: "0.3" },
  asyncio: {
    program: `
import asyncio
async def main():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"over asyncio\\n")
    print((await reader.readline()).decode().strip())
    writer.close()
    process = await asyncio.create_subprocess_exec("true")
    print(await process.wait())
asyncio.run(main())`,
    prints: "over asyncio\n0",
  },
  subprocess: {
    program: `
import subprocess, sys
print(subprocess.run([sys.executable, "-c", "print(input())"], input="piped", capture_output=True, text=True).stdout.strip())`,
    prints: "piped",
  },
  multiprocessing: {
    program: `
import multiprocessing
if __name__ != "__mp_main__":
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        print(pool.map(abs, [-1, 2, -3]))`,
    prints: "[1, 2, 3]",
  },
  threading: {
    program: `
import threading
results = []
threads = [threading.Thread(target=results.append, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(results))`,
    prints: "[0, 1, 2, 3, 4, 5, 6, 7]",
  },
  logging: {
    program: `
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")
logging.getLogger("show").warning("cue %d", 7)`,
    prints: "WARNING cue 7",
  },
  zoneinfo: {
    program: `
import datetime, zoneinfo
print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("UTC")).utcoffset())`,
    prints: "0:00:00",
  },
  curses: {
    program: `
import curses
curses.setupterm("linux")
print(curses.tigetnum("colors"))`,
    prints: "8",
  },
};

describe("Python's libraries", () => {
  for (const [name, { program, prints }] of Object.entries(LIBRARIES)) {
    it(`${name} works in every instance`, async () => {
      const folder = folderWith({
        "monster.cfg": "[python one]\nmodule = mod\n[python two]\nmodule = mod\n",
        "mod.py": program,
      });
      const checked = mmpy(["check", path.join(folder, "monster.cfg")]);
      const { code } = await checked.exited;
      // CPython 3.14 and later: its own rule.
      if (/module 'curses' can only be loaded once per process/.test(checked.stderr)) {
        assert.match(
          checked.stderr,
          /= curses only works in CPython's main interpreter: give this instance 'interpreter = main'/,
        );
        return;
      }
      assert.equal(code, 0, checked.stderr);
      assert.ok(checked.stdout.startsWith(`${prints}\n${prints}\n`), checked.stdout);
    });
  }

  it("talk TLS with each other, from instance to instance, while Node itself speaks TLS", async () => {
    const files = path.join(projectFolder, "test", "fixtures", "tls");
    const session = await start(
      "[python server]\nmodule = server\n[python client]\nmodule = client\n[map]\nserver.port > client.client.connect\nclient.done > probe.done\nserver.heard > probe.heard\n",
      {
        "server.py": `
import socket, ssl, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(${JSON.stringify(path.join(files, "certificate.pem"))}, ${JSON.stringify(path.join(files, "key.pem"))})
listener = socket.create_server(("127.0.0.1", 0))
midimonster.output("port", listener.getsockname()[1] / 65536)
def serve():
    with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
        data = b""
        while len(data) < 100000:
            data += connection.recv(65536)
        midimonster.output("heard", len(set(data)) / 256)
        connection.sendall(data[::-1])
        connection.recv(1)  # until the client has closed
threading.Thread(target=serve, daemon=True).start()
`,
        "client.py": `
import socket, ssl, threading
context = ssl.create_default_context(cafile=${JSON.stringify(path.join(files, "certificate.pem"))})
def talk(port):
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as connection:
        sent = bytes(range(250)) * 400
        connection.sendall(sent)
        received = b""
        while len(received) < len(sent):
            received += connection.recv(65536)
        midimonster.output("done", received[::-1] == sent)
def connect(value):
    threading.Thread(target=talk, args=(round(value * 65536),), daemon=True).start()
`,
      },
    );
    const key = readFileSync(path.join(files, "key.pem"));
    const cert = readFileSync(path.join(files, "certificate.pem"));
    const server = tls.createServer({ key, cert }, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const echoed = await new Promise<string>((resolve, reject) => {
      const client = tls.connect({ port, ca: cert, servername: "localhost" }, () => client.write("Node's own"));
      client.once("data", (data) => {
        resolve(data.toString());
        client.destroy();
      });
      client.once("error", reject);
    }).finally(() => server.close());
    assert.equal(echoed, "Node's own");
    assert.deepEqual(await session.probe.until("heard"), [250 / 256]);
    assert.deepEqual(await session.probe.until("done"), [1]);
  });

  describe("are those of the chosen Python, not Node's", () => {
    const VERSIONS = "import ssl, zlib; print(ssl.OPENSSL_VERSION, '|', zlib.ZLIB_RUNTIME_VERSION)";
    const zlibOf = (versions = "") => /(\d+\.\d+(\.\d+)*)\D*$/.exec(versions.replace(/-.*/, ""))?.[1];
    const inInstance = async (args: readonly string[], env = process.env) => {
      const folder = folderWith({ "monster.cfg": "[python py]\nmodule = mod\n", "mod.py": VERSIONS });
      const checked = mmpy(["check", ...args, path.join(folder, "monster.cfg")], { env });
      assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
      return checked.stdout.split("\n")[0];
    };

    it("OpenSSL and zlib say the same versions as in the interpreter itself", async function () {
      skipWithSanitizers(this, "that takes deepbind, which a sanitizer can't be combined with");
      const { executable } = await choosePython(undefined, silentLogger);
      const own = execFileSync(executable, ["-c", VERSIONS], { encoding: "utf8" }).trim();
      assert.equal(await inInstance([]), own);
      if (zlibOf(own) === zlibOf(process.versions.zlib)) {
        console.log("SKIPPED: this Node's zlib is Python's too, so that the comparison shows nothing");
        this.skip();
      }
    });

    it("nothing of Python's is bound to Node's libraries by the loader", async function () {
      skipWithSanitizers(this, "that takes deepbind, which a sanitizer can't be combined with");
      if (!libc().startsWith("glibc")) {
        console.log("SKIPPED: only glibc's loader tells what it binds");
        this.skip();
      }
      const output = path.join(folderWith({}), "bindings");
      await inInstance([], { ...process.env, LD_DEBUG: "bindings", LD_DEBUG_OUTPUT: output });
      const files = readdirSync(path.dirname(output)).map((name) => path.join(path.dirname(output), name));
      const bindings = files.flatMap((file) => readFileSync(file, "utf8").split("\n"));
      const ofPython = bindings.filter((line) =>
        /binding file \S*(_ssl|_hashlib|zlib|libssl|libcrypto|libz\b|libpython)\S* /.test(line),
      );
      const symbols = /symbol `(SSL_|EVP_|OPENSSL_|X509_|inflate|deflate|crc32|zlibVersion)/;
      assert.ok(
        ofPython.some((line) => symbols.test(line)),
        "the loader tells of them",
      );
      const toNode = ofPython.filter((line) => symbols.test(line) && / to \S*\/node \[/.test(line));
      assert.deepEqual(toNode, []);
    });

    it("also if a .pth file imports them before anything else runs", async function () {
      skipWithSanitizers(this, "that takes deepbind, which a sanitizer can't be combined with");
      const { executable } = await choosePython(undefined, silentLogger);
      const env = { ...process.env, PYTHONUSERBASE: folderWith({}) };
      const folder = execFileSync(executable, ["-m", "site", "--user-site"], { env, encoding: "utf8" }).trim();
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, "early.pth"), "import ssl, zlib\n");
      const own = execFileSync(executable, ["-c", VERSIONS], { encoding: "utf8" }).trim();
      assert.equal(await inInstance([], env), own);
    });

    it("unless option deepbind is off", async () => {
      const shared = await inInstance(["-b", "python.deepbind=off"]);
      assert.equal(zlibOf(shared), zlibOf(process.versions.zlib));
    });
  });

  describe("that refuse an interpreter of their own", () => {
    const words: [whose: string, raise: string][] = [
      ["numpy's, with CPython 3.13", "RuntimeError('CPU dispatcher tracer already initlized')"],
      [
        "Cython's",
        "ImportError('Interpreter change detected - this module can only be loaded into one interpreter per process.')",
      ],
      ["pandas's", "ImportError('Unable to import required dependencies:\\nnumpy: CPU dispatcher')"],
      ["PyO3's", "ImportError('PyO3 modules may only be initialized once per interpreter process')"],
      [
        "PyO3's of today",
        "ImportError('PyO3 modules do not yet support subinterpreters, see https://github.com/PyO3')",
      ],
    ];
    for (const [whose, raise] of words) {
      it(`are named, with advice: in ${whose} words`, async () => {
        const folder = folderWith({
          "monster.cfg": "[python one]\nmodule = mod\ninterpreter = own\n",
          "mod.py": "import sys\nsys.path.insert(1, 'lib/site-packages')\nimport refuses\n",
          "lib/site-packages/refuses/__init__.py": `raise ${raise}\n`,
        });
        const checked = mmpy(["check"], { cwd: folder });
        assert.deepEqual(await checked.exited, { code: 1, signal: null });
        assert.match(
          checked.stderr,
          /= refuses only works in CPython's main interpreter: give this instance 'interpreter = main'/,
        );
        assert.match(checked.stderr, /docs\/troubleshooting\.md/);
      });
    }

    it("are named, with advice, where a function imports them, and where they only warn while a module loads", async () => {
      const folder = folderWith({
        "monster.cfg": "[python one]\nmodule = mod\ninterpreter = own\n",
        "mod.py": `
import midimonster, sys, warnings
sys.path.insert(1, "lib/site-packages")
warnings.warn("NumPy was imported from a Python sub-interpreter but NumPy does not properly support sub-interpreters.")
def plain():
    raise ImportError("nothing of the kind")
def late():
    import refuses
midimonster.started(plain)
midimonster.started(late)
`,
        "lib/site-packages/refuses/__init__.py": "raise ImportError('cannot load module more than once per process')\n",
      });
      const running = mmpy([], { cwd: folder });
      await running.sees(/ImportError: cannot load module more than once per process\n(?: {2}= .*\n)+/);
      const advice = (what: string) =>
        `  = ${what} only works in CPython's main interpreter: give this instance 'interpreter = main'`;
      assert.match(running.stderr, new RegExp(`sub-interpreters\\.\n${advice("numpy")}`));
      assert.match(running.stderr, new RegExp(`more than once per process\n${advice("refuses")}`));
      assert.match(running.stderr, /nothing of the kind\n\[/);
      running.child.kill("SIGTERM");
      assert.deepEqual(await running.exited, { code: 0, signal: null });
    });
  });

  describe("numpy", () => {
    const MODULE = "import numpy\nprint(numpy.arange(5).sum())\n";
    let problem: string | undefined;
    before(async () => {
      const { executable } = await choosePython(undefined, silentLogger);
      const { status } = spawnSync(executable, ["-c", "import numpy"]);
      if (status !== 0) problem = "the Python in use has no numpy; on Debian: apt-get install python3-numpy";
    });
    beforeEach(function () {
      if (problem === undefined) return;
      console.log(`SKIPPED: ${problem}`);
      this.skip();
    });

    it("sees a batch's values without a copy", async () => {
      const folder = folderWith({
        "monster.cfg": "[python one]\nmodule = mod\n[map]\none.out{1..4} > one.in{1..4}\n",
        "mod.py": `
import midimonster, numpy, os, signal
def frame(batch):
    array = numpy.frombuffer(batch.inputs)
    numpy.multiply(array, 0.5, out=numpy.frombuffer(others.outputs))
    print(array.dtype, array.tolist(), list(others.outputs), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
ins = midimonster.batch(["in%d" % i for i in range(1, 5)], frame)
outs = midimonster.batch(["out%d" % i for i in range(1, 5)])
others = midimonster.batch(["other%d" % i for i in range(1, 5)])
outs.output(numpy.linspace(0, 1, 5)[:4])
`,
      });
      const running = mmpy([path.join(folder, "monster.cfg")]);
      assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
      assert.match(running.stdout, /^float64 \[0\.0, 0\.25, 0\.5, 0\.75\] \[0\.0, 0\.125, 0\.25, 0\.375\]$/m);
    });

    it("works entirely in the main interpreter, with scipy, in one router after the other", async function () {
      const { executable } = await choosePython(undefined, silentLogger);
      if (spawnSync(executable, ["-c", "import scipy"]).status !== 0) {
        console.log("SKIPPED: the Python in use has no scipy; on Debian: apt-get install python3-scipy");
        this.skip();
      }
      for (let i = 0; i < 3; ++i) {
        const session = await start("[python py]\nmodule = mod\n", {
          "mod.py": `
import numpy, numpy.random, scipy.signal
say(scipy.signal.butter(2, 0.5)[0].round(3).tolist(), int(numpy.random.default_rng(1).integers(1, 2)))
say(numpy.add.reduce(numpy.arange(5.0)), numpy.linalg.inv(numpy.eye(2)).tolist())
`,
        });
        assert.deepEqual(session.said(), [
          [0.293, 0.586, 0.293],
          1,
          10,
          [
            [1, 0],
            [0, 1],
          ],
        ]);
        await session.router.stop();
      }
    });

    it("can be imported again by the next router of a process", async () => {
      const folder = folderWith({
        "monster.cfg": "[python one]\nmodule = mod\n",
        "mod.py": MODULE,
        "script.mjs": `
import { Router, silentLogger } from ${JSON.stringify(path.join(projectFolder, "dist", "index.js"))};
for (let i = 0; i < 3; ++i) {
  const router = Router.fromFile("monster.cfg", { logger: silentLogger });
  await router.start().then(() => console.log("started"), (error) => console.log(error.message));
  await router.stop();
}
`,
      });
      const running = run(process.execPath, ["script.mjs"], { cwd: folder });
      assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stdout + running.stderr);
      assert.equal(running.stdout.match(/^started$/gm)?.length, 3, running.stdout);
    });

    it("works in one instance; in a second one its error says what to do", async function () {
      const folder = folderWith({
        "one.cfg": "[python one]\nmodule = mod\n",
        "two.cfg": "[python one]\nmodule = mod\n[python two]\nmodule = mod\n",
        "mod.py": MODULE,
      });
      const one = mmpy(["check", path.join(folder, "one.cfg")]);
      assert.deepEqual(await one.exited, { code: 0, signal: null }, one.stderr);
      assert.match(one.stdout, /^10$/m);
      const two = mmpy(["check", path.join(folder, "two.cfg")]);
      const ended = await two.exited;
      if (ended.code === 0) {
        // numpy 2 with CPython 3.13 after it was imported in the main interpreter, see docs/shared-process.md
        console.log("SKIPPED: this numpy can be imported in a second instance, and raises only when it is used");
        this.skip();
      }
      assert.deepEqual(ended, { code: 1, signal: null });
      assert.match(two.stderr, /two\.cfg:4:10: error: module 'mod' of instance 'two' can't be imported/);
      assert.match(
        two.stderr,
        /= numpy only works in CPython's main interpreter.*\n(?:.*= .*\n)?.*= .* docs\/troubleshooting\.md/,
      );
    });
  });
});
