// Builds prebuilds/: an addon for each platform, which installing takes instead of compiling. Run by `npm run prebuild`, for
// this machine's platform, or `npm run prebuild -- arm64` for another processor.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isNewer, NEWEST, neededVersions } from "./prebuild/needed-versions.mjs";

const prebuildify = createRequire(import.meta.url)("prebuildify");
const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

const arch = process.argv[2] ?? process.arch;
const isLinux = process.platform === "linux";
const tools = isLinux && arch !== process.arch ? { arm64: "aarch64-linux-gnu-" }[arch] : "";
if (tools === undefined) throw new Error(`no cross-compiler is set up for ${arch}; there is one for arm64`);

// prebuildify takes build/Release away from where it runs; this way that is not the build that one works with.
const workshop = path.join(folder, "build", `prebuild-${arch}`);
rmSync(workshop, { recursive: true, force: true });
mkdirSync(workshop, { recursive: true });
cpSync(path.join(folder, "package.json"), path.join(workshop, "package.json"));

process.env.PREBUILD_STRIP_BIN = `${tools}strip`;
await new Promise((resolve, reject) => {
  const options = {
    cwd: workshop,
    out: folder,
    arch,
    napi: true,
    strip: true,
    tagLibc: isLinux,
    nodeGyp: path.join(folder, "scripts", "prebuild", "node-gyp-shim.mjs"),
    targets: [`node@${process.versions.node}`],
  };
  prebuildify(options, (error) => (error ? reject(error) : resolve()));
});

const libc = isLinux ? (process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl") : undefined;
const name = `midimonster-python${libc ? `.${libc}` : ""}.node`;
const addon = path.join(folder, "prebuilds", `${process.platform}-${arch}`, name);
console.log(path.relative(folder, addon));
if (libc === "glibc") {
  const needed = neededVersions(addon, `${tools}objdump`);
  for (const [library, newest] of Object.entries(NEWEST)) {
    console.log(`  needs ${library} ${needed[library] ?? "-"} (at most ${newest})`);
    if (needed[library] !== undefined && isNewer(needed[library], newest)) {
      console.error(`${library} ${needed[library]} is newer than what supported systems have`);
      process.exitCode = 1;
    }
  }
}
