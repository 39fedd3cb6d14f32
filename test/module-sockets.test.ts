import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { ask, type Session, start } from "./session.js";

/** A module that reads one end of a socket pair; the other end is `far`. `go` runs the given lines. */
const PAIR = `
import os, socket
near, far = socket.socketpair()
def read(sock):
    data = sock.recv(100)
    say(data.decode())
    midimonster.output("read", 1)
`;

const CONFIG = `
[python py]
module = mod
[map]
probe.{go,more} > py.mod.{go,more}
py.{read,done} > probe.{read,done}
`;

function module(setUp: string, lines: string, more = "pass"): Record<string, string> {
  const body = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => `    ${line}`)
      .join("\n");
  return {
    "mod.py": `${PAIR}\n${setUp}\ndef go(value):\n${body(lines)}\n    midimonster.output("done", 1)\ndef more(value):\n${body(more)}\n    midimonster.output("done", 1)\n`,
  };
}

const send = (session: Session, channel: "go" | "more" = "go") => ask(session, channel);

describe("manage()", () => {
  it("calls the function with the very socket while it is readable", async () => {
    const session = await start(
      CONFIG,
      module(
        'def one(sock):\n    say(sock is near)\n    say(sock.recv(1).decode())\n    midimonster.output("read", 1)\nmidimonster.manage(one, near)',
        'far.send(b"abc")',
      ),
    );
    await send(session);
    await session.probe.until("read", 3);
    assert.deepEqual(session.said(), [true, "a", true, "b", true, "c"]);
  });

  it("replaces the handler of a socket that is managed already, also from inside it", async () => {
    const session = await start(
      CONFIG,
      module(
        `
def first(sock):
    sock.recv(1)
    say("first")
    midimonster.manage(second, sock)
    midimonster.output("read", 1)
def second(sock):
    sock.recv(1)
    say("second")
    midimonster.output("read", 1)
midimonster.manage(print, near)
midimonster.manage(first, near)
`,
        'far.send(b"abc")',
      ),
    );
    await send(session);
    await session.probe.until("read", 3);
    assert.deepEqual(session.said(), ["first", "second", "second"]);
  });

  it("with None unregisters, also from inside the handler and after close()", async () => {
    const session = await start(
      CONFIG,
      module(
        `
other_near, other_far = socket.socketpair()
def once(sock):
    say("once")
    midimonster.manage(None, sock)
    midimonster.output("read", 1)
def closing(sock):
    sock.close()
    midimonster.manage(None, sock)
    say("closed")
    midimonster.output("read", 1)
midimonster.manage(once, near)
midimonster.manage(closing, other_near)
`,
        'far.send(b"abc")\nother_far.send(b"x")',
        "say(near.recv(10).decode())",
      ),
    );
    await send(session);
    await session.probe.until("read", 2);
    await send(session, "more");
    assert.deepEqual((session.said() as string[]).sort(), ["abc", "closed", "once"]);
    assert.deepEqual(session.log.matching(/closed without/), []);
  });

  it("of None for a socket that is not managed does nothing", async () => {
    const session = await start(CONFIG, module("", 'midimonster.manage(None, near)\nsay("fine")'));
    await send(session);
    assert.deepEqual(session.said(), ["fine"]);
  });

  const descriptors: [kind: string, setUp: string, lines: string, expected: unknown[]][] = [
    [
      "a pipe",
      'r, w = os.pipe()\nfile = os.fdopen(r, "rb", 0)\ndef got(f):\n    say(f.read(5).decode())\n    midimonster.output("read", 1)\nmidimonster.manage(got, file)',
      'os.write(w, b"hello")',
      ["hello"],
    ],
    [
      "a pseudo terminal",
      'import pty, tty\nmaster, slave = pty.openpty()\ntty.setraw(slave)\nterminal = os.fdopen(slave, "rb", 0)\ndef got(t):\n    say(t.read(5).decode())\n    midimonster.output("read", 1)\nmidimonster.manage(got, terminal)',
      'os.write(master, b"hello")',
      ["hello"],
    ],
    [
      "a UDP socket",
      'udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nudp.bind(("127.0.0.1", 0))\ndef got(s):\n    say(s.recvfrom(9)[0].decode())\n    midimonster.output("read", 1)\nmidimonster.manage(got, udp)',
      'far.close()\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", udp.getsockname())',
      ["hello"],
    ],
    [
      "a listening socket",
      'server = socket.create_server(("127.0.0.1", 0))\ndef got(s):\n    connection, _ = s.accept()\n    midimonster.manage(read, connection)\n    kept.append(connection)\nkept = []\nmidimonster.manage(got, server)',
      'client = socket.create_connection(server.getsockname())\nclient.send(b"hello")\nkept.append(client)',
      ["hello"],
    ],
    [
      "an eventfd",
      'import ctypes\nlibc = ctypes.CDLL(None)\nclass Event:\n    fd = libc.eventfd(0, 0)\n    def fileno(self): return self.fd\nevent = Event()\ndef got(e):\n    say(int.from_bytes(os.read(e.fd, 8), "little"))\n    midimonster.output("read", 1)\nmidimonster.manage(got, event)',
      'os.write(event.fd, (3).to_bytes(8, "little"))',
      [3],
    ],
    [
      "a timerfd",
      'import ctypes, struct\nlibc = ctypes.CDLL(None)\nclass Timer:\n    fd = libc.timerfd_create(1, 0)\n    def fileno(self): return self.fd\ntimer = Timer()\ndef got(t):\n    say(int.from_bytes(os.read(t.fd, 8), "little"))\n    midimonster.output("read", 1)\nmidimonster.manage(got, timer)',
      'libc.timerfd_settime(timer.fd, 0, struct.pack("qqqq", 0, 0, 0, 1000000), None)',
      [1],
    ],
    [
      "an inotify descriptor",
      'import ctypes, tempfile\nlibc = ctypes.CDLL(None)\nfolder = tempfile.mkdtemp()\nclass Watch:\n    fd = libc.inotify_init()\n    def fileno(self): return self.fd\nwatch = Watch()\nlibc.inotify_add_watch(watch.fd, folder.encode(), 0x100)\ndef got(w):\n    say(os.read(w.fd, 500)[16:].rstrip(b"\\0").decode())\n    midimonster.output("read", 1)\nmidimonster.manage(got, watch)',
      'open(folder + "/made", "w").close()',
      ["made"],
    ],
  ];
  for (const [kind, setUp, lines, expected] of descriptors) {
    it(`watches ${kind}`, async () => {
      const session = await start(CONFIG, module(setUp, lines));
      await send(session);
      await session.probe.until("read");
      assert.deepEqual(session.said(), expected);
    });
  }

  const errors: [what: string, call: string, type: string, message: RegExp][] = [
    ["a regular file", "midimonster.manage(read, open(__file__))", "PermissionError", /a regular file can't/],
    ["a closed socket", "far.close(); midimonster.manage(read, far)", "ValueError", /this one is closed/],
    ["an object without fileno()", "midimonster.manage(read, 3)", "TypeError", /socket-like object/],
    ["None", "midimonster.manage(read, None)", "TypeError", /socket-like object/],
    ["what can't be called", "midimonster.manage(3, near)", "TypeError", /a callable or None/],
    [
      "a descriptor that is not open",
      "midimonster.manage(read, type('X', (), {'fileno': lambda s: 9999})())",
      "OSError",
      /Bad file descriptor/,
    ],
    [
      "a fileno() that raises",
      "midimonster.manage(read, type('X', (), {'fileno': lambda s: 1 // 0})())",
      "ZeroDivisionError",
      /division/,
    ],
    [
      "a fileno() of another type",
      "midimonster.manage(read, type('X', (), {'fileno': lambda s: 'no'})())",
      "TypeError",
      /int/,
    ],
  ];
  for (const [what, call, type, message] of errors) {
    it(`refuses ${what}`, async () => {
      const session = await start(
        CONFIG,
        module(
          "",
          `try:\n    ${call}\n    say("nothing")\nexcept Exception as error:\n    say([type(error).__name__, str(error)])`,
        ),
      );
      await send(session);
      const [raised] = session.said() as [string, string][];
      assert.equal(raised?.[0], type, raised?.[1]);
      assert.match(raised?.[1] ?? "", message);
    });
  }

  it("leaves a blocking socket blocking", async () => {
    const session = await start(
      CONFIG,
      module("midimonster.manage(read, near)", "import fcntl\nsay(fcntl.fcntl(near, fcntl.F_GETFL) & os.O_NONBLOCK)"),
    );
    await send(session);
    assert.deepEqual(session.said(), [0]);
  });

  it("hears of a peer that went away", async () => {
    const session = await start(
      CONFIG,
      module(
        'def got(sock):\n    say(sock.recv(9).decode())\n    midimonster.manage(None, sock)\n    sock.close()\n    midimonster.output("read", 1)\nmidimonster.manage(got, near)',
        "far.close()",
      ),
    );
    await send(session);
    await session.probe.until("read");
    assert.deepEqual(session.said(), [""]);
  });

  it("hands an error of the network to the handler's own recv()", async () => {
    const session = await start(
      CONFIG,
      module(
        `
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
unused = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
unused.bind(("127.0.0.1", 0))
udp.connect(unused.getsockname())
unused.close()
def got(sock):
    try:
        sock.recv(9)
    except ConnectionRefusedError as error:
        say(type(error).__name__)
    midimonster.output("read", 1)
midimonster.manage(got, udp)
`,
        'udp.send(b"x")',
        'udp.send(b"x")',
      ),
    );
    await send(session);
    await session.probe.until("read");
    await send(session, "more");
    await session.probe.until("read", 2);
    assert.deepEqual(session.said(), ["ConnectionRefusedError", "ConnectionRefusedError"]);
  });

  it("drops a socket that its handler closed, with one warning, and its number can be used at once", async () => {
    const session = await start(
      CONFIG,
      module(
        `
def careless(sock):
    global number
    number = sock.fileno()
    sock.close()
    new_near, new_far = socket.socketpair()
    kept.extend((new_near, new_far))
    say(number in (new_near.fileno(), new_far.fileno()))
    midimonster.manage(read, new_near if new_near.fileno() == number else new_far)
    (new_far if new_near.fileno() == number else new_near).send(b"new")
kept = []
midimonster.manage(careless, near)
`,
        'far.send(b"x")',
      ),
    );
    await send(session);
    await session.probe.until("read");
    assert.deepEqual(session.said(), [true, "new"]);
    await session.log.seen(/closed without/);
    assert.equal(session.log.matching(/closed without/).length, 1);
  });

  it("works for a number that was closed and reused, where the object does not tell", async () => {
    const session = await start(
      CONFIG,
      module(
        `
class Stored:
    def __init__(self, number): self.number = number
    def fileno(self): return self.number
r, w = os.pipe()
midimonster.manage(print, Stored(r))
def got(stored):
    say(os.read(stored.number, 9).decode())
    midimonster.output("read", 1)
`,
        `
r2, w2 = os.pipe()
os.dup2(r2, r)
midimonster.manage(got, Stored(r))
os.write(w2, b"new")
`,
      ),
    );
    await send(session);
    await session.probe.until("read");
    assert.deepEqual(session.said(), ["new"]);
  });

  it("drops a socket that was closed elsewhere, with one warning", async () => {
    const session = await start(CONFIG, module("midimonster.manage(read, near)", "near.close()"));
    await send(session);
    const entry = await session.log.seen(/closed without/);
    assert.equal(entry.level, "warn");
    assert.match(entry.message, /^py: the socket managed by mod\.read \(descriptor \d+\)/);
  });

  it("of a socket that is closed at once does not disturb", async () => {
    const session = await start(CONFIG, module("", "midimonster.manage(read, near)\nnear.close()", "say('on')"));
    await send(session);
    await session.log.seen(/closed without/);
    await send(session, "more");
    assert.deepEqual(session.said(), ["on"]);
  });

  it("lets two instances watch copies of one descriptor", async () => {
    const session = await start(
      "[python one]\nmodule = mod\n[python two]\nmodule = mod\n[map]\none.read > probe.one\ntwo.read > probe.two\nprobe.go > one.mod.go\n",
      {
        "mod.py": `
import builtins, os, socket
class Shared:
    def __init__(self, fd): self.fd = fd
    def fileno(self): return self.fd
def read(sock):
    midimonster.manage(None, sock)
    midimonster.output("read", 1)
if "MMPY_TEST_FD" not in os.environ:
    r, w = os.pipe()
    os.environ["MMPY_TEST_FD"] = str(r)
    os.environ["MMPY_TEST_OTHER"] = str(w)
midimonster.manage(read, Shared(int(os.environ["MMPY_TEST_FD"])))
def go(value): os.write(int(os.environ["MMPY_TEST_OTHER"]), b"x")
`,
      },
    );
    session.probe.emit("go", 1);
    await Promise.all([session.probe.until("one"), session.probe.until("two")]);
  });

  it("unregisters a function that raises 10 times in a row without reading, so that it can't spin the core", async () => {
    const session = await start(
      CONFIG,
      module(
        "calls = 0\ndef bad(sock):\n    global calls\n    calls += 1\n    raise ValueError('call %d' % calls)\nmidimonster.manage(bad, near)",
        'far.send(b"x")',
        "say(calls)",
      ),
    );
    await send(session);
    const entry = await session.log.seen(/10 times in a row/);
    assert.equal(entry.level, "error");
    await send(session, "more");
    assert.deepEqual(session.said(), [10]);
    assert.equal(session.log.matching(/ValueError: call 1$/).length, 1);
  });

  it("goes on with a function that raises now and then", async () => {
    const session = await start(
      CONFIG,
      module(
        "calls = 0\ndef bad(sock):\n    global calls\n    calls += 1\n    sock.recv(1)\n    midimonster.output('read', 1)\n    if calls % 9: 1 / 0\nmidimonster.manage(bad, near)",
        'far.send(b"x" * 40)',
      ),
    );
    await send(session);
    await session.probe.until("read", 40);
    assert.deepEqual(session.log.matching(/10 times in a row/), []);
  });

  it("works beside Node's own sockets", async () => {
    const server = net.createServer((socket) => socket.end("from node")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const session = await start(
      CONFIG,
      module(
        "",
        `s = socket.create_connection(("127.0.0.1", ${port}))\nglobal kept\nkept = s\nmidimonster.manage(read, s)`,
      ),
    );
    await send(session);
    await session.probe.until("read");
    assert.equal(session.said()[0], "from node");
    server.close();
  });
});
