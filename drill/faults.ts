/** Faults, and how to judge their consequences. */
import type { Scenario, Seen } from "./run.js";

export type Verdict = "unseen" | "survived" | "refused" | "silent" | "ignored" | "spins" | "hung" | "crashed";

export interface Fault extends Scenario {
  readonly what: string;
  /** For a program that survived the fault and stopped on request. */
  judge(seen: Seen): [verdict: Verdict, fact: string];
}

const count = (lines: readonly string[], line: string) => lines.filter((one) => one === line).length;
const traceback = ({ output }: Seen, pattern: RegExp) =>
  pattern.test(output) ? "with a traceback" : "without a traceback";

/** An instance that calls `poke` of another one ten times a second. */
const POKER = `
import midimonster
def poke(): midimonster.output("poke", 0.5)
midimonster.interval(poke, 100)
midimonster.output("poke", 0)
`;
const POKED = "[python poker]\nmodule = poker\n[python py]\nmodule = faulty\n[map]\npoker.poke > py.faulty.poke\n";

/** The third call causes a fault; later calls print `again`. */
const third = (statement: string, before = "") => `
import midimonster, sys
calls = 0
${before}
def poke(value):
    global calls
    calls += 1
    if calls == 3:
        print("fault", flush=True)
        ${statement}
    if calls > 3: print("again", flush=True)
`;

/** A fault after 300 ms, beside an interval that prints `again`. */
const LATER = `
import midimonster
def beat(): print("again", flush=True)
midimonster.interval(beat, 100)
def begin():
    midimonster.interval(begin, 0)
    print("fault", flush=True)
    fault()
midimonster.interval(begin, 300)
`;
const ALONE = "[python py]\nmodule = faulty\n";

const goesOn = (calls: string) => (seen: Seen) => {
  const again = count(seen.after, "again");
  const fact = `${again} ${calls} afterwards, ${traceback(seen, /Traceback/)}`;
  return [again > 0 ? "survived" : "silent", fact] as [Verdict, string];
};

const goesOnIdle = (seen: Seen, more = ""): [Verdict, string] => {
  const again = count(seen.after, "again");
  const fact = `${again} calls of an interval afterwards, ${Math.round(seen.load * 100)} % of a processor${more}`;
  return [again === 0 ? "silent" : seen.load > 0.5 ? "spins" : "survived", fact];
};

