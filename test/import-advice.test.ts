// What the error about a module that can't be imported advises.
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import path from "node:path";
import type { PythonChoice } from "../lib/backends/python/locate/discovery.js";
import { importAdvice } from "../lib/backends/python/locate/import-advice.js";
import { howToInstall } from "../lib/backends/python/locate/packages.js";
import { portHolders } from "../lib/backends/shared/port-holder.js";
import type { PythonException } from "../lib/binding.js";
import { folderWith } from "./helpers.js";

/** A Python with a module of its own and an installed package, managed by a system or not. */
function pythonIn(managed: boolean): PythonChoice {
  const prefix = folderWith({
    "lib/python3.11/selectors.py": "",
    "lib/python3.11/site-packages/mido/__init__.py": "",
    ...(managed && { "lib/python3.11/EXTERNALLY-MANAGED": "" }),
  });
  const executable = path.join(prefix, "bin/python3");
  const base = { basePrefix: prefix, baseExecPrefix: prefix };
  return { version: "3.11.2", executable, prefix, ...base, library: "libpython3.11.so", reason: "" };
}

function advice(exception: Partial<PythonException>, files: Record<string, string> = {}, module = "show") {
  const raised = { type: "ImportError", message: "", places: [], text: "", ...exception };
  const surroundings = { folder: folderWith(files), python: pythonIn(false), interpreter: "own" as const };
  return importAdvice(raised, module, surroundings).join("\n");
}

describe("a file that hides a library", () => {
  const cases: [message: string, file: string, expected: RegExp | ""][] = [
    [
      "module 'selectors' has no attribute 'SelectSelector'",
      "selectors.py",
      /^selectors\.py .* hides Python's; rename it$/,
    ],
    [
      "cannot import name 'A' from 'selectors' (/x/selectors.py)",
      "selectors/__init__.py",
      /^selectors\/__init__\.py .* hides/,
    ],
    [
      "No module named 'mido.ports'; 'mido' is not a package",
      "mido.py",
      /^mido\.py .* hides an installed package of that name/,
    ],
    ["partially initialized module 'rtmidi' has no attribute 'x'", "rtmidi.py", /^rtmidi\.py imports itself/],
    ["module 'helper' has no attribute 'x'", "helper.py", ""],
    ["module 'selectors' has no attribute 'x'", "other.py", ""],
  ];
  for (const [message, file, expected] of cases) {
    it(`${expected === "" ? "is not assumed" : "is to be renamed"}: ${message}`, () => {
      const found = advice({ type: "AttributeError", message }, { [file]: "" });
      if (expected === "") assert.equal(found, "");
      else assert.match(found, expected);
    });
  }
});

it("a function that is named as a module belongs into a mapping", () => {
  const [name, message] = ["desk.fader", "No module named 'desk.fader'; 'desk' is not a package"];
  const raised = { type: "ModuleNotFoundError", message, name };
  const found = advice(raised, { "desk.py": "" }, "desk.fader");
  assert.equal(
    found,
    "'desk' is a module: write module = desk; mappings name its functions, as in INSTANCE.desk.fader",
  );
  assert.match(advice(raised, { "desk.py": "" }), /imports itself/, "by a module of another name");
});

describe("a source file in another encoding", () => {
  const cases: [type: string, message: string, isOne: boolean][] = [
    [
      "SyntaxError",
      "(unicode error) 'utf-8' codec can't decode byte 0xfc in position 1: invalid start byte (a.py, line 3)",
      true,
    ],
    ["SyntaxError", "source code string cannot contain null bytes", true],
    ["ValueError", "source code string cannot contain null bytes", true],
    [
      "SyntaxError",
      "(unicode error) 'unicodeescape' codec can't decode bytes in position 2-3: truncated \\UXXXXXXXX escape",
      false,
    ],
    ["UnicodeDecodeError", "'utf-8' codec can't decode byte 0xfc in position 1: invalid start byte", false],
    ["ValueError", "embedded null byte", false],
  ];
  for (const [type, message, isOne] of cases) {
    it(`${isOne ? "is to be saved as UTF-8" : "is not assumed"}: ${type}: ${message}`, () => {
      assert.match(advice({ type, message }), isOne ? /is not UTF-8 text: save it as UTF-8$/ : /^$/);
    });
  }
});

it("what PyO3 says of a second interpreter is understood", () => {
  for (const message of [
    "PyO3 modules may only be initialized once per interpreter process",
    "PyO3 modules compiled for CPython 3.8 or older may only be initialized once per interpreter process",
    "PyO3 modules do not yet support subinterpreters, see https://github.com/PyO3/pyo3/issues/576",
  ]) {
    assert.match(advice({ message }), /only works in CPython's main interpreter: .*interpreter = main/);
  }
});

describe("a package that is missing", () => {
  const missing = (name: string) => advice({ type: "ModuleNotFoundError", message: "", name });

  it("is named as pip knows it", () => {
    assert.match(missing("serial.tools"), /'serial' is in the package 'pyserial': \S+ -m pip install pyserial$/);
    assert.match(missing("mido"), /Python in use\? \S+ -m pip install mido$/);
    assert.match(missing("constructor"), /-m pip install constructor$/);
  });

  it("is one of Debian, or goes into a virtual environment, where pip refuses to install", () => {
    const [debian, venv] = howToInstall("yaml", pythonIn(true));
    assert.match(debian ?? "", /apt-get install python3-yaml$/);
    assert.match(
      venv ?? "",
      /-m venv --system-site-packages venv && venv\/bin\/pip install pyyaml; .*python = \.\/venv/,
    );
    const [only, ...others] = howToInstall("pythonosc", pythonIn(true));
    assert.deepEqual(others, []);
    assert.match(only ?? "", /'pythonosc' is in the package 'python-osc': make a virtual environment/);
  });

  it("goes to pip in a virtual environment of such a Python", () => {
    const python = { ...pythonIn(true), prefix: "/home/me/venv" };
    assert.match(howToInstall("yaml", python).join("\n"), /-m pip install pyyaml$/);
  });
});

it("the process that has a port is found by its socket, of TCP only one that listens", () => {
  const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  const row = (port: string, state: string, inode: number) =>
    `   0: 0100007F:${port} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2\n`;
  const proc = folderWith({
    "net/udp": header + row("2328", "07", 11),
    "net/tcp": header + row("2329", "01", 12) + row("232A", "0A", 13),
    "7/cmdline": "node\0mmpy.cjs\0show.cfg\0",
    "7/fd/none": "",
  });
  for (const [i, inode] of [12, 13].entries()) symlinkSync(`socket:[${inode}]`, path.join(proc, "7/fd", String(i)));
  assert.deepEqual(portHolders(9002, proc), [{ protocol: "TCP", pid: 7, command: "node mmpy.cjs show.cfg" }]);
  assert.deepEqual(portHolders(9000, proc), [], "no process is seen to have it");
  assert.deepEqual(portHolders(9001, proc), []);
  assert.deepEqual(portHolders(1, path.join(proc, "nowhere")), []);
  const found = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::"].filter(
    (address) => portHolders(9002, proc, address).length > 0,
  );
  assert.deepEqual(found, ["127.0.0.1"], "only one with this address");
});
