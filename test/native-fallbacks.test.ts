import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith, projectFolder, run } from "./helpers.js";

const tsx = import.meta.resolve("tsx");

/** Builds a libpython that exports names only. */
function fakeLibrary(flags: readonly string[], hidden: readonly string[] = []): string {
  const folder = folderWith({});
  const library = path.join(folder, "libpython3.99.so.1.0");
  const script = path.join(folder, "symbols.map");
  writeFileSync(script, `{ global: *; local: ${hidden.map((name) => `${name};`).join(" ") || "nothing;"} };\n`);
  const source = path.join(projectFolder, "test", "native", "fake-libpython.c");
  const compiled = spawnSync(
    "cc",
    ["-shared", "-fPIC", ...flags, `-Wl,--version-script=${script}`, "-o", library, source],
    { encoding: "utf8" },
  );
  assert.equal(compiled.status, 0, compiled.stderr);
  return library;
}

/** What starting Python with a library says, in a process of its own. */
async function start(library: string): Promise<{ code: string; message: string }> {
  const text = `
import { binding } from ${JSON.stringify(path.join(projectFolder, "lib", "binding.ts"))};
const options = { library: ${JSON.stringify(library)}, programName: "/opt/venv/bin/python3",
  bootstrapPath: ${JSON.stringify(path.join(projectFolder, "python", "runtime", "start.py"))}, deepBind: true, ignoreHome: false, handlerWarn: 0, handlerTimeout: 0 };
console.log(JSON.stringify(binding().startPython(options)));
`;
  const script = path.join(folderWith({ "script.mjs": text }), "script.mjs");
  const running = run(process.execPath, ["--import", tsx, script], {
    env: { ...process.env, LC_ALL: "C.UTF-8", PYTHONUTF8: "" },
  });
  assert.deepEqual(await running.exited, { code: 0, signal: null }, running.stderr);
  return JSON.parse(running.stdout) as { code: string; message: string };
}

describe("a libpython with other functions than today's", () => {
  before(function () {
    if (spawnSync("cc", ["--version"]).error === undefined) return;
    console.log("SKIPPED: no C compiler; on Debian: apt-get install gcc");
    this.skip();
  });

  it("that has lost its deprecated ones is told by PyInitConfig what python3 is told, and its error is passed on", async () => {
    const { code, message } = await start(fakeLibrary(["-DLATER"]));
    assert.equal(code, "PYTHON_LOAD");
    assert.deepEqual(message.trim().split(" "), [
      "isolated=0",
      "use_environment=1",
      "user_site_directory=1",
      "safe_path=0",
      "configure_locale=1",
      "install_signal_handlers=0",
      "program_name=/opt/venv/bin/python3",
    ]);
  });

  const lacking: [what: string, flags: string[], hidden: string[], named: string][] = [
    ["any function that all have", [], ["PyList_New"], "PyList_New"],
    ["the old way to start, and the new one", ["-DLATER"], ["PyInitConfig_Create"], "Py_SetProgramName"],
    ["a part of the new way to start", ["-DLATER"], ["PyInitConfig_GetError"], "PyInitConfig_GetError"],
    ["every way to take an exception", ["-DLATER"], ["PyErr_GetRaisedException"], "PyErr_Fetch"],
    [
      "every way to call a function",
      ["-DLATER"],
      ["PyObject_Vectorcall", "PyObject_VectorcallDict"],
      "PyObject_VectorcallDict",
    ],
  ];
  for (const [what, flags, hidden, named] of lacking) {
    it(`that lacks ${what} is refused, and ${named} is named`, async () => {
      const library = fakeLibrary(flags, hidden);
      assert.deepEqual(await start(library), { code: "PYTHON_SYMBOL", message: `${library} does not export ${named}` });
    });
  }
});
