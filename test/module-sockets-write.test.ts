// manage() of sockets that wait to be written to, and of those that do both.
import assert from "node:assert/strict";
import { ask, type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.{go,more} > py.mod.{go,more}
py.{read,written,done} > probe.{read,written,done}
`;

const PAIR = `
import socket
near, far = socket.socketpair()
near.setblocking(False)
def fill():
    try:
        while True: near.send(bytes(4096))
    except BlockingIOError:
        pass
def drain():
    far.setblocking(False)
    try:
        while True: far.recv(1 << 20)
    except BlockingIOError:
        pass
def written(sock):
    say("written")
    midimonster.manage(None, sock, write=True)
    midimonster.output("written", 1)
def read(sock):
    say(sock.recv(100).decode())
    midimonster.output("read", 1)
`;

function module(go: string, more = "pass"): Record<string, string> {
  const body = (text: string) => text.trim().replace(/^/gm, "    ");
  const done = '    midimonster.output("done", 1)';
  return { "mod.py": `${PAIR}\ndef go(value):\n${body(go)}\n${done}\ndef more(value):\n${body(more)}\n${done}\n` };
}

const send = (session: Session, channel: "go" | "more" = "go") => ask(session, channel);

describe("manage() with write=True", () => {
  it("calls the function once the socket can be written to, not before", async () => {
    const session = await start(
      CONFIG,
      module('fill()\nmidimonster.manage(written, near, write=True)\nsay("waits")', 'say("drained")\ndrain()'),
    );
    await send(session);
    await send(session, "more");
    await session.probe.until("written");
    assert.deepEqual(session.said(), ["waits", "drained", "written"]);
  });

  it("calls it as long as the socket can be written to and it is not unregistered", async () => {
    const session = await start(
      CONFIG,
      module(`
def again(sock):
    count.append(sock is near)
    if len(count) == 3: midimonster.manage(None, sock, write=True)
    midimonster.output("written", 1)
global count
count = []
midimonster.manage(again, near, write=True)
`),
    );
    await send(session);
    await session.probe.until("written", 3);
    await send(session);
    assert.deepEqual(session.probe.values("written").length >= 3, true);
  });

  it("tells of a connection that is made without blocking, and of one that is refused", async () => {
    const session = await start(
      CONFIG,
      module(`
global server, kept
server = socket.create_server(("127.0.0.1", 0))
unused = socket.socket()
unused.bind(("127.0.0.1", 0))
def connected(sock):
    midimonster.manage(None, sock)
    say([kept[sock], sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0])
    midimonster.output("written", 1)
kept = {}
for name, address in (("made", server.getsockname()), ("refused", unused.getsockname())):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    kept[sock] = name
    midimonster.manage(connected, sock, write=True)
unused.close()
`),
    );
    await send(session);
    await session.probe.until("written", 2);
    const said = session.said() as [string, boolean][];
    assert.deepEqual(Object.fromEntries(said), { made: true, refused: false });
  });

  it("leaves the function for reading, and the other way round", async () => {
    const session = await start(
      CONFIG,
      module(
        'midimonster.manage(read, near)\nmidimonster.manage(written, near, write=True)\nfar.send(b"one")',
        'far.send(b"two")',
      ),
    );
    await send(session);
    await Promise.all([session.probe.until("read"), session.probe.until("written")]);
    await send(session, "more");
    await session.probe.until("read", 2);
    assert.deepEqual((session.said() as string[]).sort(), ["one", "two", "written"]);
  });

  it("and read=True calls one function for either, once if both hold", async () => {
    const session = await start(
      CONFIG,
      module(
        `
def either(sock):
    try:
        say(sock.recv(100).decode())
    except BlockingIOError:
        say("only written")
    midimonster.manage(None, sock, write=True)
    midimonster.output("read", 1)
far.send(b"both")
midimonster.manage(either, near, read=True, write=True)
`,
        'far.send(b"read")',
      ),
    );
    await send(session);
    await session.probe.until("read");
    await send(session, "more");
    await session.probe.until("read", 2);
    assert.deepEqual(session.said(), ["both", "read"]);
  });

  const ends: [call: string, reads: boolean, writes: boolean][] = [
    ["manage(None, near)", false, false],
    ["manage(None, near, write=True)", true, false],
    ["manage(None, near, read=True)", false, true],
    ["manage(None, near, read=True, write=True)", false, false],
    ["manage(None, near, write=False)", false, false],
  ];
  for (const [call, reads, writes] of ends) {
    const left = [...(reads ? ["reading"] : []), ...(writes ? ["writing"] : [])];
    it(`is ended by ${call}, which leaves ${left.join(" and ") || "nothing"}`, async () => {
      const session = await start(
        CONFIG,
        module(
          `
def note_read(sock):
    sock.recv(100)
    say("reading")
def note_write(sock):
    midimonster.manage(None, sock, write=True)
    say("writing")
other, other_far = socket.socketpair()
def later(sock):
    midimonster.manage(None, sock)
    midimonster.output("written", 1)
midimonster.manage(note_read, near)
midimonster.manage(note_write, near, write=True)
midimonster.${call}
far.send(b"x")
midimonster.manage(later, other, write=True)
global kept
kept = (other, other_far)
`,
        ),
      );
      await send(session);
      await session.probe.until("written");
      await send(session, "more");
      assert.deepEqual((session.said() as string[]).sort(), left);
    });
  }

  it("refuses what makes no sense", async () => {
    const calls = [
      "midimonster.manage(read, near, read=False)",
      "midimonster.manage(read, near, read=False, write=False)",
      "midimonster.manage(read, near, wirte=True)",
      "midimonster.manage(read, near, True, read=True)",
      "midimonster.manage(read)",
    ];
    const session = await start(
      CONFIG,
      module(
        calls
          .map(
            (call) =>
              `try:\n    ${call}\n    say("nothing")\nexcept Exception as error:\n    say(type(error).__name__ + ": " + str(error))`,
          )
          .join("\n"),
      ),
    );
    await send(session);
    assert.deepEqual(session.said(), [
      "ValueError: manage() needs read or write to be true",
      "ValueError: manage() needs read or write to be true",
      "TypeError: manage() got an unexpected keyword argument 'wirte'",
      "TypeError: manage() got multiple values for argument 'read'",
      "TypeError: manage() takes 2 to 4 arguments (1 given)",
    ]);
  });

  it("unregisters a function that raises ten times in a row, and leaves the other", async () => {
    const session = await start(
      CONFIG,
      module(
        "def bad(sock): 1 / 0\nmidimonster.manage(read, near)\nmidimonster.manage(bad, near, write=True)",
        'far.send(b"on")',
      ),
    );
    await send(session);
    await session.log.seen(/mod\.go\.<locals>\.bad raised 10 times in a row/);
    await send(session, "more");
    await session.probe.until("read");
    assert.deepEqual(session.said(), ["on"]);
  });

  it("is on trial in a reload that fails, and renewed or dropped in one that succeeds", async () => {
    const version = (number: number, rest: string) => `
import socket
if hasattr(midimonster.previous(), "near"):
    near, far = midimonster.previous().near, midimonster.previous().far
else:
    near, far = socket.socketpair()
    near.setblocking(False)
    try:
        while True: near.send(bytes(4096))
    except BlockingIOError: pass
def can_write(sock):
    say("written ${number}")
    midimonster.manage(None, sock, write=True)
    midimonster.output("written", 1)
def can_read(sock):
    say(sock.recv(9).decode() + " ${number}")
    midimonster.output("read", 1)
far.setblocking(False)
def go(value):
    try:
        while True: far.recv(1 << 20)
    except BlockingIOError: pass
    midimonster.output("done", 1)
def more(value):
    far.send(b"read")
    midimonster.output("done", 1)
${rest}
`;
    const session = await start(CONFIG, {
      "mod.py": version(1, "midimonster.manage(can_read, near)\nmidimonster.manage(can_write, near, write=True)"),
    });
    session.write("mod.py", version(2, "midimonster.manage(can_write, near)\nraise ValueError('no')"));
    await assert.rejects(session.router.reload(), { code: "CONFIG" });
    session.write("mod.py", version(3, "midimonster.manage(can_read, near)"));
    await session.router.reload();
    await send(session, "more");
    await session.probe.until("read");
    session.write("mod.py", version(4, "midimonster.manage(can_write, near, write=True)"));
    await session.router.reload();
    await send(session);
    await session.probe.until("written");
    await send(session, "more");
    await send(session);
    assert.deepEqual(session.said(), ["read 3", "written 4"]);
  });

  it("is not called if another function has filled the socket in the same moment", async () => {
    const session = await start(
      CONFIG,
      module(
        `
pairs = [socket.socketpair() for _ in range(3)]
def fills(sock):
    say("filled")
    for near, _ in pairs:
        midimonster.manage(None, near, write=True) if near is sock else None
        near.setblocking(False)
        try:
            while True: near.send(bytes(4096))
        except BlockingIOError:
            pass
    midimonster.output("written", 1)
for near, _ in pairs: midimonster.manage(fills, near, write=True)
globals()["pairs"] = pairs`,
      ),
    );
    await send(session);
    await session.probe.until("written");
    await send(session, "more");
    assert.deepEqual(session.said(), ["filled"]);
  });

  it("of None after the stop does nothing, in a finalizer", async () => {
    const session = await start(CONFIG, {
      "mod.py": `${PAIR}
class Client:
    def __del__(self):
        midimonster.manage(None, near)
        midimonster.manage(None, near, write=True)
        say("closed")
client = Client()
midimonster.manage(read, near)
def go(value): pass
def more(value): pass
`,
    });
    await session.router.stop();
    assert.deepEqual(session.said(), ["closed"]);
    assert.deepEqual(session.log.matching(/raised/), []);
  });
});
