// The package as npm has it: what is in it, and that it can be installed and used, without and with a compiler.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";

function onPath(command: string): string {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const found = folders.map((folder) => path.join(folder, command)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`there is no ${command} on the PATH`);
  return realpathSync(found);
}

/** Without what npm tells the programs that it runs, such as this one: that would be options of the npm run here. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/.test(name)));

async function successful(args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) {
  const child = run(process.execPath, args, { env: environment, ...options });
  const exit = await child.exited;
  assert.deepEqual(exit, { code: 0, signal: null }, child.stdout + child.stderr);
  return child;
}

const npm = (args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) =>
  successful([onPath("npm"), ...args], options);

/** When the newest of the files below was changed. */
function newest(entry: string): number {
  if (!statSync(entry).isDirectory()) return statSync(entry).mtimeMs;
  return Math.max(...readdirSync(entry).map((name) => newest(path.join(entry, name))));
}

/** An empty folder with the package installed. */
async function installed(tarball: string, flags: readonly string[], env = environment): Promise<string> {
  const folder = folderWith({
    "package.json": '{ "private": true }',
    "monster.cfg": "[python py]\nmodule = mod\n[loopback l]\n[map]\npy.out > l.x\nl.x > py.mod.go\n",
    "mod.py": `
import midimonster, os, signal
def go(value):
    print("it works: %s" % value, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
def begin():
    midimonster.interval(begin, 0)
    midimonster.output("out", 0.25)
midimonster.interval(begin, 10)
`,
  });
  await npm(["install", "--prefer-offline", "--no-audit", "--no-fund", ...flags, tarball], { cwd: folder, env });
  return folder;
}

