// Builds what browsers load, dist/web/, and the library for WebSockets: one file of its own, since both forms of the package, the
// library and the command, would otherwise contain it.
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const PAGES = "lib/web/pages";

/** The file of the WebSocket library, in dist/. */
const WS = "ws.cjs";

/** @returns {Promise<{ inputs: string[] }>} all files that have gone into it */
export async function buildWeb({ absWorkingDir: folder, target, logLevel, platform }) {
  const { metafile } = await build({
    stdin: { contents: 'export { WebSocket, WebSocketServer } from "ws";', resolveDir: folder },
    absWorkingDir: folder,
    outfile: `dist/${WS}`,
    bundle: true,
    minify: true,
    format: "cjs",
    metafile: true,
    logLevel,
    platform,
    target,
    // Faster at what is not used here, and not installed.
    external: ["bufferutil", "utf-8-validate"],
  });
  const pages = readdirSync(path.join(folder, PAGES), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = pages.map(({ name }) => name).filter((name) => existsSync(path.join(folder, PAGES, name, "main.ts")));
  await build({
    absWorkingDir: folder,
    entryPoints: names.flatMap((name) => [
      { in: `${PAGES}/${name}/main.ts`, out: name },
      { in: `${PAGES}/${name}/style.css`, out: name },
    ]),
    outdir: "dist/web",
    bundle: true,
    minify: true,
    format: "esm",
    // Tablets are used for longer than computers: browsers of 2021.
    target: ["chrome94", "firefox93", "safari15.4"],
    charset: "utf8",
    logLevel,
  });
  mkdirSync(path.join(folder, "dist/web"), { recursive: true });
  copyFileSync(path.join(folder, PAGES, "shared/icon.svg"), path.join(folder, "dist/web/icon.svg"));
  for (const name of names) {
    copyFileSync(path.join(folder, PAGES, name, "index.html"), path.join(folder, `dist/web/${name}.html`));
  }
  return { inputs: Object.keys(metafile.inputs).filter((file) => file !== "<stdin>") };
}

/** Takes the library for WebSockets from its file. @param {string} dist the folder dist/ as seen from the importing file */
export function wsFrom(dist) {
  return {
    name: "ws",
    setup({ onResolve }) {
      onResolve({ filter: /^ws$/ }, () => ({ path: `${dist}/${WS}`, external: true }));
    },
  };
}
