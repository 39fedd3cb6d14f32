// What the network and the system do to sockets, and what user code does to descriptors.
import assert from "node:assert/strict";
import net from "node:net";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";
import { ask, type Session, start } from "./session.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.{go,ask} > py.mod.{go,ask}
py.{told,done} > probe.{told,done}
`;

const COMMON = `
import os, socket, struct
def tell(*what):
    say(list(what))
    midimonster.output("told", 1)
def go(value): pass
def ask(value): midimonster.output("done", value)
def connection():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    accepted, address = server.accept()
    server.close()
    return client, accepted
`;

async function go(code: string): Promise<Session> {
  const session = await start(CONFIG, { "mod.py": `${COMMON}${code}` });
  session.probe.emit("go", 1);
  return session;
}

function complaints(session: Session): string[] {
  const all = session.log.entries.filter(({ level }) => level === "warn" || level === "error");
  // On a busy machine anything may take long.
  return all.map(({ message }) => message).filter((message) => !/ is slow: /.test(message));
}

describe("a managed socket", () => {
  it("that is reset raises in its function, once, and then is at its end", async () => {
    const session = await go(`
client, server = connection()
def read(sock):
    data = sock.recv(100)
    if not data:
        midimonster.manage(None, sock)
        sock.close()
        tell("end")
midimonster.manage(read, client)
def go(value):
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
`);
    await session.probe.until("told");
    await ask(session);
    assert.deepEqual(session.said(), [["end"]]);
    const [reset, ...others] = complaints(session);
    assert.match(reset ?? "", /the socket function mod\.read raised on descriptor \d+\n[\s\S]*ConnectionResetError/);
    assert.deepEqual(others, []);
  });

  it("that is half closed can still be written to", async () => {
    const session = await go(`
client, server = connection()
received = b""
def serve(sock):
    global received
    data = sock.recv(2)
    received += data
    if not data:
        sock.sendall(b"got " + received)
        midimonster.manage(None, sock)
        sock.close()
def answer(sock):
    data = sock.recv(100)
    if data:
        tell(data.decode())
    else:
        midimonster.manage(None, sock)
        tell("end")
midimonster.manage(serve, server)
midimonster.manage(answer, client)
def go(value):
    client.sendall(b"hello")
    client.shutdown(socket.SHUT_WR)
`);
    await session.probe.until("told", 2);
    assert.deepEqual(session.said(), [["got hello"], ["end"]]);
    assert.deepEqual(complaints(session), []);
  });

  it("at its end that nobody unregisters is called for ever, and all others keep their turn", async () => {
    const session = await go(`
near, far = socket.socketpair()
calls = 0
def at_end(sock):
    global calls
    calls += 1
    sock.recv(1)
midimonster.manage(at_end, near)
other_near, other_far = socket.socketpair()
def read(sock):
    tell("read", sock.recv(1).decode(), calls > 10)
midimonster.manage(read, other_near)
def tick():
    midimonster.interval(tick, 0)
    other_far.send(b"x")
def go(value):
    far.close()
    midimonster.interval(tick, 50)
`);
    await session.probe.until("told");
    await ask(session);
    assert.deepEqual(session.said(), [["read", "x", true]]);
  });

  it("whose number another instance uses after it was closed is dropped, and the other one served", async () => {
    const session = await start(
      "[python one]\nmodule = one\n[python two]\nmodule = two\n[map]\nprobe.go > one.one.go\nprobe.next > two.two.next\none.number > two.two.number\ntwo.told > probe.told\n",
      {
        "one.py": `
import socket
near, far = socket.socketpair()
def read(sock): say("one was called")
midimonster.manage(read, near)
def go(value):
    midimonster.output("number", near.fileno() / 4096)
    near.close()
`,
        "two.py": `
import os
def number(value):
    global r, w
    number = round(value * 4096)
    read_end, w = os.pipe()
    if read_end == number:
        r = read_end
    else:
        if w == number: w = os.dup(w)
        r = os.dup2(read_end, number)
    say(r == number)
    midimonster.manage(read, os.fdopen(r, "rb", 0, closefd=False))
    os.write(w, b"x")
def read(file):
    say(file.read(1).decode())
    midimonster.output("told", 1)
def next(value): os.write(w, b"y")
`,
      },
    );
    session.probe.emit("go", 1);
    await session.probe.until("told");
    await session.log.seen(/^one: the socket managed by one\.read .* was closed without/);
    session.probe.emit("next", 1);
    await session.probe.until("told", 2);
    assert.deepEqual(session.said(), [true, "x", "y"]);
    assert.equal(complaints(session).length, 1);
  });

  it("of which there is a copy can be managed beside it; both are called", async () => {
    const session = await go(`
