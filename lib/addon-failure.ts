// The message for an addon that can't be loaded: why, and what to do.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { libc } from "./platform.js";

/**
 * @param file the addon that failed to load, if there is one
 * @param reason the loader's message
 * @param folder the package's folder
 */
export function explainAddonFailure(file: string | undefined, reason: string, folder: string): string {
  if (!isOwn(folder)) {
    return [
      `midimonster-python can't be part of a bundle, since it finds its addon and its Python files beside its code (not in ${folder}).`,
      "Leave it out of the bundle: with esbuild by --packages=external or --external:midimonster-python, with others by their",
      "option for external packages; and install it beside the bundle.",
    ].join("\n");
  }
  const prebuilds = path.join(folder, "prebuilds");
  const platform = `${process.platform}-${process.arch}`;
  return [
    "The native part of midimonster-python could not be loaded.",
    `  platform: ${platform}, ${libc()}, Node ${process.version}`,
    `  looked for: ${path.join(folder, "build", "Release", "*.node")} (compiled here)`,
    `              ${path.join(prebuilds, platform, `*${libcTag()}.node`)} (prebuilt)`,
    `  prebuilt for: ${prebuiltFor(prebuilds).join(", ") || "nothing"}`,
    `  found: ${file ?? "none"}`,
    ...(file === undefined ? [] : [`  reason: ${reason.split("\n")[0]}`]),
    ...advice(file, reason),
  ].join("\n");
}

/** Whether a folder is this package's, and not that of a program whose bundle has taken in this code. */
function isOwn(folder: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as { name?: unknown };
    return name === "midimonster-python";
  } catch {
    return existsSync(path.join(folder, "dist", "cli")) || existsSync(path.join(folder, "prebuilds"));
  }
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
  // Not through npm, which may be configured to skip install scripts.
  "Compile it here: npm_config_build_from_source=true node node_modules/midimonster-python/scripts/install.mjs " +
    "(in a checkout of the project: npm run build:native).",
  "This needs a C++ compiler and CMake; on Debian: apt-get install g++ make cmake",
];
const REINSTALL =
  "Reinstall the package: npm install --force midimonster-python (in a checkout of the project: npm ci).";

// Matched against the messages of the loaders of glibc, musl and macOS.
const REASONS: readonly [message: RegExp, advice: readonly string[]][] = [
  [
    /version [`']?GLIBCXX_|version [`']?CXXABI_/,
    ["It was built for a newer libstdc++ than this system has: upgrade the system, or compile it here.", ...COMPILE],
  ],
  [
    /version [`']?GLIBC_/,
    ["It was built for a newer glibc than this system has: upgrade the system, or compile it here.", ...COMPILE],
  ],
  [
    /libstdc\+\+\.so/,
    ["The C++ library is missing. On Debian: apt-get install libstdc++6. On Alpine: apk add libstdc++"],
  ],
  [
    /file too short|invalid ELF header|truncated|cannot read file data|mapped file|ELF file data encoding|ELF load command/i,
    ["The file is damaged, or not an addon.", REINSTALL],
  ],
  [
    /wrong ELF class|incompatible architecture|wrong architecture|: cannot open shared object file/i,
    ["It is built for another kind of processor. Was node_modules copied from another machine?", REINSTALL],
  ],
  [
    /undefined symbol|symbol not found/i,
    [
      "It uses a function that this Node lacks: midimonster-python needs Node 20 or later. If yours is, compile it here.",
      ...COMPILE,
    ],
  ],
];

function advice(file: string | undefined, reason: string): readonly string[] {
  if (file === undefined) {
    return [
      "No addon is prebuilt for this platform, or the install script did not run (npm's --ignore-scripts).",
      ...COMPILE,
    ];
  }
  return REASONS.find(([message]) => message.test(reason))?.[1] ?? COMPILE;
}
