// Runs at `npm pack` and `npm publish`: says for which platforms the package holds the addon, since elsewhere it is compiled when
// the package is installed.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "prebuilds");
const platforms = existsSync(folder)
  ? readdirSync(folder, { recursive: true }).filter((file) => String(file).endsWith(".node"))
  : [];
console.error(
  platforms.length > 0
    ? `midimonster-python: this package holds the addon for ${platforms.map((file) => path.dirname(String(file))).join(", ")}`
    : "midimonster-python: this package holds no addon: to install it takes a C++ compiler and CMake; npm run prebuild puts in the one for this platform",
);