near, far = socket.socketpair()
copy = near.dup()
calls = []
def read(sock):
    calls.append(sock is near)
    if len(calls) == 2:
        sock.recv(1)
        tell("both", sorted(calls))
        for one in (near, copy): midimonster.manage(None, one)
midimonster.manage(read, near)
midimonster.manage(read, copy)
def go(value): far.send(b"x")
`);
    await session.probe.until("told");
    assert.deepEqual(session.said(), [["both", [false, true]]]);
  });

  it("is served again if the descriptor through which it is watched is closed, or replaced by another file", async () => {
    for (const damage of ["os.close(number)", "os.dup2(near.fileno(), number)", "os.dup2(other.fileno(), number)"]) {
      const session = await go(`
import select
other = select.epoll()
near, far = socket.socketpair()
other.register(far, select.EPOLLIN)
def read(sock): tell(sock.recv(1).decode())
midimonster.manage(read, near)
def damage():
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            with open("/proc/self/fdinfo/%d" % number) as file: mine = "tfd: %8d " % near.fileno() in file.read()
        except OSError: continue
        if mine: ${damage}
def go(value):
    if value < 1: damage()
    far.send(b"x")
`);
      await session.probe.until("told");
      session.probe.emit("go", 0.5);
      await session.log.seen(/py: the descriptor through which its sockets are watched was closed/);
      await session.probe.until("told", 2);
      session.probe.emit("go", 1);
      await session.probe.until("told", 3);
      assert.deepEqual(session.said(), [["x"], ["x"], ["x"]], damage);
      await session.router.stop();
    }
  });

  it("whose number was given to another file behind its back is watched as what it is now", async () => {
    const session = await go(`
near, far = socket.socketpair()
second, beyond = socket.socketpair()
quiet = socket.socketpair()
def read(sock): tell(sock.recv(1).decode())
midimonster.manage(read, near)
midimonster.manage(read, quiet[0])
def go(value):
    if value == 1: os.dup2(second.fileno(), near.fileno())
    second.close()
    beyond.send(b"x")
`);
    await session.probe.until("told");
    assert.deepEqual(session.said(), [["x"]]);
  });

  it("that another function has emptied in the same iteration is not waited for", async () => {
    const session = await go(`
import fcntl
near, far = socket.socketpair()
copies = [near] + [near.dup() for _ in range(3)]
calls = []
def read(sock):
    calls.append(sock.recv(100)) # blocks if there is nothing
    tell(calls[-1].decode())
for copy in copies: midimonster.manage(read, copy)
def go(value): far.send(b"x")
`);
    await session.probe.until("told");
    await ask(session);
    assert.deepEqual(session.said(), [["x"]]);
    assert.deepEqual(complaints(session), []);
  });

  it("that a function of another instance has emptied in the same iteration is not waited for", async () => {
    const module = `
import os, socket
class Copy:
    def __init__(self, number): self.number = number
    def fileno(self): return self.number
def read(copy):
    os.read(copy.number, 1)
    midimonster.output("told", 1)
def take(value): midimonster.manage(read, Copy(os.dup(round(value * 4096))))
`;
    const session = await start(
      `[python py]\nmodule = mod\n[python one]\nmodule = reader\n[python two]\nmodule = reader\n[map]\nprobe.{go,ask} > py.mod.{go,ask}\npy.done > probe.done\npy.number > one.reader.take\npy.number > two.reader.take\none.told > probe.told\ntwo.told > probe.told\n`,
      {
        "reader.py": module,
        "mod.py": `${COMMON}
reads, writes = os.pipe()
midimonster.output("number", reads / 4096)
def go(value): os.write(writes, b"x")
`,
      },
    );
    for (let i = 1; i <= 20; ++i) {
      session.probe.emit("go", 1);
      await session.probe.until("told", i);
      await ask(session);
    }
    assert.equal(session.probe.values("told").length, 20);
  });

  it("that is closed while a program that was started holds a copy does not keep the core busy", async () => {
    const session = await go(`
import subprocess
near, far = socket.socketpair()
def read(sock): tell("read")
midimonster.manage(read, near)
other_near, other_far = socket.socketpair()
midimonster.manage(lambda sock: tell("other", sock.recv(1).decode()), other_near)
def go(value):
    global program
    program = subprocess.Popen(["sleep", "60"], pass_fds=[near.fileno()])
    near.close()
    far.send(b"x") # readable for ever, in the copy
    other_far.send(b"y")
