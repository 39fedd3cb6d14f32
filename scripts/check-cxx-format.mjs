// Checks the C and C++ sources against .clang-format; with --write, formats them. Says loudly if clang-format is missing.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";

const write = process.argv.includes("--write");
const files = ["native", "test/native"].flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => /\.(cc|h|c)$/.test(name))
    .map((name) => path.join(folder, name)),
);

const { status, error } = spawnSync("clang-format", write ? ["-i", ...files] : ["--dry-run", "-Werror", ...files], {
  stdio: "inherit",
});
if (error) {
  console.error("SKIPPED: the format of the C++ sources was not checked, since clang-format is not installed.");
  console.error("On Debian: apt-get install clang-format");
  process.exit(write ? 1 : 0);
}
if (status !== 0) console.error("To format the sources: npm run format");
process.exit(status ?? 1);
