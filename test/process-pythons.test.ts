// Instances in processes whose Pythons, or extension modules, could not be in one process.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { ASK, ask, type Session, start } from "./session.js";

/** Debian's has its libpython within, whether or not there is a shared one. */
const DEBIAN = "/usr/bin/python3";

/** @returns what a Python answers; undefined if there is none, or it fails */
function answerOf(python: string, code: string): string | undefined {
  const { status, stdout } = spawnSync(python, ["-c", code], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

const VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])";

/** An instance for each of these, that answers the probe. */
const config = (names: readonly string[], options: (name: string) => string) =>
  names
    .map((name) => `[python ${name}]\nown-process = on\nmodule = ${name}\n${options(name)}\n`)
    .concat("[map]\n", ...names.map((name) => `probe.${name} > ${name}.${name}.ask\n${name}.done > probe.done\n`))
    .join("");

async function answers(session: Session, names: readonly string[]): Promise<unknown[]> {
  for (const name of names) await ask(session, name);
  return session.said();
}

describe("instances in processes at once", () => {
  it("run Pythons of different versions, one of them without a shared library", async function () {
    const here = process.env.MMPY_PYTHON ?? "python3";
    const versions = [answerOf(DEBIAN, VERSION), answerOf(here, VERSION)];
    const isStatic = answerOf(DEBIAN, "print('libpython' not in open('/proc/self/maps').read())") === "True";
    if (versions.includes(undefined) || versions[0] === versions[1] || !isStatic) {
      console.log(`SKIPPED: two Pythons: ${DEBIAN} is not there, not static, or the one that is tested`);
      this.skip();
    }
    const names = ["debian", "here"];
    const module = `import sys\nsay("%d.%d.%d" % sys.version_info[:3])\n${ASK}`;
    const session = await start(
      config(names, (name) => `python = ${name === "debian" ? DEBIAN : here}`),
      { "debian.py": module, "here.py": module },
    );
    await answers(session, names);
    assert.deepEqual(session.said().sort(), versions.sort());
  });

  it("use numpy, scipy and rtmidi, each of them in all", async function () {
    const missing = ["numpy", "scipy", "rtmidi"].filter((name) => answerOf(DEBIAN, `import ${name}`) === undefined);
    if (missing.length > 0) {
      console.log(
        `SKIPPED: extension modules in processes: Debian's ${missing.join(", ")} (apt-get install python3-numpy python3-scipy python3-rtmidi)`,
      );
      this.skip();
    }
    const names = ["one", "two", "three"];
    const module = `
import numpy, rtmidi, scipy.linalg
def ask(value):
    inverse = scipy.linalg.inv(numpy.array([[2.0, 0.0], [0.0, 4.0]]))
    say([float(numpy.trace(inverse)), rtmidi.API_UNSPECIFIED])
    midimonster.output("done", value)
`;
    const session = await start(
      config(names, () => `python = ${DEBIAN}`),
      Object.fromEntries(names.map((name) => [`${name}.py`, module])),
    );
    assert.deepEqual(
      await answers(session, names),
      names.map(() => [0.75, 0]),
    );
    assert.deepEqual(session.log.matching(/numpy|scipy|rtmidi/), []);
  });
});
