// The units in systemd/, as systemd itself reads them. What they do is tried by scripts/test-systemd.sh.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { folderWith, mmpyScript, projectFolder } from "./helpers.js";

const textOf = (name: string) => readFileSync(path.join(projectFolder, "systemd", name), "utf8");
const settingsOf = (text: string) => text.split("\n").filter((line) => /^[[A-Z]/.test(line));

/** The most that `systemd-analyze security` may find exposed, in tenths: 0 is the least, 100 all. */
const MAX_EXPOSURE = 20;

describe("the systemd unit", () => {
  before(function () {
    if (spawnSync("systemd-analyze", ["--version"]).status === 0) return;
    console.log("SKIPPED: no systemd-analyze; on Debian: apt-get install systemd");
    this.skip();
  });

  const units: [file: string, name: string][] = [
    ["mmpy.service", "mmpy.service"],
    ["mmpy@.service", "mmpy@show.service"],
  ];
  for (const [file, name] of units) {
    // Where mmpy is not installed its name is not a command.
    const installed = () => folderWith({ [file]: textOf(file).replace("ExecStart=mmpy ", `ExecStart=${mmpyScript} `) });

    it(`${file} has nothing for systemd-analyze verify to complain about`, () => {
      const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", path.join(installed(), name)], {
        encoding: "utf8",
      });
      assert.equal(stdout + stderr, "");
      assert.equal(status, 0);
    });

    it(`${file} exposes little to a module that goes astray`, function () {
      const { status, stdout, stderr } = spawnSync(
        "systemd-analyze",
        ["security", "--no-pager", "--offline=true", `--threshold=${MAX_EXPOSURE}`, path.join(installed(), name)],
        { encoding: "utf8" },
      );
      if (/unrecognized option/.test(stderr)) {
        console.log("SKIPPED: this systemd-analyze has no security --offline; that of Debian 12 has");
        this.skip();
      }
      assert.equal(status, 0, stdout + stderr);
    });
  }
});

describe("the template unit", () => {
  it("says what the unit says, of a folder for each instance", () => {
    const expected = textOf("mmpy.service")
      .replace("Description=MIDIMonster python routing", "$& of %i")
      .replace("WorkingDirectory=/etc/mmpy", "$&/%i")
      .replace("StateDirectory=mmpy", "$&-%i");
    assert.deepEqual(settingsOf(textOf("mmpy@.service")), settingsOf(expected));
  });
});
