// An addon that does not load, for whatever reason: what the user is told.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { explainAddonFailure } from "../lib/addon-failure.js";
import { findAddon } from "../lib/binding.js";
import { libc } from "../lib/platform.js";
import { folderWith, mmpyScript, projectFolder, run } from "./helpers.js";

const here = `${process.platform}-${process.arch}`;
const tag = process.platform === "linux" ? `.${libc().split(" ")[0]}` : "";
const name = `midimonster-python${tag}.node`;

/** The installed package, with the given file as its addon: its folder, and its `mmpy`. */
function packageWith(addon: Buffer | undefined, platform = here): { folder: string; script: string } {
  const folder = folderWith({});
  cpSync(path.join(projectFolder, "package.json"), path.join(folder, "package.json"));
  // Not a link: the package's folder is where its files really are.
  cpSync(path.join(projectFolder, "dist"), path.join(folder, "dist"), { recursive: true });
  symlinkSync(path.join(projectFolder, "node_modules"), path.join(folder, "node_modules"));
  if (addon !== undefined) {
    mkdirSync(path.join(folder, "prebuilds", platform), { recursive: true });
    writeFileSync(path.join(folder, "prebuilds", platform, name), addon);
  }
  return { folder, script: path.join(folder, path.relative(projectFolder, mmpyScript)) };
}

async function doctorWith(addon: Buffer | undefined, platform: string): Promise<string> {
  const { folder, script } = packageWith(addon, platform);
  const doctor = run(process.execPath, [script, "doctor"]);
  assert.deepEqual(await doctor.exited, { code: 1, signal: null });
  assert.match(doctor.stdout, /^ADDON_LOAD: The native part of midimonster-python could not be loaded\.$/m);
  return doctor.stdout.replaceAll(folder, "FOLDER");
}

const good = readFileSync(findAddon());

/** The addon with one text in it replaced by another of the same length. */
function patched(text: string, by: string): Buffer {
  assert.equal(text.length, by.length);
  const at = good.indexOf(`${text}\0`);
  assert.notEqual(at, -1, `the addon has no ${text}`);
  const bytes = Buffer.from(good);
  bytes.write(by, at, "latin1");
  return bytes;
}

/** The addon as if made for another processor. */
function foreign(): Buffer {
  const bytes = Buffer.from(good);
  const [x64, arm64] = [62, 183];
  bytes.writeUInt16LE(process.arch === "arm64" ? x64 : arm64, 18);
  return bytes;
}

it("is explained where a program's bundle has taken this package in", () => {
  const folder = folderWith({ "package.json": '{"name": "app"}' });
  const message = explainAddonFailure(undefined, "No native build was found", folder);
  assert.match(message, /can't be part of a bundle[\s\S]*--packages=external/);
  const code = readFileSync(path.join(projectFolder, "dist", "index.js"), "utf8");
  assert.match(code, /import\.meta\.url\) throw new Error\("midimonster-python can't be part of a bundle/);
});

describe("an addon that does not load", () => {
  const facts = [
    new RegExp(`^  platform: ${here}, ${libc()}, Node ${process.version}$`, "m"),
    /^ {2}looked for: FOLDER\/build\/Release\/\*\.node \(compiled here\)$/m,
    new RegExp(`^              FOLDER/prebuilds/${here}/\\*${tag}\\.node \\(prebuilt\\)$`, "m"),
  ];
  const cases: [what: string, addon: () => Buffer | undefined, platform: string, told: RegExp[]][] = [
    [
      "because there is none",
      () => undefined,
      here,
      [
        /^ {2}prebuilt for: nothing$/m,
        /^ {2}found: none$/m,
        /--ignore-scripts/,
        /^Compile it here: npm_config_build_from_source=true node node_modules\/midimonster-python\/scripts\/install\.mjs/m,
        /apt-get install g\+\+ make cmake$/m,
      ],
    ],
    [
      "because there are only those of other platforms",
      () => good,
      "sunos-sparc",
      [
        new RegExp(`^  prebuilt for: sunos-sparc${tag.replace(".", " ")}$`, "m"),
        /^ {2}found: none$/m,
        /Compile it here/,
      ],
    ],
    [
      "because its file is cut off",
      () => good.subarray(0, 40),
      here,
      [/^ {2}reason: .*file too short$/m, /The file is damaged/, /npm install --force midimonster-python/],
    ],
    [
      "because its file is something else",
      () => Buffer.from("<html>404 Not Found</html>".repeat(100)),
      here,
      [/^ {2}reason: .*invalid ELF header$/m, /The file is damaged/],
    ],
    [
      "because it is for another processor",
      foreign,
      here,
      [
        /^ {2}found: FOLDER\/prebuilds\/.*\.node$/m,
        /It is built for another kind of processor\. Was node_modules copied/,
      ],
    ],
    [
      "because its glibc is newer",
      () => patched("GLIBC_2.34", "GLIBC_9.99"),
      here,
      [
        /^ {2}reason: .*version `GLIBC_9\.99' not found/m,
        /built for a newer glibc than this system has/,
        /Compile it here/,
      ],
    ],
    [
      "because its libstdc++ is missing",
      () => patched("libstdc++.so.6", "libstdc++.so.9"),
      here,
      [/^ {2}reason: libstdc\+\+\.so\.9: cannot open/m, /apt-get install libstdc\+\+6\./],
    ],
    [
      "because Node lacks a function",
      () => patched("napi_add_async_cleanup_hook", "napi_add_async_cleanup_hooK"),
      here,
      [/^ {2}reason: .*undefined symbol: napi_add_async_cleanup_hook$/m, /needs Node 20 or later/],
    ],
  ];
  for (const [what, addon, platform, told] of cases) {
    it(`${what} says so, and what to do`, async function () {
      if (process.platform !== "linux" || tag !== ".glibc") {
        console.log("SKIPPED: the causes are provoked in an ELF file with glibc's loader");
        this.skip();
      }
      const text = await doctorWith(addon(), platform);
      for (const expected of [...facts, ...told]) assert.match(text, expected);
    });
  }

  describe("is said once, and no stack, exit status 1, by", () => {
    const config = folderWith({ "monster.cfg": "[loopback bus]\n" });
    for (const args of [[], ["check"], ["monster.cfg"], ["--log-level", "error"]]) {
      it(["mmpy", ...args].join(" "), async () => {
        const { script } = packageWith(undefined);
        const text = run(process.execPath, [script, ...args], { cwd: config });
        assert.deepEqual(await text.exited, { code: 1, signal: null });
        assert.match(text.stderr, /^The native part of midimonster-python could not be loaded\.\n/);
        assert.equal(text.stderr.match(/could not be loaded/g)?.length, 1, text.stderr);
        assert.doesNotMatch(text.stderr, /^ +at /m);

        const json = run(process.execPath, [script, ...args, "--log-format", "json"], { cwd: config });
        assert.deepEqual(await json.exited, { code: 1, signal: null });
        const lines = json.stderr.trimEnd().split("\n");
        assert.equal(lines.length, 1, json.stderr);
        const { code, msg } = JSON.parse(lines[0] ?? "") as { code: string; msg: string };
        assert.equal(code, "ADDON_LOAD");
        assert.match(msg, /^The native part/);
      });
    }
  });
});