describe("the npm package", function () {
  this.timeout(1_200_000);
  let tarball: string;
  let contents: { size: number; unpackedSize: number; files: { path: string; size: number }[] };

  before(async () => {
    const prebuilds = path.join(projectFolder, "prebuilds", `${process.platform}-${process.arch}`);
    const sources = Math.max(...["native", "CMakeLists.txt"].map((name) => newest(path.join(projectFolder, name))));
    if (!existsSync(prebuilds) || newest(prebuilds) < sources)
      await successful([path.join(projectFolder, "scripts", "prebuild.mjs")], { cwd: projectFolder });
    const destination = folderWith({});
    const packing = ["pack", "--ignore-scripts", "--json", "--pack-destination", destination];
    [contents] = JSON.parse((await npm(packing, { cwd: projectFolder })).stdout);
    const [name = ""] = readdirSync(destination);
    tarball = path.join(destination, name);
  });

  it("holds what is needed to run and to compile, and nothing else", () => {
    const files = contents.files.map(({ path: file }) => file);
    const needed = [
      "LICENSE",
      "README.md",
      "package.json",
      "binding.d.ts",
      "CMakeLists.txt",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/index.cjs",
      "dist/index.d.cts",
      "dist/cli/mmpy.cjs",
      "dist/THIRD-PARTY-LICENSES.txt",
      "native/addon/addon.cc",
      "native/python/symbols.inc",
      "native/python/module.c",
      "docs/troubleshooting.md",
      "python/runtime/start.py",
      "python/runtime/batch.py",
      "python/runtime/reload.py",
      "python/doctor.py",
      "python/midimonster.pyi",
      "python/testing/midimonster/__init__.py",
      "python/examples/quickstart.cfg",
      "scripts/install.mjs",
      "systemd/mmpy.service",
      "systemd/mmpy@.service",
    ];
    assert.deepEqual(
      needed.filter((file) => !files.includes(file)),
      [],
    );
    assert.ok(files.some((file) => file.startsWith(`prebuilds/${process.platform}-${process.arch}/`)));
    const known =
      /^(LICENSE|CHANGELOG\.md|README\.md|package\.json|binding\.d\.ts|CMakeLists\.txt|scripts\/install\.mjs|systemd\/mmpy@?\.service|dist\/.*\.(c?js|d\.c?ts|txt|html|css|svg)|native\/(\w+\/)?[^/]*\.(cc|c|h|inc)|python\/((runtime|worker|testing\/midimonster)\/)?[^/]*\.(py|pyi)|docs\/((protocols|recipes)\/)?[^/]*\.(md|svg)|python\/examples\/[^/]*\.(py|cfg|md)|prebuilds\/(README\.md|[^/]*\/[^/]*\.node))$/;
    assert.deepEqual(
      files.filter((file) => !known.test(file)),
      [],
    );
  });

  it("is small: under 1.6 MB to download, under 5 MB installed, with the addons of two platforms", () => {
    assert.ok(contents.size < 1.6e6, `${contents.size}`);
    assert.ok(contents.unpackedSize < 5e6, `${contents.unpackedSize}`);
  });

  const linters: [name: string, script: string, args: string[]][] = [
    ["publint", "publint/src/cli.js", ["run", "--strict"]],
    ["arethetypeswrong", "@arethetypeswrong/cli/dist/index.js", ["--profile", "node16"]],
  ];
  for (const [name, script, args] of linters) {
    it(`has nothing for ${name} to complain about`, async () => {
      const file = path.join(projectFolder, "node_modules", ...script.split("/"));
      await successful([file, ...args, tarball], { cwd: projectFolder });
    });
  }

  it("runs a configuration where nothing can be compiled and no install script has run", async () => {
    const folder = await installed(tarball, ["--ignore-scripts"]);
    const bin = path.join(folder, "bin");
    mkdirSync(bin);
    symlinkSync(process.execPath, path.join(bin, "node"));
    // python3 may be a shim, a shell script.
    const asking = run("python3", ["-c", "import sys; print(sys.executable, end='')"]);
    assert.deepEqual(await asking.exited, { code: 0, signal: null }, asking.stderr);
    symlinkSync(asking.stdout, path.join(bin, "python3"));
    const env = { ...process.env, PATH: bin };
    const mmpy = path.join(folder, "node_modules", ".bin", "mmpy");
    const running = run(mmpy, ["monster.cfg"], { cwd: folder, env });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.match(running.stdout, /^it works: 0\.25$/m);
    const doctor = run(mmpy, ["doctor", "--json"], { cwd: folder, env });
    assert.deepEqual(await doctor.exited, { code: 0, signal: null }, doctor.stdout);
    assert.equal(JSON.parse(doctor.stdout).addon.kind, "prebuilt");
    // With everything bound at once, as hardened systems have it: what belongs to Node must not be missed in Python.
    const apart = run(mmpy, ["-b", "python.own-process=on", "monster.cfg"], {
      cwd: folder,
      env: { ...env, LD_BIND_NOW: "1" },
    });
    await apart.sees(/^it works: 0\.25$/m);
    assert.match(apart.stderr, /in process \d+/);
    apart.child.kill("SIGTERM");
    assert.deepEqual(await apart.exited, { code: 0, signal: null }, apart.stderr);
  });

  it("gives TypeScript its types, with every check on", async () => {
    const folder = await installed(tarball, ["--ignore-scripts"]);
    writeFileSync(
      path.join(folder, "use.mts"),
      `import { Router, type Backend, MidimonsterError } from "midimonster-python";
const router = new Router().instance("loopback", "l").map("l.a > l.b");
const stopped: Promise<void> = router.stop();
export const custom = (backend: Backend) => [backend, stopped, MidimonsterError] as const;
`,
    );
    const tsc = path.join(projectFolder, "node_modules", "typescript", "bin", "tsc");
    await successful([tsc, "--noEmit", "--strict", "--module", "nodenext", "--types", "", "use.mts"], { cwd: folder });
  });

  it("compiles itself with npm_config_build_from_source, and runs with that", async () => {
    const folder = await installed(tarball, ["--foreground-scripts"], {
      ...environment,
      npm_config_build_from_source: "true",
    });
    const mmpy = path.join(folder, "node_modules", ".bin", "mmpy");
    const running = run(mmpy, ["monster.cfg"], { cwd: folder });
    assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
    assert.match(running.stdout, /^it works: 0\.25$/m);
    const apart = run(mmpy, ["check", "-b", "python.own-process=on", "monster.cfg"], { cwd: folder });
    assert.deepEqual(await apart.exited, { code: 0, signal: null }, apart.stderr);
    assert.match(apart.stderr, /in process \d+/);
    const doctor = run(mmpy, ["doctor", "--json"], { cwd: folder });
    assert.deepEqual(await doctor.exited, { code: 0, signal: null }, doctor.stdout);
    assert.equal(JSON.parse(doctor.stdout).addon.kind, "compiled here");
  });
});
