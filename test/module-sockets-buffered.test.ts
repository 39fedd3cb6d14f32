// Objects that hold data which they have read from their descriptor: manage() calls their function again for it.
import assert from "node:assert/strict";
import path from "node:path";
import { folderWith, mmpy, projectFolder } from "./helpers.js";
import { ask, type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.go > py.mod.go
py.{read,done} > probe.{read,done}
`;

const TLS = path.join(projectFolder, "test", "fixtures", "tls");

const HEAD = `
import os, socket
def note(value):
    say(value)
    midimonster.output("read", 1)
def go(value):
    send()
    midimonster.output("done", 1)
`;

/** A connected pair of TLS sockets, `near` and `far`, after the handshake. */
const PAIR = `
import ssl, threading
a, b = socket.socketpair()
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(${JSON.stringify(path.join(TLS, "certificate.pem"))}, ${JSON.stringify(path.join(TLS, "key.pem"))})
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.check_hostname = False
client.verify_mode = ssl.CERT_NONE
near = server.wrap_socket(a, server_side=True, do_handshake_on_connect=False)
far = client.wrap_socket(b, do_handshake_on_connect=False)
thread = threading.Thread(target=far.do_handshake)
thread.start()
near.do_handshake()
thread.join()
near.setblocking(False)
`;

async function run(code: string, calls: number): Promise<Session> {
  const session = await start(CONFIG, { "mod.py": HEAD + code });
  await ask(session, "go");
  await session.probe.until("read", calls);
  return session;
}

describe("data that an object holds back", () => {
  it("of a TLS socket is told of until all of a record is read", async () => {
    const session = await run(
      `${PAIR}
def read(sock):
    try:
        note(len(sock.recv(100)))
    except ssl.SSLWantReadError:
        pass
midimonster.manage(read, near)
def send(): far.send(bytes(950))
`,
      10,
    );
    assert.deepEqual(session.said(), [...Array<number>(9).fill(100), 50]);
  });

  it("of a TLS socket is told of that is there when it is registered", async () => {
    const session = await run(
      `${PAIR}
def read(sock):
    note(len(sock.recv(1000)))
def send():
    far.send(bytes(300))
    near.setblocking(True)
    near.recv(100)
    midimonster.manage(read, near)
`,
      1,
    );
    assert.deepEqual(session.said(), [200]);
  });

  it("is asked for again before the function is called: it may have been read meanwhile", async () => {
    const session = await run(
      `${PAIR}
def read(sock):
    note(len(sock.recv(100)))
    if len(said) == 0:
        said.append(1)
        other_far.send(b"x")
said = []
def read_other(sock):
    sock.recv(9)
    near.setblocking(True)
    note(len(near.recv(1000)))
other, other_far = socket.socketpair()
midimonster.manage(read, near)
midimonster.manage(read_other, other)
def send(): far.send(bytes(300))
`,
      3,
    );
    // Whichever is called first, all 300 bytes are read, and nothing waits for more.
    const lengths = session.said() as number[];
    assert.equal(
      lengths.reduce((sum, length) => sum + length, 0),
      300,
    );
  });

  const files: [what: string, opened: string, line: string, written: string][] = [
    ["a text file on a pipe", 'os.fdopen(r, "r")', "file.readline()", "os.write(w, data)"],
    ["a binary file on a pipe", 'os.fdopen(r, "rb")', "file.readline().decode()", "os.write(w, data)"],
    ["a file that makefile() made", 'near.makefile("rb")', "file.readline().decode()", "far.send(data)"],
    ["such a file of a socket with a time limit", 'limited(near).makefile("r")', "file.readline()", "far.send(data)"],
  ];
  const HTTP = `
import http.client, urllib.response
class Connected(http.client.HTTPConnection):
    def connect(self): self.sock = near
def response(head, sock):
    connection = Connected("peer")
    connection.request("GET", "/")
    far.recv(1000)
    sock.sendall(head + b"\\r\\none\\n")
    return connection.getresponse()
`;
  const PLAIN = "near, far = socket.socketpair()";
  const responses: [what: string, pair: string, opened: string][] = [
    ["a response by HTTP", PLAIN + HTTP, 'response(b"HTTP/1.1 200 OK\\r\\n", far)'],
    ["one by HTTPS", `${PAIR}${HTTP}\nnear.setblocking(True)`, 'response(b"HTTP/1.1 200 OK\\r\\n", far)'],
    [
      "one of urllib, with another file inside",
      PLAIN + HTTP,
      'urllib.response.addinfourl(response(b"HTTP/1.1 200 OK\\r\\n", far), {}, "")',
    ],
  ];
  for (const [what, pair, opened] of responses) {
    it(`of ${what} is told of, which came with its head, and then it waits`, async () => {
      const session = await run(
        `
${pair}
watched = ${opened}
def read(file): note(file.readline().decode().strip())
def send():
    midimonster.manage(read, watched)
    far.sendall(b"two\\nthree\\n")
`,
        3,
      );
      assert.deepEqual(session.said(), ["one", "two", "three"]);
      await ask(session, "go");
      await session.probe.until("read", 5);
    });
  }

  for (const [what, opened, line, written] of files) {
    it(`of ${what} is told of, a line a call, and then it waits`, async () => {
      const session = await run(
        `
near, far = socket.socketpair()
def limited(sock):
    sock.settimeout(30)
    return sock
r, w = os.pipe()
watched = ${opened}
def read(file): note(${line}.strip())
midimonster.manage(read, watched)
data = "one\\nzwei é\\nthree\\n".encode()
def send(): ${written}
`,
        3,
      );
      assert.deepEqual(session.said(), ["one", "zwei é", "three"]);
      // A call too many would wait for a line, and with it everything else.
      await ask(session, "go");
      await session.probe.until("read", 6);
    });
  }

  it("of standard input is told of, also at its end", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `
import midimonster, os, signal, sys
def read(file):
    line = file.readline()
    print(repr(line))
    if line == "":
        midimonster.manage(None, file)
        os.kill(os.getpid(), signal.SIGTERM)
midimonster.manage(read, sys.stdin)
print("ready")
`,
    });
    const running = mmpy([], { cwd: folder });
    await running.sees(/ready/);
    running.child.stdin?.end("one\ntwo\nthree");
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.equal(running.stdout, "ready\n'one\\n'\n'two\\n'\n'three'\n''\n");
  });

  it("is not looked for where pending() raises", async () => {
    const session = await run(
      `
near, far = socket.socketpair()
class Odd:
    def fileno(self): return near.fileno()
    def pending(self): raise ValueError("odd")
odd = Odd()
def read(_): note(near.recv(9).decode())
midimonster.manage(read, odd)
def send(): far.send(b"x")
`,
      1,
    );
    assert.deepEqual(session.said(), ["x"]);
    assert.deepEqual(session.log.matching(/odd|raised/), []);
  });
});
