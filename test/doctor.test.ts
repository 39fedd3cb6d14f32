import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import type { DoctorReport } from "../lib/cli/doctor.js";
import { silentLogger } from "../lib/log/log.js";
import { folderWith, mmpy, skipWithSanitizers } from "./helpers.js";

async function report(args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env) {
  const running = mmpy(["doctor", "--json", ...args], { env });
  const { code } = await running.exited;
  assert.equal(running.stderr, "");
  return { code, found: JSON.parse(running.stdout) as DoctorReport };
}

/** A PATH and a home without any Python. */
function nowhere(): NodeJS.ProcessEnv {
  const empty = folderWith({});
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: empty, HOME: empty, PYENV_ROOT: empty };
  for (const name of ["MMPY_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"]) delete env[name];
  return env;
}

describe("mmpy doctor", () => {
  it("tells of Node, the platform, the addon, every Python, and the one that an instance gets", async function () {
    skipWithSanitizers(this, "it takes Python's own OpenSSL, and a sanitizer none of its deepbind");
    const { code, found } = await report();
    const choice = await choosePython(undefined, silentLogger);
    assert.equal(code, 0);
    assert.equal(found.ok, true);
    assert.deepEqual([found.node.version, found.platform.arch], [process.version, process.arch]);
    assert.match(found.addon.file ?? "", /midimonster.*\.node$/);
    assert.equal(found.problem, undefined);
    const { chosen } = found;
    assert.deepEqual(
      { version: chosen?.version, executable: chosen?.executable, library: chosen?.library, reason: chosen?.reason },
      { version: choice.version, executable: choice.executable, library: choice.library, reason: choice.reason },
    );
    const own = execFileSync(choice.executable, ["-c", "import ssl; print(ssl.OPENSSL_VERSION)"], { encoding: "utf8" });
    assert.equal(chosen?.openssl.version, own.trim());
    assert.ok(
      found.pythons.some(({ executable, problem }) => executable === choice.executable && problem === undefined),
    );
  });

  it("shows the same to a person, the one in use marked", async () => {
    const running = mmpy(["doctor"]);
    assert.deepEqual(await running.exited, { code: 0, signal: null });
    const { executable } = await choosePython(undefined, silentLogger);
    assert.ok(running.stdout.includes(`\n* ${executable} (`), running.stdout);
    assert.match(running.stdout, /OpenSSL +OpenSSL/);
    assert.match(running.stdout, /deepbind +on/);
    assert.match(running.stdout, /\nmmpy can run python instances here\.\n$/);
  });

  it("takes the options of a configuration, and -b", async () => {
    const folder = folderWith({ "monster.cfg": "[backend python]\ndeepbind = off\npython = ./nothere\n" });
    const { code, found } = await report([path.join(folder, "monster.cfg")]);
    assert.equal(code, 1);
    assert.equal(found.problem?.code, "PYTHON_NOT_FOUND");
    assert.ok(found.problem?.message.includes(path.join(folder, "nothere")));
    const { executable } = await choosePython(undefined, silentLogger);
    const given = await report(["-b", `python.python=${executable}`, "-b", "python.deepbind=off"]);
    assert.equal(given.found.chosen?.deepbind, false);
    assert.equal(given.found.chosen?.reason, "option 'python'");
  });

  it("names the libraries of OpenSSL only where it is they that ssl uses", async () => {
    const { found } = await report();
    const names = found.chosen?.openssl.libraries?.map((file) => path.basename(file).split(".")[0]);
    if (process.platform === "linux") assert.deepEqual(names, ["libcrypto", "libssl"]);
    const off = await report(["-b", "python.deepbind=off"]);
    assert.ok(off.found.chosen?.openssl.version?.includes(process.versions.openssl), off.found.chosen?.openssl.version);
    assert.equal(off.found.chosen?.openssl.libraries, undefined);
  });

  it("takes the options of ./monster.cfg if no other is named", async () => {
    const folder = folderWith({ "monster.cfg": "[python py]\n[backend python]\npython = ./nothere\n" });
    const running = mmpy(["doctor", "--json"], { cwd: folder });
    assert.equal((await running.exited).code, 1);
    const { config, problem } = JSON.parse(running.stdout) as DoctorReport;
    assert.equal(config, path.join(folder, "monster.cfg"));
    assert.equal(problem?.code, "PYTHON_NOT_FOUND");
    const other = mmpy(["doctor", "--json", path.join(folderWith({ "other.cfg": "" }), "other.cfg")], { cwd: folder });
    assert.equal((await other.exited).code, 0);
    const none = mmpy(["doctor", "--json"], { cwd: folderWith({}) });
    assert.equal((await none.exited).code, 0);
    assert.equal((JSON.parse(none.stdout) as DoctorReport).config, undefined);
  });

  it("lists the Python that the configuration names, marked as in use", async () => {
    const { executable } = await choosePython(undefined, silentLogger);
    const folder = folderWith({
      "monster.cfg": "[include sub/python.cfg]\n",
      "sub/python.cfg": "[backend python]\npython = venv\n",
    });
    const venv = path.join(folder, "sub", "venv");
    execFileSync(executable, ["-m", "venv", "--without-pip", venv]);
    const running = mmpy(["doctor"], { cwd: folder });
    assert.equal((await running.exited).code, 0, running.stdout);
    const line = `* ${venv}/bin/python3 (option 'python')`;
    assert.deepEqual(
      running.stdout.split("\n").filter((each) => each.startsWith("* ")),
      [line],
    );
    // By a name that PATH has, behind which it lies under another.
    const linked = folderWith({});
    symlinkSync(executable, path.join(linked, "mypython"));
    const named = mmpy(["doctor", "-b", "python.python=mypython"], {
      env: { ...process.env, PATH: `${process.env.PATH}:${linked}` },
    });
    await named.exited;
    assert.match(named.stdout, /\n\* \S+ \(option 'python'\)/);
    assert.equal(named.stdout.match(/^\* /gm)?.length, 1);
  });

  it("lists the Python that the configuration names also if there is none", async () => {
    const { found } = await report(["-b", "python.python=/nowhere/python3"]);
    const line = found.pythons.find(({ command }) => command === "/nowhere/python3");
    assert.equal(line?.problem?.code, "PYTHON_NOT_FOUND");
    const ofVariable = await report([], { ...process.env, MMPY_PYTHON: "/nowhere/python3" });
    assert.equal(ofVariable.found.pythons[0]?.where, "environment variable MMPY_PYTHON");
  });

  it("tells which Python runs each instance in a process of its own, and which can't be run", async function () {
    if (process.platform !== "linux") this.skip();
    const { executable, version } = await choosePython(undefined, silentLogger);
    const own = { "monster.cfg": `[backend python]\nown-process = on\n[python a]\npython = ${executable}\n` };
    const sound = await report([path.join(folderWith(own), "monster.cfg")]);
    assert.deepEqual([sound.code, sound.found.processes.length], [0, 1], JSON.stringify(sound.found));
    assert.deepEqual(
      sound.found.processes.map(({ instance, version, executable }) => [instance, version, executable]),
      [["a", version, executable]],
    );
    const file = path.join(
      folderWith({ "monster.cfg": "[python a]\n[python b]\nown-process = on\npython = ./none\n" }),
      "monster.cfg",
    );
    const running = mmpy(["doctor", file]);
    assert.equal((await running.exited).code, 1);
    assert.match(running.stdout, /^Instances in processes of their own:\n {2}b: PYTHON_NOT_FOUND: .*none/m);
    assert.match(running.stdout, /^mmpy can't run python instances here;/m);
  });

  it("needs no library of Python where all instances have processes of their own", async function () {
    if (process.platform !== "linux") this.skip();
    const { executable } = await choosePython(undefined, silentLogger);
    const folder = folderWith({
      "monster.cfg": `[backend python]\npython = ./none\nown-process = on\n[python a]\npython = ${executable}\n`,
    });
    const { code, found } = await report([path.join(folder, "monster.cfg")]);
    assert.equal(found.problem?.code, "PYTHON_NOT_FOUND");
    assert.equal(code, 0);
  });

  it("of an override that no backend takes says so, exit status 1", async () => {
    for (const args of [[], [path.join(folderWith({ "a.cfg": "[loopback l]\n" }), "a.cfg")]]) {
      const running = mmpy(["doctor", "-b", "pyton.python=3.12", ...args]);
      assert.equal((await running.exited).code, 1);
      assert.match(running.stderr, /unused override: the configuration has no backend 'pyton'/);
      assert.match(running.stderr, /did you mean 'python'\?/);
    }
  });

  it("says what is wrong with those that can't be used", async () => {
    const folder = folderWith({});
    const file = path.join(folder, "python3");
    writeFileSync(file, "#!/bin/sh\necho broken on purpose >&2\nexit 1\n");
    chmodSync(file, 0o755);
    const { found } = await report([], { ...process.env, PATH: `${folder}:${process.env.PATH}` });
    const broken = found.pythons.find(({ command }) => command === file);
    assert.equal(broken?.problem?.code, "PYTHON_PROBE");
    assert.match(broken?.problem?.message ?? "", /broken on purpose/);
  });

  it("with no Python says what to install, exit status 1", async () => {
    const { code, found } = await report([], nowhere());
    assert.equal(code, 1);
    assert.equal(found.ok, false);
    assert.equal(found.problem?.code, "PYTHON_NOT_FOUND");
    const shown = mmpy(["doctor"], { env: nowhere() });
    assert.equal((await shown.exited).code, 1);
    assert.match(shown.stdout, /PYTHON_NOT_FOUND: no Python found.*\n.*apt-get install/);
    assert.match(shown.stdout, /\nmmpy can't run python instances here; see above, and docs\/troubleshooting\.md\.\n$/);
  });

  it("of a configuration that can't be read says so, exit status 1", async () => {
    const running = mmpy(["doctor", "nothere.cfg"]);
    assert.equal((await running.exited).code, 1);
    assert.match(running.stderr, /can't read the configuration/);
  });

  it("of a Python that ends its process tells the last that it said, exit status 1", async function () {
    const { executable, version } = await choosePython(undefined, silentLogger);
    const env = { ...process.env, PYTHONHASHSEED: "sesame" };
    const { code, found } = await report(["-b", `python.python=${executable}`], env);
    assert.equal(code, 1);
    assert.equal(found.ok, false);
    assert.equal(found.problem?.code, "PYTHON_LOAD");
    assert.match(found.problem?.message ?? "", /PYTHONHASHSEED must be "random" or an integer/);
    if (Number(version.split(".")[1]) >= 14) {
      console.log("SKIPPED: this Python does not end the process but tells");
      this.skip();
    }
    assert.match(
      found.problem?.message ?? "",
      /ended with exit status 1; its output:\n {2}Fatal Python error: .*[\s\S]*\nTry again without.*: unset .*PYTHONHASHSEED/,
    );
    assert.equal(found.chosen, undefined);
    assert.ok(found.pythons.some((python) => python.executable === executable));
  });

  it("leaves out what Python's start-up files print", async () => {
    const { executable } = await choosePython(undefined, silentLogger);
    const folder = folderWith({ "sitecustomize.py": "print('hello')\n" });
    const { found } = await report([], { ...process.env, PYTHONPATH: folder });
    assert.equal(found.chosen?.executable, executable);
  });

  it("with PYTHONHOME the virtual environment in use runs, and is examined", async () => {
    const { executable } = await choosePython(undefined, silentLogger);
    const venv = path.join(folderWith({}), "venv");
    execFileSync(executable, ["-m", "venv", "--without-pip", venv]);
    const { code, found } = await report(["-b", `python.python=${venv}`], { ...process.env, PYTHONHOME: venv });
    assert.equal(code, 0);
    assert.equal(found.chosen?.prefix, venv);
  });
});
