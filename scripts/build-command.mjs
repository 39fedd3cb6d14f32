// Builds the command: CommonJS, since Node takes a tenth of a router's whole start to load its own loader of other modules. The
// code of each backend, which its declaration's load() imports, is a file beside it, read when a configuration uses it.
//
// esbuild can't split CommonJS, so this does: a backend's file is a function that takes the modules it shares with the rest
// from the command. Each module exists once, with its state, and runs when it is first needed, as it would in one file.
import path from "node:path";
import { build } from "esbuild";
import { librariesFrom } from "./build-libraries.mjs";

/**
 * What a declaration's load() imports: `lib/backends/NAME/index.ts` imports it as `./FILE.js`. `lib/cli/late.ts` does the same
 * with what only some options of the command need.
 */
const DECLARATION = /\/lib\/(?:backends\/[^/]+\/index|cli\/late)\.ts$/;
const ENTRY = "lib/cli/mmpy.ts";

/** @returns {Promise<{ inputs: string[] }>} all files that have gone into it */
export async function buildCommand(common) {
  const folder = common.absWorkingDir;
  const options = {
    ...common,
    outdir: "dist/cli",
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    define: { "import.meta.url": "__moduleUrl" },
    // Node's own import() would load what CommonJS is to avoid.
    supported: { "dynamic-import": false },
  };
  const backends = new Map();
  const rest = await filesOf(ENTRY, [apart(folder, backends), librariesFrom("..")]);
  const parts = new Map();
  for (const file of backends.keys()) parts.set(file, await filesOf(file, [librariesFrom("..")]));
  const shared = new Set();
  for (const files of parts.values()) {
    for (const file of files) {
      const several = [...parts.values()].filter((others) => others.has(file)).length > 1;
      if (file.startsWith("lib/") && (several || rest.has(file))) shared.add(file);
    }
  }
  await build({
    ...options,
    entryPoints: [{ in: ENTRY, out: "mmpy" }],
    plugins: [sharing(folder, shared), apart(folder, backends), librariesFrom("..")],
    // As if it were one of the chunks of the library.
    banner: {
      js: '"use strict"; const __moduleUrl = require("node:url").pathToFileURL(require("node:path").join(__dirname, "..", "mmpy.js")).href;',
    },
  });
  const names = await exportsOf([...shared]);
  for (const [file, name] of backends) {
    await build({
      ...options,
      entryPoints: [{ in: file, out: name }],
      plugins: [shareFrom(folder, names), librariesFrom("..")],
      banner: {
        js: '"use strict"; module.exports = (__shared, __moduleUrl) => { const module = { exports: {} };',
      },
      footer: { js: "return module.exports; };" },
    });
  }
  return { inputs: [...new Set([...rest, ...[...parts.values()].flatMap((files) => [...files])])] };

  /** The names that modules export. */
  async function exportsOf(files) {
    const { target } = common;
    const esm = { absWorkingDir: folder, target, format: "esm", outdir: "dist/cli", write: false, metafile: true };
    const { outputs } = (await build({ ...esm, entryPoints: files })).metafile;
    const entries = Object.values(outputs).filter(({ entryPoint }) => entryPoint !== undefined);
    return new Map(entries.map(({ entryPoint, exports }) => [entryPoint, exports]));
  }

  async function filesOf(file, plugins) {
    const { metafile } = await build({ ...options, entryPoints: [file], plugins, write: false });
    return new Set(Object.keys(metafile.inputs).filter((input) => !/^[\w-]+:/.test(input)));
  }
}

/** Leaves the code of backends out; adds it to `backends`, with the names of their files. */
function apart(folder, backends) {
  return {
    name: "apart",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\// }, ({ kind, importer, path: written }) => {
        if (kind !== "dynamic-import" || !DECLARATION.test(importer)) return undefined;
        const file = path.relative(folder, path.resolve(path.dirname(importer), written.replace(/\.js$/, ".ts")));
        const folderName = path.basename(path.dirname(file));
        backends.set(file, folderName === "cli" ? `late-${path.basename(file, ".ts")}` : `backend-${folderName}`);
        return { path: file, namespace: "backend" };
      });
      onLoad({ filter: /.*/, namespace: "backend" }, ({ path: file }) => ({
        contents: `module.exports = require("./${backends.get(file)}.cjs")(require("shared").modules, __moduleUrl);`,
        loader: "js",
      }));
      onResolve({ filter: /^\.\/(?:backend|late)-/, namespace: "backend" }, ({ path: file }) => ({
        path: file,
        external: true,
      }));
      onResolve({ filter: /^shared$/, namespace: "backend" }, () => ({ path: "shared", namespace: "shared" }));
      onLoad({ filter: /.*/, namespace: "shared" }, () => ({ contents: "", loader: "js" }));
    },
  };
}

/** The modules that the command has for its backends, each run when it is asked for. */
function sharing(folder, shared) {
  const getters = [...shared].map(
    (file) => `get ${JSON.stringify(file)}() { return require(${JSON.stringify(`./${file}`)}); }`,
  );
  return {
    name: "sharing",
    setup({ onLoad }) {
      onLoad({ filter: /.*/, namespace: "shared" }, () => ({
        contents: `exports.modules = { ${getters.join(", ")} };`,
        loader: "js",
        resolveDir: folder,
      }));
    },
  };
}

/**
 * Takes these modules from the command. Their exports become constants: esbuild's way is a getter, then another one for each
 * use, which costs more than many of the functions that are used for each event.
 */
function shareFrom(folder, names) {
  return {
    name: "share-from",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\./ }, ({ resolveDir, path: written }) => {
        const file = path.relative(folder, path.resolve(resolveDir, written.replace(/\.js$/, ".ts")));
        return names.has(file) ? { path: file, namespace: "from-command" } : undefined;
      });
      onLoad({ filter: /.*/, namespace: "from-command" }, ({ path: file }) => ({
        contents: `const shared = __shared[${JSON.stringify(file)}];\n${(names.get(file) ?? [])
          .map((name) =>
            name === "default" ? "export default shared.default;" : `export const ${name} = shared.${name};`,
          )
          .join("\n")}`,
        loader: "js",
      }));
    },
  };
}
