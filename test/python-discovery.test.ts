import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { chooseOrAdvise } from "../lib/backends/python/locate/alternatives.js";
import { choosePython, choosePythonProgram, findPythons } from "../lib/backends/python/locate/discovery.js";
import { installAdvice } from "../lib/backends/python/locate/install-advice.js";
import type { MidimonsterError } from "../lib/index.js";
import { folderWith, MemoryLog, projectFolder } from "./helpers.js";

interface Answer {
  version?: readonly [number, number, number];
  implementation?: string;
  bits?: number;
  shared?: boolean;
  freeThreaded?: boolean;
  debug?: boolean;
  libraries?: readonly string[];
  folders?: readonly string[];
  basePrefix?: string;
  framework?: string;
}

/** An interpreter that answers as a Python does which this machine does not have. */
function pretender(answer: Answer, library?: Buffer | string): string {
  const folder = folderWith({});
  const [major, minor] = answer.version ?? [3, 12];
  const name = `libpython${major}.${minor}${answer.debug ? "d" : ""}.so.1.0`;
  const executable = path.join(folder, "python3");
  const full = {
    version: [3, 12, 1],
    implementation: "cpython",
    executable,
    prefix: folder,
    basePrefix: folder,
    baseExecPrefix: folder,
    bits: 64,
    shared: true,
    freeThreaded: false,
    debug: false,
    framework: "",
    libraries: [name],
    folders: [folder],
    ...answer,
  };
  if (library !== undefined) writeFileSync(path.join(folder, name), library);
  program(executable, `echo '${JSON.stringify(full)}'`);
  return executable;
}

