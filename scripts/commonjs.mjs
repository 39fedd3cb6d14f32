// The package for CommonJS. `require()` of an ES module works from Node 20.19 on, but TypeScript's `node16` refuses to import one
// from a CommonJS file. So there is a CommonJS file that does nothing but that, and the declarations that index.d.ts needs are
// there twice, the second time as .d.cts.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Writes FILE.d.cts beside each FILE.d.ts that one of them leads to. Files outside a folder hold types only, which are
 * imported as those of an ES module.
 *
 * @param {string} entry a declaration file, `….d.ts`
 * @param {string} folder where declarations are written
 * @returns {Set<string>} the declaration files that it leads to, itself included
 */
export function writeCommonJsTypes(entry, folder) {
  const waiting = [entry];
  const done = new Set();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (done.has(file)) continue;
    done.add(file);
    const text = readFileSync(file, "utf8").replace(/\bfrom "(\.[^"]*)\.js"/g, (whole, relative) => {
      const target = path.resolve(path.dirname(file), `${relative}.d.ts`);
      if (!existsSync(target)) throw new Error(`${file}: ${target} is missing`);
      if (!target.startsWith(folder + path.sep)) return `${whole} with { "resolution-mode": "import" }`;
      waiting.push(target);
      return `from "${relative}.cjs"`;
    });
    writeFileSync(file.replace(/\.d\.ts$/, ".d.cts"), text.replace(/^\/\/# sourceMappingURL=.*$/m, ""));
  }
  return done;
}

const COMMON_JS = `"use strict";
try {
  module.exports = require("./index.js");
} catch (error) {
  if (error.code !== "ERR_REQUIRE_ESM") throw error;
  const message = "require('midimonster-python') needs Node 20.19 or later, this is " + process.version;
  throw new Error(message + "; here, use: await import('midimonster-python')", { cause: error });
}
`;

/** @param {string} file to write, beside index.js */
export function writeCommonJs(file) {
  writeFileSync(file, COMMON_JS);
}