export const FAULTS: readonly Fault[] = [
  {
    what: "a handler raises",
    files: { "monster.cfg": POKED, "poker.py": POKER, "faulty.py": third("1 / 0") },
    judge: goesOn("calls of the handler"),
  },
  {
    what: "a handler calls sys.exit()",
    files: { "monster.cfg": POKED, "poker.py": POKER, "faulty.py": third("sys.exit(3)") },
    judge: goesOn("calls of the handler"),
  },
  {
    what: "an interval function raises",
    files: {
      "monster.cfg": ALONE,
      "faulty.py": `
import midimonster
calls = 0
def beat():
    global calls
    calls += 1
    if calls == 3:
        print("fault", flush=True)
        1 / 0
    if calls > 3: print("again", flush=True)
midimonster.interval(beat, 100)
`,
    },
    judge: goesOn("calls of the function"),
  },
  {
    what: "a feedback loop, then Ctrl-C",
    files: {
      "monster.cfg":
        "[python py]\nmodule = faulty\n[loopback a]\n[loopback b]\n[map]\npy.go > a.x\na.x > b.y\nb.y > a.x\n",
      "faulty.py": `${LATER}
midimonster.output("go", 0)
def fault(): midimonster.output("go", 1)
`,
    },
    judge: ({ after, took }) => {
      const again = count(after, "again");
      return [
        again > 0 ? "survived" : "silent",
        `${again} calls of an interval meanwhile, ended ${ms(took)} after Ctrl-C`,
      ];
    },
  },
  {
    what: "a handler that never returns, then Ctrl-C",
    files: { "monster.cfg": POKED, "poker.py": POKER, "faulty.py": third("while True: pass") },
    judge: ({ took, end }) => ["survived", `ended ${ms(took)} after Ctrl-C, ${end}`],
  },
  {
    what: "a managed socket is closed without unregistering it",
    files: {
      "monster.cfg": ALONE,
      "faulty.py": `${LATER}
import socket
near, far = socket.socketpair()
midimonster.manage(lambda sock: sock.recv(1), near)
def fault(): near.close()
`,
    },
    judge: (seen) => goesOnIdle(seen),
  },
  {
    what: "a socket function raises without reading",
    files: {
      "monster.cfg": ALONE,
      "faulty.py": `${LATER}
import socket
near, far = socket.socketpair()
midimonster.manage(lambda sock: 1 / 0, near)
def fault(): far.send(b"x")
`,
    },
    judge: (seen) => goesOnIdle(seen, `, ${traceback(seen, /Traceback/)}`),
  },
  {
    what: "a daemon thread runs at shutdown",
    files: {
      "monster.cfg": ALONE,
      "faulty.py": `${LATER}
import threading, time
def work():
    while True: time.sleep(0.001)
def fault(): threading.Thread(target=work, daemon=True).start()
`,
    },
    judge: ({ end, took }) => [end === "exit status 0" ? "survived" : "crashed", `${end}, ${ms(took)} after Ctrl-C`],
  },
  {
    what: "SIGTERM, with a cleanup handler",
    files: {
      "monster.cfg": ALONE,
      "faulty.py": `${LATER}
midimonster.cleanup_handler(lambda: print("cleaned up", flush=True))
def fault(): pass
`,
    },
    signal: "SIGTERM",
    judge: ({ output, end }) => {
      const cleaned = /^cleaned up$/m.test(output);
      return [cleaned ? "survived" : "crashed", `${end}, cleanup handler ${cleaned ? "" : "not "}called`];
    },
  },
  {
    what: "a module that can't be imported",
    atStart: true,
    files: {
      "monster.cfg": "[python other]\nmodule = other\n[python py]\nmodule = faulty\n",
      "other.py": `${LATER}def fault(): pass\n`,
      "faulty.py": "import no_such_module\n",
    },
    judge: (seen) => {
      const again = count(seen.after, "again");
      const fact = `${again} calls of an interval of the other instance, ${traceback(seen, /Traceback/)}`;
      return [again > 0 ? "ignored" : "silent", fact];
    },
  },
  {
    what: "a mapping to a missing function",
    atStart: true,
    files: {
      "monster.cfg": "[python py]\nmodule = faulty\n[loopback l]\n[map]\nl.x > py.faulty.typo\n",
      "faulty.py": `${LATER}def fault(): pass\n`,
    },
    judge: ({ after, output }) => {
      const again = count(after, "again");
      const fact = `${again} calls of an interval of the instance, ${/typo/.test(output) ? "with" : "without"} a message`;
      return [again > 0 ? "ignored" : "silent", fact];
    },
  },
  {
    what: "interval(f, 1)",
    files: {
      "monster.cfg": ALONE,
      "faulty.py": `
import midimonster
def tick(): print("tick", flush=True)
def begin():
    midimonster.interval(begin, 0)
    print("fault", flush=True)
    midimonster.interval(tick, 1)
midimonster.interval(begin, 300)
`,
    },
    judge: ({ after }) => {
      const ticks = count(after, "tick");
      return [ticks > 0 ? "survived" : "silent", `${ticks} calls in two seconds`];
    },
  },
  {
    what: "output() of NaN",
    files: {
      "monster.cfg": "[python py]\nmodule = faulty\n[map]\npy.out > py.faulty.arrived\n",
      "faulty.py": `${LATER}
midimonster.output("out", 0)
def arrived(value):
    if value != value: print("NaN arrived", flush=True)
def fault(): midimonster.output("out", float("nan"))
`,
    },
    judge: (seen) =>
      seen.after.includes("NaN arrived")
        ? ["ignored", "is delivered as a value"]
        : ["survived", `is not delivered, ${traceback(seen, /ValueError/)}`],
  },
];

function ms(time: number): string {
  return `${(time / 1000).toFixed(1)} s`;
}
