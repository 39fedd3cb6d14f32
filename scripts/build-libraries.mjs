// Builds the libraries that both forms of the package, the library and the command, use: a file of their own in dist/, since each
// of both would otherwise contain them. They are read when a configuration needs them.
import { build } from "esbuild";

/** By what is imported. */
const LIBRARIES = {
  ws: { file: "ws.cjs", contents: 'export { WebSocket, WebSocketServer } from "ws";' },
  "mqtt/lib/client": { file: "mqtt.cjs", contents: 'module.exports = require("mqtt/lib/client");' },
};

/** @returns {Promise<{ inputs: string[] }>} all files that have gone into them */
export async function buildLibraries({ absWorkingDir: folder, target, logLevel, platform, alias }) {
  const inputs = [];
  for (const { file, contents } of Object.values(LIBRARIES)) {
    const { metafile } = await build({
      stdin: { contents, resolveDir: folder },
      absWorkingDir: folder,
      outfile: `dist/${file}`,
      bundle: true,
      minify: true,
      format: "cjs",
      metafile: true,
      logLevel,
      platform,
      target,
      alias,
      // Faster at what is not used of ws here, and not installed.
      external: ["bufferutil", "utf-8-validate"],
    });
    inputs.push(...Object.keys(metafile.inputs).filter((input) => input !== "<stdin>"));
  }
  return { inputs };
}

/** Takes the libraries from their files. @param {string} dist the folder dist/ as seen from the importing file */
export function librariesFrom(dist) {
  return {
    name: "libraries",
    setup({ onResolve }) {
      onResolve({ filter: /^[a-z]/ }, ({ path: name }) => {
        if (!Object.hasOwn(LIBRARIES, name)) return undefined;
        return { path: `${dist}/${LIBRARIES[name].file}`, external: true };
      });
    },
  };
}