def ask(value):
    program.kill()
    program.wait()
    midimonster.output("done", 1)
`);
    await session.log.seen(/closed without/);
    await session.probe.until("told");
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { user, system } = process.cpuUsage(before);
    await ask(session);
    assert.deepEqual(session.said(), [["other", "y"]]);
    // In microseconds; a loop that turns without rest takes 500,000.
    assert.ok(user + system < 200_000, `${user + system} µs`);
  });
});

describe("many sockets", () => {
  it("a thousand in one instance are all served, closed by one of them, and their numbers used again", async function () {
    const session = await start(CONFIG, {
      "mod.py": `${COMMON}
import resource
say(resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 3000) # Node has raised it as far as it can be
pairs, count = [], 0
def close_all():
    for near, far in pairs:
        near.close()
        far.close()
    del pairs[:]
midimonster.cleanup_handler(close_all)
def read(sock):
    global count
    sock.recv(1)
    count += 1
    if count == 1000: tell("all")
def go(value):
    if not pairs:
        for i in range(1000):
            pairs.append(socket.socketpair())
            midimonster.manage(read, pairs[-1][0])
    for near, far in pairs: far.send(b"x")
def ask(value):
    # The first that is called closes all.
    for near, far in pairs:
        midimonster.manage(close, near)
        far.send(b"x")
def close(sock):
    global count
    for near, far in pairs: midimonster.manage(None, near)
    close_all()
    count = 0
    go(1)
    midimonster.output("done", 1)
`,
    });
    if (session.said()[0] !== true) {
      console.log("SKIPPED: 3,000 descriptors are needed; raise the hard limit (ulimit -Hn)");
      this.skip();
    }
    session.probe.emit("go", 1);
    await session.probe.until("told");
    await ask(session);
    await session.probe.until("told", 2);
    assert.deepEqual(complaints(session), []);
    assert.deepEqual(session.said().slice(1), [["all"], ["all"]]);
  });

  it("a thousand connections that come at once are all accepted and answered, while an interval keeps its time", async () => {
    const session = await start(`${CONFIG}py.{port,tick} > probe.{port,tick}\n`, {
      "mod.py": `${COMMON}
server = socket.create_server(("127.0.0.1", 0), backlog=1000)
def accept(sock):
    connection, address = sock.accept()
    midimonster.manage(echo, connection)
def echo(sock):
    data = sock.recv(100)
    if data:
        sock.sendall(data)
    else:
        midimonster.manage(None, sock)
        sock.close()
midimonster.manage(accept, server)
def tick():
    say(midimonster.timestamp())
    midimonster.output("tick", 1)
midimonster.interval(tick, 10)
def go(value): midimonster.output("port", server.getsockname()[1] / 65536)
`,
    });
    session.probe.emit("go", 1);
    const [port = 0] = await session.probe.until("port");
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const socket = net.connect(Math.round(port * 65536), "127.0.0.1").setEncoding("utf8");
        socket.end(`hello ${i}`);
        let text = "";
        for await (const chunk of socket) text += chunk;
        return text;
      }),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 1000 }, (_, i) => `hello ${i}`),
    );
    await session.probe.until("tick", 3);
    assert.deepEqual(complaints(session), []);
  });
});

describe("a sender at full speed", () => {
  it("takes nobody's turn: intervals, sockets, handlers and threads of all instances go on", async () => {
    const working = (name: string) => `
import socket, threading, time
near, far = socket.socketpair()
def read(sock):
    sock.recv(1)
    midimonster.output("${name}_read", 1)
def tick():
    say(["${name}", midimonster.timestamp()])
    far.send(b"x")
    midimonster.output("${name}_tick", 1)
def on(value): midimonster.output("${name}_on", value)
def work():
    while True:
        time.sleep(0.01)
        midimonster.output("${name}_thread", 1)
midimonster.manage(read, near)
midimonster.interval(tick, 10)
threading.Thread(target=work, daemon=True).start()
`;
    const flood = `
import os, subprocess
senders = [subprocess.Popen(["yes"], stdout=subprocess.PIPE) for i in range(3)]
count = 0
def swallow(pipe):
    global count
    os.read(pipe.fileno(), 64)
    count += 1
    midimonster.output("swallowed", 1)
for sender in senders: midimonster.manage(swallow, sender.stdout)
def stop():
    for sender in senders:
        sender.kill()
        sender.communicate()