function program(file: string, commands: string): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${commands}\n`);
  chmodSync(file, 0o755);
  return file;
}

function elf(bits: 32 | 64, machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  header[4] = bits / 32;
  header[5] = 1; // little-endian
  header.writeUInt16LE(machine, 18);
  return header;
}

const X64 = 62;
const I386 = 3;
const ARM64 = 183;
const OURS = process.arch === "arm64" ? ARM64 : X64;
const FOREIGN = process.arch === "arm64" ? X64 : ARM64;

const VARIABLES = ["MMPY_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "HOME"];

describe("finding Python", () => {
  const saved = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  const set = (values: Record<string, string | undefined>) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  beforeEach(() => set({ MMPY_PYTHON: undefined, VIRTUAL_ENV: undefined, CONDA_PREFIX: undefined }));
  afterEach(() => set(saved));

  const log = new MemoryLog();

  describe("says of one that can't be used what it is and what to do", () => {
    const cases: [what: string, command: () => string, code: string, message: RegExp][] = [
      [
        "too old",
        () => pretender({ version: [3, 8, 18] }, elf(64, OURS)),
        "PYTHON_TOO_OLD",
        /\(Python 3\.8\.18, option 'python'\) is too old; 3\.9 or later.*\n.*apt-get install.*pyenv install/,
      ],
      ["Python 2", () => pretender({ version: [2, 7, 18] }, elf(64, OURS)), "PYTHON_TOO_OLD", /is too old/],
      [
        "free-threaded",
        () => pretender({ version: [3, 13, 1], freeThreaded: true }, elf(64, OURS)),
        "PYTHON_FREE_THREADED",
        /is a free-threaded build.*\n.*apt-get install python3 libpython3.*PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3\.13\.1\)\nTo use another/,
      ],
      ["not CPython", () => pretender({ implementation: "pypy" }), "PYTHON_PROBE", /is pypy; only CPython/],
      [
        "a 32-bit build",
        () => pretender({ bits: 32 }, elf(32, I386)),
        "PYTHON_32_BIT",
        /is a 32-bit build, but Node is 64-bit.*\n.*apt-get install/,
      ],
      [
        "static, of Debian",
        () => pretender({ basePrefix: "/usr", libraries: ["libpython3.12.a"] }),
        "PYTHON_STATIC",
        /has no shared library \(libpython3\.12\.so\).*\nOn Debian: apt-get install libpython3\.12\nTo use another/,
      ],
      [
        "static, of pyenv",
        () => pretender({ basePrefix: "/home/me/.pyenv/versions/3.12.1", shared: false, libraries: [] }),
        "PYTHON_STATIC",
        /\nWith pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force 3\.12\.1\nTo use another/,
      ],
      [
        "static, from elsewhere",
        () => pretender({ shared: false, libraries: [] }),
        "PYTHON_STATIC",
        /\nRebuild it with \.\/configure --enable-shared, or use another Python\.\nInstall one \(on Debian: .*with pyenv: .*\)\nTo use another/,
      ],
      [
        "of a framework that has lost its library",
        () => pretender({ framework: "Python", shared: false, libraries: ["Python.framework/Versions/3.12/Python"] }),
        "PYTHON_STATIC",
        /has no shared library \(Python\) to load/,
      ],
      [
        "a debug build without its library",
        () => pretender({ basePrefix: "/usr", debug: true, libraries: ["libpython3.12d.so.1.0"] }),
        "PYTHON_STATIC",
        /\(libpython3\.12d\.so\.1\.0\).*\nOn Debian: apt-get install libpython3\.12-dbg\n/,
      ],
      [
        "with a library for another processor",
        () => pretender({}, elf(64, FOREIGN)),
        "PYTHON_ARCHITECTURE",
        /the library of .*libpython3\.12\.so\.1\.0, is 64-bit \((arm64|x64)\), but Node is/,
      ],
      [
        "an interpreter for another processor",
        () => {
          const file = path.join(folderWith({}), "python3");
          writeFileSync(file, elf(64, FOREIGN), { mode: 0o755 });
          return file;
        },
        "PYTHON_ARCHITECTURE",
        /is 64-bit \((arm64|x64)\), which this machine can't run; a Python for .*\nInstall one \(on Debian: apt-get install python3 .*\nTo use another/,
      ],
      [
        "not there",
        () => "/nowhere/python3",
        "PYTHON_NOT_FOUND",
        /^there is no Python at \/nowhere\/python3 \(.*\)\nList the available Pythons: mmpy doctor$/,
      ],
      [
        "a virtual environment that is not there",
        () => "/nowhere/venv",
        "PYTHON_NOT_FOUND",
        /^there is no Python at \/nowhere\/venv .*\n.*mmpy doctor\nCreate a virtual environment there: python3 -m venv \/nowhere\/venv$/,
      ],
      [
        "a virtual environment whose Python is gone",
        () => {
          const folder = folderWith({ "bin/activate": "" });
          symlinkSync("/nowhere/python3.42", path.join(folder, "bin", "python3"));
          return folder;
        },
        "PYTHON_NOT_FOUND",
        /a dangling link to \/nowhere\/python3\.42\n.*\nRecreate .*, then reinstall its packages: python3 -m venv --clear \/\S+$/,
      ],
      [
        "a command that is not there",
        () => "python3.42",
        "PYTHON_NOT_FOUND",
        /^there is no python3\.42 on PATH \(.*\)\nList .*mmpy doctor\nInstall one \(on Debian: .*pyenv install 3\.42\)$/,
      ],
      [
        "a shim of pyenv, not of its current version",
        () =>
          program(
            path.join(folderWith({}), "python3.12"),
            `cat >&2 <<END
pyenv: python3.12: command not found

