import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpy, mmpyScript, projectFolder, run } from "./helpers.js";

const TICKER = {
  "monster.cfg": "[python py]\nmodule = ticker\n[loopback l]\n[map]\npy.tick > l.tick\n",
  "ticker.py": `
import midimonster
def tick():
    print("tick")
    midimonster.output("tick", 1)
def bye():
    print("cleaned up")
midimonster.interval(tick, 10)
midimonster.cleanup_handler(bye)
`,
};

const version = (JSON.parse(readFileSync(path.join(projectFolder, "package.json"), "utf8")) as { version: string })
  .version;

describe("mmpy", () => {
  for (const flag of ["-h", "--help"]) {
    it(`${flag} explains every option on standard output`, async () => {
      const help = mmpy([flag]);
      assert.deepEqual(await help.exited, { code: 0, signal: null });
      for (const word of [
        "check",
        "doctor",
        "backends",
        "filters",
        "completion",
        "--json",
        "--watch",
        "-i ",
        "-b ",
        "--log-level",
        "--log-format",
        "--version",
        "monster.cfg",
        "SIGTERM",
      ]) {
        assert.ok(help.stdout.includes(word), word);
      }
    });
  }

  for (const flag of ["-v", "--version"]) {
    it(`${flag} prints the version`, async () => {
      const printed = mmpy([flag]);
      assert.deepEqual(await printed.exited, { code: 0, signal: null });
      assert.equal(printed.stdout, `midimonster-python ${version}\n`);
    });
  }

  const usage: [args: string[], message: RegExp][] = [
    [["--colour"], /mmpy: unknown option '--colour'\n/],
    [["one.cfg", "two.cfg"], /more than one configuration: one\.cfg, two\.cfg/],
    [["--log-level", "loud"], /--log-level is one of error, warn, info, debug, silent, not 'loud'/],
    [["--log-format", "xml"], /--log-format is one of text, json, journal, not 'xml'/],
    [["--wtach"], /unknown option '--wtach'; did you mean '--watch'\?/],
    [["--moniter"], /unknown option '--moniter'; did you mean '--monitor'\?/],
    [["-x"], /unknown option '-x'\n/],
    [["--json"], /--json goes with check, doctor, backends and filters/],
    [["completion", "--json", "bash"], /--json does not go with completion/],
    [["--no-run"], /--no-run goes with check\n/],
    [["--check", "x.cfg"], /unknown option '--check'; did you mean 'check'\?/],
    [["--docter"], /unknown option '--docter'; did you mean 'doctor'\?/],
    [["check", "--norun"], /unknown option '--norun'; did you mean '--no-run'\?/],
    [["run", "x.cfg"], /there is no command 'run': to run a configuration, write mmpy x\.cfg/],
    [["help"], /there is no command 'help': write mmpy --help/],
    [["version"], /there is no command 'version': write mmpy --version/],
    [["--log-level", "eror"], /--log-level is one of .*, not 'eror'; did you mean 'error'\?/],
    [["backends", "-i", "a.b=c"], /-i does not go with backends/],
    [["completion", "bash", "-b", "a.b=c"], /-b does not go with completion/],
    [["chek", "x.cfg"], /'chek' is neither a command nor a file; did you mean 'check'\?/],
    [["chekc", "x.cfg"], /'chekc' is neither a command nor a file; did you mean 'check'\?/],
    [["Doctor"], /'Doctor' is neither a command nor a file; did you mean 'doctor'\?/],
    [["backends", "pyton"], /unknown backend 'pyton'; did you mean 'python'\?/],
    [["backends", "zzz", "--json"], /unknown backend 'zzz'; available backends: python, loopback/],
    [["backends", "python", "loopback"], /more than one backend: python, loopback/],
    [["filters", "invrt"], /unknown filter 'invrt'; did you mean 'invert'\?/],
    [["filters", "fade", "rate"], /more than one filter: fade, rate/],
    [["completion"], /completion is for one of bash, zsh, fish; write mmpy completion bash/],
    [["completion", "tcsh"], /completion is for one of bash, zsh, fish, not 'tcsh'/],
    [["completion", "zsh", "fish"], /more than one shell: zsh, fish/],
    [["-i"], /mmpy: /],
    [["-i", "module=x"], /'module=x' is not an override; write -i instance\.option=value/],
  ];
  for (const [args, message] of usage) {
    it(`${args.join(" ")}: says what is wrong, exit status 2`, async () => {
      const failed = mmpy(args);
      assert.deepEqual(await failed.exited, { code: 2, signal: null });
      assert.match(failed.stderr, message);
      assert.match(failed.stderr, /Try mmpy --help\./);
    });
  }

  it("runs a configuration that is called nearly like a command", async () => {
    const running = mmpy(["chek"], { cwd: folderWith({ chek: "[loopback l]\n" }) });
    await running.sees(/routing/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`${signal} runs cleanup handlers and exits with status 0`, async () => {
      const running = mmpy([], { cwd: folderWith(TICKER) });
      await running.sees(/tick\ntick\n/);
      running.child.kill(signal);
      assert.deepEqual(await running.exited, { code: 0, signal: null });
      assert.match(running.stdout, /cleaned up\n$/);
      assert.match(running.stderr, new RegExp(`${signal}: stopping`));
    });
  }

  // Each says when more than half a second has passed since the first signal: what comes before counts as the same one.
  it("a second signal ends at once", async () => {
    const files = {
      ...TICKER,
      "ticker.py": `${TICKER["ticker.py"]}\nimport time\ndef bye():\n    time.sleep(0.6)\n    print("stuck")\n    time.sleep(600)\nmidimonster.cleanup_handler(bye)\n`,
    };
    const running = mmpy([], { cwd: folderWith(files) });
    await running.sees(/tick/);
    running.child.kill("SIGINT");
    await running.sees(/stuck/);
    running.child.kill("SIGINT");
    assert.deepEqual(await running.exited, { code: null, signal: "SIGINT" });
  });

  it("a second signal ends at once also the first process of a container", async function () {
    const alone = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    if (spawnSync("unshare", [...alone, "true"]).status !== 0) {
      console.log("SKIPPED: no namespaces can be made here");
      this.skip();
    }
    const module = `import os, signal, threading, time
def signals():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=signals, daemon=True).start()
time.sleep(600)
`;
    const folder = folderWith({ ...TICKER, "ticker.py": module });
    const running = run("unshare", [...alone, process.execPath, mmpyScript], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 128 + 2, signal: null });
  });

  /** Goes on when it is interrupted, which is half a second after the first signal. */
  const STUBBORN = `print("spinning")
while True:
    try:
        while True: sum(range(99))
    except BaseException: print("went on")
`;
  for (const [what, code] of [
    [
      "a handler never returns",
      `def spin():\n    ${STUBBORN.replaceAll("\n", "\n    ")}\nmidimonster.interval(spin, 10)\n`,
    ],
    ["a module is still loading", STUBBORN],
  ] as const) {
    it(`a second signal ends at once also while ${what}`, async () => {
      const folder = folderWith({ ...TICKER, "ticker.py": `import midimonster\n${code}` });
      const running = mmpy([], { cwd: folder });
      await running.sees(/spinning/);
      running.child.kill("SIGINT");
      await running.sees(/went on/);
      running.child.kill("SIGTERM");
      const { code: status, signal } = await running.exited;
      assert.equal(status, null);
      assert.ok(signal === "SIGINT" || signal === "SIGTERM", String(signal));
    });
  }

  it("writes the log to standard error and print() to standard output, at once", async () => {
    const running = mmpy(["monster.cfg"], { cwd: folderWith(TICKER) });
    await running.sees(/tick/);
    running.child.kill("SIGINT");
    await running.exited;
    assert.match(running.stdout, /^(tick\n)+cleaned up\n$/);
    assert.match(running.stderr, /INFO: routing 1 mapping between 2 instances/);
    assert.doesNotMatch(running.stderr, /tick\n/);
  });

  it("--log-format json writes one object a line", async () => {
    const files = {
      ...TICKER,
      "ticker.py": `${TICKER["ticker.py"]}\ndef bad(): raise ValueError("no")\nmidimonster.interval(bad, 10)\n`,
    };
    const running = mmpy(["--log-format", "json"], { cwd: folderWith(files) });
    await running.sees(/raised/);
    running.child.kill("SIGINT");
    await running.exited;
    const lines = running.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { level: number; msg: string; instance?: string; traceback?: string });
    const raised = lines.find(({ msg }) => msg.includes("raised"));
    assert.equal(raised?.instance, "py");
    assert.match(raised?.traceback ?? "", /ValueError: no$/);
  });

  it("--log-format json writes errors of the configuration as an object too", async () => {
    const failed = mmpy(["--log-format", "json"], { cwd: folderWith({ "monster.cfg": "[nothing n]\n" }) });
    assert.deepEqual(await failed.exited, { code: 1, signal: null });
    const { code, msg } = JSON.parse(failed.stderr) as { code: string; msg: string };
    assert.equal(code, "CONFIG");
    assert.match(msg, /^monster\.cfg:1:2: error: unknown backend 'nothing'/);
  });

  it("--log-level error says nothing of a start and a stop", async () => {
    const running = mmpy(["--log-level", "error"], { cwd: folderWith(TICKER) });
    await running.sees(/tick/);
    running.child.kill("SIGINT");
    await running.exited;
    assert.equal(running.stderr, "");
  });

  it("-i and -b set options before those of the section", async () => {
    const folder = folderWith({
      "monster.cfg": "[backend loopback]\n[python py]\nmodule = second\n",
      "first.py": 'print("first")\n',
      "second.py": 'print("second")\n',
    });
    const checked = mmpy(["check", "-i", "py.module=first", "-b", "loopback.x=y"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 0, signal: null });
    assert.match(checked.stdout, /^first\nsecond\n/);
  });

  it("without a configuration says how to name one, exit status 1", async () => {
    const failed = mmpy([], { cwd: folderWith({}) });
    assert.deepEqual(await failed.exited, { code: 1, signal: null });
    assert.match(failed.stderr, /can't read the configuration: there is no file 'monster\.cfg'/);
    assert.match(failed.stderr, /give a configuration file, as in: mmpy path\/to\/monster\.cfg/);
  });

  it("with errors prints all of them with places, exit status 1", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodul = x\n[map]\npy.a > nobody.b\n",
    });
    const failed = mmpy(["monster.cfg"], { cwd: folder });
    assert.deepEqual(await failed.exited, { code: 1, signal: null });
    assert.match(failed.stderr, /^monster\.cfg:2:1: error: an instance of 'python' has no option 'modul'$/m);
    assert.match(failed.stderr, /^ {4}2 \| modul = x\n {6}\| \^~~~~$/m);
    assert.match(failed.stderr, /^monster\.cfg:4:8: error: no instance 'nobody'$/m);
  });

  it("with a module that can't be imported shows its traceback, exit status 1", async () => {
    const folder = folderWith({ "monster.cfg": "[python py]\nmodule = broken\n", "broken.py": "x = 1\nx += None\n" });
    const failed = mmpy(["monster.cfg"], { cwd: folder });
    assert.deepEqual(await failed.exited, { code: 1, signal: null });
    assert.match(failed.stderr, /^monster\.cfg:2:10: error: module 'broken' of instance 'py' can't be imported$/m);
    assert.match(failed.stderr, /broken\.py", line 2, in <module>/);
    assert.match(failed.stderr, /TypeError: unsupported operand/);
  });

  it("runs a configuration of loopbacks alone without any Python", async () => {
    const folder = folderWith({ "monster.cfg": "[loopback a]\n[map]\na.x > a.y\n" });
    const running = mmpy([], {
      cwd: folder,
      env: { ...process.env, PATH: "/nowhere", MMPY_PYTHON: "/nowhere/python3" },
    });
    await running.sees(/routing 1 mapping/);
    running.child.kill("SIGTERM");
    assert.deepEqual(await running.exited, { code: 0, signal: null });
  });

  it("without a usable Python says which and what to do", async () => {
    const folder = folderWith(TICKER);
    const missing = mmpy([], { cwd: folder, env: { ...process.env, MMPY_PYTHON: "/nowhere/python3" } });
    assert.deepEqual(await missing.exited, { code: 1, signal: null });
    assert.match(missing.stderr, /there is no Python at \/nowhere\/python3 \(environment variable MMPY_PYTHON\)/);
    const none = mmpy([], { cwd: folder, env: { PATH: "/nowhere" } });
    assert.deepEqual(await none.exited, { code: 1, signal: null });
    assert.match(none.stderr, /apt-get install python3/);
  });
});

