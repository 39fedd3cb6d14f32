// Runs at `npm install`: does nothing where a prebuilt addon loads, else compiles one. Says what is missing on the machine.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

function prebuildLoads() {
  if (process.env.npm_config_build_from_source) return false;
  try {
    require("node-gyp-build")(folder);
    return true;
  } catch {
    return false;
  }
}

const DEBIAN_PACKAGES = [
  { commands: ["cmake"], debian: "cmake" },
  { commands: ["ninja", "make"], debian: "make" },
  { commands: ["c++", "g++", "clang++"], debian: "g++" },
];

function works(command) {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
}

// What to type once it is there.
const AGAIN = folder.split(path.sep).includes("node_modules")
  ? "then run the same npm command again"
  : "then run npm ci again";

function missingPackages() {
  return DEBIAN_PACKAGES.filter(({ commands }) => !commands.some(works)).map(({ debian }) => debian);
}

if (!prebuildLoads()) {
  const missing = missingPackages();
  if (missing.length > 0) {
    console.error(
      `midimonster-python: the native part has to be compiled here, and something for that is missing.\n` +
        `On Debian: apt-get install ${missing.join(" ")}\n${AGAIN}`,
    );
    process.exit(1);
  }
  console.error("midimonster-python: compiling the native part (about a minute on two cores)");
  const cmakeJs = path.join(path.dirname(require.resolve("cmake-js/package.json")), "bin", "cmake-js");
  // make, unlike ninja, uses one processor unless told otherwise.
  const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env };
  const { status } = spawnSync(process.execPath, [cmakeJs, "compile"], { cwd: folder, env, stdio: "inherit" });
  if (status !== 0) {
    console.error(
      "midimonster-python: compiling the native part failed; the first error above says why.\n" +
        `It needs, on Debian: apt-get install g++ make cmake libuv1-dev; ${AGAIN}`,
    );
    process.exit(status ?? 1);
  }
}