The \\\`python3.12' command exists in these Python versions:
  3.12.1

Note: See 'pyenv help global' for tips on allowing multiple
      Python versions to be found at the same time.
END
exit 127`,
          ),
        "PYTHON_PROBE",
        /python3\.12 \(.*\) is a pyenv shim, but not for pyenv's current version; available in 3\.12\.1\nGive .*: python = 3\.12$/,
      ],
      [
        "that ends without a word",
        () => program(path.join(folderWith({}), "python3"), "exit 3"),
        "PYTHON_PROBE",
        /is not a working Python 3: exit status 3\nTo use another/,
      ],
      ["no Python", () => "/bin/echo", "PYTHON_PROBE", /does not respond like a Python/],
      [
        "broken",
        () => program(path.join(folderWith({}), "python3"), "echo oh no >&2; exit 3"),
        "PYTHON_PROBE",
        /is not a working Python 3: oh no\nTo use another/,
      ],
      [
        "a program that repeats what it is given",
        () => program(path.join(folderWith({}), "python3"), "echo $@ >&2; exit 1"),
        "PYTHON_PROBE",
        /^[^\n]* is not a working Python 3: [^\n]{0,250}\nTo use another/,
      ],
      [
        "a folder that is no environment",
        () => folderWith({}),
        "PYTHON_NOT_FOUND",
        /there is no Python at .*\/bin\/python3/,
      ],
    ];
    for (const [what, command, code, message] of cases) {
      it(`${what}: ${code}`, async () => {
        await assert.rejects(choosePython(command(), log), (error: MidimonsterError) => {
          assert.match(error.message, message);
          assert.equal(error.code, code);
          return true;
        });
      });
    }

    it("none at all: PYTHON_NOT_FOUND", async () => {
      set({ PATH: folderWith({}) });
      await assert.rejects(choosePython(undefined, log), {
        code: "PYTHON_NOT_FOUND",
        message: /there is no python3 on PATH\n.*apt-get install python3 libpython3.*pyenv install[\s\S]*python = /,
      });
    });
  });

  describe("takes", () => {
    const usable = (version: readonly [number, number, number]) => pretender({ version }, elf(64, OURS));

    it("the one of the configuration before all others", async () => {
      set({ MMPY_PYTHON: usable([3, 10, 0]), VIRTUAL_ENV: path.dirname(usable([3, 9, 0])) });
      const choice = await choosePython(usable([3, 11, 5]), log);
      assert.deepEqual([choice.version, choice.reason], ["3.11.5", "option 'python'"]);
    });

    for (const [index, name] of ["MMPY_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"].entries()) {
      it(`that of ${name}, unless one before it is set`, async () => {
        const names = ["MMPY_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"].slice(index);
        for (const [minor, variable] of names.entries()) {
          const executable = usable([3, 10 + minor, 7]);
          const environment = folderWith({});
          program(path.join(environment, "bin", "python3"), `exec ${executable}`);
          set({ [variable]: environment });
        }
        const choice = await choosePython(undefined, log);
        assert.deepEqual([choice.version, choice.reason], ["3.10.7", `environment variable ${name}`]);
      });
    }

    it("of those that a variable names no other, if it can't be used", async () => {
      set({ MMPY_PYTHON: pretender({ version: [3, 8, 0] }), PATH: path.dirname(usable([3, 11, 0])) });
      await assert.rejects(choosePython(undefined, log), { code: "PYTHON_TOO_OLD" });
    });

    it("the first usable python3 on PATH, and tells at level debug why not the others", async () => {
      const tooOld = pretender({ version: [3, 8, 0] }, elf(64, OURS));
      const good = usable([3, 12, 4]);
      set({ PATH: [tooOld, good, usable([3, 13, 0])].map((file) => path.dirname(file)).join(path.delimiter) });
      const seen = new MemoryLog();
      const choice = await choosePython(undefined, seen);
      assert.deepEqual([choice.version, choice.executable, choice.reason], ["3.12.4", good, "python3 on PATH"]);
      assert.equal(seen.matching(/^not usable: .*3\.8\.0.*too old/).length, 1);
      assert.match(
        seen.matching(/^chose/)[0]?.message ?? "",
        /\(python3 on PATH\), library .*libpython3\.12\.so\.1\.0$/,
      );
    });

    it("says what is wrong with the first on PATH where none is usable", async () => {
      set({
        PATH: [pretender({ shared: false, libraries: [] }), pretender({ version: [3, 8, 0] })]
          .map((f) => path.dirname(f))
          .join(":"),
      });
      await assert.rejects(choosePython(undefined, log), { code: "PYTHON_STATIC" });
    });

    it("through a pyenv shim the interpreter behind it", async () => {
      const real = usable([3, 11, 9]);
      const root = folderWith({ "versions/3.11.9/bin/none": "" });
      program(path.join(root, "shims", "python3"), `exec ${real} "$@"`);
      program(path.join(root, "shims", "python3.12"), "echo 'pyenv: python3.12: command not found' >&2; exit 127");
      set({ PATH: path.join(root, "shims") });
      assert.equal((await choosePython(undefined, log)).executable, real);
      // Known without running the shim, where pyenv's files say so.
      program(path.join(root, "shims", "python3"), "exit 1");
      for (const [file, text, minor] of [
        ["version", "3.12.3\n3.11.9\n", 12],
        [".python-version", "3.13.1", 13],
      ] as const) {
        const version = text.trim().split("\n")[0] ?? "";
        program(path.join(root, "versions", version, "bin", "python3"), `exec ${usable([3, minor, 0])}`);
        writeFileSync(path.join(root, file), text);
        set({ PATH: `${path.join(root, "shims")}:/nowhere/${minor}` }); // an answer is kept for the same variables
        const before = process.cwd();
        process.chdir(root);
        const choice = await choosePython(undefined, log).finally(() => process.chdir(before));
        assert.equal(choice.version, `3.${minor}.0`);
      }
    });

    it("the library of a framework, which macOS's Pythons are", async () => {
      for (const framework of ["Python", "Python3"]) {
        const name = `${framework}.framework/Versions/3.12/${framework}`;
        const root = path.join(folderWith({ [name]: "" }), path.dirname(name));
        const python = pretender({ basePrefix: root, framework, shared: false, libraries: [name, name] });
        assert.equal((await choosePython(python, log)).library, path.join(root, framework));
      }
    });

    describe("of a version", () => {
      /** A machine with pyenv's 3.11.4, 3.12.1 and 3.12.10 and a system's 3.10.2. */
      const machine = () => {
        const root = folderWith({});
        for (const version of [
          [3, 11, 4],
          [3, 12, 1],
          [3, 12, 10],
        ] as const) {
          program(path.join(root, "versions", version.join("."), "bin", "python3"), `exec ${usable(version)}`);
        }
        set({
          PYENV_ROOT: root,
          HOME: root,
          UV_PYTHON_INSTALL_DIR: root,
          PATH: path.dirname(usable([3, 10, 2])),
        });
      };
      const cases: [asked: string, got: string][] = [
        ["3.12", "3.12.10"],
        ["3.12.1", "3.12.1"],
        ["3.11", "3.11.4"],
        ["3.10", "3.10.2"],
      ];
      for (const [asked, got] of cases) {
        it(`${asked}: ${got}`, async () => {
          machine();
          assert.equal((await choosePython(asked, log)).version, got);
          set({ MMPY_PYTHON: asked });
          const { version, reason } = await choosePython(undefined, log);
          assert.equal(version, got);
          assert.match(reason, /^environment variable MMPY_PYTHON, (from pyenv|on PATH)$/);
        });
      }
      it("that is not there says which are, and how to get it", async () => {
        machine();
        await assert.rejects(choosePython("3.42", log), {
          code: "PYTHON_NOT_FOUND",
          message:
            /^no Python 3\.42 found \(.*\); available: 3\.10\.2, .*3\.12\.10, 3\.12\.1, 3\.11\.4.*\nOn Debian, if its release has it \(see apt-cache policy python3\.42\): apt-get install python3\.42 libpython3\.42\nWith pyenv: .* pyenv install 3\.42$/,
        });
      });
      it("that is too old says which would do", async () => {
        machine();
        await assert.rejects(choosePython("3.5", log), {
          code: "PYTHON_NOT_FOUND",
          message: /^no Python 3\.5 found .*\n3\.9 or later is needed\nInstall one \(/,
        });
      });
      it("that is there but can't be used says why", async () => {
        set({ PATH: path.dirname(pretender({ version: [3, 43, 0], shared: false, libraries: [] })) });
        await assert.rejects(choosePython("3.43", log), { code: "PYTHON_STATIC" });
      });
    });
  });

  describe("names others that would do", () => {
    const cases: [by: string, configured: string | undefined, variable: string | undefined, written: string][] = [
      ["the variable, which can be changed", undefined, "/nowhere/python3", "MMPY_PYTHON="],
      ["the option, to which variables make no difference", "/nowhere/python3", undefined, "python = "],
    ];
    for (const [by, configured, variable, written] of cases) {
      it(`as a value of ${by}`, async () => {
        const usable = pretender({ version: [3, 12, 7] }, elf(64, OURS));
        set({ MMPY_PYTHON: variable, PATH: path.dirname(usable), PYENV_ROOT: "/nowhere", HOME: "/nowhere" });
        await assert.rejects(chooseOrAdvise(configured, log, new AbortController().signal), ({ message }: Error) =>
          message.includes(`\nthis one would do: ${written}${usable} (3.12.7)`),
        );
      });
    }
  });

  describe("docs/troubleshooting.md shows as it is printed", () => {
    // The machine's own version does not matter.
    const anyRelease = (text: string) => text.replace(/libpython3(\.\d+|-dev)(?=[;)])/g, "libpython3.N");
    const document = anyRelease(readFileSync(path.join(projectFolder, "docs", "troubleshooting.md"), "utf8"));
    const cases: [code: string, python: () => string, shown: string][] = [
      ["PYTHON_NOT_FOUND", () => "/nowhere/python3", "/nowhere/python3"],
      ["PYTHON_TOO_OLD", () => pretender({ version: [3, 8, 18] }), "/root/.pyenv/versions/3.8.18/bin/python"],
    ];
    const shows = async (code: string, change: (message: string) => string = (message) => message) =>
      await assert.rejects(choosePython(undefined, log), (error: MidimonsterError) => {
        assert.equal(error.code, code);
        const message = anyRelease(change(error.message));
        assert.ok(document.includes(`\`\`\`text\n${message}\n\`\`\`\n`), message);
        return true;
      });
    for (const [code, python, shown] of cases) {
      it(`${code} of one that a variable names`, async () => {
        const asked = python();
        set({ MMPY_PYTHON: asked });
        await shows(code, (message) => message.replaceAll(asked, shown));
      });
    }
    it("PYTHON_STATIC", async () => {
      const python = pretender({
        version: [3, 11, 2],
        basePrefix: "/usr",
        folders: [],
        libraries: ["libpython3.11.so.1.0"],
        shared: false,
      });
      set({ PATH: path.dirname(python) });
      await shows("PYTHON_STATIC", (message) => message.replaceAll(python, "/usr/bin/python3"));
    });
    it("PYTHON_NOT_FOUND with none on PATH", async () => {
      set({ PATH: folderWith({}) });
      await shows("PYTHON_NOT_FOUND");
    });
  });

  describe("names Debian's packages", () => {
    const cases: [what: string, link: string | undefined, packages: string | undefined][] = [
      ["of the system's python3", "python3.13", "python3 libpython3.13"],
      ["that fit any release where there is no python3 yet", undefined, "python3 libpython3-dev"],
      ["not, where the release's are too old", "python3.7", undefined],
    ];
    for (const [what, link, packages] of cases) {
      it(what, () => {
        const python = path.join(folderWith({}), "python3");
        if (link !== undefined) symlinkSync(link, python);
        const debian = packages === undefined ? "" : `on Debian: apt-get install ${packages}; `;
        const pyenv = "with pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.12";
        assert.equal(installAdvice(undefined, python), `Install one (${debian}${pyenv})`);
      });
    }
  });

  it("asks a Python that is run as a program once, and again when it has changed", async () => {
    const executable = pretender({ version: [3, 12, 1] });
    const asked = path.join(path.dirname(executable), "asked");
    const answers = readFileSync(executable, "utf8");
    const replace = (text: string) => {
      rmSync(executable);
      program(executable, `${text}\necho x >> ${asked}`);
    };
    const versions = async () => {
      const all = await Promise.all([1, 2, 3].map(() => choosePythonProgram(executable, new MemoryLog())));
      return [...new Set(all.map(({ version }) => version))];
    };
    const count = () => readFileSync(asked, "utf8").length / 2;
    replace(answers);
    assert.deepEqual(await versions(), ["3.12.1"]);
    assert.deepEqual(await versions(), ["3.12.1"]);
    assert.equal(count(), 1);
    replace(answers.replace("[3,12,1]", "[3,12,2]"));
    assert.deepEqual(await versions(), ["3.12.2"]);
    assert.equal(count(), 2);
  });

  it("lists every Python once, with what is wrong with it", async () => {
    const root = folderWith({});
    const good = pretender({ version: [3, 11, 4] }, elf(64, OURS));
    program(path.join(root, "versions", "3.8.1", "bin", "python3"), `exec ${pretender({ version: [3, 8, 1] })}`);
    program(path.join(root, "shims", "python3"), `exec ${good}`);
    const found = await findPythons({
      PYENV_ROOT: root,
      UV_PYTHON_INSTALL_DIR: root,
      PATH: `${path.join(root, "shims")}:${path.dirname(good)}`,
    });
    const mine = found.filter(({ command }) => command.startsWith(root) || command === good);
    assert.deepEqual(
      mine.map(({ choice, problem }) => choice?.executable ?? problem?.code),
      [good, "PYTHON_TOO_OLD"],
    );
  });

  it("agrees with the interpreters of this machine on their versions", async () => {
    for (const { choice } of await findPythons()) {
      if (choice === undefined) continue;
      const said = execFileSync(choice.executable, ["-c", "import platform; print(platform.python_version())"], {
        encoding: "utf8",
      });
      assert.equal(choice.version, said.trim());
    }
  });
});
