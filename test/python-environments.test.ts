// Virtual environments and environment variables: an instance sees what the chosen interpreter itself would see.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { choosePython } from "../lib/backends/python/locate/discovery.js";
import { silentLogger } from "../lib/log/log.js";
import { folderWith, mmpy } from "./helpers.js";

/** What a Python takes from where, as a module of an instance and as a script of its own tell it. */
const TELL = `
import json, os, sys
def origin(name):
    try:
        return __import__(name).__file__
    except ImportError:
        return None
told = {
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "exec_prefix": sys.exec_prefix,
    "executable": sys.executable,
    "base_executable": sys._base_executable,
    # The first is the script's or the configuration's own folder.
    "path": sys.path[1:],
    "inside": origin("only_inside"),
    "outside": origin("only_outside"),
    "linked": origin("linked"),
    "stdlib": os.__file__,
    "flags": [sys.flags.utf8_mode, sys.flags.ignore_environment, sys.flags.no_user_site],
    "encodings": [sys.stdout.encoding, sys.getfilesystemencoding()],
}
with open(os.environ["TOLD"], "w") as file:
    json.dump(told, file)
`;

interface Told {
  readonly prefix: string;
  readonly inside: string | null;
  readonly outside: string | null;
  readonly linked: string | null;
  readonly path: readonly string[];
}

