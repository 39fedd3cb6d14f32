// Why the addon does not load, and what to do about it, as a message.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { libc } from "./platform.js";

/**
 * @param file the addon that was tried, if there was one
 * @param reason what the loader says
 * @param folder the package's
 */
export function explainAddonFailure(file: string | undefined, reason: string, folder: string): string {
  const prebuilds = path.join(folder, "prebuilds");
  const platform = `${process.platform}-${process.arch}`;
  return [
    "The native part of midimonster-python could not be loaded.",
    `  platform: ${platform}, ${libc()}, Node ${process.version}`,
    `  looked for: ${path.join(folder, "build", "Release", "*.node")} (compiled here)`,
    `              ${path.join(prebuilds, platform, `*${libcTag()}.node`)} (prebuilt)`,
    `  prebuilt for: ${prebuiltFor(prebuilds).join(", ") || "nothing"}`,
    `  found: ${file ?? "none of them"}`,
    ...(file === undefined ? [] : [`  reason: ${reason.split("\n")[0]}`]),
    ...advice(file, reason),
  ].join("\n");
}

function libcTag(): string {
  return process.platform === "linux" ? `.${libc().split(" ")[0]}` : "";
}

function prebuiltFor(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const platforms = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return platforms.flatMap(({ name }) =>
    readdirSync(path.join(folder, name)).map((file) => `${name} ${file.split(".").slice(1, -1).join(" ")}`.trim()),
  );
}

const COMPILE = [
  // Not by npm, which may be one that runs no install scripts.
  "Compile it here: npm_config_build_from_source=true node node_modules/midimonster-python/scripts/install.mjs " +
    "(in its own checkout: npm run build:native).",
  "That needs a C++ compiler and cmake; on Debian: apt-get install g++ make cmake",
];
const REINSTALL = "Install the package again: npm install --force midimonster-python (in its own checkout: npm ci).";

// By what loaders say: glibc's, musl's, macOS's.
const REASONS: readonly [said: RegExp, advice: readonly string[]][] = [
  [
    /version [`']?GLIBCXX_|version [`']?CXXABI_/,
    ["It was built for a newer libstdc++ than this system has: take a newer system, or compile it here.", ...COMPILE],
  ],
  [
    /version [`']?GLIBC_/,
    ["It was built for a newer glibc than this system has: take a newer system, or compile it here.", ...COMPILE],
  ],
  [
    /libstdc\+\+\.so/,
    ["The C++ library is missing. On Debian: apt-get install libstdc++6. On Alpine: apk add libstdc++"],
  ],
  [
    /file too short|invalid ELF header|truncated|cannot read file data|mapped file|ELF file data encoding|ELF load command/i,
    ["The file is damaged or no addon.", REINSTALL],
  ],
  [
    /wrong ELF class|incompatible architecture|wrong architecture|: cannot open shared object file/i,
    ["It is for another kind of processor. Was node_modules copied from another machine?", REINSTALL],
  ],
  [
    /undefined symbol|symbol not found/i,
    [
      "Node lacks something that it needs: midimonster-python needs Node 20 or later. If that is not it, compile it here.",
      ...COMPILE,
    ],
  ],
];

function advice(file: string | undefined, reason: string): readonly string[] {
  if (file === undefined) {
    return ["There is none for this platform, or the install script has not run (npm's --ignore-scripts).", ...COMPILE];
  }
  return REASONS.find(([said]) => said.test(reason))?.[1] ?? COMPILE;
}