describe("mmpy check", () => {
  it("prints instances, channels and mappings, runs nothing, exit status 0", async () => {
    const folder = folderWith({
      "monster.cfg":
        "[backend python]\nhandler-warn = 500\n[python py]\nmodule = mod\n[loopback l]\n[map]\npy.out > l.{x,y}\nl.z <> py.level\nl.{1..60} > py.mod.go\n",
      "mod.py":
        'import midimonster\ndef go(value): pass\nmidimonster.output("extra", 1)\nmidimonster.interval(lambda: print("must not run"), 10)\n',
    });
    const checked = mmpy(["check", "monster.cfg"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 0, signal: null });
    const expected = [
      /^py +python +4 +module = mod$/m,
      /^\[backend python\] +handler-warn = 500$/m,
      /^l +loopback +63$/m,
      /^py\.extra +output by a module, not mapped$/m,
      /^py\.out +output$/m,
      /^py\.level +input, output$/m,
      /^py\.mod\.go +input \(calls the function\)$/m,
      /^l: 23 more$/m,
      /^py\.out +> +l\.\{x,y\} +2$/m,
      /^l\.z +<> +py\.level +1$/m,
      /^l\.\{1\.\.60\} +> +py\.mod\.go +60$/m,
    ];
    for (const pattern of expected) assert.match(checked.stdout, pattern);
    assert.doesNotMatch(checked.stdout, /must not run/);
  });

  it("exits with status 1 on an error", async () => {
    const folder = folderWith({
      "monster.cfg": "[python py]\nmodule = mod\n[loopback l]\n[map]\nl.x > py.mod.fade_inn\n",
      "mod.py": "def fade_in(value): pass\n",
    });
    const checked = mmpy(["check", "monster.cfg"], { cwd: folder });
    assert.deepEqual(await checked.exited, { code: 1, signal: null });
    assert.match(
      checked.stderr,
      /^monster\.cfg:5:10: error: no handler for 'py\.mod\.fade_inn': 'mod' has no 'fade_inn'$/m,
    );
    assert.match(checked.stderr, /did you mean 'mod\.fade_in'\?/);
    assert.equal(checked.stdout, "");
  });
});
