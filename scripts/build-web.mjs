// Builds what browsers load: dist/web/.
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const PAGES = "lib/web/pages";

export async function buildWeb({ absWorkingDir: folder, logLevel }) {
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
}
