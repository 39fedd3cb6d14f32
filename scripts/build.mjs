// Builds dist/: declarations by tsc, JavaScript by esbuild. Bundled, since Node takes longer to find and read a hundred
// small files - those of the log library most of all - than to run them: mmpy starts in two thirds of the time.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildCommand } from "./build-command.mjs";
import { buildLibraries, librariesFrom } from "./build-libraries.mjs";
import { buildWeb } from "./build-web.mjs";
import { writeCommonJs, writeCommonJsTypes } from "./commonjs.mjs";

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const dist = path.join(folder, "dist");
rmSync(dist, { recursive: true, force: true });

const tsc = createRequire(import.meta.url).resolve("typescript/package.json");
const { status } = spawnSync(
  process.execPath,
  [path.join(path.dirname(tsc), "bin", "tsc"), "-p", path.join(folder, "tsconfig.build.json")],
  { stdio: "inherit" },
);
if (status !== 0) process.exit(status ?? 1);
const published = writeCommonJsTypes(path.join(dist, "index.d.ts"), dist);
for (const name of readdirSync(dist, { recursive: true })) {
  const file = path.join(dist, name);
  if (name.endsWith(".d.ts") && !published.has(file)) rmSync(file);
}
writeCommonJs(path.join(dist, "index.cjs"));

const common = {
  absWorkingDir: folder,
  bundle: true,
  platform: "node",
  target: "node20",
  // A third of the size, which Node has to read at each start. Names stay: stacks show them; and lines, of which Node shows the
  // one of an error.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 240,
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: "warning",
  external: ["node-gyp-build"],
  // Node has these itself: the packages that replace them for browsers are half of the MQTT library, and of its start.
  alias: { "readable-stream": "node:stream", string_decoder: "node:string_decoder", "worker-timers": "node:timers" },
};
const library = await build({
  ...common,
  entryPoints: ["lib/index.ts", "lib/cli/trial-process.ts"],
  outdir: "dist",
  splitting: true,
  // Next to index.js: a chunk finds the package's folder as the file above its own.
  chunkNames: "chunk-[hash]",
  format: "esm",
  plugins: [librariesFrom(".")],
  // Otherwise classes that name themselves are called _Router and _MidimonsterError.
  keepNames: true,
  // Bundled CommonJS packages ask for Node's own modules. In a bundle of another program there may be no import.meta.url.
  banner: {
    js: [
      'import { createRequire as __createRequire } from "node:module";',
      'if (!import.meta.url) throw new Error("midimonster-python can\'t be part of a bundle, since it finds its files beside its code: leave it out, with esbuild by --packages=external");',
      "const require = __createRequire(import.meta.url);",
    ].join(" "),
  },
});
const { inputs: commandInputs } = await buildCommand(common);
const { inputs: libraryInputs } = await buildLibraries(common);
await buildWeb(common);
chmodSync(path.join(dist, "cli", "mmpy.cjs"), 0o755);
const inputs = [...Object.keys(library.metafile.inputs), ...commandInputs, ...libraryInputs];
writeFileSync(path.join(dist, "THIRD-PARTY-LICENSES.txt"), licenses(inputs));

/** The licences of the packages whose files have gone into the bundle. */
function licenses(inputs) {
  const packages = new Set(inputs.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
  const texts = [...packages].sort().map((name) => {
    const { version, license } = JSON.parse(readFileSync(path.join(folder, name, "package.json"), "utf8"));
    const file = readdirSync(path.join(folder, name)).find((entry) => /^licen[cs]e/i.test(entry));
    const text =
      file !== undefined && existsSync(path.join(folder, name, file))
        ? readFileSync(path.join(folder, name, file), "utf8").trim()
        : `License: ${license}`;
    return `${name.slice(name.lastIndexOf("node_modules/") + "node_modules/".length)} ${version}\n\n${text}\n`;
  });
  return `The JavaScript of this package contains these packages:\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`;
}
