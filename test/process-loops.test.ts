import assert from "node:assert/strict";
import { ASK, ask, start } from "./session.js";

const PASS_ON = `${ASK}
def on(value):
    midimonster.output("out", value)
def row(value):
    midimonster.output("o" + midimonster.current()[1:], value)
`;

const apart = (name: string, more = "") => `[python ${name}]\nown-process = on\nmodule = mod\n${more}`;

/** Loops, by what is mapped beside what starts them and what asks whether all still works. */
const LOOPS: { what: string; instances: string; mapping: string; names: RegExp }[] = [
  {
    what: "one process",
    instances: "",
    mapping: "p.out > p.mod.on",
    names: /^feedback loop: p\.mod\.on -> p\.mod\.on; its events go round as fast as the machine can$/,
  },
  {
    what: "two processes",
    instances: apart("q"),
    mapping: "p.out > q.mod.on\nq.out > p.mod.on",
    names: /: (p\.mod\.on -> q\.mod\.on -> p\.mod\.on|q\.mod\.on -> p\.mod\.on -> q\.mod\.on);/,
  },
  {
    what: "a process, a loopback and an instance of the router's process",
    instances: "[loopback l]\n[python here]\nown-process = off\nmodule = mod\n",
    mapping: "p.out > l.x\nl.x > here.mod.on\nhere.out > p.mod.on",
    names: /: (p\.mod\.on -> l\.x -> here\.mod\.on -> p\.mod\.on|l\.x -> here|here\.mod\.on -> p\.mod\.on -> l\.x)/,
  },
  {
    what: "a process and a TypeScript backend",
    instances: "[probe mirror]\necho = on\n",
    mapping: "p.out > mirror.m\nmirror.m > p.mod.on",
    names: /: (p\.mod\.on -> mirror\.m -> p\.mod\.on|mirror\.m -> p\.mod\.on -> mirror\.m);/,
  },
  {
    what: "a process and a filter",
    instances: "",
    mapping: "p.out > invert > p.mod.on",
    names: /: p\.mod\.on -> \(invert\) -> p\.mod\.on;/,
  },
  {
    what: "thirty channels of a process, in a row",
    instances: "",
    mapping: "p.o{1..29} > p.n{2..30}\np.o30 > p.n1\np.out > p.n1",
    names: /: (p\.n\d+ -> ){20}\(10 more channels\) -> p\.n\d+;/,
  },
];

describe("a feedback loop through", () => {
  for (const { what, instances, mapping, names } of LOOPS) {
    it(`${what} is named once, and everything else goes on`, async () => {
      const rows = "default-handler = mod.row\n";
      const config = `${apart("p", rows)}${instances}[map]\nprobe.go > p.mod.on\nprobe.ask > p.mod.ask\np.done > probe.done\n${mapping}\n`;
      const session = await start(config, { "mod.py": PASS_ON });
      session.probe.emit("go", 0.25);
      await session.log.seen(names);
      await ask(session);
      await ask(session);
      assert.equal(session.log.matching(/feedback loop/).length, 1);
    });
  }
});
