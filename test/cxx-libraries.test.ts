// Libraries written in C++, in a process whose program has copies of some of the C++ library's objects.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { folderWith, mmpy } from "./helpers.js";

const LIBRARY = `
#include <iostream>
#include <stdexcept>
#include <string>
extern "C" int print(int number) {
  std::cout << "to cout " << number << std::endl;
  std::cerr << "to cerr " << std::hex << number << "\\n";
  std::clog << "to clog" << std::endl;
  std::wcerr << L"to wcerr" << std::endl;
  std::string word;
  std::cin >> word;
  std::cout << "from cin " << word << std::endl;
  try { throw std::out_of_range("thrown"); } catch (const std::exception &error) { std::cerr << error.what() << "\\n"; }
  return number + 1;
}
`;

describe("a C++ library", () => {
  it("prints, reads and throws, in every instance", async function () {
    const folder = folderWith({
      "library.cc": LIBRARY,
      "monster.cfg": "[python one]\nmodule = mod\n[python two]\nmodule = mod\n",
      "mod.py": `
import ctypes, os, sys
library = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "library.so"), mode=sys.getdlopenflags())
print("returned", library.print(31), flush=True)
`,
    });
    const compiled = spawnSync("c++", ["-shared", "-fPIC", "-o", "library.so", "library.cc"], { cwd: folder });
    if (compiled.error !== undefined) {
      console.log("SKIPPED: no C++ compiler; on Debian: apt-get install g++");
      this.skip();
    }
    assert.equal(compiled.status, 0, String(compiled.stderr));
    const checked = mmpy(["check", path.join(folder, "monster.cfg")]);
    checked.child.stdin?.end("first second\n");
    assert.deepEqual(await checked.exited, { code: 0, signal: null }, checked.stderr);
    const expected = (word: string) => `to cout 31\nfrom cin ${word}\nreturned 32\n`;
    assert.ok(checked.stdout.startsWith(expected("first") + expected("second")), checked.stdout);
    assert.equal(checked.stderr.split("to cerr 1f\nto clog\nto wcerr\nthrown\n").length, 3, checked.stderr);
  });
});