describe("an instance's Python", () => {
  let base: string;
  before(async () => {
    base = (await choosePython(undefined, silentLogger)).executable;
  });

  /** A virtual environment with a package of its own and one that a .pth file links, and a user's package outside. */
  function environment(options: readonly string[] = []) {
    const folder = folderWith({
      "outside/only_outside.py": "",
      "elsewhere/linked.py": "",
      "tell.py": TELL,
      "python/monster.cfg": "[python py]\nmodule = tell\n",
      "python/tell.py": TELL,
    });
    const venv = path.join(folder, "python", "venv");
    execFileSync(base, ["-m", "venv", "--without-pip", ...options, venv]);
    const ask = (expression: string, env: NodeJS.ProcessEnv) =>
      execFileSync(base, ["-c", `import site, sysconfig; print(${expression})`], { env, encoding: "utf8" }).trim();
    const env = { ...process.env, PYTHONUSERBASE: path.join(folder, "user") };
    const userSite = ask("site.getusersitepackages()", env);
    execFileSync("mkdir", ["-p", userSite]);
    writeFileSync(path.join(userSite, "only_outside.py"), "");
    const python = path.join(venv, "bin", "python3");
    const ownSite = execFileSync(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], {
      encoding: "utf8",
    }).trim();
    writeFileSync(path.join(ownSite, "only_inside.py"), "");
    writeFileSync(path.join(ownSite, "link.pth"), `${path.join(folder, "elsewhere")}\n`);
    return { folder, venv, python, env };
  }

  function asScript(python: string, folder: string, env: NodeJS.ProcessEnv): Told {
    const told = path.join(folder, "script.json");
    execFileSync(python, [path.join(folder, "tell.py")], { env: { ...env, TOLD: told } });
    return JSON.parse(readFileSync(told, "utf8")) as Told;
  }

  async function asModule(folder: string, env: NodeJS.ProcessEnv, args: readonly string[] = []) {
    const told = path.join(folder, "module.json");
    const running = mmpy(["check", ...args, path.join(folder, "python", "monster.cfg")], {
      env: { ...env, TOLD: told },
    });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    return { told: JSON.parse(readFileSync(told, "utf8")) as Told, stderr: running.stderr };
  }

  const ways: [how: string, args: string[], env: (venv: string) => NodeJS.ProcessEnv][] = [
    ["named by its folder, relative to the configuration", ["-b", "python.python=venv"], () => ({})],
    ["named by its interpreter", ["-b", "python.python=./venv/bin/python3"], () => ({})],
    [
      "activated",
      [],
      (venv) => ({ VIRTUAL_ENV: venv, PATH: `${venv}/bin:${process.env.PATH}`, MMPY_PYTHON: undefined }),
    ],
    ["first on PATH only", [], (venv) => ({ PATH: `${venv}/bin:${process.env.PATH}`, MMPY_PYTHON: undefined })],
  ];
  for (const [how, args, variables] of ways) {
    it(`of a virtual environment ${how} is as that environment's own python`, async () => {
      const { folder, venv, python, env } = environment();
      // An override's relative paths start from the configuration's folder too.
      const { told } = await asModule(folder, { ...env, ...variables(venv) }, args);
      assert.deepEqual(told, asScript(python, folder, env));
      assert.equal(told.prefix, venv);
      assert.notEqual(told.inside, null);
      assert.notEqual(told.linked, null);
      assert.equal(told.outside, null);
    });
  }

  it("of a virtual environment with --system-site-packages sees packages outside too", async () => {
    const { folder, python, env } = environment(["--system-site-packages"]);
    const { told } = await asModule(folder, env, ["-b", "python.python=venv"]);
    assert.deepEqual(told, asScript(python, folder, env));
    assert.notEqual(told.inside, null);
    assert.notEqual(told.outside, null);
  });

  it("without a virtual environment is as the interpreter itself, the user's packages included", async () => {
    const { folder, env } = environment();
    const { told } = await asModule(folder, env, ["-b", `python.python=${base}`]);
    assert.deepEqual(told, asScript(base, folder, env));
    assert.notEqual(told.outside, null);
    assert.equal(told.inside, null);
  });

  it("honours PYTHONPATH, after the configuration's folder", async () => {
    const { folder, env } = environment();
    const withPath = { ...env, PYTHONPATH: path.join(folder, "elsewhere") };
    const { told } = await asModule(folder, withPath, ["-b", `python.python=${base}`]);
    assert.deepEqual(told, asScript(base, folder, withPath));
    assert.equal(told.path[0], path.join(folder, "elsewhere"));
    assert.notEqual(told.linked, null);
  });

  const locales: [what: string, variables: NodeJS.ProcessEnv][] = [
    ["no locale", {}],
    ["the C locale", { LANG: "C" }],
    ["the C locale by LC_ALL", { LC_ALL: "C" }],
    ["a locale that is not installed", { LANG: "xx_XX.UTF-8" }],
    ["a UTF-8 locale", { LANG: "C.UTF-8" }],
    ["a UTF-8 locale for characters only", { LANG: "C", LC_CTYPE: "C.UTF-8" }],
    ["PYTHONUTF8=1", { LANG: "C.UTF-8", PYTHONUTF8: "1" }],
    ["PYTHONUTF8=0 in a UTF-8 locale", { LANG: "C.UTF-8", PYTHONUTF8: "0" }],
  ];
  for (const [what, variables] of locales) {
    it(`with ${what} has the encodings of the interpreter itself`, async () => {
      const { folder, env } = environment();
      const none = { LANG: undefined, LC_ALL: undefined, LC_CTYPE: undefined, PYTHONUTF8: undefined };
      const located = { ...env, ...none, ...variables };
      const { told } = await asModule(folder, located, ["-b", `python.python=${base}`]);
      assert.deepEqual(told, asScript(base, folder, located));
    });
  }

  describe("ignores a PYTHONHOME, and says so, that is", () => {
    type Home = (told: { folder: string; venv: string; prefix: string }) => string;
    const homes: [what: string, ofVenv: boolean, home: Home][] = [
      ["another Python's than the virtual environment's", true, ({ folder }) => folder],
      ["the virtual environment itself", true, ({ venv }) => venv],
      ["that of the Python which the virtual environment was made from", true, ({ prefix }) => prefix],
      ["another Python's", false, ({ folder }) => folder],
      ["another Python's for the files of one platform", false, ({ folder, prefix }) => `${prefix}:${folder}`],
      ["its own for the files of one platform only", false, ({ folder, prefix }) => `${folder}:${prefix}`],
    ];
    for (const [what, ofVenv, home] of homes) {
      it(what, async () => {
        const { folder, env, python, venv } = environment();
        const astray = { ...env, PYTHONHOME: home({ folder, venv, prefix: prefixOf(base) }) };
        const interpreter = ofVenv ? python : base;
        const { told, stderr } = await asModule(folder, astray, ["-b", `python.python=${interpreter}`]);
        assert.deepEqual(told, asScript(interpreter, folder, env));
        const warning = `environment variable PYTHONHOME is ignored: it is ${astray.PYTHONHOME}, and the Python in use is that of ${ofVenv ? venv : prefixOf(base)}\n`;
        assert.ok(stderr.includes(warning), stderr);
      });
    }
  });

  describe("takes without a word a PYTHONHOME that is", () => {
    const homes: [what: string, home: (prefix: string) => string][] = [
      ["its own", (prefix) => prefix],
      ["its own, with a slash at the end", (prefix) => `${prefix}/`],
      ["its own twice, as prefix:exec_prefix", (prefix) => `${prefix}:${prefix}`],
    ];
    for (const [what, home] of homes) {
      it(what, async () => {
        const { folder, env } = environment();
        const own = { ...env, PYTHONHOME: home(prefixOf(base)) };
        const { told, stderr } = await asModule(folder, own, ["-b", `python.python=${base}`]);
        assert.deepEqual(told, asScript(base, folder, own));
        assert.doesNotMatch(stderr, /PYTHONHOME/);
      });
    }
  });
});

function prefixOf(python: string): string {
  return execFileSync(python, ["-c", "import sys; print(sys.base_prefix)"], { encoding: "utf8" }).trim();
}
