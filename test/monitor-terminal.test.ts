// `mmpy --monitor` and `mmpy monitor`, as users run them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { freePort } from "./free-port.js";
import { folderWith, killChildren, mmpy, mmpyScript, type Running, removeFolders, run } from "./helpers.js";
import { ask } from "./web-peer.js";

const FILES = {
  "monster.cfg": "[python desk]\nmodule = desk\n[loopback bus]\n[map]\ndesk.fader{1..3} > bus.v{1..3}\n",
  "desk.py": `
import midimonster
moved = 0
def move():
    global moved
    moved += 1
    midimonster.output("fader2", moved % 100 / 100)
    midimonster.output("fader\\x1b[31m", 0.5)
midimonster.output("fader\\x1b[31m", 0.5)
midimonster.interval(move, 20)
`,
};

async function router(port: number, ...options: string[]): Promise<Running> {
  const running = mmpy(["--monitor", String(port), ...options], { cwd: folderWith(FILES) });
  await running.sees(/routing/);
  return running;
}

async function stop(running: Running): Promise<void> {
  running.child.kill("SIGTERM");
  assert.deepEqual(await running.exited, { code: 0, signal: null });
}

describe("mmpy monitor", () => {
  afterEach(killChildren);
  after(removeFolders);

  it("prints a line for each change in a pipe, and connects again when the router does", async () => {
    const port = await freePort();
    const first = await router(port);
    const monitor = mmpy(["monitor", String(port)]);
    await monitor.sees(/^\d{4}-\d\d-\d\dT[\d:.]+Z desk\.fader2 0\.\d+$/m);
    await monitor.sees(/ bus\.v2 0\.\d+\n/);
    // Control characters of names do nothing to a terminal.
    await monitor.sees(/ desk\.fader\\x1b\[31m 0\.5\n/);
    assert.ok(!monitor.stdout.includes("\x1b"));
    await stop(first);
    await monitor.sees(/connecting again/);
    const seen = monitor.stdout.length;
    const second = await router(port);
    await monitor.until(() => monitor.stdout.length > seen);
    monitor.child.kill("SIGINT");
    assert.deepEqual(await monitor.exited, { code: 0, signal: null });
    await stop(second);
  });

  it("shows values on a terminal, filters, learns, and leaves the terminal as it was", async function () {
    if (spawnSync("script", ["--version"]).error !== undefined) {
      console.log("SKIPPED: mmpy monitor on a terminal: no script (apt-get install bsdutils)");
      this.skip();
    }
    const port = await freePort();
    const running = await router(port);
    const ends = { q: "q", "Ctrl-C": "\x03", "Ctrl-D": "\x04" };
    for (const [name, key] of Object.entries(ends)) {
      const command = `stty rows 10 cols 60; ${process.execPath} ${mmpyScript} monitor ${port}; stty -a`;
      const shown = run("script", ["-qefc", command, "/dev/null"], {
        env: { ...process.env, TERM: "xterm", NO_COLOR: name === "q" ? "1" : "" },
      });
      await shown.sees(/desk\.fader2 +[^a-z]+m? *0\.\d+/);
      if (name === "q") {
        shown.child.stdin?.write("/v2\r");
        await shown.sees(/filter: v2/);
        await shown.sees(/1 of \d+ channels/);
        shown.child.stdin?.write("l");
        await shown.sees(/learn: desk\.fader2 +desk\.fader2 > bus\.CHANNEL/);
        shown.child.stdin?.write("p");
        await shown.sees(/paused/);
      }
      shown.child.stdin?.write(key);
      await shown.sees(/ icanon/);
      const text = shown.stdout;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what is written to terminals
      assert.match(text, /^\x1b\[\?1049h\x1b\[\?25l/, name);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
      assert.match(text, /\x1b\[\?25h\x1b\[\?1049l/, name);
      assert.match(text, / echo /, name);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
      if (name === "q") assert.doesNotMatch(text, /\x1b\[[0-9;]*m/);
      shown.child.stdin?.end();
      await shown.exited;
    }
    await stop(running);
  });

  const WRONG: readonly (readonly [url: string, status: number, said: RegExp])[] = [
    ["ftp://127.0.0.1", 2, /the monitor's URL is like http:\/\/127\.0\.0\.1:8099/],
    ["http://127.0.0.1:PORT", 1, /nothing listens there; start the router with mmpy --monitor PORT/],
    ["http://127.0.0.1:PORT/#token=secret", 1, /no monitor at http:\/\/127\.0\.0\.1:\d+\/: nothing/],
    [
      "http://nowhere.invalid",
      1,
      /no monitor at \S+: (there is no host of this name|the host's name can't be looked up)/,
    ],
  ];
  it("says what is wrong with a URL, and keeps the token to itself", async () => {
    const port = String(await freePort());
    for (const [url, status, said] of WRONG) {
      const monitor = mmpy(["monitor", url.replace("PORT", port)]);
      assert.equal((await monitor.exited).code, status, url);
      assert.match(monitor.stderr, said);
      assert.doesNotMatch(monitor.stderr, /secret/);
    }
  });

  for (const said of ["hello", "null", "[]", "{"]) {
    it(`says that what answers is no monitor: ${said}`, async () => {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
      try {
        server.on("connection", (socket) => socket.send(said));
        await once(server, "listening");
        const monitor = mmpy(["monitor", String((server.address() as AddressInfo).port)]);
        assert.equal((await monitor.exited).code, 1);
        assert.match(monitor.stderr, /no monitor at http:\S+: what answers there is not a monitor\n$/);
      } finally {
        server.close();
      }
    });
  }

  it("needs the token of the URL that is printed where the network can reach it", async () => {
    const port = await freePort();
    const running = mmpy(["--monitor", `0.0.0.0:${port}`], { cwd: folderWith(FILES) });
    const [, token = ""] = await running.sees(/#token=([\w-]{43}) /);
    const without = mmpy(["monitor", `http://127.0.0.1:${port}`]);
    assert.equal((await without.exited).code, 1);
    assert.match(without.stderr, /it needs a token: use the whole URL/);
    const other = mmpy(["monitor", `http://127.0.0.1:${port}/#token=${token.slice(1)}`]);
    assert.equal((await other.exited).code, 1);
    assert.match(other.stderr, /it refuses this token: use the whole URL/);
    assert.equal((await ask(`http://127.0.0.1:${port}/metrics`)).status, 401);
    assert.equal((await ask(`http://127.0.0.1:${port}/healthz`)).status, 200);
    const withToken = mmpy(["monitor", `http://127.0.0.1:${port}/#token=${token}`]);
    await withToken.sees(/desk\.fader2/);
    withToken.child.kill("SIGTERM");
    await withToken.exited;
    await stop(running);
  });

  it("is not started where its port is in use, and then nothing is", async () => {
    const port = await freePort();
    const first = await router(port);
    const second = mmpy(["--monitor", String(port)], { cwd: folderWith(FILES) });
    assert.equal((await second.exited).code, 1);
    assert.match(second.stderr, /the monitor could not be started: 127\.0\.0\.1 \d+ is used by process/);
    await stop(first);
  });

  const ARGUMENTS: readonly (readonly [args: string[], said: RegExp])[] = [
    [["--monitor", "many"], /--monitor is \[HOST:\]PORT, such as 8099 or 0\.0\.0\.0:8099, not 'many'/],
    [["--monitor", "70000"], /--monitor is \[HOST:\]PORT/],
    [["--control"], /--control goes with --monitor/],
    [["check", "--monitor", "8099"], /--monitor does not go with check/],
    [["monitor", "a", "b"], /more than one URL: a, b/],
  ];
  it("says what is wrong with a command line", async () => {
    for (const [args, said] of ARGUMENTS) {
      const { status, stderr } = spawnSync(process.execPath, [mmpyScript, ...args], { encoding: "utf8" });
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, said);
    }
  });
});
