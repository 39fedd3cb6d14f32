// Checks the C and C++ sources against .clang-format; with --write, formats them. Says loudly if clang-format is missing or
// another version than the sources are formatted with: two versions never agree on everything.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";

const write = process.argv.includes("--write");
const files = ["native", "test/native"].flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => /\.(cc|h|c)$/.test(name))
    .map((name) => path.join(folder, name)),
);

const VERSION = "14"; // Debian 12's

/** Ends: the sources are neither checked nor written. */
function skip(reason) {
  console.error(`SKIPPED: the format of the C++ sources was not checked: ${reason}`);
  process.exit(write ? 1 : 0);
}

const found = spawnSync("clang-format", ["--version"], { encoding: "utf8" });
if (found.error) skip("clang-format is not installed; on Debian: apt-get install clang-format");
const version = /version (\d+)/.exec(found.stdout)?.[1];
if (version !== VERSION) skip(`it is clang-format ${VERSION}'s, and this is ${version}`);

const { status } = spawnSync("clang-format", write ? ["-i", ...files] : ["--dry-run", "-Werror", ...files], {
  stdio: "inherit",
});
if (status !== 0) console.error("To format the sources: npm run format");
process.exit(status ?? 1);