midimonster.cleanup_handler(stop)
`;
    const channels = ["tick", "read", "on", "thread"];
    const session = await start(
      `[python flooded]\nmodule = flood\nmodule = flooded\n[python other]\nmodule = other\n[loopback sink]\n[map]\nflooded.swallowed > sink.x\n${["flooded", "other"].map((name) => `probe.on > ${name}.${name}.on\n${channels.map((channel) => `${name}.${name}_${channel} > probe.${name}_${channel}\n`).join("")}`).join("")}`,
      { "flood.py": flood, "flooded.py": working("flooded"), "other.py": working("other") },
    );
    for (const name of ["flooded", "other"]) {
      for (const channel of ["tick", "read", "thread"]) await session.probe.until(`${name}_${channel}`, 50);
    }
    for (let i = 0; i < 10; ++i) session.probe.emit("on", i / 16);
    const expected = Array.from({ length: 10 }, (_, i) => i / 16);
    assert.deepEqual(await session.probe.until("other_on", 10), expected);
    assert.deepEqual(await session.probe.until("flooded_on", 10), expected);
    for (const name of ["flooded", "other"]) {
      const times = (session.said() as [string, number][]).filter(([who]) => who === name).map(([, time]) => time);
      const took = (times[49] ?? 0) - (times[0] ?? 0);
      assert.ok(took < 4900, `49 periods of 10 ms took ${took} ms`);
    }
    assert.deepEqual(complaints(session), []);
  });
});

describe("when no descriptor is left", () => {
  const EXHAUST = `
import midimonster, os, resource, socket
kept = []
def exhaust():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(fd) for fd in os.listdir("/dev/fd")) + 10, hard))
    try:
        while True: kept.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error: print("exhausted:", error.strerror)
def free():
    while kept: os.close(kept.pop())
`;

  it("what needs one says so, everything else goes on, and all works again once there are some", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n[python other]\nmodule = other\n",
      "mod.py": `${EXHAUST}
near, far = socket.socketpair()
def read(sock): print("read", sock.recv(1).decode())
ticks = 0
def tick():
    global ticks
    ticks += 1
    if ticks == 1: exhaust()
    elif ticks == 2: midimonster.manage(read, near)
    elif ticks == 3: open(__file__)
    elif ticks == 4: import html.parser
    elif ticks == 5:
        free()
        midimonster.manage(read, near)
        far.send(b"x")
midimonster.interval(tick, 20)
`,
      "other.py": `
import midimonster
ticks = 0
def tick():
    global ticks
    ticks += 1
    print("other", ticks)
midimonster.interval(tick, 20)
`,
    });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/read x/);
    const [, ticks] = await running.sees(/other (\d+)/);
    await running.sees(new RegExp(`other ${Number(ticks) + 10}`));
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const raised = running.stderr.match(/^OSError: .*$/gm) ?? [];
    assert.equal(raised.length, 3, running.stderr);
    for (const line of raised) assert.match(line, /^OSError: \[Errno 24\] Too many open files/);
    assert.equal(running.stderr.match(/File ".*mod\.py", line \d+, in tick$/gm)?.length, 3, running.stderr);
  });

  it("a listening socket that can't accept is let go with an error, and the rest goes on", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `${EXHAUST}
server = socket.create_server(("127.0.0.1", 0))
client = socket.socket()
def accept(sock): kept.append(sock.accept()[0].detach())
midimonster.manage(accept, server)
ticks = 0
def tick():
    global ticks
    ticks += 1
    print("tick", ticks)
    if ticks == 2:
        exhaust()
        client.connect(server.getsockname())
    elif ticks == 10:
        free()
        midimonster.manage(accept, server)
    elif kept and ticks > 10:
        print("accepted after all")
midimonster.interval(tick, 20)
`,
    });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/accepted after all/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stderr, /the socket function mod\.accept raised[\s\S]*OSError: \[Errno 24\]/);
    assert.match(running.stderr, /mod\.accept raised 10 times in a row and is unregistered/);
  });

  it("the stop is in order", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n",
      "mod.py": `${EXHAUST}
import atexit
midimonster.cleanup_handler(lambda: print("cleaned up"))
atexit.register(lambda: print("exit function"))
def tick():
    midimonster.interval(tick, 0)
    exhaust()
midimonster.interval(tick, 20)
`,
    });
    const running = mmpy([path.join(folder, "monster.cfg")]);
    await running.sees(/exhausted/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    assert.match(running.stdout, /cleaned up\nexit function/);
    assert.doesNotMatch(running.stderr, /ERROR|did not end/);
  });
});
